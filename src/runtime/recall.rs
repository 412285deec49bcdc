//! The memory of a bot during a hop: the state that its link holds, or a Redis server of its own.
//!
//! Where each question would be a round trip to a server, what a whole batch will ask is asked at once, before the batch.

use std::collections::{HashMap, VecDeque};

use super::hop::{Input, guarded};
use crate::bots::{Expert, Failure, Memory};
use crate::broker::{BrokerError, Link, RedisCache};

/// A bot's memory.
pub(super) struct Recall<'a> {
    link: &'a mut dyn Link,
    bot: &'a str,
    cache: Option<&'a mut RedisCache>,
    /// What was asked before the batch.
    known: HashMap<Vec<u8>, Option<Vec<u8>>>,
}

impl<'a> Recall<'a> {
    pub(super) fn new(link: &'a mut dyn Link, bot: &'a str, cache: Option<&'a mut RedisCache>) -> Self {
        Recall { link, bot, cache, known: HashMap::new() }
    }

    /// Asks at once what an expert will ask for a batch, if it can tell; returns what was taken from the batch for that.
    pub(super) fn ask_ahead(
        &mut self,
        expert: &dyn Expert,
        next: &mut dyn FnMut() -> Option<Input>,
    ) -> Result<VecDeque<Input>, Failure> {
        let mut taken = VecDeque::new();
        let mut keys = Vec::new();
        while let Some(input) = next() {
            let key = match &input {
                Input::Message(message) => guarded(|| Ok(expert.key(message)))?,
                Input::Unreadable(..) => None,
            };
            let goes_on = key.is_some() || matches!(input, Input::Unreadable(..));
            keys.extend(key);
            taken.push_back(input);
            if !goes_on {
                break;
            }
        }
        if keys.len() > 1 {
            let values = self.get_all(&keys).map_err(Failure::other)?;
            self.known = keys.into_iter().zip(values).collect();
        }
        Ok(taken)
    }

    fn get_all(&mut self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BrokerError> {
        match &mut self.cache {
            Some(cache) => cache.get_all(keys),
            None => self.link.recall_many(self.bot, keys),
        }
    }
}

impl Memory for Recall<'_> {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(value) = self.known.get(key) {
            return Ok(value.clone());
        }
        match &mut self.cache {
            Some(cache) => cache.get(key).map_err(Failure::other),
            None => self.link.recall(self.bot, key).map_err(Failure::other),
        }
    }
}
