//! Why a session could not do what it was asked. A failed check is none of these: it is a result.

use crate::diagnostic::Diagnostic;
use crate::plan::PlanError;
use crate::runtime::control::{ControlError, Problem};
use crate::target::TargetError;

/// The code of a refusal to end the process that was asked.
const OWN_LAB: &str = "own-lab";

/// Why a session could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The user asked for something that does not exist or does not go together.
    #[error("{title}")]
    Usage {
        /// A stable name in kebab-case.
        code: &'static str,
        /// One sentence.
        title: String,
        /// What to do; may be empty.
        help: String,
    },
    /// Another program works on the lab.
    #[error("lab `{lab}` is in use by another intelmq-lab{}", process(*.owner))]
    Busy {
        /// The lab.
        lab: String,
        /// The other program's process, if it is known.
        owner: Option<u32>,
    },
    /// A playbook is invalid.
    #[error("the playbook is invalid")]
    Invalid(Vec<Diagnostic>),
    /// A file of the lab cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The target failed.
    #[error(transparent)]
    Target(TargetError),
    /// The botnet's control service does not answer, or refuses.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// An action of a step could not be done.
    #[error("an action could not be done")]
    Broken(Vec<Diagnostic>),
    /// The user wanted to stop.
    #[error("interrupted")]
    Interrupted,
}

/// What kind of failure it is; each has an exit code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The user asked for something that does not exist or does not go together.
    Usage,
    /// A playbook is invalid, templates included.
    Invalid,
    /// The playbook is valid, but cannot be rendered here.
    CannotRender,
    /// The target failed.
    Target,
    /// The botnet or a seed failed.
    Runtime,
    /// The user wanted to stop.
    Interrupted,
}

impl SessionError {
    /// Makes an error of something that the user should not have asked for.
    pub(super) fn usage(code: &'static str, title: impl Into<String>, help: impl Into<String>) -> Self {
        SessionError::Usage { code, title: title.into(), help: help.into() }
    }

    /// Returns what kind of failure it is.
    pub fn cause(&self) -> Cause {
        match self {
            SessionError::Usage { .. }
            | SessionError::Busy { .. }
            | SessionError::Plan(PlanError::Impossible(_)) => Cause::Usage,
            SessionError::Invalid(_) | SessionError::Plan(PlanError::Invalid(_)) => Cause::Invalid,
            SessionError::Control(error) => cause_of(error),
            SessionError::Plan(PlanError::Unsupported(_)) => Cause::CannotRender,
            SessionError::File { .. } | SessionError::Target(_) => Cause::Target,
            SessionError::Broken(_) => Cause::Runtime,
            SessionError::Interrupted => Cause::Interrupted,
        }
    }

    /// Tells whether what was asked was refused before anything was changed.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            SessionError::Control(ControlError::Refused(problem)) => problem.status < 500,
            SessionError::Control(_)
            | SessionError::File { .. }
            | SessionError::Target(_)
            | SessionError::Interrupted => false,
            _ => true,
        }
    }

    /// Tells whether it was refused because the process that was asked would have to end itself.
    pub fn is_of_the_lab_itself(&self) -> bool {
        matches!(self, SessionError::Usage { code: OWN_LAB, .. })
    }

    /// Returns what to show.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let code = match self {
            SessionError::Invalid(problems)
            | SessionError::Broken(problems)
            | SessionError::Plan(PlanError::Invalid(problems)) => return problems.clone(),
            SessionError::Usage { code, .. } => code,
            SessionError::Busy { .. } => "lab-busy",
            SessionError::Plan(PlanError::Impossible(_)) => "impossible-combination",
            SessionError::Plan(PlanError::Unsupported(_)) => "not-supported",
            SessionError::File { .. } => "lab-file",
            SessionError::Target(TargetError::Containers(trouble)) => trouble.code,
            SessionError::Target(_) => "target-failed",
            SessionError::Control(error) => match cause_of(error) {
                Cause::Usage => "not-there",
                Cause::Invalid => "invalid-botnet",
                _ => "control-failed",
            },
            SessionError::Interrupted => "interrupted",
        };
        // What a process wrote stands below the sentence about it.
        let text = self.to_string();
        let (title, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let diagnostic = rest.lines().fold(Diagnostic::error(code, title), Diagnostic::cause);
        vec![match self {
            SessionError::Usage { help, .. } if !help.is_empty() => diagnostic.help(help.clone()),
            SessionError::Busy { .. } => {
                diagnostic.help("wait for it, or choose another lab with --lab NAME")
            }
            SessionError::Target(TargetError::NoBroker { .. }) => diagnostic
                .help("start it, or give its right address with --broker-url URL")
                .help("or leave --broker-url out: with --broker NAME the lab brings a server of its own, without that it needs none"),
            SessionError::Target(TargetError::NoServer(missing)) => {
                missing.ways.iter().fold(diagnostic, |diagnostic, way| diagnostic.help(way.clone()))
            }
            SessionError::File { cause, .. } if is_denied(cause) => diagnostic.help(
                "labs stand in $XDG_STATE_HOME/intelmq-lab, or ~/.local/state/intelmq-lab: set XDG_STATE_HOME to a folder that you may write",
            ),
            SessionError::Target(TargetError::Containers(trouble)) => {
                trouble.ways.iter().fold(diagnostic, |diagnostic, way| diagnostic.help(way.clone()))
            }
            SessionError::Control(ControlError::Unreachable { .. }) => {
                diagnostic.help("`intelmq-lab up PLAYBOOK --lab NAME` starts it again, `intelmq-lab down --lab NAME` removes it (`status` shows both names)")
            }
            SessionError::Control(ControlError::Refused(problem)) => match &problem.detail {
                Some(detail) => diagnostic.cause(detail.clone()),
                None => diagnostic,
            },
            _ => diagnostic,
        }]
    }
}

impl From<TargetError> for SessionError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Interrupted => SessionError::Interrupted,
            TargetError::Itself { ref lab } => {
                let way = format!(
                    "`intelmq-lab reset --lab {lab}` does it in a terminal, and the page of `intelmq-lab serve` does it too"
                );
                SessionError::usage(OWN_LAB, error.to_string(), way)
            }
            error => SessionError::Target(error),
        }
    }
}

fn process(owner: Option<u32>) -> String {
    owner.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// Returns what kind of failure an answer of the control service is.
fn cause_of(error: &ControlError) -> Cause {
    match error {
        ControlError::Refused(Problem { status: 404, .. }) => Cause::Usage,
        ControlError::Refused(Problem { status: 422, .. }) => Cause::Invalid,
        _ => Cause::Runtime,
    }
}

/// Tells whether a place cannot be written at all.
fn is_denied(cause: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        cause.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory
    )
}
