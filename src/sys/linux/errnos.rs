//! Error numbers that decisions are made on.

/// No such file or directory.
pub const ENOENT: i32 = libc::ENOENT;
/// Permission denied.
pub const EACCES: i32 = libc::EACCES;
/// Not a program.
pub const ENOEXEC: i32 = libc::ENOEXEC;
