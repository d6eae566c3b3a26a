//! Linux.

mod descriptor;
mod names;
mod tty;
pub use descriptor::{is_writable, read_descriptor};
pub use names::{RESOURCES, resource_number, signal_name, signal_number, unlimited};
pub use tty::{ask, terminal_size};
