//! Waiting for descriptors and deadlines: the one place where heeler sleeps.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

/// What to wait for on a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Something to read, or the end.
    Read,
    /// Room to write, or nobody left to read.
    Write,
    /// Nobody is left to read, and nothing else.
    Hangup,
    /// A change that the kernel notifies of (`cgroup.events`).
    Change,
}

/// What is ready, in the order of the question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// The wanted thing, an end or an error.
    pub ready: bool,
    /// The other side is gone.
    pub hangup: bool,
}

/// Waits until one of `wants` is ready or `timeout` is over; without a timeout it waits for ever. A signal
/// that interrupts the wait ends it with nothing ready.
pub fn poll(
    wants: &[(BorrowedFd<'_>, Want)],
    timeout: Option<Duration>,
    ready: &mut Vec<Ready>,
) -> io::Result<()> {
    let mut fds: Vec<PollFd<'_>> = wants
        .iter()
        .map(|(fd, want)| {
            let flags = match want {
                Want::Read => PollFlags::IN,
                Want::Write => PollFlags::OUT,
                Want::Hangup => PollFlags::empty(),
                Want::Change => PollFlags::PRI,
            };
            PollFd::from_borrowed_fd(*fd, flags)
        })
        .collect();
    // A timespec counts seconds in 64 bits with a sign; years beyond that are for ever.
    let timespec = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    ready.clear();
    match rustix::event::poll(&mut fds, timespec.as_ref()) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => {
            ready.resize(wants.len(), Ready::default());
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    ready.extend(fds.iter().map(|fd| {
        let got = fd.revents();
        Ready {
            ready: !got.is_empty(),
            hangup: got.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
        }
    }));
    Ok(())
}

/// The monotonic clock; it does not count time in suspend (CLOCK_MONOTONIC).
#[expect(clippy::disallowed_methods, reason = "the clock that the runtime reads")]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the clock that the runtime reads")]
pub fn wall() -> std::time::SystemTime {
    std::time::SystemTime::now()
}
