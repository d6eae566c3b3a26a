//! What a dialogue is to do: one model, built by flags and by scripts alike.

use std::time::Duration;

use super::pattern::Pattern;

/// One of the command's streams. A terminal is one stream; pipes are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamId {
    /// Pipe mode.
    Stdout,
    /// Pipe mode.
    Stderr,
    /// PTY mode.
    Terminal,
}

/// What a pattern looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// Escapes removed, CR LF to LF.
    #[default]
    Text,
    /// The bytes as they came.
    Raw,
    /// The rendered screen.
    Screen,
}

/// A whole dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Done at the start.
    pub start: Vec<Action>,
    /// Waited for in order.
    pub steps: Vec<Step>,
    /// Answered whenever they appear.
    pub rules: Vec<Rule>,
    /// Judged whenever they appear; they consume nothing.
    pub watches: Vec<Watch>,
    /// The limit of a step without its own; absent is none.
    pub step_timeout: Option<Duration>,
    /// The pause after which an undecided match is decided.
    pub settle: Duration,
    /// Bytes kept for matching, a stream.
    pub window: usize,
    /// How many steps a run takes at most, loops included.
    pub max_steps: u32,
}

impl Default for Program {
    fn default() -> Program {
        Program {
            start: Vec::new(),
            steps: Vec::new(),
            rules: Vec::new(),
            watches: Vec::new(),
            step_timeout: Some(Duration::from_secs(30)),
            settle: Duration::from_millis(50),
            window: 1 << 20,
            max_steps: 10_000,
        }
    }
}

impl Program {
    /// Whether there is nothing to do or to look for.
    pub fn is_empty(&self) -> bool {
        self.start.is_empty()
            && self.steps.is_empty()
            && self.rules.is_empty()
            && self.watches.is_empty()
    }

    /// Whether anything in it types to the command.
    pub fn types(&self) -> bool {
        let branches = self.steps.iter().flat_map(|step| &step.branches);
        self.start
            .iter()
            .chain(self.steps.iter().flat_map(|step| &step.actions))
            .chain(branches.flat_map(|branch| &branch.actions))
            .chain(self.rules.iter().flat_map(|rule| &rule.actions))
            .any(|action| match action {
                Action::Send(_) | Action::Line(_) | Action::Key(_) | Action::Secret { .. } => true,
                Action::Pass
                | Action::Fail(_)
                | Action::Interrupt
                | Action::Terminate
                | Action::Kill
                | Action::Next => false,
            })
    }
}

/// A pattern and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// What is waited for.
    pub pattern: Pattern,
    /// Only on this stream; absent is all.
    pub stream: Option<StreamId>,
    /// What it looks at.
    pub view: View,
}

/// Something the dialogue waits for, in order; without branches it only acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// For messages and `goto`.
    pub name: Option<String>,
    /// The alternatives; the one that matches first wins.
    pub branches: Vec<Branch>,
    /// Done when the step has no branches.
    pub actions: Vec<Action>,
    /// This step's own limit.
    pub within: Option<Duration>,
    /// Whether an end or limit without a match is no failure.
    pub optional: bool,
}

/// One alternative of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// What it waits for.
    pub listen: Listen,
    /// How often it may be taken; once more fails the dialogue.
    pub max: Option<u32>,
    /// What it does.
    pub actions: Vec<Action>,
    /// Where it goes on.
    pub then: Then,
}

/// Where a dialogue goes on after a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next step.
    Next,
    /// The same step once more.
    Again {
        /// Whether its clock starts anew.
        reset: bool,
    },
    /// The step with this index.
    Goto(usize),
}

/// Something that is answered whenever it appears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// For messages, and for enabling and disabling.
    pub name: Option<String>,
    /// What it waits for.
    pub listen: Listen,
    /// How often it may fire; once more fails the dialogue.
    pub max: Option<u32>,
    /// What it does.
    pub actions: Vec<Action>,
}

/// Something that is judged whenever it appears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// What it looks for.
    pub listen: Listen,
    /// The verdict.
    pub verdict: Verdict,
}

/// What a watch decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `--until`: the run has done its job.
    Pass,
    /// `--fail-on`: the dialogue failed, with a reason where one was given.
    Fail(Option<String>),
    /// `--retry-on match:P`: noted under this index, nothing more.
    Note(usize),
}

/// Something the dialogue does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Types these bytes.
    Send(Vec<u8>),
    /// Types these bytes, then Enter: CR on a terminal, LF on a pipe.
    Line(Vec<u8>),
    /// A key by name. `eof` is the terminal's own end-of-file character; on a pipe it closes the input.
    Key(Key),
    /// Types the secret of this name, then Enter.
    Secret {
        /// Which one.
        name: String,
        /// Whether it may be sent while the terminal echoes.
        echo_ok: bool,
    },
    /// Ends the run: it has done its job.
    Pass,
    /// Fails the dialogue.
    Fail(Option<String>),
    /// Sends INT to the foreground of the terminal, or to the tree.
    Interrupt,
    /// Starts the ladder.
    Terminate,
    /// Kills the tree.
    Kill,
    /// In a rule: takes the current step as done.
    Next,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// These bytes, whatever the terminal's settings.
    Bytes(Vec<u8>),
    /// An arrow, home or end, by its final letter: `ESC [ A`, or `ESC O A` where the program asked for it.
    Cursor(u8),
    /// The terminal's end-of-file character; a closed pipe otherwise.
    Eof,
}
