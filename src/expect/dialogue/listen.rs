//! Who listens to what: the program's patterns in one table, and the bookkeeping of each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use crate::expect::pattern::{Event, Kind};
use crate::expect::program::{Action, Kind as StepKind, Listen, Place, Program, StreamId};

/// Whose pattern it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Branch {
        step: Place,
        branch: usize,
    },
    /// The `until` of the loop at this place.
    Until(Place),
    Rule(usize),
    Watch(usize),
}

/// One pattern of the program. Its place in the table is its id.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) who: Who,
    pub(super) listen: Listen,
    /// What is done then. Shared: it is done again and again.
    pub(super) actions: Rc<[Action]>,
    /// How often it matched.
    pub(super) fired: u64,
    /// Events happen once to rules and watches: whether this one was told. Output takes it back for
    /// `@idle`, whose next quiet is another one.
    pub(super) told: bool,
    /// `@idle` counts from here on where no output came later: the step's begin, or its last firing.
    pub(super) quiet_from: Duration,
    /// Its pattern was made of its template once.
    pub(super) written: bool,
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

/// The table: for every step its `until` and its branches, then rules, then watches.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) all: Vec<Listener>,
    /// The ids of each step's branches.
    branches: BTreeMap<Place, Range<usize>>,
    /// The id of each loop's `until`.
    untils: BTreeMap<Place, usize>,
    first_rule: usize,
    first_watch: usize,
    /// Whether any of them is made of a template.
    pub(super) templates: bool,
    /// Those that wait for an event. Few do, and asking all costs more than the output does.
    pub(super) events: Vec<usize>,
}

impl Table {
    pub(super) fn new(program: &Program) -> Table {
        let mut all: Vec<Listener> = Vec::new();
        let mut push = |who, listen: &Listen, actions: &[Action]| {
            all.push(Listener {
                who,
                listen: listen.clone(),
                actions: actions.into(),
                fired: 0,
                told: false,
                quiet_from: Duration::ZERO,
                written: false,
            });
            all.len()
        };
        let (mut branches, mut untils) = (BTreeMap::new(), BTreeMap::new());
        let mut end = 0;
        for (place, step) in program.all_steps() {
            if let StepKind::Loop(repeat) = &step.kind
                && let Some(until) = &repeat.until_match
            {
                untils.insert(place, end);
                end = push(Who::Until(place), until, &[]);
            }
            let first = end;
            for (branch, found) in step.branches.iter().enumerate() {
                end = push(Who::Branch { step: place, branch }, &found.listen, &found.actions);
            }
            branches.insert(place, first..end);
        }
        let first_rule = end;
        for (rule, program) in program.rules.iter().enumerate() {
            end = push(Who::Rule(rule), &program.listen, &program.actions);
        }
        let first_watch = end;
        for (watch, program) in program.watches.iter().enumerate() {
            push(Who::Watch(watch), &program.listen, &[]);
        }
        let waits = |&id: &usize| all[id].event().is_some();
        let events = (0..all.len()).filter(waits).collect();
        let templates = all.iter().any(|listener| listener.listen.template.is_some());
        Table { all, branches, untils, first_rule, first_watch, templates, events }
    }

    pub(super) fn branches(&self, step: Place) -> Range<usize> {
        self.branches.get(&step).cloned().unwrap_or(0..0)
    }

    pub(super) fn until(&self, step: Place) -> Option<usize> {
        self.untils.get(&step).copied()
    }

    pub(super) fn rules(&self) -> Range<usize> {
        self.first_rule..self.first_watch
    }

    pub(super) fn watches(&self) -> Range<usize> {
        self.first_watch..self.all.len()
    }
}
