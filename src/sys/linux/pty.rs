//! A pseudo-terminal pair. The pair is portable-pty's (it is also ConPTY elsewhere); spawning on it is ours,
//! for the library's own loses exec errors, signal numbers and the working directory.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use portable_pty::{MasterPty, PtySize, native_pty_system};

/// Our side of a terminal.
pub struct Pty {
    // Only its number is used: the library's writer would type a newline and the EOF character when it is
    // dropped, and its reader blocks.
    master: OwnedFd,
    // Keeps the library's own handle, and with it its platform state, alive.
    _pair: Box<dyn MasterPty + Send>,
}

impl std::fmt::Debug for Pty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pty").field("master", &self.master).finish_non_exhaustive()
    }
}

/// Opens a pair of the given size: our side, non-blocking, and the command's.
pub fn open((columns, rows): (u16, u16)) -> io::Result<(Pty, OwnedFd)> {
    let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).map_err(|error| {
        error.downcast::<io::Error>().unwrap_or_else(|error| system_error(&error.to_string()))
    })?;
    let name =
        pair.master.tty_name().ok_or_else(|| io::Error::other("the terminal has no name"))?;
    let slave = super::tty::open(&name)?;
    let number =
        pair.master.as_raw_fd().ok_or_else(|| io::Error::other("the terminal has no fd"))?;
    // SAFETY: `pair.master` owns the descriptor and outlives this borrow.
    let master = super::fdio::duplicate(unsafe { BorrowedFd::borrow_raw(number) })?;
    super::fdio::set_nonblocking(master.as_fd(), true)?;
    Ok((Pty { master, _pair: pair.master }, slave))
}

/// The library hides the system's error in the text `failed to openpty: Os { code: 24, … }`.
fn system_error(text: &str) -> io::Error {
    let code = text
        .split_once("code: ")
        .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    code.map_or_else(|| io::Error::other(text.to_owned()), io::Error::from_raw_os_error)
}

impl Pty {
    /// Our side, for reading, writing, attributes and the size.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }
}
