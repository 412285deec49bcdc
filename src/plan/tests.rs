use super::*;
use crate::playbook::Catalog;

const HEAD: &str = "format: 1\nid: monday\ntitle: Monday\nsummary: A test.\nlevel: beginner\nminutes: 1\n";
const STEP: &str =
    "steps:\n  - {id: one, title: T, say: S, hint: [H], expect: [{queue: {name: q, depth: 1}}]}\n";

/// Plans a playbook with a template and more keys in its head.
fn planned(template: &str, more: &str, secrets: &[(&str, &str)]) -> Result<Plan, PlanError> {
    let folder = tempfile::tempdir().unwrap();
    let playbook = folder.path().join("monday");
    std::fs::create_dir(&playbook).unwrap();
    let text = format!("{HEAD}botnet: runtime.yaml.j2\n{more}{STEP}");
    std::fs::write(playbook.join("playbook.yaml"), text).unwrap();
    std::fs::write(playbook.join("runtime.yaml.j2"), template).unwrap();
    let playbook = Catalog::only_folder(folder.path()).unwrap().find("monday").unwrap().load().unwrap();
    let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let given = Given { lab: "here".to_owned(), folder: "/labs/here".into(), secrets };
    plan(&playbook, choose(&Wish::default()).unwrap(), &given)
}

#[test]
fn a_template_sees_the_lab_and_its_secrets() {
    let template = "a:\n  in: \"{{ lab.in }}\"\n  out: \"{{ lab.out }}\"\n  key: {{ secret.api_key }}\n";
    let secrets = "secrets: [api_key]\n";
    let with =
        |secrets_given: &[(&str, &str)]| planned(template, secrets, secrets_given).unwrap().files.remove(0);
    let file = with(&[("api_key", "s3cret")]);
    assert_eq!(file.path, "etc/runtime.yaml");
    assert_eq!(file.content, "a:\n  in: \"/labs/here/in\"\n  out: \"/labs/here/out\"\n  key: s3cret\n");
    assert!(with(&[]).content.contains("key: SECRET-api_key"), "what is not known gets a placeholder");
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
fn a_simulated_feed_is_not_in_this_version() {
    let refused = planned("a: 1\n", "services: [{id: reports, kind: http-files}]\n", &[]);
    assert!(matches!(refused, Err(PlanError::Unsupported(text)) if text.contains("`reports`")));
}
