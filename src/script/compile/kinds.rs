//! What a step is other than a wait: `exec`, `ask`, `loop`, `call`.

use super::Compiler;
use super::steps::Scope;
use crate::expect::program::{
    Ask, Block, Call, Exec, ExecCommand, Kind, Loop, Origin, Place, Question, Step, Value,
};
use crate::script::model::{self, ListOr};
use crate::script::read::{At, Named, Plain, Text};

impl Compiler<'_> {
    pub(super) fn exec(&mut self, exec: &model::ExecTable, scope: &Scope) -> Kind {
        let command = match (&exec.argv, &exec.shell) {
            (Some(argv), None) if !argv.is_empty() => {
                ExecCommand::Argv(argv.iter().map(|word| self.text(word)).collect())
            }
            (None, Some(shell)) => ExecCommand::Shell(shell.value.clone()),
            _ => {
                self.log.error("conflict", exec.at, "`exec` has either `argv` or `shell`");
                ExecCommand::Shell(String::new())
            }
        };
        self.names.define("status");
        let into = exec.into.as_ref().map(|into| {
            self.sets(&into.value, into.at);
            self.name(into, "a variable")
        });
        let otherwise = exec.else_.as_ref().map(|then| self.then(Some(then), None, scope));
        Kind::Exec(Exec { command, into, otherwise })
    }

    pub(super) fn ask(&mut self, ask: &model::Ask) -> Kind {
        let question = match ask.kind.as_ref().map(|kind| kind.value) {
            Some(model::Question::Secret) => Question::Secret,
            Some(model::Question::Key) => Question::Key,
            Some(model::Question::Line) | None => Question::Line,
        };
        let into = ask.into.as_ref().map_or_else(String::new, |into| {
            if question == Question::Secret {
                self.names.secrets.insert(into.value.clone(), into.at);
            } else {
                self.sets(&into.value, into.at);
            }
            self.name(into, "an answer")
        });
        if let (Question::Secret, Some(default)) = (question, &ask.default) {
            let found = self.log.error("secret", default.at, "a secret has no default");
            found.hide = true;
        }
        let prompt = ask.prompt.as_ref().map(|prompt| self.text(prompt)).unwrap_or_default();
        let default = self.reason(ask.default.as_ref());
        Kind::Ask(Ask { prompt, question, into, default })
    }

    pub(super) fn loop_(
        &mut self,
        body: &model::Loop,
        step: &model::Step,
        place: Place,
        scope: &Scope,
    ) -> Kind {
        let index = self.new_block(
            step.name
                .as_ref()
                .map_or_else(|| (place.step + 1).to_string(), |name| name.value.clone()),
            Vec::new(),
        );
        let foreach = self.foreach(body, index);
        let until = body.until.as_ref().and_then(|until| self.condition(until));
        let until_match = body.until_match.as_ref().map(|until| self.listen(until, None, None));
        if let Some(times) = body.times.as_ref().filter(|times| times.value == 0) {
            self.log.error("range", times.at, "`times` is at least 1");
        }
        let locals = self.names.locals.len();
        self.names.locals.extend(foreach.iter().map(|(name, _)| name.clone()));
        let inner = match (&body.step, &body.call) {
            (Some(steps), None) if !steps.is_empty() => {
                self.block(steps, Block::Other(index), scope)
            }
            (None, Some(call)) => {
                let called = self.call(call, body.args.as_ref());
                self.places.steps.insert(Place { block: Block::Other(index), step: 0 }, call.at);
                let step =
                    |call| Step { kind: Kind::Call(call), from: Origin::Script, ..Step::default() };
                called.map(step).into_iter().collect()
            }
            _ => {
                self.log.error(
                    "conflict",
                    body.at,
                    "a loop has either steps (`[[step.loop.step]]`) or a `call`",
                );
                Vec::new()
            }
        };
        self.names.locals.truncate(locals);
        self.program.blocks[index].steps = inner;
        let times = body.times.as_ref().map(|times| times.value);
        Kind::Loop(Loop { body: Block::Other(index), times, foreach, until, until_match })
    }

    /// The variable and the list; a list that is written out gets a name that cannot be written.
    pub(super) fn foreach(&mut self, body: &model::Loop, index: usize) -> Option<(String, String)> {
        let variable = match (&body.foreach, &body.as_) {
            (Some(_), Some(name)) => {
                if self.params.values.contains_key(&name.value) {
                    self.log.error("conflict", name.at, format!("`{}` is a param", name.value));
                }
                self.name(name, "a variable")
            }
            (Some(_), None) => {
                self.log.error(
                    "missing",
                    body.at,
                    "`foreach` needs `as`, the variable that holds the entry",
                );
                return None;
            }
            (None, Some(name)) => {
                self.log.error("conflict", name.at, "`as` names the entry of a `foreach`");
                return None;
            }
            (None, None) => return None,
        };
        let list = match body.foreach.as_ref()? {
            ListOr::List(items) => {
                let name = format!("foreach {}", index + 1);
                let items: Vec<String> = items
                    .iter()
                    .map(|item| self.known(&Text { at: item.at, value: item.value.0.clone() }))
                    .collect();
                self.program.variables.insert(name.clone(), Value::list(items));
                name
            }
            ListOr::One(name) => {
                self.names.use_list(&name.value.0, name.at);
                name.value.0.clone()
            }
        };
        Some((variable, list))
    }

    pub(super) fn call(&mut self, call: &Text, args: Option<&Named<At<Plain>>>) -> Option<Call> {
        let Some(callable) = self.procs.get_mut(&call.value) else {
            let known: Vec<&str> = self.procs.keys().map(String::as_str).collect();
            self.log
                .error("unknown-name", call.at, format!("there is no proc `{}`", call.value))
                .help("a proc is defined by `[[proc.NAME.step]]`")
                .nearest(&call.value, known);
            return None;
        };
        callable.called = true;
        let (block, wanted) = (callable.block, callable.args.clone());
        let mut arguments = Vec::new();
        for (name, value) in args.iter().flat_map(|args| &args.0) {
            if !wanted.contains(&name.value) {
                let message = format!("the proc `{}` takes no `{}`", call.value, name.value);
                self.log
                    .error("unknown-name", name.at, message)
                    .nearest(&name.value, wanted.iter().map(String::as_str));
            }
            let value = self.plain(value);
            arguments.push((name.value.clone(), value));
        }
        for missing in
            wanted.iter().filter(|wanted| !arguments.iter().any(|(name, _)| name == *wanted))
        {
            self.log
                .error("missing", call.at, format!("the proc `{}` needs `{missing}`", call.value))
                .help(format!("add args = {{ {missing} = \"...\" }}"));
        }
        Some(Call { block: Block::Other(block), arguments })
    }
}
