use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::KNOWN;
use crate::playbook::folder::{Folder, FolderError, allowed};
use crate::playbook::{Catalog, CatalogError, Entry, lint, stamp};

/// A copy of the mini course that a test may change.
struct Course {
    dir: TempDir,
}

impl Course {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mini-course"), dir.path());
        Course { dir }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn entry(&self, id: &str) -> Entry {
        Catalog::only_folder(&self.path("playbooks")).unwrap().find(id).unwrap().clone()
    }

    /// Returns the codes of what lint finds.
    fn codes(&self, id: &str) -> Vec<&'static str> {
        lint(&self.entry(id), KNOWN).iter().map(|problem| problem.code).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn no_path_leads_out_of_a_folder() {
    for path in ["", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "./a", "a\\b", "a\nb", "a/"] {
        assert!(allowed(path).is_err(), "{path:?}");
    }
    for path in ["a", "a/b.csv", "a..b", "…/ä ö.csv", "a:b"] {
        assert_eq!(allowed(path), Ok(()), "{path:?}");
    }
    let course = Course::new();
    let folder = Folder::on_disk("x", course.path("playbooks/passes"));
    symlink(course.path("README.md"), course.path("playbooks/passes/link.md")).unwrap();
    symlink(course.path("sample-data"), course.path("playbooks/passes/data")).unwrap();
    for path in ["link.md", "data/2026-01-15-scan_telnet-lab.csv"] {
        assert!(matches!(folder.read(path), Err(FolderError::Path { .. })), "{path}");
    }
    assert!(matches!(folder.read("nothing"), Err(FolderError::Missing(_))));
    assert!(folder.read("steps/01-rows.md").is_ok());
    assert_eq!(course.codes("passes"), ["unused-file", "unused-file"]);
}

#[test]
fn a_folder_wins_over_what_is_built_in_and_its_samples_come_first() {
    let course = Course::new();
    let catalog = Catalog::with_folder(&course.path("playbooks")).unwrap();
    let built_in = Catalog::built_in().entries().count();
    assert_eq!(catalog.entries().count(), built_in + 3);
    let entry = catalog.find("passes").unwrap();
    let before = entry.samples.read("2026-01-15-scan_telnet-lab.csv").unwrap();
    course.write("sample-data/own.csv", "ip\n192.0.2.1\n");
    assert_eq!(entry.samples.read("own.csv").unwrap(), b"ip\n192.0.2.1\n");
    assert!(!before.is_empty() && entry.samples.names().contains(&"own.csv".to_owned()));
    assert!(matches!(entry.samples.read("../README.md"), Err(FolderError::Path { .. })));
    for entry in Catalog::built_in().entries().take(1) {
        copy(&course.path("playbooks/passes"), &course.path(&format!("more/{}", entry.id)));
        let catalog = Catalog::with_folder(&course.path("more")).unwrap();
        assert!(!catalog.find(&entry.id).unwrap().built_in);
    }
}

#[test]
fn a_playbook_alone_is_a_folder_with_playbooks_too() {
    let course = Course::new();
    let catalog = Catalog::only_folder(&course.path("playbooks/passes")).unwrap();
    let ids: Vec<&str> = catalog.entries().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["passes"]);
    assert!(catalog.find("passes").unwrap().load().is_ok(), "its samples are beside the folder around it");
    for folder in ["nowhere", "sample-data"] {
        let error = Catalog::only_folder(&course.path(folder)).unwrap_err();
        assert!(matches!(error, CatalogError::Folder { .. }), "{error}");
    }
}

#[test]
fn a_stale_translation_is_named() {
    let course = Course::new();
    let step = |number: &str| {
        fs::read_to_string(course.path(&format!("playbooks/passes/steps/{number}.md"))).unwrap()
    };
    let about = stamp("Rows and events\nYou can say what becomes of a row.");
    let texts = [
        (
            "playbook.md",
            format!("<!-- of {about} -->\n# Zeilen und Ereignisse\n\nWas aus einer Zeile wird.\n"),
        ),
        (
            "steps/01-rows.md",
            format!("<!-- of {} -->\n# Zwei Zeilen\n\nEin Report hat Zeilen.\n", stamp(&step("01-rows"))),
        ),
        (
            "steps/02-broken-row.md",
            "<!-- of 00000000 -->\n# Eine kaputte Zeile\n\nSie geht in den Dump.\n".to_owned(),
        ),
    ];
    for (path, text) in &texts {
        course.write(&format!("playbooks/passes/translations/de/{path}"), text);
    }
    assert_eq!(course.codes("passes"), ["translation-stale"]);
    let playbook = course.entry("passes").load().unwrap();
    assert_eq!(playbook.languages(), ["de"]);
    let (translation, problems) = playbook.translation("de");
    assert_eq!(translation.title, "Zeilen und Ereignisse");
    assert_eq!(translation.summary, "Was aus einer Zeile wird.");
    assert_eq!(translation.steps["rows"].title, "Zwei Zeilen");
    assert!(problems[0].help[0].contains(&stamp(&step("02-broken-row"))));
    fs::remove_file(course.path("playbooks/passes/translations/de/steps/01-rows.md")).unwrap();
    assert_eq!(course.codes("passes"), ["translation-missing", "translation-stale"]);
}

#[test]
fn a_change_of_the_botnet_counts_from_its_step_on() {
    let course = Course::new();
    let path = "playbooks/passes/playbook.yaml";
    let text = fs::read_to_string(course.path(path)).unwrap();
    let expert = "      - configure:\n          new-expert:\n            module: intelmq.bots.experts.taxonomy.expert\n            group: Expert\n            parameters: {destination_queues: {_default: [file-output-queue]}}\n          shadowserver-parser: {parameters: {destination_queues: {_default: [new-expert-queue]}}}\n      - reload: new-expert\n";
    let second = text.rfind("    do:\n").unwrap() + "    do:\n".len();
    course.write(path, &format!("{}{expert}{}", &text[..second], &text[second..]));
    assert_eq!(course.codes("passes"), [""; 0]);
    let first = text.find("    do:\n").unwrap() + "    do:\n".len();
    let misspelt = "      - configure: {shadowserver-parsr: {parameters: {x: \"{{ lab.inn }}\"}}}\n      - reload: new-expert\n";
    course.write(
        path,
        &format!("{}{misspelt}{}{expert}{}", &text[..first], &text[first..second], &text[second..]),
    );
    assert_eq!(course.codes("passes"), ["template-name", "unknown-bot", "unknown-bot"]);
}

#[test]
fn what_is_wrong_with_a_file_is_told_once() {
    let course = Course::new();
    let botnet = "playbooks/passes/runtime.yaml.j2";
    let good = fs::read_to_string(course.path(botnet)).unwrap();
    fs::remove_file(course.path(botnet)).unwrap();
    assert_eq!(course.codes("passes"), ["missing-file"]);
    course.write(
        botnet,
        &good.replace("group: Parser", "group: Parsers").replace("  parameters:", "  params:"),
    );
    let problems = lint(&course.entry("passes"), KNOWN);
    assert!(
        problems.iter().all(|problem| problem.at.as_ref().unwrap().source.name().contains("runtime")),
        "{problems:?}"
    );
    fs::write(course.path(botnet), b"\xff").unwrap();
    assert_eq!(course.codes("passes"), ["not-text"]);
    course.write(botnet, &good);
    fs::remove_file(course.path("playbooks/passes/expected/rows.jsonl")).unwrap();
    course.write("playbooks/passes/expected/rows.json", "{}\n");
    assert_eq!(course.codes("passes"), ["missing-file", "unused-file"]);
    fs::remove_file(course.path("playbooks/passes/expected/rows.json")).unwrap();
    course.write("playbooks/passes/expected/rows.jsonl", "{}\n[]\n{\n");
    assert_eq!(course.codes("passes"), ["golden-line", "golden-line"]);
    fs::remove_file(course.path("playbooks/passes/playbook.yaml")).unwrap();
    assert!(Catalog::only_folder(&course.path("playbooks/passes")).is_err());
}

#[test]
fn a_new_word_stands_in_the_glossary() {
    let course = Course::new();
    let path = "playbooks/passes/steps/01-rows.md";
    let text = fs::read_to_string(course.path(path)).unwrap();
    course.write(path, &text.replace("the parser", "the **frobnicator** `**not this**`"));
    assert_eq!(course.codes("passes"), ["glossary"]);
    course.write("playbooks/glossary.md", "- **frobnicator**: what it is.\n");
    assert_eq!(course.codes("passes"), [""; 0], "the words that are built in stay known");
}
