//! What a dialogue is to do: one model, built by flags and by scripts alike.
//!
//! Steps stand in blocks: the main line, the cleanup, and one block for the body of each loop and of each
//! procedure. A [`Place`] names a step; names of steps and procedures are resolved to places by whoever
//! builds the program, so that nothing here can be misspelt. Names of variables, lists, rules and secrets
//! stay names.

mod asks;
mod condition;
mod step;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

pub use self::condition::{Condition, ConditionError, Operand, Order};
pub use self::step::{
    Ask, Block, Branch, Call, Exec, ExecCommand, Kind, Loop, Place, Procedure, Question, Step, Then,
};
pub use self::text::{Part, Text, TextError};
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
    /// Waited for in order: [`Block::Main`].
    pub steps: Vec<Step>,
    /// Done when heeler is about to stop a living command: [`Block::Cleanup`].
    pub cleanup: Vec<Step>,
    /// How long the cleanup may take in all.
    pub cleanup_limit: Duration,
    /// The bodies of loops and procedures: [`Block::Other`].
    pub blocks: Vec<Procedure>,
    /// Answered whenever they appear.
    pub rules: Vec<Rule>,
    /// Judged whenever they appear; they consume nothing.
    pub watches: Vec<Watch>,
    /// Parameters and other variables as they are at the start.
    pub variables: BTreeMap<String, Value>,
    /// The limit of a step without its own; absent is none.
    pub step_timeout: Option<Duration>,
    /// Where `step_timeout` was set, for its name in messages.
    pub step_timeout_from: Origin,
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
            cleanup: Vec::new(),
            cleanup_limit: Duration::from_secs(5),
            blocks: Vec::new(),
            rules: Vec::new(),
            watches: Vec::new(),
            variables: BTreeMap::new(),
            step_timeout: Some(Duration::from_secs(30)),
            step_timeout_from: Origin::Flags,
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
            && self.cleanup.is_empty()
            && self.rules.is_empty()
            && self.watches.is_empty()
    }

    /// The steps of a block.
    pub fn block(&self, block: Block) -> &[Step] {
        match block {
            Block::Main => &self.steps,
            Block::Cleanup => &self.cleanup,
            Block::Other(index) => self.blocks.get(index).map_or(&[], |block| &block.steps),
        }
    }

    /// The step at a place.
    pub fn step(&self, place: Place) -> Option<&Step> {
        self.block(place.block).get(place.step)
    }

    /// All blocks: the main line, the cleanup, the others.
    pub fn all_blocks(&self) -> impl Iterator<Item = Block> + use<> {
        let others = (0..self.blocks.len()).map(Block::Other);
        [Block::Main, Block::Cleanup].into_iter().chain(others)
    }

    /// All places with their steps, in the order of [`Program::all_blocks`].
    pub fn all_steps(&self) -> impl Iterator<Item = (Place, &Step)> {
        self.all_blocks().flat_map(|block| {
            let steps = self.block(block).iter().enumerate();
            steps.map(move |(step, found)| (Place { block, step }, found))
        })
    }

    /// What a step is called in messages: its name or number, with its block's name where that is not the main
    /// line.
    pub fn label(&self, place: Place) -> String {
        let name = self.step(place).and_then(|step| step.name.clone());
        let name = name.unwrap_or_else(|| (place.step + 1).to_string());
        match place.block {
            Block::Main => name,
            Block::Cleanup => format!("cleanup.{name}"),
            Block::Other(index) => match self.blocks.get(index) {
                Some(block) => format!("{}.{name}", block.name),
                None => name,
            },
        }
    }

    /// All actions, wherever they stand.
    pub fn all_actions(&self) -> impl Iterator<Item = &Action> {
        let steps = self.all_steps().flat_map(|(_, step)| {
            step.actions.iter().chain(step.branches.iter().flat_map(|branch| &branch.actions))
        });
        let rules = self.rules.iter().flat_map(|rule| &rule.actions);
        self.start.iter().chain(steps).chain(rules)
    }

    /// Everything that listens: branches, the `until` of loops, rules, watches.
    pub fn all_listens(&self) -> impl Iterator<Item = &Listen> {
        let steps = self.all_steps().flat_map(|(_, step)| {
            let until = match &step.kind {
                Kind::Loop(body) => body.until_match.as_ref(),
                _ => None,
            };
            step.branches.iter().map(|branch| &branch.listen).chain(until)
        });
        let rules = self.rules.iter().map(|rule| &rule.listen);
        steps.chain(rules).chain(self.watches.iter().map(|watch| &watch.listen))
    }

    /// Whether anything in it types to the command.
    pub fn types(&self) -> bool {
        let answers = self.rules.iter().any(|rule| !rule.answers.is_empty());
        let steps = self.all_steps().any(|(_, step)| {
            matches!(step.kind, Kind::Interact { .. })
                || step.branches.iter().any(|branch| !branch.answers.is_empty())
        });
        answers || steps || self.all_actions().any(Action::types)
    }

    /// The names under which it keeps secrets that it asks a person for.
    pub fn asked_secrets(&self) -> impl Iterator<Item = &str> {
        self.all_steps().filter_map(|(_, step)| match &step.kind {
            Kind::Ask(ask) if ask.question == Question::Secret => Some(ask.into.as_str()),
            _ => None,
        })
    }
}

/// Who wrote something: its words in messages follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// A flag, such as `--within 5s`.
    #[default]
    Flags,
    /// A script, such as `within = "5s"`.
    Script,
}

/// A variable's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Bytes; nothing for a group that took no part in its match.
    Text(Option<Vec<u8>>),
    /// What `append` gathered, or a list that the script has.
    List(Vec<Item>),
}

/// One entry of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// The whole match, or its one named group; with several, their values with tabs between them.
    pub text: Vec<u8>,
    /// Named groups: `${item.name}` in a `foreach` over the list as `item`.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Value {
    /// A text.
    pub fn text(bytes: impl Into<Vec<u8>>) -> Value {
        Value::Text(Some(bytes.into()))
    }

    /// A list of plain texts.
    pub fn list<T: Into<Vec<u8>>>(items: impl IntoIterator<Item = T>) -> Value {
        let item = |text: T| Item { text: text.into(), fields: Vec::new() };
        Value::List(items.into_iter().map(item).collect())
    }
}

/// A pattern and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// What is waited for. With a `template` only its `source` counts, for messages.
    pub pattern: Pattern,
    /// The pattern as written where it has `${...}` parts that are known only when it is armed: read anew
    /// then, with values quoted where they stand in a regex. Absent for every other pattern.
    pub template: Option<Text>,
    /// Only on this stream; absent is all.
    pub stream: Option<StreamId>,
    /// What it looks at.
    pub view: View,
}

impl Listen {
    /// Listens for `pattern` on all streams, in the text.
    pub fn to(pattern: Pattern) -> Listen {
        Listen { pattern, template: None, stream: None, view: View::Text }
    }
}

/// Something that is answered whenever it appears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// For messages, and for enabling and disabling; rules that share a name are one group.
    pub name: Option<String>,
    /// What it waits for.
    pub listen: Listen,
    /// How often it may fire; once more fails the dialogue.
    pub max: Option<u32>,
    /// One line for each time it fires, before the actions; once more fails the dialogue.
    pub answers: Vec<Text>,
    /// What it does.
    pub actions: Vec<Action>,
    /// Whether it listens from the start.
    pub enabled: bool,
    /// Who wrote it.
    pub from: Origin,
}

impl Rule {
    /// A rule that does nothing yet.
    pub fn on(listen: Listen) -> Rule {
        let (max, answers, actions) = (None, Vec::new(), Vec::new());
        Rule { name: None, listen, max, answers, actions, enabled: true, from: Origin::Flags }
    }
}

/// Something that is judged whenever it appears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// What it looks for.
    pub listen: Listen,
    /// The verdict.
    pub verdict: Verdict,
    /// Who wrote it.
    pub from: Origin,
}

/// What a watch decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `--until`: the run has done its job.
    Pass,
    /// `--fail-on`: the dialogue failed, with a reason where one was given.
    Fail(Option<Text>),
    /// This attempt failed, and another is worth it.
    Retry(Option<Text>),
    /// `--retry-on match:P`: noted under this index, nothing more.
    Note(usize),
    /// A line on stderr and an event; without a text, what matched.
    Log(Option<Text>),
    /// Counts into this variable.
    Count(String),
    /// Appends its captures to this list, or a text.
    Append(String, Option<Text>),
}

/// Something the dialogue does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Types these bytes.
    Send(Text),
    /// Types these bytes, then Enter: CR on a terminal, LF on a pipe.
    Line(Text),
    /// A key by name. `eof` is the terminal's own end-of-file character; on a pipe it closes the input.
    Key(Key),
    /// Types the secret of this name, then Enter.
    Secret {
        /// Which one.
        name: String,
        /// Whether it may be sent while the terminal echoes.
        echo_ok: bool,
    },
    /// From here on texts are typed with this pause between characters; zero is none.
    Pace(Duration),
    /// Appends the captures of the last match to this list, or a text.
    Append(String, Option<Text>),
    /// Sets a variable.
    Set(String, Text),
    /// Adds one to a variable; one that is not there yet counts as zero.
    Count(String),
    /// A line on stderr and an event.
    Log(Text),
    /// Ends the run: it has done its job.
    Pass,
    /// Fails the dialogue.
    Fail(Option<Text>),
    /// Fails this attempt; another is worth it.
    Retry(Option<Text>),
    /// Sends INT to the foreground of the terminal, or to the tree.
    Interrupt,
    /// Starts the ladder.
    Terminate,
    /// Kills the tree.
    Kill,
    /// Sends this signal, by its number, to every process of the tree.
    Signal(i32),
    /// Gives the terminal this size: columns, rows.
    Resize(u16, u16),
    /// Closes the command's input; on a terminal, its end-of-file character.
    CloseStdin,
    /// The rules of this name listen from here on.
    Enable(String),
    /// The rules of this name listen no more.
    Disable(String),
    /// In a rule: takes the current step as done.
    Next,
}

impl Action {
    /// Whether it types to the command.
    pub fn types(&self) -> bool {
        match self {
            Action::Send(_)
            | Action::Line(_)
            | Action::Key(_)
            | Action::Secret { .. }
            | Action::CloseStdin => true,
            Action::Pace(_)
            | Action::Append(..)
            | Action::Set(..)
            | Action::Count(_)
            | Action::Log(_)
            | Action::Pass
            | Action::Fail(_)
            | Action::Retry(_)
            | Action::Interrupt
            | Action::Terminate
            | Action::Kill
            | Action::Signal(_)
            | Action::Resize(..)
            | Action::Enable(_)
            | Action::Disable(_)
            | Action::Next => false,
        }
    }

    /// The text in it.
    pub fn text(&self) -> Option<&Text> {
        match self {
            Action::Send(text) | Action::Line(text) | Action::Log(text) | Action::Set(_, text) => {
                Some(text)
            }
            Action::Fail(text) | Action::Retry(text) | Action::Append(_, text) => text.as_ref(),
            Action::Key(_)
            | Action::Secret { .. }
            | Action::Pace(_)
            | Action::Count(_)
            | Action::Pass
            | Action::Interrupt
            | Action::Terminate
            | Action::Kill
            | Action::Signal(_)
            | Action::Resize(..)
            | Action::CloseStdin
            | Action::Enable(_)
            | Action::Disable(_)
            | Action::Next => None,
        }
    }
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
