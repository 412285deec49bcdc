//! The Reports API.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;

const FILES: &[(&str, &str)] = &[
    ("2026-01-15-scan_telnet-example-asn.csv", "ip\n192.0.2.1\n"),
    ("2026-01-15-scan_smb-example-geo.csv", "ip\n192.0.2.2\n"),
    ("2026-01-10-scan_telnet-example-asn.csv", "ip\n192.0.2.3\n"),
];

fn api(options: &Json) -> Trial {
    Trial::start("shadowserver-api", options, FILES)
}

fn call(trial: &Trial, method: &str, body: &str, secret: &str) -> Response {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap());
    let signature: String = mac.finalize().into_bytes().iter().flat_map(digits).collect();
    let url = format!("{}/api2/{method}", trial.url());
    client().post(url).header("HMAC2", signature).body(body.to_owned()).send().unwrap()
}

/// Asks for a list and returns the files in it.
fn listed(trial: &Trial, more: &str) -> Vec<String> {
    let list: Vec<Json> =
        call(trial, "reports/list", &format!("{{ \"apikey\": \"k\" {more}}}"), "s").json().unwrap();
    list.iter().map(|report| report["file"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn reports_are_listed_by_date_list_and_type_and_downloaded() {
    let trial = api(&json!({"key": "k", "secret": "s"}));
    let names: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    for (more, expected) in [
        ("", &names[..]),
        (",\"date\": \"2026-01-14:2026-01-16\"", &names[..2]),
        (",\"date\": \"2026-01-10\"", &names[2..]),
        (",\"date\": \"2026-01-14:2026-01-16\" ,\"reports\": [\"example-asn\"]", &names[..1]),
        (",\"types\": [\"scan_smb\"]", &names[1..2]),
        (",\"reports\": [\" example-asn\"]", &[]),
    ] {
        assert_eq!(listed(&trial, more), expected, "{more}");
    }
    let list: Vec<Json> = call(&trial, "reports/list", "{\"apikey\":\"k\"}", "s").json().unwrap();
    let entry = &list[0];
    assert_eq!(
        (entry["report"].as_str(), entry["type"].as_str(), entry["timestamp"].as_str()),
        (Some("example-asn"), Some("scan_telnet"), Some("2026-01-15"))
    );
    let id = entry["id"].as_str().unwrap();
    for path in [id.to_owned(), format!("dl/{id}"), format!("/{id}")] {
        assert_eq!(get(&format!("{}/{path}", trial.url())).text().unwrap(), FILES[0].1);
    }
    assert_eq!(get(&format!("{}/nothing", trial.url())).status(), 404);
}

#[test]
fn the_signature_is_that_of_the_exact_body() {
    let trial = api(&json!({"key": "k", "secret": "s"}));
    for (body, secret, status) in [
        ("{}", "s", 401),
        ("{\"apikey\":\"k\"}", "t", 401),
        ("{\"apikey\":\"x\"}", "s", 401),
        ("{ \"apikey\": \"k\" }", "s", 200),
        ("{\"apikey\":\"k\",\"date\":\"soon\"}", "s", 400),
        ("no json", "s", 400),
    ] {
        let answer = call(&trial, "reports/list", body, secret);
        assert_eq!(answer.status(), status, "{body} {secret}");
        let answer: Json = answer.json().unwrap();
        assert_eq!(answer.get("error").is_some(), status != 200, "{body}: {answer}");
    }
    let mut unsigned = client().post(format!("{}/api2/reports/list", trial.url()));
    unsigned = unsigned.body("{\"apikey\":\"k\"}");
    assert_eq!(unsigned.send().unwrap().status(), 401);
}

#[test]
fn other_methods_are_there_as_far_as_lessons_need_them() {
    let trial = api(&json!({"key": "k", "secret": "s"}));
    let answer = |method: &str| call(&trial, method, "{\"apikey\":\"k\"}", "s");
    assert!(answer("test/ping").json::<Json>().unwrap()["pong"].is_string());
    assert_eq!(answer("reports/subscribed").json::<Json>().unwrap(), json!(["example-asn", "example-geo"]));
    assert_eq!(answer("reports/types").json::<Json>().unwrap(), json!(["scan_smb", "scan_telnet"]));
    assert_eq!(answer("reports/nothing").status(), 404);
}

#[test]
fn a_service_with_its_own_day_gives_reports_of_that_day_today() {
    let trial = api(&json!({"key": "k", "secret": "s", "today": "2026-01-16"}));
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let from = today.checked_sub(jiff::ToSpan::days(2)).unwrap();
    assert_eq!(listed(&trial, &format!(",\"date\": \"{from}:{today}\"")).len(), 2);
    assert_eq!(listed(&trial, &format!(",\"date\": \"{today}\"")).len(), 0);
}

#[test]
fn what_is_no_report_is_not_published() {
    let trial = api(&json!({"key": "k", "secret": "s"}));
    assert!(matches!(
        trial.services.publish("it", "scan_telnet.csv", Vec::new()),
        Err(ServiceError::NotPossible(..))
    ));
    trial.services.publish("it", "2026-01-17-scan_ssh-x.csv", b"ip\n".to_vec()).unwrap();
    assert_eq!(listed(&trial, "").len(), 4);
    for (options, problem) in [
        (json!({"key": "k"}), "secret"),
        (json!({"key": "k", "secret": "s", "today": "soon"}), "soon"),
        (json!({"key": "k", "secret": "s", "colour": "red"}), "colour"),
    ] {
        let refused =
            Kind::find("shadowserver-api").unwrap().check(options.as_object().unwrap()).unwrap_err();
        assert!(refused.contains(problem), "{refused}");
    }
}
