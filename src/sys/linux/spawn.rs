//! Starting a command: clone, set up, exec; an error comes back typed, with the stage it happened in.
//!
//! One spawn for pipes and terminals, so that both report the same errors. The child borrows our memory until
//! its exec (`CLONE_VM | CLONE_VFORK`, as `posix_spawn` does): no page table is copied, no page is copied on
//! write afterwards, and it says what went wrong through a variable of ours. In return it makes only
//! async-signal-safe calls, on values prepared before. Signals that could run a handler in it are not taken
//! by handlers here (`signals`); its mask, dispositions, directory and limits are its own.

use std::ffi::{CStr, CString};
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
    error: Option<SpawnError>,
}

/// The child's stack: it calls nothing but the kernel.
const STACK: usize = 64 << 10;

/// Starts `command` and waits until its exec has succeeded or failed. Gives its pid, which stays ours until
/// it is collected.
pub fn spawn(command: &Command<'_>) -> Result<i32, SpawnError> {
    let (argv, env) = (pointers(&command.argv), pointers(&command.env));
    let mut start = Start { command, argv, env, error: None };
    let mut stack = vec![0u8; STACK];
    let argument = (&raw mut start).cast();
    // SAFETY: `in_child` makes async-signal-safe calls only; `start` outlives the call and is the child's
    // alone meanwhile, for this thread is suspended (CLONE_VFORK) and is the only one.
    let pid =
        unsafe { borrow_memory(command.leaf, &mut stack, in_child, argument) }.map_err(|e| {
            SpawnError { stage: Stage::Fork, errno: e.raw_os_error().unwrap_or(libc::EIO) }
        })?;
    match start.error {
        None => Ok(pid),
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
    start.error = Some(child(start.command, &start.argv, &start.env));
    127
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
}

/// The child's side. Returns only what went wrong.
fn child(
    command: &Command<'_>,
    argv: &[*const libc::c_char],
    env: &[*const libc::c_char],
) -> SpawnError {
    let fail = |stage| SpawnError { stage, errno: errno() };
    // SAFETY: plain system calls, all async-signal-safe, on values prepared before the fork.
    unsafe {
        match command.group {
            Group::Terminal => {
                if libc::setsid() < 0 || libc::ioctl(command.stdio[0], libc::TIOCSCTTY, 0) < 0 {
                    return fail(Stage::Group);
                }
            }
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
            if libc::setrlimit(*resource as libc::__rlimit_resource_t, &raw const limit) < 0 {
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
            libc::execve(candidate.as_ptr(), argv.as_ptr(), env.as_ptr());
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

/// Whether `path` names a file that this user may execute.
pub fn is_executable(path: &CStr) -> bool {
    // SAFETY: a NUL-terminated path and a valid mode.
    unsafe { libc::access(path.as_ptr(), libc::X_OK) == 0 }
}
