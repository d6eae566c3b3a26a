//! The database under abuse, through the real binary. (The store's own tests kill writers inside it.)

use serde_json::Value;

use crate::fault::can_unshare;
use crate::harness::{Signal, Test};

fn list(t: &Test) -> Vec<Value> {
    let text = t.heeler(["list", "--all", "--json"]).any_out().check().out_text();
    serde_json::from_str(&text).unwrap()
}

/// supervisors 77; seeds 111; traps 70, 71: two hundred at once, none lost, nobody told that it was locked.
#[test]
fn two_hundred_runs_at_once() {
    let t = Test::new();
    let script = "i=0; while [ $i -lt 200 ]; do heeler run --report r/$i -- sh -c 'exit 7' & i=$((i+1)); done; wait";
    std::fs::create_dir(t.path("r")).unwrap();
    t.sh(script).check();
    let rows = list(&t);
    assert_eq!(rows.len(), 200);
    for row in &rows {
        assert_eq!((&row["state"], &row["exit_code"]), (&"exited".into(), &7.into()), "{row}");
    }
    for i in 0..200 {
        let report: Value = serde_json::from_str(&t.read(&format!("r/{i}"))).unwrap();
        assert_eq!(
            (&report["exit_code"], &report["warnings"]),
            (&7.into(), &Value::Null),
            "{report}"
        );
    }
    assert_eq!(std::fs::read_dir(t.path(".db/heeler.db-runs")).unwrap().count(), 0);
}

/// While the command runs nothing waits for whoever else writes the database: limits would be late, and output.
#[test]
fn a_run_does_not_wait_for_who_writes() {
    let t = Test::new();
    t.run(["--track", "require", "--", "true"]).check();
    let hold = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('BEGIN EXCLUSIVE'); \
                print('held', flush=True); sys.stdin.read()";
    let db = t.db().into_os_string().into_string().unwrap();
    let mut holder = t.program("python3", ["-c", hold, &db]).input_open().start();
    holder.wait_out("held");
    let heeler = env!("CARGO_BIN_EXE_heeler");
    // At 100 ms it asks for the database, which it finds locked.
    let strace = ["-o", "calls", "-e", "trace=fcntl,nanosleep,clock_nanosleep,ppoll", "--", heeler];
    let run = ["run", "--name", "short", "--timeout", "150ms", "--pipe", "--", "sleep", "1000"];
    t.program("strace", [&strace[..], &run].concat()).any_err().exit(124).check();
    holder.close_input();
    holder.any_out().check();
    let calls = t.read("calls");
    let locked = |line: &str| line.contains("F_SETLK") && line.contains("EAGAIN");
    assert!(calls.lines().any(locked), "{calls}");
    assert!(!calls.contains("nanosleep("), "{calls}");
    let rows = list(&t);
    let row = rows.iter().find(|row| row["name"] == "short").expect("it is known afterwards");
    assert_eq!((&row["state"], &row["exit_code"]), (&"exited".into(), &124.into()), "{row}");
}

/// Lock files of runs whose heeler was killed stay until a reap, and the names of these are the first. One run in 32
/// takes in what others owe all the same.
#[test]
fn dead_runs_do_not_stop_the_taking_in() {
    const DEAD: usize = 300;
    let t = Test::new();
    t.run(["--track", "require", "--", "true"]).check();
    let runs = t.path(".db/heeler.db-runs");
    let only = || std::fs::read_dir(&runs).unwrap().next().map(|file| file.unwrap().path());
    let mut run = t.run(["--pipe", "--", "sh", "-c", "echo ready; read x"]).input_open().start();
    run.wait_out("ready");
    let text = std::fs::read_to_string(only().expect("its lock file")).unwrap();
    run.close_input();
    run.out("ready\n").exit(1).check();
    only().map(std::fs::remove_file);
    for n in 0..DEAD {
        let facts = text.lines().next().unwrap();
        std::fs::write(runs.join(format!("{n:012}.lock")), format!("{facts}\n")).unwrap();
    }
    // That nobody of so many does is one case in a hundred million.
    let script = format!(
        "for i in $(seq 600); do heeler run -- true; \
         [ $(ls .db/heeler.db-runs | wc -l) -lt $(({DEAD} + i)) ] && break; done; ls .db/heeler.db-runs | wc -l"
    );
    t.sh(&script).out(format!("{DEAD}\n")).check();
}

/// supervisors 80, 75: no place, a full one, one that may only be read: the command's end is ours, once warned.
#[test]
fn nowhere_to_write() {
    let t = Test::new();
    for db in ["/proc/heeler/x.db", "/dev/null/x.db"] {
        let run = t.run(["--db", db, "--", "sh", "-c", "exit 7"]);
        run.err_has("not tracked").exit(7).check();
        t.run(["--db", db, "--track", "require", "--", "sh", "-c", "echo ran"])
            .any_err()
            .exit(125)
            .check();
    }
    let bare = t
        .run(["--", "sh", "-c", "exit 7"])
        .env_remove("HEELER_DB")
        .env("HOME", "/proc/nonexistent");
    bare.err_has("not tracked").exit(7).check();
    if !can_unshare(&t, &["--mount"]) {
        return;
    }
    std::fs::create_dir(t.path("small")).unwrap();
    let heeler = env!("CARGO_BIN_EXE_heeler");
    // Room for nothing; then for the lock file and not for the rows; then read-only with something in it.
    let script = r#"
mount -t tmpfs -o size=300k none small || exit 99
"$1" run --db small/x.db -- true || exit 1
dd if=/dev/zero of=small/fill bs=1k 2>/dev/null
"$1" run --db small/x.db --report r1 -- sh -c 'exit 7' 2>e1; echo $?
rm small/fill
"$1" run --db small/x.db -- sh -c 'exit 8'; echo $?
"$1" list --db small/x.db --all --json | grep -o '"exit_code":[078]'
mount -o remount,ro small || exit 98
"$1" run --db small/x.db --report r2 -- sh -c 'exit 7' 2>e2; echo $?
"$1" list --db small/x.db --all --json | grep -c '"exit_code":8'
"#;
    let args = ["--mount", "sh", "-c", script, "sh", heeler];
    let done = t.program("unshare", args).any_out().any_err().check();
    let text = done.out_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.first(), Some(&"7"), "{text}{}", done.err_text());
    assert!(t.read("e1").contains("not tracked"), "{}", t.read("e1"));
    assert!(
        text.contains("\n8\n")
            && text.contains("\"exit_code\":0")
            && text.contains("\"exit_code\":8"),
        "{text}"
    );
    assert!(text.ends_with("7\n1\n"), "{text}");
    assert!(t.read("e2").contains("not tracked"), "{}", t.read("e2"));
    for report in ["r1", "r2"] {
        let report: Value = serde_json::from_str(&t.read(report)).unwrap();
        assert_eq!(report["exit_code"], 7);
        assert_eq!(report["warnings"].as_array().unwrap().len(), 1, "{report}");
    }
}

/// A disk that fills up to its last byte while a run goes on: how the run ended is known afterwards all the same.
#[test]
fn a_disk_that_fills_up_takes_no_end() {
    let t = Test::new();
    if !can_unshare(&t, &["--mount"]) {
        return;
    }
    std::fs::create_dir(t.path("small")).unwrap();
    // A first run has no database to rely on, the next has.
    let script = r#"
mount -t tmpfs -o size=600k,mode=700 none small || exit 99
export HEELER_DB=small/x.db
full='seq 1 2000; dd if=/dev/zero of=small/fill bs=1k 2>/dev/null; exit 3'
for name in first second; do
    heeler run --pipe --report r --name $name -- sh -c "$full" >out
    heeler wait $name
    echo $?
    rm small/fill
    heeler wait $name
    echo $?
done
"#;
    let done = t.program("unshare", ["--mount", "sh", "-c", script]).any_out().any_err().check();
    assert_eq!(done.out_text(), "3\n3\n3\n3\n", "{}", done.err_text());
}

/// supervisors 81; trap 76: a damaged database costs a warning, and `list` and `reap` go on with the lock files.
#[test]
fn a_damaged_database() {
    let t = Test::new();
    t.leaves_processes();
    let mut life = t.lifeline("life");
    t.run(["--", "true"]).check();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(t.path(format!(".db/heeler.db{suffix}")));
    }
    std::fs::write(t.db(), "This is no database. ".repeat(1000)).unwrap();
    t.run(["--", "sh", "-c", "exit 7"]).err_has("is damaged").exit(7).check();
    let script = "exec 9>life; echo ready; sleep 1000";
    let run = t.run(["--pipe", "--name", "left", "--", "sh", "-c", script]).start();
    run.wait_out("ready\n");
    let listed = t.heeler(["list"]).any_out().err_has("is damaged").exit(125).check();
    assert!(listed.out_text().contains("running"), "{}", listed.out_text());
    run.signal(Signal::KILL);
    run.any_out().any_err().signaled(9).check();
    let listed = t.heeler(["list"]).any_out().any_err().exit(125).check();
    assert!(listed.out_text().contains("orphaned"), "{}", listed.out_text());
    t.heeler(["reap", "--grace", "0"]).any_out().any_err().exit(125).check();
    life.wait_gone();
    // Gone altogether: nothing is left to list, and a new one is made.
    std::fs::remove_file(t.db()).unwrap();
    t.run(["--", "true"]).check();
    assert_eq!(list(&t).len(), 1);
}

/// `list` rebuilt from the lock files alone.
#[test]
fn without_a_database() {
    let t = Test::new();
    t.leaves_processes();
    let mut life = t.lifeline("life");
    let script = "exec 9>life; echo ready; setsid sleep 1000 & sleep 1000";
    let run = t.run(["--pipe", "--name", "n1", "--tag", "a=b", "--", "sh", "-c", script]).start();
    run.wait_out("ready\n");
    for suffix in ["", "-wal", "-shm"] {
        // It may not be there yet, or again: the row comes after the start.
        let _ = std::fs::remove_file(t.path(format!(".db/heeler.db{suffix}")));
    }
    let rows = list(&t);
    assert_eq!(
        (&rows[0]["name"], &rows[0]["state"]),
        (&"n1".into(), &"running".into()),
        "{rows:?}"
    );
    run.signal(Signal::KILL);
    run.any_out().any_err().signaled(9).check();
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(t.path(format!(".db/heeler.db{suffix}")));
    }
    let rows = list(&t);
    assert_eq!(
        (&rows[0]["state"], &rows[0]["tags"]["a"]),
        (&"orphaned".into(), &"b".into()),
        "{rows:?}"
    );
    t.heeler(["reap", "n1", "--grace", "0"]).any_out().check();
    life.wait_gone();
    assert_eq!(list(&t), Vec::<Value>::new());
}

/// What heeler makes its owner can open again, and nobody else can what is private, whatever the umask is. (Root may
/// open everything: it is another user who tries.)
#[test]
fn whatever_the_umask_is() {
    use std::os::unix::fs::{MetadataExt, chown};
    for umask in [0o777, 0o277, 0o022, 0] {
        let t = Test::new();
        let mut before = vec![];
        if crate::fault::is_root() {
            let nobody = Some(65534);
            chown(t.dir(), nobody, nobody).unwrap();
            before = vec!["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        }
        let sh = format!("umask {umask:o}; exec \"$@\"");
        before.extend(["sh", "-c", &sh, "sh"]);
        let program = |args: &[&str]| {
            let all = [&before, args].concat();
            t.program(all[0], &all[1..]).env("HEELER_DB", t.path("state/below/h.db"))
        };
        let heeler = |args: &[&str]| program(&[&[env!("CARGO_BIN_EXE_heeler")], args].concat());
        let listed = |args: &[&str]| -> Value {
            let text = heeler(&[&["list", "--json"], args].concat()).any_out().check().out_text();
            serde_json::from_str(&text).unwrap()
        };
        let mode = |path: &std::path::Path| path.metadata().unwrap().mode() & 0o777;
        let private = |dir: &str| {
            assert_eq!(mode(&t.path(dir)), 0o700, "umask {umask:o}: {dir}");
            for entry in std::fs::read_dir(t.path(dir)).unwrap() {
                let path = entry.unwrap().path();
                let wanted = if path.is_dir() { 0o700 } else { 0o600 };
                // A lock file is written by who made it alone, and opened up by who cannot read it.
                let lock = path.extension().is_some_and(|it| it == "lock") && mode(&path) == 0o400;
                assert!(lock || mode(&path) == wanted, "umask {umask:o}: {}", path.display());
            }
        };
        for _ in 0..2 {
            let files = ["--report", "report", "--record", "cast", "--output", "copy"];
            let command = ["--events", "events", "--", "sh", "-c", "echo ready; read x; exit 3"];
            let all = [&["run", "--pipe", "--name", "n"], &files[..], &command].concat();
            let mut run = heeler(&all).input_open().start();
            run.wait_out("ready");
            assert_eq!(listed(&[])[0]["name"], "n", "umask {umask:o}: its lock file can be read");
            private("state/below");
            private("state/below/h.db-runs");
            run.close_input();
            run.out("ready\n").exit(3).check();
            assert_eq!(listed(&["--all"])[0]["exit_code"], 3, "umask {umask:o}");
            for file in ["report", "cast", "copy", "events"] {
                let wanted = 0o666 & !umask | 0o600;
                assert_eq!(mode(&t.path(file)), wanted, "umask {umask:o}: {file}");
                program(&["cat", file]).any_out().check();
            }
        }
        let script = "echo out; read x; echo more";
        heeler(&["run", "-d", "--name", "d", "--", "sh", "-c", script]).any_out().check();
        heeler(&["expect", "d", "--on", "out", "--timeout", "10s"]).any_out().check();
        private("state/below/h.db-logs");
        heeler(&["send", "d", "--line", "x"]).any_out().check();
        heeler(&["wait", "d"]).any_out().check();
        assert!(heeler(&["logs", "d"]).any_out().check().out_text().contains("more"));
        heeler(&["expect", "d", "--on", "more"]).any_out().check();
        private("state/below/h.db-logs");
    }
}
