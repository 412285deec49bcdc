//! Numbers as Python's format codes `f`, `e` and `g` write them, and their groups of digits.

/// `%f`
pub(super) fn fixed(number: f64, precision: usize, alternate: bool) -> String {
    let mut text = format!("{number:.precision$}");
    if alternate && precision == 0 {
        text.push('.');
    }
    text
}

/// `%e`
pub(super) fn scientific(number: f64, precision: usize, alternate: bool) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if alternate && precision == 0 { "." } else { "" };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}{point}e{sign}{exponent:0>2}")
}

/// `%g`; `bare` is what Python does without a code: one digit more before it turns to powers, and `.0` stays.
pub(super) fn general(number: f64, precision: usize, alternate: bool, bare: bool) -> String {
    let precision = precision.max(1);
    let text = format!("{number:.*e}", precision - 1);
    let exponent: i32 = text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let most = precision as i32 - i32::from(bare);
    if (-4..most).contains(&exponent) {
        let decimals = usize::try_from(precision as i32 - 1 - exponent).unwrap_or(0);
        let text = fixed(number, decimals, alternate);
        let text = if alternate { text } else { trimmed(&text) };
        return if bare && !text.contains('.') { text + ".0" } else { text };
    }
    let text = scientific(number, precision - 1, alternate);
    match text.split_once('e') {
        Some((digits, exponent)) if !alternate => format!("{}e{exponent}", trimmed(digits)),
        _ => text,
    }
}

fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// Puts a separator between groups of the digits before the point, with zeros in front up to a length.
pub(super) fn grouped(digits: &str, separator: char, size: usize, least: usize) -> String {
    let end = digits.find(['.', 'e', 'E', '%']).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    let mut out: Vec<char> = Vec::new();
    let mut count = 0;
    let mut whole = whole.chars().rev();
    loop {
        let digit = match whole.next() {
            Some(digit) => digit,
            None if out.len() + rest.len() < least => '0',
            None => break,
        };
        if count > 0 && count % size == 0 {
            out.push(separator);
        }
        out.push(digit);
        count += 1;
    }
    out.into_iter().rev().chain(rest.chars()).collect()
}
