//! Opens a lab for a playbook: makes it or goes on with it, and brings its botnet up.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::SessionError;
use super::event::Kind;
use super::lab::{Lab, Lock, Record, remove};
use super::teller::Teller;
use super::world::{World, target};
use crate::broker::Url;
use crate::check::Places;
use crate::diagnostic::Diagnostic;
use crate::plan::{Choice, Given, Layout, Plan, PlanError, ServerGiven, Wish, choose, plan};
use crate::playbook::{FolderError, Playbook};
use crate::runtime::control::Client;
use crate::target::TARGETS;

/// The secret with the password of the broker that the target brings; no secret of a playbook has a `:` in its name.
const PASSWORD: &str = "broker:password";

/// Which lab is meant, and what it shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabWish {
    /// Its name; the playbook's id unless it is said.
    pub name: Option<String>,
    /// Target and broker; those of the lab itself, if it exists.
    pub wish: Wish,
    /// The folder with playbooks that was given, so that later commands find the playbook again.
    pub playbooks: Option<PathBuf>,
}

/// A lab whose lock is held, and the plan of its playbook.
pub(super) struct Opened<'a> {
    pub(super) world: &'a World,
    pub(super) lab: Lab,
    pub(super) plan: Plan,
    pub(super) lock: Lock,
    /// Whether it was made just now, and nothing of it has run yet.
    pub(super) fresh: bool,
}

impl<'a> Opened<'a> {
    /// Takes the lock of a lab, and makes it if there is none. Nothing runs yet, and nothing stays behind if it fails.
    pub(super) fn open(
        world: &'a World,
        playbook: &Playbook,
        wish: &LabWish,
        temporary: bool,
    ) -> Result<Self, SessionError> {
        let choice = choose(&wish.wish)?;
        let name = wish.name.clone().unwrap_or_else(|| playbook.id.value.clone());
        let lock = world.labs.make(&name)?;
        if let Some(lab) = world.labs.find(&name)? {
            let choice = agree(&lab, playbook, wish)?;
            let plan = make_plan(&lab, playbook, choice, false)?;
            return Ok(Opened { world, lab, plan, lock, fresh: false });
        }
        let record = Record {
            playbooks: wish.playbooks.as_deref().and_then(|path| std::path::absolute(path).ok()),
            target: choice.target.name.to_owned(),
            broker: choice.broker.name.to_owned(),
            broker_url: choice.url.as_ref().map(Url::to_secret),
            log_to: choice.log_to.as_ref().map(|log_to| log_to.url.clone()),
            layout: choice.target.inside.map(|_| choice.layout.name().to_owned()),
            temporary,
            ..Record::new(&name, &playbook.id)
        };
        let lab = Lab { folder: world.labs.folder(&name), record };
        match make(world, &lab, playbook, choice) {
            Ok(plan) => Ok(Opened { world, lab, plan, lock, fresh: true }),
            Err(error) => {
                world.labs.remove(&name, lock)?;
                Err(error)
            }
        }
    }

    /// Returns what is to be masked in all output: the values that templates have, and the broker's password.
    pub(super) fn secrets(&self) -> BTreeMap<String, String> {
        let outside = self.plan.choice.url.as_ref().and_then(|url| url.password.as_ref());
        let password = self.plan.server.password.as_ref().or(outside);
        let password = password.map(|password| (PASSWORD.to_owned(), password.clone()));
        self.plan.variables.secrets.clone().into_iter().chain(password).collect()
    }

    /// Returns what is different in each lab.
    pub(super) fn places(&self) -> Places {
        let services = self.plan.variables.services.values().map(|service| service.port);
        let ports = services.chain(self.plan.server.ports.values().copied()).collect();
        let host = self.plan.choice.target.inside.map(|inside| inside.host.to_owned());
        Places { folders: vec![self.plan.folder.display().to_string()], host, ports }
    }

    /// Brings the botnet up, unless it runs already, and returns once its control service answers.
    pub(super) fn bring_up(&mut self, teller: &mut Teller<'_>) -> Result<Client, SessionError> {
        let (target, site) = (target(&self.lab)?, self.world.site(&self.lab.record.name));
        let client = if target.runs(&site)? {
            target.up(&site)?
        } else {
            teller.stage("start the botnet", || target.up(&site).map_err(SessionError::from))?
        };
        self.fresh = false;
        Ok(client)
    }

    /// Ends the botnet and makes the lab as new, with the playbook as it is now.
    pub(super) fn renew(&mut self, playbook: &Playbook, teller: &mut Teller<'_>) -> Result<(), SessionError> {
        let (target, site) = (target(&self.lab)?, self.world.site(&self.lab.record.name));
        let choice = self.plan.choice.clone();
        if self.lab.record.touched {
            let kept = self.lab.keep_runtime()?.map(|path| path.display().to_string());
            teller.tell(Kind::ChangesUndone { kept });
        }
        teller.stage("begin anew", || {
            target.down(&site)?;
            // Whoever finds the lab half emptied must not go on with it.
            let first = playbook.steps.first().map(|step| step.id.value.clone());
            self.lab.record.begun = first.or_else(|| self.lab.record.begun.take());
            self.lab.record.passed.clear();
            self.lab.save()?;
            self.plan = make_plan(&self.lab, playbook, choice, true)?;
            self.lab.empty()?;
            write(&self.lab, &self.plan)?;
            self.lab.record.begun = None;
            self.lab.record.touched = false;
            self.lab.save()
        })
    }
}

/// Says whether a lab that exists is the one that is wished for.
fn agree(lab: &Lab, playbook: &Playbook, wish: &LabWish) -> Result<Choice, SessionError> {
    let Record { name, playbook: runs, target, broker, broker_url, layout, log_to, .. } = &lab.record;
    let way = "choose another lab with --lab NAME, or remove this one with `intelmq-lab down`";
    if *runs != playbook.id.value {
        return Err(SessionError::usage(
            "lab-taken",
            format!("lab `{name}` runs the playbook `{runs}`"),
            way,
        ));
    }
    let wished = &wish.wish;
    let url = wished.broker_url.as_deref().map(Url::parse).transpose();
    let url = url.map_err(|error| SessionError::from(PlanError::Impossible(error.to_string())))?;
    let shown = |url: &String| Url::parse(url).map_or_else(|_| url.clone(), |url| url.to_string());
    for (differs, what, has) in [
        (wished.target.as_ref().is_some_and(|wished| wished != target), "target", target.clone()),
        (wished.broker.as_ref().is_some_and(|wished| wished != broker), "broker", broker.clone()),
        (
            wished.layout.is_some() && wished.layout != *layout,
            "layout",
            layout.clone().unwrap_or_else(|| Layout::default().name().to_owned()),
        ),
        (
            wished.log_to.is_some() && wished.log_to != *log_to,
            "logger",
            log_to.clone().unwrap_or_else(|| "none".to_owned()),
        ),
        (
            url.is_some_and(|wished| Some(wished.to_secret()) != *broker_url),
            "broker",
            broker_url.as_ref().map_or_else(|| broker.clone(), shown),
        ),
    ] {
        if differs {
            return Err(SessionError::usage(
                "lab-taken",
                format!("lab `{name}` has the {what} `{has}`"),
                way,
            ));
        }
    }
    let of_lab = Wish {
        target: Some(target.clone()),
        broker: Some(broker.clone()),
        broker_url: broker_url.clone(),
        layout: layout.clone(),
        log_to: log_to.clone(),
    };
    Ok(choose(&of_lab)?)
}

/// Makes a new lab on disk, out of whatever is left of an older one.
fn make(world: &World, lab: &Lab, playbook: &Playbook, choice: Choice) -> Result<Plan, SessionError> {
    let site = world.site(&lab.record.name);
    for target in TARGETS {
        target.down(&site)?;
    }
    for name in ["secrets.json", "api.json", "ports.json"] {
        remove(&lab.folder.join(name))?;
    }
    let plan = make_plan(lab, playbook, choice, true)?;
    lab.empty()?;
    write(lab, &plan)?;
    // Without it there is no lab: one whose making was cut short is made anew.
    lab.save()?;
    Ok(plan)
}

/// Makes the plan for a lab; ports are looked at anew only if nothing of the lab runs.
fn make_plan(lab: &Lab, playbook: &Playbook, choice: Choice, rests: bool) -> Result<Plan, SessionError> {
    let needs = target(lab)?.needs(&choice)?;
    let mut names: Vec<String> = playbook.secrets.iter().map(|secret| secret.value.clone()).collect();
    names.extend(needs.password.then(|| PASSWORD.to_owned()));
    let mut secrets = lab.make_secrets(&names)?;
    // No service has a `:` in its id.
    let own = |port: &String| format!("broker:{port}");
    let mut ids: Vec<String> = playbook.services.iter().map(|service| service.id.value.clone()).collect();
    ids.extend(needs.ports.iter().map(own));
    let ports = lab.make_ports(&ids, rests)?;
    let of_server = needs.ports.iter().filter_map(|port| Some((port.clone(), *ports.get(&own(port))?)));
    let server = ServerGiven { ports: of_server.collect(), password: secrets.remove(PASSWORD) };
    let unreadable = |error: FolderError| {
        SessionError::Invalid(vec![Diagnostic::error("missing-file", error.to_string())])
    };
    let feeds = playbook.feeds().map_err(unreadable)?;
    let (name, folder) = (lab.record.name.clone(), lab.folder.clone());
    let given = Given { lab: name, folder, secrets, ports, feeds, server, host: None };
    Ok(plan(playbook, choice, &given)?)
}

/// Writes what a plan says into a lab.
fn write(lab: &Lab, plan: &Plan) -> Result<(), SessionError> {
    for folder in plan.folders {
        lab.make_folder(folder)?;
    }
    for file in target(lab)?.render(plan)? {
        if let Some((folder, _)) = file.path.rsplit_once('/') {
            lab.make_folder(folder)?;
        }
        lab.write(&file.path, &file.content)?;
    }
    Ok(())
}
