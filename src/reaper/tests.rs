//! Real processes: each prints a line when it is ready, and is waited for through its pidfd.
#![expect(clippy::disallowed_methods, reason = "the tests start processes and look at files")]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;
use crate::core::reap::State;
use crate::core::record::COOKIE;
use crate::store::id::new_run_id;
use crate::store::{LeaderFacts, Policy, RunEnd, RunStart, Tracker, lockfile, place};

const GRACE: Duration = Duration::from_secs(20);

struct Place {
    _dir: tempfile::TempDir,
    db: PathBuf,
    survey: Survey,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("heeler.db");
    let survey = Survey::new(&db);
    Place { _dir: dir, db, survey }
}

/// A shell that does `script`, which prints a line when it is ready. Killed when the test is over.
struct Shell {
    child: Child,
    line: String,
}

impl Shell {
    fn start(script: &str, cookie: Option<&str>) -> Shell {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped()).stdin(Stdio::null());
        match cookie {
            Some(cookie) => command.env(COOKIE, cookie),
            None => command.env_remove(COOKIE),
        };
        let mut child = command.process_group(0).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Shell { child, line: line.trim().to_owned() }
    }

    fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// The number that it printed.
    fn other(&self) -> PidFd {
        PidFd::open(self.line.parse().unwrap()).unwrap().expect("it runs")
    }

    fn alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn leader(pid: i32) -> LeaderFacts {
    let stat = sys::proc::stat(pid).unwrap().expect("it runs");
    LeaderFacts {
        attempt: 1,
        pid,
        start_ticks: Some(stat.start_ticks),
        pidfs_ino: PidFd::open(pid).unwrap().and_then(|fd| fd.inode()),
        pgid: stat.pgrp,
        sid: stat.session,
        started_ms: 0,
        cgroup: None,
    }
}

fn begin(db: &Path, run: &str) -> Tracker {
    let start = RunStart { run: run.into(), argv: vec!["x".into()], ..RunStart::default() };
    let (tracker, warnings) = Tracker::begin(db, Policy::Auto, &start).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    tracker
}

/// What is left when a heeler is killed: an open record, and a lock that nobody holds.
fn abandoned(db: &Path, run: &str, leader: Option<&LeaderFacts>) {
    let mut tracker = begin(db, run);
    if let Some(leader) = leader {
        assert_eq!(tracker.spawned(leader), None);
    }
    drop(tracker);
    // Other tests start processes, which have our descriptors until their exec: wait for the last of those.
    let lock = place::runs_dir(db).join(format!("{run}.lock"));
    File::open(lock).unwrap().lock_shared().unwrap();
}

fn selection() -> Selection {
    Selection { uid: sys::ids::uid(), ..Selection::default() }
}

fn reap(place: &Place, selection: &Selection, grace: Duration) -> Reaped {
    let store = Store::open_existing(&place.db, Duration::from_secs(1)).unwrap();
    carry_out(&place.survey, store, selection, Some(grace), None, &mut |_| {}).unwrap()
}

fn states(place: &Place) -> Vec<State> {
    let store = Store::open_existing(&place.db, Duration::from_secs(1)).unwrap();
    let mut subjects = place.survey.look(store.as_ref(), Which::Open).unwrap().subjects;
    let here = &place.survey.here;
    let over = store.map(|store| store.over(|record| subjects.push(Subject::unseen(record, here))));
    over.transpose().unwrap();
    subjects.iter().map(|subject| subject.state(here).0).collect()
}

fn signals(reaped: &Reaped, pid: i32) -> Vec<i32> {
    reaped.actions.iter().filter(|a| a.target.pid == pid).map(|a| a.signal).collect()
}

#[test]
fn a_leader_its_children_and_those_that_fled_are_ended_and_a_second_reap_finds_nothing() {
    let place = place();
    let run = new_run_id().unwrap();
    let leader_shell = Shell::start("sleep 1000 >/dev/null & echo $!; wait", Some(&run));
    // Out of the session and away from its parent; its cookie is all that it has.
    let fled =
        Shell::start("setsid sleep 1000 >/dev/null & echo $!", Some(&format!("outer:{run}")));
    abandoned(&place.db, &run, Some(&leader(leader_shell.pid())));
    assert_eq!(states(&place), [State::Orphaned]);

    let store = Store::open_existing(&place.db, GRACE).unwrap();
    let scene = place.survey.look(store.as_ref(), Which::Open).unwrap();
    let dry = reap::plan(&scene.subjects, &place.survey.here, &selection(), wall_ms());
    let reaped = reap(&place, &selection(), GRACE);
    assert_eq!(reaped.items, dry, "a dry run says what a real one does");
    assert_eq!(reaped.survivors, []);
    assert_eq!(reaped.warnings, Vec::<String>::new());
    for gone in [leader_shell.other(), fled.other()] {
        assert!(gone.exited().unwrap());
    }
    assert_eq!(signals(&reaped, leader_shell.pid())[0], TERM);
    let store = Store::open_existing(&place.db, GRACE).unwrap().unwrap();
    assert_eq!(store.actions(&run).unwrap().len(), reaped.actions.len(), "audited");
    assert_eq!(states(&place), [State::Gone], "nobody saw its end");
    assert!(lockfile::look(&place.db, &run).is_none());
    let again = reap(&place, &selection(), GRACE);
    assert_eq!((again.items.len(), again.actions.len(), again.survivors.len()), (0, 0, 0));
}

#[test]
fn lookalikes_are_never_signalled() {
    let place = place();
    let run = new_run_id().unwrap();
    // Each is what a careless reaper would take for a member.
    let mut reused = Shell::start("echo; exec sleep 1000", None);
    let mut prefix = Shell::start("echo; exec sleep 1000", Some(&format!("{run}x")));
    let mut plain = Shell::start("echo; exec sleep 1000", None);
    // The record's number, of another start: the number was given again. Its group and session look like the
    // leader's own.
    let mut recorded = leader(reused.pid());
    recorded.start_ticks = recorded.start_ticks.map(|ticks| ticks - 1);
    recorded.pidfs_ino = None;
    recorded.pgid = recorded.pid;
    recorded.sid = recorded.pid;
    abandoned(&place.db, &run, Some(&recorded));
    assert_eq!(states(&place), [State::Gone]);
    let reaped = reap(&place, &selection(), Duration::ZERO);
    assert_eq!(reaped.actions, []);
    assert_eq!(reaped.survivors, []);
    for shell in [&mut reused, &mut prefix, &mut plain] {
        assert!(shell.alive());
    }
}

#[test]
fn the_same_ticks_and_another_inode_is_another_process() {
    let place = place();
    let run = new_run_id().unwrap();
    let mut shell = Shell::start("echo; exec sleep 1000", None);
    let mut recorded = leader(shell.pid());
    let Some(inode) = recorded.pidfs_ino else { return }; // Linux before 6.9 has no inode to tell them by.
    recorded.pidfs_ino = Some(inode + 1);
    abandoned(&place.db, &run, Some(&recorded));
    assert_eq!(states(&place), [State::Gone]);
    let reaped = reap(&place, &selection(), Duration::ZERO);
    assert_eq!(reaped.actions, []);
    assert!(shell.alive());
}

#[test]
fn an_unknown_start_is_refused_and_said() {
    let place = place();
    let run = new_run_id().unwrap();
    let mut shell = Shell::start("echo; exec sleep 1000", None);
    let mut recorded = leader(shell.pid());
    (recorded.start_ticks, recorded.pidfs_ino) = (None, None);
    abandoned(&place.db, &run, Some(&recorded));
    assert_eq!(states(&place), [State::Foreign]);
    let named = Selection { runs: Some(vec![run]), ..selection() };
    let reaped = reap(&place, &named, Duration::ZERO);
    assert_eq!(reaped.actions, []);
    assert_eq!(reaped.survivors.len(), 1);
    assert!(shell.alive());
}

#[test]
fn who_ignores_term_is_killed_after_the_grace_and_who_is_stopped_gets_his_term() {
    let place = place();
    let (deaf_run, stopped_run) = (new_run_id().unwrap(), new_run_id().unwrap());
    let mut deaf = Shell::start(
        "trap '' TERM; echo; while :; do sleep 1000 >/dev/null; done",
        Some(&deaf_run),
    );
    let stopped = Shell::start("echo; exec sleep 1000", Some(&stopped_run));
    PidFd::open(stopped.pid()).unwrap().unwrap().signal(libc_stop()).unwrap();
    abandoned(&place.db, &deaf_run, Some(&leader(deaf.pid())));
    abandoned(&place.db, &stopped_run, Some(&leader(stopped.pid())));
    let only = Selection { runs: Some(vec![stopped_run]), ..selection() };
    let reaped = reap(&place, &only, GRACE);
    assert_eq!(signals(&reaped, stopped.pid()), [TERM, CONT]);
    assert_eq!(reaped.survivors, []);
    assert!(deaf.alive());
    let reaped = reap(&place, &selection(), Duration::from_millis(50));
    assert_eq!(reaped.survivors, []);
    assert_eq!(signals(&reaped, deaf.pid()), [TERM, CONT, KILL]);
    assert!(!deaf.alive());
}

#[test]
fn members_left_on_purpose_are_tracked_and_found_without_a_cookie() {
    let place = place();
    let run = new_run_id().unwrap();
    let mut left = Shell::start("echo; exec sleep 1000", None);
    let facts = leader(left.pid());
    let tracker = begin(&place.db, &run);
    let seen = Sighting { pid: facts.pid, start_ticks: facts.start_ticks, pidfs_ino: None };
    tracker.finished(&RunEnd {
        outcome: crate::core::outcome::Outcome::Exited,
        exit_code: 0,
        ended_ms: wall_ms(),
        left_members: true,
        left: vec![seen],
        report_json: "{}".into(),
    });
    let lock = place::runs_dir(&place.db).join(format!("{run}.lock"));
    File::open(lock).unwrap().lock_shared().unwrap();
    assert_eq!(states(&place), [State::Orphaned]);
    let reaped = reap(&place, &selection(), GRACE);
    assert_eq!(reaped.survivors, []);
    assert!(!left.alive());
    assert_eq!(states(&place), [State::Exited], "its end was seen");
}

#[test]
fn without_any_database_the_lock_files_are_enough() {
    let place = place();
    let run = new_run_id().unwrap();
    let mut shell = Shell::start("echo; exec sleep 1000", Some(&run));
    abandoned(&place.db, &run, Some(&leader(shell.pid())));
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(place::suffixed(&place.db, suffix)).unwrap();
    }
    let reaped = reap(&place, &selection(), GRACE);
    assert_eq!(reaped.survivors, []);
    assert!(!shell.alive());
    assert!(lockfile::look(&place.db, &run).is_none());
}

/// A process that holds the lock of `run` as a heeler does; the lock is on its stdin.
fn heeler(db: &Path, run: &str, script: &str) -> Child {
    let dir = place::runs_dir(db);
    place::private_dir(&dir).unwrap();
    let path = dir.join(format!("{run}.lock"));
    let lock = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    lock.try_lock().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", script])
        .stdin(lock)
        .stdout(Stdio::piped())
        .env_remove(COOKIE)
        .process_group(0)
        .spawn()
        .unwrap();
    let facts = leader(child.id() as i32);
    let line = serde_json::json!({
        "run": run,
        "scope": crate::store::tracker::here(),
        "uid": sys::ids::uid(),
        "supervisor": { "pid": facts.pid, "start_ticks": facts.start_ticks },
        "command": ["x"],
        "started_ms": 0,
    });
    let mut file = File::options().append(true).open(&path).unwrap();
    writeln!(file, "{line}").unwrap();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
    child
}

#[test]
fn a_running_run_is_left_alone_unless_it_is_meant_and_then_its_heeler_is_told() {
    let place = place();
    let run = new_run_id().unwrap();
    let mut child =
        heeler(&place.db, &run, "trap 'exit 7' TERM; echo; while :; do sleep 0.01; done");
    assert_eq!(states(&place), [State::Running]);
    assert_eq!(reap(&place, &selection(), GRACE).actions, []);
    let tag = Selection { all: true, tags: vec![("no".into(), "such".into())], ..selection() };
    assert_eq!(reap(&place, &tag, GRACE).actions, []);
    let around = Selection { all: true, around_us: vec![run.clone()], ..selection() };
    assert_eq!(reap(&place, &around, GRACE).actions, []);
    let pid = child.id() as i32;
    let reaped = reap(&place, &Selection { all: true, ..selection() }, GRACE);
    assert_eq!(signals(&reaped, pid), [TERM, CONT]);
    assert_eq!(reaped.survivors, []);
    assert_eq!(child.wait().unwrap().code(), Some(7), "it ended in its own way");
}

/// It takes long, and ends at the second request only; what it leaves has its TERM, and the time for it, all the same.
#[test]
fn what_a_slow_heeler_leaves_is_ended_gently() {
    let place = place();
    let run = new_run_id().unwrap();
    let mut child = heeler(&place.db, &run, "trap '' TERM; echo; while :; do sleep 0.01; done");
    let mut left = Shell::start("echo; exec sleep 1000", Some(&run));
    let named = Selection { runs: Some(vec![run]), ..selection() };
    let reaped = reap(&place, &named, Duration::from_millis(50));
    assert_eq!(signals(&reaped, child.id() as i32), [TERM, CONT, PWR]);
    assert_eq!(signals(&reaped, left.pid()), [TERM, CONT]);
    assert_eq!(reaped.survivors, []);
    assert!(!left.alive());
    child.wait().unwrap();
}

/// One that did not end of KILL, whose time is over, beside a heeler that has all the time it needs.
#[test]
fn who_is_unkillable_is_no_reason_to_look_again_and_again() {
    let place = place();
    let (orphaned, runs) = (new_run_id().unwrap(), new_run_id().unwrap());
    let stuck = Shell::start("echo; exec sleep 1000", Some(&orphaned));
    abandoned(&place.db, &orphaned, Some(&leader(stuck.pid())));
    let mut child = heeler(&place.db, &runs, "echo; exec sleep 1000");
    let scene = place.survey.look(None, Which::Open).unwrap();
    let all = Selection { all: true, ..selection() };
    let items = reap::plan(&scene.subjects, &place.survey.here, &all, wall_ms());
    let mut tell = |_: &Item| {};
    let mut reaper = Reaper::new(&place.survey, None, None, None, &mut tell);
    reaper.begun.insert((orphaned, false), now().checked_sub(LAST_WAIT + GRACE).unwrap());
    for seen in [stuck.pid(), child.id() as i32].map(leader) {
        let of = |ask| (seen.pid, seen.start_ticks, ask);
        reaper.sent.extend([of(Ask::Term), of(Ask::Kill)]);
    }
    let process = PidFd::open(child.id() as i32).unwrap().expect("it runs");
    let ends = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        process.signal(KILL).unwrap();
    });
    let hopeful = reaper.pass(&scene, &items.iter().collect::<Vec<_>>());
    let waited_for = child.try_wait().unwrap().is_some();
    ends.join().unwrap();
    assert!(hopeful && waited_for);
    child.wait().unwrap();
}

fn libc_stop() -> i32 {
    rustix::process::Signal::STOP.as_raw()
}

/// Whoever lives in the cgroup and is not seen (in another PID namespace, say) is left all the same.
#[test]
fn who_cannot_be_seen_is_left_too() {
    let place = place();
    let mut tell = |_: &Item| {};
    let mut reaper = Reaper::new(&place.survey, None, Some(GRACE), None, &mut tell);
    let item = Item {
        run: "r".into(),
        name: None,
        state: State::Orphaned,
        why: None,
        deed: Deed::End(Vec::new()),
        spared: Vec::new(),
        named: false,
        populated: true,
    };
    reaper.survivors(&[item]);
    let left = reaper.ledger.done.survivors;
    assert_eq!(left.iter().map(|left| left.pid).collect::<Vec<_>>(), [None]);
}
