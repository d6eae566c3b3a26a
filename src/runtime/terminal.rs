//! Our own terminal: raw mode behind one guard, and its foreground, which the command is lent or shares with us.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use zeroize::Zeroizing;

use crate::expect::program::Question;
use crate::sys::signals::{self, Signals};
use crate::sys::{crash, fdio, tty};

/// Our terminal in raw mode. It is put back when this goes out of scope: at the end, on an error and on a
/// panic; a fatal signal puts it back as well ([`crash`]). The other signals do not end heeler past it, for
/// they are input to the loop. Only SIGKILL leaves a raw terminal behind.
#[derive(Debug)]
pub struct RawMode {
    fd: OwnedFd,
    saved: tty::Attributes,
    raw: tty::Attributes,
    is_raw: Cell<bool>,
    /// Whether a fault of our own puts back what is `saved` here.
    first: bool,
}

impl RawMode {
    /// Makes our terminal raw; nothing when it cannot be (no terminal, or we are not in its foreground).
    pub fn enter() -> Option<RawMode> {
        RawMode::on(fdio::duplicate(fdio::standard(0)).ok()?)
    }

    /// Not raw, but for lines, which this key ends too.
    pub fn lines_until(key: u8) -> Option<RawMode> {
        let modes = |saved: &_| tty::for_lines_until(saved, key);
        RawMode::with(fdio::duplicate(fdio::standard(0)).ok()?, modes)
    }

    /// Raw, for the terminal behind `fd`.
    pub fn on(fd: OwnedFd) -> Option<RawMode> {
        RawMode::with(fd, tty::raw)
    }

    fn with(fd: OwnedFd, modes: impl Fn(&tty::Attributes) -> tty::Attributes) -> Option<RawMode> {
        if !tty::in_foreground(fd.as_fd()) {
            return None;
        }
        let saved = tty::attributes(fd.as_fd()).ok()?;
        let raw = modes(&saved);
        let first = crash::hold_terminal(fd.as_fd(), &saved, tty::own_group());
        let guard = RawMode { fd, saved, raw, is_raw: Cell::new(false), first };
        guard.resume();
        Some(guard)
    }

    /// How the terminal was before.
    pub fn cooked(&self) -> &tty::Attributes {
        &self.saved
    }

    /// Raw again, after a stop. Not in the background (`bg`): there it is the shell's. Says whether that is over: it is
    /// raw, or the terminal is gone.
    pub fn resume(&self) -> bool {
        if tty::in_foreground(self.fd.as_fd()) {
            let _ = tty::set_attributes(self.fd.as_fd(), &self.raw);
            self.is_raw.set(true);
        }
        self.is_raw() || tty::is_gone(self.fd.as_fd())
    }

    /// As it was, for a stop. What somebody else has the foreground of is theirs: we may have been stopped by SIGSTOP.
    pub fn suspend(&self) {
        if self.is_raw.replace(false) && tty::in_foreground(self.fd.as_fd()) {
            let _ = tty::set_attributes(self.fd.as_fd(), &self.saved);
        }
    }

    /// Whether it is raw now.
    pub fn is_raw(&self) -> bool {
        self.is_raw.get()
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        self.suspend();
        if self.first {
            crash::let_terminal_go();
        }
    }
}

/// Stops us, as Ctrl-Z does, until we are continued and `resumed`: with `bg` our terminal is the shell's, and who needs
/// it has to stop again. But who asks for the end meanwhile does not wait for the terminal.
pub fn stop_until(signals: &Signals, resumed: impl Fn() -> bool) {
    loop {
        signals::stop_self();
        if resumed() || signals.has_request() {
            return;
        }
    }
}

/// The foreground of our terminal, lent to the command's group as a shell would; taken back when dropped,
/// with the terminal's modes as they were (a command that dies in raw mode leaves no mess).
#[derive(Debug)]
pub struct Lent {
    fd: BorrowedFd<'static>,
    group: i32,
    saved: Option<tty::Attributes>,
    first: bool,
}

/// Our controlling terminal, whose foreground the command shares with us as one of our group.
#[derive(Debug)]
pub struct Shared {
    fd: OwnedFd,
    /// How its modes were, where nobody but the command uses it: who is in a pipeline with us may be setting them.
    saved: Option<tty::Attributes>,
    first: bool,
}

impl Shared {
    /// The command is about to start; in a pipeline if `piped`.
    pub fn with(fd: OwnedFd, piped: bool) -> Shared {
        let saved = (!piped).then(|| tty::attributes(fd.as_fd()).ok()).flatten();
        let hold = |saved| crash::hold_terminal(fd.as_fd(), saved, tty::own_group());
        let first = saved.as_ref().is_some_and(hold);
        Shared { fd, saved, first }
    }

    /// Command `leader` is over: it leaves no mess, be it that it died in raw mode, or in the foreground in a group
    /// that it made (an interactive shell).
    pub fn put_back(&self, leader: i32) {
        if tty::is_to_take_back(self.fd.as_fd(), leader) {
            let _ = tty::set_foreground(self.fd.as_fd(), tty::own_group());
        }
        if let Some(saved) = self.saved.as_ref().filter(|_| tty::in_foreground(self.fd.as_fd())) {
            let _ = tty::set_attributes(self.fd.as_fd(), saved);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.first {
            crash::let_terminal_go();
        }
    }
}

impl Lent {
    /// The terminal has been given to `group` (the child did that itself, before exec). `saved` is how its
    /// modes were before.
    pub fn to(fd: BorrowedFd<'static>, group: i32, saved: Option<tty::Attributes>) -> Lent {
        let first = saved.as_ref().is_some_and(|saved| crash::hold_terminal(fd, saved, group));
        Lent { fd, group, saved, first }
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
        // A shell that moved on keeps it.
        if tty::is_to_take_back(self.fd, self.group) {
            self.take_back();
        }
        if self.first {
            crash::let_terminal_go();
        }
    }
}

/// A question to the person at our controlling terminal, while it is open.
#[derive(Debug)]
pub struct Asking {
    guard: RawMode,
    question: Question,
}

/// What has come of a question.
#[derive(Debug)]
pub enum Asked {
    /// Nothing yet.
    NotYet,
    /// This; wiped when dropped.
    Answer(Zeroizing<Vec<u8>>),
    /// The person ended the input, or the terminal is gone.
    Nothing,
}

/// Longer than any canonical line (4096), so that no line comes in two parts.
const LINE: usize = 8192;

impl Asking {
    /// Asks. `base` is how the terminal is meant to be, where it is raw now. An error is for people.
    pub fn begin(
        prompt: &str,
        question: Question,
        base: Option<&tty::Attributes>,
    ) -> Result<Asking, String> {
        let none = |error: std::io::Error| format!("there is no terminal to ask on: {error}");
        let fd = tty::open_nonblocking("/dev/tty".as_ref()).map_err(none)?;
        let modes = |before: &_| match question {
            Question::Line => tty::for_line(base.unwrap_or(before), true),
            Question::Secret => tty::for_line(base.unwrap_or(before), false),
            Question::Key => tty::for_key(base.unwrap_or(before)),
        };
        let guard = RawMode::with(fd, modes).ok_or("we are in the background of our terminal")?;
        let asking = Asking { guard, question };
        // What was typed before the question is no answer to it.
        tty::forget_typed(asking.fd()).map_err(none)?;
        // Its control characters are shown, not obeyed: the prompt may hold what a command printed.
        let shown = crate::expect::escape::show(prompt.as_bytes(), LINE);
        let _ = fdio::write(asking.fd(), shown.as_bytes());
        Ok(asking)
    }

    /// What was asked for.
    pub fn question(&self) -> Question {
        self.question
    }

    /// To poll for the answer.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.guard.fd.as_fd()
    }

    /// How it has the terminal.
    pub fn modes(&self) -> &RawMode {
        &self.guard
    }

    /// Reads the answer, if it is there.
    pub fn read(&self) -> Asked {
        let mut buffer = Zeroizing::new(vec![0; LINE]);
        let length = match fdio::read(self.fd(), &mut buffer) {
            Ok(None) => return Asked::NotYet,
            Ok(Some(0)) | Err(_) => return Asked::Nothing,
            Ok(Some(length)) => length,
        };
        if self.question == Question::Key {
            // A key may be several bytes (an arrow), which come at once; echo is off, so the line is ended.
            let _ = fdio::write(self.fd(), b"\r\n");
            buffer.truncate(length);
            return Asked::Answer(buffer);
        }
        let end = buffer[..length].strip_suffix(b"\n").map(<[u8]>::len);
        match end {
            Some(end) => {
                buffer.truncate(end);
                Asked::Answer(buffer)
            }
            // An end of file in the middle of a line.
            None => Asked::Nothing,
        }
    }
}
