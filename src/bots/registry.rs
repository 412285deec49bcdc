//! The list of modules, as validation and documentation ask for it.

use super::{all, asks, find};
use crate::pipeline::{Registry, Spec};

/// The modules that this program has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Modules;

impl Registry for Modules {
    fn find(&self, module: &str) -> Option<&'static Spec> {
        find(module).map(|bot| &bot.spec)
    }

    fn modules(&self) -> Vec<&'static str> {
        all().map(|bot| bot.spec.module).collect()
    }

    fn asks(&self, module: &str) -> bool {
        asks(module).is_some()
    }
}
