//! Actions of tables to actions of a program.

use super::Compiler;
use super::texts::groups;
use crate::cli::value::window_size;
use crate::expect::keys;
use crate::expect::pattern::Pattern;
use crate::expect::program::{Action, Text as Template};
use crate::script::actions::{Act, Actions};
use crate::script::read::{At, Plain, Text};
use crate::script::source::Span;

/// Where actions stand, as far as it matters to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// A step or branch.
    Step,
    /// A rule.
    Rule,
}

impl Compiler<'_> {
    /// Actions; `pattern` is the one whose match they follow.
    pub(super) fn actions(
        &mut self,
        acts: &Actions,
        inside: Inside,
        pattern: Option<&Pattern>,
    ) -> Vec<Action> {
        if let Some(echo_ok) = &acts.echo_ok
            && !acts.list.iter().any(|act| matches!(act.value, Act::Secret(..)))
        {
            self.log.error(
                "conflict",
                echo_ok.at,
                "`echo_ok` is about a `secret` beside it, and there is none",
            );
        }
        let mut ended: Option<Span> = None;
        let mut actions = Vec::new();
        for act in &acts.list {
            if ended.take().is_some() {
                self.log.warn(
                    "unreachable",
                    act.at,
                    "this is never done: the run has ended before it",
                );
            }
            if act.value.is_last() {
                ended = Some(act.at);
            }
            actions.extend(self.action(act, inside, pattern));
        }
        actions
    }

    fn action(
        &mut self,
        act: &At<Act>,
        inside: Inside,
        pattern: Option<&Pattern>,
    ) -> Option<Action> {
        Some(match &act.value {
            Act::Send(text) => Action::Send(self.text(text)),
            Act::Line(text) => Action::Line(self.text(text)),
            Act::Hex(text) => {
                let digits: String = text.value.chars().filter(|c| !c.is_whitespace()).collect();
                let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
                let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(pair).collect();
                let Some(bytes) = bytes.filter(|_| !digits.contains('+')) else {
                    self.log
                        .error("hex", text.at, "this is not hexadecimal")
                        .help("bytes are pairs of digits, as in \"1b 5b 41\"");
                    return None;
                };
                Action::Send(Template::literal(bytes))
            }
            Act::Key(text) => match keys::parse(&text.value) {
                Ok(key) => Action::Key(key),
                Err(why) => {
                    self.log.error("key", text.at, why.to_string());
                    return None;
                }
            },
            Act::Secret(name, echo_ok) => {
                self.names.use_secret(&name.value, name.at);
                Action::Secret { name: name.value.clone(), echo_ok: *echo_ok }
            }
            Act::Pace(pace) => Action::Pace(pace.value),
            Act::Append(name, value) => {
                let name = self.list_name(name, pattern);
                Action::Append(name, value.as_ref().map(|value| self.plain(value)))
            }
            Act::Set(name, value) => {
                self.name(name, "a variable");
                self.sets(&name.value, name.at);
                Action::Set(name.value.clone(), self.plain(value))
            }
            Act::Count(name) => {
                self.name(name, "a variable");
                self.sets(&name.value, name.at);
                Action::Count(name.value.clone())
            }
            Act::Log(text) => Action::Log(self.text(text)),
            Act::Fail(why) => Action::Fail(self.reason(why.as_ref())),
            Act::Retry(why) => Action::Retry(self.reason(why.as_ref())),
            Act::Signal(name) => {
                let Some(number) = (self.given.signal)(&name.value) else {
                    let message = format!("there is no signal `{}`", name.value);
                    self.log
                        .error("signal", name.at, message)
                        .help("a signal is TERM, SIGTERM, 15 or RTMIN+1");
                    return None;
                };
                Action::Signal(number)
            }
            Act::Resize(size) => {
                let (columns, rows) = self.size(size)?;
                Action::Resize(columns, rows)
            }
            Act::Enable(name) => {
                self.names.use_rule(&name.value, name.at);
                Action::Enable(name.value.clone())
            }
            Act::Disable(name) => {
                self.names.use_rule(&name.value, name.at);
                Action::Disable(name.value.clone())
            }
            Act::Pass => Action::Pass,
            Act::Interrupt => Action::Interrupt,
            Act::Terminate => Action::Terminate,
            Act::Kill => Action::Kill,
            Act::CloseStdin => Action::CloseStdin,
            Act::Next if inside == Inside::Rule => Action::Next,
            Act::Next => {
                self.log
                    .error(
                        "conflict",
                        act.at,
                        "`next` takes the current step as done from within a rule",
                    )
                    .help("a step goes on by itself; `then` says where");
                return None;
            }
        })
    }

    pub(super) fn reason(&mut self, why: Option<&Text>) -> Option<Template> {
        why.map(|why| self.text(why))
    }

    /// A value with `${}` in it.
    pub(super) fn plain(&mut self, value: &At<Plain>) -> Template {
        self.text(&Text { at: value.at, value: value.value.0.clone() })
    }

    /// The list that a match is appended to.
    pub(super) fn list_name(&mut self, name: &Text, pattern: Option<&Pattern>) -> String {
        self.name(name, "a list");
        self.sets(&name.value, name.at);
        self.names.define_list(&name.value);
        let group = pattern
            .is_some_and(|pattern| groups(pattern).iter().any(|(group, _)| *group == name.value));
        if group {
            self.log
                .error(
                    "conflict",
                    name.at,
                    format!("`{}` is a group of the pattern and a list", name.value),
                )
                .help("a list needs a name of its own, such as its plural");
        }
        name.value.clone()
    }

    pub(super) fn size(&mut self, size: &Text) -> Option<(u16, u16)> {
        match window_size(&size.value) {
            Ok(size) => Some(size),
            Err(why) => {
                self.log.error(
                    "size",
                    size.at,
                    format!("`{}` is no size of a terminal: {why}", size.value),
                );
                None
            }
        }
    }
}
