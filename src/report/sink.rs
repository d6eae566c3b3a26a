//! Where output is written to: never blocks the loop, never loses a byte while the reader lives.
//!
//! A descriptor that we inherited is shared with others (the caller's shell, for one), so it is never
//! switched to non-blocking; it is opened anew where the kernel allows that, or written to carefully. What
//! cannot be written yet is kept, and the loop stops reading from the command until it is gone: the memory
//! is bounded by one read. A sink that fails says so once and swallows the rest; it never ends a run.
//!
//! Output is read and written. Only where nobody looks at it or is told of it (`--track off`, no `--report`, no copy) is it
//! spliced, from our pipe into one of our reader's or the null device, while much comes at once. Measured with log lines
//! and pipes of 1 MiB: 1.9 times as fast into a pipe, 1.1 into the null device; the record and the report have the lines
//! counted and the end kept. Line by line splice is slower (0.75): each piece takes a page of the pipe for itself. Where
//! nothing looks, a command inherits our stdout unless `--pipe` is asked for: nobody between, and as fast as without
//! heeler. Into a pipe, splice is ahead of even that: over two pipes, the writer and the reader never wait for the lock
//! of the same one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::sys::fdio::{self, FdKind};
use crate::sys::poll::{self, Want};

/// POSIX promises that a pipe which polls as writable takes so many bytes without blocking.
const PIPE_BUF: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// Our own open file description is non-blocking.
    Nonblocking,
    /// A regular file or device: a write does not wait for a reader.
    Direct,
    /// A socket: `send` with its own flag.
    Socket,
    /// Shared and blocking: ask before each small write.
    Careful,
}

/// One place that output goes to.
#[derive(Debug)]
pub struct Sink {
    label: String,
    fd: OwnedFd,
    how: How,
    /// Splice works here.
    splices: bool,
    /// A splice found no room: nothing is kept, but more has to wait.
    full: bool,
    pending: Vec<u8>,
    done: usize,
    failed: bool,
    failure: Option<io::Error>,
}

impl Sink {
    /// One of our own standard descriptors, shared with whoever started us.
    pub fn shared(fd: BorrowedFd<'_>, label: &str) -> io::Result<Sink> {
        let own = |how| -> io::Result<(OwnedFd, How)> { Ok((fdio::duplicate(fd)?, how)) };
        let kind = fdio::kind(fd)?;
        let (fd, how) = match kind {
            FdKind::File | FdKind::Device => own(How::Direct)?,
            FdKind::Socket => own(How::Socket)?,
            FdKind::Pipe | FdKind::Terminal => match fdio::reopen_nonblocking(fd, true) {
                Ok(fd) => (fd, How::Nonblocking),
                Err(_) => own(How::Careful)?,
            },
        };
        let splices = how == How::Nonblocking && kind == FdKind::Pipe || kind == FdKind::Device;
        Ok(Sink { splices, ..Sink::new(label, fd, how) })
    }

    /// With a larger pipe, for much output.
    #[must_use]
    pub fn enlarged(self) -> Sink {
        if self.how == How::Nonblocking {
            fdio::enlarge(self.fd());
        }
        self
    }

    /// A file that we opened ourselves, non-blocking.
    pub fn owned(fd: OwnedFd, label: &str) -> Sink {
        Sink::new(label, fd, How::Nonblocking)
    }

    fn new(label: &str, fd: OwnedFd, how: How) -> Sink {
        let label = label.to_owned();
        Sink {
            label,
            fd,
            how,
            splices: false,
            full: false,
            pending: Vec::new(),
            done: 0,
            failed: false,
            failure: None,
        }
    }

    /// What it is called in messages.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Writes what fits now and keeps the rest.
    pub fn write(&mut self, bytes: &[u8]) {
        if self.failed {
            return;
        }
        if self.is_pending() {
            self.pending.extend_from_slice(bytes);
            return;
        }
        let written = self.attempt(bytes);
        if !self.failed && written < bytes.len() {
            self.pending.clear();
            self.done = 0;
            self.pending.extend_from_slice(&bytes[written..]);
        }
    }

    /// Moves on what the pipe `from` holds, at most so much, without a look at it; says how much, and waits for the
    /// reader where there is no room. `None` where it is to be read instead, which also tells an end and an error.
    pub fn splice(&mut self, from: BorrowedFd<'_>, most: usize) -> Option<usize> {
        if !self.splices || self.failed || self.is_pending() {
            return None;
        }
        match fdio::splice(from, self.fd.as_fd(), most) {
            Ok(Some(0)) => None,
            Ok(Some(count)) => Some(count),
            Ok(None) => {
                self.full = fdio::holds_bytes(from);
                Some(0)
            }
            Err(_) => {
                self.splices = false;
                None
            }
        }
    }

    /// Nothing more is spliced; says whether there was something left.
    pub fn end_splices(&mut self) -> bool {
        std::mem::take(&mut self.full)
    }

    /// Writes more of what was kept.
    pub fn flush(&mut self) {
        self.full = false;
        if !self.is_pending() {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        self.done += self.attempt(&pending[self.done..]);
        if self.done == pending.len() || self.failed {
            pending.clear();
            self.done = 0;
        }
        // Also when it is empty: a reader that is slower than the command would cost a new one with each read.
        self.pending = pending;
    }

    /// How much is kept.
    pub fn kept(&self) -> usize {
        self.pending.len() - self.done
    }

    /// Whether something is kept because the reader does not take it.
    pub fn is_pending(&self) -> bool {
        self.full || self.kept() > 0
    }

    /// To poll for writing while something is kept.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Why it failed, once.
    pub fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Writes until all is written, nothing more fits, or it fails; says how much.
    fn attempt(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() {
            let rest = &bytes[written..];
            let fd = self.fd.as_fd();
            let result = match self.how {
                How::Nonblocking | How::Direct => fdio::write(fd, rest),
                How::Socket => fdio::send(fd, rest),
                How::Careful => write_carefully(fd, rest),
            };
            match result {
                Ok(Some(count)) => written += count,
                Ok(None) => break,
                Err(error) => {
                    self.failed = true;
                    self.failure = Some(error);
                    break;
                }
            }
        }
        written
    }
}

fn write_carefully(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<Option<usize>> {
    let mut ready = Vec::with_capacity(1);
    poll::poll(&[(fd, Want::Write)], Some(Duration::ZERO), &mut ready)?;
    if ready[0].ready { fdio::write(fd, &bytes[..bytes.len().min(PIPE_BUF)]) } else { Ok(None) }
}
