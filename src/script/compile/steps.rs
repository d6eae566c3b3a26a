//! Steps: exactly one thing each, with the steps of loops and procs in blocks of their own.

use std::collections::BTreeMap;

use super::Compiler;
use super::actions::Inside;
use crate::expect::keys;
use crate::expect::program::{
    Block, Branch, Key, Kind, Origin, Place, Procedure, Step, Then, Value,
};
use crate::script::model::{self, Script};
use crate::script::read::{Bool, Text};
use crate::script::source::Span;

/// A proc that can be called.
#[derive(Clone, Debug)]
pub(super) struct Callable {
    pub(super) block: usize,
    pub(super) args: Vec<String>,
    at: Span,
    pub(super) called: bool,
}

/// The names that `goto` finds: those of the block, and of the blocks around it.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    blocks: Vec<BTreeMap<String, Place>>,
}

impl Compiler<'_> {
    /// The whole dialogue.
    pub(super) fn dialogue(&mut self, scripts: &[Script]) {
        self.program.variables = self.params.variables();
        for (name, value) in &self.program.variables {
            match value {
                Value::List(_) => self.names.define_list(name),
                Value::Text(_) => self.names.define(name),
            }
        }
        self.procs(scripts);
        for rule in scripts.iter().flat_map(|script| script.rule.iter().flatten()) {
            if let Some(name) = &rule.name {
                self.names.rules.insert(name.value.clone());
            }
        }
        for script in scripts {
            script.rule.iter().flatten().for_each(|rule| self.rule(rule));
            script.watch.iter().flatten().for_each(|watch| self.watch(watch));
        }
        let Some(script) = scripts.first() else { return };
        let block = |steps: &Option<Vec<model::Step>>| steps.clone().unwrap_or_default();
        self.program.steps = self.block(&block(&script.step), Block::Main, &Scope::default());
        self.program.cleanup =
            self.block(&block(&script.cleanup), Block::Cleanup, &Scope::default());
        let uncalled = self.procs.iter().filter(|(_, proc)| !proc.called);
        self.places.uncalled = uncalled.map(|(name, proc)| (name.clone(), proc.at)).collect();
        self.places.procs =
            self.procs.iter().map(|(name, proc)| (name.clone(), proc.block)).collect();
    }

    /// Procs first, so that they can call each other.
    fn procs(&mut self, scripts: &[Script]) {
        let all: Vec<&(Text, model::Proc)> = scripts
            .iter()
            .flat_map(|script| script.proc.iter().flat_map(|procs| &procs.0))
            .collect();
        let mut bodies = Vec::new();
        for (name, proc) in all {
            self.name(name, "a proc");
            let args: Vec<String> =
                proc.args.iter().flatten().map(|arg| self.name(arg, "an argument")).collect();
            let block = self.new_block(name.value.clone(), args.clone());
            let callable = Callable { block, args: args.clone(), at: name.at, called: false };
            if self.procs.insert(name.value.clone(), callable).is_some() {
                self.log.error(
                    "duplicate",
                    name.at,
                    format!("the proc `{}` is defined twice", name.value),
                );
            }
            bodies.push((block, args, proc.step.clone().unwrap_or_default(), name.at));
        }
        for (block, args, steps, at) in bodies {
            if steps.is_empty() {
                self.log.error("empty", at, "this proc has no steps");
            }
            let before = std::mem::replace(&mut self.names.locals, args);
            let steps = self.block(&steps, Block::Other(block), &Scope::default());
            self.program.blocks[block].steps = steps;
            self.names.locals = before;
        }
    }

    pub(super) fn new_block(&mut self, name: String, parameters: Vec<String>) -> usize {
        self.program.blocks.push(Procedure { name, parameters, steps: Vec::new() });
        self.program.blocks.len() - 1
    }

    pub(super) fn block(
        &mut self,
        steps: &[model::Step],
        block: Block,
        around: &Scope,
    ) -> Vec<Step> {
        let mut names = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            let Some(name) = &step.name else { continue };
            if names.insert(name.value.clone(), Place { block, step: index }).is_some() {
                self.log.error(
                    "duplicate",
                    name.at,
                    format!("there are two steps `{}`", name.value),
                );
            }
        }
        let mut scope = around.clone();
        scope.blocks.push(names);
        let mut made = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            let place = Place { block, step: index };
            self.places.steps.insert(place, place_of(step));
            made.push(self.step(step, place, &scope));
        }
        made
    }

    fn step(&mut self, step: &model::Step, place: Place, scope: &Scope) -> Step {
        let name = step.name.as_ref().map(|name| self.name(name, "a step"));
        self.only_one(step);
        self.modifiers(step);
        let when = step.when.as_ref().and_then(|when| self.condition(when));
        let kind = self.kind(step, place, scope);
        let branches = self.branches(step, place, scope);
        let actions = if step.expect.is_some() {
            Vec::new()
        } else {
            self.actions(&step.acts, Inside::Step, None)
        };
        let then = match (&step.expect, &step.then) {
            (None, Some(_)) => self.then(step.then.as_ref(), step.reset.as_ref(), scope),
            _ => Then::Next,
        };
        if kind == Kind::Plain
            && branches.is_empty()
            && actions.is_empty()
            && step.on.is_none()
            && step.then.is_none()
            && step.name.is_none()
            && !self.log.has_errors()
        {
            self.log.error("empty", place_of(step), "this step does nothing").help(
                "it has `expect` or `on` to wait, an action such as `line`, or one of sleep, exec, ask, interact, wait_exit, loop, call",
            );
        }
        Step {
            name,
            when,
            kind,
            branches,
            actions,
            all: step.all.as_ref().is_some_and(|all| all.value),
            within: step.within.as_ref().map(|within| within.value),
            optional: step.optional.as_ref().is_some_and(|optional| optional.value),
            then,
            from: Origin::Script,
        }
    }

    /// A step is one thing.
    fn only_one(&mut self, step: &model::Step) {
        let on = step.on.as_ref().map(|on| on.first().map_or(step.at, |branch| branch.at));
        let all = [
            ("expect", step.expect.as_ref().map(|text| text.at)),
            ("on", on.filter(|_| step.interact.is_none())),
            ("sleep", step.sleep.as_ref().map(|sleep| sleep.at)),
            ("exec", step.exec.as_ref().map(|exec| exec.0.at)),
            ("ask", step.ask.as_ref().map(|ask| ask.at)),
            ("interact", step.interact.as_ref().map(|interact| interact.0.at)),
            ("wait_exit", step.wait_exit.as_ref().map(|codes| codes.at)),
            ("loop", step.loop_.as_ref().map(|body| body.at)),
            ("call", step.call.as_ref().map(|call| call.at)),
        ];
        let mut given = all.into_iter().filter_map(|(key, at)| Some((key, at?)));
        let Some((first, at)) = given.next() else { return };
        for (second, other) in given {
            let (at, hint) = match (first, second) {
                ("expect", "on") => (at, "make `expect` a branch too: `[[step.on]]` with `match`"),
                _ => (other, "make two steps of it"),
            };
            self.log
                .error("conflict", at, format!("a step has either `{first}` or `{second}`"))
                .help(hint);
        }
        if on.is_some()
            && let Some(act) = step.acts.first()
        {
            self.log
                .error("conflict", act, "a step with `on` acts inside its branches")
                .help("move this into a `[[step.on]]`, or into a step of its own behind this one");
        }
    }

    /// What belongs to something that is not there.
    fn modifiers(&mut self, step: &model::Step) {
        let waits = step.expect.is_some();
        let listens = waits || step.on.is_some() || step.interact.is_some();
        let needs_expect = [
            ("max", step.max.as_ref().map(|max| max.at)),
            ("answers", step.answers.as_ref().and_then(|all| all.first()).map(|text| text.at)),
        ];
        for (key, at) in needs_expect.into_iter().filter(|_| !waits) {
            if let Some(at) = at {
                self.log.error(
                    "conflict",
                    at,
                    format!("`{key}` belongs to a pattern: `expect`, or a branch in `on`"),
                );
            }
        }
        if let (Some(then), Some(_)) = (&step.then, &step.on) {
            self.log
                .error("conflict", then.at, "with `on`, each branch says where it goes on")
                .help("move `then` into the branches");
        }
        if let Some(all) = step.all.as_ref().filter(|all| all.value) {
            let branches = || step.on.iter().flatten();
            if step.on.is_none() || step.interact.is_some() {
                self.log.error("conflict", all.at, "`all` is about the branches in `on`");
            }
            for then in branches().filter_map(|branch| branch.then.as_ref()) {
                self.log
                    .error(
                        "conflict",
                        then.at,
                        "with `all`, the step goes on when all have matched",
                    )
                    .help("leave out `then`; what comes next is a step of its own");
            }
            for max in branches().filter_map(|branch| branch.max.as_ref()) {
                self.log.error("conflict", max.at, "with `all`, each branch matches once");
            }
        }
        if let (Some(reset), None) = (&step.reset, &step.then) {
            self.log.error("conflict", reset.at, "`reset` goes with `then = \"again\"`");
        }
        for (key, at) in [
            ("stream", step.stream.as_ref().map(|stream| stream.at)),
            ("view", step.view.as_ref().map(|view| view.at)),
        ] {
            if let (Some(at), false) = (at, listens) {
                self.log.error(
                    "conflict",
                    at,
                    format!("`{key}` says where a pattern listens, and this step has none"),
                );
            }
        }
        let has_limit = listens
            || step.exec.is_some()
            || step.ask.is_some()
            || step.wait_exit.is_some()
            || step.loop_.is_some()
            || step.call.is_some()
            || step
                .acts
                .list
                .iter()
                .any(|act| matches!(act.value, crate::script::actions::Act::Secret(..)));
        if let (Some(within), false) = (&step.within, has_limit) {
            self.log.error(
                "conflict",
                within.at,
                "`within` limits a wait, and this step does not wait",
            );
        }
        if let (Some(args), None) = (&step.args, &step.call)
            && let Some((name, _)) = args.0.first()
        {
            self.log.error("conflict", name.at, "`args` belongs to `call`");
        }
        let fails = listens
            || step.exec.is_some()
            || step.ask.is_some()
            || step.wait_exit.is_some()
            || step.loop_.is_some()
            || step.call.is_some();
        if let (Some(optional), false) = (&step.optional, fails) {
            self.log.warn(
                "conflict",
                optional.at,
                "`optional` is about a wait, and this step does not wait",
            );
        }
    }

    fn kind(&mut self, step: &model::Step, place: Place, scope: &Scope) -> Kind {
        if let Some(sleep) = &step.sleep {
            Kind::Sleep(sleep.value)
        } else if let Some(exec) = &step.exec {
            self.exec(&exec.0, scope)
        } else if let Some(ask) = &step.ask {
            self.ask(ask)
        } else if let Some(interact) = &step.interact {
            let key = interact.0.key.as_ref();
            let key = match keys::parse(key.map_or("ctrl-]", |key| &key.value)) {
                Ok(Key::Bytes(bytes)) => bytes,
                Ok(Key::Cursor(_) | Key::Eof) | Err(_) => {
                    let at = key.map_or(interact.0.at, |key| key.at);
                    self.log
                        .error("key", at, "this key cannot end an `interact`")
                        .help("use one such as ctrl-] or f12");
                    Vec::new()
                }
            };
            Kind::Interact { key }
        } else if let Some(codes) = &step.wait_exit {
            let list = codes.codes.as_ref();
            Kind::WaitExit(list.map(|list| list.iter().map(|code| code.value as i32).collect()))
        } else if let Some(body) = &step.loop_ {
            self.loop_(body, step, place, scope)
        } else if let Some(call) = &step.call {
            match self.call(call, step.args.as_ref()) {
                Some(call) => Kind::Call(call),
                None => Kind::Plain,
            }
        } else {
            Kind::Plain
        }
    }

    fn branches(&mut self, step: &model::Step, place: Place, scope: &Scope) -> Vec<Branch> {
        let (stream, view) = (step.stream.as_ref(), step.view.as_ref());
        let mut branches = Vec::new();
        let mut add = |compiler: &mut Self, branch: Branch, at: Span| {
            compiler.places.branches.insert((place, branches.len()), at);
            branches.push(branch);
        };
        if let Some(expect) = &step.expect {
            let listen = self.listen(expect, stream, view);
            self.no_view(&listen, view);
            let branch = Branch {
                max: self.max(step.max.as_ref()),
                answers: step.answers.iter().flatten().map(|answer| self.text(answer)).collect(),
                actions: self.actions(&step.acts, Inside::Step, Some(&listen.pattern)),
                then: self.then(step.then.as_ref(), step.reset.as_ref(), scope),
                listen,
            };
            add(self, branch, expect.at);
        }
        if let Some(until) = step.interact.as_ref().and_then(|interact| interact.0.until.as_ref()) {
            let branch = Branch::on(self.listen(until, stream, view));
            add(self, branch, until.at);
        }
        for branch in step.on.iter().flatten() {
            let Some(pattern) = &branch.match_ else { continue };
            let stream = branch.stream.as_ref().or(stream);
            let view = branch.view.as_ref().or(view);
            let listen = self.listen(pattern, stream, view);
            self.no_view(&listen, branch.view.as_ref());
            if let (Some(reset), None) = (&branch.reset, &branch.then) {
                self.log.error("conflict", reset.at, "`reset` goes with `then = \"again\"`");
            }
            let made = Branch {
                max: self.max(branch.max.as_ref()),
                answers: branch.answers.iter().flatten().map(|answer| self.text(answer)).collect(),
                actions: self.actions(&branch.acts, Inside::Step, Some(&listen.pattern)),
                then: self.then(branch.then.as_ref(), branch.reset.as_ref(), scope),
                listen,
            };
            add(self, made, pattern.at);
        }
        if step.on.as_ref().is_some_and(Vec::is_empty) {
            self.log.error("empty", step.at, "`on` has no branches");
        }
        branches
    }

    /// Where it goes on.
    pub(super) fn then(
        &mut self,
        then: Option<&Text>,
        reset: Option<&Bool>,
        scope: &Scope,
    ) -> Then {
        let Some(then) = then else { return Then::Next };
        let words: Vec<&str> = then.value.split_whitespace().collect();
        let again = words.as_slice() == ["again"];
        if let (Some(reset), false) = (reset, again) {
            self.log.error("conflict", reset.at, "`reset` goes with `then = \"again\"`");
        }
        match words.as_slice() {
            ["next"] => Then::Next,
            ["again"] => Then::Again { reset: reset.is_some_and(|reset| reset.value) },
            ["pass"] => Then::Pass,
            ["fail"] => Then::Fail(None),
            ["goto", name] => {
                let found = scope.blocks.iter().rev().find_map(|names| names.get(*name));
                if let Some(place) = found {
                    return Then::Goto(*place);
                }
                let known = scope.blocks.iter().flat_map(|names| names.keys().map(String::as_str));
                self.log
                    .error("unknown-name", then.at, format!("there is no step `{name}` here"))
                    .help("give a step this `name`; a proc's steps are its own")
                    .nearest(name, known);
                Then::Next
            }
            _ => {
                let message = format!("`{}` is no place to go on", then.value);
                let found = self.log.error("then", then.at, message);
                found.help("it is next, again, goto NAME, pass or fail");
                if let [name] = words.as_slice()
                    && scope.blocks.iter().any(|names| names.contains_key(*name))
                {
                    found.help(format!("did you mean `goto {name}`?"));
                }
                Then::Next
            }
        }
    }
}

/// The step's most telling place: its name, or what it does first.
fn place_of(step: &model::Step) -> Span {
    let first = [
        step.name.as_ref().map(|name| name.at),
        step.expect.as_ref().map(|text| text.at),
        step.acts.first(),
    ];
    first.into_iter().flatten().next().unwrap_or(step.at)
}
