//! Lets the statements of a file meet one event.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::moment;
use super::syntax::{Action, Condition, Name, Operand, Statement, When};
use crate::bots::Failure;
use crate::bots::values::lookup;
use crate::message::{Add, Message, Value, python};

/// One event on its way through a file.
pub(super) struct Run<'f> {
    pub(super) event: Message,
    /// Where it goes, if the file says so.
    pub(super) paths: Option<&'f [String]>,
    pub(super) now: Timestamp,
    variables: HashMap<&'f str, Value>,
}

/// Whether the next statement is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Keep,
    Drop,
}

impl<'f> Run<'f> {
    pub(super) fn new(event: Message, now: Timestamp) -> Run<'f> {
        Run { event, paths: None, now, variables: HashMap::new() }
    }

    pub(super) fn all(&mut self, statements: &'f [Statement]) -> Result<Flow, Failure> {
        for statement in statements {
            let flow = match statement {
                Statement::Action(action) => self.act(action)?,
                Statement::Branch(arms, otherwise) => {
                    let arm = self.arm(arms)?;
                    self.all(arm.unwrap_or(otherwise))?
                }
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn arm(&self, arms: &'f [(Condition, Vec<Statement>)]) -> Result<Option<&'f [Statement]>, Failure> {
        for (condition, statements) in arms {
            if self.holds(condition)? {
                return Ok(Some(statements));
            }
        }
        Ok(None)
    }

    fn holds(&self, condition: &Condition) -> Result<bool, Failure> {
        match condition {
            Condition::Any(any) => {
                for condition in any {
                    if self.holds(condition)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::All(all) => {
                for condition in all {
                    if !self.holds(condition)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Not(condition) => Ok(!self.holds(condition)?),
            Condition::Match(name, test) => test.holds(self.value(name)?.as_deref(), self.now),
        }
    }

    /// Returns the value of a field. A variable stands for the field whose name it holds, as in IntelMQ.
    fn value(&self, name: &Name) -> Result<Option<Cow<'_, Value>>, Failure> {
        match name {
            Name::Field(field) => Ok(lookup(&self.event, field)),
            Name::Variable(variable) => match self.kept(variable)? {
                Value::Text(field) => Ok(lookup(&self.event, field)),
                other => Err(Failure::Other(format!(
                    "{name} holds {}, where the name of a field is meant",
                    python::repr(other)
                ))),
            },
        }
    }

    fn kept(&self, variable: &str) -> Result<&Value, Failure> {
        let unknown = || Failure::Other(format!("the variable ${variable} is used before it has a value"));
        self.variables.get(variable).ok_or_else(unknown)
    }

    fn operand(&self, operand: &Operand) -> Result<Value, Failure> {
        match operand {
            Operand::Value(value) => Ok(value.clone()),
            Operand::Variable(name) => self.kept(name).cloned(),
        }
    }

    fn act(&mut self, action: &'f Action) -> Result<Flow, Failure> {
        match action {
            Action::Drop => return Ok(Flow::Drop),
            Action::Keep => return Ok(Flow::Keep),
            Action::Path(paths) => self.paths = Some(paths),
            Action::Set(when, field, operand) => self.set(*when, field, operand)?,
            Action::Shift(when, field, seconds, back) => self.shift(*when, field, *seconds, *back)?,
            Action::Remove(Name::Field(field)) => {
                self.event.remove(field);
            }
            Action::Remove(Name::Variable(_)) => {}
            Action::Append(field, operand, force) => self.append(field, operand, *force)?,
            Action::Assign(variable, field) => {
                let value = lookup(&self.event, field).map(Cow::into_owned);
                let value = value.ok_or_else(|| Failure::Other(format!("{field} is not in the event")))?;
                self.variables.insert(variable, value);
            }
        }
        Ok(Flow::Next)
    }

    fn set(&mut self, when: When, field: &str, operand: &Operand) -> Result<(), Failure> {
        let there = self.event.contains(field);
        if (when == When::Missing && there) || (when == When::Present && !there) {
            return Ok(());
        }
        let value = self.operand(operand)?;
        self.event.add_with(field, value, Add::REPLACE)?;
        Ok(())
    }

    /// Moves a time; a field that is not there fails, but for `update`.
    fn shift(&mut self, when: When, field: &str, seconds: i64, back: bool) -> Result<(), Failure> {
        let there = self.event.contains(field);
        if !there && when == When::Present {
            return Ok(());
        }
        let value = lookup(&self.event, field);
        let text = match value.as_deref() {
            None => {
                return Err(Failure::Other(format!(
                    "{field} is not in the event, so that it cannot be shifted"
                )));
            }
            Some(value) => value.as_str().unwrap_or_default(),
        };
        let seconds = SignedDuration::from_secs(if back { -seconds } else { seconds });
        let shifted = moment::event_time(text).and_then(|moment| moment.checked_add(seconds).ok());
        let Some(shifted) = shifted else {
            return Err(Failure::Other(format!("{field} is {text:?}, which is no time that can be shifted")));
        };
        if when == When::Missing {
            return Ok(());
        }
        self.event.add_with(field, moment::event_text(shifted).into(), Add::REPLACE)?;
        Ok(())
    }

    fn append(&mut self, field: &str, operand: &Operand, force: bool) -> Result<(), Failure> {
        let mut list = match lookup(&self.event, field).as_deref() {
            None => Vec::new(),
            Some(Value::List(items)) => items.clone(),
            Some(_) if !force => return Ok(()),
            Some(other) => vec![other.clone()],
        };
        list.push(self.operand(operand)?);
        self.event.add_with(field, Value::List(list), Add::REPLACE)?;
        Ok(())
    }
}
