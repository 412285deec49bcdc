//! Sets fields to what templates make of the event.

mod objects;

use minijinja::{Environment, ErrorKind, UndefinedBehavior, context as names};

use self::objects::{Entries, method, tojson, write};
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{Add, Key, Message, MessageType};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The jinja expert.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.jinja.expert",
        kind: Kind::Expert,
        summary: "Sets fields to what Jinja templates make of the event.",
        params: &[
            Param::required(
                "fields",
                ParamKind::Map,
                "Templates by field; `msg` is the event, as in `{{ msg['source.ip'] }}`. A text that begins with \
                 `file:///` is the path of a file with the template.",
            ),
            Param::new("overwrite", ParamKind::Bool, "false", "Whether fields that are there are replaced."),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

struct Jinja {
    environment: Environment<'static>,
    fields: Vec<(String, Key)>,
    how: Add,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let refused = |problem: String| Failure::Configuration(format!("parameter \"fields\": {problem}"));
    let templates = match params.get("fields") {
        Some(serde_json::Value::Object(map)) => map,
        Some(other) => return Err(refused(format!("must be a mapping of fields to templates, not {other}"))),
        None => return Err(refused("is required; give templates by field".to_owned())),
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_formatter(|out, _, value| write(out, value));
    environment.set_unknown_method_callback(|_, value, name, arguments| method(value, name, arguments));
    environment.add_filter("tojson", |value: &minijinja::Value| tojson(value));
    let nothing = Message::event(&site.idf);
    let mut fields = Vec::new();
    for (field, template) in templates {
        let text =
            template.as_str().ok_or_else(|| refused(format!("{field}: must be a text, not {template}")))?;
        let text = match text.strip_prefix("file://") {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|error| refused(format!("{field}: {path}: {error}")))?
            }
            None => text.to_owned(),
        };
        environment
            .add_template_owned(field.clone(), text)
            .map_err(|error| refused(format!("{field}: {error}")))?;
        // What does not exist is told before the first event; other errors may be those of an empty one.
        let trial = environment
            .get_template(field)
            .and_then(|template| template.render(names! { msg => Entries::of_event(&nothing) }));
        if let Err(error) = trial
            && matches!(error.kind(), ErrorKind::UnknownFilter | ErrorKind::UnknownTest)
        {
            return Err(refused(format!("{field}: {error}")));
        }
        let key = site.idf.key(MessageType::Event, field).map_err(|error| refused(error.to_string()))?;
        fields.push((field.clone(), key));
    }
    let how = Add { sanitize: true, overwrite: Some(params.flag("overwrite")) };
    Ok(Bot::Expert(Box::new(Jinja { environment, fields, how })))
}

impl Expert for Jinja {
    fn process(&mut self, mut event: Message, context: &mut Context) -> Result<(), Failure> {
        for (name, key) in &self.fields {
            let failed = |error: minijinja::Error| Failure::Other(format!("the template of {name}: {error}"));
            let template = self.environment.get_template(name).map_err(failed)?;
            let text = template.render(names! { msg => Entries::of_event(&event) }).map_err(failed)?;
            event.add_key(key, text.into(), self.how)?;
        }
        context.send(event)
    }
}
