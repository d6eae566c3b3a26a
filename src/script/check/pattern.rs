//! Patterns that match something else than it seems, or never.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::Check;
use crate::expect::pattern::{Kind, Pattern};
use crate::expect::program::{Action, Listen, View};
use crate::script::source::Span;

/// What people write who mean a regex.
const REGEX_LIKE: [&str; 12] =
    ["\\d", "\\s", "\\w", "\\S", "\\b", "\\.", ".*", ".+", "(?", "[^", "[0-9]", "[a-z]"];

impl Check<'_> {
    pub(super) fn patterns(&mut self) {
        let program = &self.compiled.program;
        let places = &self.compiled.places;
        for (listen, _, _, at) in self.answers() {
            self.one(&listen.pattern, at);
            if listen.view != View::Screen {
                self.pausing(&listen.pattern, at);
            }
        }
        for (watch, at) in program.watches.iter().zip(&places.watches) {
            self.one(&watch.listen.pattern, *at);
        }
        for (place, step) in program.all_steps() {
            let all: Vec<(&Listen, Span)> = step
                .branches
                .iter()
                .enumerate()
                .filter_map(|(index, branch)| {
                    Some((&branch.listen, *places.branches.get(&(place, index))?))
                })
                .collect();
            self.shadows(&all, "branch");
        }
        let rules = program.rules.iter().zip(&places.rules);
        let rules: Vec<(&Listen, Span)> =
            rules.filter(|(rule, _)| rule.enabled).map(|(rule, at)| (&rule.listen, *at)).collect();
        self.shadows(&rules, "rule");
        self.groups();
    }

    fn one(&mut self, pattern: &Pattern, at: Span) {
        match &pattern.kind {
            Kind::Text(_) if !pattern.source.starts_with('=') => {
                let text = &pattern.source;
                let like = REGEX_LIKE.iter().find(|part| text.contains(**part));
                let anchored =
                    text.starts_with('^') || text.ends_with(":$") || text.ends_with("\\$");
                if like.is_some() || anchored {
                    self.log
                        .warn(
                            "literal-regex",
                            at,
                            "this looks like a regex, and is matched as plain text",
                        )
                        .help(format!(
                            "a regex is written /{text}/; ={text} says that text is meant"
                        ));
                }
            }
            Kind::Regex(regex) => {
                let parser = regex_syntax::ParserBuilder::new().utf8(false).build().parse(regex);
                if let Ok(hir) = parser {
                    self.tail(&hir, at);
                }
            }
            Kind::Text(_) | Kind::Event(_) => {}
        }
    }

    /// What a regex ends in.
    fn tail(&mut self, hir: &Hir, at: Span) {
        let (last, captured) = last(hir, false);
        let HirKind::Repetition(repetition) = last.kind() else { return };
        if repetition.max.is_some() || !repetition.greedy {
            return;
        }
        let takes = |c: char| takes(&repetition.sub, c);
        if takes('a') && takes('\n') {
            self.log
                .warn("greedy-tail", at, "this takes all further output, up to the next pause")
                .help("end it where it should end: with $, or with the text behind it");
        } else if takes('a') && takes(' ') && repetition.min == 0 && !captured {
            self.log
                .warn("greedy-tail", at, "what it ends in only delays the match to the end of the line, and consumes that")
                .help("leave it out, or capture it");
        }
    }

    /// A prompt that is found only when the output pauses: `.*: $`. What ends a line (`.*failed$`) is decided by
    /// the line's end, and without the `.*` it is what people write who want that pause.
    fn pausing(&mut self, pattern: &Pattern, at: Span) {
        let Kind::Regex(regex) = &pattern.kind else { return };
        let parser = regex_syntax::ParserBuilder::new().utf8(false).build().parse(regex);
        let Ok(hir) = parser else { return };
        let HirKind::Concat(parts) = hir.kind() else { return };
        let [.., any, prompt, end] = parts.as_slice() else { return };
        let HirKind::Look(Look::End | Look::EndLF | Look::EndCRLF) = end.kind() else { return };
        let HirKind::Literal(prompt) = prompt.kind() else { return };
        let HirKind::Repetition(repetition) = within(any).kind() else { return };
        let Some((mark, true)) =
            prompt.0.first().zip(prompt.0.last()).map(|(m, l)| (*m, *l == b' '))
        else {
            return;
        };
        if repetition.max.is_none() && takes(&repetition.sub, char::from(mark)) {
            let (mark, prompt) = (char::from(mark), String::from_utf8_lossy(&prompt.0));
            self.log
                .warn("settle", at, "this matches only when the output pauses (`limits.settle`): more could come before the `$`")
                .help(format!("`[^{mark}]*{prompt}` without the `$` matches at once"));
        }
    }

    /// Of two that begin at the same place, the first wins.
    fn shadows(&mut self, all: &[(&Listen, Span)], what: &str) {
        for (index, (later, at)) in all.iter().enumerate() {
            let hidden = all[..index].iter().find(|(earlier, _)| {
                let together = earlier.view == later.view
                    && (earlier.stream.is_none() || earlier.stream == later.stream)
                    && earlier.template.is_none()
                    && later.template.is_none();
                together
                    && match (&earlier.pattern.kind, &later.pattern.kind) {
                        (Kind::Text(first), Kind::Text(second)) => second.starts_with(first),
                        (Kind::Regex(first), Kind::Regex(second)) => first == second,
                        (Kind::Event(first), Kind::Event(second)) => first == second,
                        _ => false,
                    }
            });
            if let Some((earlier, _)) = hidden {
                let source = &earlier.pattern.source;
                self.log
                    .warn(
                        "shadowed",
                        *at,
                        format!(
                            "this {what} never matches: `{source}` before it always does first"
                        ),
                    )
                    .help("put the longer one first");
            }
        }
    }

    /// `${1}` without a group 1.
    fn groups(&mut self) {
        for (listen, actions, answers, at) in self.answers() {
            let groups = match &listen.pattern.kind {
                Kind::Regex(regex) => {
                    let parsed =
                        regex_syntax::ParserBuilder::new().utf8(false).build().parse(regex);
                    parsed.map_or(usize::MAX, |hir| hir.properties().explicit_captures_len())
                }
                Kind::Text(_) | Kind::Event(_) => 0,
            };
            let all = actions.iter().filter_map(Action::text).chain(answers);
            for name in all.flat_map(crate::expect::program::Text::names) {
                if name.parse::<usize>().is_ok_and(|number| number > groups) {
                    self.log
                        .warn("no-group", at, format!("`${{{name}}}` is always empty here: the pattern has {groups} groups"))
                        .help("a group is written ( ) in a /regex/");
                }
            }
        }
    }
}

/// Whether a class has a character.
fn takes(class: &Hir, c: char) -> bool {
    match class.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            class.iter().any(|range| (range.start()..=range.end()).contains(&c))
        }
        HirKind::Class(Class::Bytes(class)) => class.iter().any(|range| {
            (u32::from(range.start())..=u32::from(range.end())).contains(&u32::from(c))
        }),
        _ => false,
    }
}

/// What is in a group.
fn within(hir: &Hir) -> &Hir {
    match hir.kind() {
        HirKind::Capture(capture) => within(&capture.sub),
        _ => hir,
    }
}

/// The last part of a regex, and whether it is within a group.
fn last(hir: &Hir, captured: bool) -> (&Hir, bool) {
    match hir.kind() {
        HirKind::Concat(parts) => match parts.last() {
            Some(part) => last(part, captured),
            None => (hir, captured),
        },
        HirKind::Capture(capture) => last(&capture.sub, true),
        _ => (hir, captured),
    }
}
