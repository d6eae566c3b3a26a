//! What cannot be had on every machine, or only with effort: a member that nobody can end, a kill for want of
//! memory, the ways of finding members without a cgroup, and a clock that was set.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Pid;
use serde_json::Value;

use crate::children::{python, sh};
use crate::fault::is_root;
use crate::harness::{Signal, Test, proc_state, wait_gone, wait_until};

/// A cgroup of version 1, for what version 2 does not do to a process; removed at the end.
struct Old(PathBuf);

impl Old {
    fn new(controller: &str) -> Option<Old> {
        let dir = format!("/sys/fs/cgroup/{controller}/heeler-test-{}", std::process::id());
        let made = is_root() && std::fs::create_dir(&dir).is_ok();
        if !made {
            eprintln!("left out: no {controller} controller of version 1 that we may use");
        }
        made.then(|| Old(dir.into()))
    }

    fn set(&self, file: &str, value: &str) {
        std::fs::write(self.0.join(file), value).unwrap();
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        // A test that failed may leave some in it. Version 1 does not say when it is empty, but they do when they end.
        let _ = std::fs::write(self.0.join("freezer.state"), "THAWED");
        for pid in std::fs::read_to_string(self.0.join("cgroup.procs")).unwrap().lines() {
            let pid = pid.parse().unwrap();
            let _ = rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
            wait_gone(pid);
        }
        std::fs::remove_dir(&self.0).unwrap();
    }
}

/// supervisors 46; traps 14, 28: a member in uninterruptible sleep (here: frozen the old way, which KILL does
/// not reach) is waited for as long as is said, and named; what is not proven is not called so. When it can be
/// ended it is: the KILL is pending, and `reap` knows of it until then.
#[test]
fn a_member_that_nobody_can_end() {
    for containment in crate::fault::CONTAINMENTS {
        let t = Test::new();
        let Some(freezer) = Old::new("freezer") else { return };
        let mut life = t.lifeline("life");
        t.fifo("go");
        let script = r#"exec 9>"$1"; trap '' TERM; echo $$ >&9; read x < "$2"; while :; do sleep 1000; done"#;
        let mut args = vec!["--pipe", "--timeout", "1500ms", "--stop", "TERM:100ms,KILL"];
        args.extend(["--containment", containment]);
        args.extend(sh(script, &["life", "go"]));
        let run = t.run(args).report().start();
        let pid: i32 = life.wait("\n").trim().parse().unwrap();
        freezer.set("cgroup.procs", &pid.to_string());
        freezer.set("freezer.state", "FROZEN");
        wait_until("it is frozen", || proc_state(pid) == Some('D'));
        let done = run.any_out().any_err().exit(124).check();
        done.took_between(Duration::from_secs(6), Duration::from_secs(20));
        done.has("/outcome", "timeout").has("/containment/verified", false);
        done.has("/containment/unkillable/0/pid", pid);
        done.has("/containment/unkillable/0/fate", "still alive after KILL");
        done.has("/stop/signals/1/signal", "SIGKILL");
        let said = done.err_text();
        assert!(said.contains(&format!("could not end sh ({pid})")), "{said}");
        let listed = t.heeler(["list", "--json"]).any_out().check().out_text();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed[0]["state"], "orphaned", "{listed}");
        freezer.set("freezer.state", "THAWED");
        wait_gone(pid);
        life.wait_gone();
        t.heeler(["reap"]).any_out().any_err().check();
    }
}

/// supervisors 45; trap 65: the kernel kills the command for want of memory. heeler lives, and says that it may
/// have been so; it would know with a memory controller of version 2 in its own cgroup.
#[test]
fn out_of_memory() {
    let Some(memory) = Old::new("memory") else { return };
    memory.set("memory.limit_in_bytes", "24M");
    let t = Test::new();
    let join = memory.0.join("cgroup.procs");
    let hog = "import os, sys\nwith open(sys.argv[1], 'w') as procs: procs.write(str(os.getpid()))\nx = bytearray(512 << 20)\nprint('had it all')";
    let mut args = vec!["--pipe"];
    args.extend(python(hog, &[join.to_str().unwrap()]));
    let done = t.run(args).report().any_err().exit(137).check();
    done.has("/outcome", "signaled").has("/child/signal_name", "SIGKILL");
    done.has("/child/possible_oom", true).has("/containment/verified", true);
    let summary = done.at("/child/summary");
    assert!(summary.as_str().unwrap().contains("memory"), "{summary}");
}

/// supervisors 39, 67, 84; traps 15, 17, 18: heeler was killed and there is no cgroup. `reap` finds members by
/// the leader's group and session, by their parents, and by the cookie; each of these alone.
#[test]
fn without_a_cgroup_by_group_parent_and_cookie() {
    let forks = [
        // In the group; nothing else is left of what it was born with.
        ("group", "(exec 9>\"$1\"; echo in >&9; exec env -i sleep 1000) & exec sleep 1000"),
        // Child of a member, in a session of its own, without environment.
        (
            "parent",
            "env -i setsid sh -c 'exec 9>\"$1\"; echo in >&9; exec sleep 1000' sh \"$1\" & while :; do wait; done",
        ),
        // A daemon in all: only the cookie is left.
        (
            "cookie",
            "(setsid sh -c 'exec 9>\"$1\"; echo in >&9; exec sleep 1000' sh \"$1\" &) ; exec sleep 1000",
        ),
    ];
    for (how, script) in forks {
        for mode in ["--pipe", "--pty"] {
            let t = Test::new();
            t.leaves_processes();
            let mut life = t.lifeline("life");
            let mut args = vec![mode, "--containment", "subreaper", "--stdin", "null"];
            // The end of the terminal is no end for these.
            let script = format!("trap '' HUP; {script}");
            args.extend(sh(&script, &["life"]));
            let run = t.run(args).any_out().any_err().any_status().start();
            life.wait("in\n");
            run.signal(Signal::KILL);
            wait_gone(run.pid());
            assert!(!life.is_gone(), "{how}, {mode}: nobody ends it");
            t.heeler(["reap"]).any_out().any_err().check();
            life.wait_gone();
        }
    }
}

/// supervisors 10 and 66 of the traps: the wall clock was set, forth or back, since the run began. Who is who,
/// what is alive and what is to be ended does not depend on it.
#[test]
fn a_wall_clock_that_was_set() {
    const TEN_YEARS: i64 = 10 * 365 * 86_400_000;
    for step in [TEN_YEARS, -TEN_YEARS] {
        let t = Test::new();
        t.leaves_processes();
        let mut life = t.lifeline("life");
        let run = t.run(["--", "sh", "-c", "exec 9>life; echo $$ >&9; exec sleep 1000"]).start();
        life.wait("\n");
        let db = t.db();
        t.wait_db(|| db.exists() && changed(&db, step));
        let state = || -> Value {
            let text = t.heeler(["list", "--json"]).any_out().check().out_text();
            serde_json::from_str::<Value>(&text).unwrap()[0]["state"].clone()
        };
        assert_eq!(state(), "running", "{step}");
        t.heeler(["reap"]).any_out().any_err().check();
        assert!(!life.is_gone(), "a living run is nobody's orphan");
        run.signal(Signal::KILL);
        wait_gone(run.pid());
        assert_eq!(state(), "orphaned", "{step}");
        t.heeler(["reap"]).any_out().any_err().check();
        life.wait_gone();
    }
}

/// Moves every time in the database, as if the clock had been set since.
fn changed(db: &Path, step: i64) -> bool {
    let db = rusqlite::Connection::open(db).unwrap();
    db.busy_timeout(Duration::from_secs(5)).unwrap();
    db.execute("UPDATE runs SET started_ms = started_ms + ?1", [step]).unwrap_or(0) == 1
        && db.execute("UPDATE attempts SET started_ms = started_ms + ?1", [step]).unwrap_or(0) == 1
}
