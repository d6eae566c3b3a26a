//! Linux.

pub mod apart;
pub mod ask;
pub mod cgroup;
mod clone;
pub mod crash;
pub mod descriptor;
pub mod environ;
pub mod errnos;
pub mod fdio;
pub mod fs;
pub mod heap;
pub mod ids;
pub mod names;
pub mod pidfd;
pub mod poll;
pub mod probe;
pub mod proc;
pub mod pty;
pub mod signals;
pub mod socket;
pub mod spawn;
pub mod start;
pub mod tty;
pub mod wait;
