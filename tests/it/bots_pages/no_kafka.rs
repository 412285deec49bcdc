//! Stands for a Kafka where its client is not built in.

use intelmq_lab::docgen::Example;

/// There is none.
pub(super) enum Kafka {}

impl Kafka {
    pub(super) fn start<'a>(_: impl IntoIterator<Item = &'a Example>) -> Option<Kafka> {
        None
    }

    pub(super) fn servers(&self) -> String {
        match *self {}
    }

    pub(super) fn fill(&self, _: &Example) {
        match *self {}
    }

    pub(super) fn messages(&self, _: &str) -> String {
        match *self {}
    }
}
