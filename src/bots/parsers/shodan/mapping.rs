//! Reads `mapping.txt` and walks a banner by it.

use super::super::super::Failure;
use crate::message::{FieldType, Message, Value, python};

const TEXT: &str = include_str!("mapping.txt");

/// A step of a path: a value to map, or an object to look into. The order is that of the text.
#[derive(Debug)]
enum Node {
    Leaf { field: String, how: How },
    Branch(Vec<(String, Node)>),
}

/// What is done with a value before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Same,
    Name,
    Utc,
    Keys,
    Entries,
    List,
    Text,
}

/// The mapping, as a tree of the banner's shape.
#[derive(Debug)]
pub(super) struct Mapping {
    root: Vec<(String, Node)>,
}

impl Mapping {
    /// Reads the built-in mapping; a line that cannot be read is named.
    pub(super) fn builtin(repaired: bool) -> Result<Mapping, Failure> {
        let mut mapping = Mapping { root: Vec::new() };
        let mut section = "";
        for line in
            TEXT.replace("\n    ", " ").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            if let Some(name) = ["mapped", "plain", "repaired"].into_iter().find(|s| line == format!("[{s}]"))
            {
                section = name;
                continue;
            }
            if section != "repaired" || repaired {
                mapping
                    .read(section, line)
                    .ok_or_else(|| Failure::Configuration(format!("mapping.txt: cannot read {line:?}")))?;
            }
        }
        Ok(mapping)
    }

    fn read(&mut self, section: &str, line: &str) -> Option<()> {
        let (path, rest) = line.split_once(": ")?;
        if section == "plain" {
            for leaf in rest.split(' ') {
                let path = if path == "*" { leaf.to_owned() } else { format!("{path}/{leaf}") };
                let field = path.trim_start_matches("opts/").replace('/', ".").to_lowercase();
                self.insert(&path, format!("extra.{field}"), How::Same)?;
            }
            return Some(());
        }
        let (field, how) = rest.split_once(' ').unwrap_or((rest, ""));
        self.insert(path, field.to_owned(), How::from_name(how)?)
    }

    /// Puts a leaf into the tree, in place of one with the same path; a leaf cannot be a branch.
    fn insert(&mut self, path: &str, field: String, how: How) -> Option<()> {
        let (above, last) = path.rsplit_once('/').map_or((None, path), |(above, last)| (Some(above), last));
        let mut nodes = &mut self.root;
        for step in above.into_iter().flat_map(|above| above.split('/')) {
            let at = nodes.iter().position(|(name, _)| name == step).unwrap_or_else(|| {
                nodes.push((step.to_owned(), Node::Branch(Vec::new())));
                nodes.len() - 1
            });
            match &mut nodes[at].1 {
                Node::Branch(below) => nodes = below,
                Node::Leaf { .. } => return None,
            }
        }
        let leaf = Node::Leaf { field, how };
        match nodes.iter_mut().find(|(name, _)| name == last) {
            Some((_, node)) => *node = leaf,
            None => nodes.push((last.to_owned(), leaf)),
        }
        Some(())
    }

    /// Gives an event everything of a banner that the mapping knows.
    pub(super) fn apply(&self, banner: &Value, event: &mut Message) -> Result<(), Failure> {
        walk(&self.root, banner, "", event)
    }

    #[cfg(test)]
    pub(super) fn leaves(&self) -> usize {
        fn count(nodes: &[(String, Node)]) -> usize {
            nodes.iter().map(|(_, node)| if let Node::Branch(below) = node { count(below) } else { 1 }).sum()
        }
        count(&self.root)
    }
}

fn walk(nodes: &[(String, Node)], object: &Value, path: &str, event: &mut Message) -> Result<(), Failure> {
    for (name, node) in nodes {
        let Some(value) = object.get(name).filter(|value| **value != Value::Null) else { continue };
        match (node, value) {
            (Node::Leaf { field, how }, value) => {
                let value = how.convert(value).map_err(|wanted| wrong(path, name, wanted))?;
                if let Some(value) = value {
                    event.update([(field.as_str(), value)])?;
                }
            }
            (Node::Branch(below), Value::Map(_)) => walk(below, value, &format!("{path}{name}."), event)?,
            (Node::Branch(_), _) => return Err(wrong(path, name, "an object")),
        }
    }
    Ok(())
}

fn wrong(path: &str, name: &str, wanted: &str) -> Failure {
    Failure::Other(format!("the banner's {path}{name} must be {wanted}"))
}

impl How {
    fn from_name(name: &str) -> Option<How> {
        Some(match name {
            "" => How::Same,
            "name" => How::Name,
            "utc" => How::Utc,
            "keys" => How::Keys,
            "entries" => How::Entries,
            "list" => How::List,
            "text" => How::Text,
            _ => return None,
        })
    }

    /// Returns what is to be stored, or nothing; or what the value should have been.
    fn convert(self, value: &Value) -> Result<Option<Value>, &'static str> {
        Ok(match (self, value) {
            (How::Same, _) | (How::List, Value::List(_)) => Some(value.clone()),
            (How::List, _) => Some(Value::List(vec![value.clone()])),
            (How::Text, _) => Some(Value::from(python::str(value))),
            (How::Utc, Value::Text(text)) => Some(Value::from(format!("{}+00", text.as_str()))),
            (How::Utc, _) => return Err("a text"),
            (How::Keys, Value::Map(items)) => {
                Some(Value::List(items.iter().map(|(key, _)| Value::from(key)).collect()))
            }
            (How::Keys, _) => None,
            (How::Entries, Value::Map(items)) => {
                items.iter().map(|(key, item)| entry(key, item)).collect::<Option<_>>().map(Value::List)
            }
            (How::Entries, _) => return Err("an object"),
            (How::Name, Value::List(names)) => names.iter().find(|name| is_name(name)).cloned(),
            // Python goes through a text by its letters, through an object by its keys.
            (How::Name, Value::Text(text)) => {
                text.chars().map(|letter| Value::from(letter.to_string())).find(is_name)
            }
            (How::Name, Value::Map(items)) => items.iter().map(|(key, _)| Value::from(key)).find(is_name),
            (How::Name, _) => return Err("a list"),
        })
    }
}

/// Makes an entry of a list of one of an object; anything but an object makes none of the whole list.
fn entry(key: &str, item: &Value) -> Option<Value> {
    let Value::Map(fields) = item else { return None };
    let mut fields = fields.clone();
    match fields.iter_mut().find(|(name, _)| name == "identifier") {
        Some((_, identifier)) => *identifier = Value::from(key),
        None => fields.push(("identifier".to_owned(), Value::from(key))),
    }
    Some(Value::Map(fields))
}

/// Tells whether a field for domain names would take a value.
fn is_name(value: &Value) -> bool {
    matches!(FieldType::Fqdn.sanitize(value), Ok(Some(name)) if FieldType::Fqdn.is_valid(&name))
}
