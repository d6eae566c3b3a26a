//! What concerns heeler's own terminal: Ctrl-Z, its size, a question for the status.

use std::time::Duration;

use super::Running;
use crate::core::outcome::Ended;
use crate::core::supervisor::Event;
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
        let modes = lent.and_then(Lent::take_back);
        // A command that is typed to stops like one that reads the terminal by itself. One that is being ended needs none.
        stop_until(&self.shared.signals, || {
            self.raw_modes().all(RawMode::resume) || self.supervisor.is_terminating()
        });
        if let Some(lent) = lent {
            lent.lend_again(modes.as_ref());
        }
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
