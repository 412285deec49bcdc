//! The rules of the house, held by reading the source. ARCHITECTURE.md says why each of them is there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// One source file as the rules see it.
struct File {
    /// The path below the project's folder, with `/`.
    path: String,
    /// The whole text.
    text: String,
    /// The text without comments and without what stands under `#[cfg(test)]`; lines stay where they are.
    code: String,
    /// Whether it is compiled for tests only.
    test: bool,
}

impl File {
    /// The top-level module it belongs to; `lib` and `main` are their own.
    fn module(&self) -> &str {
        let below = self.path.trim_start_matches("src/");
        below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
    }

    /// How many modules stand between its items and the crate's root.
    fn depth(&self) -> usize {
        self.path.trim_start_matches("src/").trim_end_matches("/mod.rs").split('/').count()
    }

    fn is_test(&self) -> bool {
        self.test
    }

    /// Finds a pattern in the code, as `path:line: what matched`.
    fn find(&self, pattern: &Regex) -> Vec<String> {
        let lines = self.code.lines().enumerate();
        lines
            .flat_map(|(number, line)| pattern.find_iter(line).map(move |found| (number + 1, found.as_str())))
            .map(|(number, found)| format!("{}:{number}: {found}", self.path))
            .collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "rs")
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

/// Lists the files below a folder, sorted, as paths below the project's folder.
fn walk(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let hidden = name.to_string_lossy().starts_with('.') && name != ".ci" && name != ".github";
            if hidden || path == root().join("target") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(relative(&path));
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

fn sources() -> &'static [File] {
    static SOURCES: LazyLock<Vec<File>> = LazyLock::new(read_sources);
    &SOURCES
}

fn read_sources() -> Vec<File> {
    let paths: Vec<String> = walk("src").into_iter().filter(|path| is_rust(path)).collect();
    let tests: Vec<String> = paths.iter().flat_map(|path| test_modules(path, &read(path))).collect();
    let file = |path: String| {
        let text = read(&path);
        let code = without_tests(&without_comments(&text));
        let module = path.trim_end_matches(".rs");
        let is_test = tests.iter().any(|test| module == test || module.starts_with(&format!("{test}/")));
        File { path, text, code, test: is_test }
    };
    paths.into_iter().map(file).collect()
}

/// Returns the modules that a file declares for tests only, as paths without an end.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    static DECLARED: LazyLock<Regex> =
        LazyLock::new(|| regex(r"#\[cfg\((?:all\()?test\b[^\n]*\]\s*(?:pub(?:\(\w+\))? )?mod (\w+);"));
    let folder = match path.rsplit_once('/') {
        Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
        _ => path.trim_end_matches(".rs").to_owned(),
    };
    DECLARED.captures_iter(text).map(|found| format!("{folder}/{}", &found[1])).collect()
}

/// Blanks out comments. Good enough for our own code: a `//` within a string is taken for one unless `:` stands before it.
fn without_comments(text: &str) -> String {
    static COMMENT: LazyLock<Regex> = LazyLock::new(|| regex(r"(^|[^:])//.*$"));
    text.lines().map(|line| COMMENT.replace(line, "$1").into_owned() + "\n").collect()
}

/// Blanks out what `#[cfg(test)]` stands before: up to the `;`, or the brace that closes it at the same indent.
fn without_tests(text: &str) -> String {
    let mut out = String::new();
    let mut closing: Option<String> = None;
    let mut pending: Option<String> = None;
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if let Some(end) = &closing {
            if line == end {
                closing = None;
            }
        } else if line.trim_start().starts_with("#[cfg(test)]")
            || line.trim_start().starts_with("#[cfg(all(test")
        {
            pending = Some(format!("{indent}}}"));
        } else if let Some(end) = &pending {
            if line.ends_with('{') {
                closing.clone_from(&Some(end.clone()));
                pending = None;
            } else if line.ends_with(';') || line.ends_with('}') {
                pending = None;
            }
        } else {
            out += line;
        }
        out.push('\n');
    }
    out
}

/// The modules in the order of `src/lib.rs`.
fn layers() -> Vec<String> {
    let lib = read("src/lib.rs");
    let module = regex(r"(?m)^pub mod (\w+);");
    module.captures_iter(&lib).map(|found| found[1].to_owned()).collect()
}

/// Fails with every violation of a rule at once.
#[track_caller]
fn hold(rule: &str, violations: impl IntoIterator<Item = String>) {
    let violations: Vec<String> = violations.into_iter().collect();
    assert!(violations.is_empty(), "{rule}:\n  {}\n", violations.join("\n  "));
}

/// Imports in which other rules would not see what is named.
const GROUP: &str = r"\b(?:crate|std)::\{";

#[test]
fn a_module_names_only_modules_above_it() {
    let layers = layers();
    let place = |name: &str| layers.iter().position(|layer| layer == name);
    let named = regex(r"\bcrate::(\w+)");
    let up = regex(r"(?:super::)+");
    let group = regex(GROUP);
    let mut violations = Vec::new();
    for file in sources().iter().filter(|file| !file.is_test() && place(file.module()).is_some()) {
        let own = place(file.module());
        for (number, line) in file.code.lines().enumerate() {
            let at = format!("{}:{}", file.path, number + 1);
            for found in named.captures_iter(line) {
                if place(&found[1]).is_some_and(|other| Some(other) > own) {
                    violations.push(format!("{at}: names {}", &found[1]));
                }
            }
            let climbs = up.find_iter(line).map(|found| found.len() / "super::".len()).max().unwrap_or(0);
            if climbs >= file.depth() {
                violations.push(format!("{at}: reaches the root by super::, write crate::"));
            }
            if group.is_match(line) {
                violations.push(format!("{at}: one `use` for each module of the crate and of std"));
            }
        }
    }
    hold("a module names only modules that stand above it in src/lib.rs", violations);
}

/// Who must not name what, beyond the order of layers.
const ABSENCES: &[(&str, &str, &str)] = &[
    ("src/bots/", r"\bcrate::broker\b", "a bot knows no broker, queue or acknowledgement"),
    (
        "src/runtime/",
        r"\bcrate::(playbook|template|check)\b",
        "the runtime is given a pipeline and never reads a playbook",
    ),
    ("src/check/", r"\bstd::(fs|net|process|env)\b|\bFile::(open|create)\b", "a check is pure"),
    ("src/plan/", r"\bstd::(fs|net|process|env)\b|\bFile::(open|create)\b", "a plan is pure"),
    (
        "src/seed/",
        r"\bcrate::(bots|broker|plan|target)\b|\bcrate::runtime::[^c]|\bstd::(net|process)\b",
        "feeds go in through the control service",
    ),
    (
        "src/observe/",
        r"\bcrate::(bots|broker|plan|target)\b|\bcrate::runtime::[^c]|\bstd::(fs|net|process)\b",
        "what is observed comes through the control service",
    ),
    ("src/template/", r"\bstd::(net|process|env)\b", "a template sees what it is given"),
    ("src/api/", r"\bcrate::cli\b", "the API and the command line are twins that do not know each other"),
    ("src/web/", r"\bcrate::cli\b", "the page talks to the API"),
];

#[test]
fn what_must_stay_absent_is_absent() {
    let mut violations = Vec::new();
    for (folder, pattern, why) in ABSENCES {
        let pattern = regex(pattern);
        for file in sources().iter().filter(|file| file.path.starts_with(folder) && !file.is_test()) {
            violations.extend(file.find(&pattern).into_iter().map(|found| format!("{found} ({why})")));
        }
    }
    let render = regex(r"(?s)fn render\([^;{]*\{.*?\n    \}");
    let acts = regex(r"\bfs::|\bFile::|\bCommand\b|\benv::|\bSystemTime\b|\bInstant\b");
    for file in sources().iter().filter(|file| file.path.starts_with("src/target/") && !file.is_test()) {
        for body in render.find_iter(&file.code) {
            let found = acts.find_iter(body.as_str());
            violations.extend(
                found.map(|found| format!("{}: render names {} (it is pure)", file.path, found.as_str())),
            );
        }
    }
    let api = regex(r"\bcrate::api\b");
    for file in sources().iter().filter(|file| file.module() == "cli") {
        if !["src/cli/serve.rs", "src/cli/botnet.rs"].contains(&&*file.path) {
            violations.extend(file.find(&api));
        }
    }
    hold("what ARCHITECTURE.md lists as absent is absent", violations);
}

/// Files below the edges that may write to a standard stream, with the reason.
const MAY_PRINT: &[(&str, &str)] = &[("src/runtime/log", "a bot's log may go to standard error")];

#[test]
fn nothing_below_the_edges_prints_or_exits() {
    let edges = ["report", "cli", "api", "web", "main", "lib"];
    let prints = r"\be?print(ln)?!|\bdbg!|\bio::std(out|err)\b|\bstd(out|err)\(\)|\bprocess::(exit|abort)\b|\banstream\b";
    let prints = regex(prints);
    let below = sources().iter().filter(|file| !edges.contains(&file.module()) && !file.is_test());
    let strict = below.filter(|file| !MAY_PRINT.iter().any(|(path, _)| file.path.starts_with(path)));
    hold("only report, cli and api talk to the user", strict.flat_map(|file| file.find(&prints)));
}

/// Libraries that are words of the whole project. Every other one is named by a single module, so that it can be replaced there.
const SHARED: &[&str] = &[
    "serde",
    "serde_json",
    "thiserror",
    "regex",
    "jiff",
    "base64",
    "tempfile",
    "rustix",
    "tokio",
    "anstyle",
    "anstream",
    "unicode_width",
    "utoipa",
    "axum",
    "sha2",
    "xxhash_rust",
];

/// Libraries that two modules name, for a reason.
const NAMED_TWICE: &[(&str, &[&str], &str)] = &[
    (
        "minijinja",
        &["bots", "template"],
        "the jinja expert's templates are the user's, a playbook's are ours",
    ),
    ("serde_yaml", &["diagnostic", "pipeline"], "values are read in one place and written in the other"),
    ("reqwest", &["bots", "runtime"], "bots fetch feeds, and the control service is asked"),
    ("rdkafka", &["bots", "broker"], "a bot reads and writes a topic, the broker makes queues of topics"),
    (
        "futures_util",
        &["api", "broker", "target"],
        "streams of the API, and what the clients of a broker and of the container engine stream",
    ),
    ("include_dir", &["playbook", "web"], "playbooks and the page are each a folder that is built in"),
    ("signal_hook", &["cli", "runtime"], "a command and a botnet each end in order"),
    // What bots speak, services of a lab answer; each stands on its own, as two programs would.
    (
        "tar",
        &["bots", "target"],
        "a collector unpacks reports, and what goes into an image or a volume is packed",
    ),
    ("flate2", &["bots", "service"], "collectors unpack what feeds pack"),
    ("hmac", &["bots", "service"], "collectors sign what feeds verify"),
    ("tokio_rustls", &["bots", "service"], "a database is spoken to over TLS, and feeds are served over it"),
    ("ipnet", &["bots", "service"], "experts look networks up, and feeds are asked for them"),
    (
        "rustls",
        &["bots", "service", "tls"],
        "bots trust, services are trusted, and both have one cryptography",
    ),
];

/// Libraries that nothing uses yet. The first use takes one off this list.
const COMING: &[&str] = &[];

#[test]
fn one_module_names_each_client_library() {
    let mut violations = Vec::new();
    let files = sources();
    for name in dependencies("dependencies").iter().map(|name| name.replace('-', "_")) {
        if SHARED.contains(&&*name) {
            continue;
        }
        let pattern = regex(&format!(r"\b{name}::|\buse {name}\b"));
        let users = files.iter().filter(|file| !file.is_test() && !file.find(&pattern).is_empty());
        let modules: BTreeSet<&str> = users.map(File::module).collect();
        let allowed =
            NAMED_TWICE.iter().find(|(library, ..)| *library == name).map(|(_, modules, _)| *modules);
        let stray = modules.iter().filter(|module| allowed.is_none_or(|allowed| !allowed.contains(module)));
        if modules.len() > 1 && stray.count() > 0 {
            violations.push(format!("{name} is named by {}", Vec::from_iter(modules).join(", ")));
        } else if modules.is_empty() && !COMING.contains(&&*name) {
            violations.push(format!("{name} is named by no module: take it out of Cargo.toml"));
        } else if !modules.is_empty() && COMING.contains(&&*name) {
            violations.push(format!("{name} is in use: take it off COMING"));
        }
    }
    hold("one module names each library that is not a word of the whole project", violations);
}

/// The names in one table of Cargo.toml.
fn dependencies(table: &str) -> Vec<String> {
    let manifest = read("Cargo.toml");
    let lines = manifest.lines().skip_while(|line| *line != format!("[{table}]")).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().to_owned()).collect()
}

#[test]
fn direct_dependencies_stay_few() {
    let count = dependencies("dependencies").len();
    assert!(count > 10, "Cargo.toml was not read");
    assert!(count <= 56, "{count} direct dependencies, at most 56");
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut violations = Vec::new();
    for file in sources() {
        let kept = without_tests(&file.text);
        let pairs = file.text.lines().zip(kept.lines());
        let all = pairs.filter(|(line, kept)| line == kept).count();
        if !file.is_test() && all > 400 {
            violations.push(format!("{}: {all} lines without tests, at most 400", file.path));
        }
        let head = file.text.lines().take_while(|line| line.starts_with("//!")).count();
        if !file.is_test() && !(1..=5).contains(&head) {
            violations.push(format!("{}: opens with {head} lines of `//!`, wanted are 1 to 5", file.path));
        }
    }
    hold("files are short and open with what they are", violations);
}

#[test]
fn nothing_waits_by_sleeping() {
    let sleep = regex(r"\bthread::sleep\b");
    let all = ["src", "tests", "benches", "examples"].into_iter().flat_map(walk);
    let all = all.filter(|path| is_rust(path) && !path.ends_with("tidy.rs"));
    let files =
        all.map(|path| File { text: String::new(), code: without_comments(&read(&path)), path, test: false });
    hold("wait for a condition with a deadline", files.flat_map(|file| file.find(&sleep)));
}

/// What betrays the machine that something was written on, or ties the project to one place to fetch things from.
const FOREIGN: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/wo", "rk/"),
    concat!("/tm", "p/lab"),
    concat!("/tm", "p/wt"),
    concat!("static.crat", "es.io"),
    concat!("index.crat", "es.io"),
    concat!("py", "pi.org"),
    concat!("pythonho", "sted.org"),
    concat!("registry.np", "mjs"),
    concat!("deb.deb", "ian.org"),
    concat!("maven.apa", "che.org"),
    concat!("repo1.ma", "ven"),
    concat!("ghc", "r.io"),
    concat!("qua", "y.io"),
    concat!("registry-1.doc", "ker.io"),
];

#[test]
fn nothing_names_a_machine_or_a_registry() {
    let mut violations = Vec::new();
    for path in walk("").into_iter().filter(|path| path != "Cargo.lock") {
        let bytes = std::fs::read(root().join(&path)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        for (number, line) in text.lines().enumerate() {
            for foreign in FOREIGN.iter().filter(|foreign| line.contains(**foreign)) {
                violations.push(format!("{path}:{}: {foreign}", number + 1));
            }
        }
    }
    hold("no absolute path of a machine and no registry host in the tree", violations);
}

/// What a publisher calls itself in its own interface, which a playbook is named after: the file, and the text there.
const PUBLISHERS: &[(&str, &str)] = &[("src/service/shodan_stream.rs", "/shodan/")];

#[test]
fn no_playbook_is_named_in_the_source() {
    let ids: BTreeSet<String> = walk("playbooks")
        .into_iter()
        .filter_map(|path| path.strip_suffix("/playbook.yaml")?.strip_prefix("playbooks/").map(str::to_owned))
        .collect();
    let mut violations = Vec::new();
    for id in ids {
        // As an argument, a path or a name of its own; `intelmq.bots.parsers.ID`, `ID-schema.json` and a feed's name are others.
        let pattern = regex(&format!(r#"["` /]{}["` /]"#, regex::escape(&id)));
        for file in sources().iter().filter(|file| !file.is_test() && file.module() != "bots") {
            let own = |line: &String| {
                let mut published = PUBLISHERS.iter().filter(|(path, _)| *path == file.path);
                published.any(|(_, text)| line.ends_with(&format!(": {text}")))
            };
            violations.extend(file.find(&pattern).into_iter().filter(|line| !own(line)));
        }
    }
    hold("a playbook is data: its id stands nowhere in src/", violations);
}

#[test]
fn every_bot_is_a_file_and_a_line_in_its_registry() {
    let mut violations = Vec::new();
    let spec = regex(r"\bpub(\(\w+\))? (const|static) SPEC\b");
    for group in ["collectors", "parsers", "experts", "outputs"] {
        let folder = format!("src/bots/{group}");
        let registry = without_tests(&read(&format!("{folder}/mod.rs")));
        let declared = names(&registry, r"(?m)^(?:pub )?mod (\w+);");
        let listed = names(&registry, r"(?:&\s*)?(\w+)::SPEC\b");
        let mut violation = |name: &str, what: &str| violations.push(format!("{folder}: {name} {what}"));
        for name in listed.difference(&declared) {
            violation(name, "is listed but not declared");
        }
        for file in modules_in(&folder).difference(&declared) {
            violation(file, "is a file but not declared");
        }
        for name in &declared {
            let text = read(&format!("{folder}/{name}.rs")) + &read(&format!("{folder}/{name}/mod.rs"));
            let is_bot = spec.is_match(&text);
            if is_bot && !listed.contains(name) {
                violation(name, "has a SPEC that is not listed");
            }
        }
    }
    hold("a bot is its file and two adjacent lines in its registry", violations);
}

#[test]
fn every_report_is_a_file_and_a_line_in_its_registry() {
    let registry = read("src/report/mod.rs");
    let listed = names(&registry, r#"Format \{ name: "(\w+)""#);
    let mut files = modules_in("src/report");
    files.remove("sink");
    files.remove("spinner");
    files.remove("tests");
    assert_eq!(files, listed);
}

#[test]
fn every_command_is_a_file_and_has_a_test() {
    let args = read("src/cli/args.rs");
    let commands = names(&args, r"(?m)^    \w+\((\w+)::Args\),");
    assert!(commands.len() > 5, "src/cli/args.rs was not read");
    let missing = commands.iter().flat_map(|name| {
        let test = read(&format!("tests/cmd/{name}.trycmd"));
        let help = regex(&format!(r"(?m)^\$ intelmq-lab {name} .*--help$"));
        let file = (!modules_in("src/cli").contains(name)).then(|| format!("{name}: no file in src/cli"));
        let test = (!help.is_match(&test)).then(|| format!("{name}: no help in tests/cmd/{name}.trycmd"));
        file.into_iter().chain(test)
    });
    hold("a command is its file, its line in args.rs, and its test", missing);
}

fn names(text: &str, pattern: &str) -> BTreeSet<String> {
    regex(pattern).captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// The modules of a folder: its files and its folders with a `mod.rs`.
fn modules_in(folder: &str) -> BTreeSet<String> {
    let prefix = format!("{folder}/");
    let below = walk(folder).into_iter().filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned));
    let named = below.filter_map(|path| match path.split_once('/') {
        None => path.strip_suffix(".rs").map(str::to_owned),
        Some((name, "mod.rs")) => Some(name.to_owned()),
        Some(_) => None,
    });
    named.filter(|name| name != "mod").collect()
}

/// The rules must see what they are about, or they hold for nothing.
#[test]
fn the_rules_see_the_code() {
    let sample =
        "//! Doc.\nuse crate::a; // crate::b\n#[cfg(test)]\nmod tests {\n    use crate::c;\n}\nfn d() {}\n";
    let code = without_tests(&without_comments(sample));
    let file = File { path: "src/x/y.rs".to_owned(), text: sample.to_owned(), code, test: false };
    assert_eq!(file.find(&regex(r"crate::\w+")), ["src/x/y.rs:2: crate::a"]);
    assert_eq!(file.find(&regex("fn d")), ["src/x/y.rs:7: fn d"]);
    assert_eq!((file.module(), file.depth()), ("x", 2));
    for (line, is_group) in
        [("use std::{fs, io};", true), ("use crate::{a, b};", true), ("use std::fs;", false)]
    {
        assert_eq!(regex(GROUP).is_match(line), is_group, "{line}");
    }
    assert_eq!(test_modules("src/x/mod.rs", "#[cfg(test)]\npub(crate) mod contract;\n"), ["src/x/contract"]);
    assert_eq!(test_modules("src/x/y.rs", "#[cfg(test)]\nmod tests;\nmod z;\n"), ["src/x/y/tests"]);
    let files = sources();
    let seen: BTreeSet<&str> = files.iter().map(File::module).collect();
    let layers = layers();
    assert!(
        layers.len() > 10 && layers.iter().all(|layer| seen.contains(&**layer)),
        "{layers:?} against {seen:?}"
    );
}
