//! Our own terminal: raw mode behind one guard, and the foreground lent to the command.

use std::os::fd::BorrowedFd;

use crate::sys::{fdio, tty};

/// Puts our terminal back when it goes out of scope: at the end, on an error and on a panic. Signals do
/// not end heeler past it, for they are input to the loop.
#[derive(Debug)]
pub struct RawMode {
    fd: BorrowedFd<'static>,
    saved: tty::Attributes,
    raw: tty::Attributes,
}

impl RawMode {
    /// Makes our terminal raw; nothing when it cannot be (no terminal, or we are not in its foreground).
    pub fn enter() -> Option<RawMode> {
        let fd = fdio::standard(0);
        if !tty::in_foreground(fd) {
            return None;
        }
        let saved = tty::attributes(fd).ok()?;
        let raw = tty::raw(&saved);
        let guard = RawMode { fd, saved, raw };
        guard.resume();
        Some(guard)
    }

    /// Raw again, after a stop.
    pub fn resume(&self) {
        let _ = tty::set_attributes(self.fd, &self.raw);
    }

    /// As it was, for a stop.
    pub fn suspend(&self) {
        let _ = tty::set_attributes(self.fd, &self.saved);
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        self.suspend();
    }
}

/// The foreground of our terminal, lent to the command's group as a shell would; taken back when dropped,
/// with the terminal's modes as they were (a command that dies in raw mode leaves no mess).
#[derive(Debug)]
pub struct Lent {
    fd: BorrowedFd<'static>,
    group: i32,
    saved: Option<tty::Attributes>,
}

impl Lent {
    /// The terminal on our stdin, if we are in its foreground: to be lent at the spawn.
    pub fn available() -> Option<BorrowedFd<'static>> {
        let fd = fdio::standard(0);
        (tty::is_terminal(fd) && tty::in_foreground(fd)).then_some(fd)
    }

    /// The terminal has been given to `group` (the child did that itself, before exec). `saved` is how its
    /// modes were before.
    pub fn to(fd: BorrowedFd<'static>, group: i32, saved: Option<tty::Attributes>) -> Lent {
        Lent { fd, group, saved }
    }

    /// Takes it back for a stop; gives the command's own modes.
    pub fn take_back(&self) -> Option<tty::Attributes> {
        let modes = tty::attributes(self.fd).ok();
        let _ = tty::set_foreground(self.fd, tty::own_group());
        if let Some(saved) = &self.saved {
            let _ = tty::set_attributes(self.fd, saved);
        }
        modes
    }

    /// Lends it again after a stop, if we are in the foreground again (`fg`, not `bg`).
    pub fn lend_again(&self, modes: Option<&tty::Attributes>) {
        if tty::in_foreground(self.fd) {
            if let Some(modes) = modes {
                let _ = tty::set_attributes(self.fd, modes);
            }
            let _ = tty::set_foreground(self.fd, self.group);
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Only when the command's group still has it: a shell that moved on keeps it.
        if tty::foreground(self.fd) == Some(self.group) || tty::in_foreground(self.fd) {
            self.take_back();
        }
    }
}
