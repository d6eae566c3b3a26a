//! Behaviour through the real binary, one module per behaviour.
//!
//! Read `harness.rs` first: every test begins with `Test::new()`. Comments such as `seeds 49, supervisors 26`
//! name the acceptance scenario of the research notes that a test covers.

#![expect(clippy::disallowed_methods, reason = "tests start processes, read files and wait")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "seeds, and what was left out and why"
)]
#![expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "the files are ours, and so is their case"
)]

mod against;
mod asking;
mod attach;
mod attach_real;
mod children;
mod costs;
mod harness;
#[path = "../stage/mod.rs"]
mod stage;
mod tmux;

mod detach_keys;
mod detached;
mod detached_faults;
mod detached_list;
mod detached_log;
mod detached_owner;
mod detached_socket;
mod docs;
mod dry_run;
mod env;
mod events;
mod examples;
mod examples_accounts;
mod examples_files;
mod examples_network;
mod examples_programs;
mod exit;
mod explain;
mod fault;
mod fault_guard;
mod fault_kill;
mod fault_newcomers;
mod fault_own;
mod fault_pid1;
mod fault_proofs;
mod fault_store;
mod fault_terminal;
mod fault_trees;
mod fidelity;
mod jobs;
mod jobs_behind;
mod layers;
mod learn;
mod limits;
mod newcomer;
mod output;
mod pipe;
mod proofs;
mod pty;
mod record;
mod replay;
mod report;
mod retry;
mod script;
mod script_engine;
mod script_run;
mod secrets;
mod spawn;
mod splice;
mod stdin;
mod stop;
mod strangers;
mod strays;
mod terminal;
mod tracking;
mod watch;

// Real programs, the scenarios of the expect family, and the documentation.
mod expect_scenarios;
mod real;
mod real_others;
mod real_prompts;
mod real_repl;
mod real_screen;
mod real_services;
mod tour;
