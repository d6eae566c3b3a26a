//! The schema, as the list of steps that made it.
//!
//! **The list is only ever appended to.** A step that was released is never edited: databases out there have
//! taken it. `user_version` counts the steps a database has taken; the missing ones are applied in one
//! exclusive transaction, so two heelers that find an old database do not both migrate it. Steps add (tables,
//! columns that may be null); they never remove or rename, so an older heeler can still read.

use rusqlite::{Connection, TransactionBehavior};

/// `application_id`, "HELR": tells our file from someone else's database that `--db` was pointed at.
pub(super) const APPLICATION_ID: i32 = 0x4845_4C52;

const STEPS: &[&str] = &[
    // 1: everything of 0.1.
    "
    -- One supervised command. Times are milliseconds since 1970 by the wall clock. Numbers that the kernel
    -- counts as unsigned 64 bit (ticks, inodes) are kept as the same 64 bits, signed.
    CREATE TABLE runs (
        run TEXT PRIMARY KEY,
        parent TEXT,                    -- null: not started inside another run
        name TEXT,                      -- null: not named
        tags TEXT NOT NULL,             -- JSON object
        host TEXT NOT NULL,
        boot TEXT NOT NULL,
        pidns INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        supervisor_pid INTEGER NOT NULL,
        supervisor_ticks INTEGER,       -- null: /proc could not be read
        supervisor_ino INTEGER,         -- null: the kernel has no pidfs
        command TEXT NOT NULL,          -- JSON array; bytes that are not UTF-8 are U+FFFD
        cwd TEXT,                       -- null: not known
        mode TEXT,                      -- null: not known
        started_ms INTEGER NOT NULL,
        ended_ms INTEGER,               -- null: not ended, or its heeler was killed
        outcome TEXT,                   -- null: as above, or closed by reap without anyone having seen the end
        exit_code INTEGER,              -- heeler's own; null as outcome
        left_members INTEGER NOT NULL DEFAULT 0 CHECK (left_members IN (0, 1)),
        report TEXT                     -- the report; null as outcome
    ) STRICT;
    CREATE INDEX runs_open ON runs (started_ms) WHERE ended_ms IS NULL OR left_members = 1;
    CREATE INDEX runs_ended ON runs (ended_ms) WHERE ended_ms IS NOT NULL AND left_members = 0;
    CREATE INDEX runs_name ON runs (name, started_ms) WHERE name IS NOT NULL;

    -- One start of the command within a run, and its leader.
    CREATE TABLE attempts (
        run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
        n INTEGER NOT NULL,
        pid INTEGER NOT NULL,
        start_ticks INTEGER,
        pidfs_ino INTEGER,
        pgid INTEGER NOT NULL,
        sid INTEGER NOT NULL,
        cgroup_path TEXT,               -- null: not held by a cgroup
        cgroup_ino INTEGER,
        started_ms INTEGER NOT NULL,
        ended_ms INTEGER,
        outcome TEXT,
        exit_code INTEGER,              -- the leader's; null: a signal ended it
        signal INTEGER,                 -- null: it exited by itself
        PRIMARY KEY (run, n)
    ) STRICT, WITHOUT ROWID;

    -- Other members that were seen alive: left behind at the end, or found by reap.
    CREATE TABLE procs (
        run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
        pid INTEGER NOT NULL,
        start_ticks INTEGER,
        pidfs_ino INTEGER,
        seen_ms INTEGER NOT NULL,
        PRIMARY KEY (run, pid, seen_ms)
    ) STRICT, WITHOUT ROWID;

    -- Every signal that reap sent, or tried to: an audit.
    CREATE TABLE actions (
        seq INTEGER PRIMARY KEY,
        run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
        at_ms INTEGER NOT NULL,
        pid INTEGER NOT NULL,
        start_ticks INTEGER,
        comm TEXT NOT NULL,
        signal INTEGER NOT NULL,
        result TEXT NOT NULL,           -- sent, gone, or why not
        by_pid INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX actions_run ON actions (run);
    ",
    // 2: when something that is done now and then was last done.
    "
    CREATE TABLE upkeep (
        what TEXT PRIMARY KEY,
        at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    ",
];

/// The schema that this heeler writes.
pub(super) const CURRENT: i32 = STEPS.len() as i32;

/// How many steps `conn`'s database has taken.
pub(super) fn version(conn: &Connection) -> rusqlite::Result<i32> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Takes the steps that are missing. Returns the version, which is higher than [`CURRENT`] when a newer
/// heeler was faster.
pub(super) fn migrate(conn: &mut Connection) -> rusqlite::Result<i32> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    // Asked again, now that nobody else can write: another heeler may have done it meanwhile.
    let version = version(&tx)?;
    let done = usize::try_from(version).unwrap_or(0);
    if done >= STEPS.len() {
        return Ok(version);
    }
    for step in &STEPS[done..] {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", CURRENT)?;
    tx.commit()?;
    Ok(CURRENT)
}
