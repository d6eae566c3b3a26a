//! Where a dialogue can go: steps that are never reached, loops that nothing ends.

use std::collections::BTreeSet;

use super::Check;
use crate::expect::program::{Action, Block, Kind, Place, Program, Step, Then};

impl Check<'_> {
    pub(super) fn flow(&mut self) {
        let program = &self.compiled.program;
        for (name, at) in &self.compiled.places.uncalled {
            // What is included may be a library.
            if at.source == 0 {
                self.log.warn("uncalled", *at, format!("the proc `{name}` is never called"));
            }
        }
        for block in program.all_blocks() {
            self.unreachable(block);
            self.unbounded(block);
        }
    }

    fn unreachable(&mut self, block: Block) {
        let program = &self.compiled.program;
        let steps = program.block(block);
        let mut reached = BTreeSet::new();
        let mut todo: Vec<usize> = vec![0];
        let gotos = program.all_steps().flat_map(|(_, step)| leads_to(step));
        todo.extend(gotos.filter(|place| place.block == block).map(|place| place.step));
        while let Some(index) = todo.pop() {
            let Some(step) = steps.get(index) else { continue };
            if reached.insert(index) && may_go_on(program, step) {
                todo.push(index + 1);
            }
        }
        let first = (0..steps.len()).find(|index| !reached.contains(index));
        let at = first.and_then(|step| self.compiled.places.steps.get(&Place { block, step }));
        if let Some(at) = at {
            self.log
                .warn(
                    "unreachable",
                    *at,
                    "this step is never reached: what is before it never goes on",
                )
                .help("a `then` or `goto` leads elsewhere, or the run ends before");
        }
    }

    fn unbounded(&mut self, block: Block) {
        let program = &self.compiled.program;
        let steps = program.block(block);
        for (index, step) in steps.iter().enumerate() {
            let place = Place { block, step: index };
            let Some(&at) = self.compiled.places.steps.get(&place) else { continue };
            if let Kind::Loop(body) = &step.kind {
                let bounded = body.times.is_some()
                    || body.foreach.is_some()
                    || body.until.is_some()
                    || body.until_match.is_some();
                if !bounded && !leaves(program, body.body) {
                    self.log
                        .warn("unbounded", at, "nothing ends this loop but `limits.steps`")
                        .help("give it `times`, `foreach`, `until` or `until_match`, or a branch that leads out of it");
                }
            }
            for (number, branch) in step.branches.iter().enumerate() {
                let endless = matches!(branch.then, Then::Again { reset: true });
                if endless && branch.max.is_none() && branch.answers.is_empty() {
                    let at =
                        self.compiled.places.branches.get(&(place, number)).copied().unwrap_or(at);
                    self.log
                        .warn(
                            "unbounded",
                            at,
                            "this may go on for ever: `again` with `reset` has no limit of its own",
                        )
                        .help("give the branch a `max`, or leave out `reset`");
                }
            }
            let back = match step.then {
                Then::Again { .. } if step.branches.is_empty() => Some(index),
                Then::Goto(target) if target.block == block && target.step <= index => {
                    Some(target.step)
                }
                _ => None,
            };
            let idle = |step: &Step| {
                step.branches.is_empty()
                    && step.when.is_none()
                    && matches!(step.kind, Kind::Plain | Kind::Sleep(_))
            };
            if back.is_some_and(|from| steps[from..=index].iter().all(idle)) {
                self.log
                    .warn(
                        "unbounded",
                        at,
                        "this goes round without waiting for anything, until `limits.steps`",
                    )
                    .help("wait for something in it, or use a `loop` with `times`");
            }
        }
    }
}

/// Where a step leads by name.
fn leads_to(step: &Step) -> impl Iterator<Item = Place> {
    let otherwise = match &step.kind {
        Kind::Exec(exec) => exec.otherwise.as_ref(),
        _ => None,
    };
    let then = step.branches.iter().map(|branch| &branch.then);
    then.chain([&step.then]).chain(otherwise).filter_map(|then| match then {
        Then::Goto(place) => Some(*place),
        _ => None,
    })
}

fn ends(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Pass | Action::Fail(_) | Action::Retry(_)))
}

/// Whether the step behind it may follow.
fn may_go_on(program: &Program, step: &Step) -> bool {
    if step.when.is_some() || step.optional {
        return true;
    }
    let otherwise = match &step.kind {
        Kind::Exec(exec) => exec.otherwise == Some(Then::Next),
        _ => false,
    };
    if !step.branches.is_empty() {
        // A rule may take any step as done.
        let rules = program.rules.iter().any(|rule| rule.actions.contains(&Action::Next));
        return rules
            || step
                .branches
                .iter()
                .any(|branch| branch.then == Then::Next && !ends(&branch.actions))
            || matches!(step.kind, Kind::Interact { .. });
    }
    if let Kind::Loop(body) = &step.kind {
        let endless = body.times.is_none()
            && body.foreach.is_none()
            && body.until.is_none()
            && body.until_match.is_none();
        if endless {
            return false;
        }
    }
    otherwise || (step.then == Then::Next && !ends(&step.actions))
}

/// Whether something in a block ends the run or leads out of it.
fn leaves(program: &Program, block: Block) -> bool {
    let out = |then: &Then| match then {
        Then::Pass | Then::Fail(_) => true,
        Then::Goto(place) => place.block != block,
        Then::Next | Then::Again { .. } => false,
    };
    program.block(block).iter().any(|step| {
        let inner = match &step.kind {
            Kind::Loop(body) => leaves(program, body.body),
            Kind::Exec(exec) => exec.otherwise.as_ref().is_none_or(out),
            _ => false,
        };
        inner
            || out(&step.then)
            || ends(&step.actions)
            || step
                .branches
                .iter()
                .any(|branch| out(&branch.then) || ends(&branch.actions) || branch.max.is_some())
    })
}
