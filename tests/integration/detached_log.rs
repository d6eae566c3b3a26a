//! The output of a run in the background on disk: followed, bounded, on a full one, over several attempts, and while it is read.

use serde_json::{Value, json};

use crate::detached::{Client, all_gone, detached, end};
use crate::fault::can_unshare;
use crate::harness::{Done, Test, lines, wait_until};

/// The sum of the byte counts that messages with these words tell.
fn told(done: &Done, words: &str) -> u64 {
    let err = done.err_text();
    let counts = err.lines().filter(|line| line.contains(words)).map(|line| {
        let count = line.split(' ').find_map(|word| word.parse::<u64>().ok());
        count.unwrap_or_else(|| panic!("{line}"))
    });
    counts.sum()
}

fn report(t: &Test, run: &str) -> Value {
    let done = t.heeler(["inspect", run]).any_out().check();
    serde_json::from_slice::<Value>(&done.out).unwrap()["report"].clone()
}

/// What `logs -f` prints is all of it, also of a run that ends meanwhile.
#[test]
fn logs_follow_to_the_end() {
    let t = Test::new();
    let run = detached(&t, &["--", "sh", "-c", "echo first; while read x; do echo $x; done"]);
    let follower = t.heeler(["logs", "-f", &run]).start();
    follower.wait_out("first\n");
    t.heeler(["send", &run, "--line", "second"]).any_out().check();
    follower.wait_out("second\n");
    t.heeler(["send", &run, "--line", "third", "--key", "eof"]).any_out().check();
    follower.out("first\nsecond\nthird\n").check();
    t.heeler(["logs", "-f", &run]).out("first\nsecond\nthird\n").check();
    all_gone(&t);
}

#[test]
fn the_log_is_bounded() {
    let t = Test::new();
    let script = "i=0; while [ $i -lt 20000 ]; do echo \"line $i\"; i=$((i+1)); done";
    let run = detached(&t, &["--log-max", "64KiB", "--", "sh", "-c", script]);
    t.heeler(["wait", &run]).check();
    let done = t.heeler(["logs", &run]).any_out().err_has("bytes before this were dropped").check();
    let all = lines(0..20_000, |i| format!("line {i}"));
    assert!(all.ends_with(&done.out_text()));
    let said: u64 = done.err_text().split(' ').nth(1).unwrap().parse().unwrap();
    assert_eq!(said + done.out.len() as u64, all.len() as u64);
    let size = |name: String| std::fs::metadata(t.path(name)).unwrap().len();
    let log = format!(".db/heeler.db-logs/{run}.log");
    assert!(size(log.clone()) + size(format!("{log}.1")) <= 65 << 10);
    let none = detached(&t, &["--log-max", "0", "--", "echo", "x"]);
    t.heeler(["wait", &none]).check();
    t.heeler(["logs", &none]).err_has("--log-max 0").exit(125).check();
    all_gone(&t);
}

/// The disk with the log is full: the run goes on, and what the log lacks is counted, while the run lives and
/// after its end, also when there is room again.
#[test]
fn a_full_disk_costs_the_log_and_not_the_run() {
    let t = Test::new();
    if !can_unshare(&t, &["-m"]) {
        return;
    }
    std::fs::create_dir_all(t.path(".db/heeler.db-logs")).unwrap();
    // In a namespace with a disk of its own, everything that sees the log.
    let script = r"
        set -e
        mount -t tmpfs -o size=128k,mode=700 none .db/heeler.db-logs
        id=$(heeler run -d -- sh -c 'read a; head -c 1000000 /dev/zero; echo full; read a; echo more; read a; exit 7')
        echo $id
        mkdir .db/heeler.db-logs/ballast
        head -c 60000 /dev/zero >.db/heeler.db-logs/ballast/file
        heeler send $id --line x
        heeler expect $id --on full --print label
        heeler logs $id >alive 2>alive.err
        rm -r .db/heeler.db-logs/ballast
        heeler send $id --line x
        heeler expect $id --on more --print label
        heeler logs $id >later 2>later.err
        heeler send $id --line x
        heeler wait $id || echo $?
        heeler logs $id >after 2>after.err
    ";
    t.write("script", script);
    let done = t.program("unshare", ["-m", "sh", "script"]).any_out().check();
    let out = done.out_text();
    let run = out.lines().next().unwrap();
    assert!(out.ends_with("full\n1000005\nmore\n1000010\n7\n"), "{out}");
    let read = |name: &str| {
        let err = t.read(&format!("{name}.err"));
        let count: u64 = err.split(' ').filter_map(|word| word.parse::<u64>().ok()).sum();
        (t.read_bytes(name), count, err)
    };
    let (alive, missing, err) = read("alive");
    assert!(alive.len() > 32 << 10, "what there is room for is kept: {} bytes", alive.len());
    assert!(err.contains("could not be written to the log"), "{err}");
    assert_eq!(alive.len() as u64 + missing, 1_000_005, "{err}");
    for name in ["later", "after"] {
        let (got, missing, err) = read(name);
        assert!(
            got.ends_with(b"more\n") && err.contains("could not be written to the log here"),
            "{err}"
        );
        assert_eq!(got.len() as u64 + missing, 1_000_010, "{err}");
    }
    let warnings = report(&t, run)["warnings"].clone();
    assert_eq!(warnings.as_array().unwrap().len(), 1, "one for all of it: {warnings}");
    assert!(warnings[0].as_str().unwrap().contains("cannot write the log"), "{warnings}");
    all_gone(&t);
}

/// What is missing at the very end is told too, as the disk stays full.
#[test]
fn an_end_that_is_missing_is_counted() {
    let t = Test::new();
    if !can_unshare(&t, &["-m"]) {
        return;
    }
    std::fs::create_dir_all(t.path(".db/heeler.db-logs")).unwrap();
    let script = r"
        set -e
        mount -t tmpfs -o size=64k,mode=700 none .db/heeler.db-logs
        id=$(heeler run -d -- sh -c 'read a; head -c 300000 /dev/zero; exit 7')
        heeler logs -f $id >follower 2>follower.err &
        heeler send $id --line x
        heeler wait $id || echo $?
        heeler logs $id >after 2>after.err
        wait
    ";
    t.write("script", script);
    let done = t.program("unshare", ["-m", "sh", "script"]).any_out().check();
    assert!(done.out_text().ends_with("7\n"), "{}", done.out_text());
    for name in ["follower", "after"] {
        let err = t.read(&format!("{name}.err"));
        let missing: u64 = err.split(' ').filter_map(|word| word.parse::<u64>().ok()).sum();
        assert!(missing > 0 && err.contains("could not be written"), "{name}: {err}");
        assert_eq!(t.read_bytes(name).len() as u64 + missing, 300_000, "{name}: {err}");
    }
    all_gone(&t);
}

/// Where no disk can be had for it, a limit on the size of files does the same.
#[test]
fn a_file_limit_costs_the_log_and_not_the_run() {
    let t = Test::new();
    let script = "ulimit -f 400; exec heeler run -d -- sh -c 'head -c 1000000 /dev/zero; echo over; read a; exit 7'";
    let run = t.sh(script).any_out().check().out_text();
    let run = run.trim();
    t.heeler(["expect", run, "--on", "over", "--print", "label"]).out("over\n").check();
    let alive = t.heeler(["logs", run]).any_out().any_err().check();
    t.heeler(["send", run, "--line", ""]).any_out().check();
    t.heeler(["wait", run]).exit(7).check();
    let after = t.heeler(["logs", run]).any_out().any_err().check();
    for logs in [alive, after] {
        assert!(logs.out.len() > 100_000, "{} bytes", logs.out.len());
        assert_eq!(logs.out.len() as u64 + told(&logs, "could not be written"), 1_000_005);
    }
    assert_eq!(report(&t, run)["warnings"].as_array().unwrap().len(), 1);
    all_gone(&t);
}

/// One log, one count of bytes and one conversation over all attempts; in the pause nobody takes input.
#[test]
fn attempts_share_the_log_and_its_bound() {
    let t = Test::new();
    let script = "echo begin $HEELER_ATTEMPT; read x; i=0; while [ $i -lt 6000 ]; do echo \"line $i\"; i=$((i+1)); done; \
                  echo end $HEELER_ATTEMPT; test $HEELER_ATTEMPT = 3";
    let flags = ["--retries", "2", "--retry-delay", "0", "--log-max", "64KiB"];
    let run = detached(&t, &[&flags[..], &["--", "sh", "-c", script]].concat());
    let reader = t.heeler(["logs", "-f", &run]).start();
    let mut place = "0".to_owned();
    for n in 1..=3 {
        let begin = format!("begin {n}");
        let args = ["expect", &run, "--since", &place, "--on", &begin, "--print", "label"];
        t.heeler(args).out(format!("{begin}\n")).check();
        place = t.heeler(["send", &run, "--line", ""]).any_out().check().out_text();
        place.truncate(place.trim_end().len());
    }
    t.heeler(["wait", &run]).check();
    let each = |n: i32| format!("begin {n}\n{}end {n}\n", lines(0..6000, |i| format!("line {i}")));
    let all: String = (1..=3).map(each).collect();
    // Who follows may be too slow for a log that is so short, and is told by how much.
    let followed = reader.any_out().any_err().check();
    assert!(followed.out.ends_with(b"end 3\n"));
    assert_eq!(followed.out.len() as u64 + told(&followed, "were dropped"), all.len() as u64);
    let kept = t.heeler(["logs", &run]).any_out().any_err().check();
    assert!(kept.out.len() > 16 << 10 && all.ends_with(&kept.out_text()));
    assert_eq!(kept.out.len() as u64 + told(&kept, "were dropped"), all.len() as u64);
    all_gone(&t);
}

/// Between two attempts the run answers; only what is typed has nobody to go to.
#[test]
fn a_pause_between_attempts_is_not_the_end() {
    let t = Test::new();
    let flags = ["--retries", "1", "--retry-delay", "1h", "--", "sh", "-c", "echo up; exit 3"];
    let run = detached(&t, &flags);
    let client = &mut Client::new(&t, &run);
    let mut status = || client.ask(&json!({ "op": "status" }));
    wait_until("it pauses", || status()["pid"].is_null());
    assert_eq!(status()["attempt"], 1);
    t.heeler(["logs", &run]).out("up\n").check();
    t.heeler(["expect", &run, "--on", "up", "--print", "label"]).out("up\n").check();
    let refused = ["send", &run, "--line", "x"];
    t.heeler(refused).err_has("does not take input").exit(125).check();
    t.heeler(["expect", &run, "--on", "x", "--timeout", "50ms"]).any_out().exit(124).check();
    t.heeler(["reap", &run]).any_out().any_err().check();
    t.heeler(["wait", &run]).exit(143).check();
    assert_eq!(report(&t, &run)["outcome"], "cancelled");
    all_gone(&t);
}

/// Who reads a log that is followed may leave: the follower does too, though the run writes on or is silent.
#[test]
fn a_follower_leaves_with_its_reader() {
    let t = Test::new();
    for script in ["echo 1; while sleep 0.01; do echo more; done", "echo 1; exec sleep 1000"] {
        let run = detached(&t, &["--", "sh", "-c", script]);
        t.sh(&format!("heeler logs -f {run} | head -n 1")).out("1\n").check();
        end(&t, &run);
    }
    all_gone(&t);
}
