//! Parameters that the environment sets: `INTELMQ_RATE_LIMIT=5` is `rate_limit: 5` of every bot.

use serde_json::Value as Json;

/// The `INTELMQ_…` variables as parameters. It is passed in; nothing here looks at the process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    values: Vec<(String, Json)>,
}

impl Environment {
    /// Takes variables; those that do not start with `INTELMQ_` are left out.
    ///
    /// As in IntelMQ `True`, `False` and whole numbers are converted, anything else is text.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let values = variables.into_iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("INTELMQ_")?.to_lowercase();
            Some((name, convert(value)))
        });
        Environment { values: values.collect() }
    }

    /// Returns the parameters.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }
}

fn convert(value: String) -> Json {
    match value.as_str() {
        "True" => Json::Bool(true),
        "False" => Json::Bool(false),
        text if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse::<u64>().map_or(Json::String(value), Json::from)
        }
        _ => Json::String(value),
    }
}
