//! Descriptors: pipes, reading and writing without blocking, opening what is already open anew.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, SpliceFlags};

/// How large a pipe we ask for. Measured: 2.8 times the throughput of the default 64 KiB.
const PIPE_SIZE: usize = 1 << 20;

/// What kind of thing a descriptor is, as far as writing to it cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdKind {
    /// A regular file or block device: a write does not block for want of a reader.
    File,
    /// A pipe or FIFO.
    Pipe,
    /// A terminal.
    Terminal,
    /// A socket.
    Socket,
    /// A character device such as the null device.
    Device,
}

/// What `fd` is.
pub fn kind(fd: BorrowedFd<'_>) -> io::Result<FdKind> {
    let stat = rustix::fs::fstat(fd)?;
    Ok(match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
        rustix::fs::FileType::Fifo => FdKind::Pipe,
        rustix::fs::FileType::Socket => FdKind::Socket,
        rustix::fs::FileType::CharacterDevice if rustix::termios::isatty(fd) => FdKind::Terminal,
        rustix::fs::FileType::CharacterDevice => FdKind::Device,
        _ => FdKind::File,
    })
}

/// How many more descriptors can be had once all below `fd` are taken: right after it was given, for the kernel gives
/// the lowest that is free (POSIX).
pub fn room_above(fd: BorrowedFd<'_>) -> u64 {
    let taken = u64::try_from(fd.as_raw_fd()).unwrap_or(0) + 1;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(u64::MAX, |limit| limit.saturating_sub(taken))
}

/// Whether a standard descriptor of ours is a pipe or a socket.
pub fn any_piped() -> bool {
    (0..3).any(|fd| matches!(kind(standard(fd)), Ok(FdKind::Pipe | FdKind::Socket)))
}

/// A pipe, close-on-exec, as large as we may make it: (read end, write end).
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    resize(read.as_fd());
    Ok((read, write))
}

/// Makes the pipe behind `fd`, which is somebody else's, as large as ours. One that is larger stays as it is.
pub fn enlarge(fd: BorrowedFd<'_>) {
    if rustix::pipe::fcntl_getpipe_size(fd).is_ok_and(|size| size < PIPE_SIZE) {
        resize(fd);
    }
}

fn resize(pipe: BorrowedFd<'_>) {
    // EPERM when the user's pipe budget is spent (pipe-user-pages-soft): a smaller one works as well.
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_SIZE);
}

/// Sets or clears O_NONBLOCK. Only for open file descriptions of our own: the flag is shared by everyone
/// who has the same one open, the caller's shell included.
pub fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(fd)?;
    let wanted = if on { flags | OFlags::NONBLOCK } else { flags - OFlags::NONBLOCK };
    if wanted != flags {
        rustix::fs::fcntl_setfl(fd, wanted)?;
    }
    Ok(())
}

/// Opens what `fd` refers to once more, non-blocking and close-on-exec, so that the flag is ours alone.
/// Works for pipes, FIFOs and terminals through `/proc/self/fd`; not for sockets, and not for a terminal of
/// another user. A regular file is never reopened: that would lose its position.
pub fn reopen_nonblocking(fd: BorrowedFd<'_>, write: bool) -> io::Result<OwnedFd> {
    let access = if write { OFlags::WRONLY } else { OFlags::RDONLY };
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// A duplicate, close-on-exec, numbered above the standard three.
pub fn duplicate(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

/// Takes over a descriptor that we inherited under number `fd`, as a close-on-exec duplicate; an error
/// when nothing is open there.
pub fn inherited(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the number is only borrowed for the call of fcntl, which reports EBADF when nothing is open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    duplicate(borrowed)
}

/// Keeps an inherited descriptor from the commands that we start.
pub fn keep_private(fd: RawFd) {
    // SAFETY: sets a flag on a number; EBADF when nothing is open there, which harms nobody.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// One of our own standard descriptors. `start::open_standard` opens the null device where one was closed, so
/// they are always there.
///
/// # Panics
/// When `fd` is not 0, 1 or 2.
pub fn standard(fd: RawFd) -> BorrowedFd<'static> {
    assert!((0..=2).contains(&fd), "not a standard descriptor: {fd}");
    // SAFETY: descriptors 0 to 2 are open for the life of the process: `open_standard` sees to that before anything else,
    // and nothing of ours closes them.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// Our own input, to be read by us: opened anew where possible, so that only we do not block on it.
pub fn own_input() -> io::Result<OwnedFd> {
    let stdin = standard(0);
    match kind(stdin)? {
        FdKind::Pipe | FdKind::Terminal => {
            reopen_nonblocking(stdin, false).or_else(|_| duplicate(stdin))
        }
        _ => duplicate(stdin),
    }
}

/// The null device.
pub fn null() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// Reads once. `None` when nothing is there yet; `Some(0)` at the end, EIO of a terminal whose other side
/// is gone included.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match read_keys(fd, buffer) {
        Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(Some(0)),
        result => result,
    }
}

/// The same, but EIO is an error: a terminal of ours has it for who is in its background, too.
pub fn read_keys(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match rustix::io::read(fd, &mut *buffer) {
            Ok(count) => return Ok(Some(count)),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Writes once. `None` when there is no room.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<Option<usize>> {
    loop {
        match rustix::io::write(fd, bytes) {
            Ok(count) => return Ok(Some(count)),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Moves what the pipe `from` holds, but at most so many bytes, into `to` without copying it. `None` when nothing is there
/// yet or there is no room; `Some(0)` at the end.
pub fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> io::Result<Option<usize>> {
    loop {
        match rustix::pipe::splice(from, None, to, None, most, SpliceFlags::NONBLOCK) {
            Ok(count) => return Ok(Some(count)),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether there is something to read in a pipe, or left of a file.
pub fn holds_bytes(pipe: BorrowedFd<'_>) -> bool {
    rustix::io::ioctl_fionread(pipe).is_ok_and(|count| count > 0)
}

/// Whether our stdin is an input that somebody gave us and nobody has read: something is in it, and it is neither a file
/// that was read up to here nor a pipe that whoever started us reads too.
pub fn given_unread() -> bool {
    use rustix::fs::{fstat, stat, tell};
    let ours = standard(0);
    let shared = || {
        let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
        let theirs = stat(format!("/proc/{parent}/fd/0")).ok()?;
        let ours = fstat(ours).ok()?;
        Some((ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino))
    };
    holds_bytes(ours)
        && match kind(ours) {
            Ok(FdKind::File) => tell(ours).is_ok_and(|at| at == 0),
            Ok(FdKind::Pipe | FdKind::Socket) => shared() != Some(true),
            _ => false,
        }
}

/// Writes once to a socket without blocking, whatever its flags.
pub fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<Option<usize>> {
    use rustix::net::SendFlags;
    loop {
        match rustix::net::send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => return Ok(Some(count)),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Duplicates `from` onto exactly the number `to` in this process, inheritable. For the child side of a
/// fork only.
pub(super) fn duplicate_onto(from: RawFd, to: RawFd) -> Result<(), i32> {
    // SAFETY: plain system calls on descriptor numbers; async-signal-safe; errors are returned.
    let result = unsafe {
        if from == to { libc::fcntl(to, libc::F_SETFD, 0) } else { libc::dup2(from, to) }
    };
    if result < 0 { Err(errno()) } else { Ok(()) }
}

/// The calling thread's errno.
pub(super) fn errno() -> i32 {
    // SAFETY: returns a valid pointer to the thread's errno, always.
    unsafe { *libc::__errno_location() }
}

/// Takes ownership of a descriptor number that a C call returned.
pub(super) fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: callers pass a number that a system call has just returned to us, owned by nobody else.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// What opening a FIFO for writing gives when nobody reads it (ENXIO).
pub const NO_READER: i32 = libc::ENXIO;

/// Creates or truncates `path` for writing, with the permissions that the caller's umask leaves, but in a new file
/// those of its owner, who could not open it again; a FIFO is opened without waiting for its reader.
pub fn create(path: &std::path::Path) -> io::Result<OwnedFd> {
    const OWNER: Mode = Mode::RUSR.union(Mode::WUSR);
    let open = |how| {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        let flags = flags | OFlags::NOCTTY | OFlags::NONBLOCK | how;
        rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))
    };
    let Ok(file) = open(OFlags::EXCL) else { return Ok(open(OFlags::TRUNC)?) };
    let mode = Mode::from_raw_mode(rustix::fs::fstat(&file)?.st_mode);
    if !mode.contains(OWNER) {
        rustix::fs::fchmod(&file, mode | OWNER)?;
    }
    Ok(file)
}

/// Opens `path` for reading, close-on-exec.
pub fn open_read(path: &std::path::Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())?)
}
