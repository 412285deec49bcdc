//! Reads a sieve file: white space is free, `#` and `//` begin comments, words need no blank behind them.

use super::check;
use super::syntax::{Action, Condition, Name, Operand, Statement, When};
use crate::diagnostic::{Source, Span};
use crate::message::{Idf, Value};

/// How deep blocks and parentheses may be nested.
const DEPTH: usize = 100;

/// What is wrong with a file, and where.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) span: Span,
    pub(super) text: String,
}

pub(super) type Parsed<T> = Result<T, Problem>;

/// A place in a file that is being read.
pub(super) struct Parser<'s> {
    pub(super) idf: &'s Idf,
    text: &'s str,
    at: usize,
    depth: usize,
    /// The fields that were named so far, and where.
    fields: Vec<(Span, String)>,
}

/// What a file says, and the fields that it names, with their places.
pub(super) type Whole = (Vec<Statement>, Vec<(Span, String)>);

/// Reads a whole file.
pub(super) fn read(source: &Source, idf: &Idf) -> Parsed<Whole> {
    let mut parser = Parser { idf, text: source.text(), at: 0, depth: 0, fields: Vec::new() };
    parser.file().map(|statements| (statements, parser.fields))
}

impl<'s> Parser<'s> {
    fn file(&mut self) -> Parsed<Vec<Statement>> {
        let statements = self.statements()?;
        if self.rest().is_empty() {
            Ok(statements)
        } else {
            Err(self.expected(
                "a statement (if, drop, keep, path, add, update, remove, append or $variable = field)",
            ))
        }
    }

    fn statements(&mut self) -> Parsed<Vec<Statement>> {
        let mut statements = Vec::new();
        while let Some(statement) = self.statement()? {
            statements.push(statement);
        }
        Ok(statements)
    }

    fn statement(&mut self) -> Parsed<Option<Statement>> {
        if self.eat("if") {
            return self.branch().map(Some);
        }
        Ok(self.action()?.map(Statement::Action))
    }

    fn branch(&mut self) -> Parsed<Statement> {
        let mut arms = vec![(self.condition()?, self.block()?)];
        while self.eat("elif") {
            arms.push((self.condition()?, self.block()?));
        }
        let otherwise = if self.eat("else") { self.block()? } else { Vec::new() };
        Ok(Statement::Branch(arms, otherwise))
    }

    fn block(&mut self) -> Parsed<Vec<Statement>> {
        self.need("{")?;
        self.deeper(|parser| {
            let statements = parser.statements()?;
            if !parser.eat("}") {
                return Err(parser.expected("a statement or \"}\""));
            }
            Ok(statements)
        })
    }

    /// Reads something that may contain itself.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH {
            return Err(self.refused(self.at, format!("nested more than {DEPTH} deep; make it flatter")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn condition(&mut self) -> Parsed<Condition> {
        let mut any = vec![self.conjunction()?];
        while self.eat("||") {
            any.push(self.conjunction()?);
        }
        Ok(Condition::Any(any))
    }

    fn conjunction(&mut self) -> Parsed<Condition> {
        let mut all = vec![self.simple()?];
        while self.eat("&&") {
            all.push(self.simple()?);
        }
        Ok(Condition::All(all))
    }

    fn simple(&mut self) -> Parsed<Condition> {
        let not = self.eat("!");
        let condition = if self.eat("(") {
            let inner = self.deeper(Self::condition)?;
            self.need(")")?;
            inner
        } else {
            self.comparison()?
        };
        Ok(if not { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn action(&mut self) -> Parsed<Option<Action>> {
        let action = if self.eat("drop") {
            Action::Drop
        } else if self.eat("keep") {
            Action::Keep
        } else if self.eat("path") {
            Action::Path(self.one_or_more_texts()?)
        } else if self.eat("add!") {
            self.setting(When::Always)?
        } else if self.eat("add") {
            self.setting(When::Missing)?
        } else if self.eat("update") {
            self.setting(When::Present)?
        } else if self.eat("remove") {
            Action::Remove(self.name()?)
        } else if self.eat("append!") {
            self.appending(true)?
        } else if self.eat("append") {
            self.appending(false)?
        } else if self.rest().starts_with('$') {
            let Name::Variable(variable) = self.name()? else { return Ok(None) };
            self.need("=")?;
            Action::Assign(variable, self.field()?)
        } else {
            return Ok(None);
        };
        Ok(Some(action))
    }

    fn setting(&mut self, when: When) -> Parsed<Action> {
        self.skip();
        let start = self.at;
        let name = self.field()?;
        if when != When::Present {
            check::settable(self, start, &name)?;
        }
        let back = match () {
            () if self.eat("=") => return Ok(Action::Set(when, name, self.operand()?)),
            () if self.eat("+=") => false,
            () if self.eat("-=") => true,
            () => return Err(self.expected("\"=\", \"+=\" or \"-=\"")),
        };
        self.skip();
        let start = self.at;
        let value = self.operand()?;
        Ok(Action::Shift(when, name, check::span(self, start, &value)?, back))
    }

    fn appending(&mut self, force: bool) -> Parsed<Action> {
        self.skip();
        let start = self.at;
        let name = self.field()?;
        check::settable(self, start, &name)?;
        Ok(Action::Append(name, self.operand()?, force))
    }

    /// Reads a field or a variable.
    pub(super) fn name(&mut self) -> Parsed<Name> {
        self.skip();
        let rest = self.rest();
        let (variable, letters) = match rest.strip_prefix('$') {
            Some(letters) => (true, letters),
            None => (false, rest),
        };
        let fits =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || (c == '.' && !variable);
        let name = &letters[..letters.find(|c| !fits(c)).unwrap_or(letters.len())];
        if name.is_empty() {
            return Err(self.expected("a field, such as source.ip, or a $variable"));
        }
        let start = self.at;
        self.at += usize::from(variable) + name.len();
        if variable {
            return Ok(Name::Variable(name.to_owned()));
        }
        self.fields.push((Span { start, end: self.at }, name.to_owned()));
        Ok(Name::Field(name.to_owned()))
    }

    /// Reads a field where a variable cannot stand.
    fn field(&mut self) -> Parsed<String> {
        match self.name()? {
            Name::Field(name) => Ok(name),
            name @ Name::Variable(_) => {
                Err(self.refused(self.at, format!("{name} stands where a field must")))
            }
        }
    }

    /// Reads a written value or a variable.
    pub(super) fn operand(&mut self) -> Parsed<Operand> {
        self.skip();
        if self.rest().starts_with('$') {
            return match self.name()? {
                Name::Variable(name) => Ok(Operand::Variable(name)),
                Name::Field(_) => Err(self.expected("a variable")),
            };
        }
        let value = match self.number() {
            Some(number) => number,
            None => match self.flag() {
                Some(flag) => Value::Bool(flag),
                None => match self.string() {
                    Some(text) => Value::from(text),
                    None => {
                        return Err(
                            self.expected("a value: a text in quotes, a number, true, false or a $variable")
                        );
                    }
                },
            },
        };
        Ok(Operand::Value(value))
    }

    /// Reads texts in brackets, or one text.
    pub(super) fn one_or_more_texts(&mut self) -> Parsed<Vec<String>> {
        self.skip();
        if self.rest().starts_with('[') {
            self.list(Self::string, "a text in quotes")
        } else {
            self.string()
                .map(|text| vec![text])
                .ok_or_else(|| self.expected("a text in quotes, or a list of them"))
        }
    }

    /// Reads a list with at least one item.
    pub(super) fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>, wanted: &str) -> Parsed<Vec<T>> {
        self.need("[")?;
        let mut items = Vec::new();
        loop {
            items.push(item(self).ok_or_else(|| self.expected(wanted))?);
            if self.eat("]") {
                return Ok(items);
            }
            if !self.eat(",") {
                return Err(self.expected("\",\" or \"]\""));
            }
        }
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&mut self) -> Option<bool> {
        self.skip();
        let rest = self.rest();
        let words = [("true", true), ("True", true), ("false", false), ("False", false)];
        let (word, flag) = words.into_iter().find(|(word, _)| rest.starts_with(word))?;
        if rest[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return None;
        }
        self.at += word.len();
        Some(flag)
    }

    /// Reads a number; with a point or an exponent it is a float.
    pub(super) fn number(&mut self) -> Option<Value> {
        self.skip();
        let rest = self.rest();
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let sign = usize::from(rest.starts_with(['+', '-']));
        let whole = digits(&rest[sign..]);
        let mut end = sign + whole;
        let mut float = false;
        if rest[end..].starts_with('.') {
            let fraction = digits(&rest[end + 1..]);
            if whole + fraction > 0 {
                float = true;
                end += 1 + fraction;
            }
        }
        if whole == 0 && !float {
            return None;
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let exponent = digits(&rest[end + 1 + sign..]);
            if exponent > 0 {
                float = true;
                end += 1 + sign + exponent;
            }
        }
        if rest[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') {
            return None;
        }
        self.at += end;
        let text = &rest[..end];
        Some(if float {
            Value::Float(text.parse().unwrap_or(f64::NAN))
        } else {
            crate::bots::values::whole(text)
        })
    }

    /// Reads a text in quotes, of which only quotes are escaped.
    pub(super) fn string(&mut self) -> Option<String> {
        self.skip();
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let mut last_escaped = None;
        let mut end = None;
        let mut at = 1;
        while let Some(c) = rest[at..].chars().next() {
            if c == quote {
                end = Some(at);
                break;
            }
            if c == '\\' && rest[at + 1..].starts_with(quote) {
                last_escaped = Some(at + 1);
                at += 2;
            } else {
                at += c.len_utf8();
            }
        }
        // The file's last quote ends a text even behind a backslash, if no other does.
        let end = end.or(last_escaped)?;
        self.at += end + 1;
        Some(rest[1..end].replace("\\'", "'").replace("\\\"", "\""))
    }

    /// Goes past white space and comments.
    pub(super) fn skip(&mut self) {
        loop {
            let rest = self.text[self.at..].trim_start();
            self.at = self.text.len() - rest.len();
            if !rest.starts_with('#') && !rest.starts_with("//") {
                return;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    /// Goes back to a place that was passed.
    pub(super) fn back_to(&mut self, place: usize) {
        self.at = place;
    }

    pub(super) fn rest(&self) -> &'s str {
        &self.text[self.at..]
    }

    /// Returns where the next word starts.
    pub(super) fn place(&mut self) -> usize {
        self.skip();
        self.at
    }

    /// Goes past a word if it comes next.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        self.skip();
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    pub(super) fn need(&mut self, word: &str) -> Parsed<()> {
        if self.eat(word) { Ok(()) } else { Err(self.expected(&format!("{word:?}"))) }
    }

    pub(super) fn expected(&mut self, wanted: &str) -> Problem {
        self.skip();
        let found = self.rest().split(char::is_whitespace).next().unwrap_or_default();
        let found: String = found.chars().take(30).collect();
        let found = if found.is_empty() { "the file's end".to_owned() } else { format!("{found:?}") };
        self.refused(self.at, format!("expected {wanted}, found {found}"))
    }

    /// Makes a problem of what stands between a place and here.
    pub(super) fn refused(&self, start: usize, text: String) -> Problem {
        Problem { span: Span { start, end: self.at.max(start) }, text }
    }
}
