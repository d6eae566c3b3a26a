//! Clears away what killed heelers left that is no process: empty cgroups and lock files of runs that are
//! over. Nothing here ends anyone: a cgroup with someone in it cannot be removed.

use std::time::Duration;

use crate::core::reap::{Deed, Item, Subject};
use crate::reaper::survey::{Survey, leaves};
use crate::store::id::is_run_id;
use crate::store::lockfile::{self, Held};
use crate::sys::cgroup::{Found, below_own};

/// A cgroup whose run we know nothing of (`--track off`, another database) may be one that was made just
/// now, for a command that is about to be started in it.
const YOUNG: Duration = Duration::from_mins(1);

/// Removes what belongs to runs that are over; `closed` are those that turned out to be just now.
pub(super) fn sweep(survey: &Survey, subjects: &[Subject], closed: &[Item]) {
    if survey.only.is_some() {
        return;
    }
    for subject in subjects.iter().filter(|subject| subject.record.closed()) {
        for leaf in leaves(&subject.record) {
            leaf.remove();
        }
        // Its heeler was killed between the last row and this.
        let _ = lockfile::remove_stale(&survey.db, &subject.record.facts.run);
    }
    let _ = lockfile::remove_unborn(&survey.db, YOUNG);
    for path in below_own("heeler-") {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let run = name.split('-').nth(1).filter(|run| is_run_id(run));
        let Some(leaf) = Found::open(&path, None) else { continue };
        // Its heeler may have been killed before the cgroup was written down.
        let closed = |run| {
            closed
                .iter()
                .any(|item| item.run == run && matches!(item.deed, Deed::Close | Deed::End(_)))
        };
        let over = match run.and_then(|run| lockfile::look(&survey.db, run)) {
            Some(lock) => lock.held == Held::No,
            None => run.is_some_and(closed) || leaf.age() >= YOUNG,
        };
        if over && !leaf.populated() {
            leaf.remove();
        }
    }
}
