//! Programs that ask, compute or draw: installers, interpreters, menus, games.

use super::Port;

pub const PORTS: &[Port] = &[];
