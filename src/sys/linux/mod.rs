//! Linux.

pub mod fs;
pub mod ids;
pub mod pidfd;
pub mod probe;
pub mod proc;
