//! Rewrites a regular expression of Python's for the engine.

use std::fmt::Write as _;

/// The flags that change how an expression is read.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    multiline: bool,
    verbose: bool,
}

struct Translator<'p> {
    rest: std::str::Chars<'p>,
    out: String,
    flags: Flags,
    /// The flags outside of each open group.
    groups: Vec<Flags>,
    dollar: &'static str,
}

/// What Python's named classes hold, as members of a set.
fn named(class: char) -> &'static str {
    match class {
        'd' => r"\d",
        'D' => r"\D",
        's' => r"\s\x1c-\x1f",
        'S' => r"[^\s\x1c-\x1f]",
        'w' => r"\p{L}\p{N}_",
        _ => r"[^\p{L}\p{N}_]",
    }
}

/// Returns the expression in the engine's form; `dollar` is what `$` becomes where it does not mean every line's end.
pub(super) fn translate(pattern: &str, dollar: &'static str) -> Result<String, String> {
    let mut translator = Translator {
        rest: pattern.chars(),
        out: String::with_capacity(pattern.len() + 8),
        flags: Flags::default(),
        groups: Vec::new(),
        dollar,
    };
    while let Some(c) = translator.rest.next() {
        translator.step(c, pattern)?;
    }
    Ok(translator.out)
}

impl Translator<'_> {
    fn step(&mut self, c: char, pattern: &str) -> Result<(), String> {
        match c {
            c if self.flags.verbose && matches!(c, ' ' | '\t'..='\r') => {}
            '#' if self.flags.verbose => {
                self.rest.find(|c| *c == '\n');
            }
            '\\' => self.escape()?,
            '[' => self.class()?,
            '{' => self.braces(),
            '}' | ']' => self.literal(c),
            '$' if !self.flags.multiline => self.out.push_str(self.dollar),
            '(' => {
                let at_start = pattern.len() - self.rest.as_str().len() == 1 || self.out_is_flags();
                self.group(at_start)?;
            }
            ')' => {
                self.flags = self.groups.pop().unwrap_or(self.flags);
                self.out.push(')');
            }
            '*' | '+' | '?' | '.' | '^' | '$' | '|' => self.out.push(c),
            c => self.literal(c),
        }
        Ok(())
    }

    /// Tells whether nothing but flags stands before; Python wants them in one group, several are taken as well.
    fn out_is_flags(&self) -> bool {
        self.out.split_inclusive(')').all(|part| {
            part.strip_prefix("(?")
                .and_then(|part| part.strip_suffix(')'))
                .is_some_and(|flags| flags.bytes().all(|b| b.is_ascii_lowercase()))
        })
    }

    fn literal(&mut self, c: char) {
        self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.as_str().strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest.chars();
                true
            }
            None => false,
        }
    }

    /// `\` outside a set.
    fn escape(&mut self) -> Result<(), String> {
        match self.peek() {
            Some(c @ ('A' | 'b' | 'B')) => {
                self.rest.next();
                self.out.extend(['\\', c]);
            }
            Some(c @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                self.rest.next();
                put(&mut self.out, format_args!("[{}]", named(c)));
            }
            Some('Z') => {
                self.rest.next();
                self.out.push_str(r"\z");
            }
            Some('1'..='9') if !self.is_octal() => {
                let digits = self.digits(2);
                put(&mut self.out, format_args!(r"(?:\{digits})"));
            }
            _ => {
                let c = self.escaped_character()?;
                self.literal(c);
            }
        }
        Ok(())
    }

    /// Tells whether three octal digits follow.
    fn is_octal(&self) -> bool {
        let mut next = self.rest.clone();
        (0..3).all(|_| next.next().is_some_and(|c| c.is_digit(8)))
    }

    fn digits(&mut self, most: usize) -> String {
        let mut digits = String::new();
        while digits.len() < most
            && let Some(c) = self.peek().filter(char::is_ascii_digit)
        {
            digits.push(c);
            self.rest.next();
        }
        digits
    }

    /// An escape that stands for one character.
    fn escaped_character(&mut self) -> Result<char, String> {
        let c = self.rest.next().ok_or("bad escape at its end")?;
        let of =
            |code: u32| char::from_u32(code).ok_or_else(|| format!("no character has the code {code:#x}"));
        match c {
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            'x' => of(self.hex(2)?),
            'u' => of(self.hex(4)?),
            'U' => of(self.hex(8)?),
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.rest.next();
                }
                if code > 0o377 {
                    Err(format!("octal escape value {code:#o} is too large"))
                } else {
                    of(code)
                }
            }
            c if c.is_ascii_alphanumeric() => Err(format!("bad escape \\{c}")),
            c => Ok(c),
        }
    }

    fn hex(&mut self, count: usize) -> Result<u32, String> {
        let text = self.rest.as_str();
        let digits = text.get(..count).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits =
            digits.ok_or_else(|| format!("incomplete escape, {count} hexadecimal digits are wanted"))?;
        self.rest = text[count..].chars();
        u32::from_str_radix(digits, 16).map_err(|error| error.to_string())
    }

    /// `{`: a quantifier, or itself.
    fn braces(&mut self) {
        let Some((inner, _)) = self.rest.as_str().split_once('}') else { return self.literal('{') };
        let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let (low, high) = match inner.split_once(',') {
            Some((low, high)) if is_number(low) && is_number(high) => (low, Some(high)),
            None if !inner.is_empty() && is_number(inner) => (inner, None),
            _ => return self.literal('{'),
        };
        let low = if low.is_empty() { "0" } else { low };
        self.out.push_str(&high.map_or_else(|| format!("{{{low}}}"), |high| format!("{{{low},{high}}}")));
        self.rest = self.rest.as_str()[inner.len() + 1..].chars();
    }

    /// `[`: a set. Everything in it that the engine could take for an operator is escaped.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.take("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.peek() {
                None => return Err("unterminated character set".to_owned()),
                Some(']') if !first => break,
                Some(_) => {}
            }
            first = false;
            let Some(low) = self.member()? else { continue };
            let is_range = self.rest.as_str().starts_with('-') && !self.rest.as_str().starts_with("-]");
            if !is_range || self.rest.as_str() == "-" {
                self.class_literal(low);
                continue;
            }
            self.rest.next();
            let at = self.out.len();
            let high = self.member()?;
            let Some(high) = high.filter(|high| low <= *high) else {
                let high = high.map_or_else(|| self.out.split_off(at), String::from);
                return Err(format!("bad character range {low}-{high}"));
            };
            self.class_literal(low);
            self.out.push('-');
            self.class_literal(high);
        }
        self.rest.next();
        self.out.push(']');
        Ok(())
    }

    /// Reads one member of a set: a character, or a class such as `\d`, which is written at once.
    fn member(&mut self) -> Result<Option<char>, String> {
        match self.rest.next() {
            None => Err("unterminated character set".to_owned()),
            Some('\\') => match self.peek() {
                Some(c @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                    self.rest.next();
                    self.out.push_str(named(c));
                    let rest = self.rest.as_str();
                    if rest.starts_with('-') && !rest.starts_with("-]") {
                        return Err(format!("bad character range from \\{c}"));
                    }
                    Ok(None)
                }
                Some('b') => {
                    self.rest.next();
                    Ok(Some('\u{8}'))
                }
                _ => self.escaped_character().map(Some),
            },
            Some(c) => Ok(Some(c)),
        }
    }

    fn class_literal(&mut self, c: char) {
        match c {
            c if c.is_ascii_alphanumeric() || !c.is_ascii() => self.out.push(c),
            c => put(&mut self.out, format_args!(r"\x{{{:x}}}", c as u32)),
        }
    }

    /// `(`: a group, an assertion, a comment or flags.
    fn group(&mut self, at_start: bool) -> Result<(), String> {
        let outside = self.flags;
        if !self.take("?") {
            self.out.push('(');
        } else if self.take("#") {
            return self
                .rest
                .find(|c| *c == ')')
                .map(drop)
                .ok_or_else(|| "missing ), unterminated comment".into());
        } else if let Some(form) = [":", "P<", "=", "!", "<=", "<!", ">"].iter().find(|form| self.take(form))
        {
            put(&mut self.out, format_args!("(?{form}"));
            if *form == "P<" {
                self.name('>')?;
                self.out.push('>');
            }
        } else if self.take("P=") {
            self.out.push_str("(?P=");
            self.name(')')?;
            self.out.push(')');
            return Ok(());
        } else if self.take("(") {
            self.out.push_str("(?(");
            let name = self.rest.as_str().split(')').next().unwrap_or_default();
            if name.bytes().all(|b| b.is_ascii_digit()) {
                self.name(')')?;
            } else {
                self.out.push('<');
                self.name(')')?;
                self.out.push('>');
            }
            self.out.push(')');
        } else {
            return self.group_flags(at_start);
        }
        self.groups.push(outside);
        Ok(())
    }

    /// Copies a name up to what ends it.
    fn name(&mut self, end: char) -> Result<(), String> {
        let (name, rest) = self.rest.as_str().split_once(end).ok_or("missing end of a group's name")?;
        self.out.push_str(name);
        self.rest = rest.chars();
        Ok(())
    }

    /// `(?i)` at the start, or `(?i:…)` anywhere.
    fn group_flags(&mut self, at_start: bool) -> Result<(), String> {
        let outside = self.flags;
        let (mut on, mut off) = (String::new(), String::new());
        let mut is_on = true;
        loop {
            match self.rest.next() {
                Some('i') => if is_on { &mut on } else { &mut off }.push('i'),
                Some('s') => if is_on { &mut on } else { &mut off }.push('s'),
                Some('m') => {
                    self.flags.multiline = is_on;
                    if is_on { &mut on } else { &mut off }.push('m');
                }
                Some('x') => self.flags.verbose = is_on,
                Some('u') if is_on => {}
                Some('a') => {
                    return Err("the flag a (ASCII only) is not supported; write sets such as [0-9]".into());
                }
                Some('-') if is_on => is_on = false,
                Some(':') => break,
                Some(')') if is_on && at_start => {
                    if !on.is_empty() {
                        put(&mut self.out, format_args!("(?{on})"));
                    }
                    return Ok(());
                }
                Some(')') if is_on => return Err("global flags not at the start of the expression".into()),
                Some(c) => return Err(format!("unknown extension or flag ?{c}")),
                None => return Err("missing -, : or )".into()),
            }
        }
        let off = if off.is_empty() { off } else { format!("-{off}") };
        put(&mut self.out, format_args!("(?{on}{off}:"));
        self.groups.push(outside);
        Ok(())
    }
}

fn put(out: &mut String, text: std::fmt::Arguments) {
    // Writing to a text cannot fail.
    let _ = out.write_fmt(text);
}
