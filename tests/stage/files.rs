//! Programs that work on files: disks, keys, certificates, repositories, databases, editors.

use super::Port;

pub const PORTS: &[Port] = &[];
