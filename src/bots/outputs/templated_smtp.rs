//! Sends each event as a mail that Jinja2 templates make.

use serde_json::Value as Json;

use super::mail::{self, Letter, MailServer, Names, Part};
use crate::bots::jinja::Templates;
use crate::bots::{Bot, BotSpec, Context, Failure, Output, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The templated SMTP output.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.templated_smtp.output",
        kind: Kind::Output,
        summary: "Sends each event as a mail made by Jinja2 templates; at least once.",
        params: &[
            Param::new("smtp_host", ParamKind::Text, "\"localhost\"", "The mail server."),
            Param::new("smtp_port", ParamKind::Int, "25", "Its port."),
            Param::new("ssl", ParamKind::Bool, "false", "Speaks TLS from the start."),
            Param::new(
                "starttls",
                ParamKind::Bool,
                "false",
                "Begins TLS after the greeting; fails if the server does not offer it.",
            ),
            Param::new(
                "username",
                ParamKind::Text,
                "null",
                "Logs in as this user, if a password is given too.",
            ),
            Param::new("password", ParamKind::Text, "null", "The password."),
            Param::new(
                "verify_cert",
                ParamKind::Bool,
                "true",
                "Whether the server's certificate is verified.",
            ),
            Param::required("mail_from", ParamKind::Text, "The sender; a template."),
            Param::required("mail_to", ParamKind::Text, "The recipients, separated by commas; a template."),
            Param::new("subject", ParamKind::Text, "\"IntelMQ event\"", "The subject; a template."),
            Param::new(
                "body",
                ParamKind::Text,
                BODY,
                "The text; a template. It sees the `event` as a mapping, and the function `from_json`. The default lists \
                 every field but `raw`.",
            ),
            Param::new(
                "attachments",
                ParamKind::Any,
                "[]",
                "A list of mappings with `content-type`, `text` and `name`; text and name are templates.",
            ),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

/// One line a field.
const BODY: &str =
    r#""{% for field in event if field != 'raw' %}\n{{ field }}: {{ event[field] }}{% endfor %}\n""#;

struct TemplatedSmtp {
    server: MailServer,
    templates: Templates,
    /// The types of the attachments.
    attachments: Vec<String>,
}

fn make(params: &Params, _site: &Site) -> Result<Bot, Failure> {
    let names = Names { user: "username", password: "password", verify: "verify_cert" };
    let server = MailServer::of(params, &names)?;
    let mut templates = Templates::new();
    let mut add = |name: String, text: String| {
        let refused = |problem| Failure::Configuration(format!("parameter {name:?}: {problem}"));
        templates.add(name.clone(), text).map_err(refused)
    };
    for name in ["mail_from", "mail_to"] {
        add(name.to_owned(), params.required_text(name)?)?;
    }
    for name in ["subject", "body"] {
        add(name.to_owned(), params.text(name)?.unwrap_or_default())?;
    }
    let mut attachments = Vec::new();
    let given = match params.get("attachments") {
        None => &[],
        Some(Json::Array(list)) => list.as_slice(),
        Some(_) => return Err(wrong("must be a list of mappings")),
    };
    for (index, attachment) in given.iter().enumerate() {
        let text = |key: &str| {
            let text = attachment.get(key).and_then(Json::as_str).map(str::to_owned);
            text.ok_or_else(|| wrong(&format!("the attachment {} has no text {key:?}", index + 1)))
        };
        let kind = text("content-type")?;
        mail::check_type(&kind).map_err(|problem| wrong(&problem))?;
        attachments.push(kind);
        add(format!("attachments[{index}].text"), text("text")?)?;
        add(format!("attachments[{index}].name"), text("name")?)?;
    }
    Ok(Bot::Output(Box::new(TemplatedSmtp { server, templates, attachments })))
}

fn wrong(problem: &str) -> Failure {
    Failure::Configuration(format!("parameter \"attachments\": {problem}"))
}

impl TemplatedSmtp {
    fn letter(&self, event: &Message) -> Result<Letter, String> {
        let fill = |name: &str| {
            self.templates.fill(name, event).map_err(|problem| format!("parameter {name:?}: {problem}"))
        };
        let mut text = fill("body")?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let mut parts = vec![Part { kind: "text/plain".to_owned(), text, name: None, inline: true }];
        for (index, kind) in self.attachments.iter().enumerate() {
            let text = fill(&format!("attachments[{index}].text"))?;
            let name = Some(fill(&format!("attachments[{index}].name"))?);
            parts.push(Part { kind: kind.clone(), text, name, inline: false });
        }
        Letter::new(&fill("mail_from")?, &fill("mail_to")?, &fill("subject")?, &parts)
    }
}

impl Output for TemplatedSmtp {
    fn write(&mut self, event: &Message, context: &mut Context) -> Result<(), Failure> {
        let letter = self.letter(event).map_err(Failure::Other)?;
        self.server.send(event, &letter, context)
    }

    fn flush(&mut self, _context: &mut Context) -> Result<(), Failure> {
        self.server.leave();
        Ok(())
    }
}
