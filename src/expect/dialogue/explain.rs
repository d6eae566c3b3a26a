//! What a dialogue says of itself: the sentence of a failure, and the record. Everything is masked here,
//! and nowhere else: whatever leaves through a failure or record has passed [`Dialogue::masked`].

use std::time::Duration;

use super::listen::Who;
use super::{
    Dialogue, Effect, Failure, Origin, Reason, Record, RuleRecord, StepState, Told, What, Words,
};
use crate::expect::escape::show;
use crate::expect::failure::{details, human};
use crate::expect::near::{self, Wanted};
use crate::expect::program::{Listen, Origin as Written, Place, StreamId, Verdict};

/// How many patterns a sentence names.
const NAMED: usize = 3;
/// How many characters of a pattern or line are shown.
const SHOWN: usize = 200;

impl Dialogue {
    /// A step's name or number.
    pub(super) fn label(&self, step: Place) -> String {
        self.program.label(step)
    }

    /// ``step 2: `Password: ` did not appear within 5s``.
    pub(super) fn unmet(&self, step: Place, within: &str) -> String {
        let sources = self.sources(step);
        let all = self.program.step(step).is_some_and(|step| step.all);
        let what = match sources.as_slice() {
            several if all && several.len() > 1 => {
                format!("{} did not appear", several.join(" and "))
            }
            [one] => format!("{one} did not appear"),
            [a, b] => format!("neither {a} nor {b} appeared"),
            more => format!("none of {} appeared", listed(more)),
        };
        format!("step {}: {what} within {within}", self.label(step))
    }

    /// ``step 2 (`Password: `) was met``.
    pub(super) fn wanted_words(&self, step: Place) -> String {
        format!("step {} ({}) was met", self.label(step), listed(&self.sources(step)))
    }

    fn sources(&self, step: Place) -> Vec<String> {
        self.open(step).map(|id| format!("`{}`", self.pattern_shown(id))).collect()
    }

    /// The pattern `id`, for people.
    pub(super) fn pattern_shown(&self, id: usize) -> String {
        self.shown(self.table.all[id].source().as_bytes())
    }

    /// What there is to say of what was told just now.
    pub fn words(&self, told: Told) -> Words {
        let id = match told {
            Told::Matched(id) => id,
            Told::Skipped(place) => {
                let label = Some(self.label(place));
                return Words { what: What::Skipped, label, pattern: None };
            }
        };
        let listener = &self.table.all[id];
        let (what, label) = match listener.who {
            Who::Watch(_) => (What::Watch, None),
            Who::Rule(rule) => (What::Rule, self.program.rules[rule].name.clone()),
            Who::Branch { step: place, .. } | Who::Until(place) => {
                (What::Step, Some(self.label(place)))
            }
        };
        Words { what, label, pattern: Some(self.masked(listener.source().as_bytes())) }
    }

    /// `5s (--within 5s)`.
    pub(super) fn limit_words(&self) -> String {
        let limit = self.clock.limit().map(human).unwrap_or_default();
        format!("{limit} ({})", self.clock.name().unwrap_or_default())
    }

    pub(super) fn end_words(&self) -> &'static str {
        match self.end_reason() {
            Reason::Eof => "the output ended",
            _ => "the command exited",
        }
    }

    /// Why a `fail` without a reason was done.
    pub(super) fn asked_words(&self) -> String {
        let by = self.acting.as_ref().and_then(|acting| acting.by);
        let text = self.values.value("0");
        match (by, text) {
            (Some(_), Some(text)) => format!("`{}` appeared (fail)", self.shown(&text)),
            (Some(id), None) => format!("`{}` happened (fail)", self.table.all[id].source()),
            (None, _) => "the dialogue was told to fail".to_owned(),
        }
    }

    pub(super) fn fail(
        &mut self,
        reason: Reason,
        message: &str,
        clock: Option<String>,
        now: Duration,
        out: &mut Vec<Effect>,
    ) {
        if self.cleanup.is_some() {
            // The verdict was fixed before: this is told, and changes nothing.
            let message = self.masked(message.as_bytes());
            self.decide(StepState::Failed, None, None, now);
            out.push(Effect::Log(format!("the cleanup was not finished: {message}")));
            return self.cleanup_over(out);
        }
        if self.given_up {
            return self.end(out);
        }
        let armed = self.armed().collect::<Vec<_>>();
        let losses = self.feeds.iter_mut().flat_map(|feed| std::iter::from_fn(|| feed.take_loss()));
        let mut lost: Vec<usize> = losses.collect();
        lost.sort_unstable();
        lost.dedup();
        let unmet = matches!(reason, Reason::StepTimeout | Reason::Eof | Reason::Exit);
        let failure = Failure {
            reason,
            message: self.masked(message.as_bytes()),
            step: self.step.map(|step| self.label(step)),
            clock,
            armed: armed
                .iter()
                .map(|&id| self.masked(self.table.all[id].source().as_bytes()))
                .collect(),
            last_lines: self.last_lines(),
            near_misses: if unmet { self.near_misses(&lost, reason) } else { Vec::new() },
        };
        // A rule or watch that fails is not the step's doing: that one still waits.
        let acting = self.acting.as_ref().map(|acting| &acting.origin);
        if unmet || matches!(acting, Some(Origin::Step(_) | Origin::Branch(_))) {
            let record = self.record.and_then(|record| self.steps.get(record));
            let matched = record.map(|step| (step.pattern.clone(), step.offset));
            let (pattern, offset) = matched.unwrap_or_default();
            self.decide(StepState::Failed, pattern, offset, now);
        }
        self.failure = Some(failure.clone());
        self.end(out);
        out.push(Effect::Fail(failure));
    }

    /// Of every stream that said something; with its name where that is more than one.
    fn last_lines(&self) -> Vec<String> {
        let feeds: Vec<(StreamId, Vec<String>)> = self
            .feeds
            .iter()
            .map(|feed| (feed.stream, feed.last_lines(&self.mask)))
            .filter(|(_, lines)| !lines.is_empty())
            .collect();
        let named = feeds.len() > 1;
        let mut out = Vec::new();
        for (stream, lines) in feeds {
            let name = match stream {
                StreamId::Stdout if named => "stdout: ",
                StreamId::Stderr if named => "stderr: ",
                StreamId::Stdout | StreamId::Stderr | StreamId::Terminal => "",
            };
            out.extend(lines.into_iter().map(|line| format!("{name}{line}")));
        }
        out
    }

    /// What had not come about, where nothing failed on it: an `--until` that never appeared.
    fn missing(&self) -> Vec<String> {
        self.unmet_untils()
            .map(|(id, from)| {
                let word = match from {
                    Written::Flags => "--until",
                    Written::Script => "a watch",
                };
                let pattern = self.shown(self.table.all[id].source().as_bytes());
                format!("`{pattern}` ({word}) had not appeared")
            })
            .collect()
    }

    /// What helps where a limit of the run ended it and nothing failed: what came close to an `--until`, and what
    /// a step that still waits would have said at its own limit; else a question that nobody answered.
    pub fn advice(&self) -> Vec<String> {
        if let Some(advice) = &self.advice {
            return advice.clone();
        }
        if self.failure.is_some() {
            return Vec::new();
        }
        let seen: Vec<_> = self.feeds.iter().map(super::Feed::seen).collect();
        // A watch sees everything, whatever steps have consumed.
        let mut whole = seen.clone();
        for seen in &mut whole {
            (seen.text.cursor, seen.raw.cursor) = (0, 0);
        }
        let untils: Vec<Wanted<'_>> = self.unmet_untils().map(|(id, _)| self.wanted(id)).collect();
        let mut out = near::close(&untils, &whole, &self.mask);
        let under_way = self.acting.is_some() || self.busy.is_some() || self.cleanup.is_some();
        let waits = |step: &Place| !under_way && self.open(*step).next().is_some();
        if let Some(step) = self.step.filter(waits) {
            let (label, wanted) = (self.label(step), listed(&self.sources(step)));
            out.insert(0, format!("step {label} ({wanted}) was still waited for"));
            out.extend(self.near_misses(&[], Reason::StepTimeout));
            return details(&out, &self.last_lines());
        }
        if self.acting.as_ref().is_some_and(|acting| acting.secret.is_some()) {
            out.extend(self.near_misses(&[], Reason::StepTimeout));
            return out;
        }
        out.extend(near::prompts(&seen, &self.mask));
        out
    }

    /// The run is about to be stopped by somebody else: [`Dialogue::advice`] is about what is now, and nothing that
    /// comes of the stop is a failure.
    pub fn stopped(&mut self) {
        if !self.given_up && self.cleanup.is_none() {
            self.advice = Some(self.advice());
            (self.stopping, self.given_up) = (true, true);
        }
    }

    /// What a program that asks only on a terminal is missing. `out` is what else there is to say.
    fn wants_terminal(&self, out: &[String], reason: Reason) -> bool {
        // A program that ends where it has none says so; one that waits has asked nothing.
        let says_so = |line: &String| {
            let line = line.to_ascii_lowercase();
            ["tty", "terminal"].iter().any(|word| line.contains(word))
        };
        !self.terminal
            && match reason {
                Reason::StepTimeout => out.is_empty(),
                _ => self.last_lines().iter().any(says_so),
            }
    }

    fn unmet_untils(&self) -> impl Iterator<Item = (usize, Written)> {
        let watches = self.table.watches().zip(&self.program.watches);
        watches
            .filter(|(id, watch)| watch.verdict == Verdict::Pass && self.table.all[*id].fired == 0)
            .map(|(id, watch)| (id, watch.from))
    }

    fn wanted(&self, id: usize) -> Wanted<'_> {
        let Listen { pattern, view, stream, .. } = &self.table.all[id].listen;
        Wanted { pattern, view: *view, stream: *stream }
    }

    fn near_misses(&self, lost: &[usize], reason: Reason) -> Vec<String> {
        // The prompt came, and its answer waits: that is all there is to say.
        let held = self.acting.as_ref().and_then(|acting| acting.secret.as_ref());
        if let Some(secret) = held.filter(|secret| !secret.echo_ok) {
            return vec![format!(
                "the secret `{}` still waited for the terminal to stop echoing; `{}` sends it anyway",
                secret.name,
                self.echo_ok_words()
            )];
        }
        // A rule that fired has consumed what it looks for; one that never did may be the one meant.
        let unfired = self.table.rules().filter(|&id| self.table.all[id].fired == 0);
        let wanted: Vec<Wanted<'_>> = self
            .step
            .into_iter()
            .flat_map(|step| self.open(step))
            .chain(unfired)
            .map(|id| self.wanted(id))
            .collect();
        let seen: Vec<_> = self.feeds.iter().map(super::Feed::seen).collect();
        let mut out = near::misses(&wanted, &seen, &self.mask);
        if self.wants_terminal(&out, reason) {
            out.push(
                "the command has no terminal, and many programs ask only on one: try --pty"
                    .to_owned(),
            );
        }
        if self.input_closed {
            out.push("the command had closed its input: what was sent did not arrive".to_owned());
        }
        out.extend(lost.iter().map(|&id| {
            let pattern = self.shown(self.table.all[id].source().as_bytes());
            let window = self.program.window;
            format!("`{pattern}` may have matched, but began more than the window of {window} bytes back")
        }));
        let dropped = self.dropped();
        if dropped > 0 {
            out.push(format!("{dropped} bytes left the window before they could be matched"));
        }
        out
    }

    fn dropped(&self) -> u64 {
        self.feeds.iter().map(super::Feed::dropped).sum()
    }

    /// For a sentence: masked, and cut only then.
    pub(super) fn shown(&self, bytes: &[u8]) -> String {
        show(&self.mask.bytes(bytes), SHOWN)
    }

    pub(super) fn masked(&self, bytes: &[u8]) -> String {
        self.mask.text(bytes)
    }

    /// What the dialogue did so far. Masked.
    pub fn record(&self) -> Record {
        let rules = self
            .table
            .rules()
            .chain(self.table.watches())
            .map(|id| &self.table.all[id])
            .filter(|listener| listener.fired > 0)
            .map(|listener| RuleRecord {
                pattern: self.masked(listener.source().as_bytes()),
                fired: listener.fired,
            })
            .collect();
        let mut steps = self.steps.clone();
        for step in &mut steps {
            step.pattern = step.pattern.as_deref().map(|pattern| self.masked(pattern.as_bytes()));
        }
        Record {
            steps,
            rules,
            captures: self.values.captures(&self.mask),
            failure: self.failure.clone(),
            window_dropped_bytes: self.dropped(),
            notes: self.notes.clone(),
            missing: self.missing(),
        }
    }

    /// The value of a name, as it was matched: for sending, never for showing.
    pub fn capture(&self, name: &str) -> Option<Vec<u8>> {
        self.values.value(name).map(std::borrow::Cow::into_owned)
    }

    /// A text for a message: it is masked where the message is.
    pub(super) fn plain(&self, text: &[u8]) -> String {
        String::from_utf8_lossy(&self.mask.bytes(text)).into_owned()
    }

    /// How the one at fault is told to send a secret anyway.
    pub(super) fn echo_ok_words(&self) -> &'static str {
        let step = self.step.and_then(|place| self.program.step(place));
        match step.map(|step| step.from) {
            Some(Written::Script) => "echo_ok = true",
            _ => "--echo-ok",
        }
    }
}

fn listed(sources: &[String]) -> String {
    let named = sources[..sources.len().min(NAMED)].join(", ");
    match sources.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
