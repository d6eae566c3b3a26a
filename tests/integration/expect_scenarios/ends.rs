//! Exits, ends of output, stopping.

use super::*;

#[test]
fn s74_s75_s97_every_death_has_its_name_and_number() {
    let t = Test::new();
    for (name, number) in [
        ("HUP", 1),
        ("INT", 2),
        ("KILL", 9),
        ("SEGV", 11),
        ("ALRM", 14),
        ("TERM", 15),
        ("USR1", 10),
    ] {
        let done =
            pty(&t, &format!("-- sh -c 'ulimit -c 0; kill -{name} $$'")).exit(128 + number).check();
        done.has("/outcome", "signaled")
            .has("/child/signal", number)
            .has("/child/signal_name", format!("SIG{name}"));
    }
}

#[test]
fn s77_a_ladder_is_climbed_to_its_end() {
    let t = Test::new();
    let done = pipe(
        &t,
        "--timeout 300ms --stop HUP:100ms,INT:100ms,TERM:100ms,KILL
         -- sh -c 'trap \"\" HUP INT TERM; while :; do sleep 1000; done'",
    )
    .exit(124)
    .any_err()
    .check();
    let signals = done.at("/stop/signals");
    let names: Vec<&str> =
        signals.as_array().unwrap().iter().filter_map(|sent| sent["signal"].as_str()).collect();
    assert_eq!(names, ["SIGHUP", "SIGINT", "SIGTERM", "SIGKILL"]);
    done.has("/child/signal_name", "SIGKILL").has("/containment/verified", true);
}

#[test]
fn s79_output_that_a_grandchild_holds_open_does_not_hold_us() {
    let t = Test::new();
    let command = "-- sh -c 'sleep 1000 & echo here'";
    let run = |flags: &str| {
        let done = pipe(&t, &format!("--drain 100ms {flags} {command}")).any_err().check();
        assert_eq!(done.out_text(), "here\n");
        done.has("/containment/strays/0/comm", "sleep").has("/child/exit_code", 0);
        done.at("/streams/stdout/held_open_by_strays")
    };
    // Who is ended lets go; who is left holds on.
    assert_eq!(run(""), false);
    t.leaves_processes();
    assert_eq!(run("--strays leave"), true);
}

#[test]
fn s80_what_was_written_right_before_the_exit_is_all_there() {
    let t = Test::new();
    for mode in ["--pty", "--pipe"] {
        let done = t
            .run(words(&format!("{mode} --on x --line y -- head -c 60000 /dev/zero")))
            .report()
            .out(vec![0; 60000])
            .check();
        let stream = if mode == "--pty" { "terminal" } else { "stdout" };
        done.has(&format!("/streams/{stream}/bytes"), 60000);
    }
}

#[test]
fn s81_one_line_and_an_exit_are_never_lost() {
    let t = Test::new();
    let script = "i=0; while [ $i -lt 100 ]; do
        heeler run --pty --track off --expect line -- echo line; i=$((i + 1)); done";
    t.sh(script).out("line\r\n".repeat(100)).check();
}

#[test]
fn s82_the_end_stays_the_end() {
    let t = Test::new();
    pipe(&t, "--expect @eof --expect @eof --expect @exit --expect @eof -- echo x").check();
}

#[test]
fn s84_what_cannot_be_started() {
    let t = Test::new();
    t.write("plain", "echo no\n");
    let missing = pty(&t, "--expect x -- no-such-program").exit(127).any_err().check();
    missing
        .has("/outcome", "spawn_failed")
        .has("/error/kind", "not_found")
        .has("/error/errno", "ENOENT");
    let plain = pty(&t, "--expect x -- ./plain").exit(126).any_err().check();
    plain.has("/error/kind", "not_executable").has("/error/errno", "EACCES");
}

#[test]
fn s85_no_exit_code_is_taken_for_anything_else() {
    let t = Test::new();
    for code in [122, 123, 124, 125, 126, 127, 206, 207, 255] {
        let done = pipe(&t, &format!("--timeout 50s -- sh -c 'exit {code}'")).exit(code).check();
        done.has("/outcome", "exited").has("/child/exit_code", code);
    }
}

#[test]
fn s86_s144_twenty_megabytes_and_a_wait_at_their_end() {
    let t = Test::new();
    let text =
        "yes 'a line that says nothing at all' | head -c 20000000; echo; echo THE END; exit 7";
    let done = t.run(["--pipe", "-q", "-c", "--", text]).report().exit(7).check();
    done.has("/streams/stdout/bytes", 20_000_009);
    let wait = ["--pipe", "-q", "-c", "--expect", "/THE (?<end>END)/", "--", text];
    let done = t.run(wait).report().exit(7).check();
    done.has("/dialogue/captures/end", "END");
    assert!(done.at("/usage/max_rss_bytes").is_number());
}

#[test]
fn s92_a_signal_to_us_ends_the_dialogue_and_the_report_is_written() {
    let t = Test::new();
    let run = t
        .run(words("--pty --expect never -- sh -c 'echo ready; exec sleep 1000'"))
        .report()
        .any_out()
        .any_err()
        .start();
    run.wait_out("ready");
    run.signal(Signal::TERM);
    let done = run.signaled(15).check();
    done.has("/outcome", "cancelled")
        .has("/stop/by_caller", true)
        .has("/containment/verified", true);
}

#[test]
fn s94_our_own_descriptors_may_be_closed() {
    let t = Test::new();
    for closed in ["<&-", "<&- >&-", "<&- >&- 2>&-", ">&-"] {
        for mode in ["--pty", "--pipe"] {
            let script = format!(
                "heeler run {mode} --report r -q --expect hi -- sh -c 'echo hi; exit 4' {closed}"
            );
            t.sh(&script).exit(4).check();
            let report: Value = serde_json::from_str(&t.read("r")).unwrap();
            assert_eq!(report["dialogue"]["steps"][0]["state"], "matched", "{mode} {closed}");
        }
    }
}

#[test]
fn s95_two_at_once_know_their_own_children() {
    let t = Test::new();
    t.sh("heeler run --pty --report a -- sh -c 'exit 3' & a=$!
          heeler run --pty --report b -- sh -c 'exit 4' & b=$!
          wait $a; echo $?; wait $b; echo $?")
        .out("3\n4\n")
        .check();
    let pid = |name: &str| {
        let report: Value = serde_json::from_str(&t.read(name)).unwrap();
        report["child"]["pid"].as_i64().unwrap()
    };
    assert_ne!(pid("a"), pid("b"));
}

/// What unbuffer is for: a program in a pipeline that thinks it writes to a terminal.
#[test]
fn s96_a_pipeline_into_a_program_on_a_terminal() {
    let t = Test::new();
    t.sh("printf 'b\\na\\n' | heeler run --pty --no-echo -- sh -c 'test -t 1 && sort; exit 9'; echo $?")
        .out("a\r\nb\r\n9\n")
        .check();
}
