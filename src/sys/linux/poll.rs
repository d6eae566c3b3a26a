//! Waiting for descriptors and deadlines: the one place where heeler sleeps.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::epoll;

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

/// Descriptors to wait for, kept between waits so that none of them allocates.
#[derive(Debug, Default)]
pub struct Set {
    fds: Vec<libc::pollfd>,
}

impl Set {
    /// Forgets all descriptors.
    pub fn clear(&mut self) {
        self.fds.clear();
    }

    /// Adds a descriptor. One that is closed before the wait counts as hung up.
    pub fn add(&mut self, fd: BorrowedFd<'_>, want: Want) {
        let events = match want {
            Want::Read => libc::POLLIN,
            Want::Write => libc::POLLOUT,
            Want::Hangup => 0,
            Want::Change => libc::POLLPRI,
        };
        self.fds.push(libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 });
    }

    /// Waits until one of them is ready or `timeout` is over; without a timeout it waits for ever. A signal
    /// that interrupts the wait, and an error, end it with nothing ready.
    #[expect(unsafe_code, reason = "rustix borrows the descriptors for as long as the set lives")]
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        // A timespec counts seconds in 64 bits with a sign; years beyond that are for ever.
        let timespec = timeout.and_then(|timeout| {
            let tv_sec = timeout.as_secs().try_into().ok()?;
            Some(libc::timespec { tv_sec, tv_nsec: timeout.subsec_nanos().into() })
        });
        let limit = timespec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the entries are writable; `timespec` outlives the call; a null mask leaves signals alone. A
        // number that is not open is an answer (POLLNVAL), not an error.
        let ready = unsafe {
            let count = self.fds.len() as libc::nfds_t;
            libc::ppoll(self.fds.as_mut_ptr(), count, limit, std::ptr::null())
        };
        if ready >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        for entry in &mut self.fds {
            entry.revents = 0;
        }
        if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
    }

    /// What became of the descriptor that was added as number `index`.
    pub fn ready(&self, index: usize) -> Ready {
        let got = self.fds[index].revents;
        let hangup = got & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0;
        Ready { ready: got != 0, hangup }
    }
}

/// News of a descriptor that somebody else reads: it tells once of each piece that has come, read or not.
#[derive(Debug)]
pub struct News(OwnedFd);

impl News {
    /// News of `fd`.
    pub fn of(fd: BorrowedFd<'_>) -> io::Result<News> {
        let news = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let edges = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&news, fd, epoll::EventData::new_u64(0), edges)?;
        Ok(News(news))
    }

    /// To wait for: [`Want::Read`].
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// They are known.
    pub fn take(&self) {
        let mut event = [std::mem::MaybeUninit::uninit()];
        let _ = epoll::wait(&self.0, &mut event, Some(&rustix::event::Timespec::default()));
    }
}

/// Waits for `wants` once; see [`Set::wait`].
pub fn poll(
    wants: &[(BorrowedFd<'_>, Want)],
    timeout: Option<Duration>,
    ready: &mut Vec<Ready>,
) -> io::Result<()> {
    let mut set = Set::default();
    for (fd, want) in wants {
        set.add(*fd, *want);
    }
    ready.clear();
    set.wait(timeout)?;
    ready.extend((0..wants.len()).map(|index| set.ready(index)));
    Ok(())
}

/// Lets others run who wait for this processor; where there are none, goes on at once.
pub fn let_others() {
    rustix::thread::sched_yield();
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
