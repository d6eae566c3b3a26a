//! Steps: what is done in order, and where it goes on.

use std::time::Duration;

use super::{Action, Condition, Listen, Origin, Text};

/// A list of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Block {
    /// The main line.
    Main,
    /// What is done before the command is stopped.
    Cleanup,
    /// The body of a loop or a procedure, by its index in `Program::blocks`.
    Other(usize),
}

/// A step's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The list it stands in.
    pub block: Block,
    /// Its index there. One past the last is the end of the block, and goes on behind it.
    pub step: usize,
}

impl Place {
    /// A step of the main line.
    pub fn main(step: usize) -> Place {
        Place { block: Block::Main, step }
    }
}

/// The body of a loop or a procedure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Procedure {
    /// What its steps are called in messages: `login` makes `login.1`. For a loop, its step's own name or
    /// number.
    pub name: String,
    /// What a call gives it, as variables that last as long as the call.
    pub parameters: Vec<String>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One step. What it is comes first, then its actions, then it goes on: with branches it waits for one of
/// them, and that branch's actions are done instead of the step's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// For messages and `goto`.
    pub name: Option<String>,
    /// Whether it is done at all.
    pub when: Option<Condition>,
    /// What it is.
    pub kind: Kind,
    /// The alternatives; the one that matches first wins. Only for [`Kind::Plain`] and [`Kind::Interact`].
    pub branches: Vec<Branch>,
    /// Done behind what the step is. A plain step without branches only acts.
    pub actions: Vec<Action>,
    /// Whether all of them have to match, in any order, each once.
    pub all: bool,
    /// This step's own limit. Zero is off.
    pub within: Option<Duration>,
    /// Whether an end, a limit or a failed `exec` is no failure.
    pub optional: bool,
    /// Where it goes on after its actions. Not looked at when a branch was taken.
    pub then: Then,
    /// Who wrote it.
    pub from: Origin,
}

/// What a step is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// It waits for its branches; without any it only acts.
    #[default]
    Plain,
    /// A pause. Rules answer meanwhile.
    Sleep(Duration),
    /// A command on this machine. Rules answer meanwhile.
    Exec(Exec),
    /// A question to the person at our terminal. Rules answer meanwhile.
    Ask(Ask),
    /// Our terminal is handed to the person, until this key sequence or a branch matches or the command
    /// ends. It has no limit unless the step has one.
    Interact {
        /// What the person types to leave, such as `ctrl-]` (`1d` in hexadecimal).
        key: Vec<u8>,
    },
    /// Waits for the leader's exit; another exit code than these fails. Absent is any.
    WaitExit(Option<Vec<i32>>),
    /// Does a block several times.
    Loop(Loop),
    /// Does a procedure.
    Call(Call),
}

/// A command on this machine. Its environment is ours with every text variable and capture added under its
/// name (lists with a line each), never a secret; its stdin is empty, its stderr ours.
///
/// Afterwards `${status}` is its exit code (128 + the number for a signal; empty when it was not started or
/// ran into the limit).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// What is run.
    pub command: ExecCommand,
    /// The variable that takes its stdout without line ends at the end, at most 1 MiB.
    pub into: Option<String>,
    /// Where it goes on when the exit code is not 0; absent fails the dialogue, unless the step is optional.
    pub otherwise: Option<Then>,
}

/// How a command is spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecCommand {
    /// A program and its arguments.
    Argv(Vec<Text>),
    /// A line for `sh -c`. Nothing is put into it, because what a command printed could then be run: the
    /// shell itself finds the variables in its environment.
    Shell(String),
}

/// A question to the person at our controlling terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What is shown.
    pub prompt: Text,
    /// What is wanted.
    pub question: Question,
    /// The variable, or for [`Question::Secret`] the secret, that takes the answer.
    pub into: String,
    /// What an empty answer or the limit stands for. Never of a secret.
    pub default: Option<Text>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A line.
    Line,
    /// A line, not shown.
    Secret,
    /// One key.
    Key,
}

/// How often a block is done. All that is given holds at once; without any it goes on until something
/// leads out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// The block.
    pub body: Block,
    /// At most so many rounds. With an `until` that was not met by then, the step fails, unless it is
    /// optional.
    pub times: Option<u32>,
    /// One round for each entry of a list, which is in this variable meanwhile: the variable, the list.
    pub foreach: Option<(String, String)>,
    /// It ends before a round when this holds.
    pub until: Option<Condition>,
    /// It ends when this appears while a step in it waits; tried before that step's branches.
    pub until_match: Option<Listen>,
}

/// Does a procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which.
    pub block: Block,
    /// What its parameters are.
    pub arguments: Vec<(String, Text)>,
}

/// One alternative of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// What it waits for.
    pub listen: Listen,
    /// How often it may be taken; once more fails the dialogue.
    pub max: Option<u32>,
    /// One line for each time it is taken, before the actions; once more fails the dialogue.
    pub answers: Vec<Text>,
    /// What it does.
    pub actions: Vec<Action>,
    /// Where it goes on.
    pub then: Then,
}

impl Branch {
    /// A branch that only goes on.
    pub fn on(listen: Listen) -> Branch {
        let (max, answers, actions) = (None, Vec::new(), Vec::new());
        Branch { listen, max, answers, actions, then: Then::Next }
    }
}

/// Where a dialogue goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// The next step.
    #[default]
    Next,
    /// The same step once more.
    Again {
        /// Whether its clock starts anew.
        reset: bool,
    },
    /// This step: of the same block, or of one that the current one was called or looped from, which is
    /// left then.
    Goto(Place),
    /// The run has done its job.
    Pass,
    /// The dialogue failed.
    Fail(Option<Text>),
}
