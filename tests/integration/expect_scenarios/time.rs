//! Limits, silence and clocks.

use super::*;

const EVER: &str = "-- sh -c 'while :; do echo tick; sleep 0.05; done'";

#[test]
fn s64_output_for_ever_does_not_put_off_a_limit() {
    let t = Test::new();
    let done =
        pipe(&t, &format!("-q --expect never --within 1s {EVER}")).exit(122).any_err().check();
    done.has("/dialogue/failure/reason", "step_timeout")
        .took_between(Duration::from_secs(1), Duration::from_secs(20));
}

#[test]
fn s65_silence_is_measured_from_the_last_output() {
    let t = Test::new();
    let command = "-- sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 0.2; done; exec sleep 1000'";
    let done = pipe(&t, &format!("-q --idle-timeout 800ms {command}")).exit(124).any_err().check();
    done.has("/outcome", "idle").has("/streams/stdout/lines", 5);
    done.took_between(Duration::from_millis(1600), PATIENCE);
}

#[test]
fn s66_s67_a_busy_command_ends_at_its_limit_and_its_tree_with_it() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let done = pipe(
        &t,
        "-q --idle-timeout 20s --timeout 1s
         -- sh -c 'exec 9>life; (while :; do echo tick; sleep 0.05; done) & wait'",
    )
    .exit(124)
    .any_err()
    .check();
    done.has("/outcome", "timeout").has("/containment/verified", true);
    life.wait_gone();
}

#[test]
fn s69_zero_is_no_limit() {
    let t = Test::new();
    pipe(
        &t,
        "--timeout 0 --idle-timeout 0 --expect-timeout 0 --expect b -- sh -c 'sleep 0.1; echo b'",
    )
    .check();
}

#[test]
fn s70_signals_to_us_do_not_stretch_a_limit() {
    let t = Test::new();
    let run = t
        .run(words("--pipe --timeout 1s -- sh -c 'echo ready; exec sleep 1000'"))
        .out("ready\n")
        .any_err()
        .exit(124)
        .start();
    run.wait_out("ready");
    while !run.ends_within(Duration::from_millis(5)) {
        run.signal(Signal::WINCH);
        run.signal(Signal::CONT);
    }
    run.check().took_between(Duration::from_secs(1), Duration::from_secs(20));
}

/// The limit of a step is over with the step.
#[test]
fn s71_long_silent_work_after_the_last_answer_is_not_cut_off() {
    let t = Test::new();
    let done = pipe(
        &t,
        "--expect-timeout 200ms --on '[y/N]' --line y --expect ready
         -- sh -c 'echo \"[y/N]\"; read x; echo ready; sleep 1; echo done'",
    )
    .check();
    assert!(done.out_text().ends_with("done\n"));
}
