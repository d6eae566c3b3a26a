//! What is used before it is there, and procs that call themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use crate::expect::program::{Action, Block, ExecCommand, Kind, Place, Program, Step, Text, Then};
use crate::script::compile::groups;

/// What a step does with names, loops and calls in it included.
#[derive(Default)]
struct Names {
    sets: BTreeSet<String>,
    uses: BTreeSet<String>,
}

impl Check<'_> {
    pub(super) fn order(&mut self) {
        self.before_set();
        self.recursion();
    }

    /// A name of the main line that only later steps set. With a way back, later is no fact.
    fn before_set(&mut self) {
        let program = &self.compiled.program;
        let goes_back = |(index, step): (usize, &Step)| {
            let mut targets = step.branches.iter().map(|branch| &branch.then).chain([&step.then]);
            targets.any(|then| matches!(then, Then::Goto(Place { block: Block::Main, step }) if *step <= index))
        };
        let inner = program
            .all_steps()
            .any(|(place, step)| place.block != Block::Main && goes_back((usize::MAX, step)));
        if inner || program.steps.iter().enumerate().any(goes_back) {
            return;
        }
        let mut any_time: BTreeSet<String> = program.variables.keys().cloned().collect();
        for rule in &program.rules {
            any_time.extend(groups(&rule.listen.pattern).into_iter().map(|(name, _)| name));
            any_time.extend(rule.actions.iter().filter_map(sets));
        }
        for watch in &program.watches {
            any_time.extend(groups(&watch.listen.pattern).into_iter().map(|(name, _)| name));
            any_time.extend(match &watch.verdict {
                crate::expect::program::Verdict::Count(name)
                | crate::expect::program::Verdict::Append(name, _) => Some(name.clone()),
                _ => None,
            });
        }
        let steps: Vec<Names> = program
            .steps
            .iter()
            .map(|step| {
                let mut names = Names::default();
                gather(program, step, &mut names, 0);
                names
            })
            .collect();
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, names) in steps.iter().enumerate() {
            for name in &names.sets {
                first.entry(name).or_insert(index);
            }
        }
        for (index, names) in steps.iter().enumerate() {
            let late = names.uses.iter().find(|name| {
                !any_time.contains(*name) && first.get(name.as_str()).is_some_and(|at| *at > index)
            });
            let at = self.compiled.places.steps.get(&Place::main(index));
            if let (Some(name), Some(at)) = (late, at) {
                self.log
                    .warn(
                        "before-set",
                        *at,
                        format!("`${{{name}}}` has no value here: only later steps set it"),
                    )
                    .help("move this step behind that one, or `set` it before");
            }
        }
    }

    /// A proc that calls itself, and nothing decides whether.
    fn recursion(&mut self) {
        let program = &self.compiled.program;
        for (name, block) in &self.compiled.places.procs {
            let mut seen = BTreeSet::new();
            let mut todo = vec![Block::Other(*block)];
            while let Some(next) = todo.pop() {
                for inner in program.block(next).iter().filter(|step| step.when.is_none()) {
                    let inner = match &inner.kind {
                        Kind::Call(call) => call.block,
                        Kind::Loop(body) => body.body,
                        _ => continue,
                    };
                    if seen.insert(inner) {
                        todo.push(inner);
                    }
                }
            }
            let at =
                self.compiled.places.steps.get(&Place { block: Block::Other(*block), step: 0 });
            if let (true, Some(at)) = (seen.contains(&Block::Other(*block)), at) {
                self.log
                    .warn(
                        "recursion",
                        *at,
                        format!("the proc `{name}` calls itself, and nothing ends that"),
                    )
                    .help("a `loop` repeats steps; a call that has to end needs a `when`");
            }
        }
    }
}

fn sets(action: &Action) -> Option<String> {
    match action {
        Action::Set(name, _) | Action::Count(name) | Action::Append(name, _) => Some(name.clone()),
        _ => None,
    }
}

/// What `step` does first to last; a name that it sets before it uses it is none that it needs.
fn gather(program: &Program, step: &Step, names: &mut Names, depth: usize) {
    let used = |text: &Text, names: &mut Names| {
        let open = text.names().filter(|name| !names.sets.contains(*name));
        let open: Vec<String> = open.filter(|name| !is_built_in(name)).map(str::to_owned).collect();
        names.uses.extend(open);
    };
    match &step.kind {
        Kind::Exec(exec) => {
            if let ExecCommand::Argv(argv) = &exec.command {
                for word in argv {
                    used(word, names);
                }
            }
            names.sets.extend(exec.into.clone());
        }
        Kind::Ask(ask) => {
            used(&ask.prompt, names);
            names.sets.insert(ask.into.clone());
        }
        Kind::Loop(body) => {
            names.sets.extend(body.foreach.iter().map(|(name, _)| name.clone()));
            inner(program, body.body, names, depth);
        }
        Kind::Call(call) => {
            call.arguments.iter().for_each(|(_, text)| used(text, names));
            names.sets.extend(call.arguments.iter().map(|(name, _)| name.clone()));
            inner(program, call.block, names, depth);
        }
        Kind::Plain | Kind::Sleep(_) | Kind::Interact { .. } | Kind::WaitExit(_) => {}
    }
    for branch in &step.branches {
        if let Some(template) = &branch.listen.template {
            used(template, names);
        }
        names.sets.extend(groups(&branch.listen.pattern).into_iter().map(|(name, _)| name));
        branch.answers.iter().for_each(|text| used(text, names));
        for action in &branch.actions {
            action.text().into_iter().for_each(|text| used(text, names));
            names.sets.extend(sets(action));
        }
    }
    for action in &step.actions {
        action.text().into_iter().for_each(|text| used(text, names));
        names.sets.extend(sets(action));
    }
}

fn inner(program: &Program, block: Block, names: &mut Names, depth: usize) {
    // Deeper calls say nothing new, and one that calls itself would never end.
    if depth < 8 {
        program.block(block).iter().for_each(|step| gather(program, step, names, depth + 1));
    }
}

/// What is not set by a step: numbers, `before`, and fields of a list's entries.
fn is_built_in(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit())
        || name.contains('.')
        || matches!(name, "before" | "status")
}
