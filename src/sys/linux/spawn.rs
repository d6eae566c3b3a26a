//! Starting a command: fork, set up, exec; an error comes back typed, with the stage it happened in.
//!
//! One spawn for pipes and terminals, so that both report the same errors. Between fork and exec only
//! async-signal-safe calls are made; everything that allocates is prepared before. The process is
//! single-threaded, so fork copies no lock in a bad state.
//!
//! The child is *born* before it is the command: it waits for a byte right before exec, and the caller
//! writes down who it is meanwhile. When heeler is killed before that, the child reads the end of the pipe
//! and ends itself. So at no instant is there a command that nobody has written down; and unlike a parent
//! death signal this cannot be late, needs no comparison of parents (coreutils#219, util-linux#1561) and
//! does not depend on which thread made the child.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use super::cgroup::Leaf;
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
    /// What it gets from the kernel when we die (`PR_SET_PDEATHSIG`). The kernel drops it when a set-id
    /// program is executed, and its own children do not have it: a backstop, no containment.
    pub death_signal: Option<i32>,
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

const STAGES: [Stage; 7] = [
    Stage::Fork,
    Stage::Group,
    Stage::Stdio,
    Stage::Chdir,
    Stage::Rlimit,
    Stage::Nice,
    Stage::Exec,
];

/// Starts `command` and waits until its exec has succeeded or failed. Gives its pid, which stays ours until
/// it is collected. `born` is told the pid before the command's first instruction.
pub fn spawn(command: &Command<'_>, born: &mut dyn FnMut(i32)) -> Result<i32, SpawnError> {
    let fork_error = |error: io::Error| SpawnError {
        stage: Stage::Fork,
        errno: error.raw_os_error().unwrap_or(libc::EIO),
    };
    let pipe = || {
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|error| fork_error(error.into()))
    };
    let ((read, write), (gate, go)) = (pipe()?, pipe()?);
    let us = super::ids::pid();
    let argv = pointers(&command.argv);
    let env = pointers(&command.env);
    // SAFETY: single-threaded (module comment); the child only calls `child` and `_exit`.
    match unsafe { fork(command.leaf) } {
        -1 => Err(fork_error(io::Error::last_os_error())),
        0 => {
            // Ours would keep the gate from its end.
            // SAFETY: closes a descriptor of this copy of the process, which never drops `go`.
            unsafe { libc::close(go.as_raw_fd()) };
            let error = child(command, &Gate { fd: gate.as_raw_fd(), us }, &argv, &env);
            let message = [error.stage as i32, error.errno];
            // SAFETY: the message is 8 readable bytes; the pipe holds them at once; _exit ends the child
            // without running anything of the parent's (exit handlers, destructors).
            unsafe {
                libc::write(write.as_raw_fd(), message.as_ptr().cast(), size_of_val(&message));
                libc::_exit(127)
            }
        }
        pid => {
            drop((write, gate));
            born(pid);
            // A child that failed before has closed its side, and says why through the other pipe.
            let _ = rustix::io::write(&go, b"g");
            match exec_result(&read) {
                None => Ok(pid),
                Some(error) => {
                    // The child is on its way out; collect it so that it leaves no zombie.
                    // SAFETY: waits for our own child; a null status is allowed.
                    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
                    Err(error)
                }
            }
        }
    }
}

/// Forks; with a leaf the child is born in it (`CLONE_INTO_CGROUP`, Linux 5.7). Being born there costs
/// nothing; being moved there would wait for a lock of the whole system.
///
/// # Safety
/// As fork: in the child only async-signal-safe calls may be made until exec or `_exit`.
unsafe fn fork(leaf: Option<&Leaf>) -> libc::pid_t {
    let Some(leaf) = leaf else {
        // SAFETY: the caller's promise.
        return unsafe { libc::fork() };
    };
    let args = CloneArgs {
        flags: CLONE_INTO_CGROUP,
        exit_signal: libc::SIGCHLD as u64,
        cgroup: leaf.dir() as u64,
        ..CloneArgs::default()
    };
    // SAFETY: the structure is of the size that is passed; without CLONE_VM and a stack this is a fork.
    // glibc does not know of it, which matters only to thread and atfork bookkeeping, and there is one
    // thread and there are no handlers.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) };
    pid as libc::pid_t
}

const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// `struct clone_args` of clone3(2), version 2.
#[repr(C, align(8))]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// End of file on the close-on-exec pipe is the proof that exec succeeded.
fn exec_result(read: &OwnedFd) -> Option<SpawnError> {
    let mut message = [0u8; 8];
    let mut filled = 0;
    while filled < message.len() {
        match super::fdio::read(read.as_fd(), &mut message[filled..]) {
            Ok(Some(count)) if count > 0 => filled += count,
            _ => break,
        }
    }
    if filled < message.len() {
        return None;
    }
    let number = |at: usize| i32::from_ne_bytes([0, 1, 2, 3].map(|i| message[at + i]));
    let stage = STAGES.get(number(0) as usize).copied().unwrap_or(Stage::Exec);
    Some(SpawnError { stage, errno: number(4) })
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
}

/// What the child waits at before it becomes the command.
struct Gate {
    fd: RawFd,
    /// Who its parent has to be.
    us: i32,
}

/// Waits until the parent has written us down; ends this process when the parent is dead.
///
/// # Safety
/// For the child side of a fork.
unsafe fn pass(gate: &Gate, death_signal: Option<i32>) {
    let mut byte = 0u8;
    // SAFETY: async-signal-safe calls on a descriptor and a byte of ours; _exit runs nothing of the parent's.
    unsafe {
        loop {
            match libc::read(gate.fd, (&raw mut byte).cast(), 1) {
                1 => break,
                -1 if errno() == libc::EINTR => {}
                _ => libc::_exit(127),
            }
        }
        let Some(signal) = death_signal else { return };
        // It is bound to the parent's thread that forked: heeler has the one. A parent that died before it
        // was set sends nothing, so look who the parent is now; it was `us` at the fork, in our namespace.
        libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong);
        if libc::getppid() != gate.us {
            libc::_exit(127);
        }
    }
}

/// The child's side. Returns only what went wrong.
fn child(
    command: &Command<'_>,
    gate: &Gate,
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
        pass(gate, command.death_signal);
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
