//! Who has a pipe open is alive.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::process::timespec;
use super::{PATIENCE, find};

/// See [`Test::lifeline`].
pub struct Lifeline {
    pub(super) path: PathBuf,
    pub(super) read: File,
    pub(super) seen: Vec<u8>,
}

impl Lifeline {
    /// Where to open it: `exec 9>PATH`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until `text` has been written to it; gives everything up to its end.
    #[track_caller]
    pub fn wait(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = find(&self.seen, text.as_bytes()) {
                return String::from_utf8_lossy(&self.seen[..at + text.len()]).into_owned();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{text:?} was not written to {}: {:?}",
                self.path.display(),
                self.text()
            );
            self.more(left.min(Duration::from_secs(1)));
        }
    }

    /// Everything written to it so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Waits until everyone who opened it is gone; gives everything that was written.
    #[track_caller]
    pub fn wait_gone(&mut self) -> String {
        let until = Instant::now() + PATIENCE;
        while !self.is_gone() {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} is still held open", self.path.display());
            let mut fds = [PollFd::new(&self.read, PollFlags::IN)];
            poll(&mut fds, Some(&timespec(left))).unwrap();
        }
        self.text()
    }

    /// Whether everyone who opened it is gone, now. False as long as nobody has opened it.
    pub fn is_gone(&mut self) -> bool {
        while self.more(Duration::ZERO) {}
        let mut fds = [PollFd::new(&self.read, PollFlags::IN)];
        poll(&mut fds, Some(&timespec(Duration::ZERO))).unwrap();
        let ready = fds[0].revents();
        ready.contains(PollFlags::HUP) && !ready.contains(PollFlags::IN)
    }

    /// Reads what is there, waiting at most so long; says whether something came.
    fn more(&mut self, wait: Duration) -> bool {
        let mut fds = [PollFd::new(&self.read, PollFlags::IN)];
        poll(&mut fds, Some(&timespec(wait))).unwrap();
        if !fds[0].revents().contains(PollFlags::IN) {
            // HUP without data stays so until someone opens it again: do not spin.
            if !wait.is_zero() && fds[0].revents().contains(PollFlags::HUP) {
                std::thread::sleep(Duration::from_millis(1));
            }
            return false;
        }
        let mut buffer = vec![0; 65536];
        match self.read.read(&mut buffer) {
            Ok(count) => {
                self.seen.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(_) => false,
        }
    }
}
