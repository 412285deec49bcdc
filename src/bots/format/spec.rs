//! Format specifications such as `>10`, `05d` or `.2f`, applied to a value.

use super::number::{fixed, general, grouped, scientific};
use super::type_name;
use crate::message::{Value, python};

/// A format specification, read.
#[derive(Debug, Default, Clone)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

/// The most that a width or a precision may be, so that a rule cannot fill the memory.
const MOST: usize = 100_000;

/// Appends a value as the specification wants it.
pub(super) fn format(value: &Value, spec: &str, out: &mut String) -> Result<(), String> {
    if spec.is_empty() {
        out.push_str(&python::str(value));
        return Ok(());
    }
    let unsupported = || format!("unsupported format string passed to {}.__format__", type_name(value));
    let text = match value {
        Value::Text(text) => Spec::parse(spec, "str")?.text(text)?,
        Value::Int(number) => Spec::parse(spec, "int")?.int(i128::from(*number))?,
        Value::Bool(value) => Spec::parse(spec, "bool")?.int(i128::from(*value))?,
        Value::BigInt(digits) => match digits.parse() {
            Ok(number) => Spec::parse(spec, "int")?.int(number)?,
            Err(_) => return Err(format!("{digits} is too large for the format specifier {spec:?}")),
        },
        Value::Float(number) => Spec::parse(spec, "float")?.float(*number)?,
        Value::Null | Value::Bytes(_) | Value::List(_) | Value::Map(_) => return Err(unsupported()),
    };
    out.push_str(&text);
    Ok(())
}

impl Spec {
    fn parse(text: &str, kind: &str) -> Result<Spec, String> {
        let invalid = || format!("Invalid format specifier '{text}' for object of type '{kind}'");
        let is_align = |c: Option<char>| matches!(c, Some('<' | '>' | '=' | '^'));
        let mut spec = Spec::default();
        let mut rest = text.chars().peekable();
        let mut ahead = text.chars();
        let (first, second) = (ahead.next(), ahead.next());
        if is_align(second) {
            (spec.fill, spec.align) = (first, second);
            rest.nth(1);
        } else if is_align(first) {
            spec.align = rest.next();
        }
        spec.sign = rest.next_if(|c| matches!(c, '+' | '-' | ' '));
        spec.alternate = rest.next_if_eq(&'#').is_some();
        spec.zero = spec.fill.is_none() && rest.next_if_eq(&'0').is_some();
        spec.width = number(&mut rest)?.unwrap_or(0);
        spec.grouping = rest.next_if(|c| matches!(c, ',' | '_'));
        if rest.next_if(|c| matches!(c, ',' | '_')).is_some() {
            return Err("Cannot specify both ',' and '_'.".into());
        }
        if rest.next_if_eq(&'.').is_some() {
            spec.precision = Some(number(&mut rest)?.ok_or("Format specifier missing precision")?);
        }
        spec.kind = rest.next();
        if let (Some(grouping), Some(kind @ ('n' | 'c'))) = (spec.grouping, spec.kind) {
            return Err(format!("Cannot specify '{grouping}' with '{kind}'."));
        }
        if rest.next().is_some() { Err(invalid()) } else { Ok(spec) }
    }

    fn unknown(&self, kind: &str) -> String {
        let code = self.kind.unwrap_or_default();
        format!("Unknown format code '{code}' for object of type '{kind}'")
    }

    fn text(&self, text: &str) -> Result<String, String> {
        if !matches!(self.kind, None | Some('s')) {
            return Err(self.unknown("str"));
        }
        if self.sign.is_some() {
            return Err("Sign not allowed in string format specifier".into());
        }
        if self.alternate {
            return Err("Alternate form (#) not allowed in string format specifier".into());
        }
        if let Some(grouping) = self.grouping {
            return Err(format!("Cannot specify '{grouping}' with 's'."));
        }
        if self.align == Some('=') {
            return Err("'=' alignment not allowed in string format specifier".into());
        }
        let cut =
            self.precision.and_then(|most| text.char_indices().nth(most)).map_or(text.len(), |(at, _)| at);
        Ok(self.pad("", &text[..cut], '<'))
    }

    fn int(&self, number: i128) -> Result<String, String> {
        if matches!(self.kind, Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%')) {
            return self.float(number as f64);
        }
        if self.precision.is_some() {
            return Err("Precision not allowed in integer format specifier".into());
        }
        let absolute = number.unsigned_abs();
        let (prefix, digits, size) = match self.kind {
            None | Some('d' | 'n') => ("", absolute.to_string(), 3),
            Some('x') => ("0x", format!("{absolute:x}"), 4),
            Some('X') => ("0X", format!("{absolute:X}"), 4),
            Some('o') => ("0o", format!("{absolute:o}"), 4),
            Some('b') => ("0b", format!("{absolute:b}"), 4),
            Some('c') => return self.character(number),
            Some(_) => return Err(self.unknown("int")),
        };
        if self.grouping == Some(',') && size == 4 {
            return Err(format!("Cannot specify ',' with '{}'.", self.kind.unwrap_or_default()));
        }
        let prefix = if self.alternate { prefix } else { "" };
        Ok(self.numeric(number < 0, prefix, &digits, size))
    }

    fn character(&self, number: i128) -> Result<String, String> {
        if self.sign.is_some() {
            return Err("Sign not allowed with integer format specifier 'c'".into());
        }
        let c = u32::try_from(number).ok().and_then(char::from_u32).ok_or("%c arg not in range(0x110000)")?;
        Ok(self.pad("", c.encode_utf8(&mut [0; 4]), '<'))
    }

    fn float(&self, number: f64) -> Result<String, String> {
        let absolute = number.abs();
        let precision = self.precision.unwrap_or(6);
        let text = match self.kind {
            _ if !absolute.is_finite() => if absolute.is_nan() { "nan" } else { "inf" }.to_owned(),
            Some('f' | 'F') => fixed(absolute, precision, self.alternate),
            Some('%') => fixed(absolute * 100.0, precision, self.alternate),
            Some('e' | 'E') => scientific(absolute, precision, self.alternate),
            Some('g' | 'G' | 'n') => general(absolute, precision, self.alternate, false),
            None => match self.precision {
                None if self.alternate => pointed(python::float_text(absolute)),
                None => python::float_text(absolute),
                Some(precision) => general(absolute, precision, self.alternate, true),
            },
            Some(_) => return Err(self.unknown("float")),
        };
        let mut text = if matches!(self.kind, Some('E' | 'F' | 'G')) { text.to_uppercase() } else { text };
        if self.kind == Some('%') {
            text.push('%');
        }
        Ok(self.numeric(number.is_sign_negative() && !number.is_nan(), "", &text, 3))
    }

    /// Puts sign, prefix, groups and padding around the digits of a number.
    fn numeric(&self, negative: bool, prefix: &str, digits: &str, size: usize) -> String {
        let sign = match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            _ => "",
        };
        let head = format!("{sign}{prefix}");
        let zeros = self.zero && self.align.is_none() || self.align == Some('=') && self.fill_or(' ') == '0';
        match self.grouping {
            None => self.pad(&head, digits, '>'),
            Some(separator) => {
                let least = if zeros { self.width.saturating_sub(head.len()) } else { 0 };
                self.pad(&head, &grouped(digits, separator, size, least), '>')
            }
        }
    }

    fn fill_or(&self, default: char) -> char {
        self.fill.unwrap_or(if self.zero { '0' } else { default })
    }

    fn pad(&self, head: &str, text: &str, default: char) -> String {
        let fill = self.fill_or(' ');
        let align = self.align.unwrap_or(if self.zero && default == '>' { '=' } else { default });
        let missing = self.width.saturating_sub(head.chars().count() + text.chars().count());
        let filler = |count: usize| std::iter::repeat_n(fill, count).collect::<String>();
        match align {
            '<' => format!("{head}{text}{}", filler(missing)),
            '^' => format!("{}{head}{text}{}", filler(missing / 2), filler(missing - missing / 2)),
            '=' => format!("{head}{}{text}", filler(missing)),
            _ => format!("{}{head}{text}", filler(missing)),
        }
    }
}

/// Puts a point after the digits of `1e+22`, which has none.
fn pointed(text: String) -> String {
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.e{exponent}"),
        _ => text,
    }
}

fn number(rest: &mut std::iter::Peekable<std::str::Chars>) -> Result<Option<usize>, String> {
    let mut digits = String::new();
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    if digits.is_empty() {
        return Ok(None);
    }
    match digits.parse() {
        Ok(number) if number <= MOST => Ok(Some(number)),
        _ => Err(format!("Too many decimal digits in format string: at most {MOST} are taken")),
    }
}
