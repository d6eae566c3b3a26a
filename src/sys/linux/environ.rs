//! Our own environment, as the kernel shows it.

use std::ffi::CStr;

unsafe extern "C" {
    static mut environ: *mut *mut libc::c_char;
}

/// Forgets these variables: `/proc/PID/environ` shows the memory that we were started with, whatever
/// `unsetenv` says, so their values are overwritten there first.
pub fn forget<'n>(names: impl Iterator<Item = &'n str>) {
    for name in names {
        overwrite(name.as_bytes());
        // SAFETY: there is one thread.
        unsafe { std::env::remove_var(name) };
    }
}

fn overwrite(name: &[u8]) {
    // SAFETY: there is one thread, so nobody changes the list meanwhile; it ends with a null pointer, and
    // its strings are ours to write, up to their NUL.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            let text = CStr::from_ptr(*entry).to_bytes();
            if text.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'=')) {
                let (value, length) = ((*entry).add(name.len() + 1), text.len() - name.len() - 1);
                for at in 0..length {
                    // One by one, so that it is not left out as a write that nobody reads.
                    value.add(at).write_volatile(0);
                }
            }
            entry = entry.add(1);
        }
    }
}
