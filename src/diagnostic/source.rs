//! Texts that people wrote, and places in them.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

/// A text with the name under which messages show it. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// Takes a text without its byte order mark; `name` is usually the file's path as the user gave it.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text: Arc<str> = text.into();
        let text = text.strip_prefix('\u{feff}').map_or(text.clone(), Arc::from);
        Source { name: name.into(), text }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Makes a place in this text.
    pub fn at(&self, span: Span) -> Location {
        Location { source: self.clone(), span }
    }

    /// Makes a place that is a whole line, without the white space around it. Lines count from 1.
    pub fn at_line(&self, line: usize) -> Location {
        let (start, text) = self.line(line);
        let indent = text.len() - text.trim_start().len();
        self.at(Span { start: start + indent, end: start + text.trim_end().len().max(indent) })
    }

    /// Makes a place at one character. Line and column count from 1.
    pub fn at_character(&self, line: usize, column: usize) -> Location {
        let (start, text) = self.line(line);
        let before: usize = text.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
        self.at(Span { start: start + before, end: start + before })
    }

    /// Returns the start of a line, and the line without its end.
    fn line(&self, line: usize) -> (usize, &str) {
        let before = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        (before, self.text[before..].lines().next().unwrap_or_default())
    }

    /// Returns line and column of a byte offset, both from 1, the column in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..floor_boundary(&self.text, offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

/// Brings an offset into a text to the character that it lies in.
pub(super) fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A part of a text, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Where it starts.
    pub start: usize,
    /// Where it ends; that byte no longer belongs to it.
    pub end: usize,
}

/// A place in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The text.
    pub source: Source,
    /// The part of it.
    pub span: Span,
}

impl Location {
    /// Returns line and column, both from 1, the column in characters.
    pub fn position(&self) -> (usize, usize) {
        self.source.position(self.span.start)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.position();
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

/// A value and where it stands in its source. Read with [`super::yaml::read`].
///
/// For an alias the place is that of the alias. It must not stand below serde's `flatten`, `untagged` or `tag`: these lose places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands; a mapping or list in block style is known by its start only.
    pub span: Span,
}

impl<T> Located<T> {
    /// Makes a value that stands at a place.
    pub fn new(value: T, span: Span) -> Self {
        Located { value, span }
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        let span = super::yaml::span(&spanned.referenced).unwrap_or_default();
        Ok(Located { value: spanned.value, span })
    }
}
