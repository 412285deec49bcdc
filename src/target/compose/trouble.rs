//! What goes wrong with an engine and its containers: a name, one sentence with the cause, and the ways out.

/// Why containers do not do what they shall.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Trouble {
    /// A stable name in kebab-case.
    pub code: &'static str,
    /// The cause; what a container wrote stands in lines of its own.
    pub problem: String,
    /// What to do, one way each.
    pub ways: Vec<String>,
}

impl Trouble {
    pub(super) fn new(code: &'static str, problem: impl Into<String>) -> Self {
        Trouble { code, problem: problem.into(), ways: Vec::new() }
    }

    #[must_use]
    pub(super) fn way(mut self, way: impl Into<String>) -> Self {
        self.ways.push(way.into());
        self
    }

    /// Adds what somebody wrote last.
    #[must_use]
    pub(super) fn wrote(mut self, lines: &[String]) -> Self {
        if !lines.is_empty() {
            self.problem = format!("{}; it wrote:\n  {}", self.problem, lines.join("\n  "));
        }
        self
    }
}

/// The way out that needs no engine.
pub(super) const WITHOUT: &str = "or leave out `--target compose`: the same lesson runs without containers";
