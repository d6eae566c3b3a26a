//! Starting a command: clone, set up, exec; an error comes back typed, with the stage it happened in.
//!
//! One spawn for pipes and terminals, so that both report the same errors. The child borrows our memory until
//! its exec (`CLONE_VM | CLONE_VFORK`, as `posix_spawn` does): no page table is copied, no page is copied on
//! write afterwards, and it says what went wrong through a variable of ours. In return it makes only
//! async-signal-safe calls, on values prepared before. Signals that could run a handler in it are not taken
//! by handlers here (`signals`); its mask, dispositions, directory and limits are its own.
//!
//! Right before its exec the child writes down who it is ([`Announce`]). We cannot: we are suspended until
//! there is a command, and might be killed before we are woken. So there is no instant at which a command
//! runs that nobody has written down, whatever becomes of heeler. (A parent death signal from clone to exec
//! would need the comparison of parents and its exceptions, coreutils#219, util-linux#1561, and would only
//! narrow the gap.)

use std::ffi::CString;
use std::io;
use std::os::fd::RawFd;

use super::cgroup::Leaf;
use super::clone::borrow_memory;
use super::fdio::{duplicate_onto, errno};
use super::signals::{Inherited, set_disposition};

/// What to start.
#[derive(Debug)]
pub struct Command<'a> {
    /// Paths to try in order, as a search of PATH gives them.
    pub candidates: Vec<CString>,
    /// The arguments, the command's name first.
    pub argv: Vec<CString>,
    /// The environment, `K=V`.
    pub env: Vec<CString>,
    /// Where it starts.
    pub cwd: Option<CString>,
    /// What becomes its descriptors 0, 1 and 2.
    pub stdio: [RawFd; 3],
    /// How it relates to our session.
    pub group: Group,
    /// Nice value.
    pub nice: Option<i32>,
    /// File mode creation mask.
    pub umask: Option<u32>,
    /// Resource and limit, soft and hard.
    pub rlimits: Vec<(i32, u64)>,
    /// Signals to ignore.
    pub ignore: Vec<i32>,
    /// The caller's mask and dispositions, to be restored.
    pub inherited: &'a Inherited,
    /// The cgroup leaf that it is born in.
    pub leaf: Option<&'a Leaf>,
    /// What it writes before it becomes the command.
    pub announce: Option<Announce>,
    /// What it gets from the kernel when we die (`PR_SET_PDEATHSIG`). The kernel drops it when a set-id
    /// program is executed, and its own children do not have it: a backstop, no containment.
    pub death_signal: Option<i32>,
}

/// A line that the child writes about itself, with what only it can know.
#[derive(Debug)]
pub struct Announce {
    /// Where to.
    pub to: Vec<RawFd>,
    /// What.
    pub pieces: Vec<Piece>,
}

/// What a command wrote down about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// [`Piece::StartTicks`].
    pub start_ticks: Option<u64>,
    /// [`Piece::Inode`].
    pub inode: Option<u64>,
}

/// A command that was started.
#[derive(Clone, Copy, Debug)]
pub struct Spawned {
    /// Its process id, which stays ours until it is collected.
    pub pid: i32,
    /// What it wrote down about itself, where it was to: nobody has to look again.
    pub announced: Option<Announced>,
}

/// A part of an [`Announce`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This.
    Text(Vec<u8>),
    /// Its process id.
    Pid,
    /// Its start, in raw ticks since boot; `null` when it cannot be read.
    StartTicks,
    /// The inode of its pidfd; `null` before Linux 6.9.
    Inode,
}

/// How a command relates to our session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// A session of its own, with descriptor 0 as its controlling terminal.
    Terminal,
    /// A process group of its own, given the foreground of this terminal first where there is one. The child
    /// does it itself, before exec, so that it cannot run in the background for a moment.
    Own {
        /// The terminal.
        foreground: Option<RawFd>,
    },
    /// Ours.
    Ours,
}

/// Where starting failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No process could be made.
    Fork,
    /// Session, group or terminal.
    Group,
    /// The standard descriptors.
    Stdio,
    /// The working directory.
    Chdir,
    /// A resource limit.
    Rlimit,
    /// The nice value.
    Nice,
    /// The program itself.
    Exec,
}

/// Why a command could not be started.
#[derive(Debug)]
pub struct SpawnError {
    /// Where.
    pub stage: Stage,
    /// The error number.
    pub errno: i32,
}

/// What the child needs, and where it says what went wrong.
struct Start<'a> {
    command: &'a Command<'a>,
    argv: Vec<*const libc::c_char>,
    env: Vec<*const libc::c_char>,
    /// Room for the announcement, so that the child allocates nothing.
    line: Vec<u8>,
    /// Who its parent has to be.
    us: i32,
    announced: Option<Announced>,
    error: Option<SpawnError>,
}

/// The child's stack: it calls nothing but the kernel.
const STACK: usize = 64 << 10;

/// Starts `command` and waits until its exec has succeeded or failed.
pub fn spawn(command: &Command<'_>) -> Result<Spawned, SpawnError> {
    let (argv, env) = (pointers(&command.argv), pointers(&command.env));
    let pieces = command.announce.iter().flat_map(|announce| &announce.pieces);
    let length = |piece: &Piece| if let Piece::Text(text) = piece { text.len() } else { 20 };
    let line = Vec::with_capacity(pieces.map(length).sum());
    let us = super::ids::pid();
    let mut start = Start { command, argv, env, line, us, announced: None, error: None };
    // Not filled: it is some pages that nobody touches otherwise.
    let mut stack = Box::new_uninit_slice(STACK);
    let argument = (&raw mut start).cast();
    // SAFETY: `in_child` makes async-signal-safe calls only; `start` outlives the call and is the child's
    // alone meanwhile, for this thread is suspended (CLONE_VFORK) and is the only one.
    let pid =
        unsafe { borrow_memory(command.leaf, &mut stack, in_child, argument) }.map_err(|e| {
            SpawnError { stage: Stage::Fork, errno: e.raw_os_error().unwrap_or(libc::EIO) }
        })?;
    match start.error {
        None => Ok(Spawned { pid, announced: start.announced }),
        Some(error) => {
            // The child has ended; collect it so that it leaves no zombie.
            // SAFETY: waits for our own child; a null status is allowed.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
            Err(error)
        }
    }
}

/// Where the child begins. What it returns is its exit code, without exit handlers or destructors.
extern "C" fn in_child(start: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `spawn` passes a `Start` that nobody else touches meanwhile.
    let start = unsafe { &mut *start.cast::<Start<'_>>() };
    start.error = Some(child(start));
    127
}

/// Writes the announcement. Allocates nothing: `line` has the room.
fn announce(announce: &Announce, line: &mut Vec<u8>) -> Announced {
    let me = super::ids::pid();
    let mut announced = Announced::default();
    for piece in &announce.pieces {
        let number = match piece {
            Piece::Text(text) => {
                line.extend_from_slice(text);
                continue;
            }
            Piece::Pid => u64::try_from(me).ok(),
            Piece::StartTicks => {
                announced.start_ticks = own_start_ticks();
                announced.start_ticks
            }
            Piece::Inode => {
                let handle = super::pidfd::PidFd::open(me).ok().flatten();
                announced.inode = handle.and_then(|handle| handle.inode());
                announced.inode
            }
        };
        let Some(mut number) = number else {
            line.extend_from_slice(b"null");
            continue;
        };
        let mut digits = [0; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        line.extend_from_slice(&digits[first..]);
    }
    for fd in &announce.to {
        // SAFETY: writes bytes that are there to a number; a failure (a full disk) shows again when the
        // parent writes the same to the database.
        unsafe { libc::write(*fd, line.as_ptr().cast(), line.len()) };
    }
    announced
}

/// Field 22 of our own stat file, without allocating.
fn own_start_ticks() -> Option<u64> {
    let mut buffer = [0u8; 512];
    // SAFETY: opens, reads into a buffer of ours, closes.
    let count = unsafe {
        let fd = libc::open(c"/proc/self/stat".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        let count = libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len());
        libc::close(fd);
        usize::try_from(count).ok()?
    };
    let text = &buffer[..count];
    let name_end = text.iter().rposition(|byte| *byte == b')')?;
    let field = text[name_end + 2..].split(|byte| *byte == b' ').nth(19)?;
    field.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
}

/// The child's side. Returns only what went wrong.
fn child(start: &mut Start<'_>) -> SpawnError {
    let (command, us) = (start.command, start.us);
    let fail = |stage| SpawnError { stage, errno: errno() };
    // SAFETY: plain system calls, all async-signal-safe, on values prepared before the fork.
    unsafe {
        match command.group {
            Group::Terminal => {
                if libc::setsid() < 0 || libc::ioctl(command.stdio[0], libc::TIOCSCTTY, 0) < 0 {
                    return fail(Stage::Group);
                }
            }
            Group::Ours => {}
            Group::Own { foreground } => {
                if libc::setpgid(0, 0) < 0 {
                    return fail(Stage::Group);
                }
                if let Some(terminal) = foreground {
                    // SIGTTOU is ignored here, as in the parent. A failure leaves the command in the
                    // background, which is where it would be without job control.
                    libc::tcsetpgrp(terminal, libc::getpid());
                }
            }
        }
        for (to, from) in (0..).zip(command.stdio) {
            if let Err(errno) = duplicate_onto(from, to) {
                return SpawnError { stage: Stage::Stdio, errno };
            }
        }
        if let Some(umask) = command.umask {
            libc::umask(umask);
        }
        for (resource, limit) in &command.rlimits {
            let limit = libc::rlimit { rlim_cur: *limit, rlim_max: *limit };
            if libc::setrlimit(*resource as _, &raw const limit) < 0 {
                return fail(Stage::Rlimit);
            }
        }
        if let Some(nice) = command.nice
            && libc::setpriority(libc::PRIO_PROCESS, 0, nice) < 0
        {
            return fail(Stage::Nice);
        }
        if let Some(cwd) = &command.cwd
            && libc::chdir(cwd.as_ptr()) < 0
        {
            return fail(Stage::Chdir);
        }
        if let Some(signal) = command.death_signal {
            // It is bound to the parent's thread that cloned: heeler has the one. A parent that died before
            // it was set sends nothing, so look who the parent is now.
            libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong);
            if libc::getppid() != us {
                libc::_exit(127);
            }
        }
        if let Some(what) = &command.announce {
            start.announced = Some(announce(what, &mut start.line));
        }
        for (signal, ignored) in &command.inherited.ignored {
            set_disposition(*signal, if *ignored { libc::SIG_IGN } else { libc::SIG_DFL });
        }
        for signal in &command.ignore {
            set_disposition(*signal, libc::SIG_IGN);
        }
        libc::sigprocmask(
            libc::SIG_SETMASK,
            &raw const command.inherited.mask,
            std::ptr::null_mut(),
        );
        // As execvp does: go on while a candidate is not there, remember that one could not be executed.
        let mut denied = false;
        for candidate in &command.candidates {
            libc::execve(candidate.as_ptr(), start.argv.as_ptr(), start.env.as_ptr());
            match errno() {
                libc::EACCES => denied = true,
                libc::ENOENT | libc::ENOTDIR => {}
                errno => return SpawnError { stage: Stage::Exec, errno },
            }
        }
        SpawnError { stage: Stage::Exec, errno: if denied { libc::EACCES } else { libc::ENOENT } }
    }
}

/// `text` as a C string; an error when it contains a NUL byte.
pub fn c_string(text: &std::ffi::OsStr) -> io::Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    Ok(CString::new(text.as_bytes())?)
}
