//! Waits that the limit of the run ends before they can end.

use std::time::Duration;

use super::Check;
use crate::expect::failure::human;
use crate::expect::program::{Kind, Origin};

impl Check<'_> {
    pub(super) fn clocks(&mut self) {
        let settings = &self.compiled.settings;
        let on = |limit: Option<Duration>| limit.filter(|limit| !limit.is_zero());
        let limits = [("timeout", on(settings.timeout)), ("total", on(settings.total))];
        let Some((name, limit)) =
            limits.into_iter().filter_map(|(name, limit)| Some((name, limit?))).min_by_key(|l| l.1)
        else {
            return;
        };
        let program = &self.compiled.program;
        for (place, step) in program.all_steps() {
            let Some(&at) = self.compiled.places.steps.get(&place) else { continue };
            let waits = [
                ("waits for up to", step.within.filter(|within| !within.is_zero())),
                (
                    "sleeps for",
                    match step.kind {
                        Kind::Sleep(pause) => Some(pause),
                        _ => None,
                    },
                ),
            ];
            for (what, wait) in waits {
                if let Some(wait) = wait.filter(|wait| *wait > limit) {
                    let message = format!(
                        "this step {what} {}, and limits.{name} ends the run after {}",
                        human(wait),
                        human(limit)
                    );
                    self.log.warn("long-wait", at, message);
                }
            }
        }
        if let Some(step) = program.step_timeout
            && program.step_timeout_from == Origin::Script
            && step > limit
            && let Some(&at) = self.compiled.places.steps.values().next()
        {
            let message = format!(
                "limits.step is {}, and limits.{name} ends the run after {}",
                human(step),
                human(limit)
            );
            self.log.warn("long-wait", at, message);
        }
    }
}
