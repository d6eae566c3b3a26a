//! Linux.

pub mod ask;
pub mod descriptor;
pub mod names;
