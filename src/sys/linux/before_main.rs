//! What has to be seen before the Rust runtime starts, because it changes it: it ignores SIGPIPE
//! (uutils/coreutils#9617) and opens the null device where a standard descriptor is closed.

use std::sync::atomic::{AtomicBool, Ordering};

static PIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);
static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = {
    extern "C" fn look() {
        if super::signals::disposition(libc::SIGPIPE) == libc::SIG_IGN {
            PIPE_WAS_IGNORED.store(true, Ordering::Relaxed);
        }
        // SAFETY: asks for a flag of a number; EBADF is the answer that is looked for.
        if unsafe { libc::fcntl(1, libc::F_GETFD) } < 0 {
            STDOUT_WAS_CLOSED.store(true, Ordering::Relaxed);
        }
    }
    look
};

/// Whether SIGPIPE was ignored when we were executed.
pub fn pipe_was_ignored() -> bool {
    PIPE_WAS_IGNORED.load(Ordering::Relaxed)
}

/// Whether stdout was closed when we were executed. What is written to it now goes nowhere.
pub fn stdout_was_closed() -> bool {
    STDOUT_WAS_CLOSED.load(Ordering::Relaxed)
}
