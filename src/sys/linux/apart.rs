//! A process of our own beside us: not a child, not in our session, holding nothing of ours but what it is
//! given. It is the keeper of a run ([`fork_apart`]), or the heeler of one that runs in the background
//! ([`fork_background`]).

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::fdio::errno;
use super::pidfd::PidFd;

/// Which of the two processes this is after [`fork_apart`].
#[derive(Debug)]
pub enum Side {
    /// The one that called, with a handle on the other.
    Here(PidFd),
    /// The new one. It must end with [`leave`].
    Apart,
}

/// Forks twice, so that the new process is a child of whoever takes orphans above us: we owe it no wait, and
/// "no child left" stays a proof. It is in a session of its own (no terminal, no Ctrl-C), in `/`, with every
/// signal blocked that can be, the null device as its standard descriptors, and of ours only `keep`.
///
/// To be called by a single-threaded process before it is a child subreaper: it would get the orphan itself.
pub fn fork_apart(keep: BorrowedFd<'_>, name: &CStr) -> io::Result<Side> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let keep = keep.as_raw_fd();
    // SAFETY: single-threaded, so no lock is held by a thread that the copy does not have.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: as above; the process between the two only writes a number and ends, without running
            // anything of ours.
            unsafe {
                let pid = libc::fork();
                if pid != 0 {
                    libc::write(write.as_raw_fd(), (&raw const pid).cast(), size_of_val(&pid));
                    libc::_exit(0);
                }
            }
            settle(keep, name);
            // Closed by number already; dropped, they would close what has their numbers now.
            std::mem::forget((read, write));
            Ok(Side::Apart)
        }
        between => {
            drop(write);
            let mut pid = [0; 4];
            let got = super::fdio::read(read.as_fd(), &mut pid);
            // SAFETY: waits for our own child; a null status is allowed.
            while unsafe { libc::waitpid(between, std::ptr::null_mut(), 0) } < 0
                && errno() == libc::EINTR
            {}
            let pid = if got?.unwrap_or(0) == 4 { i32::from_ne_bytes(pid) } else { -1 };
            let gone = || io::Error::from(io::ErrorKind::NotFound);
            if pid <= 0 {
                return Err(io::Error::from_raw_os_error(libc::EAGAIN));
            }
            Ok(Side::Here(PidFd::open(pid)?.ok_or_else(gone)?))
        }
    }
}

/// Forks twice, so that what this process goes on to do happens in the background: true in the new process,
/// false in the one that called. The new one is in a session that nobody leads, so no terminal can become
/// its own and none that closes can end it; it is in `/`, its standard descriptors are the null device, and
/// of ours it has only those of `keep`. Signals are as they were: what it starts gets them from it.
///
/// To be called by a single-threaded process; the caller must have no descriptor of its own open but those of
/// `keep` that the new process would use or drop.
pub fn fork_background(keep: &[BorrowedFd<'_>]) -> io::Result<bool> {
    let mut keep: Vec<RawFd> = keep.iter().map(AsRawFd::as_raw_fd).collect();
    keep.sort_unstable();
    // SAFETY: single-threaded, so no lock is held by a thread that the copy does not have.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: as above; the process between the two only ends, without running anything of ours.
            unsafe {
                libc::setsid();
                match libc::fork() {
                    0 => {}
                    -1 => libc::_exit(1),
                    _ => libc::_exit(0),
                }
                libc::chdir(c"/".as_ptr());
            }
            only(&keep);
            Ok(true)
        }
        between => {
            let mut status = 0;
            // SAFETY: waits for our own child, into a number of ours.
            while unsafe { libc::waitpid(between, &raw mut status, 0) } < 0
                && errno() == libc::EINTR
            {}
            if status == 0 { Ok(false) } else { Err(io::Error::from_raw_os_error(libc::EAGAIN)) }
        }
    }
}

fn settle(keep: RawFd, name: &CStr) {
    // SAFETY: plain system calls on this process alone.
    unsafe {
        libc::setsid();
        libc::chdir(c"/".as_ptr());
        libc::prctl(libc::PR_SET_NAME, name.as_ptr());
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
    }
    only(&[keep]);
}

/// Closes everything but `keep`, which is in order; the standard descriptors are the null device.
fn only(keep: &[RawFd]) {
    // SAFETY: plain system calls on this process alone. Descriptors are closed by number although Rust
    // values own them: none of those is used or dropped on this side, which never returns to their owners.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for fd in 0..3 {
            libc::dup2(null, fd);
        }
    }
    let mut first = 3;
    for fd in keep {
        close_range(first, fd - 1);
        first = fd + 1;
    }
    close_range(first, RawFd::MAX);
}

fn close_range(first: RawFd, last: RawFd) {
    if first > last {
        return;
    }
    // SAFETY: as in `only`, the only caller.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, last, 0) < 0 {
            // Before Linux 5.9.
            let most = libc::sysconf(libc::_SC_OPEN_MAX).clamp(1024, 1 << 20) as RawFd;
            for fd in first..=last.min(most) {
                libc::close(fd);
            }
        }
    }
}

/// A descriptor that a fork kept, taken over under its number by this side.
pub fn kept(fd: RawFd) -> OwnedFd {
    // SAFETY: on the new side nobody else uses or drops the number: its owner is the copy of a value that
    // belongs to the caller of the fork, which never gets control back there.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Ends the process without running what the process it was copied from would run at its end.
pub fn leave() -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(0) }
}
