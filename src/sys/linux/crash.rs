//! Signals that a fault raises (SEGV, ABRT and their kin), in heeler itself.
//!
//! Another process may send one too, and where there is a loop that is a request like any other: it goes
//! there in a real-time signal that is blocked. A fault of our own has no loop to go to, nor a heap that could
//! be trusted: the handler ends the tree, puts the terminal back and lets the fault take its course. It makes
//! system calls only. No report is written; the record tells that the run's end was not seen.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};

use super::signals::disposition;
use super::tty::{self, Attributes};

/// The signals that the kernel raises for a fault, and abort.
const FAULTS: [i32; 7] = [
    libc::SIGSEGV,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// How long a handler waits for the tree to be gone, in milliseconds.
const PATIENCE: u32 = 2000;

/// What brings a fault signal that somebody sent to the loop; its value is that signal.
pub(super) fn carrier() -> i32 {
    libc::SIGRTMAX()
}

/// Who handles faults: a copy of this process does not.
static OWNER: AtomicI32 = AtomicI32::new(0);
static TREE: AtomicBool = AtomicBool::new(false);
static LEADER: AtomicI32 = AtomicI32::new(0);
static KILL: AtomicI32 = AtomicI32::new(-1);
static HELD: AtomicBool = AtomicBool::new(false);
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// Whether children may not be the tree's.
static SPARES: AtomicBool = AtomicBool::new(false);
/// Whether there is a loop that reads signals.
static LOOP: AtomicBool = AtomicBool::new(false);

/// Written while `HELD` is not set, read by a handler while it is.
struct Shared<T>(UnsafeCell<T>);
// SAFETY: heeler has one thread, and `HELD` or `AT` orders it and the handlers that interrupt it.
unsafe impl<T> Sync for Shared<T> {}

static TERMINAL: Shared<Option<Terminal>> = Shared(UnsafeCell::new(None));
static BEFORE: Shared<[MaybeUninit<libc::sigaction>; FAULTS.len()]> =
    Shared(UnsafeCell::new([MaybeUninit::zeroed(); FAULTS.len()]));

struct Terminal {
    fd: RawFd,
    modes: Attributes,
    group: i32,
}

/// The longest farewell.
pub const LONGEST_FAREWELL: usize = 512;

/// What is written to the terminal as it is put back: two places, so that one can be written while the other
/// is the one that counts. `AT` is which, and how long it is.
static FAREWELL: [Shared<[u8; LONGEST_FAREWELL]>; 2] =
    [const { Shared(UnsafeCell::new([0; LONGEST_FAREWELL])) }; 2];
static AT: AtomicUsize = AtomicUsize::new(0);

/// From here on a fault ends the group and session of `leader`, everyone who descends from us, and who is in
/// the cgroup whose `cgroup.kill` this is.
pub fn hold_tree(leader: i32, kill: Option<BorrowedFd<'_>>) {
    KILL.store(kill.map_or(-1, |fd| fd.as_raw_fd()), SeqCst);
    LEADER.store(leader, SeqCst);
    TREE.store(true, SeqCst);
}

/// We have children, or may get some, that are not of the tree: a fault ends none but those that the group and the
/// cgroup name.
pub fn spare_children() {
    SPARES.store(true, SeqCst);
}

/// The leader is about to be collected: its number is not its own any more.
pub fn forget_leader() {
    LEADER.store(0, SeqCst);
}

/// There is no tree any more, or it is to stay.
pub fn let_tree_go() {
    TREE.store(false, SeqCst);
    LEADER.store(0, SeqCst);
    KILL.store(-1, SeqCst);
}

/// From here on a fault gives the terminal these modes, and us its foreground if `group` has it. Says whether
/// it is the first to ask for that; it is then to say when that is over.
///
/// `group` is who may have its foreground besides us, and besides one in which nobody is left.
pub fn hold_terminal(fd: BorrowedFd<'_>, modes: &Attributes, group: i32) -> bool {
    if HELD.load(SeqCst) {
        return false;
    }
    // SAFETY: no handler reads it until the flag is set.
    unsafe {
        *TERMINAL.0.get() = Some(Terminal { fd: fd.as_raw_fd(), modes: modes.clone(), group });
    };
    HELD.store(true, SeqCst);
    install();
    hook_panics();
    true
}

/// It is as it was.
pub fn let_terminal_go() {
    HELD.store(false, SeqCst);
    set_farewell(b"");
}

/// From here on a fault also writes this to the terminal that it puts back: what switches off what was switched
/// on there. Of more than [`LONGEST_FAREWELL`] bytes nothing is.
pub fn set_farewell(bytes: &[u8]) {
    let (at, length) = farewell_at();
    let next = 1 - at;
    // SAFETY: a handler reads the other one, as `AT` says; nobody else reads or writes this one.
    let (same, place) = unsafe { (&*FAREWELL[at].0.get(), &mut *FAREWELL[next].0.get()) };
    if same[..length] == *bytes {
        return;
    }
    let fits = bytes.len() <= LONGEST_FAREWELL;
    let bytes = if fits { bytes } else { b"" };
    place[..bytes.len()].copy_from_slice(bytes);
    AT.store(bytes.len() << 1 | next, SeqCst);
}

fn farewell_at() -> (usize, usize) {
    let at = AT.load(SeqCst);
    (at & 1, at >> 1)
}

/// Nobody could read a panic's message on a raw terminal.
fn hook_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // SAFETY: no handler is at work; the state is as `hold_terminal` left it.
            unsafe { put_terminal_back() };
            before(info);
        }));
    });
}

/// Takes the signals that are not ignored. From here on a loop reads what others send.
pub(super) fn install_for_loop() {
    install();
    LOOP.store(true, SeqCst);
}

fn install() {
    if INSTALLED.swap(true, SeqCst) {
        return;
    }
    OWNER.store(super::ids::pid(), SeqCst);
    for (at, signal) in FAULTS.into_iter().enumerate() {
        if disposition(signal) == libc::SIG_IGN {
            continue;
        }
        // SAFETY: a zeroed action with a handler of the signature that SA_SIGINFO asks for; the one before it
        // is kept where only the handler of this signal reads it.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_fault as *const () as libc::sighandler_t;
            // The stack from `start`: this one may have overflowed.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            let before = (*BEFORE.0.get())[at].as_mut_ptr();
            libc::sigaction(signal, &raw const action, before);
        }
    }
}

extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a filled record; every call is async-signal-safe.
    unsafe {
        let us = libc::getpid();
        let sent = (*info).si_code <= 0;
        let ours = us == OWNER.load(SeqCst);
        if ours && LOOP.load(SeqCst) && sent && (*info).si_pid() != us {
            let value = libc::sigval { sival_ptr: signal as usize as *mut libc::c_void };
            if libc::sigqueue(us, carrier(), value) == 0 {
                return;
            }
        }
        if ours {
            let ended = end_tree();
            put_terminal_back();
            // Whoever reads it may be late, and nobody else writes there any more.
            let mut room = libc::pollfd { fd: 2, events: libc::POLLOUT, revents: 0 };
            if ended && libc::poll(&raw mut room, 1, 0) == 1 {
                let said = b"heeler: a fault of its own; its command is killed\n";
                libc::write(2, said.as_ptr().cast(), said.len());
            }
        }
        let at = FAULTS.iter().position(|fault| *fault == signal).unwrap_or_default();
        libc::sigaction(signal, (*BEFORE.0.get())[at].as_ptr(), std::ptr::null_mut());
        // A fault of the processor happens again when we return; what was sent does not.
        if sent || matches!(signal, libc::SIGTRAP | libc::SIGSYS) {
            libc::raise(signal);
        }
    }
}

/// Kills everyone and waits, for a bounded time, until nobody is left. Says whether there was a tree.
///
/// # Safety
/// Async-signal-safe; nobody else may be collecting children.
unsafe fn end_tree() -> bool {
    // What runs next may abort, which brings us here again.
    if !TREE.swap(false, SeqCst) {
        return false;
    }
    // SAFETY: system calls on numbers and on buffers of ours.
    unsafe {
        libc::write(KILL.load(SeqCst), b"1".as_ptr().cast(), 1);
        let leader = LEADER.load(SeqCst);
        if leader > 0 {
            libc::kill(-leader, libc::SIGKILL);
            libc::kill(leader, libc::SIGKILL);
        }
        // Whoever loses its parent becomes our child: killing children until there is none ends all.
        let spares = SPARES.load(SeqCst);
        if spares && KILL.load(SeqCst) < 0 {
            // Who is of it and who was there before is more than can be found out here.
            let said = b"heeler: what its command started may be left (heeler list)\n";
            libc::write(2, said.as_ptr().cast(), said.len());
        }
        for _ in 0..PATIENCE {
            if !spares {
                kill_children();
            }
            let collected = loop {
                let pid = libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG);
                if pid <= 0 || spares && pid == leader {
                    break pid;
                }
            };
            if collected < 0 || spares && (leader == 0 || collected == leader) {
                break;
            }
            libc::poll(std::ptr::null_mut(), 0, 1);
        }
    }
    true
}

/// Kills every child that `/proc` names.
///
/// # Safety
/// Async-signal-safe.
unsafe fn kill_children() {
    // SAFETY: opens, reads into a buffer of ours, closes; what is killed are children of ours that nobody has
    // collected.
    unsafe {
        let path = c"/proc/thread-self/children";
        let fd = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        // The other stack is small.
        let mut buffer = [0u8; 512];
        let mut pid = 0;
        loop {
            let count = libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len());
            if count <= 0 {
                break;
            }
            for byte in &buffer[..count as usize] {
                if byte.is_ascii_digit() {
                    pid = pid * 10 + i32::from(byte - b'0');
                } else if pid > 0 {
                    libc::kill(pid, libc::SIGKILL);
                    pid = 0;
                }
            }
        }
        libc::close(fd);
    }
}

/// # Safety
/// Async-signal-safe.
unsafe fn put_terminal_back() {
    if !HELD.load(SeqCst) {
        return;
    }
    // SAFETY: while the flag is set nobody writes it, and the descriptor is open.
    unsafe {
        let Some(terminal) = &*TERMINAL.0.get() else { return };
        let fd = BorrowedFd::borrow_raw(terminal.fd);
        if tty::is_to_take_back(fd, terminal.group) {
            let (at, length) = farewell_at();
            libc::write(terminal.fd, FAREWELL[at].0.get().cast(), length);
            let _ = tty::set_foreground(fd, tty::own_group());
            let _ = tty::set_attributes(fd, &terminal.modes);
        }
    }
}
