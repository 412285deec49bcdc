//! Patterns that limit a field's values, as Python's `re.search` reads them.

use regex::Regex;

/// A compiled pattern; those of IntelMQ's own fields need no regular expression.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// Printable ASCII, at least one.
    Printable,
    /// Two ASCII letters or digits.
    Pair,
    /// `A-F0-9./`, at least one.
    HashText,
    /// Lower-case letters and digits, in groups of 8, 4, 4, 4 and 12.
    Uuid,
    /// At least one character, the last of which is no dot.
    NoDotAtEnd,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of the names of IANA's protocol numbers, in any case.
    Transport,
    /// Any other, with its text and whether case is ignored.
    Regex(Regex, Box<str>, bool),
}

/// The texts under which `harmonization.conf` writes the patterns that are built in.
const KNOWN: &[(&str, Pattern)] = &[
    ("^[ -~]+$", Pattern::Printable),
    ("^[a-zA-Z0-9]{2}$", Pattern::Pair),
    ("^[A-F0-9./]+$", Pattern::HashText),
    (r"^.*[^\.]$", Pattern::NoDotAtEnd),
];

pub(crate) const SEVERITIES: &[&str] = &["critical", "high", "medium", "low", "info", "undefined"];

/// Sorted, lower case; `ax.25` stands for any character in place of the dot.
const TRANSPORTS: &str = "3pc a/n ah argus aris ax.25 bbn-rcc bna br-sat-mon cbt cftp chaos compaq-peer cphb cpnx crdup crtp dcn ddp \
ddx dgp divert egp eigrp emcon encap esp etherip fc fire ggp gmtp gre hmp i-nlsp iatp icmp idpr idpr-cmtp idrp ifmp igmp igp il ip \
ipcomp ipcv ipencap ipip iplt ippc ipv6 ipv6-frag ipv6-icmp ipv6-nonxt ipv6-opts ipv6-route ipx-in-ip irtp isis iso-ip iso-tp4 \
kryptolan l2tp larp leaf-1 leaf-2 merit-inp mfe-nsp mhrp micp mobile mtp mux narp netblt nsfnet-igp nvp nvp-ii ospf pgm pim pipe \
pnni prm ptp pup qnx rdp rsvp rvd sat-expak sat-mon scc-sp scps sctp sdrp secure-vmtp sep skip sm smp snp sprite-rpc sps srp \
sscopmce st st2 sun-nd swipe tcf tcp tlsp tp++ trunk-1 trunk-2 ttp udp uti vines visa vmtp vrrp wb-expak wb-mon wsn xnet xns-idp xtp";

impl Pattern {
    /// Compiles a pattern written for Python.
    pub(crate) fn compile(text: &str, ignore_case: bool) -> Result<Pattern, String> {
        if !ignore_case && let Some((_, pattern)) = KNOWN.iter().find(|(known, _)| *known == text) {
            return Ok(pattern.clone());
        }
        regex::RegexBuilder::new(&translate(text))
            .case_insensitive(ignore_case)
            .build()
            .map(|regex| Pattern::Regex(regex, text.into(), ignore_case))
            .map_err(|error| error.to_string())
    }

    /// Returns the pattern as `harmonization.conf` writes it for Python, and whether case is ignored.
    pub(crate) fn python(&self) -> (String, bool) {
        match self {
            Pattern::Printable => (r"^[ -~]+$".into(), false),
            Pattern::Pair => ("^[a-zA-Z0-9]{2}$".into(), false),
            Pattern::HashText => ("^[A-F0-9./]+$".into(), false),
            Pattern::Uuid => ("^[a-z0-9]{8}-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{12}$".into(), false),
            Pattern::NoDotAtEnd => (r"^.*[^\.]$".into(), false),
            Pattern::OneOf(words) => (format!("^({})$", words.join("|")), false),
            Pattern::Transport => (format!("^({})$", TRANSPORTS.replace('+', r"\+").replace(' ', "|")), true),
            Pattern::Regex(_, text, ignore_case) => (text.to_string(), *ignore_case),
        }
    }

    /// Tells whether the pattern is found in the text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        // Python's `$` also matches before a line feed at the very end.
        let line = text.strip_suffix('\n').unwrap_or(text);
        match self {
            Pattern::Printable => {
                !line.is_empty() && line.bytes().fold(true, |ok, b| ok & (b' '..=b'~').contains(&b))
            }
            Pattern::Pair => line.len() == 2 && line.bytes().all(|b| b.is_ascii_alphanumeric()),
            Pattern::HashText => {
                !line.is_empty() && line.bytes().all(|b| matches!(b, b'A'..=b'F' | b'0'..=b'9' | b'.' | b'/'))
            }
            Pattern::Uuid => is_uuid(line.as_bytes()),
            Pattern::NoDotAtEnd => ends_without_dot(text) || ends_without_dot(line),
            Pattern::OneOf(words) => words.contains(&line),
            Pattern::Transport => is_transport(line),
            Pattern::Regex(regex, ..) => regex.is_match(text),
        }
    }
}

/// Rewrites what Python's patterns say otherwise than the regex crate's: `$` and `\Z`.
fn translate(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('Z') if !in_class => out.push_str(r"\z"),
                Some(next) => out.extend(['\\', next]),
                None => out.push('\\'),
            },
            '$' if !in_class => out.push_str(r"(?:\n?\z)"),
            _ => {
                in_class = (in_class || c == '[') && c != ']';
                out.push(c);
            }
        }
    }
    out
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(index, b)| match index {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_lowercase() || b.is_ascii_digit(),
        })
}

fn ends_without_dot(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next_back().is_some_and(|last| last != '.') && !chars.as_str().contains('\n')
}

fn is_transport(text: &str) -> bool {
    if matches!(text, "tcp" | "udp" | "icmp") {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    TRANSPORTS.split(' ').any(|name| name == lower)
        || lower
            .strip_prefix("ax")
            .and_then(|t| t.strip_suffix("25"))
            .is_some_and(|t| t != "\n" && t.chars().count() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, ignore_case: bool, yes: &[&str], no: &[&str]) {
        let pattern = Pattern::compile(pattern, ignore_case).unwrap();
        for text in yes {
            assert!(pattern.matches(text), "{pattern:?} should match {text:?}");
        }
        for text in no {
            assert!(!pattern.matches(text), "{pattern:?} should not match {text:?}");
        }
    }

    #[test]
    fn patterns_are_found_as_python_finds_them() {
        check("^[ -~]+$", false, &["a b~", "a\n"], &["", "ż", "a\nb", "\n"]);
        check("^[a-zA-Z0-9]{2}$", false, &["AT", "a1", "AT\n"], &["A", "ATX", "A\n"]);
        check(r"^.*[^\.]$", false, &["a", "a.b", "a.\n", "\n", "a\n\n"], &["", "a.", ".", "a\nb"]);
        check("^a$", false, &["a", "a\n"], &["ab", "a\n\n", "A"]);
        check(r"b[$]\Z", true, &["ab$", "AB$"], &["b$\n"]);
    }

    #[test]
    fn a_pattern_means_the_same_when_it_is_written_down() {
        let built_in = [
            Pattern::Printable,
            Pattern::Pair,
            Pattern::HashText,
            Pattern::Uuid,
            Pattern::NoDotAtEnd,
            Pattern::OneOf(SEVERITIES),
            Pattern::Transport,
            Pattern::compile("^A+$", true).unwrap(),
        ];
        let texts = [
            "",
            "\n",
            "a.",
            "a.\n",
            "aa",
            "AT",
            "a b~",
            "ż",
            "AB/.0\n",
            "high",
            "info\n",
            "tcp",
            "UDP",
            "tp++",
            "tpp",
            "ax.25",
            "ax_25",
            "01234567-89ab-cdef-0123-456789abcdef",
            "01234567-89AB-cdef-0123-456789abcdef",
            "a\nb",
            "TCP\n\n",
        ];
        for pattern in built_in {
            let (python, ignore_case) = pattern.python();
            let plain = Pattern::Regex(
                regex::RegexBuilder::new(&translate(&python)).case_insensitive(ignore_case).build().unwrap(),
                python.as_str().into(),
                ignore_case,
            );
            for text in texts {
                assert_eq!(pattern.matches(text), plain.matches(text), "{python} on {text:?}");
            }
        }
    }

    #[test]
    fn transports_are_names_in_any_case() {
        for name in ["tcp", "UDP", "nvp", "nvp-ii", "tp++", "ax.25", "ax_25", "ipv6-icmp", "divert", "3pc"] {
            assert!(Pattern::Transport.matches(name), "{name}");
        }
        for name in ["", "tcp ", "tcpx", "6", "ax25"] {
            assert!(!Pattern::Transport.matches(name), "{name}");
        }
    }
}
