//! The conversion functions that a mapping may name, as IntelMQ 3.5.0 has them (facts A5).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::message::{FieldType, Value, python};

/// One of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    AddUtc,
    Bool,
    CategoryOrDetail,
    CveFromTag,
    Date,
    DateUtc,
    ExchangeIdentifier,
    ExchangeTaxonomy,
    ExchangeType,
    Float,
    ForceBase64,
    Fqdn,
    HostAndUrl,
    Int,
    Ip,
    Network,
    NotNone,
    NotZero,
}

const NAMES: &[(&str, Function)] = &[
    ("add_UTC_to_timestamp", Function::AddUtc),
    ("convert_bool", Function::Bool),
    ("category_or_detail", Function::CategoryOrDetail),
    ("extract_cve_from_tag", Function::CveFromTag),
    ("convert_date", Function::Date),
    ("convert_date_utc", Function::DateUtc),
    ("scan_exchange_identifier", Function::ExchangeIdentifier),
    ("scan_exchange_taxonomy", Function::ExchangeTaxonomy),
    ("scan_exchange_type", Function::ExchangeType),
    ("convert_float", Function::Float),
    ("force_base64", Function::ForceBase64),
    ("validate_fqdn", Function::Fqdn),
    ("convert_http_host_and_url", Function::HostAndUrl),
    ("convert_int", Function::Int),
    ("validate_ip", Function::Ip),
    ("validate_network", Function::Network),
    ("validate_to_none", Function::NotNone),
    ("invalidate_zero", Function::NotZero),
];

/// What a column's text became: a value, or nothing.
pub(crate) type Converted = Result<Option<Value>, String>;

/// The other columns of a row, for the functions that look at them.
pub(crate) trait Columns {
    /// Tells whether the report has such a column.
    fn has(&self, name: &str) -> bool;

    /// Returns a column's text, unless the report has no such column or the row is too short for it.
    fn text(&self, name: &str) -> Option<&str>;

    /// Makes a value of a column's text as it is.
    fn value(&self, text: &str) -> Value {
        Value::from(text)
    }
}

impl Function {
    /// Finds a function by the name that schemas use.
    pub(crate) fn from_name(name: &str) -> Option<Function> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    /// Returns the name that schemas use.
    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }

    /// Tells whether it looks at other columns; a schema must say so too.
    pub(crate) fn takes_row(self) -> bool {
        matches!(self, Function::CategoryOrDetail | Function::HostAndUrl)
    }

    /// Converts a column's text.
    pub(crate) fn convert(self, text: &str, row: &dyn Columns) -> Converted {
        match self {
            Function::NotNone if matches!(text, "" | "0" | "unknown") => Ok(None),
            Function::NotNone => Ok(Some(row.value(text))),
            Function::Int => int(text),
            Function::NotZero => Ok(int(text)?.filter(|number| *number != Value::Int(0))),
            Function::Float => float(text),
            Function::Bool => Ok(bool(text).map(Value::Bool)),
            Function::Ip if is_ip(text) => Ok(Some(row.value(text))),
            Function::Network if text.contains('/') && accepts(FieldType::IpNetwork, text) => {
                Ok(Some(row.value(text)))
            }
            Function::Fqdn if accepts(FieldType::Fqdn, text) => Ok(Some(row.value(text))),
            Function::Ip | Function::Network | Function::Fqdn => Ok(None),
            Function::AddUtc => Ok(Some(Value::from(format!("{text} UTC")))),
            Function::Date => Ok(date(text)),
            Function::DateUtc => Ok(date(&format!("{text}+00:00"))),
            Function::CveFromTag => Ok(cves(text)),
            Function::ForceBase64 => force_base64(text),
            Function::ExchangeTaxonomy => Ok(Some(Value::from(exchange(text, "intrusions", "vulnerable")))),
            Function::ExchangeType => {
                Ok(Some(Value::from(exchange(text, "system-compromise", "vulnerable-system"))))
            }
            Function::ExchangeIdentifier => Ok(Some(Value::from(exchange(
                text,
                "exchange-server-webshell",
                "vulnerable-exchange-server",
            )))),
            Function::CategoryOrDetail => Ok(category_or_detail(row)),
            Function::HostAndUrl => Ok(Some(Value::from(host_and_url(text, row)))),
        }
    }
}

fn int(text: &str) -> Converted {
    if text.is_empty() {
        return Ok(None);
    }
    // Python takes more than Rust: `_` between digits, digits of any script, any size.
    let plain = text.parse::<i64>().ok().map(Value::Int);
    let number = plain.or_else(|| FieldType::Integer.sanitize(&Value::from(text)).ok().flatten());
    number.map(Some).ok_or_else(|| format!("{text:?} is no whole number"))
}

fn float(text: &str) -> Converted {
    if text.is_empty() {
        return Ok(None);
    }
    let plain = text.parse::<f64>().ok().map(Value::Float);
    let number = plain.or_else(|| FieldType::Float.sanitize(&Value::from(text)).ok().flatten());
    number.map(Some).ok_or_else(|| format!("{text:?} is no number"))
}

fn bool(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match text {
        _ if is(&["y", "yes", "true", "enabled", "1"]) => Some(true),
        _ if is(&["n", "no", "false", "disabled", "0"]) => Some(false),
        _ => None,
    }
}

fn is_ip(text: &str) -> bool {
    match text.parse::<std::net::Ipv4Addr>() {
        Ok(address) => !address.is_unspecified(),
        Err(_) => !text.contains('/') && accepts(FieldType::IpAddress, text),
    }
}

/// Tells whether a text is a valid value once it is sanitised.
fn accepts(kind: FieldType, text: &str) -> bool {
    let sanitised = kind.sanitize(&Value::from(text));
    sanitised.is_ok_and(|value| value.is_some_and(|value| kind.is_valid(&value)))
}

fn date(text: &str) -> Option<Value> {
    FieldType::DateTime.sanitize(&Value::from(text)).ok().flatten()
}

/// Makes the moment that `time.source` gets of `YYYY-MM-DD hh:mm:ss`, the form in which reports have it; other forms are for
/// the field's own type to read.
pub(crate) fn plain_moment(text: &str) -> Option<Value> {
    let bytes = text.as_bytes();
    if bytes.len() != 19 {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to]
            .iter()
            .try_fold(0u16, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0')))
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if !marks.iter().all(|&(at, mark)| bytes[at] == mark) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u16::from(leap),
        _ => 0,
    };
    if year < 1000 || !(1..=last).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut moment = String::with_capacity(25);
    moment.push_str(&text[..10]);
    moment.push('T');
    moment.push_str(&text[11..]);
    moment.push_str("+00:00");
    Some(Value::from(moment))
}

/// Returns the identifiers of vulnerabilities in a list separated by `;`, sorted, each once.
fn cves(text: &str) -> Option<Value> {
    let is_cve = |item: &&str| {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        // Python's `$` lets one line feed at the end pass.
        let item = item.strip_suffix('\n').unwrap_or(item);
        let parts = item.strip_prefix("cve-").and_then(|rest| rest.split_once('-'));
        parts.is_some_and(|(year, number)| digits(year) && digits(number))
    };
    if !text.contains("cve-") {
        return None;
    }
    let mut found: Vec<&str> = text.split(';').filter(is_cve).collect();
    found.sort_unstable();
    found.dedup();
    (!found.is_empty()).then(|| Value::from(found.join(";")))
}

fn force_base64(text: &str) -> Converted {
    if text.is_empty() {
        return Ok(None);
    }
    if !text.is_ascii() {
        return Err("only ASCII text can be taken as Base64".to_owned());
    }
    let body = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let is_base64 = !body.is_empty() && text.len().is_multiple_of(4) && body.bytes().all(alphabet);
    Ok(Some(Value::from(if is_base64 { text.to_owned() } else { STANDARD.encode(text) })))
}

fn exchange<'a>(tag: &str, compromised: &'a str, vulnerable: &'a str) -> &'a str {
    if tag.contains("webshell") { compromised } else { vulnerable }
}

fn category_or_detail(row: &dyn Columns) -> Option<Value> {
    let category = row.text("category");
    let text = match (row.has("category"), category) {
        (true, Some("")) | (false, _) if row.has("detail") => row.text("detail"),
        (true, Some("")) | (false, _) => Some(""),
        (true, category) => category,
    };
    text.map(Value::from)
}

/// Puts a URL together of a host and a path that stand in different columns.
///
/// A column that holds a whole URL comes out mangled (`http://host//other.example/path`), as from IntelMQ.
fn host_and_url<'t>(text: &'t str, row: &dyn Columns) -> Cow<'t, str> {
    let filled = |name: &str| row.text(name).filter(|text| !text.is_empty());
    let host = ["cc_dns", "http_host", "hostname", "ip"].into_iter().find_map(filled);
    let path = filled(if row.has("url") { "url" } else { "http_url" });
    let (Some(host), Some(path)) = (host, path) else { return Cow::Borrowed(text) };
    let path = path.find('/').map_or("", |at| &path[at..]);
    let path = path.find(python::is_space).map_or(path, |end| &path[..end]);
    let scheme =
        row.text("application").filter(|scheme| matches!(*scheme, "http" | "https")).unwrap_or("http");
    Cow::Owned(format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row as pairs of column and text; `None` where the row is too short.
    struct Row(&'static [(&'static str, Option<&'static str>)]);

    impl Columns for Row {
        fn has(&self, name: &str) -> bool {
            self.0.iter().any(|(known, _)| *known == name)
        }

        fn text(&self, name: &str) -> Option<&str> {
            self.0.iter().find(|(known, _)| *known == name).and_then(|(_, text)| *text)
        }
    }

    fn shown(converted: &Converted) -> String {
        match converted {
            Ok(None) => "-".to_owned(),
            Ok(Some(value)) => python::repr(value),
            Err(_) => "!".to_owned(),
        }
    }

    /// What IntelMQ 3.5.0 makes of a text: Python's `repr`, `-` for nothing, `!` for a failure.
    const CASES: &[(&str, &[(&str, &str)])] = &[
        (
            "validate_to_none",
            &[("", "-"), ("0", "-"), ("unknown", "-"), ("Unknown", "'Unknown'"), (" 0", "' 0'")],
        ),
        (
            "convert_int",
            &[
                ("", "-"),
                ("0", "0"),
                (" 7 ", "7"),
                ("007", "7"),
                ("1_000", "1000"),
                ("+5", "5"),
                ("-5", "-5"),
                ("٣", "3"),
                ("99999999999999999999999", "99999999999999999999999"),
                ("1.0", "!"),
                ("1__0", "!"),
                (" ", "!"),
                ("+ 5", "!"),
            ],
        ),
        (
            "invalidate_zero",
            &[("", "-"), ("00", "-"), ("-0", "-"), (" 0 ", "-"), ("1_0", "10"), ("AS1", "!")],
        ),
        (
            "convert_float",
            &[
                ("", "-"),
                ("1", "1.0"),
                (".5", "0.5"),
                ("1e16", "1e+16"),
                ("nan", "nan"),
                ("1e400", "inf"),
                ("-0.0", "-0.0"),
                ("1_0.5", "10.5"),
                ("٣.٥", "3.5"),
                ("1,5", "!"),
                ("0x1p3", "!"),
            ],
        ),
        ("convert_bool", &[("Yes", "True"), ("disabled", "False"), ("2", "-"), (" y", "-"), ("on", "-")]),
        (
            "validate_ip",
            &[
                ("192.0.2.1", "'192.0.2.1'"),
                ("2001:DB8::1", "'2001:DB8::1'"),
                ("fe80::1%eth0", "'fe80::1%eth0'"),
                ("1", "'1'"),
                ("::", "'::'"),
                (" 192.0.2.1", "' 192.0.2.1'"),
                ("0.0.0.0", "-"),
                ("0", "-"),
                ("192.0.2.1/32", "-"),
                ("192.0.02.1", "-"),
                ("unknown", "-"),
            ],
        ),
        (
            "validate_network",
            &[("192.0.2.1/24", "'192.0.2.1/24'"), ("192.0.2.1", "-"), ("192.0.2.0/33", "-")],
        ),
        (
            "validate_fqdn",
            &[
                ("a b", "'a b'"),
                ("bücher.example", "'bücher.example'"),
                ("Example.COM.", "'Example.COM.'"),
                ("192.0.2.1", "-"),
                ("a..b", "-"),
                ("a:80", "-"),
                ("http://a.b/", "-"),
            ],
        ),
        ("add_UTC_to_timestamp", &[("x", "'x UTC'"), ("", "' UTC'")]),
        (
            "convert_date",
            &[
                ("2026-01-15T01:02:03+02:00", "'2026-01-14T23:02:03+00:00'"),
                ("01/02/2026", "'2026-01-02T00:00:00+00:00'"),
                ("", "-"),
                ("1740823200", "-"),
            ],
        ),
        (
            "convert_date_utc",
            &[
                ("2026-01-15 01:02:03", "'2026-01-15T01:02:03+00:00'"),
                ("2026-01-15 01:02:03+02:00", "'2026-01-15T01:02:03+00:00'"),
            ],
        ),
        (
            "extract_cve_from_tag",
            &[
                ("cve-2020-2;cve-2019-22 ;cve-2018-3;cve-2020-2", "'cve-2018-3;cve-2020-2'"),
                ("cve-2020-10;cve-2020-9", "'cve-2020-10;cve-2020-9'"),
                ("CVE-2020-1", "-"),
                ("cve-2020-1-2", "-"),
                ("cve--1", "-"),
                ("", "-"),
            ],
        ),
        (
            "force_base64",
            &[
                ("YR==", "'YR=='"),
                ("YQ", "'WVE='"),
                ("YQ==\n", "'WVE9PQo='"),
                ("====", "'PT09PQ=='"),
                ("", "-"),
                ("ü", "!"),
            ],
        ),
        ("scan_exchange_type", &[("a;xwebshelly", "'system-compromise'"), ("", "'vulnerable-system'")]),
    ];

    #[test]
    fn texts_become_what_intelmq_makes_of_them() {
        for (name, cases) in CASES {
            let function = Function::from_name(name).unwrap();
            assert_eq!(function.name(), *name);
            for (text, expected) in *cases {
                let found = shown(&function.convert(text, &Row(&[])));
                assert_eq!(found, *expected, "{name} of {text:?}");
            }
        }
    }

    #[test]
    fn functions_that_take_the_row() {
        let url = |text, row| shown(&Function::HostAndUrl.convert(text, &Row(row)));
        let all: &[_] = &[("url", Some("/a b")), ("hostname", Some("h.example")), ("ip", Some("192.0.2.1"))];
        assert_eq!(url("/a b", all), "'http://h.example/a'");
        let https: &[_] = &[("http_url", Some("x/y")), ("application", Some("https")), ("ip", Some("i"))];
        assert_eq!(url("x/y", https), "'https://i/y'");
        let absolute: &[_] = &[("url", Some("http://o.example/z")), ("http_host", Some("h"))];
        assert_eq!(url("http://o.example/z", absolute), "'http://h//o.example/z'");
        assert_eq!(url("/a", &[("url", Some("/a")), ("ip", Some(""))]), "'/a'");
        assert_eq!(url("/a", &[("http_url", Some("/a")), ("url", Some("")), ("ip", Some("i"))]), "'/a'");
        assert_eq!(url("a", &[("url", Some("a")), ("ip", Some("i"))]), "'http://i'");
        let either = |row| shown(&Function::CategoryOrDetail.convert("q", &Row(row)));
        assert_eq!(either(&[("category", Some("a")), ("detail", Some("b"))]), "'a'");
        assert_eq!(either(&[("category", Some("")), ("detail", Some("b"))]), "'b'");
        assert_eq!(either(&[("detail", Some("b"))]), "'b'");
        assert_eq!(either(&[("category", None)]), "-");
        assert_eq!(either(&[]), "''");
    }

    #[test]
    fn the_short_way_to_a_moment_ends_where_the_long_one_does() {
        let texts = ["2026-01-15 01:02:03", "2024-02-29 23:59:59", "1999-12-31 00:00:00"];
        for text in texts {
            assert_eq!(plain_moment(text), date(&format!("{text} UTC")), "{text}");
        }
        for text in
            ["2026-02-29 01:02:03", "2026-01-15 24:00:00", "2026-01-15T01:02:03", "2026-01-15 01:02:60", "x"]
        {
            assert_eq!(plain_moment(text), None, "{text}");
        }
    }
}
