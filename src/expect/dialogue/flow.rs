//! Where the dialogue is: steps that begin, blocks that end, loops and calls around them.
//!
//! A step that begins is only noted at first ([`Dialogue::go`]) and begun in the next turn, so that a loop
//! of ten thousand steps without a wait needs no stack of that depth.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Acting, Busy, Clock, Dialogue, Effect, Origin, Reason, StepRecord, StepState, Told};
use crate::expect::failure::human;
use crate::expect::program::{Block, Call, Item, Kind, Loop, Place, Then, Value};

/// How deep loops and calls may stand in one another: a procedure that calls itself has to end.
const DEPTH: usize = 100;

/// A loop or a call that is under way.
pub(super) struct Frame {
    /// Its step.
    pub(super) place: Place,
    /// What it does.
    body: Block,
    record: usize,
    /// Its own limit.
    pub(super) clock: Clock,
    saved: Vec<(String, Option<Value>)>,
    rounds: u32,
    items: Option<VecDeque<Item>>,
}

impl Dialogue {
    /// The step at `place` is next.
    pub(super) fn go(&mut self, place: Place) {
        self.upcoming = Some(place);
        self.step = None;
        self.rearm = true;
    }

    /// The step behind `place` is next.
    pub(super) fn go_behind(&mut self, place: Place) {
        self.go(Place { step: place.step + 1, ..place });
    }

    /// All actions are done.
    pub(super) fn go_on(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let Some(Acting { origin, next, .. }) = self.acting.take() else { return };
        // The actions may have set what a pattern is made of.
        self.rearm |= self.table.templates;
        match (origin, self.step) {
            (Origin::Start, _) => self.go(Place::main(0)),
            (Origin::Rule, Some(step)) if next => {
                self.stop_busy(out);
                self.decide(StepState::Matched, None, None, now);
                self.go_behind(step);
            }
            (Origin::Rule, _) | (Origin::Step(_) | Origin::Branch(_), None) => {}
            (Origin::Step(_) | Origin::Branch(_), Some(step)) if next => self.go_behind(step),
            (Origin::Step(then) | Origin::Branch(then), Some(step)) => {
                self.follow(&then, step, now, out);
            }
        }
    }

    /// Goes where `then` leads from `step`.
    pub(super) fn follow(
        &mut self,
        then: &Then,
        step: Place,
        now: Duration,
        out: &mut Vec<Effect>,
    ) {
        match then {
            Then::Next => self.go_behind(step),
            Then::Again { reset } => self.again(step, *reset, now, out),
            Then::Goto(target) => {
                if self.unwind_to(target.block, now) {
                    self.go(*target);
                } else {
                    let message = format!(
                        "step {}: the step that it goes on at is in no block that leads here",
                        self.label(step)
                    );
                    self.fail(Reason::Program, &message, None, now, out);
                }
            }
            Then::Pass => self.pass(out),
            Then::Fail(why) => {
                let message = match why {
                    Some(why) => match self.values.render(why) {
                        Ok(text) => self.plain(&text),
                        Err(why) => return self.unrendered(&why, now, out),
                    },
                    None => self.asked_words(),
                };
                self.fail(Reason::Fail, &message, None, now, out);
            }
        }
    }

    /// The block that is being done.
    fn block(&self) -> Block {
        let outermost = if self.cleanup.is_some() { Block::Cleanup } else { Block::Main };
        self.frames.last().map_or(outermost, |frame| frame.body)
    }

    /// Leaves loops and calls until `block` is the one being done.
    fn unwind_to(&mut self, block: Block, now: Duration) -> bool {
        let outermost = if self.cleanup.is_some() { Block::Cleanup } else { Block::Main };
        if block != outermost && !self.frames.iter().any(|frame| frame.body == block) {
            return false;
        }
        while self.block() != block {
            self.leave(StepState::Acted, now);
        }
        true
    }

    /// Leaves the innermost loop or call; its step is the current one again.
    fn leave(&mut self, state: StepState, now: Duration) -> Option<Place> {
        let frame = self.frames.pop()?;
        self.values.restore(frame.saved);
        self.clock = frame.clock;
        self.record = Some(frame.record);
        self.step = Some(frame.place);
        self.rearm = true;
        self.decide(state, None, None, now);
        Some(frame.place)
    }

    /// Leaves all of them.
    pub(super) fn leave_all(&mut self) {
        while let Some(frame) = self.frames.pop() {
            self.values.restore(frame.saved);
        }
    }

    /// The step at `place` begins; behind the last one its block ends.
    pub(super) fn begin(&mut self, place: Place, now: Duration, out: &mut Vec<Effect>) {
        if self.program.step(place).is_none() {
            return self.block_ends(now, out);
        }
        if !self.take_one(now, out) {
            return;
        }
        let Some(step) = self.program.step(place) else { return };
        if step.when.as_ref().is_some_and(|when| !self.values.holds(when)) {
            return self.go_behind(place);
        }
        let (kind, actions, then) =
            (step.kind.clone(), step.actions.as_slice().into(), step.then.clone());
        let acts_only = kind == Kind::Plain && step.branches.is_empty();
        self.clock = Clock::start(step, &self.program, now);
        self.step = Some(place);
        self.met.clear();
        self.rearm = true;
        self.record = Some(self.steps.len());
        self.steps.push(StepRecord {
            step: self.label(place),
            state: StepState::Waiting,
            pattern: None,
            at: None,
            waited: None,
            offset: None,
        });
        self.listen_anew(place, now);
        match kind {
            Kind::Plain if acts_only => {
                self.decide(StepState::Acted, None, None, now);
                self.act_on(actions, Origin::Step(then), None);
            }
            Kind::Plain => {}
            Kind::Loop(repeat) => self.enter_loop(place, &repeat, now, out),
            Kind::Call(call) => self.enter_call(place, &call, now, out),
            outside => self.begin_outside(place, outside, now, out),
        }
    }

    /// The current step has done what it is; its actions follow.
    pub(super) fn step_done(&mut self, state: StepState, now: Duration) {
        let Some(place) = self.step else { return };
        self.busy = None;
        self.decide(state, None, None, now);
        let found = self.program.step(place);
        let (actions, then) =
            found.map(|step| (&step.actions[..], step.then.clone())).unwrap_or_default();
        self.act_on(actions.into(), Origin::Step(then), None);
    }

    /// The same step once more; its clock goes on unless it is to be reset.
    fn again(&mut self, place: Place, reset: bool, now: Duration, out: &mut Vec<Effect>) {
        let waits = self
            .program
            .step(place)
            .is_some_and(|step| step.kind == Kind::Plain && !step.branches.is_empty());
        if !waits {
            return self.go(place);
        }
        if reset {
            self.clock.restart(now);
        }
        if let Some(record) = self.record.and_then(|record| self.steps.get_mut(record)) {
            record.state = StepState::Waiting;
            (record.pattern, record.at, record.waited, record.offset) = (None, None, None, None);
        }
        if self.take_one(now, out) {
            self.rearm = true;
            self.listen_anew(place, now);
        }
    }

    fn listen_anew(&mut self, place: Place, now: Duration) {
        for id in self.table.branches(place) {
            self.table.all[id].quiet_from = now;
        }
    }

    /// Takes a step from the budget.
    fn take_one(&mut self, now: Duration, out: &mut Vec<Effect>) -> bool {
        if self.taken >= self.program.max_steps {
            let message = format!("the dialogue took more than {} steps", self.program.max_steps);
            self.fail(Reason::StepBudget, &message, None, now, out);
            return false;
        }
        self.taken += 1;
        true
    }

    fn enter(&mut self, place: Place, body: Block, now: Duration, out: &mut Vec<Effect>) -> bool {
        if self.frames.len() >= DEPTH {
            let message = format!(
                "step {}: more than {DEPTH} loops and calls in one another",
                self.label(place)
            );
            self.fail(Reason::StepBudget, &message, None, now, out);
            return false;
        }
        let clock =
            self.program.step(place).map_or_else(Clock::default, |step| Clock::own(step, now));
        let record = self.record.unwrap_or_default();
        let (saved, rounds, items) = (Vec::new(), 0, None);
        self.frames.push(Frame { place, body, record, clock, saved, rounds, items });
        true
    }

    fn enter_call(&mut self, place: Place, call: &Call, now: Duration, out: &mut Vec<Effect>) {
        let mut values = Vec::new();
        for (name, text) in &call.arguments {
            match self.values.render(text) {
                Ok(value) => values.push((name, value)),
                Err(why) => return self.unrendered(&why, now, out),
            }
        }
        if self.enter(place, call.block, now, out) {
            let lent =
                values.into_iter().map(|(name, value)| self.values.lend(name, Value::text(value)));
            let saved = lent.collect();
            if let Some(frame) = self.frames.last_mut() {
                frame.saved = saved;
            }
            self.go(Place { block: call.block, step: 0 });
        }
    }

    fn enter_loop(&mut self, place: Place, repeat: &Loop, now: Duration, out: &mut Vec<Effect>) {
        let items = match &repeat.foreach {
            Some((_, list)) => match self.values.list(list) {
                Some(items) => Some(items.iter().cloned().collect()),
                // A list that nothing was appended to is empty; any other value is a list of one.
                None => Some(
                    self.values
                        .value(list)
                        .map(|value| Item { text: value.into_owned(), fields: Vec::new() })
                        .into_iter()
                        .collect(),
                ),
            },
            None => None,
        };
        if self.enter(place, repeat.body, now, out) {
            if let Some(frame) = self.frames.last_mut() {
                frame.items = items;
            }
            self.round(repeat, now, out);
        }
    }

    /// The next round of the innermost loop, or its end.
    fn round(&mut self, repeat: &Loop, now: Duration, out: &mut Vec<Effect>) {
        if repeat.until.as_ref().is_some_and(|until| self.values.holds(until)) {
            return self.loop_done(now);
        }
        let Some(frame) = self.frames.last_mut() else { return };
        if repeat.times.is_some_and(|times| frame.rounds >= times) {
            let wanted = repeat.until.is_some() || repeat.until_match.is_some();
            return if wanted { self.loop_missed(now, out) } else { self.loop_done(now) };
        }
        if let Some(items) = &mut frame.items {
            let Some(item) = items.pop_front() else { return self.loop_done(now) };
            let saved = std::mem::take(&mut frame.saved);
            self.values.restore(saved);
            let name = repeat.foreach.as_ref().map_or("", |(name, _)| name);
            let mut saved = vec![self.values.lend(name, Value::text(item.text))];
            for (field, value) in item.fields {
                saved.push(self.values.lend(&format!("{name}.{field}"), Value::text(value)));
            }
            if let Some(frame) = self.frames.last_mut() {
                frame.saved = saved;
            }
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.rounds += 1;
        }
        // A body without steps must not go round for ever.
        if self.take_one(now, out) {
            self.go(Place { block: repeat.body, step: 0 });
        }
    }

    fn loop_done(&mut self, now: Duration) {
        if self.leave(StepState::Acted, now).is_some() {
            self.step_done(StepState::Acted, now);
        }
    }

    /// All rounds were done and what they were for did not come.
    fn loop_missed(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let rounds = self.frames.last().map_or(0, |frame| frame.rounds);
        let Some(place) = self.leave(StepState::Failed, now) else { return };
        if self.is_optional(place) {
            return self.skip(place, now, out);
        }
        let label = self.label(place);
        let message = format!("step {label}: {rounds} rounds, and its `until` was not met");
        self.fail(Reason::LoopExhausted, &message, None, now, out);
    }

    /// The `until` of the loop at `place` appeared.
    pub(super) fn loop_met(&mut self, place: Place, now: Duration, out: &mut Vec<Effect>) {
        self.stop_busy(out);
        if self.step.is_some() {
            self.decide(StepState::Matched, None, None, now);
        }
        while self.frames.last().is_some_and(|frame| frame.place != place) {
            self.leave(StepState::Acted, now);
        }
        self.loop_done(now);
    }

    /// The last step of a block is done.
    fn block_ends(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let Some(frame) = self.frames.last() else {
            if self.cleanup.is_some() {
                self.cleanup_over(out);
            }
            return;
        };
        let place = frame.place;
        match self.program.step(place).map(|step| step.kind.clone()) {
            Some(Kind::Loop(repeat)) => self.round(&repeat, now, out),
            _ => self.loop_done(now),
        }
    }

    /// The loop or call whose own limit is over, outermost first.
    pub(super) fn frame_passed(&mut self, now: Duration, out: &mut Vec<Effect>) -> bool {
        let late = |frame: &Frame| frame.clock.deadline().is_some_and(|due| due <= now);
        let Some(at) = self.frames.iter().position(late) else { return false };
        self.stop_busy(out);
        while self.frames.len() > at + 1 {
            self.leave(StepState::Failed, now);
        }
        let Some(place) = self.leave(StepState::Failed, now) else { return false };
        if self.is_optional(place) {
            self.skip(place, now, out);
        } else {
            let waited = self.clock.limit().map(human).unwrap_or_default();
            let clock = self.clock.name();
            let named = clock.clone().unwrap_or_default();
            let message = format!("step {}: not done within {waited} ({named})", self.label(place));
            self.fail(Reason::StepTimeout, &message, clock, now, out);
        }
        true
    }

    pub(super) fn is_optional(&self, place: Place) -> bool {
        self.program.step(place).is_some_and(|step| step.optional)
    }

    /// An optional step is given up.
    pub(super) fn skip(&mut self, place: Place, now: Duration, out: &mut Vec<Effect>) {
        self.stop_busy(out);
        self.decide(StepState::Skipped, None, None, now);
        out.push(Effect::Told(Told::Skipped(place)));
        self.go_behind(place);
    }

    /// The current step is decided.
    pub(super) fn decide(
        &mut self,
        state: StepState,
        pattern: Option<String>,
        offset: Option<u64>,
        now: Duration,
    ) {
        self.progress += 1;
        let waited = self.clock.waited(now);
        if let Some(record) = self.record.and_then(|record| self.steps.get_mut(record)) {
            record.state = state;
            record.pattern = pattern;
            record.offset = offset;
            record.at = Some(now);
            record.waited = Some(waited);
        }
    }

    /// Ends what is under way outside of the dialogue.
    pub(super) fn stop_busy(&mut self, out: &mut Vec<Effect>) {
        match self.busy.take() {
            Some(Busy::Exec { .. }) => out.push(Effect::StopExec),
            Some(Busy::Ask { .. }) => out.push(Effect::StopAsk),
            Some(Busy::Interact) => out.push(Effect::StopInteract),
            Some(Busy::Sleep { .. } | Busy::Exit) | None => {}
        }
    }
}
