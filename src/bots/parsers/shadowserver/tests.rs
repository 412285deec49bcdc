use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::super::super::trial::{Outcome, Trial};
use super::super::super::{Failure, Level};
use super::convert::Function;
use super::schema::Schema;
use super::{columns, publisher, publisher_form, report_types, type_in_name};
use crate::message::{Idf, Message, MessageType};

const MODULE: &str = "intelmq.bots.parsers.shadowserver.parser";
const HEADER: &str = "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,banner\n";

fn report(file_name: &str, text: &str) -> Message {
    let idf = Idf::builtin();
    let json = json!({"__type": "Report", "time.observation": "2026-01-16T06:00:00+00:00"});
    let mut report = Message::from_wire(&idf, json.to_string().as_bytes(), None).unwrap();
    report.add("extra.file_name", file_name).unwrap();
    report.add("raw", text).unwrap();
    report
}

fn trial(params: &Json) -> Trial {
    Trial::new(MODULE, params, &Idf::builtin()).unwrap()
}

fn feed(params: &Json, file_name: &str, text: &str) -> Outcome {
    trial(params).feed(report(file_name, text))
}

/// A row of the telnet report; its port decides whether it fails.
fn row(number: usize, port: &str) -> String {
    format!("2026-01-15 01:02:03,medium,192.0.2.{number},tcp,{port},,telnet,64496,AT,,,,,,login\n")
}

/// A report of rows of which every seventh fails, with blank lines and a quoted line feed in between.
fn long_report(rows: usize) -> String {
    let row = |number: usize| match number % 7 {
        3 => row(number, "none"),
        5 => row(number, "23") + "\n",
        6 => row(number, "23").replace("login", "\"log\nin\""),
        _ => row(number, "23"),
    };
    HEADER.to_owned() + &(0..rows).map(row).collect::<String>()
}

fn lines(log: &[(Level, String)], level: Level) -> Vec<&str> {
    log.iter().filter(|(found, _)| *found == level).map(|(_, line)| &**line).collect()
}

fn raw(message: &Message) -> String {
    String::from_utf8(message.raw().unwrap()).unwrap()
}

#[test]
fn the_table_holds_what_the_publisher_publishes() {
    let schema = Schema::builtin();
    assert_eq!(report_types().len(), 170);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut without_page = Vec::new();
    for kind in schema.types() {
        assert_eq!(schema.by_file_name(&kind.file_name), Some(kind), "a name of its own");
        assert!(kind.required.iter().any(|mapping| mapping.column == "timestamp"), "{}", kind.file_name);
        let class = kind.constants.get("classification.type").and_then(Json::as_str);
        *kinds.entry(class.unwrap_or("from the row")).or_default() += 1;
        if kind.url.is_none() {
            without_page.push(kind.file_name.as_str());
        }
    }
    assert_eq!(without_page, ["sandbox_dns", "special"]);
    assert_eq!(kinds["from the row"], 2, "scan_exchange and scan6_exchange");
    assert_eq!(kinds["vulnerable-system"], 101);
    let required = |columns: &[&str]| {
        let has = |kind: &&super::ReportType| {
            kind.required.iter().map(|mapping| mapping.column.as_str()).eq(columns.iter().copied())
        };
        schema.types().iter().filter(has).count()
    };
    assert_eq!(required(&["timestamp", "ip", "port"]), 143);
    assert_eq!(required(&["timestamp", "src_ip", "src_port"]), 21);
    assert_eq!(required(&["timestamp"]), 5);
    assert_eq!(required(&["timestamp", "ip"]), 1);
}

#[test]
fn the_table_names_only_fields_and_functions_that_exist() {
    let idf = Idf::builtin();
    let schema = Schema::builtin();
    let rules = schema.types()[0].rules.clone().unwrap();
    assert_eq!((rules.columns.len(), rules.overrides.len()), (199, 240));
    let lists = rules.columns.values().chain(rules.overrides.values()).chain([&rules.default]);
    for target in lists.flatten() {
        let function = target.function.as_deref();
        assert!(function.is_none_or(|name| Function::from_name(name).is_some()), "{target:?}");
        let known = target.field == "*" || idf.key(MessageType::Event, &target.field).is_ok();
        assert!(known, "{target:?}");
    }
    for (_, name) in rules.overrides.keys() {
        assert!(schema.by_file_name(name).is_some(), "{name}");
    }
}

#[test]
fn fields_stand_in_the_order_in_which_intelmq_adds_them() {
    let outcome = feed(&json!({}), "scan_telnet.csv", &(HEADER.to_owned() + &row(1, "23")));
    let names: Vec<String> = outcome.sent[0].1.iter().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(
        names.join(" "),
        "time.observation feed.name feed.documentation time.source source.ip source.port severity protocol.transport \
         source.asn source.geolocation.cc classification.identifier classification.taxonomy classification.type \
         protocol.application raw extra.banner extra.tag"
    );
}

#[test]
fn a_report_comes_out_the_same_in_portions_of_any_size() {
    let text = long_report(60);
    let whole = trial(&json!({})).with_batch(1000).feed(report("scan_telnet.csv", &text));
    assert_eq!((whole.sent.len(), whole.failed_rows.len(), whole.batches), (51, 9, 1));
    assert_eq!(lines(&whole.log, Level::Info), ["Sent 51 events and found 9 problem(s)."]);
    for batch in [1, 7, 59, 60] {
        let parts = trial(&json!({})).with_batch(batch).feed(report("scan_telnet.csv", &text));
        assert_eq!(parts.sent, whole.sent, "batches of {batch}");
        assert_eq!(parts.failed_rows, whole.failed_rows, "batches of {batch}");
        assert_eq!(parts.log, whole.log, "batches of {batch}");
        assert_eq!(parts.batches, 60 / batch + 1, "batches of {batch}");
    }
}

#[test]
fn a_report_goes_on_in_another_process_with_its_counts() {
    let message = report("scan_telnet.csv", &long_report(60));
    let whole = trial(&json!({})).feed(&message);
    let mut outcome = Outcome::default();
    let mut from = Some(0);
    while let Some(position) = from {
        let mut parser = trial(&json!({})).with_batch(13);
        from = parser.portion(&message, position, &mut outcome).unwrap();
    }
    assert_eq!(outcome.sent, whole.sent);
    assert_eq!(outcome.failed_rows, whole.failed_rows);
    assert_eq!(outcome.log, whole.log);
}

#[test]
fn a_report_is_not_taken_for_the_one_in_hand() {
    let (one, other) = (long_report(60), long_report(60).replace("64496", "64499"));
    let mut parser = trial(&json!({})).with_batch(13);
    let mut outcome = Outcome::default();
    let next = parser.portion(&report("scan_telnet.csv", &one), 0, &mut outcome).unwrap().unwrap();
    let mut outcome = Outcome::default();
    parser.portion(&report("scan_telnet.csv", &other), next, &mut outcome).unwrap();
    assert!(outcome.sent.iter().all(|(_, event)| event.get("source.asn") == Some(&64499.into())));
    assert_eq!(outcome.sent.len() + outcome.failed_rows.len(), 13);
}

#[test]
fn a_large_report_goes_on_where_it_was_and_another_one_does_not() {
    let filler = "x".repeat(3000);
    let text = |ends: &str| {
        let row = |number: usize| row(number % 200, "23").replace("login", &filler);
        HEADER.to_owned() + &(0..600).map(row).collect::<String>() + ends
    };
    for ends in ["", "\n \n", "\0"] {
        let text = text(ends);
        let whole = trial(&json!({})).with_batch(10_000).feed(report("scan_telnet.csv", &text));
        assert_eq!((whole.sent.len(), whole.batches), (600, 1));
        let mut parser = trial(&json!({})).with_batch(250);
        let parts = parser.feed(report("scan_telnet.csv", &text));
        assert_eq!(parts.sent, whole.sent, "{ends:?}");
        // All of them have the same length, and differ from a row on that is not read yet.
        let mut outcome = Outcome::default();
        let next = parser.portion(&report("scan_telnet.csv", &text), 0, &mut outcome).unwrap().unwrap();
        let at = text.match_indices("64496").nth(outcome.sent.len()).unwrap().0;
        let other = text[..at].to_owned() + &text[at..].replace("64496", "64499");
        let mut outcome = Outcome::default();
        parser.portion(&report("scan_telnet.csv", &other), next, &mut outcome).unwrap();
        assert!(
            outcome.sent.iter().all(|(_, event)| event.get("source.asn") == Some(&64499.into())),
            "{ends:?}"
        );
    }
}

#[test]
fn a_failed_row_is_a_report_of_its_own() {
    let text = HEADER.to_owned() + &row(1, "23") + &row(2, "none");
    let outcome = feed(&json!({}), "scan_telnet.csv", &text);
    let (failed, error) = &outcome.failed_rows[0];
    assert_eq!(failed.text("extra.file_name"), Some("scan_telnet.csv"));
    assert_eq!(raw(failed), crate::rows::quoted(&columns(HEADER)) + "\n" + row(2, "none").trim_end());
    assert_eq!(
        error,
        "column \"port\" of feed \"Accessible-Telnet\": \"none\" is no whole number (convert_int)"
    );
    let errors = lines(&outcome.log, Level::Error);
    assert_eq!(
        errors[0],
        "Could not convert shadowkey: 'port' in feed 'Accessible-Telnet', value: 'none' via conversion function 'convert_int'."
    );
    assert!(errors[1].starts_with("Failed to parse line. "));
}

#[test]
fn reports_that_cannot_be_parsed_say_why() {
    let cases = [
        (json!({}), "a/scan_telnet.csv", "Report's 'extra.file_name' 'a/scan_telnet.csv' is not valid."),
        (json!({}), "it's.csv", "Report's 'extra.file_name' \"it's.csv\" is not valid."),
        (json!({}), "scan_nosuch.csv", "Could not get a config for 'scan_nosuch', check the documentation."),
        (
            json!({"test_mode": true}),
            "scan_ssh.csv",
            "Could not get a config for 'scan_ssh', check the documentation.",
        ),
    ];
    for (params, name, expected) in cases {
        let failure = feed(&params, name, HEADER).failure;
        assert_eq!(failure, Some(Failure::Other(expected.to_owned())), "{name}");
    }
    let mut nameless = report("x", HEADER);
    nameless.remove("extra.file_name");
    let failure = trial(&json!({})).feed(&nameless).failure.unwrap().to_string();
    assert!(
        failure.starts_with("No feedname given as parameter and the processed report has no"),
        "{failure}"
    );
}

#[test]
fn names_of_files_tell_the_type() {
    let cases = [
        ("2026-01-15-scan_telnet-1234-example_org-asn-delayed.csv", Some("scan_telnet")),
        ("scan_telnet.csv\n", Some("scan_telnet")),
        ("26-01-15-scan_telnet.csv", Some("26")),
        ("scan_telnet-é.csv", Some("scan_telnet")),
        ("scan_telnet--x.csv", None),
        ("scan_telnet.csv.zip", None),
        ("2026-01-15-scan_telnet-example.org.csv", None),
    ];
    for (name, expected) in cases {
        assert_eq!(type_in_name(name), expected, "{name}");
    }
}

#[test]
fn parameters_choose_the_type_and_the_name() {
    let text = HEADER.to_owned() + &row(1, "23");
    let by_name = feed(&json!({"feedname": "Accessible-SSH"}), "anything", &text);
    assert_eq!(by_name.sent[0].1.text("feed.name"), Some("Accessible-SSH"));
    let unknown = feed(&json!({"feedname": "Nope"}), "scan_telnet.csv", &text);
    assert_eq!(unknown.sent[0].1.text("feed.name"), Some("Accessible-Telnet"));
    assert!(lines(&unknown.log, Level::Warning)[0].contains("\"Nope\""));
    let mut named = report("scan_telnet.csv", &text);
    named.add("feed.name", "Mine").unwrap();
    let kept = trial(&json!({})).feed(&named);
    assert_eq!(kept.sent[0].1.text("feed.name"), Some("Mine"));
    let replaced = trial(&json!({"overwrite": true})).feed(&named);
    assert_eq!(replaced.sent[0].1.text("feed.name"), Some("Accessible-Telnet"));
    let trying = feed(&json!({"test_mode": true}), "test_smb.csv", &text);
    assert_eq!(trying.sent[0].1.text("feed.name"), Some("Test-Accessible-SMB"));
}

#[test]
fn default_fields_fill_gaps_and_are_checked_at_the_start() {
    let text = HEADER.to_owned() + &row(1, "23");
    let fields = json!({"protocol.transport": "udp", "comment": " lab ", "extra.z": 1});
    let outcome = feed(&json!({"default_fields": fields}), "scan_telnet.csv", &text);
    let event = &outcome.sent[0].1;
    assert_eq!(event.text("protocol.transport"), Some("tcp"));
    assert_eq!(event.text("comment"), Some("lab"));
    assert_eq!(event.get("extra.z"), Some(&1.into()));
    for fields in [json!({"source.ip": "x"}), json!({"nosuch": 1})] {
        let refused = Trial::new(MODULE, &json!({"default_fields": fields}), &Idf::builtin());
        assert!(matches!(refused.err(), Some(Failure::Configuration(_))), "{fields}");
    }
}

#[test]
fn the_log_says_once_what_is_odd() {
    let mut parser = trial(&json!({"auto_update": true}));
    let first = parser.feed(report("scan_telnet.csv", &(HEADER.to_owned() + &row(1, "23"))));
    assert!(lines(&first.log, Level::Info)[0].starts_with("auto_update: nothing is downloaded"));
    let second = parser.feed(report("scan_telnet.csv", &(HEADER.to_owned() + &row(1, "23"))));
    assert_eq!(second.log, [(Level::Info, "Sent 1 events and found 0 problem(s).".to_owned())]);
    let empty = parser.feed(report("scan_telnet.csv", ""));
    assert_eq!(lines(&empty.log, Level::Warning).len(), 1);
    assert!(lines(&empty.log, Level::Info).is_empty() && empty.failure.is_none());
}

#[test]
fn the_publishers_file_is_preferred() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shadowserver-schema.json");
    let mut schema = publisher_form([("scan_telnet", columns(HEADER).iter().map(String::as_str).collect())]);
    schema["scan_telnet"]["feed_name"] = json!("Newer");
    schema["scan_telnet"]["optional_fields"].as_array_mut().unwrap().push(json!(["extra.", "missing"]));
    std::fs::write(&file, schema.to_string()).unwrap();
    let idf = Idf::builtin();
    let mut parser = Trial::within(MODULE, &json!({}), &idf, folder.path()).unwrap();
    let text = HEADER.to_owned() + &row(1, "23") + &row(2, "23");
    let outcome = parser.feed(report("scan_telnet.csv", &text));
    assert_eq!(outcome.sent[1].1.text("feed.name"), Some("Newer"));
    assert_eq!(
        lines(&outcome.log, Level::Warning),
        [
            "Optional key 'missing' not found in feed 'Newer'. Possible change in data format or misconfiguration."
        ]
    );
    let faults = [
        ("{", "no valid JSON"),
        ("[]", "an object with a report type under each key is wanted"),
        (r#"{"k": {"feed_name": "F"}}"#, "k: \"file_name\" is missing"),
        (
            r#"{"k": {"feed_name": "F", "file_name": "f", "optional_fields": [["a"]]}}"#,
            "k: optional_fields: [field, column, function, true] is wanted, not [\"a\"]",
        ),
    ];
    for (text, expected) in faults {
        std::fs::write(&file, text).unwrap();
        let refused = Trial::within(MODULE, &json!({}), &idf, folder.path()).err().unwrap().to_string();
        assert!(refused.contains(expected), "{text}: {refused}");
        assert!(refused.contains("shadowserver-schema.json") && refused.contains("built-in"), "{refused}");
    }
}

#[test]
fn the_publishers_form_means_the_same() {
    let header = columns("timestamp,ip,port,tag,geo,url,http_host,product,device_model,banner\n");
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    for name in report_types() {
        let schema = publisher::read(&publisher_form([(name.as_str(), header.clone())]).to_string()).unwrap();
        let (read, own) = (schema.by_file_name(&name).unwrap(), Schema::builtin());
        let own = own.by_file_name(&name).unwrap();
        assert_eq!(read.required, own.required, "{name}");
        assert_eq!(read.optional_for(&header), own.optional_for(&header), "{name}");
        assert_eq!((&read.constants, &read.url), (&own.constants, &own.url), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_gives_an_event_or_a_failed_row_for_each_row(
        pieces in proptest::collection::vec("[,\"\n\r\0 ]|a|é|2026-01-15 01:02:03|192\\.0\\.2\\.1|23|\"\"|timestamp,ip,port\n", 0..60),
        batch in 1usize..5,
    ) {
        let text = "timestamp,ip,port,tag\n".to_owned() + &pieces.concat();
        let whole = feed(&json!({}), "scan_telnet.csv", &text);
        let parts = trial(&json!({})).with_batch(batch).feed(report("scan_telnet.csv", &text));
        let told = format!(
            "Sent {} events and found {} problem(s).", whole.sent.len(), whole.failed_rows.len()
        );
        let infos = lines(&whole.log, Level::Info);
        proptest::prop_assert_eq!(infos, [told.as_str()]);
        proptest::prop_assert_eq!(&parts.sent, &whole.sent);
        proptest::prop_assert_eq!(&parts.failed_rows, &whole.failed_rows);
        for (_, event) in &whole.sent {
            proptest::prop_assert!(raw(event).starts_with("\"timestamp\",\"ip\",\"port\",\"tag\""));
        }
    }
}
