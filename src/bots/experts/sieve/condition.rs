//! Reads one comparison of a condition.

use super::check;
use super::parse::{Parsed, Parser};
use super::syntax::{Compare, Condition, ListOp, Name, Operand, Test};
use crate::bots::pattern::Pattern;
use crate::message::Value;

/// Operators, each before those that it begins with.
const OPERATORS: [&str; 18] = [
    "==",
    "!=",
    "=~",
    "!~",
    "<<",
    "<=",
    ">=",
    "<",
    ">",
    ":containsany",
    ":contains",
    ":regexin",
    ":in",
    ":before",
    ":after",
    ":equals",
    ":setequals",
    ":overlaps",
];
const MORE: [&str; 2] = [":subsetof", ":supersetof"];

impl Parser<'_> {
    pub(super) fn comparison(&mut self) -> Parsed<Condition> {
        for (word, exists) in [(":exists", true), (":notexists", false)] {
            if self.eat(word) {
                return Ok(Condition::Match(self.name()?, Test::Exists(exists)));
            }
        }
        let start = self.place();
        let name = self.name()?;
        let Some(operator) = OPERATORS.into_iter().chain(MORE).find(|word| self.eat(word)) else {
            return Err(
                self.expected("an operator, such as ==, :contains, =~, :in, <<, :before or :overlaps")
            );
        };
        let test = match operator {
            "==" | "!=" => self.equality(start, &name, operator == "!=")?,
            ":in" => self.membership(start, &name)?,
            ":contains" | ":containsany" | "=~" | "!~" | ":regexin" => {
                self.text_test(start, &name, operator)?
            }
            "<<" => {
                let start = self.place();
                let networks = self.one_or_more_texts()?;
                let networks = networks.iter().map(|text| check::network(self, start, text));
                Test::Within(networks.collect::<Parsed<_>>()?)
            }
            "<=" => self.ordering(start, &name, Compare::AtMost)?,
            ">=" => self.ordering(start, &name, Compare::AtLeast)?,
            "<" => self.ordering(start, &name, Compare::Below)?,
            ">" => self.ordering(start, &name, Compare::Above)?,
            ":before" | ":after" => {
                let start = self.place();
                let text = self.string().ok_or_else(|| self.expected("a moment or an age, in quotes"))?;
                Test::Time(check::moment(self, start, &text)?, operator == ":after")
            }
            _ => Test::List(list_operator(operator), self.operands()?),
        };
        Ok(Condition::Match(name, test))
    }

    fn equality(&mut self, start: usize, name: &Name, not: bool) -> Parsed<Test> {
        if let Some(text) = self.string() {
            check::text(self, start, name, std::slice::from_ref(&text))?;
            return Ok(Test::Equal(text, not));
        }
        if let Some(number) = self.number() {
            check::number(self, start, name)?;
            let compare = if not { Compare::NotEqual } else { Compare::Equal };
            return Ok(Test::Number(compare, number.as_f64().unwrap_or(f64::NAN)));
        }
        match self.flag() {
            Some(flag) => Ok(Test::Flag(flag, not)),
            None => Err(self.expected("a text in quotes, a number, true or false")),
        }
    }

    fn ordering(&mut self, start: usize, name: &Name, compare: Compare) -> Parsed<Test> {
        let number = self.number().ok_or_else(|| self.expected("a number"))?;
        check::number(self, start, name)?;
        Ok(Test::Number(compare, number.as_f64().unwrap_or(f64::NAN)))
    }

    fn membership(&mut self, start: usize, name: &Name) -> Parsed<Test> {
        let numbers =
            self.rest_after_bracket().starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        if numbers {
            let numbers =
                self.list(|parser| parser.number().and_then(|number| number.as_f64()), "a number")?;
            check::number(self, start, name)?;
            return Ok(Test::NumberIn(numbers));
        }
        let texts = self.list(Parser::string, "a text in quotes, or a number")?;
        check::text(self, start, name, &texts)?;
        Ok(Test::In(texts))
    }

    fn text_test(&mut self, start: usize, name: &Name, operator: &str) -> Parsed<Test> {
        let place = self.place();
        let texts = if matches!(operator, ":containsany" | ":regexin") {
            self.list(Parser::string, "a text in quotes")?
        } else {
            vec![self.string().ok_or_else(|| self.expected("a text in quotes"))?]
        };
        check::text(self, start, name, &texts)?;
        if matches!(operator, ":containsany") {
            return Ok(Test::ContainsAny(texts));
        }
        let first = texts.first().cloned().unwrap_or_default();
        if operator == ":contains" {
            return Ok(Test::Contains(first));
        }
        let patterns = texts.iter().map(|text| Pattern::parse(text, true));
        let patterns = patterns.collect::<Result<Vec<_>, _>>();
        let mut patterns = patterns.map_err(|problem| self.refused(place, problem))?;
        if operator == ":regexin" {
            return Ok(Test::RegexIn(patterns));
        }
        let pattern = patterns.pop().ok_or_else(|| self.expected("a regular expression"))?;
        Ok(Test::Regex(Box::new(pattern), operator == "!~"))
    }

    /// Reads a list of values, which may be empty.
    fn operands(&mut self) -> Parsed<Vec<Option<Value>>> {
        if self.rest_after_bracket().starts_with(']') {
            self.need("[")?;
            self.need("]")?;
            return Ok(Vec::new());
        }
        self.need("[")?;
        let mut items = Vec::new();
        loop {
            items.push(match self.operand()? {
                Operand::Value(value) => Some(value),
                Operand::Variable(_) => None,
            });
            if self.eat("]") {
                return Ok(items);
            }
            if !self.eat(",") {
                return Err(self.expected("\",\" or \"]\""));
            }
        }
    }

    /// Returns what stands behind a bracket that comes next.
    fn rest_after_bracket(&mut self) -> String {
        let start = self.place();
        let opened = self.eat("[");
        let place = self.place();
        let rest: String = if opened { self.rest().chars().take(1).collect() } else { String::new() };
        self.back_to(start.min(place));
        rest
    }
}

fn list_operator(operator: &str) -> ListOp {
    match operator {
        ":equals" => ListOp::Equals,
        ":setequals" => ListOp::SetEquals,
        ":overlaps" => ListOp::Overlaps,
        ":subsetof" => ListOp::SubsetOf,
        _ => ListOp::SupersetOf,
    }
}
