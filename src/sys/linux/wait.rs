//! Collecting children. Peeking leaves the zombie in place, so that its numbers cannot be reused while
//! anything may still be signalled through them.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions};

use super::signals::is_job_control;

/// How a child ended, in the kernel's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It called exit.
    Exited(i32),
    /// A signal killed it; whether it dumped core.
    Signaled(i32, bool),
    /// It was stopped by this signal.
    Stopped(i32),
}

fn status(options: WaitIdOptions, id: &WaitId<'_>) -> io::Result<Option<Status>> {
    loop {
        match rustix::process::waitid(id.clone(), options) {
            Ok(None) => return Ok(None),
            Ok(Some(status)) => {
                return Ok(if let Some(code) = status.exit_status() {
                    Some(Status::Exited(code))
                } else if let Some(signal) = status.terminating_signal() {
                    Some(Status::Signaled(signal, status.dumped()))
                } else {
                    status.stopping_signal().map(Status::Stopped)
                });
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the child behind `pidfd` has ended, and how; it stays a zombie.
pub fn peek(pidfd: BorrowedFd<'_>) -> io::Result<Option<Status>> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    status(options, &WaitId::PidFd(pidfd))
}

/// Whether the child behind `pidfd` has been stopped since this was last asked.
pub fn take_stop(pidfd: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
    Ok(match status(options, &WaitId::PidFd(pidfd))? {
        Some(Status::Stopped(signal)) => Some(signal),
        _ => None,
    })
}

/// Whether the child behind `pidfd` has been continued since its last stop was taken; a key may have stopped it anew.
pub fn was_continued(pidfd: BorrowedFd<'_>) -> bool {
    let options = WaitIdOptions::CONTINUED
        | WaitIdOptions::STOPPED
        | WaitIdOptions::NOHANG
        | WaitIdOptions::NOWAIT;
    let status = rustix::process::waitid(WaitId::PidFd(pidfd), options).ok().flatten();
    status.is_some_and(|it| it.continued() || it.stopping_signal().is_some_and(is_job_control))
}

/// Collects child `pid` if it has ended: its number is free afterwards.
pub fn reap(pid: i32) -> io::Result<Option<Status>> {
    let Some(pid) = Pid::from_raw(pid) else { return Ok(None) };
    status(WaitIdOptions::EXITED | WaitIdOptions::NOHANG, &WaitId::Pid(pid))
}

/// Kills child `leader` and the group that it leads, and collects it. It has not been collected, so the
/// numbers are its own.
pub fn kill_group(leader: i32) {
    let Some(pid) = Pid::from_raw(leader) else { return };
    signal_group(leader, libc::SIGKILL);
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    let _ = status(WaitIdOptions::EXITED, &WaitId::Pid(pid));
}

/// Signals the group that child `leader` leads, which has not been collected.
pub fn signal_group(leader: i32, signal: i32) {
    if leader > 1 {
        // SAFETY: a number that is a group of ours.
        unsafe { libc::kill(-leader, signal) };
    }
}

/// Collects every child that has ended, whoever it is.
pub fn reap_all() {
    while let Ok(Some(_)) = status(WaitIdOptions::EXITED | WaitIdOptions::NOHANG, &WaitId::All) {}
}

/// Whether we have any child left, zombies included. `false` is the kernel's proof (ECHILD) that, for a
/// child subreaper, no descendant is left.
pub fn has_children() -> io::Result<bool> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match rustix::process::waitid(WaitId::All, options) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(true),
        Err(rustix::io::Errno::CHILD) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes this process the one that orphaned descendants are re-parented to. Not inherited by children.
pub fn become_subreaper() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// CPU times and the largest resident set of all children collected so far: (user, system, bytes).
pub fn usage_of_children() -> (Duration, Duration, u64) {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a writable rusage; RUSAGE_CHILDREN is a valid argument, so it cannot fail.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    (time(usage.ru_utime), time(usage.ru_stime), usage.ru_maxrss as u64 * 1024)
}
