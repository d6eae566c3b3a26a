//! A question on our own terminal, without echo.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// Asks on the controlling terminal without echo, and returns the line without its end.
///
/// Ctrl-C and other keys keep their meaning. While the echo is off the signals that would end us are held
/// back: they arrive when the terminal is as it was, so that nobody is left with a terminal that is silent.
pub fn ask(prompt: &str) -> Result<Vec<u8>> {
    let mut tty = File::from(super::tty::open("/dev/tty".as_ref())?);
    let held = Held::new()?;
    let before = tcgetattr(&tty)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
    // Suspended in the middle of this, we would leave the shell a silent terminal.
    silent.special_codes[SpecialCodeIndex::VSUSP] = 0;
    tcsetattr(&tty, OptionalActions::Flush, &silent)?;
    let restore = Restore { tty: tty.try_clone()?, before };
    tty.write_all(prompt.as_bytes())?;
    let line = held.read_line(&mut tty);
    drop(restore);
    drop(held);
    line
}

/// Puts the terminal back.
struct Restore {
    tty: File,
    before: Termios,
}

impl Drop for Restore {
    fn drop(&mut self) {
        // There is nothing left to do when even this fails.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }
}

/// Signals held back, and seen coming through a descriptor.
struct Held {
    signals: OwnedFd,
    mask: libc::sigset_t,
}

impl Held {
    fn new() -> Result<Held> {
        // SAFETY: the sets are plain memory that the calls fill in, and live until they return; the
        // descriptor is new and ours.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            let mut mask: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP] {
                libc::sigaddset(&raw mut set, signal);
            }
            let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC);
            if fd < 0 {
                return Err(Error::last_os_error());
            }
            let signals = OwnedFd::from_raw_fd(fd);
            let error = libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut mask);
            if error != 0 {
                return Err(Error::from_raw_os_error(error));
            }
            Ok(Held { signals, mask })
        }
    }

    fn read_line(&self, tty: &mut File) -> Result<Vec<u8>> {
        // Longer than any canonical line (4096), so that no line comes in two parts.
        let mut buffer = zeroize::Zeroizing::new(vec![0; 8192]);
        let mut fds = [
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::from_borrowed_fd(tty.as_fd(), PollFlags::IN),
        ];
        while let Err(error) = poll(&mut fds, None) {
            if error != rustix::io::Errno::INTR {
                return Err(error.into());
            }
        }
        if !fds[0].revents().is_empty() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        let length = tty.read(&mut buffer)?;
        match buffer[..length].strip_suffix(b"\n") {
            Some(line) => Ok(line.to_vec()),
            None => Err(Error::new(ErrorKind::UnexpectedEof, "nothing was entered")),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the mask is the one that was in force before; no old mask is asked for.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.mask, std::ptr::null_mut());
        }
    }
}
