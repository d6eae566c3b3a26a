//! What is written: short transactions, each of them immediate.

use rusqlite::{Transaction, TransactionBehavior, named_params, params};
use serde::{Deserialize, Serialize};

use super::db::{Store, StoreError};
use crate::core::identity::Sighting;
use crate::core::record::{End, Leader, RunFacts};

/// Ended runs are kept so long (14 days), ...
const KEEP_MS: i64 = 14 * SWEEP_MS;
/// ... those that are older are looked for once in so long (a day) ...
const SWEEP_MS: i64 = 24 * 3600 * 1000;
/// ... and so many are forgotten in one go: nobody clears away a lot.
const FORGET_AT_ONCE: u32 = 500;

/// The end of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEndRow {
    pub(super) ended_ms: i64,
    pub(super) outcome: String,
    pub(super) exit_code: Option<i32>,
    pub(super) signal: Option<i32>,
}

/// A signal that `reap` sent, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The run it was for.
    pub run: String,
    /// Wall clock, milliseconds since 1970.
    pub at_ms: i64,
    /// To whom.
    pub target: Sighting,
    /// Its name at the time.
    pub comm: String,
    /// The signal's number.
    pub signal: i32,
    /// `sent`, `gone`, or why not.
    pub result: String,
    /// Our own process id.
    pub by_pid: i32,
}

/// The same 64 bits: SQLite has signed integers only.
pub(super) fn bits(value: Option<u64>) -> Option<i64> {
    value.map(u64::cast_signed)
}

impl Store {
    /// One transaction that writes from its beginning. A deferred one that turns into a write fails at once
    /// when another process writes, whatever the busy timeout.
    pub(super) fn write<T>(
        &self,
        body: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let sql = |error| StoreError::sql(&path, error);
        // Nothing of ours begins one within another.
        let tx =
            Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate).map_err(sql)?;
        let value = body(&tx).map_err(sql)?;
        tx.commit().map_err(sql)?;
        Ok(value)
    }

    /// Writes something that changes nothing, all the way to the log: for `doctor`.
    pub fn try_write(&self) -> Result<(), StoreError> {
        self.write(|tx| {
            let version: i32 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            tx.pragma_update(None, "user_version", version)
        })
    }

    /// Closes the record of a run of which nothing is left and whose end nobody saw.
    pub fn close(&mut self, run: &str, at_ms: i64) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute(
                "UPDATE runs SET ended_ms = coalesce(ended_ms, ?2), left_members = 0 WHERE run = ?1",
                params![run, at_ms],
            )
            .map(drop)
        })
    }

    /// Takes back the row of a run that was not started.
    pub(super) fn forget(&mut self, run: &str) -> Result<(), StoreError> {
        self.write(|tx| tx.execute("DELETE FROM runs WHERE run = ?1", [run]).map(drop))
    }

    /// Writes a run down that only its lock file knew, before anything is noted about it.
    pub fn adopt(&mut self, facts: &RunFacts, leaders: &[Leader]) -> Result<(), StoreError> {
        self.write(|tx| {
            insert_run(tx, facts)?;
            leaders.iter().try_for_each(|leader| insert_attempt(tx, &facts.run, leader, None))
        })
    }

    /// Notes members that were seen, so that a later look knows them even without their cookie.
    pub fn sighted(&mut self, run: &str, seen: &[Sighting], at_ms: i64) -> Result<(), StoreError> {
        self.write(|tx| insert_sightings(tx, run, seen, at_ms))
    }

    /// Notes signals that `reap` sent.
    pub fn audit(&mut self, actions: &[Action]) -> Result<(), StoreError> {
        self.write(|tx| {
            let mut insert = tx.prepare(
                "INSERT INTO actions (run, at_ms, pid, start_ticks, comm, signal, result, by_pid)
                 SELECT run, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM runs WHERE run = ?1",
            )?;
            for action in actions {
                insert.execute(params![
                    action.run,
                    action.at_ms,
                    action.target.pid,
                    bits(action.target.start_ticks),
                    action.comm,
                    action.signal,
                    action.result,
                    action.by_pid
                ])?;
            }
            Ok(())
        })
    }
}

pub(super) fn insert_run(tx: &Transaction<'_>, facts: &RunFacts) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO runs (run, parent, name, tags, host, boot, pidns, uid, supervisor_pid,
                           supervisor_ticks, supervisor_ino, command, cwd, mode, started_ms)
         VALUES (:run, :parent, :name, :tags, :host, :boot, :pidns, :uid, :pid, :ticks, :ino, :command,
                 :cwd, :mode, :started)
         ON CONFLICT (run) DO NOTHING",
    )?
    .execute(named_params! {
        ":run": facts.run,
        ":parent": facts.parent,
        ":name": facts.name,
        ":tags": json(&facts.tags),
        ":host": facts.scope.host,
        ":boot": facts.scope.boot,
        ":pidns": facts.scope.pidns.cast_signed(),
        ":uid": facts.uid,
        ":pid": facts.supervisor.pid,
        ":ticks": bits(facts.supervisor.start_ticks),
        ":ino": bits(facts.supervisor.pidfs_ino),
        ":command": json(&facts.command),
        ":cwd": facts.cwd,
        ":mode": facts.mode,
        ":started": facts.started_ms,
    })
    .map(drop)
}

/// An attempt, and how it ended where that is known; where it is not, what was written of that stays.
pub(super) fn insert_attempt(
    tx: &Transaction<'_>,
    run: &str,
    leader: &Leader,
    end: Option<&AttemptEndRow>,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO attempts (run, n, pid, start_ticks, pidfs_ino, pgid, sid, cgroup_path, cgroup_ino,
                               started_ms, ended_ms, outcome, exit_code, signal)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (run, n) DO UPDATE SET ended_ms = excluded.ended_ms, outcome = excluded.outcome,
                                            exit_code = excluded.exit_code, signal = excluded.signal
                             WHERE excluded.ended_ms IS NOT NULL",
    )?
    .execute(params![
        run,
        leader.attempt,
        leader.seen.pid,
        bits(leader.seen.start_ticks),
        bits(leader.seen.pidfs_ino),
        leader.pgid,
        leader.sid,
        leader.cgroup.as_ref().map(|leaf| &leaf.path),
        bits(leader.cgroup.as_ref().map(|leaf| leaf.ino)),
        leader.started_ms,
        end.map(|end| end.ended_ms),
        end.map(|end| &end.outcome),
        end.and_then(|end| end.exit_code),
        end.and_then(|end| end.signal),
    ])
    .map(drop)
}

pub(super) fn insert_sightings(
    tx: &Transaction<'_>,
    run: &str,
    seen: &[Sighting],
    at_ms: i64,
) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO procs (run, pid, start_ticks, pidfs_ino, seen_ms)
         SELECT run, ?2, ?3, ?4, ?5 FROM runs WHERE run = ?1
         ON CONFLICT DO NOTHING",
    )?;
    for sighting in seen {
        insert.execute(params![
            run,
            sighting.pid,
            bits(sighting.start_ticks),
            bits(sighting.pidfs_ino),
            at_ms
        ])?;
    }
    Ok(())
}

pub(super) fn end_run(
    tx: &Transaction<'_>,
    run: &str,
    end: &End,
    report: Option<&str>,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE runs SET ended_ms = ?2, outcome = ?3, exit_code = ?4, left_members = ?5, report = ?6
         WHERE run = ?1",
    )?
    .execute(params![run, end.ended_ms, end.outcome, end.exit_code, end.left, report])
    .map(drop)
}

/// Forgets what ended too long ago, at most once a day; where there is a lot of it, the next one goes on.
pub(super) fn forget_old(tx: &Transaction<'_>, now_ms: i64) -> rusqlite::Result<()> {
    // A clock that was set back must not stop it until it has caught up.
    let due = tx
        .prepare_cached("SELECT 1 FROM upkeep WHERE what = 'swept' AND at_ms BETWEEN ?1 AND ?2")?
        .exists(params![now_ms - SWEEP_MS + 1, now_ms])
        .map(|swept| !swept)?;
    if !due {
        return Ok(());
    }
    let forgotten = tx.execute(
        "DELETE FROM runs WHERE run IN (
             SELECT run FROM runs WHERE ended_ms < ?1 AND left_members = 0 ORDER BY ended_ms LIMIT ?2)",
        params![now_ms - KEEP_MS, FORGET_AT_ONCE],
    )?;
    if forgotten < FORGET_AT_ONCE as usize {
        tx.execute("INSERT OR REPLACE INTO upkeep (what, at_ms) VALUES ('swept', ?1)", [now_ms])?;
    }
    Ok(())
}

/// Maps and lists of strings always serialise.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
