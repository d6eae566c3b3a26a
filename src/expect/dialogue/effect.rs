//! What a dialogue is given at its start, and what it wants done.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::expect::failure::Failure;
use crate::expect::mask::Mask;
use crate::expect::pattern::PatternError;
use crate::expect::program::{Place, Question, StreamId};

/// What a dialogue has to know of the run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The command's streams. Where two hold a match at the same time, the first in this list goes first.
    pub streams: Vec<StreamId>,
    /// The terminal's size: columns, rows.
    pub size: (u16, u16),
    /// Whether the command has a terminal: Enter is CR then, and LF on a pipe.
    pub terminal: bool,
    /// The secrets that exist.
    pub secret_names: Vec<String>,
    /// Those of them that are not there, and why: to type one fails the dialogue.
    pub missing_secrets: BTreeMap<String, String>,
    /// Their values, for masking. Everything that leaves the dialogue in a record or failure goes through
    /// it; patterns and captures inside see the bytes as they are. The dialogue never sends a value.
    pub mask: Mask,
}

/// What a dialogue wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Type these bytes. Tell [`super::Dialogue::sent`] when they were written.
    Send(Vec<u8>),
    /// Close the command's input (a pipe).
    CloseInput,
    /// Type the terminal's own end-of-file character.
    SendEof,
    /// Type a secret, then call [`super::Dialogue::secret_sent`]; until then the dialogue does nothing
    /// else. Unless `echo_ok`, wait until the terminal has stopped echoing; the dialogue ends the wait by
    /// a [`Effect::Fail`] when `deadline` passes. At most one is under way.
    Secret {
        /// Which one.
        name: String,
        /// Whether it may be sent while the terminal echoes. Always true on a pipe.
        echo_ok: bool,
        /// What to type after it: Enter.
        enter: &'static [u8],
        /// When the dialogue gives up: the step's limit. Absent is never.
        deadline: Option<Duration>,
    },
    /// The secret that is under way is not wanted any more: the run ended or is being ended.
    DropSecret,
    /// INT to the foreground of the terminal, or to the tree.
    Interrupt,
    /// Start the ladder. The dialogue goes on answering, but an unmet step fails it no more.
    Terminate,
    /// Kill the tree. The same holds.
    Kill,
    /// The run has done its job. The last effect.
    Pass,
    /// The dialogue failed. The last effect.
    Fail(Failure),
    /// Send this signal to every process of the tree.
    Signal(i32),
    /// Give the terminal this size: columns, rows.
    Resize(u16, u16),
    /// Run this, with these variables on top of our environment, and tell [`super::Dialogue::exec_done`].
    /// At most one is under way.
    Exec {
        /// The program and its arguments.
        argv: Vec<Vec<u8>>,
        /// Variables.
        env: Vec<(String, Vec<u8>)>,
        /// Whether what it prints is wanted.
        capture: bool,
    },
    /// End what [`Effect::Exec`] started; nothing of it is wanted any more.
    StopExec,
    /// Ask the person at our terminal, and tell [`super::Dialogue::answered`]. At most one is under way.
    Ask {
        /// What is shown.
        prompt: String,
        /// What is wanted.
        question: Question,
        /// Under which name a secret is to be kept.
        into: String,
    },
    /// The question is not open any more.
    StopAsk,
    /// Hand our terminal to the person until they type `key`, and tell
    /// [`super::Dialogue::interact_over`].
    Interact {
        /// What they type to leave.
        key: Vec<u8>,
    },
    /// Take the terminal back.
    StopInteract,
    /// A line for people and for whoever keeps a protocol. Masked.
    Log(String),
    /// The cleanup is over: the ladder may begin.
    CleanupDone,
    /// A watch noted this index; each index once.
    Noted(usize),
    /// Something happened, for whoever keeps a protocol; [`super::Dialogue::words`] says it. Most have none.
    Told(Told),
}

/// Something that happened in a dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The pattern with this number matched.
    Matched(usize),
    /// The optional step at this place was given up.
    Skipped(Place),
}

/// It in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What.
    pub what: What,
    /// The step's name or number, or the rule's name.
    pub label: Option<String>,
    /// The pattern that matched, as written.
    pub pattern: Option<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A branch of the current step matched.
    Step,
    /// An optional step was given up.
    Skipped,
    /// A rule fired.
    Rule,
    /// A watch saw its pattern.
    Watch,
}

/// Why a program cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetupError {
    /// `--send-secret` names no secret.
    #[error("there is no secret `{name}`; define it with `--secret {name}=env:VARIABLE`{}", near(.nearest.as_deref()))]
    UnknownSecret {
        /// As written.
        name: String,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// `--stream` names a stream that this run does not have.
    #[error("`{pattern}` listens to {stream}, which this run does not have: {why}")]
    NoSuchStream {
        /// The pattern.
        pattern: String,
        /// The stream, as the flag spells it.
        stream: &'static str,
        /// Why it is not there.
        why: &'static str,
    },
    /// A `goto` leads nowhere.
    #[error("step {step} goes on at step {target}, and there are {steps}")]
    NoSuchStep {
        /// The step with the `goto`: its name or number.
        step: String,
        /// Where it leads, 1 for the first.
        target: usize,
        /// How many there are.
        steps: usize,
    },
    /// A rule is to be enabled or disabled that is not there.
    #[error("there is no rule `{name}`{}", near(.nearest.as_deref()))]
    UnknownRule {
        /// As written.
        name: String,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// The program contradicts itself.
    #[error("{0}")]
    Malformed(String),
    /// A pattern cannot be compiled.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

fn near(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", or did you mean `{name}`?"))
}
