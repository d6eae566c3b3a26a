//! The dialogue with a made-up clock.

mod chunks;
mod events;
mod explain;
mod outside;
mod scripts;
mod secrets;
mod steps;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::expect::pattern::Pattern;
use crate::expect::program::{Branch, Listen, Origin as From, Place, Rule, Step, Verdict, Watch};

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) fn listen(pattern: &str) -> Listen {
    let pattern = Pattern::parse(pattern).expect("a pattern");
    Listen::to(pattern)
}

pub(super) fn on(stream: StreamId, pattern: &str) -> Listen {
    Listen { stream: Some(stream), ..listen(pattern) }
}

pub(super) fn line(text: &str) -> Action {
    Action::Line(text.into())
}

pub(super) fn secret(name: &str) -> Action {
    Action::Secret { name: name.to_owned(), echo_ok: false }
}

pub(super) fn branch(pattern: &str, actions: Vec<Action>) -> Branch {
    Branch { actions, ..Branch::on(listen(pattern)) }
}

pub(super) fn again(branch: Branch) -> Branch {
    Branch { then: Then::Again { reset: false }, ..branch }
}

pub(super) fn any_of(branches: Vec<Branch>) -> Step {
    Step { branches, ..Step::default() }
}

pub(super) fn step(pattern: &str, actions: Vec<Action>) -> Step {
    any_of(vec![branch(pattern, actions)])
}

pub(super) fn optional(step: Step) -> Step {
    Step { optional: true, ..step }
}

pub(super) fn within(millis: u64, step: Step) -> Step {
    Step { within: Some(ms(millis)), ..step }
}

pub(super) fn acts(actions: Vec<Action>) -> Step {
    Step { actions, ..any_of(Vec::new()) }
}

pub(super) fn rule(pattern: &str, actions: Vec<Action>) -> Rule {
    Rule { actions, ..Rule::on(listen(pattern)) }
}

pub(super) fn once(rule: Rule) -> Rule {
    Rule { max: Some(1), ..rule }
}

pub(super) fn watch(pattern: &str, verdict: Verdict) -> Watch {
    Watch { listen: listen(pattern), verdict, from: From::Flags }
}

pub(super) fn steps(steps: Vec<Step>) -> Program {
    Program { steps, ..Program::default() }
}

pub(super) fn rules(rules: Vec<Rule>) -> Program {
    Program { rules, ..Program::default() }
}

pub(super) const PTY: StreamId = StreamId::Terminal;
pub(super) const OUT: StreamId = StreamId::Stdout;
pub(super) const ERR: StreamId = StreamId::Stderr;

/// A dialogue under test and what it wants; what is told is kept apart because most tests are not about it.
pub(super) struct Bed {
    pub(super) dialogue: Dialogue,
    pub(super) told: Vec<Words>,
}

impl Bed {
    pub(super) fn with(program: Program, streams: &[StreamId], secrets: &[(&str, &str)]) -> Bed {
        let setup = Setup {
            streams: streams.to_vec(),
            size: (80, 24),
            terminal: streams == [PTY],
            secret_names: secrets.iter().map(|(name, _)| (*name).to_owned()).collect(),
            missing_secrets: BTreeMap::new(),
            mask: Mask::new(secrets.iter().map(|(_, value)| value)),
        };
        let dialogue = Dialogue::new(program, setup).expect("a sound program");
        Bed { dialogue, told: Vec::new() }
    }

    /// On a terminal, begun at 0; returns what was done at the start as well.
    pub(super) fn begun(program: Program) -> (Bed, Vec<Effect>) {
        Bed::begin(Bed::with(program, &[PTY], &[("pw", "hunter2")]))
    }

    pub(super) fn begin(mut bed: Bed) -> (Bed, Vec<Effect>) {
        let out = bed.start();
        (bed, out)
    }

    /// On a terminal, begun at 0; nothing is done at the start.
    pub(super) fn new(program: Program) -> Bed {
        let (bed, out) = Bed::begun(program);
        assert_eq!(out, []);
        bed
    }

    pub(super) fn pipes(program: Program) -> Bed {
        let (bed, out) = Bed::begin(Bed::with(program, &[OUT, ERR], &[("pw", "hunter2")]));
        assert_eq!(out, []);
        bed
    }

    fn call(&mut self, now: u64, act: impl FnOnce(&mut Dialogue, &mut Vec<Effect>)) -> Vec<Effect> {
        let (mut out, mut rest) = (Vec::new(), Vec::new());
        act(&mut self.dialogue, &mut out);
        loop {
            for effect in out.drain(..) {
                match effect {
                    Effect::Told(told) => self.told.push(self.dialogue.words(told)),
                    effect => rest.push(effect),
                }
            }
            if !self.dialogue.is_behind() {
                return rest;
            }
            self.dialogue.tick(ms(now), &mut out);
        }
    }

    pub(super) fn start(&mut self) -> Vec<Effect> {
        self.call(0, |dialogue, out| dialogue.start(ms(0), out))
    }

    pub(super) fn output(&mut self, now: u64, text: &str) -> Vec<Effect> {
        self.output_on(now, PTY, text)
    }

    pub(super) fn output_on(&mut self, now: u64, stream: StreamId, text: &str) -> Vec<Effect> {
        self.call(now, |dialogue, out| dialogue.output(ms(now), stream, text.as_bytes(), out))
    }

    pub(super) fn tick(&mut self, now: u64) -> Vec<Effect> {
        self.call(now, |dialogue, out| look(dialogue, now, out))
    }

    pub(super) fn eof(&mut self, now: u64) -> Vec<Effect> {
        self.eof_on(now, PTY)
    }

    pub(super) fn eof_on(&mut self, now: u64, stream: StreamId) -> Vec<Effect> {
        self.call(now, |dialogue, out| dialogue.eof(ms(now), stream, out))
    }

    pub(super) fn exited(&mut self, now: u64) -> Vec<Effect> {
        self.call(now, |dialogue, out| dialogue.exited(ms(now), out))
    }

    pub(super) fn finish(&mut self, now: u64) -> Vec<Effect> {
        self.call(now, |dialogue, out| dialogue.finish(ms(now), out))
    }

    pub(super) fn secret_sent(&mut self, now: u64) -> Vec<Effect> {
        self.call(now, |dialogue, out| dialogue.secret_sent(ms(now), out))
    }

    pub(super) fn send_failed(&mut self, now: u64, error: &SendError) -> Vec<Effect> {
        self.call(now, |dialogue, out| dialogue.send_failed(ms(now), error, out))
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.dialogue.next_deadline().map(|due| due.as_millis() as u64)
    }

    pub(super) fn states(&self) -> Vec<&'static str> {
        self.dialogue.record().steps.iter().map(|step| step.state.as_str()).collect()
    }
}

/// It was looked for output, and there was none.
pub(super) fn look(dialogue: &mut Dialogue, now: u64, out: &mut Vec<Effect>) {
    for stream in [PTY, OUT, ERR] {
        dialogue.quiet(ms(now), stream);
    }
    dialogue.tick(ms(now), out);
}

pub(super) fn typed(text: &str) -> Effect {
    Effect::Send(text.as_bytes().to_vec())
}

pub(super) fn wanted(deadline: Option<u64>) -> Effect {
    Effect::Secret {
        name: "pw".to_owned(),
        echo_ok: false,
        enter: b"\r",
        deadline: deadline.map(ms),
    }
}

/// The reason of the one failure in `out`, which is its last effect.
#[track_caller]
pub(super) fn failed(out: &[Effect]) -> &Failure {
    match out {
        [Effect::DropSecret, Effect::Fail(failure)] | [Effect::Fail(failure)] => failure,
        other => panic!("not a failure alone: {other:?}"),
    }
}

#[track_caller]
pub(super) fn reason(out: &[Effect]) -> &'static str {
    failed(out).reason.as_str()
}
