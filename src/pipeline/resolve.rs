//! What a bot's parameters finally are.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::bot::SYSTEM_KEYS;
use super::environment::Environment;
use super::generic::generic;
use super::node::Mapping;
use super::params::Params;
use super::spec::{Param, Spec};
use super::{BotConfig, Pipeline};

impl Pipeline {
    /// Returns a bot's parameters by precedence, lowest first: the generic defaults, the bot's own defaults, `global`, the keys
    /// beside `parameters`, `parameters`, the environment. `null` means the default again.
    ///
    /// `source_queue` is always set. An unknown bot has defaults, `global` and environment, as in IntelMQ.
    pub fn params(&self, bot_id: &str, spec: Option<&Spec>, environment: &Environment) -> Params {
        let bot = self.bot(bot_id);
        let kind = spec.map(|spec| spec.kind).or_else(|| bot.and_then(BotConfig::kind));
        let mut layers = Layers::default();
        layers.defaults(generic(kind));
        layers.preset("source_queue", Json::from(format!("{bot_id}-queue")));
        layers.defaults(spec.into_iter().flat_map(|spec| spec.params));
        layers.mapping(&self.global);
        if let Some(bot) = bot {
            for key in SYSTEM_KEYS {
                let value = bot.key(key).map(|(_, node)| node.to_json());
                // IntelMQ passes over keys without a value here, unlike among the parameters.
                if let Some(value) = value.filter(|value| !value.is_null() && value != "") {
                    layers.set(key, value);
                }
            }
            layers.mapping(&bot.parameters);
        }
        for (name, value) in environment.iter() {
            layers.set(name, value.clone());
        }
        Params::new(layers.values)
    }
}

#[derive(Default)]
struct Layers {
    defaults: BTreeMap<String, Json>,
    values: BTreeMap<String, Json>,
}

impl Layers {
    fn defaults<'a>(&mut self, params: impl IntoIterator<Item = &'a Param>) {
        for param in params {
            match param.default_json() {
                Json::Null => {}
                default => self.preset(param.name, default),
            }
        }
    }

    fn preset(&mut self, name: &str, value: Json) {
        self.defaults.insert(name.to_owned(), value.clone());
        self.values.insert(name.to_owned(), value);
    }

    fn mapping(&mut self, mapping: &Mapping) {
        for (key, node) in mapping {
            self.set(&key.value, node.to_json());
        }
    }

    fn set(&mut self, name: &str, value: Json) {
        let value = if value.is_null() { self.defaults.get(name).cloned() } else { Some(value) };
        match value {
            Some(value) => self.values.insert(name.to_owned(), value),
            None => self.values.remove(name),
        };
    }
}
