//! Taking in what runs left that ended: their lock files become rows, and go.
//!
//! It may be done by several processes at once, and be killed at any moment: the same row written twice is
//! the same row, and a file goes only when its row is committed. So nothing is lost, and nothing is double.

use super::db::{Store, StoreError};
use super::lockfile::{self, Found};
use super::{place, write};

impl Store {
    /// Takes in what `found` tells of runs whose end the database is owed, and takes them out of it.
    pub fn ingest(&self, found: &mut Vec<Found>) -> Result<(), StoreError> {
        if !self.writable() || found.iter().all(|lock| lock.finish.is_none()) {
            return Ok(());
        }
        self.write(|tx| {
            let mut now_ms = 0;
            for lock in found.iter() {
                let (Some(record), Some(finish)) = (&lock.record, &lock.finish) else { continue };
                let Some(end) = &record.end else { continue };
                write::insert_run(tx, &record.facts)?;
                if finish.attempts.is_empty() {
                    for leader in &record.leaders {
                        write::insert_attempt(tx, &record.facts.run, leader, None)?;
                    }
                }
                for (leader, end) in &finish.attempts {
                    write::insert_attempt(tx, &record.facts.run, leader, end.as_ref())?;
                }
                write::end_run(tx, &record.facts.run, end, finish.report.as_deref())?;
                now_ms = now_ms.max(end.ended_ms);
            }
            write::forget_old(tx, now_ms)
        })?;
        for lock in found.extract_if(.., |lock| lock.finish.is_some()) {
            // One that stays is taken in again, which changes nothing.
            let _ = lockfile::remove(&self.path, &lock.run);
        }
        self.tidy_log();
        Ok(())
    }

    /// Takes in at most `limit` of them, beginning at the run `from`: one of its own for each who takes in, and
    /// as random as the names are, so that what nobody can take in is not all that is ever looked at.
    pub fn take_in(&self, from: &str, limit: usize) -> Result<(), StoreError> {
        let mut found = lockfile::scan_owed(&self.path, from, limit)
            .map_err(|source| StoreError::Place { path: place::runs_dir(&self.path), source })?;
        self.ingest(&mut found)
    }
}
