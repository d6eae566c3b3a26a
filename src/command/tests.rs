//! The commands over a directory of their own, with real processes where something is to be reaped.
#![expect(clippy::disallowed_methods, reason = "the tests start processes and look at files")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{doctor, inspect, list, reap};
use crate::core::outcome::Outcome;
use crate::core::record::COOKIE;
use crate::report::output::{Io, Style};
use crate::store::id::new_run_id;
use crate::store::{LeaderFacts, Policy, RunEnd, RunStart, Tracker, place};
use crate::sys;

struct Printed {
    code: i32,
    out: String,
    err: String,
}

fn printed(body: impl FnOnce(&mut Io<'_>) -> i32) -> Printed {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = body(&mut Io { out: &mut out, err: &mut err, style: Style::default() });
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Printed { code, out: text(out), err: text(err) }
}

fn listed(db: &Path, all: bool) -> Printed {
    let args = list::ListArgs { all, db: Some(db.to_owned()), ..list::ListArgs::default() };
    printed(|io| list::run(&args, io))
}

fn listed_json(db: &Path, all: bool) -> Vec<Value> {
    let args = list::ListArgs { json: true, all, db: Some(db.to_owned()), tags: Vec::new() };
    let printed = printed(|io| list::run(&args, io));
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    serde_json::from_str(&printed.out).unwrap()
}

fn reaped(db: &Path, change: impl FnOnce(&mut reap::ReapArgs)) -> Printed {
    let mut args = reap::ReapArgs { db: Some(db.to_owned()), ..reap::ReapArgs::default() };
    change(&mut args);
    printed(|io| reap::run(&args, io))
}

/// A sleeping process with the cookie of `run`; killed when the test is over.
struct Sleeper(Child);

impl Sleeper {
    fn start(run: &str) -> Sleeper {
        let mut child = Command::new("sh")
            .args(["-c", "echo; exec sleep 1000"])
            .env(COOKIE, run)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        Sleeper(child)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A run whose heeler is gone and whose leader is `pid`.
fn abandoned(db: &Path, name: &str, started_ms: i64, pid: Option<i32>) -> String {
    let (run, tracker) = begun(db, name, started_ms, pid);
    drop(tracker);
    released(db, &run);
    run
}

/// Other tests start processes, which have our descriptors until their exec: waits for the last of those.
fn released(db: &Path, run: &str) {
    let lock = place::runs_dir(db).join(format!("{run}.lock"));
    std::fs::File::open(lock).unwrap().lock_shared().unwrap();
}

fn begun(db: &Path, name: &str, started_ms: i64, pid: Option<i32>) -> (String, Tracker) {
    let run = new_run_id().unwrap();
    begun_as(&run, db, name, started_ms, pid)
}

fn begun_as(
    run: &str,
    db: &Path,
    name: &str,
    started_ms: i64,
    pid: Option<i32>,
) -> (String, Tracker) {
    let start = RunStart {
        run: run.to_owned(),
        name: Some(name.to_owned()),
        argv: vec!["evil\u{1b}[2J".into(), "a b".into()],
        started_ms,
        ..RunStart::default()
    };
    let (mut tracker, _) = Tracker::begin(db, Policy::Auto, &start).unwrap();
    let seen = pid.and_then(|pid| sys::proc::stat(pid).unwrap());
    let facts = LeaderFacts {
        attempt: 1,
        pid: pid.unwrap_or(i32::MAX),
        start_ticks: Some(seen.as_ref().map_or(1, |stat| stat.start_ticks)),
        pidfs_ino: None,
        pgid: pid.unwrap_or(i32::MAX),
        sid: 1,
        started_ms,
        cgroup: None,
    };
    assert_eq!(tracker.spawned(&facts), None);
    (run.to_owned(), tracker)
}

/// The log holds the first page too and would heal it, so it goes.
fn damage(db: &Path) {
    std::fs::remove_file(place::suffixed(db, "-wal")).unwrap();
    std::fs::write(db, "this is not a database, and longer than a header is. ".repeat(10)).unwrap();
}

fn temp() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("heeler.db");
    (dir, db)
}

#[test]
fn without_a_database_there_is_nothing_and_nothing_is_made() {
    let (dir, db) = temp();
    let list = listed(&db, true);
    assert_eq!((list.code, list.err.as_str()), (0, ""));
    assert_eq!(list.out, "RUN  NAME  STATE  EXIT  PID  AGE  COMMAND\n");
    assert!(listed_json(&db, true).is_empty());
    let reap = reaped(&db, |_| {});
    assert_eq!((reap.code, reap.out.as_str()), (0, "nothing to reap\n"));
    let args = inspect::InspectArgs { run: "x".into(), db: Some(db) };
    let inspect = printed(|io| inspect::run(&args, io));
    assert_eq!(inspect.code, 125);
    assert!(inspect.err.contains("no run 'x'"), "{}", inspect.err);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_running_one_an_orphan_and_what_is_over() {
    let (_dir, db) = temp();
    let orphan_run = new_run_id().unwrap();
    let sleeper = Sleeper::start(&orphan_run);
    let pid = sleeper.0.id() as i32;
    drop(begun_as(&orphan_run, &db, "orphan", 1000, Some(pid)));
    released(&db, &orphan_run);
    let (running_run, tracker) = begun(&db, "running", 3000, None);
    let gone_run = abandoned(&db, "gone", 2000, None);
    let (exited_run, ended) = begun(&db, "exited", 4000, None);
    let end = RunEnd {
        outcome: Outcome::Exited,
        exit_code: 3,
        ended_ms: crate::reaper::wall_ms(),
        left_members: false,
        left: Vec::new(),
        report_json: r#"{"schema":"heeler.report/1","exit_code":3}"#.into(),
    };
    assert_eq!(ended.finished(&end), None);

    let rows = listed_json(&db, true);
    let facts: Vec<_> = rows
        .iter()
        .map(|row| (row["run"].as_str().unwrap(), row["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        facts,
        [
            (orphan_run.as_str(), "orphaned"),
            (&gone_run, "gone"),
            (&running_run, "running"),
            (&exited_run, "exited")
        ],
        "oldest first"
    );
    assert_eq!(rows[0]["pid"], pid);
    assert_eq!(rows[0]["supervisor_pid"], std::process::id());
    assert_eq!(rows[0]["members"][0]["pid"], pid);
    assert_eq!(rows[0]["members"][0]["proven"], true);
    assert_eq!(rows[0]["started_at"], "1970-01-01T00:00:01.000Z");
    assert_eq!(rows[3]["exit_code"], 3);
    assert_eq!(listed_json(&db, false).len(), 2, "the living ones");

    let table = listed(&db, false).out;
    assert_eq!(table.lines().count(), 3);
    assert!(!table.contains('\u{1b}') && table.contains(r"'evil\x1b[2J' 'a b'"), "{table}");

    let args = inspect::InspectArgs { run: "exited".into(), db: Some(db.clone()) };
    let inspected = printed(|io| inspect::run(&args, io));
    let inspected: Value = serde_json::from_str(&inspected.out).unwrap();
    assert_eq!(inspected["run"], exited_run.as_str());
    assert_eq!(inspected["report"]["schema"], "heeler.report/1");
    assert_eq!(inspected["attempts"][0]["n"], 1);

    let dry = reaped(&db, |args| args.dry_run = true);
    assert_eq!(dry.code, 1, "there is something to reap");
    assert_eq!(dry.out, format!("{orphan_run} (orphan): would end pid {pid} sleep\n"));
    let done = reaped(&db, |args| args.json = true);
    assert_eq!(done.code, 0);
    let done: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(done["runs"].as_array().unwrap().len(), 2, "{done}");
    assert_eq!(done["signals"][0]["signal"], 15);
    assert_eq!(done["survivors"], serde_json::json!([]));
    let states: Vec<_> = listed_json(&db, true).iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["gone", "gone", "running", "exited"]);
    let again = reaped(&db, |args| args.dry_run = true);
    assert_eq!((again.code, again.out.as_str()), (0, "nothing to reap\n"));
    drop(tracker);
}

#[test]
fn a_damaged_database_is_said_and_the_lock_files_are_listed_and_reaped() {
    let (_dir, db) = temp();
    let run = new_run_id().unwrap();
    let mut sleeper = Sleeper::start(&run);
    drop(begun_as(&run, &db, "n", 1000, Some(sleeper.0.id() as i32)));
    released(&db, &run);
    damage(&db);
    let list = listed(&db, false);
    assert_eq!(list.code, 125);
    assert!(list.out.contains(&run) && list.out.contains("orphaned"), "{}", list.out);
    assert!(list.err.contains("damaged") && list.err.contains("mv "), "{}", list.err);
    let reap = reaped(&db, |_| {});
    assert_eq!(reap.code, 125, "nothing is left, but the database is damaged");
    assert!(sleeper.0.try_wait().unwrap().is_some());
    assert_eq!(listed(&db, false).out.lines().count(), 1);
}

/// What was read before the damage is not mixed with what the lock files tell.
#[test]
fn damage_in_the_middle_of_a_long_list_is_damage() {
    use std::os::unix::fs::FileExt;
    let (_dir, db) = temp();
    let (open, tracker) = begun(&db, "n", 1000, None);
    drop(tracker);
    for _ in 0..40 {
        let start =
            RunStart { run: new_run_id().unwrap(), started_ms: 1000, ..RunStart::default() };
        let (tracker, _) = Tracker::begin(&db, Policy::Require, &start).unwrap();
        tracker.finished(&RunEnd {
            outcome: Outcome::Exited,
            exit_code: 0,
            ended_ms: 2000,
            left_members: false,
            left: Vec::new(),
            report_json: "1".repeat(1000),
        });
    }
    assert_eq!(listed_json(&db, true).len(), 41);
    rusqlite::Connection::open(&db)
        .unwrap()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&db).unwrap();
    let length = file.metadata().unwrap().len();
    // The last pages are of the table of runs: nothing else has grown so much.
    file.write_all_at(&[0xff; 8192], length - 8192).unwrap();
    let list = listed(&db, true);
    assert_eq!((list.code, list.out.lines().count()), (125, 2), "{}", list.out);
    assert!(list.out.contains(&open), "{}", list.out);
    assert!(list.err.contains("damaged") && list.err.contains("lock files alone"), "{}", list.err);
}

#[test]
fn a_word_that_fits_several_or_none_does_nothing() {
    let (_dir, db) = temp();
    let (first, one) = begun(&db, "twin", 1000, None);
    let (second, two) = begun(&db, "twin", 2000, None);
    let several = reaped(&db, |args| args.runs = vec!["twin".into()]);
    assert_eq!(several.code, 125);
    assert!(several.err.contains(&first) && several.err.contains(&second), "{}", several.err);
    let none = reaped(&db, |args| args.runs = vec![first.clone(), "nobody".into()]);
    assert_eq!(none.code, 125);
    drop((one, two));
}

#[test]
fn the_doctor_says_the_same_things_in_the_same_order() {
    let (_dir, db) = temp();
    let args = doctor::DoctorArgs { json: true, db: Some(db.clone()) };
    let diagnosis = printed(|io| doctor::run(&args, io));
    let found: Value = serde_json::from_str(&diagnosis.out).unwrap();
    let checks = found["checks"].as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "terminals (PTY)",
            "pidfd",
            "group signals",
            "process identity",
            "subreaper",
            "cgroup v2",
            "tracking",
            "our terminal",
            "descriptors",
            "processes",
            "containers"
        ]
    );
    for check in checks {
        assert_eq!(check["status"] == "ok", check.get("fix").is_none(), "{check}");
    }
    let failed = checks.iter().any(|check| check["status"] == "fail");
    assert_eq!(diagnosis.code, if failed { 125 } else { 0 });
    assert_eq!(checks[6]["status"], "ok", "{}", checks[6]);

    damage(&db);
    let args = doctor::DoctorArgs { json: false, db: Some(db) };
    let diagnosis = printed(|io| doctor::run(&args, io));
    assert!(diagnosis.out.contains("warn  tracking"), "{}", diagnosis.out);
}
