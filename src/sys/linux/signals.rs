//! Signals that reach heeler: blocked, and read from a descriptor like any other input. What the caller had
//! set is saved first, for the command gets it back unchanged.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// Signals that heeler takes as input for a purpose of their own.
const TAKEN: [i32; 9] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGCHLD,
    libc::SIGTSTP,
    libc::SIGCONT,
    libc::SIGWINCH,
    libc::SIGUSR1,
];

/// Those of them that ask for something and have no other use.
const REQUESTS: [i32; 6] =
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGTSTP, libc::SIGUSR1];

/// The others that would end heeler, and leave its tree alone: each is a request to stop, like TERM. As PID 1
/// it would not even get them (an init has no default actions), and a container may be stopped with any.
/// Not here: what a fault raises (SEGV, ABRT and their kin; [`super::crash`]), what the kernel tells by an
/// error as well (PIPE, XFSZ), and the signals that the C library keeps to itself (32, 33).
fn other_requests() -> impl Iterator<Item = i32> {
    const OTHERS: [i32; 8] = [
        libc::SIGUSR2,
        libc::SIGALRM,
        libc::SIGVTALRM,
        libc::SIGPROF,
        libc::SIGIO,
        libc::SIGPWR,
        libc::SIGSTKFLT,
        libc::SIGXCPU,
    ];
    OTHERS.into_iter().chain(libc::SIGRTMIN()..=libc::SIGRTMAX())
}

pub(super) fn disposition(signal: i32) -> libc::sighandler_t {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action only queries; `old` is writable and fully initialised by zeroing.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr());
        old.assume_init().sa_sigaction
    }
}

/// Sets a signal's disposition. Async-signal-safe.
pub(super) fn set_disposition(signal: i32, handler: libc::sighandler_t) {
    replace_disposition(signal, handler);
}

/// The same, and says what it was.
pub(super) fn replace_disposition(signal: i32, handler: libc::sighandler_t) -> libc::sighandler_t {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a zeroed sigaction with SIG_DFL or SIG_IGN as handler is a valid action; `old` is writable and
    // fully initialised by zeroing.
    unsafe {
        (*action.as_mut_ptr()).sa_sigaction = handler;
        libc::sigaction(signal, action.as_ptr(), old.as_mut_ptr());
        old.assume_init().sa_sigaction
    }
}

fn set_of(signals: impl IntoIterator<Item = i32>) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set before anything else touches it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// What the caller had set: restored in every command before it is executed.
#[derive(Clone)]
pub struct Inherited {
    pub(super) mask: libc::sigset_t,
    /// Dispositions that we change and that were ignored: (signal, was ignored).
    pub(super) ignored: Vec<(i32, bool)>,
}

impl std::fmt::Debug for Inherited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inherited").field("ignored", &self.ignored).finish_non_exhaustive()
    }
}

/// A signal that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub signal: i32,
    /// Who sent it; 0 when the kernel did (a terminal, for one), and [`OUTSIDE`] when someone did who has no number
    /// here.
    pub pid: u32,
}

/// Nobody's number: the sender is outside of our PID namespace. The kernel says 0.
pub const OUTSIDE: u32 = u32::MAX;

/// The signals that heeler takes, as a descriptor.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
    inherited: Inherited,
}

impl Signals {
    /// Saves what the caller had set, blocks what we take and opens the descriptor. From here on none of
    /// these signals can kill heeler.
    ///
    /// SIGCHLD is set to its default, for a caller that ignores it would make children vanish uncollected;
    /// SIGTTIN and SIGTTOU are ignored, for handing the terminal over and back happens in the background.
    pub fn take() -> io::Result<Signals> {
        let taken = TAKEN.into_iter().chain(other_requests());
        let set = set_of(taken);
        let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: both sets are valid; the old mask is written on success, which is checked.
        let mask = unsafe {
            if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, mask.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            mask.assume_init()
        };
        let mut ignored = vec![
            (libc::SIGPIPE, super::start::pipe_was_ignored()),
            (libc::SIGXFSZ, XFSZ_WAS_IGNORED.load(Ordering::Relaxed)),
        ];
        let ours = [
            (libc::SIGCHLD, libc::SIG_DFL),
            (libc::SIGTTIN, libc::SIG_IGN),
            (libc::SIGTTOU, libc::SIG_IGN),
        ];
        for (signal, handler) in ours {
            ignored.push((signal, replace_disposition(signal, handler) == libc::SIG_IGN));
        }
        // SAFETY: the set is valid and the flags are signalfd's own.
        let fd =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        super::crash::install_for_loop();
        Ok(Signals { fd: super::fdio::own(fd), inherited: Inherited { mask, ignored } })
    }

    /// The descriptor to poll for reading.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// What the caller had set.
    pub fn inherited(&self) -> &Inherited {
        &self.inherited
    }

    /// Whether a request to stop has arrived that is not read yet.
    pub fn has_request(&self) -> bool {
        let mut pending = set_of([]);
        // SAFETY: the set is writable, and valid also where the call fails.
        unsafe { libc::sigpending(&raw mut pending) };
        // SAFETY: it only looks at a valid set.
        let is_pending = |signal| unsafe { libc::sigismember(&raw const pending, signal) == 1 };
        let taken = TAKEN.into_iter().chain(other_requests());
        taken
            .filter(|signal| asks_to_stop(*signal))
            .any(|signal| is_pending(signal) && disposition(signal) != libc::SIG_IGN)
    }

    /// The signals that arrived since the last call. Requests that the caller ignores (nohup, a background
    /// job) are left out: the kernel queues a blocked signal even when it is ignored. Their dispositions stay
    /// what the caller set, so they are asked for when it matters: fifty of them are not, at every start.
    pub fn read(&self) -> Vec<Received> {
        let mut received = Vec::new();
        loop {
            let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
            let size = size_of::<libc::signalfd_siginfo>();
            // SAFETY: the buffer is as large as one record, and the kernel writes whole records only.
            let count = unsafe { libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), size) };
            if usize::try_from(count) != Ok(size) {
                return received;
            }
            // SAFETY: the whole record was written.
            let info = unsafe { info.assume_init() };
            let pid = match (info.ssi_code, info.ssi_pid) {
                (1.., _) => 0,
                (_, 0) => OUTSIDE,
                (_, pid) => pid,
            };
            let mut signal = info.ssi_signo as i32;
            if signal == super::crash::carrier()
                && (info.ssi_code, pid) == (libc::SI_QUEUE, super::ids::pid() as u32)
            {
                signal = info.ssi_int;
            }
            let request = REQUESTS.contains(&signal) || !TAKEN.contains(&signal);
            if !(request && disposition(signal) == libc::SIG_IGN) {
                received.push(Received { signal, pid });
            }
        }
    }
}

static XFSZ_WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// A file that reached its limit (`ulimit -f`) is an error like a full disk, here; a command still gets the
/// signal. To be called before anything is written.
pub fn take_file_limit_as_error() {
    let ignored = replace_disposition(libc::SIGXFSZ, libc::SIG_IGN) == libc::SIG_IGN;
    XFSZ_WAS_IGNORED.store(ignored, Ordering::Relaxed);
}

/// Whether a signal that was taken asks for the end of the run; those that cannot be taken do not ask.
pub fn asks_to_stop(signal: i32) -> bool {
    !matches!(signal, CHLD | TSTP | WINCH | USR1 | CONT | STOP | libc::SIGKILL)
}

/// Whether it is one of those that job control stops by.
pub fn is_job_control(signal: i32) -> bool {
    matches!(signal, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}

/// Stops this process as SIGSTOP does, until someone continues it.
pub fn stop_self() {
    // SAFETY: sends a signal to ourselves.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// Dies of `signal` with its default action, without dumping core once more. Returns only when the signal
/// does not kill (as for PID 1).
pub fn die_of(signal: i32) {
    // SAFETY: prctl, sigaction, raise and sigprocmask with valid arguments; the process is about to end.
    unsafe {
        // The command has dumped its own core; a second one of ours would bury it (GNU timeout).
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        set_disposition(signal, libc::SIG_DFL);
        let set = set_of([signal]);
        libc::raise(signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
    }
}

/// SIGCONT's number here.
pub const CONT: i32 = libc::SIGCONT;
/// SIGSTOP's number here.
pub const STOP: i32 = libc::SIGSTOP;
/// SIGINT's number here.
pub const INT: i32 = libc::SIGINT;
/// SIGTERM's number here.
pub const TERM: i32 = libc::SIGTERM;
/// SIGHUP's number here.
pub const HUP: i32 = libc::SIGHUP;
/// SIGQUIT's number here.
pub const QUIT: i32 = libc::SIGQUIT;
/// SIGCHLD's number here.
pub const CHLD: i32 = libc::SIGCHLD;
/// SIGTSTP's number here.
pub const TSTP: i32 = libc::SIGTSTP;
/// SIGWINCH's number here.
pub const WINCH: i32 = libc::SIGWINCH;
/// SIGPWR's number here.
pub const PWR: i32 = libc::SIGPWR;
/// SIGUSR1's number here.
pub const USR1: i32 = libc::SIGUSR1;
