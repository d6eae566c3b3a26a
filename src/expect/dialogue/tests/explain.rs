//! What a failure says.

use super::*;

#[test]
fn a_timeout_names_the_step_the_clock_the_patterns_and_what_came_close() {
    let mut bed = Bed::new(Program {
        rules: vec![rule("more?", vec![])],
        ..steps(vec![step("login: ", vec![]), within(5000, step("Password:", vec![secret("pw")]))])
    });
    bed.output(0, "welcome\r\nlogin: ");
    bed.output(10, "alice\r\npassword: ");
    let out = bed.tick(5000);
    let failure = failed(&out);
    assert_eq!(failure.reason, Reason::StepTimeout);
    assert_eq!(failure.message, "step 2: `Password:` did not appear within 5s (--within 5s)");
    assert_eq!(failure.step.as_deref(), Some("2"));
    assert_eq!(failure.clock.as_deref(), Some("--within 5s"));
    assert_eq!(failure.armed, ["Password:", "more?"]);
    assert_eq!(failure.last_lines.last().map(|line| line.trim_end()), Some("password:"));
    assert_eq!(
        failure.near_misses,
        [
            "`password:` appeared; your pattern says `Password:`; use `/Password:/i`",
            "the last line looks like a prompt: `password: `; answer it with `--on 'password:' --send-secret NAME`",
        ]
    );
    assert_eq!(bed.dialogue.record().failure.as_ref(), Some(failure));
    assert_eq!(bed.states(), ["matched", "failed"]);
    assert_eq!(bed.dialogue.record().steps[1].waited, Some(ms(5000)));
}

/// A progress bar, and a prompt as ssh writes it.
#[test]
fn a_last_line_is_what_its_carriage_returns_left() {
    let mut bed = Bed::new(steps(vec![step("x", vec![])]));
    bed.output(0, "10%\r20%\r100%\r\nsent\r\r\n\rpassword: ");
    let out = bed.tick(30_000);
    assert_eq!(failed(&out).last_lines, ["100%", "sent", "password: "]);
}

#[test]
fn the_common_limit_is_called_by_its_flag() {
    let mut bed = Bed::new(steps(vec![step("x", vec![])]));
    let out = bed.tick(30_000);
    assert_eq!(failed(&out).clock.as_deref(), Some("--expect-timeout 30s"));
}

#[test]
fn several_branches_are_listed_and_names_are_used() {
    let named = |n: usize| {
        let branches = (0..n).map(|n| branch(&format!("b{n}"), vec![])).collect();
        Step { name: Some("login".to_owned()), ..any_of(branches) }
    };
    let message = |n| {
        let mut bed = Bed::new(steps(vec![named(n)]));
        failed(&bed.tick(30_000)).message.clone()
    };
    let end = "within 30s (--expect-timeout 30s)";
    assert_eq!(message(2), format!("step login: neither `b0` nor `b1` appeared {end}"));
    assert_eq!(
        message(5),
        format!("step login: none of `b0`, `b1`, `b2` and 2 more appeared {end}")
    );
}

#[test]
fn text_that_an_earlier_match_consumed_is_named() {
    let mut bed = Bed::new(steps(vec![step("two", vec![]), step("one", vec![])]));
    bed.output(0, "one two\r\n");
    let out = bed.eof(1);
    assert_eq!(failed(&out).message, "the output ended before step 2 (`one`) was met");
    let hints = &failed(&out).near_misses;
    assert!(hints[0].starts_with("`one` appeared before the cursor"), "{hints:?}");
}

#[test]
fn a_fail_says_what_it_was_told() {
    let mut bed = Bed::new(rules(vec![
        rule("denied", vec![Action::Fail(Some("no access".into()))]),
        rule("error", vec![Action::Fail(None)]),
    ]));
    assert_eq!(failed(&bed.output(0, "denied")).message, "no access");
    let mut bed = Bed::new(bed.dialogue.program.clone());
    assert_eq!(failed(&bed.output(0, "error")).message, "`error` appeared (fail)");
    let mut bed = Bed::new(Program {
        rules: vec![rule("@eof", vec![Action::Fail(None)])],
        ..steps(vec![step("x", vec![]), step("@idle:9s", vec![])])
    });
    bed.output(0, "x");
    assert_eq!(failed(&bed.eof(1)).message, "`@eof` happened (fail)");
    let (_, out) = Bed::begun(Program { start: vec![Action::Fail(None)], ..Program::default() });
    assert_eq!(failed(&out).message, "the dialogue was told to fail");
    let mut bed = Bed::new(Program {
        watches: vec![watch("bad", Verdict::Fail(None))],
        ..Program::default()
    });
    assert_eq!(failed(&bed.output(0, "bad")).message, "`bad` appeared (--fail-on)");
}

#[test]
fn what_left_the_window_is_said() {
    let mut bed = Bed::new(Program {
        window: 64,
        ..steps(vec![step("/START.*END/s", vec![]), step("x", vec![])])
    });
    bed.output(0, "START");
    for n in 0..50 {
        bed.output(n, "0123456789\r\n");
    }
    bed.output(50, "END\r\n");
    let out = bed.tick(30_000);
    let hints = failed(&out).near_misses.join("\n");
    assert!(hints.contains("left the window"), "{hints}");
    assert!(bed.dialogue.record().window_dropped_bytes > 0);
}

#[test]
fn lines_of_two_streams_carry_their_names() {
    let mut bed = Bed::pipes(steps(vec![step("x", vec![])]));
    bed.output_on(0, OUT, "one\n");
    bed.output_on(0, ERR, "two\n");
    let out = bed.tick(30_000);
    assert_eq!(failed(&out).last_lines, ["stdout: one", "stderr: two"]);
    let mut bed = Bed::pipes(steps(vec![step("x", vec![])]));
    bed.output_on(0, ERR, "two\n");
    assert_eq!(failed(&bed.tick(30_000)).last_lines, ["two"]);
}

#[test]
fn a_stream_that_is_not_there_and_a_goto_to_nowhere_are_refused() {
    let setup = |terminal| Setup {
        streams: if terminal { vec![PTY] } else { vec![OUT, ERR] },
        size: (80, 24),
        terminal,
        secret_names: Vec::new(),
        missing_secrets: BTreeMap::new(),
        mask: Mask::default(),
    };
    let err = any_of(vec![Branch { listen: on(ERR, "x"), ..branch("x", vec![]) }]);
    let refused = Dialogue::new(steps(vec![err]), setup(true)).err().expect("refused");
    assert!(refused.to_string().contains("a terminal is one stream"), "{refused}");
    let jump = any_of(vec![Branch { then: Then::Goto(Place::main(4)), ..branch("x", vec![]) }]);
    let refused = Dialogue::new(steps(vec![jump]), setup(false)).err().expect("refused");
    assert_eq!(refused.to_string(), "step 1 goes on at step 5, and there are 1");
}
