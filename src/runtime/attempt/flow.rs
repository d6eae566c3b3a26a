//! What comes from the command: its output, the ends of its streams, its exit.

use std::time::Duration;

use serde_json::json;

use super::Running;
use crate::core::outcome::{Cause, EXIT_HEELER, Ended};
use crate::core::supervisor::{Action, Event};
use crate::expect::dialogue::{Dialogue, ExitStatus};
use crate::expect::near;
use crate::expect::program::StreamId;
use crate::expect::view::emulator::cells;
use crate::expect::view::query::Answers;
use crate::runtime::fault;
use crate::runtime::outlets::Outlets;
use crate::runtime::remote::Fact;
use crate::runtime::stream::Read;
use crate::runtime::tree::Member;
use crate::sys::{fdio, names, poll};

/// How long an end of file waits for the exit that may explain it.
const EOF_PATIENCE: Duration = Duration::from_millis(50);

/// What a terminal gives at once is a prompt rather than a part of a flood when it is shorter than this.
const PROMPT: usize = 1024;

/// How many times a pipe is read in a turn.
const READS: usize = 64;

/// How much more than a buffer is read from a pipe in a turn: all that it holds.
const BUFFERS: usize = 4;

/// Whoever writes again this soon is about to do so once more.
const BRISK: Duration = Duration::from_micros(200);

/// A read that gave less than this was hardly worth its while.
const SMALL: usize = 16 << 10;

/// How long a pipe is read, and what came of it is matched, in a turn: others that got the processor meanwhile may have
/// kept it, and a read may hold as many matches as it has bytes.
pub(super) const TURN: Duration = Duration::from_millis(2);

impl Running<'_, '_> {
    /// The command is about to be stopped. What that may have been waiting for when a limit came is what it shows now.
    /// Nobody is told who typed to it themselves.
    fn stopped(&mut self, cause: Cause) {
        if let Some(dialogue) = self.dialogue.as_mut().filter(|_| cause.is_outside()) {
            dialogue.stopped();
        } else if cause.is_limit() && self.question.is_none() && self.shared.raw.is_none() {
            let tails = self.launched.streams.iter().map(|stream| stream.tail().0);
            self.question = Some(tails.filter_map(|tail| near::question(&tail)).collect());
        }
    }

    /// Gives the core an event and does what it says.
    pub(super) fn event(&mut self, event: Event) {
        self.event_at(self.now(), event);
    }

    fn event_at(&mut self, now: Duration, event: Event) {
        let actions = self.supervisor.step(now, event);
        if let Some(cause) = self.supervisor.cause() {
            self.stopped(cause);
        }
        for action in actions {
            match action {
                Action::Cleanup => self.begin_cleanup(),
                Action::Signal(signal) => {
                    self.end_cleanup();
                    self.note_strays();
                    let name = names::signal_name(signal);
                    self.shared.event("signal", || json!({ "signal": name }));
                    let deaf = self.supervisor.for_the_deaf(signal);
                    if self.launched.tree.signal_or(signal, deaf)
                        && let Some(other) = deaf
                    {
                        self.supervisor.also_sent(now, other);
                    }
                    self.look_after(0);
                }
                Action::SignalDeaf(ignored, signal) => {
                    if self.launched.tree.signal_deaf(ignored, signal) {
                        self.supervisor.also_sent(now, signal);
                    }
                }
                Action::CloseStreams => {
                    self.closing.get_or_insert(0);
                    self.close_streams();
                }
                Action::Finish => self.finished = true,
            }
        }
    }

    pub(super) fn note_strays(&mut self) {
        if self.strays.is_empty() && self.supervisor.had_strays() {
            self.strays = self.launched.tree.members();
        }
        self.strays.iter_mut().for_each(Member::read_name);
    }

    pub(super) fn look_at_leader(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let ended = match self.launched.tree.peek() {
            Ok(Some(ended)) => ended,
            // Cannot fail for a child of ours; if it does, there is nothing left to wait for.
            Err(_) => Ended::Exited(EXIT_HEELER),
            Ok(None) => return,
        };
        self.ended = Some(ended);
        self.look_at_interrupt();
        let others = self.launched.tree.sweep();
        self.looked(others);
        self.event(Event::LeaderExited { ended, others });
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.set_exit(match ended {
                Ended::Exited(code) => ExitStatus::Code(code),
                Ended::Signaled { signal, .. } => ExitStatus::Signal(signal),
            });
        }
        self.tell_eofs();
        self.tell(Dialogue::exited);
        if self.launched.streams.iter().all(|stream| stream.fd().is_none()) {
            self.tell_streams_ended();
        }
    }

    /// How much is read in a turn. Where the output is drawn, a few bytes can clear the whole screen: less of
    /// it then, so that limits are looked at in time.
    fn chunk(&self) -> usize {
        const DRAWN: usize = 64 << 20;
        let screen = self.shared.remote.is_some() && self.launched.pty.is_some();
        let drawn = screen
            || self.dialogue.as_ref().is_some_and(Dialogue::draws)
            || self.answers.as_ref().is_some_and(Answers::draws);
        if drawn {
            (DRAWN / (cells(self.shared.size) as usize).max(1)).clamp(256, self.buffer.len())
        } else {
            self.buffer.len()
        }
    }

    /// Reads what is there, but not for long, so that a flood delays nobody else.
    ///
    /// A pipe is read until it is empty, each read passed on before the next: waiting for it before every
    /// read cost 15 % on a line a write, as the waiting itself is dearer than such a read. For the same reason
    /// others get the processor once after each small piece of many: whoever reads our output takes it then, and
    /// more lines come together for the next read. Measured with bare loops on a line a write: 5 lines a read
    /// without that and 19 with it, and 6 % faster with 9 % less CPU time. Where others want all processors it costs:
    /// as fast as the bare loop then, and half as fast again without. To gather pieces for one write, in its stead,
    /// is slower than to pass each on (0.8 to 0.9 of it): it only reads smaller ones.
    ///
    /// What remains between this and a loop that does nothing but a blocking read is a tenth, and the kernel's:
    /// once anybody has waited with poll or epoll for a pipe, each write to it looks for someone to wake up
    /// (`poll_usage` in fs/pipe.c). A bare loop with a single poll before its first read is as much slower.
    ///
    /// The reads of a terminal become one write.
    pub(super) fn read_stream(&mut self, index: usize) {
        let most = self.chunk();
        // Matching has no such speed that nobody else would notice.
        let limit = if self.dialogue.is_none() { BUFFERS * most } else { most };
        let (mut taken, mut began) = (0, None);
        for _ in 0..READS {
            if self.is_behind() {
                return;
            }
            let before = self.last_output;
            let (filled, end) = match self.splice(index, limit) {
                Some(moved) => (moved, false),
                None => self.read_once(index, most),
            };
            let stream = &self.launched.streams[index];
            if stream.fd().is_none() && !end {
                return;
            }
            if end {
                return self.stream_over(index);
            }
            taken += filled;
            let done = filled == 0 || stream.id == StreamId::Terminal || taken >= limit;
            let late =
                self.last_output.saturating_sub(*began.get_or_insert(self.last_output)) > TURN;
            if done || late || self.finished || self.shared.outlets.is_stalled() {
                return;
            }
            if filled < SMALL && self.last_output.saturating_sub(before) < BRISK {
                poll::let_others();
            }
        }
    }

    /// Reads, and does all that follows from what came; says how much that was, and whether it was the end.
    fn read_once(&mut self, index: usize, most: usize) -> (usize, bool) {
        let stream = &mut self.launched.streams[index];
        let (mut filled, mut end) = (0, false);
        while filled < most {
            match stream.read(&mut self.buffer[filled..most]) {
                Read::Bytes(count) => {
                    filled += count;
                    // A pipe gives all it has; a terminal at most 4 KiB a read, and of less there is hardly more:
                    // asking would only keep a prompt waiting.
                    if stream.id != StreamId::Terminal || count < PROMPT {
                        break;
                    }
                    if let Some(dialogue) = &mut self.dialogue {
                        dialogue.glance(stream.id, &self.buffer[..filled]);
                    }
                }
                Read::Nothing => break,
                Read::End => {
                    end = true;
                    break;
                }
            }
        }
        if filled > 0 {
            fault::point("output");
            self.take_output(index, filled);
        }
        (filled, end)
    }

    /// Reads what is there when the time for it is over, of each stream a pipe's worth: looking at what came before may
    /// have taken all of that time. A dialogue that is behind comes first; it is gone on here then.
    pub(super) fn close_streams(&mut self) {
        while let Some(taken) = self.closing
            && !self.is_behind()
        {
            let open = self.launched.streams.iter().position(|stream| stream.fd().is_some());
            let Some(index) = open else {
                self.closing = None;
                return self.tell_streams_ended();
            };
            let most = self.buffer.len();
            let more = taken < BUFFERS * most && !self.shared.outlets.is_stalled();
            match if more { self.read_once(index, most) } else { (0, false) } {
                (filled @ 1.., false) => self.closing = Some(taken + filled),
                (_, end) => {
                    let held_open = !end && self.launched.streams[index].is_held();
                    self.end_stream(index);
                    self.launched.streams[index].held_open = held_open;
                    self.closing = Some(0);
                }
            }
        }
    }

    /// Passes on what is there without a look at it, where nobody has one and it is much at once; says how much. `None`
    /// where it is to be read.
    fn splice(&mut self, index: usize, most: usize) -> Option<usize> {
        let stream = &mut self.launched.streams[index];
        if !self.unseen || !stream.is_large() {
            return None;
        }
        let moved = self.shared.outlets.splice(stream, most)?;
        if moved > 0 {
            fault::point("output");
            let now = self.now();
            self.last_output = now;
            self.passed += moved as u64;
            self.event_at(now, Event::Output(moved as u64));
        }
        Some(moved)
    }

    fn stream_over(&mut self, index: usize) {
        self.end_stream(index);
        if self.ended.is_none() {
            self.look_at_leader();
        }
        if self.ended.is_some() {
            self.tell_eofs();
            if self.launched.streams.iter().all(|stream| stream.fd().is_none()) {
                self.tell_streams_ended();
            }
        } else {
            self.eof_due = Some(self.now() + EOF_PATIENCE);
        }
    }

    pub(super) fn take_output(&mut self, index: usize, count: usize) {
        let at = self.shared.clock.active();
        let now = at.saturating_sub(self.began);
        self.last_output = now;
        let stream = &mut self.launched.streams[index];
        let bytes = &self.buffer[..count];
        let mut effects = std::mem::take(&mut self.effects);
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.output(now, stream.id, bytes, &mut effects);
        }
        let typed = self.launched.input.send_first(now, &mut effects);
        // Of a flood, only what the limit allows passes through.
        let shown = match self.shared.plan.limits.max_output {
            Some(max) => {
                &bytes[..count.min(usize::try_from(max - self.passed.min(max)).unwrap_or(count))]
            }
            None => bytes,
        };
        self.passed += count as u64;
        let remote = self.shared.remote.as_deref_mut();
        let watched = remote.is_some();
        self.shared.outlets.output(at, stream, &mut self.channels[index], shown, remote);
        let answers = self.answers.as_mut().map(|answers| answers.push(bytes)).unwrap_or_default();
        // A person who has our terminal just now has one that answers.
        let answered = !answers.is_empty() && self.person.is_none();
        if answered {
            self.launched.input.answer(answers);
        }
        if watched {
            let holds = self.channels.iter().any(Outlets::holds);
            self.pause_due = holds.then(|| now + self.shared.plan.program.settle);
        }
        if !effects.is_empty() || !typed.is_empty() {
            self.effects_and(&mut effects, typed);
        } else if answered {
            self.pump_input();
        }
        self.effects = effects;
        self.event_at(now, Event::Output(count as u64));
    }

    /// The output has paused: what is held back for secrets may be a prompt.
    pub(super) fn show_held(&mut self) {
        self.pause_due = None;
        let at = self.shared.clock.active();
        for (stream, channel) in self.launched.streams.iter_mut().zip(&mut self.channels) {
            let remote = self.shared.remote.as_deref_mut();
            self.shared.outlets.pause(at, stream, channel, remote);
        }
    }

    /// Nothing more comes from stream `index`; the dialogue is told later.
    pub(super) fn end_stream(&mut self, index: usize) {
        let late = self.shared.outlets.is_stalled();
        // What could not be spliced is still in our pipe. A reader that is late gets as much of it as would have been
        // read and kept.
        if self.shared.outlets.end_splices(&self.launched.streams[index]) {
            self.read_once(index, self.buffer.len());
        }
        let at = self.shared.clock.active();
        let stream = &mut self.launched.streams[index];
        if late && stream.fd().is_some_and(fdio::holds_bytes) {
            self.shared.outlets.note_untaken();
        }
        stream.close();
        stream.held_open = false;
        self.eofs.push(stream.id);
        let id = stream.id;
        let remote = self.shared.remote.as_deref_mut();
        self.shared.outlets.end(at, stream, &mut self.channels[index], remote);
        self.shared.note(Fact::StreamEnded(id));
    }

    /// The leader is gone and all streams are at their end.
    pub(super) fn tell_streams_ended(&mut self) {
        self.streams_told = true;
        self.tell_end();
    }

    /// The event of the exit. It is told behind the command's output, which may be read after the exit was
    /// seen, so that whoever reads events has all of it by then.
    pub(super) fn tell_exit(&mut self) {
        if let Some(ended) = self.ended.filter(|_| !self.exit_told) {
            self.exit_told = true;
            self.shared.event("exit", || exit_fields(ended));
            self.shared.note(Fact::Exited(ended));
        }
    }

    /// The dialogue's last word once it has heard everything, then the core hears that nothing more comes; a step that
    /// does not need the command (a pause, a command of the script's own, a question) is waited for before that.
    pub(super) fn tell_end(&mut self) {
        if !self.streams_told || self.end_told || self.is_behind() {
            return;
        }
        if !std::mem::replace(&mut self.finish_told, true) {
            self.tell_exit();
            self.tell_eofs();
            self.tell(Dialogue::finish);
        }
        let busy = !self.is_cut_short() && self.dialogue.as_ref().is_some_and(Dialogue::is_busy);
        if !busy && !self.is_behind() && !std::mem::replace(&mut self.end_told, true) {
            self.event(Event::StreamsEnded);
        }
    }

    /// When a dialogue that goes on after the command has no more time.
    pub(super) fn end_due(&self) -> Option<Duration> {
        let goes_on = (self.streams_told || self.closing.is_some()) && !self.end_told;
        self.shared.plan.limits.timeout.filter(|_| goes_on)
    }
}

fn exit_fields(ended: Ended) -> serde_json::Value {
    match ended {
        Ended::Exited(code) => json!({ "exit_code": code }),
        Ended::Signaled { signal, .. } => json!({ "signal": names::signal_name(signal) }),
    }
}
