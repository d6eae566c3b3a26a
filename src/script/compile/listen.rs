//! Rules and watches, and where patterns listen.

use super::Compiler;
use super::actions::Inside;
use crate::expect::pattern::Kind;
use crate::expect::program::{Listen, Origin, Rule, StreamId, Verdict, View, Watch};
use crate::script::actions::Act;
use crate::script::model::{self, Sight, Stream};
use crate::script::read::{At, Count, Text};

impl Compiler<'_> {
    pub(super) fn listen(
        &mut self,
        pattern: &Text,
        stream: Option<&At<Stream>>,
        view: Option<&At<Sight>>,
    ) -> Listen {
        let (pattern, template) = self.pattern(pattern);
        Listen {
            pattern,
            template,
            stream: stream.map(|stream| match stream.value {
                Stream::Stdout => StreamId::Stdout,
                Stream::Stderr => StreamId::Stderr,
            }),
            view: match view.map(|view| view.value) {
                Some(Sight::Raw) => View::Raw,
                Some(Sight::Screen) => View::Screen,
                Some(Sight::Text) | None => View::Text,
            },
        }
    }

    /// An event looks at nothing.
    pub(super) fn no_view(&mut self, listen: &Listen, view: Option<&At<Sight>>) {
        if let (Kind::Event(_), Some(view)) = (&listen.pattern.kind, view) {
            self.log.error(
                "conflict",
                view.at,
                "`view` says what a pattern looks at, and an event looks at nothing",
            );
        }
    }

    /// `max`: zero would say that it must never come, and that is a watch.
    pub(super) fn max(&mut self, max: Option<&Count>) -> Option<u32> {
        let max = max?;
        if max.value == 0 {
            self.log
                .error("range", max.at, "`max` is at least 1")
                .help("what must not come at all is a `[[watch]]` with `fail`");
        }
        Some(max.value)
    }

    pub(super) fn rule(&mut self, rule: &model::Rule) {
        let Some(on) = &rule.on else { return };
        let listen = self.listen(on, rule.stream.as_ref(), rule.view.as_ref());
        self.no_view(&listen, rule.view.as_ref());
        let name = rule.name.as_ref().map(|name| self.name(name, "a rule"));
        let mut made = Rule::on(listen);
        made.max = self.max(rule.max.as_ref());
        made.answers = rule.answers.iter().flatten().map(|answer| self.text(answer)).collect();
        made.actions = self.actions(&rule.acts, Inside::Rule, Some(&made.listen.pattern));
        made.enabled = rule.enabled.as_ref().is_none_or(|enabled| enabled.value);
        made.from = Origin::Script;
        if made.actions.is_empty() && made.answers.is_empty() && !self.log.has_errors() {
            self.log
                .warn("empty", on.at, "this rule does nothing but consume what it matches")
                .help("give it `line`, `key`, `fail` or another action");
        }
        if !made.enabled && name.is_none() {
            self.log.error(
                "conflict",
                on.at,
                "a rule that is not enabled needs a `name` for `enable`",
            );
        }
        made.name = name;
        self.program.rules.push(made);
        self.places.rules.push(on.at);
    }

    /// A watch; one of the program for each thing that it does.
    pub(super) fn watch(&mut self, watch: &model::Watch) {
        let Some(on) = &watch.on else { return };
        let listen = self.listen(on, watch.stream.as_ref(), watch.view.as_ref());
        self.no_view(&listen, watch.view.as_ref());
        if listen.template.is_some() {
            self.log
                .error(
                    "conflict",
                    on.at,
                    "a watch looks from the start, so only params can stand in its pattern",
                )
                .help("what is known later is a `[[rule]]` with `fail`, `log` or `append`");
        }
        if watch.acts.list.is_empty() {
            self.log
                .error("empty", on.at, "this watch decides nothing")
                .help("give it `fail`, `pass`, `retry`, `log`, `count` or `append`");
        }
        for act in &watch.acts.list {
            let verdict = match &act.value {
                Act::Pass => Verdict::Pass,
                Act::Fail(why) => Verdict::Fail(self.reason(why.as_ref())),
                Act::Retry(why) => Verdict::Retry(self.reason(why.as_ref())),
                Act::Log(text) => Verdict::Log(Some(self.text(text))),
                Act::Count(name) => {
                    self.sets(&name.value, name.at);
                    Verdict::Count(self.name(name, "a variable"))
                }
                Act::Append(name, value) => Verdict::Append(
                    self.list_name(name, Some(&listen.pattern)),
                    value.as_ref().map(|value| self.plain(value)),
                ),
                _ => {
                    self.log
                        .error("conflict", act.at, "a watch only judges: it has `fail`, `pass`, `retry`, `log`, `count` and `append`")
                        .help("what answers is a `[[rule]]`");
                    continue;
                }
            };
            self.program.watches.push(Watch {
                listen: listen.clone(),
                verdict,
                from: Origin::Script,
            });
            self.places.watches.push(on.at);
        }
    }
}
