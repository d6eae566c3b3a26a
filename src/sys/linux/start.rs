//! The first instructions: what the Rust runtime does before `main`, less what heeler does not need.
//!
//! The runtime would ask for the bounds of the stack (the C library reads `/proc/self/maps` for that) and make
//! another one for the handler that explains an overflow: a twentieth of a millisecond, at every start.
//! [`super::crash`] has handlers of its own; they get a stack from here. What the runtime changes has to be seen
//! before: it ignores SIGPIPE (uutils/coreutils#9617) and opens the null device where a standard descriptor is
//! closed. We do both.

use std::cell::UnsafeCell;
use std::ffi::{CStr, OsStr, OsString};
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering};

static PIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);
static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether SIGPIPE was ignored when we were executed.
pub fn pipe_was_ignored() -> bool {
    PIPE_WAS_IGNORED.load(Ordering::Relaxed)
}

/// Whether stdout was closed when we were executed. What is written to it now goes nowhere.
pub fn stdout_was_closed() -> bool {
    STDOUT_WAS_CLOSED.load(Ordering::Relaxed)
}

/// What a panic that nobody catches exits with, as under the runtime.
const PANICKED: i32 = 101;

/// Defines the program's entry, which does `$main(command line) -> exit code`, and its allocator.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[global_allocator]
        static HEAP: $crate::sys::heap::Heap = $crate::sys::heap::Heap;

        #[unsafe(no_mangle)]
        extern "C" fn main(count: i32, words: *const *const std::ffi::c_char) -> i32 {
            // SAFETY: this is what the C library calls, once, with the words of the command line.
            unsafe { $crate::sys::start::enter(count, words, $main) }
        }
    };
}

/// Does `main` as the runtime would, and gives what it gives.
///
/// # Safety
/// To be called once, by the process's first thread, with the arguments of a C `main`.
pub unsafe fn enter(
    count: i32,
    words: *const *const libc::c_char,
    main: fn(&[OsString]) -> i32,
) -> i32 {
    // SAFETY: the caller's promise; nothing has been allocated, and nobody else runs.
    let line: Vec<OsString> = unsafe {
        super::heap::Heap::begin();
        open_standard();
        ignore_pipe();
        give_handlers_a_stack();
        let word = |at| OsStr::from_bytes(CStr::from_ptr(*words.add(at)).to_bytes()).to_owned();
        (0..count as usize).map(word).collect()
    };
    let code = std::panic::catch_unwind(|| main(&line)).unwrap_or(PANICKED);
    // A line that is not complete is still with us.
    let _ = std::io::stdout().flush();
    code
}

/// The null device for each standard descriptor that is closed.
fn open_standard() {
    let mut fds = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
    // SAFETY: the entries are writable. Where polling fails, it is as if all were open.
    unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, 0) };
    for fd in fds.iter().filter(|fd| fd.revents & libc::POLLNVAL != 0) {
        if fd.fd == 1 {
            STDOUT_WAS_CLOSED.store(true, Ordering::Relaxed);
        }
        // SAFETY: a path that is a C string. The lowest free number is the one that is closed.
        if unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) } < 0 {
            // Another file under this number would be written to as if it were ours.
            std::process::abort();
        }
    }
}

fn ignore_pipe() {
    if super::signals::replace_disposition(libc::SIGPIPE, libc::SIG_IGN) == libc::SIG_IGN {
        PIPE_WAS_IGNORED.store(true, Ordering::Relaxed);
    }
}

/// More than the kernel puts on it (`AT_MINSIGSTKSZ`: up to 12 KiB, with all of a processor's registers) and
/// than our handlers need.
const HANDLERS: usize = 64 << 10;

#[repr(align(16))]
struct Stack(UnsafeCell<MaybeUninit<[u8; HANDLERS]>>);
// SAFETY: the kernel uses it, for one handler at a time.
unsafe impl Sync for Stack {}

static STACK: Stack = Stack(UnsafeCell::new(MaybeUninit::uninit()));

fn give_handlers_a_stack() {
    let stack = libc::stack_t { ss_sp: STACK.0.get().cast(), ss_flags: 0, ss_size: HANDLERS };
    // SAFETY: it is there for ever, and used for nothing else.
    unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
}
