//! Sends each event as a mail, its fields as a table attached.

use super::mail::{Letter, MailServer, Names, Part};
use crate::bots::format::{Item, Scope, Step, Template, missing};
use crate::bots::{Bot, BotSpec, Context, Failure, Output, Site};
use crate::message::{Message, Value, python};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The SMTP output.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.smtp.output",
        kind: Kind::Output,
        summary: "Sends each event as a mail with its fields attached as CSV; at least once.",
        params: &[
            Param::new("smtp_host", ParamKind::Text, "\"localhost\"", "The mail server."),
            Param::new("smtp_port", ParamKind::Int, "25", "Its port."),
            Param::new(
                "smtp_username",
                ParamKind::Text,
                "null",
                "Logs in as this user, if a password is given too.",
            ),
            Param::new("smtp_password", ParamKind::Text, "null", "The password."),
            Param::new("ssl", ParamKind::Bool, "false", "Speaks TLS from the start."),
            Param::new(
                "starttls",
                ParamKind::Bool,
                "true",
                "Begins TLS after the greeting; fails if the server does not offer it.",
            ),
            Param::new(
                "http_verify_cert",
                ParamKind::Bool,
                "true",
                "Whether the server's certificate is verified.",
            ),
            Param::new("mail_from", ParamKind::Text, "\"cert@localhost\"", "The sender; a format string."),
            Param::new(
                "mail_to",
                ParamKind::Text,
                "\"{ev[source.abuse_contact]}\"",
                "The recipients, separated by commas; a format string of Python in which `ev` is the event.",
            ),
            Param::new(
                "subject",
                ParamKind::Text,
                "\"Incident in your AS {ev[source.asn]}\"",
                "The subject; a format string.",
            ),
            Param::new(
                "text",
                ParamKind::Text,
                "\"Dear colleagues,\\n\\na device in your network seems to need attention. The table attached says which one.\"",
                "The text; a format string. An empty one is sent as an empty text.",
            ),
            Param::new(
                "fieldnames",
                ParamKind::List,
                "\"classification.taxonomy,classification.type,classification.identifier,source.ip,source.asn,source.port\"",
                "The columns of the table that is attached as `events.csv`; `[]` attaches none.",
            ),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

struct Smtp {
    server: MailServer,
    from: Template,
    to: Template,
    subject: Template,
    text: Option<Template>,
    columns: Vec<String>,
}

fn make(params: &Params, _site: &Site) -> Result<Bot, Failure> {
    let names = Names { user: "smtp_username", password: "smtp_password", verify: "http_verify_cert" };
    let template = |name: &str| {
        let refused = |problem| Failure::Configuration(format!("parameter {name:?}: {problem}"));
        params.text(name)?.map(|text| Template::parse(&text).map_err(refused)).transpose()
    };
    let required = |name: &str| {
        template(name)?.ok_or_else(|| Failure::Configuration(format!("parameter {name:?}: is required")))
    };
    let mut columns = params.list("fieldnames", false)?.unwrap_or_default();
    columns.retain(|column| !column.is_empty());
    Ok(Bot::Output(Box::new(Smtp {
        server: MailServer::of(params, &names)?,
        from: required("mail_from")?,
        to: required("mail_to")?,
        subject: required("subject")?,
        text: template("text")?,
        columns,
    })))
}

/// An event under the name `ev`.
struct Ev<'e>(&'e Message);

impl Scope for Ev<'_> {
    fn find<'s>(&'s self, name: &str, steps: &[Step]) -> Result<(Item<'s>, usize), String> {
        let field = match (name, steps.first()) {
            ("ev", Some(Step::Item(field))) => field,
            ("ev", _) => return Err("a field is missing: write {ev[source.asn]}".to_owned()),
            _ => return Err(missing(name)),
        };
        let found = self.0.get(field).map(Item::value);
        let found = found.or_else(|| self.0.dict_text(field).map(Item::text));
        found.map(|item| (item, 1)).ok_or_else(|| missing(field))
    }
}

impl Smtp {
    fn letter(&self, event: &Message) -> Result<Letter, String> {
        let fill = |name: &str, template: &Template| {
            template.render(&Ev(event)).map_err(|problem| format!("parameter {name:?}: {problem}"))
        };
        let mut parts = Vec::new();
        if let Some(text) = &self.text {
            let text = fill("text", text)?;
            parts.push(Part { kind: "text/plain".to_owned(), text, name: None, inline: false });
        }
        if !self.columns.is_empty() {
            let name = Some("events.csv".to_owned());
            parts.push(Part { kind: "text/csv".to_owned(), text: self.table(event), name, inline: false });
        }
        let (from, to) = (fill("mail_from", &self.from)?, fill("mail_to", &self.to)?);
        Letter::new(&from, &to, &fill("subject", &self.subject)?, &parts)
    }

    /// The event as CSV: a head, and one row.
    fn table(&self, event: &Message) -> String {
        let cell = |column: &String| match event.get(column) {
            Some(Value::Null) => String::new(),
            Some(value) => python::str(value),
            None => event.dict_text(column).unwrap_or_default(),
        };
        let head: Vec<String> = self.columns.iter().map(|column| quoted(column)).collect();
        let row: Vec<String> = self.columns.iter().map(|column| quoted(&cell(column))).collect();
        // A row of one empty cell would be no row.
        let row = if row == [""] { "\"\"".to_owned() } else { row.join(";") };
        format!("{}\n{row}\n", head.join(";"))
    }
}

/// Quotes a cell if it must be.
fn quoted(cell: &str) -> String {
    if cell.contains([';', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

impl Output for Smtp {
    fn write(&mut self, event: &Message, context: &mut Context) -> Result<(), Failure> {
        let letter = self.letter(event).map_err(Failure::Other)?;
        self.server.send(event, &letter, context)
    }

    fn flush(&mut self, _context: &mut Context) -> Result<(), Failure> {
        self.server.leave();
        Ok(())
    }
}
