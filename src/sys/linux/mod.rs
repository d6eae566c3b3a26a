//! Linux.

pub mod fdio;
pub mod poll;
pub mod pty;
pub mod signals;
pub mod spawn;
pub mod tty;
pub mod wait;
