//! Descriptors that we inherited under a number.

use std::fs::File;
use std::io::{Read, Result};
use std::os::fd::{BorrowedFd, FromRawFd};

/// Whether the descriptor is open, and can be written to.
pub fn is_writable(fd: i32) -> Option<bool> {
    if fd < 0 {
        return None;
    }
    // SAFETY: it may not be open; then the call says EBADF, and nothing else is done with it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let flags = rustix::fs::fcntl_getfl(borrowed).ok()?;
    let access = flags & rustix::fs::OFlags::RWMODE;
    Some(access == rustix::fs::OFlags::WRONLY || access == rustix::fs::OFlags::RDWR)
}

/// Reads an inherited descriptor to its end, at most `limit` bytes, and closes it, so that no child gets it.
/// stdin stays open: its number must not be given to the next file that is opened.
pub fn read_descriptor(fd: i32, limit: u64) -> Result<Vec<u8>> {
    // Room for all of it: a buffer that grows leaves copies of a secret behind.
    let mut bytes = Vec::with_capacity(limit as usize + 1);
    if fd == 0 {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    if is_writable(fd).is_none() {
        return Err(rustix::io::Errno::BADF.into());
    }
    // SAFETY: it is open, and above 2: the caller was given it for this, and nothing of ours has it.
    let file = unsafe { File::from_raw_fd(fd) };
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::IntoRawFd;

    #[test]
    fn a_closed_number_is_not_writable() {
        assert_eq!(is_writable(-1), None);
        assert_eq!(is_writable(1_000_000), None);
    }

    #[test]
    fn a_pipe_is_read_to_its_end_and_closed() {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(b"secret\n").expect("it fits");
        drop(writer);
        let fd = reader.into_raw_fd();
        assert_eq!(is_writable(fd), Some(false));
        assert_eq!(read_descriptor(fd, 1 << 20).expect("it is open"), b"secret\n");
    }
}
