//! What concerns heeler's own terminal: Ctrl-Z, its size, a question for the status.

use super::Running;
use crate::report::output;
use crate::runtime::stream::Stream;
use crate::runtime::terminal::{Lent, RawMode};
use crate::sys::{fdio, signals, tty};

impl Running<'_, '_> {
    /// Ctrl-Z: the whole tree stops, our terminal is put in order, we stop, and all of that backwards. The
    /// clocks leave the time out.
    pub(super) fn pause(&mut self) {
        let from = self.shared.clock.wall();
        self.launched.tree.signal_once(signals::STOP);
        for raw in self.shared.raw.iter().chain(&self.person) {
            raw.suspend();
        }
        if let Some((asking, _)) = &self.asking {
            asking.suspend();
        }
        let modes = self.launched.lent.as_ref().and_then(Lent::take_back);
        // With `bg` our terminal is the shell's, and a command that is typed to has to stop again, as one that
        // reads the terminal by itself would.
        loop {
            signals::stop_self();
            if self.shared.raw.iter().chain(&self.person).all(RawMode::resume) {
                break;
            }
        }
        if let Some((asking, _)) = &self.asking {
            asking.resume();
        }
        if let Some(lent) = &self.launched.lent {
            lent.lend_again(modes.as_ref());
        }
        self.launched.tree.signal_once(signals::CONT);
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
        if let Some(raw) = &self.shared.raw {
            raw.suspend();
        }
        output::complain(&format!(
            "run {}: pid {}, {:.1} s, {bytes} bytes of output, silent for {:.1} s",
            self.shared.run,
            self.launched.tree.leader(),
            now.as_secs_f64(),
            silent.as_secs_f64(),
        ));
        if let Some(raw) = &self.shared.raw {
            raw.resume();
        }
    }
}
