use super::*;
use crate::playbook::Catalog;

const HEAD: &str = "format: 1\nid: monday\ntitle: Monday\nsummary: A test.\nlevel: beginner\nminutes: 1\n";
const STEP: &str =
    "steps:\n  - {id: one, title: T, say: S, hint: [H], expect: [{queue: {name: q, depth: 1}}]}\n";

/// Loads a playbook with a template and more keys in its head.
fn load(template: &str, more: &str) -> Playbook {
    let folder = tempfile::tempdir().unwrap();
    let playbook = folder.path().join("monday");
    std::fs::create_dir(&playbook).unwrap();
    let text = format!("{HEAD}botnet: runtime.yaml.j2\n{more}{STEP}");
    std::fs::write(playbook.join("playbook.yaml"), text).unwrap();
    std::fs::write(playbook.join("runtime.yaml.j2"), template).unwrap();
    Catalog::only_folder(folder.path()).unwrap().find("monday").unwrap().load().unwrap()
}

/// Plans a playbook with a template and more keys in its head.
fn planned(template: &str, more: &str, secrets: &[(&str, &str)]) -> Result<Plan, PlanError> {
    let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let given = Given { lab: "here".to_owned(), folder: "/labs/here".into(), secrets, ..Given::default() };
    plan(&load(template, more), choose(&Wish::default()).unwrap(), &given)
}

#[test]
fn a_template_sees_the_lab_and_its_secrets() {
    let template = "a:\n  in: \"{{ lab.in }}\"\n  out: \"{{ lab.out }}\"\n  key: {{ secret.api_key }}\n";
    let secrets = "secrets: [api_key]\n";
    let with =
        |secrets_given: &[(&str, &str)]| planned(template, secrets, secrets_given).unwrap().files.remove(0);
    let file = with(&[("api_key", "s3cret")]);
    assert_eq!(file.path, "etc/runtime.yaml");
    let text = |file: PlanFile| String::from_utf8(file.content).unwrap();
    assert_eq!(text(file), "a:\n  in: \"/labs/here/in\"\n  out: \"/labs/here/out\"\n  key: s3cret\n");
    assert!(text(with(&[])).contains("key: SECRET-api_key"), "what is not known gets a placeholder");
}

#[test]
fn a_template_that_cannot_be_filled_in_is_refused_with_its_place() {
    let Err(PlanError::Invalid(problems)) = planned("a: \"{{ lab.inn }}\"\n", "", &[]) else {
        panic!("it was planned")
    };
    assert_eq!(problems[0].code, "template-name");
    assert!(problems[0].to_string().contains("runtime.yaml.j2:1:8"), "{}", problems[0]);
}

#[test]
fn a_service_is_resolved_and_written_down_with_what_it_publishes() {
    let services = "secrets: [api_key]\nservices: [{id: reports, kind: shadowserver-api, data: [data/a.csv], \
                    options: {key: \"{{ secret.api_key }}\", secret: x}}]\n";
    let template = "a: \"{{ service.reports.url }}/x {{ service.reports.ca }}\"\n";
    let ports = BTreeMap::from([("reports".to_owned(), 4711)]);
    let feeds = BTreeMap::from([("data/a.csv".to_owned(), b"ip\n".to_vec())]);
    let given = Given { folder: "/lab".into(), ports, feeds, ..Given::default() };
    let made = plan(&load(template, services), choose(&Wish::default()).unwrap(), &given).unwrap();
    let content = |path: &str| {
        let file = made.files.iter().find(|file| file.path == path).unwrap();
        String::from_utf8(file.content.clone()).unwrap()
    };
    assert_eq!(content("etc/runtime.yaml"), "a: \"http://127.0.0.1:4711/x /lab/services/ca.pem\"\n");
    assert_eq!(content("services/reports/a.csv"), "ip\n");
    let written: Manifest = serde_json::from_str(&content("services/services.json")).unwrap();
    assert_eq!(written, made.services);
    assert_eq!(written.services[0].port, 4711);
    assert_eq!(written.services[0].options["key"], "SECRET-api_key");
    assert_eq!(written.services[0].data, ["services/reports/a.csv"]);
}

#[test]
fn a_lab_without_services_has_nothing_of_them() {
    let made = planned("a: 1\n", "", &[]).unwrap();
    assert!(!made.folders.contains(&"services") && made.files.len() == 1);
}

#[test]
fn a_service_of_no_kind_and_a_feed_that_was_not_read_are_refused() {
    for (services, problem) in [
        ("services: [{id: reports, kind: nothing}]\n", "`nothing`"),
        ("services: [{id: reports, kind: n6-api, data: [data/a.csv]}]\n", "\"data/a.csv\""),
    ] {
        let refused = planned("a: 1\n", services, &[]);
        assert!(matches!(refused, Err(PlanError::Unsupported(text)) if text.contains(problem)), "{services}");
    }
}
