//! Terminals: ours and the command's. Verbs only; when to change what is the runtime's business.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, QueueSelector, SpecialCodeIndex, Termios,
    Winsize, tcflush, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr, tcsetpgrp, tcsetwinsize,
};

/// Saved terminal attributes.
#[derive(Clone, Debug)]
pub struct Attributes(Termios);

/// Whether `fd` is a terminal.
pub fn is_terminal(fd: BorrowedFd<'_>) -> bool {
    rustix::termios::isatty(fd)
}

/// The size (columns, rows), unless it is unknown or 0x0.
pub fn size(fd: BorrowedFd<'_>) -> Option<(u16, u16)> {
    let size = tcgetwinsize(fd).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// Sets the size; the kernel tells the foreground group with SIGWINCH when it changed.
pub fn set_size(fd: BorrowedFd<'_>, (columns, rows): (u16, u16)) -> io::Result<()> {
    let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(fd, size)?)
}

/// The attributes as they are.
pub fn attributes(fd: BorrowedFd<'_>) -> io::Result<Attributes> {
    Ok(Attributes(tcgetattr(fd)?))
}

/// Sets attributes, at once.
pub fn set_attributes(fd: BorrowedFd<'_>, attributes: &Attributes) -> io::Result<()> {
    Ok(tcsetattr(fd, OptionalActions::Now, &attributes.0)?)
}

/// Raw mode: every byte goes through, nothing is echoed or translated.
pub fn raw(attributes: &Attributes) -> Attributes {
    let mut raw = attributes.clone();
    raw.0.make_raw();
    raw
}

/// Lines as they are typed, but this key ends one at once, so that it can be waited for.
pub fn for_lines_until(attributes: &Attributes, key: u8) -> Attributes {
    let mut changed = attributes.clone();
    // Ctrl-Q would be eaten.
    changed.0.input_modes.remove(InputModes::IXON);
    changed.0.special_codes[SpecialCodeIndex::VEOL] = key;
    changed
}

/// The same with echo on or off.
pub fn with_echo(attributes: &Attributes, on: bool) -> Attributes {
    let mut changed = attributes.clone();
    changed.0.local_modes.set(LocalModes::ECHO, on);
    changed
}

/// Whether input is echoed.
pub fn echoes(attributes: &Attributes) -> bool {
    attributes.0.local_modes.contains(LocalModes::ECHO)
}

/// Whether a line end begins a line by itself.
pub fn processes_output(attributes: &Attributes) -> bool {
    attributes.0.output_modes.contains(OutputModes::OPOST | OutputModes::ONLCR)
}

/// Whether input is taken line by line, with the kernel's limit on a line's length.
pub fn is_canonical(attributes: &Attributes) -> bool {
    attributes.0.local_modes.contains(LocalModes::ICANON)
}

/// Whether some keys mean something there: to the kernel that takes lines, or to a line editor, which lets
/// the kernel still make signals of keys. On a raw terminal every byte is data.
pub fn minds_keys(attributes: &Attributes) -> bool {
    attributes.0.local_modes.intersects(LocalModes::ICANON | LocalModes::ISIG)
}

/// The terminal's own end-of-file character, unless it is disabled (`_POSIX_VDISABLE`, 0 on Linux).
pub fn eof_character(attributes: &Attributes) -> Option<u8> {
    let byte = attributes.0.special_codes[SpecialCodeIndex::VEOF];
    (byte != 0).then_some(byte)
}

/// Whether this byte ends a line that is typed to a terminal that takes lines, delivers it or does away with it.
pub fn ends_line(attributes: &Attributes, byte: u8) -> bool {
    use SpecialCodeIndex as Key;
    let is = |key| byte != 0 && byte == attributes.0.special_codes[key];
    let ends = [Key::VEOF, Key::VEOL, Key::VEOL2, Key::VKILL];
    let signals = [Key::VINTR, Key::VQUIT, Key::VSUSP];
    matches!(byte, b'\n' | b'\r')
        || ends.into_iter().any(is)
        || attributes.0.local_modes.contains(LocalModes::ISIG) && signals.into_iter().any(is)
}

/// Whether our process group is the foreground one of the terminal `fd`. False for a terminal that is not
/// our controlling one.
pub fn in_foreground(fd: BorrowedFd<'_>) -> bool {
    foreground(fd).is_some_and(|group| group == own_group())
}

/// Our controlling terminal, if our group has its foreground.
pub fn controlling() -> Option<OwnedFd> {
    let fd = open("/dev/tty".as_ref()).ok()?;
    let ours = in_foreground(std::os::fd::AsFd::as_fd(&fd));
    ours.then_some(fd)
}

/// The foreground process group of `fd`.
pub fn foreground(fd: BorrowedFd<'_>) -> Option<i32> {
    tcgetpgrp(fd).ok().map(|group| group.as_raw_nonzero().get())
}

/// Whether `fd` is no terminal of ours any more, and never will be: it is hung up, or our session has lost it.
pub fn is_gone(fd: BorrowedFd<'_>) -> bool {
    use rustix::io::Errno;
    matches!(tcgetpgrp(fd), Err(Errno::IO | Errno::NOTTY))
}

/// Whether the foreground of `fd` is ours to take back: it is our own, that of `group`, or that of a group in which
/// nobody is left. A shell gives its jobs the foreground, and may end with them.
pub fn is_to_take_back(fd: BorrowedFd<'_>, group: i32) -> bool {
    foreground(fd).is_some_and(|now| now == own_group() || now == group || is_empty(now))
}

/// Async-signal-safe.
fn is_empty(group: i32) -> bool {
    // SAFETY: signal 0 looks only.
    let found = unsafe { libc::kill(-group, 0) };
    found < 0 && super::fdio::errno() == libc::ESRCH
}

/// Makes `group` the foreground group. SIGTTOU must be ignored or blocked when we are not in it.
pub fn set_foreground(fd: BorrowedFd<'_>, group: i32) -> io::Result<()> {
    let group = rustix::process::Pid::from_raw(group).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(tcsetpgrp(fd, group)?)
}

/// Our own process group.
pub fn own_group() -> i32 {
    super::ids::group()
}

/// What was typed and not read is forgotten.
pub fn forget_typed(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(tcflush(fd, QueueSelector::IFlush)?)
}

/// For a line that is typed to us, shown or not. Ctrl-C keeps its meaning.
pub fn for_line(attributes: &Attributes, shown: bool) -> Attributes {
    let mut changed = attributes.clone();
    let modes = &mut changed.0.local_modes;
    modes.insert(LocalModes::ICANON | LocalModes::ISIG | LocalModes::ECHONL);
    modes.set(LocalModes::ECHO, shown);
    changed
}

/// For one key that is typed to us, not shown. Ctrl-C keeps its meaning.
pub fn for_key(attributes: &Attributes) -> Attributes {
    let mut changed = attributes.clone();
    let modes = &mut changed.0.local_modes;
    modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    modes.insert(LocalModes::ISIG);
    changed.0.special_codes[SpecialCodeIndex::VMIN] = 1;
    changed.0.special_codes[SpecialCodeIndex::VTIME] = 0;
    changed
}

/// Opens the terminal at `path` as [`open`] does, non-blocking: the flag is ours alone.
pub fn open_nonblocking(path: &std::path::Path) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Opens the terminal at `path` without making it our controlling one.
pub fn open(path: &std::path::Path) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}
