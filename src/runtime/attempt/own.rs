//! What concerns heeler's own terminal: Ctrl-Z, its size, a question for the status.
//!
//! The terminal is given away, set and read only while our group has its foreground, which is asked when it is to be
//! done. Who was started or continued in the background has not (`&`, `bg`), and gets it from the shell with `fg`; of that
//! nobody tells us but by CONT, if we were stopped. So a command on our terminal gets it when it wants it (TTIN, TTOU); and
//! keys are ours from the next line on that is typed, or whatever else wakes us.

use std::time::Duration;

use super::{Running, answers};
use crate::config::plan::Stdin;
use crate::core::outcome::Ended;
use crate::core::supervisor::Event;
use crate::report::model::Mode;
use crate::report::output;
use crate::runtime::stream::Stream;
use crate::runtime::terminal::{Lent, RawMode, stop_until};
use crate::sys::signals::{self, Received};
use crate::sys::{fdio, ids, tty};

impl Running<'_, '_> {
    /// Whether a signal that reached us is the command's own affair, as it is in our group: a key of the terminal's,
    /// which it has got as well, or what it has sent to its own group (`kill 0`, as `vim` does on Ctrl-Z).
    ///
    /// Not where there is no command to mind the key: it has ended, is being ended, has left the group; or the key
    /// answers a question of ours.
    pub(super) fn is_the_commands(&mut self, received: Received) -> bool {
        let theirs = self.minds(received);
        let Received { signal, pid } = received;
        // Keys reach the whole group, and so does a hangup but for whoever leads the session.
        let to_all = matches!(signal, signals::INT | signals::QUIT)
            || signal == signals::HUP && ids::session() != ids::pid();
        if !theirs && to_all && pid == 0 && self.launched.shared.is_some() {
            self.launched.tree.has_had(tty::own_group(), signal);
        }
        theirs
    }

    fn minds(&mut self, Received { signal, pid }: Received) -> bool {
        if self.launched.shared.is_none() || self.ended.is_some() {
            return false;
        }
        if pid != 0 {
            let asks = signals::asks_to_stop(signal) || signal == signals::TSTP;
            return asks && self.launched.tree.has(pid.cast_signed());
        }
        if !matches!(signal, signals::INT | signals::QUIT | signals::TSTP)
            || self.supervisor.cause().is_some()
            || self.asking.is_some()
            || !self.launched.tree.leader_is_in(tty::own_group())
        {
            return false;
        }
        if signal != signals::TSTP {
            self.interrupted = Some((signal, self.now()));
        }
        true
    }

    /// The leader has ended. If it died of the key that reached us too, the run is cancelled by that. One that took
    /// longer than a stop may take has not ended of it: an interpreter goes on after Ctrl-C.
    pub(super) fn look_at_interrupt(&mut self) {
        let Some((signal, at)) = self.interrupted else { return };
        let rungs = self.shared.plan.stop.ladder.rungs();
        // Nobody is left after the last.
        let grace: Duration = rungs[..rungs.len() - 1].iter().map(|rung| rung.grace).sum();
        if matches!(self.ended, Some(Ended::Signaled { signal: by, .. }) if by == signal) {
            self.launched.tree.has_had(tty::own_group(), signal);
            self.event(Event::StopRequest { signal });
        } else if !grace.is_zero() && self.now().saturating_sub(at) > grace {
            self.interrupted = None;
        }
    }

    /// The leader was stopped. Where it has our terminal that was Ctrl-Z, or there is none to be had, in the
    /// background: we stop with it, as our shell expects. Says whether we did.
    pub(super) fn look_at_stop(&mut self) -> bool {
        let Some(signal) = self.launched.tree.take_stop() else { return false };
        if signals::wants_terminal(signal) && self.is_apart() {
            return self.give_terminal(signal);
        }
        if self.launched.lent.is_some() {
            self.pause();
        } else if self.launched.shared.is_some() && signals::is_job_control(signal) {
            // Those in our group have got what stopped the leader, and may have more to do before they stop.
            self.launched.tree.signal_outside(tty::own_group(), signals::STOP);
            self.stop_with_it();
        } else {
            return false;
        }
        true
    }

    /// Whether the command is in a group of its own, on our terminal, and may have its foreground.
    fn is_apart(&self) -> bool {
        let launched = &self.launched;
        let one = launched.shared.is_none() && launched.pty.is_none() && self.asking.is_none();
        one && !self.shared.plan.launch.isolate
    }

    /// The command was stopped as it wants our terminal. It gets that and goes on where we have it: nobody tells us of
    /// an `fg` while we run. Else our group stops, as it would with the command in it, until we are continued. Says
    /// whether we stopped. In a group that nobody would continue only the command is stopped, and its limits go on.
    fn give_terminal(&mut self, signal: i32) -> bool {
        let from = self.shared.clock.wall();
        let lent = self.lend();
        if !lent {
            let ends = self.supervisor.is_terminating() || self.shared.signals.has_request();
            self.launched.lent.iter().for_each(Lent::take_back);
            if ends || !signals::stop_group(signal) {
                return false;
            }
            self.lend();
        }
        self.launched.tree.signal_group(None, signals::CONT);
        let pause = self.shared.clock.wall().saturating_sub(from);
        self.shared.clock.skip(pause);
        !lent
    }

    /// Gives the command our terminal, if we have it; or it has it by now.
    fn lend(&mut self) -> bool {
        let leader = self.launched.tree.leader();
        let Some(lent) = &self.launched.lent else {
            self.launched.lent = Lent::now_to(leader);
            return self.launched.lent.is_some();
        };
        lent.lend_again() || lent.is_out() && self.launched.tree.leader_is_in(leader)
    }

    /// The same, where it had it before.
    pub(super) fn lend_again(&self) -> bool {
        self.asking.is_none() && self.launched.lent.as_ref().is_some_and(Lent::lend_again)
    }

    /// Somebody has continued us.
    pub(super) fn continued(&mut self) {
        self.lend_again();
        self.come_forward();
        for raw in self.raw_modes() {
            raw.resume();
        }
    }

    /// `fg` gives us the foreground, and nobody tells us of that: keys are ours from then on.
    pub(super) fn come_forward(&mut self) {
        if !self.launched.input.come_forward() {
            return;
        }
        let launch = &self.shared.plan.launch;
        let keys = launch.mode == Mode::Pty && launch.stdin == Stdin::Inherit;
        if keys && self.shared.raw.is_none() && self.person.is_none() {
            self.shared.raw = RawMode::enter();
            self.answers = answers(self.shared.plan, self.shared);
        }
        for raw in self.raw_modes() {
            raw.resume();
        }
        self.watch_way_out();
    }

    /// The keyboard has a way out where our terminal is raw.
    pub(super) fn watch_way_out(&mut self) {
        if self.shared.raw.is_some() {
            self.launched.input.watch_way_out();
        }
    }

    /// Ctrl-Z: the whole tree stops, our terminal is put in order, we stop, and all of that backwards. The
    /// clocks leave the time out.
    pub(super) fn pause(&mut self) {
        self.launched.tree.signal_once(signals::STOP);
        self.stop_with_it();
    }

    fn stop_with_it(&mut self) {
        let from = self.shared.clock.wall();
        // In the reverse order of what they found: a question may be open on a terminal that is raw.
        self.raw_modes().rev().for_each(RawMode::suspend);
        // For a question it has been taken back.
        let lent = self.launched.lent.as_ref().filter(|_| self.asking.is_none());
        if let Some(lent) = lent {
            lent.take_back();
        }
        // A command that is typed to stops like one that reads the terminal by itself. One that is being ended needs none.
        stop_until(&self.shared.signals, || {
            self.raw_modes().all(RawMode::resume) || self.supervisor.is_terminating()
        });
        self.lend_again();
        if self.launched.shared.is_some() {
            // A shell continues a whole group, and once is enough.
            self.launched.tree.continue_stopped();
        } else {
            self.launched.tree.signal_once(signals::CONT);
        }
        let pause = self.shared.clock.wall().saturating_sub(from);
        self.shared.clock.skip(pause);
        self.follow_size();
    }

    pub(super) fn follow_size(&mut self) {
        if !self.shared.plan.launch.follow_size {
            return;
        }
        let size = [1, 2, 0].iter().find_map(|fd| tty::size(fdio::standard(*fd)));
        if let Some(size) = size.filter(|size| *size != self.shared.size) {
            self.resize(size);
        }
    }

    /// SIGUSR1: one line on stderr.
    pub(super) fn say_status(&self) {
        let now = self.now();
        let bytes: u64 = self.launched.streams.iter().map(Stream::bytes).sum();
        let silent = now.saturating_sub(self.last_output);
        output::complain(&format!(
            "run {}: pid {}, {:.1} s, {bytes} bytes of output, silent for {:.1} s",
            self.shared.run,
            self.launched.tree.leader(),
            now.as_secs_f64(),
            silent.as_secs_f64(),
        ));
    }

    fn raw_modes(&self) -> impl DoubleEndedIterator<Item = &RawMode> {
        let asking = self.asking.iter().map(|(asking, _)| asking.modes());
        self.shared.raw.iter().chain(&self.person).chain(asking)
    }
}
