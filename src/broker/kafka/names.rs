//! Names of topics and back: any queue's name becomes a legal one, and no two become the same.
//!
//! Letters, digits and `-` stay; every other byte is `.` and two hex digits. So `_` is free to part the prefix from the name,
//! and Kafka, which takes `.` and `_` for one another in places, sees no two alike. A queue that ends like a memory has its
//! last `-` written as `.2d`.

use std::fmt::Write;

/// The longest name of a topic.
const LONGEST: usize = 249;
/// What the topic of a bot's memory ends with.
const STATE: &str = "-state";
/// What stands for an empty name.
const EMPTY: &str = ".empty";

/// Makes names of topics that begin with the same prefix.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    /// Makes names for a prefix; an empty one is none.
    pub(super) fn new(prefix: &str) -> Names {
        let prefix = if prefix.is_empty() { String::new() } else { legal(prefix) + "_" };
        Names { prefix }
    }

    /// Returns what all names begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the topic of a queue; `None` if the name is too long.
    pub(super) fn queue(&self, name: &str) -> Option<String> {
        let mut topic = legal(name);
        if let Some(stem) = topic.strip_suffix(STATE) {
            topic = format!("{stem}.2dstate");
        }
        self.whole(&topic)
    }

    /// Returns the topic of a bot's memory; `None` if the name is too long.
    pub(super) fn state(&self, bot: &str) -> Option<String> {
        self.whole(&(legal(bot) + STATE))
    }

    /// Returns the topic that holds nothing and belongs to no queue and no bot.
    pub(super) fn void(&self) -> String {
        format!("{}_void", self.prefix)
    }

    fn whole(&self, name: &str) -> Option<String> {
        let topic = format!("{}{name}", self.prefix);
        (topic.len() <= LONGEST).then_some(topic)
    }

    /// Returns the queue of a topic; `None` if it is another prefix's or no queue's.
    pub(super) fn queue_of(&self, topic: &str) -> Option<String> {
        let name = topic.strip_prefix(&self.prefix)?;
        if name.ends_with(STATE) || name.contains('_') {
            return None;
        }
        let read = read(name)?;
        (self.queue(&read).as_deref() == Some(topic)).then_some(read)
    }
}

fn legal(name: &str) -> String {
    if name.is_empty() {
        return EMPTY.to_owned();
    }
    let mut legal = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            legal.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(legal, ".{byte:02x}");
        }
    }
    legal
}

fn read(name: &str) -> Option<String> {
    if name == EMPTY {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'.' {
            let (digits, after) = after.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_stay_and_odd_ones_are_legal() {
        let names = Names::new("lab 1");
        for (name, topic) in [
            ("shadowserver-parser-queue", "lab.201_shadowserver-parser-queue"),
            ("my_bot.queue", "lab.201_my.5fbot.2equeue"),
            ("x-state", "lab.201_x.2dstate"),
            ("", "lab.201_.empty"),
            ("..", "lab.201_.2e.2e"),
        ] {
            assert_eq!(names.queue(name).as_deref(), Some(topic));
            assert_eq!(names.queue_of(topic).as_deref(), Some(name));
        }
        assert_eq!(names.state("x").as_deref(), Some("lab.201_x-state"));
        for other in
            ["lab.201_x-state", "lab.201x", "lab_x", "lab.201_a_b", "lab.201_.zz", "lab.201_.2D", "lab.201_."]
        {
            assert_eq!(names.queue_of(other), None, "{other}");
        }
        assert_eq!(names.queue(&"x".repeat(250)), None);
        assert_eq!(Names::new("").queue("x").as_deref(), Some("x"));
    }

    proptest! {
        #[test]
        fn names_come_back_and_never_meet(name: String, other: String) {
            let names = Names::new("");
            if let Some(topic) = names.queue(&name) {
                let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
                prop_assert!(topic.chars().all(is_legal) && topic != "." && topic != ".." && !topic.is_empty());
                prop_assert_eq!(names.queue_of(&topic), Some(name.clone()));
                prop_assert_ne!(Some(topic), names.state(&other));
            }
        }
    }
}
