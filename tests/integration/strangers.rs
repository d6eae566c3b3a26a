//! Children that heeler has without having started them: a shell that becomes heeler leaves it what it started
//! before, and who loses its parent there, or anywhere below PID 1, comes to heeler as well.

use std::io::Write;

use serde_json::{Value, json};

use crate::fault::{CONTAINMENTS, has_cgroup};
use crate::harness::{PATIENCE, Test};

fn report(t: &Test) -> Value {
    serde_json::from_str(&t.read("report")).unwrap()
}

/// `bash -c` executes its last command without a fork, so what it substituted is a child of heeler's.
#[test]
fn a_process_substitution_of_the_shell_goes_on() {
    for containment in CONTAINMENTS {
        let t = Test::new();
        t.leaves_processes();
        t.fifo("go");
        let script = format!(
            "heeler run --pipe --containment {containment} -- echo hi > >(read x < go; cat)"
        );
        let run = t.program("bash", ["-c", &script]).start();
        assert!(run.ends_within(PATIENCE), "heeler waits for its own");
        // Nor does this wait for one that has been killed.
        let mut go = std::fs::OpenOptions::new().read(true).write(true).open(t.path("go")).unwrap();
        go.write_all(b"go\n").unwrap();
        run.out("hi\n").check();
    }
}

/// It reads until heeler has ended: whoever waited for it would wait for ever.
#[test]
fn a_process_substitution_of_the_shell_is_no_stray() {
    for containment in CONTAINMENTS {
        for policy in ["fail", "wait", "reap", "leave"] {
            let t = Test::new();
            // It ends after heeler.
            t.leaves_processes();
            let flags = format!("--containment {containment} --strays {policy} --report report");
            let script = format!("exec heeler run --pipe {flags} -- echo hi > >(cat)");
            t.program("bash", ["-c", &script]).out("hi\n").check();
            let held = &report(&t)["containment"];
            assert_eq!(held["verified"], true, "{policy}: {held}");
            assert_eq!(held["strays"], Value::Null, "{policy}: {held}");
        }
    }
}

/// Leaves heeler a child, and an orphan of another: it says so on `left` once its parent has been collected,
/// which only heeler can have done. (That parent waits until it is known.)
const BEFORE: &str = r"
exec 3>&1 4>&2 >/dev/null 2>&1
(exec 8>job; echo job >&8; exec sleep 1000) 3>&- 4>&- &
(sh -c 'exec 7>left; echo >known; while kill -0 $PPID 2>/dev/null; do sleep 0.01; done; echo left >&7; exec sleep 1000' &
 read x <known; read x <gone) 3>&- 4>&- &
exec >&3 2>&4 3>&- 4>&-
";

/// What was there before is not ended, what the command started is.
#[test]
fn a_background_job_of_the_shell_stays() {
    for containment in CONTAINMENTS {
        for (flags, last, code) in [
            ("--until over", "wait", 0),
            ("--strays fail", "true", 123),
            ("--retries 1 --retry-delay 0", "exit 7", 7),
        ] {
            let t = Test::new();
            t.leaves_processes();
            let [mut job, mut left, mut ours] = ["job", "left", "ours"].map(|it| t.lifeline(it));
            t.fifo("known");
            t.fifo("gone");
            t.fifo("seen");
            let command = "exec 9>ours; [ $HEELER_ATTEMPT = 2 ] || { echo >gone; read x <seen; }
                           sh -c 'exec setsid sleep 1000' & sleep 1000 & echo over";
            let script = format!(
                "{BEFORE} exec heeler run --pipe --containment {containment} --report report {flags} \
                 -- sh -c \"$1\""
            );
            let command = format!("{command}; {last}");
            let run = t.sh(&script).arg(&command).start();
            job.wait("job");
            left.wait("left");
            std::fs::write(t.path("seen"), "seen\n").unwrap();
            let done = run.any_out().any_err().exit(code).check();
            ours.wait_gone();
            let told = format!("{containment} {flags}: {}", done.err_text());
            assert!(!job.is_gone(), "{told}");
            assert!(!left.is_gone(), "{told}");
            // Nothing shows whose the orphan is, unless a cgroup holds those of the command.
            let proven = containment == "auto" && has_cgroup();
            assert_eq!(report(&t)["containment"]["verified"], proven, "{told}");
            let tries = report(&t)["attempts"].as_array().map_or(1, Vec::len);
            assert_eq!(tries, if proven && flags.contains("retries") { 2 } else { 1 }, "{told}");
            assert_eq!(done.err_text().contains("may be the command's"), !proven, "{told}");
        }
    }
}

/// It may be of the attempt before: then no other one is to meet it, and it is a stray for `--strays fail`.
#[test]
fn nothing_is_tried_beside_a_process_in_doubt() {
    for containment in CONTAINMENTS {
        for (flags, own, in_doubt, proven) in [
            ("--retries 1 --retry-delay 0", 7, ("1\n", 7), ("1\n2\n", 7)),
            ("--retries 1 --retry-delay 0 --strays release", 7, ("1\n2\n", 7), ("1\n2\n", 7)),
            ("--strays fail", 0, ("1\n", 123), ("1\n", 123)),
        ] {
            let t = Test::new();
            t.leaves_processes();
            let command = format!(
                "echo $HEELER_ATTEMPT >>tries; env -i setsid -f sleep 1000 >/dev/null 2>&1; exit {own}"
            );
            let script = format!(
                "sleep 1000 >/dev/null 2>&1 & exec heeler run --pipe --containment {containment} {flags} \
                 --report report -- sh -c \"$1\""
            );
            let held = containment == "auto" && has_cgroup();
            let (tries, code) = if held { proven } else { in_doubt };
            let done = t.sh(&script).arg(&command).any_err().exit(code).check();
            assert_eq!(t.read("tries"), tries, "{containment} {flags}: {}", done.err_text());
            let refused = flags.contains("retries") && tries == "1\n";
            assert_eq!(done.err_text().contains("not tried again"), refused, "{}", done.err_text());
        }
    }
}

/// An attempt lets its strays go; the next one ends its own and not those, nor what comes of them later.
#[test]
fn what_an_attempt_left_is_not_of_the_next() {
    for containment in CONTAINMENTS {
        for policy in ["release", "leave"] {
            let t = Test::new();
            t.leaves_processes();
            let [mut left, mut late, mut ours] = ["left", "late", "ours"].map(|it| t.lifeline(it));
            t.fifo("go");
            // The second ends the parent of one that was left, which then comes to heeler.
            let command = r"exec >/dev/null 2>&1 3>&-
                if [ $HEELER_ATTEMPT = 1 ]; then
                    (exec 9>left; exec setsid sleep 1000) &
                    setsid sh -c '(exec 9>late; exec setsid sleep 1000) & read x <go' &
                    echo $! >parent
                    exit 1
                fi
                exec 8>ours
                setsid sleep 1000 &
                read parent <parent; echo go >go
                while kill -0 $parent; do sleep 0.01; done
                exec sleep 1000";
            let flags = ["--containment", containment, "--strays", policy, "--report", "report"];
            let flags = [&flags[..], &["--retries", "1", "--retry-delay", "0"]].concat();
            let flags =
                [&flags[..], &["--timeout", "2s", "--pipe", "--", "sh", "-c", command]].concat();
            t.run(flags).any_err().exit(124).check();
            ours.wait_gone();
            assert!(!left.is_gone() && !late.is_gone(), "{containment} {policy}");
            let report = report(&t);
            assert_eq!(report["containment"]["verified"], true, "{containment} {policy}: {report}");
            t.heeler(["reap"]).any_out().check();
            if policy == "leave" {
                left.wait_gone();
                late.wait_gone();
            }
            assert_eq!((left.is_gone(), late.is_gone()), (policy == "leave", policy == "leave"));
        }
    }
}

/// What TERM reached below the leader is known when it has come to us, with nothing left to know it by.
#[test]
fn a_nameless_member_is_known_by_its_parent() {
    for containment in CONTAINMENTS {
        let t = Test::new();
        t.leaves_processes();
        let (mut job, mut ours) = (t.lifeline("job"), t.lifeline("ours"));
        t.fifo("up");
        let command = r#"exec 9>ours
            env -i setsid sh -c "trap '' TERM; echo >up; while :; do sleep 1000; done" &
            read x <up; echo ready; wait"#;
        let script = format!(
            "(exec 8>job >/dev/null 2>&1; exec sleep 1000) & exec heeler run --pipe --containment {containment} \
             --until ready --stop TERM:100ms,KILL --report report -- sh -c \"$1\""
        );
        t.sh(&script).arg(command).out("ready\n").any_err().check();
        ours.wait_gone();
        assert!(!job.is_gone());
        assert_eq!(report(&t)["containment"]["verified"], true);
    }
}

/// A fault of heeler's own ends its command, and nobody else.
#[test]
fn a_fault_ends_the_command_alone() {
    for containment in CONTAINMENTS {
        let t = Test::new();
        t.leaves_processes();
        let (mut job, mut ours) = (t.lifeline("job"), t.lifeline("ours"));
        let script = format!(
            "(exec 8>job >/dev/null 2>&1; echo job >&8; exec sleep 1000) & read x <go; exec heeler run --pipe \
             --containment {containment} -- sh -c 'exec 9>ours; sleep 1000 & echo hi; wait'"
        );
        t.fifo("go");
        let run = t.sh(&script).env("HEELER_FAULT", "output:abort").start();
        job.wait("job");
        std::fs::write(t.path("go"), "go\n").unwrap();
        run.any_out().any_err().signaled(6).check();
        ours.wait_gone();
        assert!(!job.is_gone(), "{containment}");
    }
}

/// Where the command is in our group, and no cgroup holds it, what it started is not known by any number: that is
/// said, and a reap finds it.
#[test]
fn a_fault_says_that_processes_may_be_left() {
    let t = Test::new();
    t.leaves_processes();
    let (mut job, mut ours) = (t.lifeline("job"), t.lifeline("ours"));
    t.fifo("go");
    let script = "(exec 8>job >/dev/null 2>&1; echo job >&8; exec sleep 1000) & read x <go; exec heeler run --pipe \
        --containment subreaper -- sh -c 'trap \"\" HUP; exec 9>ours; sleep 1000 & echo hi; wait' </dev/null";
    let run = t.sh(script).env("HEELER_FAULT", "output:abort").terminal(80, 24).start();
    job.wait("job");
    std::fs::write(t.path("go"), "go\n").unwrap();
    let done = run.any_out().signaled(6).check();
    assert!(done.out_text().contains("may be left"), "{}", done.out_text());
    assert!(!ours.is_gone());
    t.heeler(["reap"]).any_out().check();
    ours.wait_gone();
}

/// Without `/proc` they have no names: the group is looked at, and nobody else is waited for.
#[test]
fn without_proc() {
    let t = Test::new();
    if !crate::fault::can_unshare(&t, &["--mount"]) {
        return;
    }
    t.leaves_processes();
    let (mut job, mut ours) = (t.lifeline("job"), t.lifeline("ours"));
    let script = "mount -t tmpfs none /proc; (exec 8>job >/dev/null 2>&1; echo job >&8; exec sleep 1000) & read x <go
        exec heeler run --pipe --track off --report report -- sh -c 'exec 9>ours; sleep 1000 & echo hi'";
    t.fifo("go");
    let run = t.program("unshare", ["--mount", "sh", "-c", script]).start();
    job.wait("job");
    std::fs::write(t.path("go"), "go\n").unwrap();
    let done = run.out("hi\n").any_err().check();
    ours.wait_gone();
    assert!(!job.is_gone());
    assert_eq!(report(&t)["containment"]["verified"], json!(false));
    done.took_between(std::time::Duration::ZERO, std::time::Duration::from_secs(4));
}
