//! A fault of our own: a panic becomes an error that can be told, after the tree is ended and the terminal put
//! back.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

#[cfg(debug_assertions)]
use crate::sys::signals;

thread_local! {
    static CAUGHT: Cell<u32> = const { Cell::new(0) };
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
    #[cfg(debug_assertions)]
    static STOPPED: Cell<bool> = const { Cell::new(false) };
}

/// Does `what`. A panic in it is an error that says what and where, and nothing is printed: our terminal may
/// be raw. What `what` has changed stays as it is, half done maybe.
pub fn caught<T>(what: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let otherwise = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CAUGHT.get() == 0 {
                return otherwise(info);
            }
            let at = info.location().map_or_else(String::new, |at| format!(" ({at})"));
            let why = info.payload_as_str().unwrap_or("a panic");
            SAID.set(format!("internal error: {why}{at}; this is a bug of heeler"));
        }));
    });
    CAUGHT.set(CAUGHT.get() + 1);
    let done = panic::catch_unwind(AssertUnwindSafe(what));
    CAUGHT.set(CAUGHT.get() - 1);
    done.map_err(|_| SAID.take())
}

/// A place where the variable `HEELER_FAULT` makes a debug build fail when it names it, for the tests of what
/// follows a fault: `PLACE` panics, `PLACE:abort` aborts, `PLACE:overflow` overflows the stack; and `PLACE:stop` stops
/// there, the first time, for as long as a test needs for what else may happen just then.
#[inline]
pub fn point(place: &str) {
    #[cfg(debug_assertions)]
    on_demand(place);
    #[cfg(not(debug_assertions))]
    let _ = place;
}

#[cfg(debug_assertions)]
fn on_demand(place: &str) {
    #[expect(clippy::disallowed_methods, reason = "no setting: a fault that a test asks for")]
    let Some(wanted) = std::env::var_os("HEELER_FAULT") else { return };
    match wanted.to_str().and_then(|wanted| wanted.strip_prefix(place)) {
        Some("") => panic!("the fault `{place}` was asked for"),
        Some(":abort") => std::process::abort(),
        Some(":overflow") => deeper(&[0; 4096]),
        Some(":stop") if !STOPPED.replace(true) => signals::stop_self(),
        _ => {}
    }
}

#[cfg(debug_assertions)]
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(above: &[u8; 4096]) {
    let here = std::hint::black_box(*above);
    deeper(&here);
    std::hint::black_box(here);
}
