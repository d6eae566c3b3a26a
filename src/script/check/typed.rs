//! What is typed: waits that its own echo could answer, and secrets written out.

use super::Check;
use crate::expect::pattern::{Kind, Pattern};
use crate::expect::program::{Action, Place, Step, Text};
use crate::script::source::Span;

/// What asks for a secret.
const ASKS: [&str; 6] = ["password", "passwd", "passphrase", "passcode", "one-time code", "secret"];

impl Check<'_> {
    pub(super) fn typed(&mut self) {
        self.echoes();
        for (listen, actions, answers, at) in self.answers() {
            let source = listen.pattern.source.to_lowercase();
            if !ASKS.iter().any(|asks| source.contains(asks)) {
                continue;
            }
            let lines = actions.iter().filter_map(typed).chain(answers);
            let clear =
                lines.into_iter().any(|text| text.as_literal().is_some_and(|line| line.len() > 1));
            if clear {
                self.clear(at);
            }
        }
    }

    fn clear(&mut self, at: Span) {
        self.log
            .warn("clear-secret", at, "what is typed here looks like a password in clear text")
            .help("name its source under [secrets], and type it with `secret`");
    }

    /// A wait right behind what was typed, which contains what is waited for.
    fn echoes(&mut self) {
        let program = &self.compiled.program;
        for (place, step) in program.all_steps() {
            let Some(before) = place.step.checked_sub(1) else { continue };
            let Some(before) = program.step(Place { step: before, ..place }) else { continue };
            let typed = typed_by(before);
            for (index, branch) in step.branches.iter().enumerate() {
                let Some(line) = typed.iter().find(|line| contains(line, &branch.listen.pattern))
                else {
                    continue;
                };
                let Some(&at) = self.compiled.places.branches.get(&(place, index)) else {
                    continue;
                };
                let line = crate::expect::escape::show(line, 40);
                self.log
                    .warn("own-echo", at, format!("what was just typed (`{line}`) contains this"))
                    .help("the terminal's echo is left out, but a shell that shows the line again is not; wait for what only the answer has");
            }
        }
    }
}

fn typed(action: &Action) -> Option<&Text> {
    match action {
        Action::Send(text) | Action::Line(text) => Some(text),
        _ => None,
    }
}

/// What a step types on its way to the next.
fn typed_by(step: &Step) -> Vec<&[u8]> {
    let branches = step.branches.iter().flat_map(|branch| &branch.actions);
    step.actions.iter().chain(branches).filter_map(typed).filter_map(Text::as_literal).collect()
}

fn contains(line: &[u8], pattern: &Pattern) -> bool {
    match &pattern.kind {
        Kind::Text(text) => memchr::memmem::find(line, text).is_some(),
        // Anchors and short tails match everywhere; only what says something is looked for.
        Kind::Regex(regex) => regex::bytes::Regex::new(regex)
            .is_ok_and(|regex| regex.find(line).is_some_and(|found| found.len() > 2)),
        Kind::Event(_) => false,
    }
}
