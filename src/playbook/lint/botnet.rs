//! The botnet: its template, what it becomes with each `configure`, and the bots and queues that steps name.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::{Linter, unknown};
use crate::check::Expectation;
use crate::diagnostic::{Diagnostic, Located, Location, Source};
use crate::pipeline::{BotConfig, Pipeline, validate};
use crate::playbook::{Action, Block, Part, Show, ShowChange, Step};
use crate::template::{self, Context, Variables};

pub(super) fn check(linter: &mut Linter<'_>) {
    let variables = linter.playbook.example_variables();
    texts(linter, &variables);
    template_names(linter, &variables);
    let playbook = linter.playbook;
    if !playbook.has_botnet() {
        return;
    }
    let text = match template::render(&playbook.botnet, &variables) {
        Ok(text) => text,
        Err(problems) => return linter.problems.extend(problems),
    };
    let source = Source::new(playbook.botnet.name(), text);
    let Ok(pipeline) = Pipeline::parse(source.clone()) else {
        let all = linter.known.modules.map(|modules| Pipeline::load(source.clone(), modules));
        let problems = all.map_or_else(|| Pipeline::parse(source).err(), Result::err).unwrap_or_default();
        return in_template(linter, problems);
    };
    in_template(linter, linter.problems_of(&pipeline));
    let mut botnet = Botnet { pipeline, variables };
    for step in &playbook.steps {
        for action in &step.actions {
            botnet.action(linter, action);
        }
        botnet.expectations(linter, step);
        botnet.shown(linter, step);
    }
}

impl Linter<'_> {
    fn problems_of(&self, pipeline: &Pipeline) -> Vec<Diagnostic> {
        self.known.modules.map(|modules| validate(pipeline, modules)).unwrap_or_default()
    }
}

/// Adds complaints about the rendered file, at their places in the template.
fn in_template(linter: &mut Linter<'_>, problems: Vec<Diagnostic>) {
    let template = &linter.playbook.botnet;
    linter.problems.extend(problems.into_iter().map(|problem| template::to_template(template, problem)));
}

/// Finds names that the playbook declares and the template never uses, and folders that stand without quotes.
fn template_names(linter: &mut Linter<'_>, variables: &Variables) {
    let playbook = linter.playbook;
    let Ok(places) = template::check(&playbook.botnet, variables) else { return };
    for place in &places {
        let name = place.name.as_deref().unwrap_or_default();
        let risky = name.starts_with("lab.") || name.starts_with("secret.");
        if risky && place.context == Context::Plain {
            let problem = Diagnostic::warning("template-quotes", format!("{name} stands without quotes"));
            let help = "put double quotes around the whole text: the folder may have blanks in its name";
            linter.add(problem.at(playbook.botnet.at(place.span)).help(help));
        }
    }
    let options: Vec<String> =
        playbook.services.iter().map(|service| Json::Object(service.options.clone()).to_string()).collect();
    for secret in &playbook.secrets {
        let name = format!("secret.{}", secret.value);
        let in_template = places.iter().any(|place| place.name.as_ref() == Some(&name));
        if !in_template && !options.iter().any(|text| text.contains(&name)) {
            let problem = Diagnostic::warning("unused-secret", format!("nothing uses {name}"));
            linter.at(secret, problem.help("name it in the template, or remove it"));
        }
    }
}

/// Checks the variables in everything that is filled in beside the template.
fn texts(linter: &mut Linter<'_>, variables: &Variables) {
    let playbook = linter.playbook;
    for service in &playbook.services {
        fill(linter, &Json::Object(service.options.clone()), variables, &playbook.at(&service.id));
    }
    for step in &playbook.steps {
        for action in &step.actions {
            let at = playbook.at(action);
            match &action.value {
                Action::Configure(bots) => fill(linter, &Json::Object(bots.clone()), variables, &at),
                Action::Request(request) => {
                    let headers = request.headers.values().map(String::as_str);
                    let body = request.body.as_deref().into_iter();
                    for text in [request.url.as_str()].into_iter().chain(headers).chain(body) {
                        fill(linter, &text.into(), variables, &at);
                    }
                    request.json.iter().for_each(|json| fill(linter, json, variables, &at));
                }
                _ => {}
            }
        }
        for expectation in step.expect.iter().chain(&step.still) {
            if let Expectation::Http(http) = &expectation.value {
                fill(linter, &http.url.as_str().into(), variables, &playbook.at(&http.url));
            }
        }
        let at = step.file.as_ref().map_or_else(|| playbook.at(&step.id), |file| file.at_line(1));
        let hints = step.hints.iter().map(String::as_str);
        let said = step.text.before.iter().chain(&step.text.seen).filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Show(_) => None,
        });
        hints.chain(said).for_each(|text| fill(linter, &text.into(), variables, &at));
    }
}

fn fill(linter: &mut Linter<'_>, value: &Json, variables: &Variables, at: &Location) {
    if let Err(problems) = template::fill_json(value, variables) {
        linter.problems.extend(problems.into_iter().map(|problem| problem.at(at.clone())));
    }
}

/// The botnet as it stands at some step.
struct Botnet {
    pipeline: Pipeline,
    variables: Variables,
}

impl Botnet {
    fn action(&mut self, linter: &mut Linter<'_>, action: &Located<Action>) {
        if let Action::Configure(bots) = &action.value {
            self.configure(linter, action, bots);
        }
        if let Some(bot) = action.bot() {
            self.bot(linter, bot, linter.playbook.at(bot));
        }
        if let Some(queue) = action.queue() {
            self.queue(linter, queue);
        }
    }

    fn configure(&mut self, linter: &mut Linter<'_>, action: &Located<Action>, bots: &Map<String, Json>) {
        let at = linter.playbook.at(action);
        for (id, change) in bots {
            let is_new = id != "global" && self.pipeline.bot(id).is_none();
            if is_new && change.get("module").is_none() {
                let ids = self.pipeline.bots().iter().map(BotConfig::id);
                let problem = unknown("unknown-bot", "bot", id, ids).at(at.clone());
                linter.add(problem.help("a bot that is to be added has a `module`"));
                return;
            }
        }
        let Ok(change) = template::fill_json(&Json::Object(bots.clone()), &self.variables) else { return };
        let merged = match self.pipeline.merged(&change) {
            Ok(merged) => merged,
            Err(problems) => {
                return linter.problems.extend(problems.into_iter().map(|problem| moved(problem, &at)));
            }
        };
        let known: BTreeSet<String> =
            linter.problems_of(&self.pipeline).into_iter().map(|problem| problem.title).collect();
        let fresh = linter.problems_of(&merged).into_iter().filter(|problem| !known.contains(&problem.title));
        linter.problems.extend(fresh.map(|problem| moved(problem, &at)));
        self.pipeline = merged;
    }

    fn expectations(&self, linter: &mut Linter<'_>, step: &Step) {
        for expectation in step.expect.iter().chain(&step.still) {
            for bot in expectation.bots() {
                self.bot(linter, bot, linter.playbook.at(bot));
            }
            match &expectation.value {
                Expectation::Queue(queue) => self.queue(linter, &queue.name),
                Expectation::Events(events) => {
                    self.output(linter, &events.file, linter.playbook.at(&events.file));
                }
                Expectation::Table(table) => self.database(linter, &table.bot),
                _ => {}
            }
        }
    }

    fn shown(&self, linter: &mut Linter<'_>, step: &Step) {
        for (block, _) in step.text.blocks() {
            let source = &block.at.source;
            if let Some(bot) = block.show.bot() {
                self.bot(linter, bot, source.at(bot.span));
            }
            match &block.show {
                Show::Events(events) => self.output(linter, &events.file, source.at(events.file.span)),
                Show::Change(change) => changed(linter, step, change, block),
                _ => {}
            }
        }
    }

    fn bot(&self, linter: &mut Linter<'_>, bot: &Located<String>, at: Location) {
        if self.pipeline.bot(bot).is_none() {
            let ids = self.pipeline.bots().iter().map(BotConfig::id);
            linter.add(unknown("unknown-bot", "bot", bot, ids).at(at));
        }
    }

    /// Wants a bot to write a database that can be asked.
    fn database(&self, linter: &mut Linter<'_>, bot: &Located<String>) {
        let module = self.pipeline.bot(bot).map(BotConfig::module);
        let known =
            linter.known.modules.zip(module).filter(|(modules, module)| modules.find(module).is_some());
        if known.is_some_and(|(modules, module)| !modules.asks(module)) {
            let problem = Diagnostic::error("no-database", format!("{} writes no database", bot.value));
            linter.at(bot, problem.help("name an output that inserts into a table"));
        }
    }

    fn queue(&self, linter: &mut Linter<'_>, queue: &Located<String>) {
        let wiring = self.pipeline.wiring();
        let sources = wiring.iter().filter_map(|bot| bot.source.clone());
        let mut queues: BTreeSet<String> = sources.collect();
        queues.extend(wiring.iter().flat_map(|bot| bot.destinations.queues()));
        if !queues.contains(&queue.value) {
            let problem = unknown("unknown-queue", "queue", queue, queues.iter().map(String::as_str));
            linter.at(queue, problem);
        }
    }

    /// Tells whether a service of the playbook writes a file.
    fn service_writes(linter: &Linter<'_>, file: &str) -> bool {
        linter.playbook.services.iter().any(|service| {
            let writes = linter.kind(&service.kind).map_or(&[][..], |known| known.writes);
            let mut names = writes.iter().map(|name| name.replace("ID", &service.id));
            names.any(|name| file == name || name.ends_with('/') && file.starts_with(&name))
        })
    }

    /// Wants some bot to have a parameter that ends with the file's path. Paths with fields of the event are not looked at.
    fn output(&self, linter: &mut Linter<'_>, file: &Located<String>, at: Location) {
        let mut paths = Vec::new();
        texts_of(&self.pipeline.to_json(), &mut paths);
        let out = format!("{}/", self.variables.lab_out);
        let below: Vec<&str> = paths.iter().filter_map(|path| path.strip_prefix(out.as_str())).collect();
        let fits =
            |path: &&str| *path == file.value || path.contains('{') || path.is_empty() || path.ends_with('/');
        if !below.iter().any(fits) && !Botnet::service_writes(linter, file) {
            let problem = unknown("unknown-output", "output that writes", file, below.iter().copied());
            linter.add(problem.at(at).help("the path starts at `lab.out`"));
        }
    }
}

/// Wants a step whose change is shown to have one, with the keys that are left out.
fn changed(linter: &mut Linter<'_>, step: &Step, shown: &ShowChange, block: &Block) {
    let change = step.actions.iter().find_map(|action| match &action.value {
        Action::Configure(change) => Some(change),
        _ => None,
    });
    let Some(change) = change else {
        let title = format!("step {:?} has no `configure` whose change could be shown", step.id.value);
        linter.add(Diagnostic::error("no-change", title).at(block.at.clone()));
        return;
    };
    let mut keys = BTreeSet::new();
    keys_of(change, &mut keys);
    for gap in shown.gaps.iter().filter(|gap| !keys.contains(gap.as_str())) {
        let problem = unknown("unknown-gap", "key in the change", gap, keys.iter().copied());
        linter.add(problem.at(block.at.source.at(gap.span)));
    }
}

/// Collects the keys of a JSON object, at every depth.
fn keys_of<'a>(map: &'a serde_json::Map<String, Json>, keys: &mut BTreeSet<&'a str>) {
    for (key, value) in map {
        keys.insert(key);
        if let Json::Object(inner) = value {
            keys_of(inner, keys);
        }
    }
}

/// Collects every text of a JSON value.
fn texts_of(value: &Json, texts: &mut Vec<String>) {
    match value {
        Json::String(text) => texts.push(text.clone()),
        Json::Array(list) => list.iter().for_each(|value| texts_of(value, texts)),
        Json::Object(map) => map.values().for_each(|value| texts_of(value, texts)),
        _ => {}
    }
}

/// Brings a problem of a merged botnet, which stands in no file, to the action that made it.
fn moved(problem: Diagnostic, at: &Location) -> Diagnostic {
    let label = if problem.label.is_empty() { "with this change" } else { &problem.label }.to_owned();
    let mut problem = problem.at(at.clone()).label(label);
    problem.related.clear();
    problem
}
