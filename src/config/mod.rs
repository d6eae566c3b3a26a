//! Flags, script and environment resolved into one plan, checked once, before anything starts.

pub mod plan;
