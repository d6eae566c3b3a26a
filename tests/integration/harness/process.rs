//! What /proc and the kernel say of a process.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};

use super::{PATIENCE, Test};

/// Whether process `pid` is gone or a zombie.
pub fn is_dead(pid: i32) -> bool {
    matches!(proc_state(pid), None | Some('Z' | 'X'))
}

/// The state letter of a process in /proc; nothing when it is gone.
pub fn proc_state(pid: i32) -> Option<char> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// A field of /proc/PID/status, such as `VmHWM` or `SigIgn`.
pub fn proc_status(pid: i32, field: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.map(|value| value.trim().to_owned())
}

/// Waits until process `pid` has ended (a zombie has).
#[track_caller]
pub fn wait_gone(pid: i32) {
    assert!(gone_within(pid, PATIENCE), "process {pid} ({}) is still alive", command_line(pid));
}

/// Waits until child `pid` of ours is stopped. waitid knows no limit, so another thread is in it.
#[track_caller]
pub(super) fn wait_stopped(pid: i32) {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let which = WaitId::Pid(Pid::from_raw(pid).unwrap());
        let news = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let _ = tell.send(waitid(which, news));
    });
    match told.recv_timeout(PATIENCE) {
        Ok(Ok(Some(news))) => assert!(news.stopped(), "process {pid} has ended: {news:?}"),
        other => panic!("process {pid} ({}) is not stopped: {other:?}", command_line(pid)),
    }
}

impl Test {
    /// Waits until no process that belongs to this test is left.
    #[track_caller]
    pub fn wait_alone(&self) {
        self.wait_none(|_| true);
    }

    /// Waits until none that belongs to this test is such a one.
    #[track_caller]
    pub fn wait_none(&self, such: impl Fn(i32) -> bool) {
        let until = Instant::now() + PATIENCE;
        let left = || self.processes().into_iter().filter(|pid| such(*pid));
        // Whoever forks while we look is found by the next look.
        while let Some(pid) = left().next() {
            let patience = until.saturating_duration_since(Instant::now());
            if !gone_within(pid, patience) {
                let left: Vec<_> = left().map(|pid| (pid, command_line(pid))).collect();
                panic!("still alive: {left:#?}");
            }
        }
    }
}

/// Whether it ends before `patience` is over; waits no longer than that.
pub fn gone_within(pid: i32, patience: Duration) -> bool {
    let Some(raw) = Pid::from_raw(pid) else { return true };
    let Ok(pidfd) = pidfd_open(raw, PidfdFlags::empty()) else { return true };
    readable(&pidfd, Instant::now() + patience)
}

/// Waits until there is something to read; whether that was so in time.
pub(super) fn readable(from: impl AsFd, until: Instant) -> bool {
    let mut fds = [PollFd::new(&from, PollFlags::IN)];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match poll(&mut fds, Some(&timespec(left))) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(_) if left.is_zero() => return false,
            Err(_) => {}
        }
    }
}

/// Waits for a condition that nothing announces. Prefer ready lines, lifelines, exits and files.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(super) fn timespec(duration: Duration) -> rustix::time::Timespec {
    rustix::time::Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap(),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

/// The words of a process with spaces between them; nothing when it is gone.
pub fn command_line(pid: i32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
