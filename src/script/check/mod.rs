//! What runs, and is probably not meant: the lints of `heeler check`.
//!
//! They look at the compiled program, so that a script, its includes and its procs are seen as one. Each
//! says what will happen, and what helps.

mod clocks;
mod flow;
mod order;
mod pattern;
mod typed;

use crate::expect::program::{Action, Listen, Text};

use super::compile::Compiled;
use super::finding::Log;
use super::source::Span;

/// Looks for everything.
pub fn check(compiled: &Compiled, log: &mut Log) {
    let mut check = Check { compiled, log };
    check.flow();
    check.order();
    check.clocks();
    check.patterns();
    check.typed();
}

struct Check<'a> {
    compiled: &'a Compiled,
    log: &'a mut Log,
}

impl<'a> Check<'a> {
    /// Patterns with what is done on their match, and where they stand.
    fn answers(&self) -> Vec<(&'a Listen, &'a [Action], &'a [Text], Span)> {
        let Compiled { program, places, .. } = self.compiled;
        let mut all = Vec::new();
        for (place, step) in program.all_steps() {
            for (index, branch) in step.branches.iter().enumerate() {
                if let Some(at) = places.branches.get(&(place, index)) {
                    all.push((&branch.listen, &*branch.actions, &*branch.answers, *at));
                }
            }
        }
        for (rule, at) in program.rules.iter().zip(&places.rules) {
            all.push((&rule.listen, &rule.actions, &rule.answers, *at));
        }
        all
    }
}
