//! The scenarios S1 to S150 of the expect family's test suites, manuals and examples, by theme. Those about
//! real programs are in the modules `real_*`; docs/scenarios.md says where each is.

mod dialogues;
mod ends;
mod matching;
mod scale;
mod scripts;
mod sending;
mod terminals;
mod time;

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Cmd, PATIENCE, Signal, Test, find};
use crate::real::{need, words};

/// On a terminal, with a report; whatever passes through.
fn pty<'t>(t: &'t Test, flags: &str) -> Cmd<'t> {
    t.run(words(&format!("--pty {flags}"))).report().any_out()
}

/// Over pipes, with a report; whatever passes through.
fn pipe<'t>(t: &'t Test, flags: &str) -> Cmd<'t> {
    t.run(words(&format!("--pipe {flags}"))).report().any_out()
}

const AT_LEAST_A_LITTLE: Duration = Duration::from_millis(1);
