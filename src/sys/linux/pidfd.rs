//! A handle on one process that its number's next owner cannot take over (Linux 5.3).
//!
//! The number is still needed to open one, so the caller opens, then asks whether this is the process it
//! means. [`PidFd::about`] asks the handle itself; what only `/proc` tells is read under the number, and then
//! [`PidFd::exited`] is asked: a "no" proves that what was read was of this process, because a number is not
//! reused while its owner has not been collected.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::poll::now;

/// `PIDFD_SIGNAL_PROCESS_GROUP`, Linux 6.9: the signal goes to the group that the process leads. Not in libc
/// for every target.
const SIGNAL_PROCESS_GROUP: libc::c_uint = 1 << 2;

/// `PID_FS_MAGIC`: since Linux 6.9 pidfds live on a file system of their own, whose inode numbers are unique
/// for the time from boot to boot. Older kernels give every pidfd the same anonymous inode.
const PID_FS_MAGIC: u32 = 0x5049_4446;

/// Where a process belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its parent.
    pub parent: i32,
    /// The inode of its cgroup of version 2, where the kernel tells.
    pub cgroup: Option<u64>,
}

/// One process.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

impl PidFd {
    /// A handle on whoever has this number now, a zombie included; nothing when nobody has.
    pub fn open(pid: i32) -> io::Result<Option<PidFd>> {
        let Some(pid) = (pid > 0).then(|| Pid::from_raw(pid)).flatten() else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => Ok(Some(PidFd(fd))),
            // The last two say that the number is a thread's and no process has it: EINVAL before Linux 6.9,
            // ENOENT since.
            Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sends `signal` to the process. `ESRCH` when it has been collected; a zombie takes it without effect.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        self.send(signal, 0)
    }

    /// Sends `signal` to the group that the process leads, also when the leader itself has ended and members
    /// are left. `Unsupported` before Linux 6.9.
    pub fn signal_group(&self, signal: i32) -> io::Result<()> {
        match self.send(signal, SIGNAL_PROCESS_GROUP) {
            // The flag is unknown. The signal's own validity is also EINVAL, so ask with signal 0.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                match self.send(0, SIGNAL_PROCESS_GROUP) {
                    Err(again) if again.raw_os_error() == Some(libc::EINVAL) => {
                        Err(io::Error::from(io::ErrorKind::Unsupported))
                    }
                    _ => Err(error),
                }
            }
            other => other,
        }
    }

    #[expect(unsafe_code, reason = "rustix passes no flags, and names no real-time signals")]
    fn send(&self, signal: i32, flags: libc::c_uint) -> io::Result<()> {
        // SAFETY: the descriptor is open for the whole call because `self` is borrowed; a null siginfo means
        // "as kill(2) would fill it", so the kernel reads no memory of ours. Each argument is passed at the
        // width the kernel takes it (pidfd int, sig int, info pointer, flags unsigned int).
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal,
                std::ptr::null::<libc::siginfo_t>(),
                flags,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Whether the process has ended, collected or not.
    pub fn exited(&self) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        loop {
            match poll(&mut fds, Some(&Timespec::default())) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Where the process belongs; nothing when it has been collected. Since Linux 6.13 the kernel tells it of
    /// the handle, which is a third of the price of `/proc`; before, that is asked for `pid`, whose handle this
    /// is, and then nothing is told of a process that has ended.
    pub fn about(&self, pid: i32) -> io::Result<Option<About>> {
        match self.info() {
            Err(Errno::SRCH) => Ok(None),
            Err(_) => self.about_by_number(pid),
            about => Ok(about.ok()),
        }
    }

    fn info(&self) -> Result<About, Errno> {
        let mut info = MaybeUninit::<libc::pidfd_info>::zeroed();
        // SAFETY: all zeros is a valid record; it is as long as the number of the request says, and the kernel
        // writes no more than that.
        let (result, info) = unsafe {
            (*info.as_mut_ptr()).mask = u64::from(libc::PIDFD_INFO_CGROUPID);
            let result = libc::ioctl(self.0.as_raw_fd(), libc::PIDFD_GET_INFO, info.as_mut_ptr());
            (result, info.assume_init())
        };
        if result != 0 {
            return Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::NOTTY));
        }
        let told = info.mask & u64::from(libc::PIDFD_INFO_CGROUPID) != 0;
        Ok(About { parent: info.ppid as i32, cgroup: told.then_some(info.cgroupid) })
    }

    fn about_by_number(&self, pid: i32) -> io::Result<Option<About>> {
        let Some(stat) = super::proc::stat(pid)? else { return Ok(None) };
        let about = About { parent: stat.ppid, cgroup: None };
        Ok((!self.exited()?).then_some(about))
    }

    /// The inode number that no other process has had since boot, where the kernel has one.
    pub fn inode(&self) -> Option<u64> {
        static HAS_INODES: OnceLock<bool> = OnceLock::new();
        let has = || rustix::fs::fstatfs(&self.0).is_ok_and(|fs| fs.f_type as u32 == PID_FS_MAGIC);
        if !*HAS_INODES.get_or_init(has) {
            return None;
        }
        Some(rustix::fs::fstat(&self.0).ok()?.st_ino)
    }

    /// Tells the process from others that have had the number `pid`, for as long as this kernel runs: its inode,
    /// else when it started; nothing of one that has ended where there are no inodes.
    pub fn mark(&self, pid: i32) -> Option<u64> {
        let started = || {
            let stat = super::proc::stat(pid).ok()??;
            (!self.exited().ok()?).then_some(stat.start_ticks)
        };
        self.inode().or_else(started)
    }
}

impl From<OwnedFd> for PidFd {
    /// What was one before it was passed on as a mere descriptor.
    fn from(fd: OwnedFd) -> PidFd {
        PidFd(fd)
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether [`PidFd::signal_group`] works here. Asks with a flag and signal 0, which signals nobody.
pub fn can_signal_groups() -> bool {
    match PidFd::open(super::ids::pid()) {
        Ok(Some(me)) => !matches!(
            me.send(0, SIGNAL_PROCESS_GROUP),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL)
        ),
        _ => false,
    }
}

/// Whether an error says that no more descriptors can be opened.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Waits until one of `processes` has ended or `limit` is over (absent: as long as it takes). Says which have; a signal
/// that is handled meanwhile ends no wait.
pub fn wait_any(processes: &[&PidFd], limit: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut fds: Vec<_> = processes.iter().map(|p| PollFd::new(*p, PollFlags::IN)).collect();
    let began = now();
    loop {
        // A limit beyond what the kernel counts is no limit.
        let left = limit.map(|limit| limit.saturating_sub(began.elapsed()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut fds, left.as_ref()) {
            Err(Errno::INTR) => {}
            Ok(_) => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests need real processes")]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn a_signal_ends_it_and_the_handle_says_so() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let fd = PidFd::open(child.id() as i32).unwrap().expect("it runs");
        assert!(!fd.exited().unwrap());
        fd.signal(libc::SIGKILL).unwrap();
        assert_eq!(wait_any(&[&fd], None).unwrap(), [true]);
        assert!(fd.exited().unwrap(), "an uncollected zombie has ended");
        child.wait().unwrap();
        assert_eq!(fd.signal(0).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn a_signal_to_whoever_waits_ends_no_wait() {
        use std::os::unix::thread::JoinHandleExt;
        extern "C" fn nothing(_: libc::c_int) {}
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id();
        // SAFETY: the handler does nothing, and nobody else uses this signal.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as *const () as usize;
            libc::sigaction(libc::SIGRTMAX(), &raw const action, std::ptr::null_mut());
        }
        let waits = std::thread::spawn(move || {
            let fd = PidFd::open(pid as i32).unwrap().expect("it runs");
            wait_any(&[&fd], None).unwrap()
        });
        for _ in 0..50 {
            // SAFETY: the thread was not joined yet.
            unsafe { libc::pthread_kill(waits.as_pthread_t(), libc::SIGRTMAX()) };
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        assert_eq!(waits.join().unwrap(), [true]);
        child.wait().unwrap();
    }

    #[test]
    fn two_processes_have_two_inodes_and_one_has_one() {
        let mut children: Vec<_> =
            (0..2).map(|_| Command::new("sleep").arg("1000").spawn().unwrap()).collect();
        let inode = |pid: u32| PidFd::open(pid as i32).unwrap().unwrap().inode();
        let first = inode(children[0].id());
        if first.is_some() {
            assert_eq!(first, inode(children[0].id()));
            assert_ne!(first, inode(children[1].id()));
        }
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn the_group_outlives_its_leader_and_is_still_reached() {
        if !can_signal_groups() {
            return; // Linux before 6.9: the verb says Unsupported, which is all it can say.
        }
        let mut leader = Command::new("sh")
            .args(["-c", "sleep 1000 >/dev/null & echo $!"])
            .stdout(std::process::Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let fd = PidFd::open(leader.id() as i32).unwrap().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(leader.stdout.take().unwrap()),
            &mut line,
        )
        .unwrap();
        let stray = PidFd::open(line.trim().parse().unwrap()).unwrap().expect("the stray");
        leader.wait().unwrap();
        assert!(!stray.exited().unwrap());
        fd.signal_group(libc::SIGKILL).unwrap();
        assert_eq!(wait_any(&[&stray], None).unwrap(), [true]);
    }

    #[test]
    fn the_handle_and_its_number_tell_the_same() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id() as i32;
        let fd = PidFd::open(pid).unwrap().expect("it runs");
        let us = std::process::id() as i32;
        let by_number = fd.about_by_number(pid).unwrap().expect("it lives");
        assert_eq!(by_number, About { parent: us, cgroup: None });
        let about = fd.about(pid).unwrap().expect("it lives");
        assert_eq!(about.parent, us);
        if let (Some(told), Some(own)) = (about.cgroup, super::super::cgroup::own_cgroup()) {
            assert_eq!(told, rustix::fs::stat(own).unwrap().st_ino, "it is in ours");
        }
        fd.signal(libc::SIGKILL).unwrap();
        assert_eq!(wait_any(&[&fd], None).unwrap(), [true]);
        assert_eq!(fd.about_by_number(pid).unwrap(), None, "a zombie proves nothing by its number");
        child.wait().unwrap();
        assert_eq!(fd.about(pid).unwrap(), None);
    }

    #[test]
    fn nobody_and_nonsense() {
        assert!(PidFd::open(i32::MAX).unwrap().is_none());
        for pid in [0, -1, i32::MIN] {
            assert!(PidFd::open(pid).is_err());
        }
    }
}
