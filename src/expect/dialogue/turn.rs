//! Who is heard next: one decision a turn, until nothing is left to decide.

use std::iter;
use std::rc::Rc;
use std::time::Duration;

use super::feed::Hit;
use super::listen::Who;
use super::{Busy, Dialogue, Effect, Exit, Origin, Phase, Reason, StepState, Told};
use crate::expect::failure::human;
use crate::expect::mask::MASKED;
use crate::expect::pattern::Event;
use crate::expect::program::{
    Action, Kind, Origin as Written, Place, StreamId, Text, Then, Verdict,
};

/// How many parts of secrets are remembered: a script that takes one to pieces on purpose can print it too.
const FRAGMENTS: usize = 256;

/// How many matches are taken before what they want is done.
pub(super) const HITS: u32 = 64;

impl Dialogue {
    /// Decides everything that can be decided by now, or as much as is to be done at once.
    pub(super) fn drive(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.heard = 0;
        while self.phase == Phase::Open && self.heard < HITS && self.turn(now, out) {}
    }

    /// One decision; false when there is none to take.
    fn turn(&mut self, now: Duration, out: &mut Vec<Effect>) -> bool {
        if self.cleanup_deadline().is_some_and(|due| due <= now) {
            self.cleanup_over(out);
            return true;
        }
        if let Some(place) = self.upcoming.take() {
            self.begin(place, now, out);
            return true;
        }
        let typing = self.typing_due().is_some();
        if typing && self.type_on(now, out) {
            return true;
        }
        if !typing && self.acting.as_ref().is_some_and(|acting| acting.secret.is_none()) {
            self.act(now, out);
            return true;
        }
        if self.hear(now, out) || self.phase != Phase::Open {
            return true;
        }
        let event = self.next_event().filter(|&(due, id)| due <= now && self.is_seen(due, id, now));
        let limit = self.limit().filter(|limit| *limit <= now);
        match (event, limit) {
            (Some((due, id)), limit) if limit.is_none_or(|limit| due <= limit) => {
                self.table.all[id].quiet_from = now;
                self.table.all[id].told = true;
                self.values.no_match();
                self.happened(id, None, now, out);
                true
            }
            (_, Some(_)) => {
                self.limit_passed(now, out);
                true
            }
            _ => {
                self.secret_ends(now, out)
                    || (self.acting.is_none() && self.outside_ends(now, out))
                    || self.step_is_lost(now, out)
            }
        }
    }

    /// Text that is decided by now.
    fn hear(&mut self, now: Duration, out: &mut Vec<Effect>) -> bool {
        self.arm(now, out);
        if self.phase != Phase::Open {
            return true;
        }
        let mut hits = self.feeds.iter_mut();
        let hit = hits.find_map(|feed| Some((feed.poll(now)?, feed.stream)));
        hit.map(|(hit, stream)| self.hit(hit, stream, now, out)).is_some()
    }

    /// A match that cuts through a secret shows a part of it, which nobody could tell from other text later:
    /// from here on the dialogue masks that part as well.
    fn mask_fragments(&mut self, hit: &Hit, stream: StreamId) {
        let view = self.table.all[hit.id].listen.view;
        let Some(feed) = self.feeds.iter().find(|feed| feed.stream == stream) else { return };
        for part in feed.fragments(hit, view, &self.mask) {
            if self.fragments.len() < FRAGMENTS && *self.mask.bytes(&part) != *MASKED {
                self.mask = self.mask.with([&part]);
                self.fragments.push(part);
            }
        }
    }

    fn arm(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let acting = self.acting.is_some();
        if self.rearm || acting != self.armed_acting {
            self.rearm = false;
            self.armed_acting = acting;
            let ids = self.armed().collect::<Vec<_>>();
            if let Err((reason, message)) = self.write_patterns(&ids) {
                return self.fail(reason, &message, None, now, out);
            }
            for feed in &mut self.feeds {
                feed.arm(&ids);
            }
        }
    }

    /// What is listened to besides watches, in the order in which it is tried.
    pub(super) fn armed(&self) -> impl Iterator<Item = usize> {
        let untils = self.frames.iter().rev().filter_map(|frame| self.table.until(frame.place));
        let branches = self.step.into_iter().flat_map(|step| self.open(step));
        let all = untils.chain(branches).chain(self.rules());
        all.take_while(|_| self.acting.is_none())
    }

    /// The branches of a step that may still match: those of one that waits for all match once.
    pub(super) fn open(&self, step: Place) -> impl Iterator<Item = usize> {
        self.table.branches(step).filter(|id| !self.met.contains(id))
    }

    /// The rules that listen.
    fn rules(&self) -> impl Iterator<Item = usize> {
        self.table.rules().zip(&self.enabled).filter(|(_, enabled)| **enabled).map(|(id, _)| id)
    }

    fn hit(&mut self, hit: Hit, stream: StreamId, now: Duration, out: &mut Vec<Effect>) {
        if !self.mask.is_empty() {
            self.mask_fragments(&hit, stream);
        }
        // What a template was when it matched is told before it becomes something else.
        let written = self.table.all[hit.id].listen.template.is_some();
        self.heard = if written { HITS } else { self.heard + 1 };
        let watch = matches!(self.table.all[hit.id].who, Who::Watch(_));
        // A watch looks on: what the numbers of the match before mean to the actions under way stays.
        let kept = watch.then(|| {
            let values = &mut self.values;
            (
                std::mem::take(&mut values.groups),
                std::mem::take(&mut values.names),
                std::mem::take(&mut values.before),
            )
        });
        self.values.matched(hit.groups, hit.names, hit.before);
        self.happened(hit.id, Some(hit.end), now, out);
        if let Some((groups, names, before)) = kept {
            (self.values.groups, self.values.names, self.values.before) = (groups, names, before);
        }
    }

    /// The pattern `id` matched, at `end` where it was text.
    fn happened(&mut self, id: usize, end: Option<u64>, now: Duration, out: &mut Vec<Effect>) {
        self.progress += 1;
        let listener = &mut self.table.all[id];
        listener.fired += 1;
        let fired = listener.fired;
        out.push(Effect::Told(Told::Matched(id)));
        let mut actions = Rc::clone(&listener.actions);
        let (max, answers, origin, from) = match listener.who {
            Who::Watch(watch) => return self.judge(watch, id, now, out),
            Who::Rule(rule) => {
                let rule = &self.program.rules[rule];
                (rule.max, &rule.answers, Origin::Rule, rule.from)
            }
            Who::Branch { step, branch } => {
                let Some(step) = self.program.step(step) else { return };
                let branch = &step.branches[branch];
                let mut then = branch.then.clone();
                if step.all {
                    self.met.push(id);
                    if self.met.len() < step.branches.len() {
                        then = Then::Again { reset: false };
                    }
                }
                let origin = Origin::Branch(then);
                (branch.max, &branch.answers, origin, step.from)
            }
            Who::Until(place) => return self.loop_met(place, now, out),
        };
        if let Some(max) = max.filter(|max| fired > u64::from(*max)) {
            // The one too many was seen, not answered; the record counts answers.
            self.table.all[id].fired -= 1;
            let times = if max == 1 { "once".to_owned() } else { format!("{max} times") };
            let word = match from {
                Written::Flags => "--max ",
                Written::Script => "max = ",
            };
            let shown = self.pattern_shown(id);
            let message =
                format!("`{shown}` appeared again after it was answered {times} ({word}{max})");
            return self.fail(Reason::RuleExhausted, &message, None, now, out);
        }
        if !answers.is_empty() {
            let Some(answer) = answers.get(fired as usize - 1) else {
                let (shown, count) = (self.pattern_shown(id), answers.len());
                let message =
                    format!("`{shown}` appeared {fired} times, and there are {count} answers");
                return self.fail(Reason::RuleExhausted, &message, None, now, out);
            };
            let first = Action::Line(answer.clone());
            actions = iter::once(first).chain(actions.iter().cloned()).collect();
        }
        if let Origin::Branch(_) = origin {
            self.stop_busy(out);
            let pattern = self.table.all[id].source().to_owned();
            self.decide(StepState::Matched, Some(pattern), end, now);
        }
        self.act_on(actions, origin, Some(id));
    }

    fn judge(&mut self, watch: usize, id: usize, now: Duration, out: &mut Vec<Effect>) {
        let watch = &self.program.watches[watch];
        let (verdict, from) = (watch.verdict.clone(), watch.from);
        // The verdict is fixed before the cleanup begins; what only takes notes goes on.
        let judges = matches!(verdict, Verdict::Pass | Verdict::Fail(_) | Verdict::Retry(_));
        if judges && self.cleanup.is_some() {
            return;
        }
        match verdict {
            Verdict::Pass => self.pass(out),
            Verdict::Fail(why) => {
                let word = match from {
                    Written::Flags => "--fail-on",
                    Written::Script => "a watch",
                };
                self.judge_failed(Reason::Fail, why.as_ref(), word, id, now, out);
            }
            Verdict::Retry(why) => {
                self.judge_failed(Reason::Retry, why.as_ref(), "a watch", id, now, out);
            }
            Verdict::Log(text) => {
                let written = text.map(|text| self.values.render(&text)).transpose();
                match written {
                    Ok(written) => {
                        let matched = || self.values.value("0").map(std::borrow::Cow::into_owned);
                        let line = written.or_else(matched);
                        let line = line.unwrap_or_else(|| self.pattern_shown(id).into_bytes());
                        out.push(Effect::Log(self.masked(&line)));
                    }
                    Err(why) => self.unrendered(&why, now, out),
                }
            }
            Verdict::Count(name) => self.values.count(&name),
            Verdict::Append(list, text) => self.append(&list, text.as_ref(), now, out),
            Verdict::Note(index) => {
                if !self.notes.contains(&index) {
                    self.notes.push(index);
                    out.push(Effect::Noted(index));
                }
            }
        }
    }

    fn judge_failed(
        &mut self,
        reason: Reason,
        why: Option<&Text>,
        word: &str,
        id: usize,
        now: Duration,
        out: &mut Vec<Effect>,
    ) {
        let pattern = self.pattern_shown(id);
        let message = match why {
            Some(why) => match self.values.render(why) {
                Ok(why) => format!("{} (`{pattern}` appeared)", self.plain(&why)),
                Err(why) => return self.unrendered(&why, now, out),
            },
            None => format!("`{pattern}` appeared ({word})"),
        };
        self.fail(reason, &message, None, now, out);
    }

    /// The next event that someone listens to: when, and whose. One that is a state since long is due at
    /// once.
    pub(super) fn next_event(&self) -> Option<(Duration, usize)> {
        let due = |&id: &usize| Some((self.event_due(id)?, self.rank(id)?, id));
        // `min_by_key` keeps the first of equals.
        let events = self.table.events.iter().filter_map(due);
        events.min_by_key(|&(due, rank, _)| (due, rank)).map(|(due, _, id)| (due, id))
    }

    /// Where `id` stands among what is listened to: as [`Dialogue::armed`] has it, behind the watches.
    fn rank(&self, id: usize) -> Option<(u8, usize)> {
        match self.table.all[id].who {
            Who::Watch(_) => Some((0, 0)),
            _ if self.acting.is_some() => None,
            Who::Until(place) => {
                let inwards = self.frames.iter().rev();
                Some((1, inwards.map(|frame| frame.place).position(|other| other == place)?))
            }
            Who::Branch { step, .. } => {
                (self.step == Some(step) && !self.met.contains(&id)).then_some((2, 0))
            }
            Who::Rule(rule) => self.enabled[rule].then_some((3, 0)),
        }
    }

    fn event_due(&self, id: usize) -> Option<Duration> {
        let listener = &self.table.all[id];
        let is_state = matches!(listener.who, Who::Branch { .. } | Who::Until(_));
        let is_watch = matches!(listener.who, Who::Watch(_));
        let heard = || self.feeds.iter().filter(|feed| listener.hears(feed.stream));
        match listener.event()? {
            Event::Eof | Event::Exit if listener.told && !is_state => None,
            Event::Eof => heard().all(|feed| feed.closed).then_some(Duration::ZERO),
            Event::Exit => self.exit_due(),
            // After the end there is nothing to be silent.
            Event::Idle(_) if self.finished || (listener.told && is_watch) => None,
            Event::Idle(limit) => {
                let output = heard().map(|feed| feed.last_output).max().unwrap_or_default();
                let from = output.max(listener.quiet_from);
                from.checked_add(limit).filter(|_| !limit.is_zero())
            }
        }
    }

    /// Whether what is due has been seen: silence is one of the output, and not that nobody looks for any.
    fn is_seen(&self, due: Duration, id: usize, now: Duration) -> bool {
        let listener = &self.table.all[id];
        match listener.event() {
            None | Some(Event::Eof) => true,
            Some(Event::Exit) => self.exit_is_seen(now),
            Some(Event::Idle(_)) => {
                let mut heard = self.feeds.iter().filter(|feed| listener.hears(feed.stream));
                heard.all(|feed| feed.is_quiet(due))
            }
        }
    }

    /// Whether the exit is due, and all that was written before it has been read; at the latest at the cap.
    pub(super) fn exit_is_seen(&self, now: Duration) -> bool {
        match self.exit {
            Exit::Running => false,
            Exit::Seen { due, cap } => {
                now >= cap || self.feeds.iter().all(|feed| feed.is_quiet(due))
            }
        }
    }

    pub(super) fn exit_due(&self) -> Option<Duration> {
        match self.exit {
            Exit::Running => None,
            Exit::Seen { .. } if self.feeds.iter().all(|feed| feed.closed) => Some(Duration::ZERO),
            Exit::Seen { due, .. } => Some(due),
        }
    }

    /// When the exit is due that the current step waits for.
    pub(super) fn exit_wanted(&self) -> Option<Duration> {
        let wanted = matches!(self.busy, Some(Busy::Exit)) && self.acting.is_none();
        wanted.then(|| self.exit_due()).flatten()
    }

    /// The next limit: of the step that waits, or of a loop or call around it.
    pub(super) fn limit(&self) -> Option<Duration> {
        if self.acting.is_some() {
            return None;
        }
        if let Some(Busy::Sleep { until }) = self.busy {
            return Some(until).into_iter().chain(self.frame_limit()).min();
        }
        let own = self.step.and_then(|_| self.clock.deadline()).filter(|_| !self.stopping);
        own.into_iter().chain(self.frame_limit()).min()
    }

    fn frame_limit(&self) -> Option<Duration> {
        let frames = self.frames.iter().filter(|_| !self.stopping);
        frames.filter_map(|frame| frame.clock.deadline()).min()
    }

    fn limit_passed(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let sleeps = matches!(self.busy, Some(Busy::Sleep { .. }));
        // What has come before the limit counts, also where it waited to settle.
        let mut hits = self.feeds.iter_mut();
        let hit = || hits.find_map(|feed| Some((feed.poll_at_once(now)?, feed.stream)));
        if let Some((hit, stream)) = (!sleeps).then(hit).flatten() {
            return self.hit(hit, stream, now, out);
        }
        let Some(step) = self.step else { return };
        if self.frame_limit().is_some_and(|due| due <= now) && self.frame_passed(now, out) {
            return;
        }
        if self.busy.is_some() {
            return self.outside_late(now, out);
        }
        if self.is_optional(step) {
            return self.skip(step, now, out);
        }
        let message = self.unmet(step, &self.limit_words());
        self.fail(Reason::StepTimeout, &message, self.clock.name(), now, out);
    }

    /// A secret that will not be sent any more: the terminal echoed for too long, or the run is over.
    fn secret_ends(&mut self, now: Duration, out: &mut Vec<Effect>) -> bool {
        let Some(acting) = &mut self.acting else { return false };
        let Some(secret) = &acting.secret else { return false };
        let late = secret.deadline.is_some_and(|deadline| deadline <= now);
        if !late && !self.finished {
            return false;
        }
        let required = !self.finished || matches!(acting.origin, Origin::Branch(_));
        if required && !self.stopping {
            let name = secret.name.clone();
            let clock = secret.clock.clone();
            let waited = clock.limit().map(human).unwrap_or_default();
            let (reason, message, clock) = if self.finished {
                let message = format!("{} before the secret `{name}` was sent", self.end_words());
                (self.end_reason(), message, None)
            } else if secret.echo_ok {
                let message = format!(
                    "the secret `{name}` was not sent within {waited}: the command does not read"
                );
                (Reason::Send, message, clock.name())
            } else {
                let message = format!(
                    "the secret `{name}` was not sent: the terminal kept echoing for {waited}; \
                     `{}` sends it anyway",
                    self.echo_ok_words()
                );
                (Reason::SecretEcho, message, clock.name())
            };
            self.fail(reason, &message, clock, now, out);
            return true;
        }
        acting.secret = None;
        acting.at = acting.todo.len();
        out.push(Effect::DropSecret);
        true
    }

    /// Nothing that could still happen would meet the step.
    fn step_is_lost(&mut self, now: Duration, out: &mut Vec<Effect>) -> bool {
        let Some(step) = self.step else { return false };
        let kind = self.program.step(step).map(|step| &step.kind);
        if self.acting.is_some() || self.stopping || kind != Some(&Kind::Plain) {
            return false;
        }
        let waits_for_all = self.program.step(step).is_some_and(|step| step.all);
        let met = if waits_for_all {
            self.open(step).all(|id| self.may_happen(id))
        } else {
            self.open(step).any(|id| self.may_happen(id))
        };
        let saved = met
            || self
                .frames
                .iter()
                .any(|frame| self.table.until(frame.place).is_some_and(|id| self.may_happen(id)))
            || self.rules().any(|id| self.may_happen(id) && self.leads_on(id));
        if saved {
            return false;
        }
        if self.is_optional(step) {
            self.skip(step, now, out);
        } else {
            let message = format!("{} before {}", self.end_words(), self.wanted_words(step));
            self.fail(self.end_reason(), &message, None, now, out);
        }
        true
    }

    fn may_happen(&self, id: usize) -> bool {
        let listener = &self.table.all[id];
        let open = || self.feeds.iter().any(|feed| listener.hears(feed.stream) && !feed.closed);
        match listener.event() {
            None | Some(Event::Eof) => open(),
            // What is due was taken before this question comes up.
            Some(Event::Exit) => !(self.finished || listener.told),
            Some(Event::Idle(_)) => !self.finished,
        }
    }

    /// Whether this rule could bring the dialogue on.
    fn leads_on(&self, id: usize) -> bool {
        let Who::Rule(rule) = self.table.all[id].who else { return false };
        self.program.rules[rule].actions.iter().any(|action| {
            matches!(
                action,
                Action::Next
                    | Action::Pass
                    | Action::Fail(_)
                    | Action::Retry(_)
                    | Action::Terminate
                    | Action::Kill
            )
        })
    }

    /// What ended: the output, as far as it was listened to, or only the command.
    pub(super) fn end_reason(&self) -> Reason {
        let held_open = self.feeds.iter().any(|feed| !feed.eof);
        if self.finished && held_open { Reason::Exit } else { Reason::Eof }
    }
}
