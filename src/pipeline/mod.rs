//! The botnet as its `runtime.yaml` tells it: bots, parameters, paths and queues; what bots can be, and what is wrong with a file.

mod bot;
mod change;
mod destinations;
mod environment;
mod generic;
mod graph;
mod node;
mod order;
mod params;
mod read;
mod resolve;
mod spec;
mod validate;
mod wiring;
mod write;

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Location, Source, Span};

pub use bot::{BotConfig, RunMode};
pub use change::Change;
pub use destinations::Destinations;
pub use environment::Environment;
pub use generic::{COLLECTOR, GENERIC, OUTPUT, PARSER, generic};
pub use graph::{Graph, GraphBot, GraphEdge, Note};
pub use node::{Mapping, Node, Yaml};
pub use params::{ParamError, Params};
pub use spec::{Kind, Param, ParamKind, Spec, joined};
pub use validate::{Registry, validate, validate_bot};
pub use wiring::{BotWiring, Edge};
pub use write::yaml;

/// A botnet: what one `runtime.yaml` says.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    source: Source,
    global: Mapping,
    bots: Vec<BotConfig>,
}

impl Pipeline {
    /// Reads a `runtime.yaml`, or an old `runtime.conf` in JSON; every fault of its structure is an error of its own.
    ///
    /// What bots and parameters mean is not looked at; that is [`validate()`]'s.
    pub fn parse(source: Source) -> Result<Pipeline, Vec<Diagnostic>> {
        match read::read(source) {
            (Some(pipeline), problems) if problems.is_empty() => Ok(pipeline),
            (_, problems) => Err(problems),
        }
    }

    /// Makes a pipeline of the same structure in JSON; `name` is what messages call it.
    pub fn from_json(name: &str, json: &Json) -> Result<Pipeline, Vec<Diagnostic>> {
        Pipeline::parse(Source::new(name, write::yaml(json)))
    }

    /// Returns the file as JSON: `global` first if it is not empty, then the bots in their order.
    pub fn to_json(&self) -> Json {
        write::json(self)
    }

    /// Writes a `runtime.yaml` that IntelMQ reads as the same values. Comments are lost.
    pub fn write(&self) -> String {
        write::yaml(&self.to_json())
    }

    /// Returns the pipeline with a change laid over it: mappings are merged at every depth, anything else is replaced,
    /// and `null` removes a key (a bot, a parameter).
    pub fn merged(&self, change: &Json) -> Result<Pipeline, Vec<Diagnostic>> {
        let mut json = self.to_json();
        write::merge(&mut json, change);
        Pipeline::from_json(self.source.name(), &json)
    }

    /// Returns the text that it was read from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Returns the parameters of `global`, in the order of the file.
    pub fn global(&self) -> &Mapping {
        &self.global
    }

    /// Returns all bots in the order of the file, disabled ones too.
    pub fn bots(&self) -> &[BotConfig] {
        &self.bots
    }

    /// Finds a bot.
    pub fn bot(&self, id: &str) -> Option<&BotConfig> {
        self.bots.iter().find(|bot| bot.id() == id)
    }

    /// Makes a place in the text that the pipeline was read from.
    pub fn at(&self, span: Span) -> Location {
        self.source.at(span)
    }
}

#[cfg(test)]
mod tests;
