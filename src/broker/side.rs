//! One side of a bot as the runtime file has it: `source_pipeline_*` or `destination_pipeline_*`.

use super::{BROKERS, BrokerKind, Url};
use crate::pipeline::{ParamError, Params};

/// One side of a bot.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The bot's parameters.
    params: &'a Params,
    /// `source` or `destination`.
    name: &'static str,
}

impl<'a> Side<'a> {
    /// Takes the side on which a bot reads.
    pub fn source(params: &'a Params) -> Self {
        Side { params, name: "source" }
    }

    /// Takes the side on which a bot sends.
    pub fn destination(params: &'a Params) -> Self {
        Side { params, name: "destination" }
    }

    /// Finds the broker of this side and its address.
    pub fn broker(&self) -> Result<(&'static BrokerKind, Url), ParamError> {
        let word = self.text("broker")?.unwrap_or_else(|| "redis".to_owned()).to_lowercase();
        let kind = BROKERS.iter().find(|kind| kind.parameter == word && kind.is_networked());
        let kind = kind.ok_or_else(|| {
            let words = BROKERS.iter().filter(|kind| kind.is_networked()).map(|kind| kind.parameter);
            self.wrong(
                "broker",
                format!("must be one of {}, not {word}", words.collect::<Vec<_>>().join(", ")),
            )
        })?;
        let kind = BrokerKind::named(kind.name).map_err(|error| self.wrong("broker", error.to_string()))?;
        Ok((kind, (kind.of_side)(self)?))
    }

    /// Makes the address of a server out of host, port, username and password.
    pub fn server(&self, scheme: &str) -> Result<Url, ParamError> {
        let host = self.text("host")?.unwrap_or_else(|| "127.0.0.1".to_owned());
        let port = self.int("port")?.map(u16::try_from).transpose();
        let port = port.map_err(|_| self.wrong("port", "must be a port, 0 to 65535".to_owned()))?;
        let mut url = Url::of_host(scheme, &host, port);
        url.user = self.text("username")?;
        url.password = self.text("password")?;
        Ok(url)
    }

    /// Returns a parameter as text; `host` is `source_pipeline_host`.
    pub fn text(&self, name: &str) -> Result<Option<String>, ParamError> {
        Ok(self.params.text(&self.full(name))?.filter(|text| !text.is_empty()))
    }

    /// Returns a parameter as a whole number.
    pub fn int(&self, name: &str) -> Result<Option<i64>, ParamError> {
        self.params.int(&self.full(name))
    }

    /// Returns a parameter as a flag.
    pub fn flag(&self, name: &str) -> bool {
        self.params.flag(&self.full(name))
    }

    /// Returns all parameters of this side that begin so, without that beginning.
    pub fn beginning(&self, prefix: &str) -> Vec<(&'a str, String)> {
        let prefix = self.full(prefix);
        let text = |name: &str| self.params.text(name).ok().flatten();
        let params = self.params.iter();
        params.filter_map(|(name, _)| Some((name.strip_prefix(&prefix)?, text(name)?))).collect()
    }

    /// Makes the error about one parameter of this side.
    pub fn wrong(&self, name: &str, problem: String) -> ParamError {
        ParamError { name: self.full(name), problem }
    }

    fn full(&self, name: &str) -> String {
        format!("{}_pipeline_{name}", self.name)
    }
}
