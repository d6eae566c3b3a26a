//! What is asked: records of runs, their attempts, reports, and the signals that `reap` sent.

use std::collections::{BTreeSet, HashMap};

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row};

use super::db::{Store, StoreError};
use crate::core::identity::{Scope, Sighting};
use crate::core::record::{End, Leader, Leaf, Record, RunFacts};

/// One attempt, for `inspect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its leader.
    pub leader: Leader,
    /// Wall clock, milliseconds since 1970; absent when it has not ended or nobody saw it.
    pub ended_ms: Option<i64>,
    /// The report's word.
    pub outcome: Option<String>,
    /// The leader's exit code.
    pub exit_code: Option<i32>,
    /// The signal that ended the leader.
    pub signal: Option<i32>,
}

/// One signal that `reap` sent, for `inspect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRow {
    /// Wall clock, milliseconds since 1970.
    pub at_ms: i64,
    /// To whom.
    pub pid: i32,
    /// Its name at the time.
    pub comm: String,
    /// The signal's number.
    pub signal: i32,
    /// `sent`, `gone`, or why not.
    pub result: String,
}

/// Which runs are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// Those that may have something alive.
    Open,
    /// The open ones, and all that one of these words can mean: by id, by its beginning, or by name.
    Named(&'a [String]),
}

const RUN_COLUMNS: &str = "runs.run, parent, name, tags, host, boot, pidns, uid, supervisor_pid, \
     supervisor_ticks, supervisor_ino, command, cwd, mode, runs.started_ms, runs.ended_ms, \
     runs.outcome, runs.exit_code, left_members";
/// How many they are.
const RUN_WIDTH: usize = 19;

/// What is done with a row that belongs to a record.
type Take<'a> = &'a mut dyn FnMut(&mut Record, &Row<'_>) -> rusqlite::Result<()>;

const LEADER_COLUMNS: &str =
    "n, pid, start_ticks, pidfs_ino, pgid, sid, attempts.started_ms, cgroup_path, cgroup_ino";

/// Runs that may have something alive.
const OPEN: &str = "runs.ended_ms IS NULL OR left_members = 1";

impl Store {
    /// The runs that are wanted, oldest first.
    pub fn records(&self, which: Which<'_>) -> Result<Vec<Record>, StoreError> {
        match which {
            Which::Open => self.select(OPEN, &[]),
            Which::Named(words) => {
                let fits = |n| format!(" OR name = ?{n} OR substr(run, 1, length(?{n})) = ?{n}");
                let condition: String =
                    std::iter::once(OPEN.to_owned()).chain((1..=words.len()).map(fits)).collect();
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                self.select(&condition, &words)
            }
        }
    }

    /// The runs that are over, one by one as they lie in the file; what else was seen of them is left out.
    pub fn over(&self, mut take: impl FnMut(Record)) -> Result<(), StoreError> {
        let read = || {
            // By no index: that would jump about in the file. The attempts of a run come one after the other.
            let mut statement = self.conn.prepare(&format!(
                "SELECT {RUN_COLUMNS}, {LEADER_COLUMNS}
                 FROM runs NOT INDEXED LEFT JOIN attempts ON attempts.run = runs.run
                 WHERE NOT ({OPEN}) ORDER BY runs.rowid, n",
            ))?;
            let mut rows = statement.query([])?;
            let mut last: Option<Record> = None;
            while let Some(row) = rows.next()? {
                let run = row.get_ref(0)?.as_str()?;
                if last.as_ref().is_none_or(|last| last.facts.run != run)
                    && let Some(whole) = last.replace(record(row)?)
                {
                    take(whole);
                }
                // One whose attempts are lost has none here.
                if let Some(last) = &mut last
                    && row.get_ref(RUN_WIDTH)? != ValueRef::Null
                {
                    last.leaders.push(leader(row, RUN_WIDTH)?);
                }
            }
            last.into_iter().for_each(take);
            Ok(())
        };
        self.sql(read())
    }

    /// One run.
    pub fn record(&self, run: &str) -> Result<Option<Record>, StoreError> {
        Ok(self.select("run = ?1", &[run])?.pop())
    }

    /// Which of `runs` are recorded.
    pub fn known(&self, runs: &BTreeSet<String>) -> Result<BTreeSet<String>, StoreError> {
        let read = || {
            let _tx = self.conn.unchecked_transaction()?;
            let mut exists = self.conn.prepare_cached("SELECT 1 FROM runs WHERE run = ?1")?;
            let mut known = BTreeSet::new();
            for run in runs {
                if exists.exists([run])? {
                    known.insert(run.clone());
                }
            }
            Ok(known)
        };
        self.sql(read())
    }

    /// The report that a run ended with; nothing when there is none.
    pub fn report(&self, run: &str) -> Result<Option<String>, StoreError> {
        self.sql(
            self.conn
                .query_row("SELECT report FROM runs WHERE run = ?1", [run], |row| row.get(0))
                .optional()
                .map(Option::flatten),
        )
    }

    /// The attempts of a run, in order.
    pub fn attempts(&self, run: &str) -> Result<Vec<AttemptRow>, StoreError> {
        self.sql(self.attempt_rows(run))
    }

    fn attempt_rows(&self, run: &str) -> rusqlite::Result<Vec<AttemptRow>> {
        self.conn
            .prepare_cached(&format!(
                "SELECT {LEADER_COLUMNS}, ended_ms, outcome, exit_code, signal
                 FROM attempts WHERE run = ?1 ORDER BY n",
            ))?
            .query_map([run], |row| {
                Ok(AttemptRow {
                    leader: leader(row, 0)?,
                    ended_ms: row.get(9)?,
                    outcome: row.get(10)?,
                    exit_code: row.get(11)?,
                    signal: row.get(12)?,
                })
            })?
            .collect()
    }

    /// The signals that `reap` sent for a run, in order.
    pub fn actions(&self, run: &str) -> Result<Vec<ActionRow>, StoreError> {
        let read = || {
            self.conn
                .prepare_cached(
                    "SELECT at_ms, pid, comm, signal, result FROM actions WHERE run = ?1 ORDER BY seq",
                )?
                .query_map([run], |row| {
                    Ok(ActionRow {
                        at_ms: row.get(0)?,
                        pid: row.get(1)?,
                        comm: row.get(2)?,
                        signal: row.get(3)?,
                        result: row.get(4)?,
                    })
                })?
                .collect()
        };
        self.sql(read())
    }

    /// The runs that meet a condition, oldest first. What belongs to them is read for all at once: queries
    /// for each took longer than everything else together.
    fn select(&self, condition: &str, args: &[&str]) -> Result<Vec<Record>, StoreError> {
        let read = || -> rusqlite::Result<Vec<Record>> {
            // One transaction for all: one snapshot, and the locks are taken once.
            let tx = self.conn.unchecked_transaction()?;
            let mut records: Vec<Record> = tx
                .prepare(&format!("SELECT {RUN_COLUMNS} FROM runs WHERE {condition}"))?
                .query_map(rusqlite::params_from_iter(args), record)?
                .collect::<Result<_, _>>()?;
            records.sort_by(|a, b| {
                let key = |facts: &RunFacts| facts.started_ms;
                key(&a.facts).cmp(&key(&b.facts)).then_with(|| a.facts.run.cmp(&b.facts.run))
            });
            let places: HashMap<String, usize> =
                records.iter().map(|r| r.facts.run.clone()).zip(0..).collect();
            let mut each = |query: &str, order: &str, take: Take<'_>| -> rusqlite::Result<()> {
                let mut statement = tx.prepare(&format!(
                    "{query} WHERE run IN (SELECT run FROM runs WHERE {condition}) ORDER BY run, {order}"
                ))?;
                let mut rows = statement.query(rusqlite::params_from_iter(args))?;
                while let Some(row) = rows.next()? {
                    if let Some(&place) = places.get(row.get_ref("run")?.as_str()?) {
                        take(&mut records[place], row)?;
                    }
                }
                Ok(())
            };
            each(
                &format!("SELECT {LEADER_COLUMNS}, run FROM attempts"),
                "n",
                &mut |record, row| {
                    record.leaders.push(leader(row, 0)?);
                    Ok(())
                },
            )?;
            let seen = "SELECT DISTINCT run, pid, start_ticks, pidfs_ino FROM procs";
            each(seen, "pid", &mut |record, row| {
                record.sightings.push(Sighting {
                    pid: row.get(1)?,
                    start_ticks: unsigned(row, 2)?,
                    pidfs_ino: unsigned(row, 3)?,
                });
                Ok(())
            })?;
            Ok(records)
        };
        self.sql(read())
    }

    fn sql<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|error| StoreError::sql(&self.path, error))
    }
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(i64::cast_unsigned))
}

/// The leader in the columns from `at` on.
fn leader(row: &Row<'_>, at: usize) -> rusqlite::Result<Leader> {
    let path: Option<String> = row.get(at + 7)?;
    let ino = unsigned(row, at + 8)?;
    Ok(Leader {
        attempt: row.get(at)?,
        seen: Sighting {
            pid: row.get(at + 1)?,
            start_ticks: unsigned(row, at + 2)?,
            pidfs_ino: unsigned(row, at + 3)?,
        },
        pgid: row.get(at + 4)?,
        sid: row.get(at + 5)?,
        started_ms: row.get(at + 6)?,
        cgroup: path.zip(ino).map(|(path, ino)| Leaf { path, ino }),
    })
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let ended: Option<i64> = row.get(15)?;
    // Written by us as JSON. A file in which that is not so any more is damaged, but a run that cannot be
    // listed by its tags can still be listed.
    let text = |column| row.get::<_, String>(column);
    let end = match ended {
        None => None,
        Some(ended_ms) => Some(End {
            ended_ms,
            outcome: row.get(16)?,
            exit_code: row.get(17)?,
            left: row.get(18)?,
        }),
    };
    Ok(Record {
        facts: RunFacts {
            run: row.get(0)?,
            parent: row.get(1)?,
            name: row.get(2)?,
            tags: serde_json::from_str(&text(3)?).unwrap_or_default(),
            scope: Scope {
                host: row.get(4)?,
                boot: row.get(5)?,
                pidns: row.get::<_, i64>(6)?.cast_unsigned(),
            },
            uid: row.get(7)?,
            supervisor: Sighting {
                pid: row.get(8)?,
                start_ticks: unsigned(row, 9)?,
                pidfs_ino: unsigned(row, 10)?,
            },
            command: serde_json::from_str(&text(11)?).unwrap_or_default(),
            cwd: row.get(12)?,
            mode: row.get(13)?,
            started_ms: row.get(14)?,
        },
        leaders: Vec::new(),
        sightings: Vec::new(),
        end,
    })
}
