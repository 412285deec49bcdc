use super::*;
use crate::diagnostic::{Style, render as show};

fn variables() -> Variables {
    let mut variables = Variables::example(["reports"], ["api_key"]);
    variables.lab_in = "/users/o'brien/my \"lab\": #1\\x/in".into();
    variables
}

fn rendered(template: &str) -> String {
    match render(&Source::new("runtime.yaml.j2", template), &variables()) {
        Ok(text) => text,
        Err(problems) => panic!("{}", show(&problems, Style::Plain)),
    }
}

fn refused(template: &str) -> String {
    match render(&Source::new("runtime.yaml.j2", template), &variables()) {
        Ok(text) => panic!("was rendered: {text}"),
        Err(problems) => show(&problems, Style::Plain),
    }
}

#[test]
fn a_value_stays_one_yaml_value_whatever_it_holds() {
    let path = variables().lab_in;
    for template in [
        "path: \"{{ lab.in }}/x\"\n",
        "path: '{{ lab.in }}/x'\n",
        "- [a, \"{{lab.in}}/x\"]\n",
        "path: \"\\\"{{ lab.in }}/x\"\n",
        "it's: '{{ lab.in }}/x'\n",
    ] {
        let value: serde_json::Value = serde_yaml::from_str(&rendered(template)).unwrap();
        let found = match &value {
            serde_json::Value::Object(map) => map.values().next().unwrap(),
            serde_json::Value::Array(list) => &list[0][1],
            other => panic!("{other}"),
        };
        assert_eq!(found.as_str().unwrap().trim_start_matches('"'), format!("{path}/x"), "{template}");
    }
}

#[test]
fn lines_of_the_template_are_lines_of_the_file() {
    let template = "# {{ lab.in }}\nport: {{ service.reports.port }}\nkey: {{ secret.api_key }}\n\nx: '{{ \"{{\" }}'\n\n";
    let text = rendered(template);
    assert_eq!(text.lines().count(), template.lines().count());
    assert_eq!(text.lines().nth(1), Some("port: 20000"));
    assert_eq!(text.lines().nth(4), Some("x: '{{'"));
    assert!(text.ends_with("\n\n"));
}

#[test]
fn every_problem_is_told_with_its_place() {
    let templates = [
        "a: \"{{ lab.inn }}\"\nb: {{ lab.in }}\nc: {{ service.report.url }}\n{% if x %}\nd: 1 {# no #}\n",
        "a: \"{{ lab.in | upper }}\"\nb: {{ lab.in\nc: {{ }}\nd: {{ 1 }}\n",
        "a: {{ lab.in }}/x\n",
    ];
    insta::assert_snapshot!(templates.map(refused).join("=====\n"));
}

#[test]
fn a_line_break_in_a_value_is_refused() {
    let mut variables = variables();
    variables.lab_out = "/lab\nmodule: evil".into();
    let template = Source::new("t", "a: \"{{ lab.out }}\"\n");
    let problems = render(&template, &variables).unwrap_err();
    assert_eq!(problems[0].code, "template-value");
}

#[test]
fn the_example_values_have_every_name() {
    let variables = Variables::example(["reports"], ["api_key"]);
    for name in variables.names() {
        assert!(variables.get(&name).is_some(), "{name}");
        assert!(fill(&format!("x {{{{ {name} }}}}"), &variables).is_ok(), "{name}");
    }
}

#[test]
fn plain_text_is_filled_without_escapes() {
    assert_eq!(
        fill("say \"{{ lab.in }}\"", &variables()).unwrap(),
        format!("say \"{}\"", variables().lab_in)
    );
}

#[test]
fn a_place_in_the_rendered_file_is_found_in_the_template() {
    let template = Source::new(
        "t",
        "a: 1\nkey: \"{{ lab.in }}/x\" # ü\nb: {{ service.reports.port }}{{ secret.api_key }}\n",
    );
    let mut variables = variables();
    variables.lab_in = "/ü".into();
    let rendered = Source::new("t", render(&template, &variables).unwrap());
    for (part, origin) in [
        ("key", "key"),
        ("/ü", "{{ lab.in }}"),
        ("\"/ü/x\"", "\"{{ lab.in }}/x\""),
        ("x\"", "x\""),
        ("# ü", "# ü"),
        ("20000", "{{ service.reports.port }}{{ secret.api_key }}"),
        ("a: 1", "a: 1"),
    ] {
        let start = rendered.text().find(part).unwrap();
        let at = rendered.at(Span { start, end: start + part.len() });
        let problem =
            to_template(&template, Diagnostic::error("template-value", "x").at(at.clone()).related(at, "y"));
        for place in [problem.at.unwrap(), problem.related[0].0.clone()] {
            assert_eq!(place.source, template);
            assert_eq!(&template.text()[place.span.start..place.span.end], origin, "{part}");
        }
    }
    let elsewhere = Source::new("other", "a: 1").at(Span { start: 0, end: 1 });
    let problem = to_template(&template, Diagnostic::error("template-value", "x").at(elsewhere.clone()));
    assert_eq!(problem.at, Some(elsewhere));
}

proptest::proptest! {
    #[test]
    fn no_value_changes_the_file_around_it(value in "\\PC{0,20}", quote in "[\"' ]") {
        let mut variables = variables();
        variables.lab_in.clone_from(&value);
        let quote = quote.trim();
        let template = Source::new("t", format!("a: [{quote}x{{{{ lab.in }}}}y{quote}, z]\nb: 1\n"));
        if let Ok(text) = render(&template, &variables) {
            let read: serde_json::Value = serde_yaml::from_str(&text).unwrap();
            proptest::prop_assert_eq!(read, serde_json::json!({"a": [format!("x{value}y"), "z"], "b": 1}));
        } else {
            proptest::prop_assert!(quote.is_empty() || value.chars().any(breaks), "{}", value);
        }
    }
}
