//! The modes of a terminal that we made raw, for the ends that run no destructor: a fatal signal, and the
//! message of a panic, which nobody could read on a raw terminal. One terminal at a time.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Once;
use std::sync::atomic::{AtomicI32, Ordering};

/// What ends us by default and is not read from a descriptor: our own faults, and what someone else may
/// send in their name.
const FATAL: [i32; 8] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
    libc::SIGSYS,
    libc::SIGTRAP,
    libc::SIGXFSZ,
];

/// The kernel repeats these when the handler returns, with all that it knows of the fault.
const REPEATED: [i32; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// The terminal to rescue, or -1.
static TERMINAL: AtomicI32 = AtomicI32::new(-1);
static FAREWELL: Slot<&'static [u8]> = Slot(UnsafeCell::new(MaybeUninit::zeroed()));
static SAVED: Slot<libc::termios> = Slot(UnsafeCell::new(MaybeUninit::zeroed()));
static BEFORE: Slot<[libc::sigaction; FATAL.len()]> = Slot(UnsafeCell::new(MaybeUninit::zeroed()));

struct Slot<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: written by the one thread that arms, before TERMINAL names a terminal (release); read only after
// that was seen (acquire).
unsafe impl<T> Sync for Slot<T> {}

/// While this lives, a fatal signal or a panic puts the terminal back first.
#[derive(Debug)]
pub struct Rescue(());

impl Rescue {
    /// Keeps the modes that `fd` has now; `farewell` is written to it as well. Nothing when they cannot be read,
    /// or a terminal is kept already.
    pub fn arm(fd: BorrowedFd<'_>, farewell: &'static [u8]) -> Option<Rescue> {
        static HOOK: Once = Once::new();
        if TERMINAL.load(Ordering::Acquire) >= 0 {
            return None;
        }
        // SAFETY: TERMINAL is -1, so no handler reads the slots. `restore` is async-signal-safe.
        unsafe {
            if libc::tcgetattr(fd.as_raw_fd(), (*SAVED.0.get()).as_mut_ptr()) != 0 {
                return None;
            }
            (*FAREWELL.0.get()).write(farewell);
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = rescue;
            action.sa_sigaction = handler as libc::sighandler_t;
            // On the stack for handlers: a stack that ran over is one of the faults.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            let before = (*BEFORE.0.get()).as_mut_ptr().cast::<libc::sigaction>();
            for (index, signal) in FATAL.into_iter().enumerate() {
                // What the caller ignores does not end us.
                if super::signals::disposition(signal) != libc::SIG_IGN {
                    libc::sigaction(signal, &raw const action, before.add(index));
                }
            }
        }
        TERMINAL.store(fd.as_raw_fd(), Ordering::Release);
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                restore();
                before(info);
            }));
        });
        Some(Rescue(()))
    }
}

impl Drop for Rescue {
    fn drop(&mut self) {
        TERMINAL.store(-1, Ordering::Release);
        for (index, signal) in FATAL.into_iter().enumerate() {
            // Whoever came after us keeps their place, with us behind them.
            if super::signals::disposition(signal) == rescue as *const () as libc::sighandler_t {
                put_back(index, signal);
            }
        }
    }
}

/// Async-signal-safe: tcsetattr and write are (POSIX, signal concepts).
fn restore() {
    let fd = TERMINAL.load(Ordering::Acquire);
    if fd >= 0 {
        // SAFETY: the slots were filled before TERMINAL named the terminal. A number that was closed is an
        // error, and so is a terminal that takes nothing.
        unsafe {
            let farewell = (*FAREWELL.0.get()).assume_init();
            libc::write(fd, farewell.as_ptr().cast(), farewell.len());
            libc::tcsetattr(fd, libc::TCSANOW, (*SAVED.0.get()).as_ptr());
        }
    }
}

fn put_back(index: usize, signal: i32) {
    // SAFETY: BEFORE was filled when the handlers were set, which is the only way here.
    unsafe {
        let before = (*BEFORE.0.get()).as_ptr().cast::<libc::sigaction>().add(index);
        libc::sigaction(signal, before, std::ptr::null_mut());
    }
}

/// Puts the terminal back, and then lets the signal do what it would have done without us.
extern "C" fn rescue(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    restore();
    if let Some(index) = FATAL.iter().position(|known| *known == signal) {
        put_back(index, signal);
    }
    // SAFETY: the kernel hands a valid siginfo to an SA_SIGINFO handler; sigaction, sigprocmask and raise are
    // async-signal-safe, and get valid arguments.
    unsafe {
        if (*info).si_code > 0 && REPEATED.contains(&signal) {
            return;
        }
        let mut only = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
        libc::sigaddset(&raw mut only, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const only, std::ptr::null_mut());
        libc::raise(signal);
        // Who was there before has returned. Rust's own handler does, for it counts on a fault to repeat
        // itself; one that someone sent does not.
        super::signals::set_disposition(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
