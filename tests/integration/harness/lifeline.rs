//! Who has a pipe open is alive.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;

use super::process::timespec;
use super::{PATIENCE, find};

/// See [`Test::lifeline`].
pub struct Lifeline {
    path: PathBuf,
    read: File,
    seen: Vec<u8>,
}

fn open(path: &Path) -> File {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path).unwrap()
}

impl Lifeline {
    /// Of this FIFO.
    pub(super) fn new(path: PathBuf) -> Lifeline {
        Lifeline { read: open(&path), path, seen: Vec::new() }
    }

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
            assert!(
                self.more_by(until),
                "{text:?} was not written to {}: {:?}",
                self.path.display(),
                self.text()
            );
        }
    }

    /// Waits for something more to be written; whether that was so in time.
    pub fn more_by(&mut self, until: Instant) -> bool {
        while until > Instant::now() {
            if self.more(until.saturating_duration_since(Instant::now())) {
                return true;
            }
        }
        false
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
        let wait_for = |file: &File, wait| {
            let mut fds = [PollFd::new(file, PollFlags::IN)];
            poll(&mut fds, Some(&timespec(wait))).unwrap();
            fds[0].revents()
        };
        let mut ready = wait_for(&self.read, wait);
        // HUP stays until someone opens it again. Who opens it anew to read sees only what comes from then on (the
        // kernel counts writers); whoever is there at that moment has something to say, or is waited for once more.
        if !wait.is_zero() && ready.contains(PollFlags::HUP) && !ready.contains(PollFlags::IN) {
            ready = wait_for(&open(&self.path), wait);
        }
        if !ready.contains(PollFlags::IN) {
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
