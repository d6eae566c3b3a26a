//! The store as several processes use it. A process of our own is this test program started again, with
//! [`ROLE`] saying what it is to do.
#![expect(clippy::disallowed_methods, reason = "the tests start processes and look at files")]

mod owed;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lockfile::{self, Found, Held};
use super::*;
use crate::core::identity::Sighting;
use crate::core::outcome::Outcome;
use crate::core::record::Record;

const ROLE: &str = "HEELER_TEST_STORE_ROLE";
const DB: &str = "HEELER_TEST_STORE_DB";
const SECOND: Duration = Duration::from_secs(1);

struct Place {
    _dir: tempfile::TempDir,
    db: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("state/heeler.db");
    Place { _dir: dir, db }
}

fn start() -> RunStart {
    RunStart {
        run: id::new_run_id().unwrap(),
        name: Some("n".into()),
        tags: [("k".to_owned(), "v".to_owned())].into(),
        argv: vec!["echo".into(), "\u{1b}[31m".into()],
        cwd: Some("/".into()),
        mode: Some("pipe".into()),
        started_ms: 1000,
        parent_run: Some("outer".into()),
    }
}

fn leader() -> LeaderFacts {
    LeaderFacts {
        attempt: 1,
        pid: 4_000_000,
        start_ticks: Some(u64::MAX - 1),
        pidfs_ino: Some(1 << 63),
        pgid: 4_000_000,
        sid: 4_000_000,
        started_ms: 1001,
        cgroup: Some(("/sys/fs/cgroup/x".into(), 7)),
    }
}

fn end(left: bool) -> RunEnd {
    RunEnd {
        outcome: Outcome::Timeout,
        exit_code: 124,
        ended_ms: 2000,
        left_members: left,
        left: if left {
            vec![Sighting { pid: 4_000_001, start_ticks: Some(9), pidfs_ino: None }]
        } else {
            Vec::new()
        },
        report_json: r#"{"schema":"heeler.report/1"}"#.into(),
    }
}

fn whole_run(db: &Path) -> (String, Vec<String>) {
    // One that takes nothing in, as 31 in 32.
    let mut run = id::new_run_id().unwrap();
    run.replace_range(id::LEN - 1.., "1");
    a_run(db, Policy::Auto, RunStart { run, ..start() }, &end(false))
}

fn a_run(db: &Path, policy: Policy, start: RunStart, end: &RunEnd) -> (String, Vec<String>) {
    let (mut tracker, mut warnings) = Tracker::begin(db, policy, &start).unwrap();
    warnings.extend(tracker.spawned(&leader()));
    tracker.attempt_ended(&AttemptEnd {
        attempt: 1,
        ended_ms: 1999,
        outcome: Outcome::Timeout,
        exit_code: None,
        signal: Some(15),
    });
    warnings.extend(tracker.finished(end));
    (start.run, warnings)
}

fn owed(db: &Path) -> usize {
    lockfile::scan(db).unwrap().iter().filter(|lock| lock.finish.is_some()).count()
}

/// A lock file whose run has let go of it.
fn let_go(db: &Path, run: &str) -> Found {
    closed(|| {
        let found = lockfile::look(db, run).expect("its file stays");
        if found.held == Held::No { Ok(found) } else { Err(format!("{:?}", found.held)) }
    })
}

/// What is so once a file is closed by all. A process that another test is starting just now may have it open for as
/// long as it has not executed its program.
fn closed<T>(look: impl Fn() -> Result<T, String>) -> T {
    let soon = Instant::now() + Duration::from_secs(20);
    loop {
        match look() {
            Ok(found) => return found,
            Err(not_yet) => assert!(Instant::now() < soon, "{not_yet}"),
        }
        std::thread::yield_now();
    }
}

/// The open runs, then those that are over.
fn everything(store: &Store) -> Vec<Record> {
    let mut records = store.records(Which::Open).unwrap();
    store.over(|record| records.push(record)).unwrap();
    records
}

/// The database, with everything taken in that it is owed.
fn open(db: &Path) -> Store {
    let store = Store::open_existing(db, SECOND).unwrap().expect("a database");
    store.take_in("", usize::MAX).unwrap();
    store
}

fn ourselves(role: &str, db: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::plays_a_role", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(DB, db)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Not a test of its own: what the other processes do.
#[test]
fn plays_a_role() {
    let (Ok(role), Some(db)) = (std::env::var(ROLE), std::env::var_os(DB)) else { return };
    let db = PathBuf::from(db);
    match role.as_str() {
        "once" => {
            // All at the same moment: when the test closes our stdin.
            std::io::stdin().read_line(&mut String::new()).unwrap();
            let (_, warnings) = whole_run(&db);
            assert_eq!(warnings, Vec::<String>::new());
        }
        "for ever" => {
            use std::io::Write as _;
            loop {
                let (run, warnings) = whole_run(&db);
                assert_eq!(warnings, Vec::<String>::new());
                // The harness may have left its line unfinished; a line of our own begins after it.
                writeln!(std::io::stdout(), "\ndone {run}").unwrap();
            }
        }
        "hold" => {
            use std::io::Write as _;
            let start = start();
            let (mut tracker, _) = Tracker::begin(&db, Policy::Auto, &start).unwrap();
            tracker.spawned(&leader());
            writeln!(std::io::stdout(), "\ndone {}", start.run).unwrap();
            std::io::stdin().read_line(&mut String::new()).unwrap();
            tracker.finished(&end(false));
        }
        other => panic!("no role {other}"),
    }
}

fn done_lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("done ").map(str::to_owned))
}

#[test]
fn a_run_is_written_down_and_read_back() {
    let place = place();
    let (run, warnings) = whole_run(&place.db);
    assert_eq!(warnings, Vec::<String>::new());
    let store = open(&place.db);
    let record = store.record(&run).unwrap().expect("the run");
    assert!(record.closed());
    assert_eq!(record.facts.name.as_deref(), Some("n"));
    assert_eq!(record.facts.tags["k"], "v");
    assert_eq!(record.facts.command, ["echo", "\u{1b}[31m"]);
    assert_eq!(record.facts.parent.as_deref(), Some("outer"));
    assert_eq!(record.facts.supervisor.pid, std::process::id() as i32);
    let attempt = &store.attempts(&run).unwrap()[0];
    assert_eq!(attempt.leader.seen.start_ticks, Some(u64::MAX - 1), "all 64 bits");
    assert_eq!(attempt.leader.seen.pidfs_ino, Some(1 << 63));
    assert_eq!(attempt.leader.cgroup.as_ref().map(|leaf| leaf.ino), Some(7));
    assert_eq!((attempt.signal, attempt.outcome.as_deref()), (Some(15), Some("timeout")));
    assert_eq!(store.report(&run).unwrap().as_deref(), Some(r#"{"schema":"heeler.report/1"}"#));
    assert!(lockfile::scan(&place.db).unwrap().is_empty(), "the lock file is gone");
    assert!(store.records(Which::Open).unwrap().is_empty(), "it is over");
    assert_eq!(everything(&store), [record]);
    for word in [run.as_str(), &run[..3], "n"] {
        let named = [word.to_owned()];
        assert_eq!(store.records(Which::Named(&named)).unwrap().len(), 1, "{word}");
    }
    let nobody = ["nobody".to_owned(), "' OR 1".to_owned()];
    assert!(store.records(Which::Named(&nobody)).unwrap().is_empty());
    assert_eq!(store.journal_mode().unwrap(), "wal");
    for (path, mode) in [
        (place.db.clone(), 0o600),
        (place::suffixed(&place.db, "-wal"), 0o600),
        (place::runs_dir(&place.db), 0o700),
        (place.db.parent().unwrap().to_owned(), 0o700),
    ] {
        let found = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}", path.display());
    }
}

#[test]
fn the_lock_file_tells_everything_before_there_is_a_row() {
    let place = place();
    let start = start();
    let (mut tracker, _) = Tracker::begin(&place.db, Policy::Auto, &start).unwrap();
    let found = lockfile::look(&place.db, &start.run).expect("a lock file");
    assert_eq!(found.held, Held::Yes);
    let record = found.record.expect("readable");
    assert_eq!(record.facts.command, start.argv);
    assert_eq!(record.leaders, []);
    assert!(!place.db.exists(), "nothing but a file before the spawn");
    tracker.spawned(&leader());
    let from_file = lockfile::look(&place.db, &start.run).unwrap().record.unwrap();
    let from_row = open(&place.db).record(&start.run).unwrap().unwrap();
    assert_eq!(from_file, from_row);
    tracker.finished(&end(true));
    let from_file = lockfile::look(&place.db, &start.run).expect("members were left").record;
    let from_row = open(&place.db).record(&start.run).unwrap();
    assert_eq!(from_file, from_row);
    assert!(!from_row.unwrap().closed());
}

#[test]
fn required_tracking_writes_the_row_first_and_fails_first() {
    let place = place();
    let start = start();
    let (tracker, _) = Tracker::begin(&place.db, Policy::Require, &start).unwrap();
    assert!(open(&place.db).record(&start.run).unwrap().is_some());
    tracker.abandon();
    assert!(open(&place.db).record(&start.run).unwrap().is_none(), "nothing was started");
    assert!(lockfile::scan(&place.db).unwrap().is_empty());
    // The log holds the first page too, and would heal it.
    std::fs::remove_file(place::suffixed(&place.db, "-wal")).unwrap();
    std::fs::write(&place.db, "this is not a database, and longer than a header is. ".repeat(10))
        .unwrap();
    let again = self::start();
    let error = Tracker::begin(&place.db, Policy::Require, &again).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(lockfile::look(&place.db, &again.run).is_none(), "nothing is left of it");
}

#[test]
fn a_damaged_database_is_a_warning_with_advice_and_the_run_goes_on() {
    let place = place();
    std::fs::create_dir_all(place.db.parent().unwrap()).unwrap();
    std::fs::write(&place.db, "this is not a database, and longer than a header is. ".repeat(10))
        .unwrap();
    let (_, warnings) = whole_run(&place.db);
    assert_eq!(warnings.len(), 1, "once a run: {warnings:?}");
    assert!(warnings[0].contains("damaged") && warnings[0].contains("mv "), "{warnings:?}");
    assert!(matches!(Store::open_existing(&place.db, SECOND), Err(StoreError::Corrupt { .. })));
}

#[test]
fn someone_elses_database_is_not_touched() {
    let place = place();
    std::fs::create_dir_all(place.db.parent().unwrap()).unwrap();
    let conn = rusqlite::Connection::open(&place.db).unwrap();
    conn.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(conn);
    let before = std::fs::read(&place.db).unwrap();
    let (_, warnings) = whole_run(&place.db);
    assert!(warnings[0].contains("another program"), "{warnings:?}");
    assert!(std::fs::read(&place.db).unwrap().starts_with(&before[..20]), "still a rollback file");
}

#[test]
fn a_newer_schema_is_read_and_not_written() {
    let place = place();
    let (run, _) = whole_run(&place.db);
    let conn = rusqlite::Connection::open(&place.db).unwrap();
    conn.execute_batch("PRAGMA user_version = 1000; ALTER TABLE runs ADD COLUMN shiny TEXT")
        .unwrap();
    drop(conn);
    let (other, warnings) = whole_run(&place.db);
    assert!(warnings[0].contains("schema 1000"), "{warnings:?}");
    let store = open(&place.db);
    assert!(!store.writable());
    assert!(matches!(store.newer(), Some(StoreError::Newer { found: 1000, .. })));
    assert!(store.record(&run).unwrap().is_some());
    assert!(store.record(&other).unwrap().is_none());
}

#[test]
fn a_hundred_processes_at_once_lose_nothing() {
    let place = place();
    // The database does not exist yet: they also race to make it.
    let mut children: Vec<Child> = (0..100).map(|_| ourselves("once", &place.db)).collect();
    for child in &mut children {
        drop(child.stdin.take());
    }
    let failed: Vec<String> = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap())
        .filter(|output| !output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .collect();
    assert_eq!(failed, Vec::<String>::new());
    let store = open(&place.db);
    let records = everything(&store);
    assert_eq!(records.len(), 100);
    assert!(records.iter().all(Record::closed));
    store.check_integrity().unwrap();
    assert!(lockfile::scan(&place.db).unwrap().is_empty());
}

#[test]
fn killed_at_any_moment_the_file_is_whole_and_what_was_done_is_there() {
    let place = place();
    for after in 1..=8 {
        let mut child = ourselves("for ever", &place.db);
        let done: Vec<String> = done_lines(&mut child).take(after).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(&place.db);
        store.check_integrity().unwrap();
        for run in &done {
            assert!(store.record(run).unwrap().is_some_and(|record| record.closed()), "{run}");
        }
    }
    // The lock of a killed one is free.
    assert!(lockfile::scan(&place.db).unwrap().iter().all(|lock| lock.held == Held::No));
}

#[test]
fn a_lock_is_held_until_its_process_dies_and_asking_does_not_disturb() {
    let place = place();
    let mut child = ourselves("hold", &place.db);
    let run = done_lines(&mut child).next().expect("ready");
    for _ in 0..3 {
        assert_eq!(lockfile::look(&place.db, &run).unwrap().held, Held::Yes);
    }
    lockfile::remove_stale(&place.db, &run).unwrap();
    assert!(lockfile::look(&place.db, &run).is_some(), "a held one is not removed");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lockfile::look(&place.db, &run).unwrap().held, Held::No);
    lockfile::remove_stale(&place.db, &run).unwrap();
    assert!(lockfile::look(&place.db, &run).is_none());
}

#[test]
fn a_busy_database_keeps_no_child_waiting_and_the_end_makes_up_for_it() {
    let place = place();
    whole_run(&place.db);
    let start = start();
    let (mut tracker, _) = Tracker::begin(&place.db, Policy::Auto, &start).unwrap();
    let blocker = rusqlite::Connection::open(&place.db).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(tracker.spawned(&leader()), None, "there is another chance");
    assert!(lockfile::look(&place.db, &start.run).unwrap().record.unwrap().leader().is_some());
    blocker.execute_batch("COMMIT").unwrap();
    assert_eq!(tracker.finished(&end(false)), None);
    assert!(open(&place.db).record(&start.run).unwrap().is_some_and(|record| record.closed()));
}

#[test]
fn a_torn_or_foreign_line_in_a_lock_file_costs_only_itself() {
    let place = place();
    let start = start();
    let (mut tracker, _) = Tracker::begin(&place.db, Policy::Auto, &start).unwrap();
    let path = place::runs_dir(&place.db).join(format!("{}.lock", start.run));
    let append = |text: &str| {
        use std::io::Write as _;
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    };
    append("{\"from_the_future\":1}\n{\"leader\":{\"atte");
    let record = lockfile::look(&place.db, &start.run).unwrap().record.expect("readable");
    assert_eq!(record.facts.run, start.run);
    assert_eq!(record.leaders, []);
    tracker.spawned(&leader());
    std::fs::write(&path, "").unwrap();
    let found = lockfile::look(&place.db, &start.run).unwrap();
    assert_eq!((found.held, found.record), (Held::Yes, None));
}

/// Regression: with SQLite's own checkpoints the log of one run after the other was never reused, and every
/// run copied all of it.
#[test]
fn the_log_stays_short_when_one_run_follows_the_other() {
    let place = place();
    let log = place::suffixed(&place.db, "-wal");
    let lengths: Vec<u64> = (0..80)
        .map(|_| {
            a_run(&place.db, Policy::Require, start(), &end(false));
            std::fs::metadata(&log).unwrap().len()
        })
        .collect();
    assert!(lengths.iter().all(|&length| length < 1_200_000), "{lengths:?}");
    let emptied = lengths.iter().filter(|&&length| length == 0).count();
    assert!((1..=8).contains(&emptied), "now and then, not each time: {lengths:?}");
    assert_eq!(everything(&open(&place.db)).len(), 80);
}

const DAY: i64 = 24 * 3600 * 1000;

#[test]
fn what_ended_two_weeks_ago_is_forgotten_once_a_day() {
    let place = place();
    let at = |ended_ms| {
        let end = RunEnd { ended_ms, ..end(false) };
        a_run(&place.db, Policy::Require, start(), &end);
        everything(&open(&place.db)).len()
    };
    assert_eq!([0, 1, DAY].map(at), [1, 2, 3]);
    assert_eq!(at(14 * DAY), 4, "the oldest is fourteen days old, not older");
    assert_eq!(at(14 * DAY + 5), 5, "they were looked for just now");
    assert_eq!(at(15 * DAY), 4, "a day later: two are gone");
    assert_eq!(at(15 * DAY + 7), 5, "and no more today");
    assert_eq!(at(0), 6, "a clock that was set back: it has been looked at anew,");
    assert_eq!(at(30 * DAY), 1, "and did not keep the next from it");
}

#[test]
fn a_lot_that_is_old_goes_in_pieces() {
    let place = place();
    whole_run(&place.db);
    let store = open(&place.db);
    store
        .conn
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
             INSERT INTO runs (run, tags, host, boot, pidns, uid, supervisor_pid, command, started_ms, ended_ms)
             SELECT 'r' || i, '{}', '', '', 0, 0, 1, '[]', 0, 1 FROM n;",
        )
        .unwrap();
    let left: Vec<i64> = (0..4)
        .map(|i| {
            let end = RunEnd { ended_ms: 100 * DAY + i, ..end(false) };
            a_run(&place.db, Policy::Require, start(), &end);
            let count = "SELECT count(*) FROM runs WHERE ended_ms < 5000";
            store.conn.query_row(count, [], |row| row.get(0)).unwrap()
        })
        .collect();
    assert_eq!(left, [701, 201, 0, 0]);
}

#[test]
fn what_belongs_to_a_run_is_forgotten_with_it() {
    let place = place();
    for _ in 0..3 {
        whole_run(&place.db);
    }
    a_run(&place.db, Policy::Require, start(), &RunEnd { ended_ms: 15 * DAY, ..end(false) });
    open(&place.db);
    let start = start();
    a_run(&place.db, Policy::Require, start, &RunEnd { ended_ms: 16 * DAY, ..end(false) });
    let store = open(&place.db);
    let records = everything(&store);
    assert_eq!(records.len(), 2);
    assert_eq!(store.attempts(&records[0].facts.run).unwrap().len(), 1);
    let orphans: i64 = store
        .conn
        .query_row(
            "SELECT count(*) FROM attempts WHERE run NOT IN (SELECT run FROM runs)",
            [],
            |r| r.get(0),
        )
        .unwrap();
    assert_eq!(orphans, 0, "what belongs to them goes with them");
}

#[test]
fn a_directory_that_cannot_be_written_is_a_warning_and_can_still_be_listed() {
    if crate::sys::ids::uid() == 0 {
        // Modes do not stop root; a place that is a file does.
        let place = place();
        std::fs::write(place.db.parent().unwrap(), "a file").unwrap();
        let (_, warnings) = whole_run(&place.db);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("--db"), "{warnings:?}");
        assert!(Tracker::begin(&place.db, Policy::Require, &start()).is_err());
        return;
    }
    let place = place();
    let (run, _) = whole_run(&place.db);
    let dir = place.db.parent().unwrap();
    std::fs::set_permissions(dir, PermissionsExt::from_mode(0o500)).unwrap();
    std::fs::set_permissions(&place.db, PermissionsExt::from_mode(0o400)).unwrap();
    let (_, warnings) = whole_run(&place.db);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(open(&place.db).record(&run).unwrap().is_some());
    std::fs::set_permissions(dir, PermissionsExt::from_mode(0o700)).unwrap();
}

/// Needs a file system of its own, which only root may mount; elsewhere there is nothing to fill up.
#[test]
fn a_full_disk_is_a_warning_and_damages_nothing() {
    if crate::sys::ids::uid() != 0 {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| Command::new("mount").args(args).arg(dir.path()).status();
    let mounted = mount(&["-t", "tmpfs", "-o", "size=256k,mode=700", "heeler-test"]);
    if !mounted.is_ok_and(|status| status.success()) {
        return; // A container without the right to mount.
    }
    let db = dir.path().join("heeler.db");
    let checked = std::panic::catch_unwind(|| {
        let (run, warnings) = whole_run(&db);
        assert_eq!(warnings, Vec::<String>::new());
        let mut fillers = 0;
        let warnings = loop {
            let free = crate::sys::fs::free_bytes(dir.path()).unwrap();
            std::fs::write(dir.path().join(format!("filler-{fillers}")), vec![0; free as usize])
                .unwrap();
            let (_, warnings) = whole_run(&db);
            fillers += 1;
            // What a run removed may be open still (see `closed`).
            if !warnings.is_empty() || fillers == 20 {
                break warnings;
            }
        };
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        for filler in 0..fillers {
            std::fs::remove_file(dir.path().join(format!("filler-{filler}"))).unwrap();
        }
        closed(|| match crate::sys::fs::free_bytes(dir.path()).unwrap() {
            ..100_000 => Err("the room is not given back".to_owned()),
            _ => Ok(()),
        });
        let (after, warnings) = whole_run(&db);
        assert_eq!(warnings, Vec::<String>::new(), "it goes on by itself");
        let store = open(&db);
        store.check_integrity().unwrap();
        assert!(store.record(&run).unwrap().is_some());
        assert!(store.record(&after).unwrap().is_some());
    });
    // Lazily: a process that another test is starting just now may still have a file of it open.
    let unmounted = Command::new("umount").arg("-l").arg(dir.path()).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    checked.unwrap();
}
