//! One turn of the loop: wait in one place, then take what came, in a fixed order.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::Running;
use crate::core::ladder::LAST_WAIT;
use crate::core::limits::earliest;
use crate::core::outcome::Cause;
use crate::core::supervisor::{Event, KILL};
use crate::expect::dialogue::Dialogue;
use crate::report::output;
use crate::runtime::input::Brought;
use crate::runtime::sending::Look;
use crate::sys::poll::{self, Want};
use crate::sys::signals;

/// How long nobody looks for members that have ended, for each that was looked at in vain: a thousand may end one
/// after the other, on the processors that looking at the others takes. It is twenty times what a look takes.
const PAUSE: Duration = Duration::from_micros(20);

/// How soon it is looked whether those who have been signalled had children meanwhile.
const SOON: Duration = Duration::from_millis(1);

/// It is no longer for more of them: 50 ms.
const MOST_COUNTED: usize = 2500;

/// What a descriptor in the poll set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Signals,
    Words,
    Leader,
    Leaf,
    Sink(usize),
    InputRoom,
    Input,
    Helper,
    HelperOutput,
    Answer,
    Stream(usize),
    Remote(usize),
}

/// What is waited for in a turn. Kept from turn to turn: a turn in which only output passes through
/// allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    sources: Vec<Source>,
    set: poll::Set,
    /// The last wait failed.
    failed: bool,
}

impl Waiting {
    fn clear(&mut self) {
        self.sources.clear();
        self.set.clear();
    }

    fn add(&mut self, source: Source, fd: BorrowedFd<'_>, want: Want) {
        self.sources.push(source);
        self.set.add(fd, want);
    }

    fn ready(&self) -> impl Iterator<Item = Source> {
        let sources = self.sources.iter().enumerate();
        sources.filter(|(index, _)| self.set.ready(*index).ready).map(|(_, source)| *source)
    }

    fn has(&self, wanted: Source) -> bool {
        self.ready().any(|source| source == wanted)
    }
}

impl Running<'_, '_> {
    pub(super) fn now(&self) -> Duration {
        self.shared.clock.active().saturating_sub(self.began)
    }

    pub(super) fn start(&mut self) {
        let now = self.now();
        self.event(Event::Spawned);
        if let Some(dialogue) = &mut self.dialogue {
            let mut effects = Vec::new();
            dialogue.start(now, &mut effects);
            self.effects(effects);
        }
        self.end_input_after_steps();
        self.pump_input();
    }

    /// One wait, and everything that it brought. Fails where waiting does (ENOMEM, EINVAL) twice on end: once may
    /// have been for want of memory just then; who tried for ever would spin beside a tree that nobody watches.
    pub(super) fn turn(&mut self) -> Result<(), String> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let exit_open = self.ended.is_some()
            && !self.exit_told
            && !self.shared.outlets.is_stalled()
            && !self.is_behind();
        let waited = self.wait(&mut waiting, exit_open);
        let again = std::mem::replace(&mut waiting.failed, waited.is_err());
        if let Err(error) = waited {
            self.waiting = waiting;
            if !again {
                return Ok(());
            }
            self.give_up();
            self.see_off();
            return Err(format!("cannot wait for the command (ppoll): {error}; it was killed"));
        }
        if waiting.has(Source::Signals) {
            self.take_signals();
        }
        if waiting.has(Source::Leader) {
            self.look_at_leader();
        }
        if waiting.has(Source::Leaf) {
            self.look_at_tree();
        }
        for source in waiting.ready() {
            match source {
                Source::Sink(index) => self.shared.outlets.flush(index),
                Source::Words => output::say_more(),
                Source::Input => self.read_input(),
                Source::Helper | Source::HelperOutput => self.look_at_helper(),
                Source::Answer => self.read_answer(),
                Source::Remote(index) => {
                    let now = self.shared.clock.active();
                    if let Some(remote) = &mut self.shared.remote {
                        remote.ready(now, index);
                    }
                }
                _ => {}
            }
        }
        self.take_orders();
        self.pump_input();
        for source in waiting.ready() {
            if let Source::Stream(index) = source {
                self.read_stream(index);
            }
        }
        // What was written before the exit has been read: what comes now, others write.
        if exit_open && !waiting.ready().any(|source| matches!(source, Source::Stream(_))) {
            self.tell_exit();
        }
        self.watch_outlets();
        self.take_time();
        self.waiting = waiting;
        Ok(())
    }

    /// Kills whoever is left and looks for their end, for a bounded time, where nobody can wait for it. Again and
    /// again: that a handle is a member's may take a wait to prove, until its parent is gone.
    fn see_off(&mut self) {
        let until = self.now() + LAST_WAIT;
        while self.now() < until {
            let ended = matches!(self.launched.tree.peek(), Ok(Some(_)));
            if ended && self.launched.tree.sweep() == 0 {
                break;
            }
            self.launched.tree.signal(KILL);
            poll::let_others();
        }
    }

    fn read_input(&mut self) {
        match self.launched.input.read_source(self.now()) {
            Brought::Nothing => {}
            Brought::PersonLeft => {
                self.pump_input();
                self.person_left();
            }
            Brought::Stop => {
                output::complain(if self.supervisor.requests().is_empty() {
                    "Ctrl-] three times: the command is being stopped (three more kill it)"
                } else {
                    "Ctrl-] three times: the command is killed"
                });
                self.stop_request(signals::TERM);
            }
        }
    }

    fn stop_request(&mut self, signal: i32) {
        // A command that is over by now has its own verdict.
        self.look_at_leader();
        self.asked_to_stop(signal);
    }

    /// Someone asks for the end.
    pub(super) fn asked_to_stop(&mut self, signal: i32) {
        self.hurry |= self.streams_told;
        self.event(Event::StopRequest { signal });
        // The command is over, and what it wrote is not judged yet: it never will be.
        if self.ended.is_some() && self.dialogue.as_ref().is_some_and(Dialogue::is_behind) {
            self.event(Event::Verdict { cause: Cause::Cancelled, kill: false });
        }
    }

    /// With `only_look`, for what is there already. So it is while the dialogue is behind: what more comes has to wait
    /// for that, nobody else.
    fn wait(&mut self, waiting: &mut Waiting, only_look: bool) -> io::Result<()> {
        let behind = self.is_behind();
        waiting.clear();
        waiting.add(Source::Signals, self.shared.signals.fd(), Want::Read);
        if let Some(stderr) = output::unsaid() {
            waiting.add(Source::Words, stderr, Want::Write);
        }
        if self.ended.is_none() {
            waiting.add(Source::Leader, self.launched.tree.pidfd(), Want::Read);
        }
        // While the leader lives it populates the cgroup, so there is no news; and the kernel repeats its
        // notice until the file is read, which only a look after the end does.
        if let Some(leaf) = self.launched.tree.leaf().filter(|_| self.ended.is_some()) {
            waiting.add(Source::Leaf, leaf.events(), Want::Change);
        }
        for (index, fd) in self.shared.outlets.pending() {
            waiting.add(Source::Sink(index), fd, Want::Write);
        }
        let input = &self.launched.input;
        if let Some(fd) = input.target().filter(|_| input.wants_room()) {
            waiting.add(Source::InputRoom, fd, Want::Write);
        }
        if let Some(fd) = input.source() {
            waiting.add(Source::Input, fd, Want::Read);
        }
        if let Some(helper) = self.helper.as_ref().filter(|_| !behind) {
            waiting.add(Source::Helper, helper.pidfd(), Want::Read);
            if let Some(fd) = helper.stdout() {
                waiting.add(Source::HelperOutput, fd, Want::Read);
            }
        }
        if let Some((asking, _)) = self.asking.as_ref().filter(|_| !behind) {
            waiting.add(Source::Answer, asking.fd(), Want::Read);
        }
        // A reader that does not take our output stops the command, not our memory.
        if !self.shared.outlets.is_stalled() && !behind {
            for (index, stream) in self.launched.streams.iter().enumerate() {
                if let Some(fd) = stream.fd() {
                    waiting.add(Source::Stream(index), fd, Want::Read);
                }
            }
        }
        if let Some(remote) = &mut self.shared.remote {
            let mut count = 0;
            remote.wait(&mut |fd, want| {
                waiting.add(Source::Remote(count), fd, want);
                count += 1;
            });
        }
        let timeout = self.next_deadline().map(|at| at.saturating_sub(self.now()));
        let timeout = if only_look || behind { Some(Duration::ZERO) } else { timeout };
        waiting.set.wait(timeout)
    }

    fn next_deadline(&self) -> Option<Duration> {
        let dialogue = self.dialogue.as_ref().and_then(Dialogue::next_deadline);
        let ours = earliest(self.launched.input.next_deadline(), self.eof_due);
        let ours = earliest(earliest(ours, self.end_due()), self.short_until);
        let ours = earliest(ours, self.pause_due);
        let ours = earliest(ours, self.look_due.then_some(self.look_from));
        let remote = self.shared.remote.as_ref().and_then(|remote| remote.next_deadline());
        let ours = earliest(ours, remote.map(|at| at.saturating_sub(self.began)));
        earliest(earliest(self.supervisor.next_deadline(), dialogue), ours)
    }

    fn take_signals(&mut self) {
        let mut stopped = false;
        for received in self.shared.signals.read() {
            match received.signal {
                _ if self.is_the_commands(received) => {}
                signals::CHLD => {
                    let known = self.ended.is_some();
                    self.look_at_leader();
                    stopped |= self.look_at_stop();
                    // The look at a leader that has just ended was one at the tree.
                    self.look_due |= known || self.ended.is_none();
                    self.look_if_due();
                }
                // The key that stopped the command, and us with it: once is enough.
                signals::TSTP if stopped => {}
                signals::TSTP => {
                    self.pause();
                    stopped = true;
                }
                signals::WINCH => self.follow_size(),
                signals::USR1 => self.say_status(),
                signals::CONT => {}
                // INT, TERM, HUP, QUIT, and whatever else would have ended heeler.
                signal => self.stop_request(signal),
            }
        }
    }

    /// A member has ended, or the cgroup tells that the last one has.
    fn look_at_tree(&mut self) {
        let members = if self.ended.is_some() || self.supervisor.is_terminating() {
            self.launched.tree.sweep()
        } else {
            self.launched.tree.collect_orphans()
        };
        self.looked(members);
        if self.ended.is_some() {
            self.event(Event::Tree(members));
        }
    }

    fn look_if_due(&mut self) {
        if self.look_due && self.now() >= self.look_from {
            self.look_at_tree();
        }
    }

    /// A look found so many members alive.
    pub(super) fn looked(&mut self, members: usize) {
        self.look_due = false;
        self.look_after(members);
    }

    /// So many members were looked at, or signalled.
    pub(super) fn look_after(&mut self, members: usize) {
        let (look, told) = self.launched.tree.due();
        let pause = |members: usize| PAUSE * members.min(MOST_COUNTED) as u32;
        let ending = self.ended.is_some() || self.supervisor.is_terminating();
        self.look_due |= ending && look >= Look::Fresh;
        self.look_from = self.now()
            + match look {
                Look::Unfinished => Duration::ZERO,
                Look::Growing | Look::Fresh => pause(members.max(told)).max(SOON),
                Look::Doubtful | Look::Settled => pause(members),
            };
    }

    fn watch_outlets(&mut self) {
        for warning in self.shared.outlets.take_warnings() {
            // At once: whoever waits for the end of a pipeline should know why it does not come.
            output::complain(&format!("warning: {warning}"));
            self.shared.told.push(warning);
        }
        let stalled = self.shared.outlets.is_stalled();
        if stalled != std::mem::replace(&mut self.stalled, stalled) {
            self.event(if stalled { Event::Stalled } else { Event::Flows });
        }
    }

    fn take_time(&mut self) {
        let now = self.now();
        if self.pause_due.is_some_and(|due| now >= due) {
            self.show_held();
        }
        self.look_if_due();
        if self.eof_due.is_some_and(|due| now >= due) {
            self.tell_eofs();
        }
        let behind = self.is_behind();
        let due = self.dialogue.as_ref().and_then(Dialogue::next_deadline);
        if behind || due.is_some_and(|due| now >= due) {
            self.tell(Dialogue::tick);
        }
        if behind {
            // Whether the command is silent nobody has looked.
            self.event(Event::Active);
        }
        if self.supervisor.next_deadline().is_some_and(|due| now >= due) {
            self.event(Event::Tick);
        }
        if self.end_due().is_some_and(|due| now >= due) {
            self.hurry = true;
            self.event(Event::Verdict { cause: Cause::Timeout, kill: false });
        }
        self.close_streams();
        self.tell_end();
        self.tick_remote();
        self.end_input_after_steps();
        self.pump_input();
    }
}
