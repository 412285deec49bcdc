//! Filters, routes and changes events by a file of rules in a small language of its own.

mod check;
mod condition;
mod matching;
mod moment;
mod parse;
mod run;
mod syntax;
#[cfg(test)]
mod tests;

use self::run::{Flow, Run};
use self::syntax::Statement;
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::diagnostic::{Diagnostic, Source, suggest};
use crate::message::{Idf, Message, MessageType};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The sieve.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.sieve.expert",
        kind: Kind::Expert,
        summary: "Filters, routes and changes events by the rules of a sieve file.",
        params: &[Param::new(
            "file",
            ParamKind::Text,
            "\"sieve/filter.sieve\"",
            "The rules: `if … { … } elif … { … } else { … }` with comparisons of fields, and the actions drop, keep, \
             path, add, add!, update, remove, append, append! and `$variable = field`. A file that cannot be read \
             keeps the bot from starting, with the place.",
        )],
        stateful: false,
        paths: &["*"],
    },
    make,
};

struct Sieve {
    statements: Vec<Statement>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let path = params.text("file")?.unwrap_or_else(|| "sieve/filter.sieve".to_owned());
    let path = site.path(&path);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::Configuration(format!("parameter \"file\": {}: {error}", path.display()))
    })?;
    let source = Source::new(path.display().to_string(), text);
    let (statements, _) = parse::read(&source, &site.idf).map_err(|problem| {
        Failure::Configuration(format!("{}: {}", source.at(problem.span), problem.text))
    })?;
    Ok(Bot::Expert(Box::new(Sieve { statements })))
}

/// Says what is wrong with a sieve file: what keeps it from being read, or the fields in it that no event can have.
pub fn lint(source: &Source) -> Vec<Diagnostic> {
    let idf = Idf::builtin();
    let fields = match parse::read(source, &idf) {
        Ok((_, fields)) => fields,
        Err(problem) => {
            let problem = Diagnostic::error("sieve-syntax", problem.text).at(source.at(problem.span));
            return vec![problem.help("the bot would not start with this file")];
        }
    };
    let known = |name: &str| idf.key(MessageType::Event, name).is_ok();
    let unknown = fields.into_iter().filter(|(_, name)| !known(name));
    unknown
        .map(|(span, name)| {
            let title = format!("the data format has no field {name:?} for events");
            let problem = Diagnostic::error("sieve-field", title).at(source.at(span));
            let near = suggest(&name, idf.fields(MessageType::Event).map(|field| &*field.name));
            let problem = match near {
                Some(near) => problem.label(format!("did you mean `{near}`?")),
                None => problem,
            };
            problem.help(
                "no event has it, so that the comparison never holds; what no field fits is below `extra.`",
            )
        })
        .collect()
}

impl Expert for Sieve {
    fn process(&mut self, event: Message, context: &mut Context) -> Result<(), Failure> {
        let mut run = Run::new(event, context.now());
        if run.all(&self.statements)? == Flow::Drop {
            context.drop_message("the sieve file says drop");
            return Ok(());
        }
        let Some(paths) = run.paths else { return context.send(run.event) };
        for path in paths {
            if !context.has_path(path) {
                return Err(Failure::Other(format!(
                    "the sieve file says path {path:?}, which is not configured; add it under destination_queues"
                )));
            }
            context.send_to(path, run.event.clone())?;
        }
        Ok(())
    }
}
