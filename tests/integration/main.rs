//! Behaviour through the real binary, one module per behaviour.
//!
//! Read `harness.rs` first: every test begins with `Test::new()`. Comments such as `seeds 49, supervisors 26`
//! name the acceptance scenario of the research notes that a test covers.

#![expect(clippy::disallowed_methods, reason = "tests start processes, read files and wait")]

mod children;
mod harness;

mod docs;
mod env;
mod exit;
mod limits;
mod pipe;
mod pty;
mod spawn;
mod stdin;
mod stop;
mod strays;
mod fault;
mod fault_guard;
mod fault_kill;
mod fault_pid1;
mod fault_store;
mod fault_trees;
