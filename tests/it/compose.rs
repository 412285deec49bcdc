//! Labs in containers, as far as they can be tested without an engine: the files that are rendered, and what the plugin says to them.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::program;

/// Renders a playbook, and returns its compose file without what differs from folder to folder.
fn rendered(folder: &Path, playbook: &str, options: &[&str]) -> String {
    let mut command = Command::new(program());
    command.args(["render", playbook, "--target", "compose", "--force", "--out"]).arg(folder).args(options);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(folder.join("compose.yaml")).unwrap();
    let (before, after) = text.split_once(&format!("name: intelmq-lab-{playbook}-")).unwrap();
    format!("{before}name: intelmq-lab-{playbook}-00000000{}", &after[8..])
}

const BROKERS: [&str; 3] = ["redis", "rabbitmq", "kafka"];

#[test]
fn a_rendered_file_is_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("redis", rendered(folder.path(), "n6", &[]));
    let single = rendered(folder.path(), "n6", &["--broker", "embedded"]);
    insta::assert_snapshot!("embedded", single);
    let secrets = std::fs::read_to_string(folder.path().join(".env")).unwrap();
    assert_eq!(secrets, "BROKER_PASSWORD=BROKER-PASSWORD\n");
}

#[test]
fn every_bot_of_every_step_has_a_container_and_says_where_it_sends() {
    let folder = tempfile::tempdir().unwrap();
    let text = rendered(folder.path(), "shadowserver", &["--broker", "kafka"]);
    for service in ["agent", "kafka", "file-collector", "asn-lookup-expert", "mail-output"] {
        assert!(text.contains(&format!("\n  {service}:\n")), "{service}");
    }
    assert!(text.contains(
        "org.intelmq-lab.bot: url-expert, org.intelmq-lab.group: Expert, org.intelmq-lab.next: \""
    ));
    let single = rendered(folder.path(), "shadowserver", &["--layout", "single"]);
    assert!(!single.contains("file-collector"), "{single}");
}

#[test]
fn a_central_logger_stands_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (url, driver) in
        [("fluentd://192.0.2.1:24224", "fluentd"), ("splunk://ab-12@log.example:8088", "splunk")]
    {
        let text = rendered(folder.path(), "n6", &["--log-to", url]);
        assert!(
            text.contains(&format!("  logging:\n    driver: {driver}\n    options:\n      {driver}-")),
            "{text}"
        );
        assert!(text.contains("      tag: \"{{.Name}}\"\n"), "{text}");
    }
}

#[test]
fn the_plugin_accepts_every_rendered_file() {
    let mut version = Command::new("docker");
    version.args(["compose", "version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !version.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no `docker compose`");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for playbook in ["shadowserver", "shodan", "n6"] {
        for options in BROKERS
            .map(|broker| ["--broker", broker])
            .iter()
            .chain(&[["--layout", "single"], ["--log-to", "splunk://ab-12@log.example:8088"]])
        {
            rendered(folder.path(), playbook, options);
            let mut check = Command::new("docker");
            check.args(["compose", "config", "--quiet"]).current_dir(folder.path());
            let output = check.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{playbook} {options:?}: {said}");
        }
    }
}
