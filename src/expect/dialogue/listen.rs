//! Who listens to what: the program's patterns in one table, and the bookkeeping of each.

use std::time::Duration;

use crate::expect::pattern::{Event, Kind};
use crate::expect::program::{Listen, Program, StreamId};

/// Whose pattern it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Branch { step: usize, branch: usize },
    Rule(usize),
    Watch(usize),
}

/// One pattern of the program. Its place in the table is its id.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) who: Who,
    pub(super) listen: Listen,
    /// How often it matched.
    pub(super) fired: u64,
    /// Events happen once to rules and watches: whether this one was told. Output takes it back for
    /// `@idle`, whose next quiet is another one.
    pub(super) told: bool,
    /// `@idle` counts from here on where no output came later: the step's begin, or its last firing.
    pub(super) quiet_from: Duration,
}

impl Listener {
    pub(super) fn event(&self) -> Option<Event> {
        match self.listen.pattern.kind {
            Kind::Event(event) => Some(event),
            Kind::Text(_) | Kind::Regex(_) => None,
        }
    }

    pub(super) fn hears(&self, stream: StreamId) -> bool {
        self.listen.stream.is_none_or(|only| only == stream)
    }

    pub(super) fn source(&self) -> &str {
        &self.listen.pattern.source
    }
}

/// The table: branches in the order of the steps, then rules, then watches, so that ids of a step's
/// branches followed by those of the rules are in the order in which they are tried.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) all: Vec<Listener>,
    /// The id of each step's first branch.
    first_branch: Vec<usize>,
    first_rule: usize,
    first_watch: usize,
}

impl Table {
    pub(super) fn new(program: &Program) -> Table {
        let mut all = Vec::new();
        let mut push = |who, listen: &Listen| {
            all.push(Listener {
                who,
                listen: listen.clone(),
                fired: 0,
                told: false,
                quiet_from: Duration::ZERO,
            });
            all.len()
        };
        let mut first_branch = Vec::new();
        let mut end = 0;
        for (step, program) in program.steps.iter().enumerate() {
            first_branch.push(end);
            for (branch, program) in program.branches.iter().enumerate() {
                end = push(Who::Branch { step, branch }, &program.listen);
            }
        }
        let first_rule = end;
        for (rule, program) in program.rules.iter().enumerate() {
            end = push(Who::Rule(rule), &program.listen);
        }
        let first_watch = end;
        for (watch, program) in program.watches.iter().enumerate() {
            push(Who::Watch(watch), &program.listen);
        }
        Table { all, first_branch, first_rule, first_watch }
    }

    pub(super) fn branches(&self, step: usize) -> std::ops::Range<usize> {
        let end = self.first_branch.get(step + 1).copied().unwrap_or(self.first_rule);
        self.first_branch[step]..end
    }

    pub(super) fn rules(&self) -> std::ops::Range<usize> {
        self.first_rule..self.first_watch
    }

    pub(super) fn watches(&self) -> std::ops::Range<usize> {
        self.first_watch..self.all.len()
    }
}
