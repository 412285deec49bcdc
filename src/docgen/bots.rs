//! Pages of bots: where they are, and what of them comes from the bots' specifications.

use crate::pipeline::{COLLECTOR, GENERIC, Kind, OUTPUT, PARSER, Param, ParamKind, Spec};

/// The lines between which a page is generated.
const BEGIN: &str = "<!-- generated: BLESS=1 cargo test --test it bots_pages -->";
const END: &str = "<!-- end of generated -->";

/// Where a bot's page is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Page {
    /// The folder, such as `experts`.
    pub group: &'static str,
    /// The file's name without its ending, such as `url`.
    pub name: String,
}

impl Page {
    /// Returns the path below `docs/bots`.
    pub fn path(&self) -> String {
        format!("{}/{}.md", self.group, self.name)
    }
}

/// Returns where the page of a module is: `intelmq.bots.collectors.shodan.collector_stream` has `collectors/shodan_stream.md`.
pub fn page_of(spec: &Spec) -> Page {
    let (group, word) = match spec.kind {
        Kind::Collector => ("collectors", "collector"),
        Kind::Parser => ("parsers", "parser"),
        Kind::Expert => ("experts", "expert"),
        Kind::Output => ("outputs", "output"),
    };
    let mut parts = spec.module.rsplit('.');
    let last = parts.next().unwrap_or_default();
    let family = parts.next().unwrap_or_default();
    let special = last.strip_prefix(word).unwrap_or(last).trim_start_matches('_');
    let name = match special {
        "" => family.to_owned(),
        special if special.starts_with(family) => special.to_owned(),
        special => format!("{family}_{special}"),
    };
    Page { group, name }
}

/// Returns the part of a bot's page that its specification tells.
pub fn generated(spec: &Spec) -> String {
    let instances =
        if spec.stateful { "one: it remembers something between messages" } else { "as many as you like" };
    let mut parts = vec![
        format!("{}\n\n| | |\n|---|---|\n", spec.summary),
        format!("| module | `{}` |\n| group | {} |\n", spec.module, spec.kind.group()),
    ];
    if spec.kind != Kind::Output {
        let named = spec.paths.iter().map(|path| path_words(path));
        let paths: Vec<String> = ["`_default`".to_owned()].into_iter().chain(named).collect();
        parts.push(format!("| paths | {} |\n", paths.join(", ")));
    }
    parts.push(format!("| instances | {instances} |\n\n"));
    let beside = if spec.params.is_empty() {
        "It has no parameters of its own, only "
    } else {
        parts.push(table(spec.params));
        "\nBeside these there are "
    };
    let further = match spec.kind {
        Kind::Collector => " and [those of every collector](../README.md#every-collector)",
        Kind::Parser => " and [those of every parser](../README.md#every-parser)",
        Kind::Output => " and [those of every output](../README.md#every-output)",
        Kind::Expert => "",
    };
    parts.push(format!("{beside}[those of every bot](../README.md#every-bot){further}.\n"));
    parts.concat()
}

/// Returns the generated part of the index: the bots by group, and the parameters that bots share.
pub fn index<'a>(specs: impl IntoIterator<Item = &'a Spec>) -> String {
    let mut specs: Vec<(Page, &Spec)> = specs.into_iter().map(|spec| (page_of(spec), spec)).collect();
    specs.sort_by(|(left, _), (right, _)| left.cmp(right));
    let mut parts = Vec::new();
    for (group, title) in
        [("collectors", "Collectors"), ("parsers", "Parsers"), ("experts", "Experts"), ("outputs", "Outputs")]
    {
        parts.push(format!("## {title}\n\n| bot | |\n|---|---|\n"));
        let members = specs.iter().filter(|(page, _)| page.group == group);
        parts.extend(
            members.map(|(page, spec)| {
                format!("| [{}]({}) | {} |\n", page.name, page.path(), cell(spec.summary))
            }),
        );
        parts.push("\n".to_owned());
    }
    for (title, params) in
        [("bot", GENERIC), ("collector", COLLECTOR), ("parser", PARSER), ("output", OUTPUT)]
    {
        let further = if title == "bot" { "" } else { "Further parameters, beside those of every bot.\n\n" };
        parts.push(format!("## Every {title}\n\n{further}{}\n", table(params)));
    }
    parts.concat().trim_end().to_owned() + "\n"
}

/// Puts the generated part into a page, in the place of the one that is there; `None` if the page has no place for it.
pub fn splice(page: &str, generated: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{generated}{END}{after}"))
}

/// Makes a table of parameters.
fn table(params: &[Param]) -> String {
    let row = |param: &Param| {
        let default = match (param.required, param.default) {
            (true, _) => "required".to_owned(),
            (false, "null") => String::new(),
            (false, value) => format!("`{}`", cell(value)),
        };
        format!("| `{}` | {} | {default} | {} |\n", param.name, takes(param.kind), cell(param.doc))
    };
    let head = "| parameter | takes | default | |\n|---|---|---|---|\n".to_owned();
    [head].into_iter().chain(params.iter().map(row)).collect()
}

fn takes(kind: ParamKind) -> String {
    match kind {
        ParamKind::Text => "text".to_owned(),
        ParamKind::Int => "whole number".to_owned(),
        ParamKind::Float => "number".to_owned(),
        ParamKind::Bool => "true or false".to_owned(),
        ParamKind::List => "list".to_owned(),
        ParamKind::Map => "mapping".to_owned(),
        ParamKind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        ParamKind::Any => "see there".to_owned(),
    }
}

fn path_words(path: &str) -> String {
    if path == "*" { "any that its configuration names".to_owned() } else { format!("`{path}`") }
}

/// Writes a text so that it stays in its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: &[Param] = &[
        Param::required("file", ParamKind::Text, "Where it writes."),
        Param::new("mode", ParamKind::Choice(&["a", "b"]), "\"a|b\"", "One | the other."),
        Param::new("more", ParamKind::Any, "null", "Anything."),
    ];

    fn spec(module: &'static str, kind: Kind) -> Spec {
        Spec { module, kind, summary: "Does it.", params: PARAMS, stateful: true, paths: &["*"] }
    }

    #[test]
    fn a_module_has_its_page() {
        for (module, kind, path) in [
            ("intelmq.bots.experts.url.expert", Kind::Expert, "experts/url.md"),
            ("intelmq.bots.collectors.file.collector_file", Kind::Collector, "collectors/file.md"),
            (
                "intelmq.bots.collectors.http.collector_http_stream",
                Kind::Collector,
                "collectors/http_stream.md",
            ),
            (
                "intelmq.bots.collectors.shodan.collector_stream",
                Kind::Collector,
                "collectors/shodan_stream.md",
            ),
            ("intelmq.bots.parsers.generic.parser_csv", Kind::Parser, "parsers/generic_csv.md"),
        ] {
            assert_eq!(page_of(&spec(module, kind)).path(), path);
        }
    }

    #[test]
    fn a_specification_becomes_tables() {
        let expected = "Does it.\n\n| | |\n|---|---|\n| module | `intelmq.bots.experts.x.expert` |\n| group | Expert |\n\
            | paths | `_default`, any that its configuration names |\n| instances | one: it remembers something between messages |\n\n\
            | parameter | takes | default | |\n|---|---|---|---|\n| `file` | text | required | Where it writes. |\n\
            | `mode` | `a`, `b` | `\"a\\|b\"` | One \\| the other. |\n| `more` | see there |  | Anything. |\n\n\
            Beside these there are [those of every bot](../README.md#every-bot).\n";
        assert_eq!(generated(&spec("intelmq.bots.experts.x.expert", Kind::Expert)), expected);
    }

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let page = format!("# x\n\n{BEGIN}\nold\n{END}\n\nText.\n");
        assert_eq!(splice(&page, "new\n").unwrap(), format!("# x\n\n{BEGIN}\nnew\n{END}\n\nText.\n"));
        assert_eq!(splice("# x\n", "new\n"), None);
    }
}
