//! Secrets: the wait for a terminal that has stopped echoing, and that they never show.

use super::*;

fn login() -> Program {
    steps(vec![
        within(5000, step("Password: ", vec![secret("pw"), line("after")])),
        step("$ ", vec![]),
    ])
}

impl Dialogue {
    /// The name of the secret that is under way.
    fn secret_wanted(&self) -> Option<&str> {
        Some(&self.acting.as_ref()?.secret.as_ref()?.name)
    }

    /// Whether it matters that the terminal stops echoing.
    fn wants_echo_state(&self) -> bool {
        let secret = self.acting.as_ref().and_then(|acting| acting.secret.as_ref());
        secret.is_some_and(|secret| !secret.echo_ok)
    }
}

#[test]
fn what_follows_a_secret_waits_for_it() {
    let mut bed = Bed::new(login());
    assert_eq!(bed.output(100, "Password: "), [wanted(Some(5000))]);
    assert_eq!(bed.dialogue.secret_wanted(), Some("pw"));
    assert!(bed.dialogue.wants_echo_state());
    assert_eq!(bed.output(200, "$ "), [], "kept for the next step");
    assert_eq!(bed.deadline(), Some(5000));
    assert_eq!(bed.secret_sent(300), [typed("after\r")]);
    assert!(bed.dialogue.is_done());
    assert_eq!(bed.dialogue.secret_wanted(), None);
    assert!(!bed.dialogue.wants_echo_state());
}

#[test]
fn watches_judge_while_a_secret_waits() {
    let mut bed =
        Bed::new(Program { watches: vec![watch("denied", Verdict::Fail(None))], ..login() });
    bed.output(0, "Password: ");
    let out = bed.output(1, "denied");
    assert_eq!(out[0], Effect::DropSecret);
    assert_eq!(reason(&out), "fail");
}

#[test]
fn a_terminal_that_keeps_echoing_fails_at_the_steps_limit() {
    let mut bed = Bed::new(login());
    bed.output(100, "Password: ");
    let out = bed.tick(5000);
    assert_eq!(out[0], Effect::DropSecret);
    let failure = failed(&out);
    assert_eq!(failure.reason, Reason::SecretEcho);
    assert_eq!(failure.clock.as_deref(), Some("--within 5s"));
    assert_eq!(
        failure.message,
        "the secret `pw` was not sent: the terminal kept echoing for 5s; `--echo-ok` sends it anyway"
    );
    assert_eq!(bed.states(), ["failed"]);
}

#[test]
fn outside_of_a_step_the_common_limit_holds() {
    let mut bed = Bed::new(rules(vec![rule("Password: ", vec![secret("pw")])]));
    assert_eq!(bed.output(100, "Password: "), [wanted(Some(30_100))]);
    let (_, out) = Bed::begun(Program { start: vec![secret("pw")], ..login() });
    assert_eq!(out, [wanted(Some(30_000))]);
    let (mut bed, out) =
        Bed::begun(Program { start: vec![secret("pw")], step_timeout: None, ..login() });
    assert_eq!(out, [wanted(None)]);
    assert_eq!(bed.dialogue.record().steps, []);
    assert_eq!(bed.secret_sent(10), []);
    assert_eq!(bed.deadline(), Some(5010), "the first step begins behind the start actions");
}

#[test]
fn a_pipe_echoes_nothing() {
    let mut bed = Bed::pipes(login());
    let out = bed.output_on(0, OUT, "Password: ");
    assert!(matches!(out[..], [Effect::Secret { echo_ok: true, enter: b"\n", .. }]), "{out:?}");
    let out = bed.tick(5000);
    assert_eq!(reason(&out), "send", "a command that does not read is held to the limit as well");
}

#[test]
fn a_match_decided_by_the_limit_still_gets_a_moment_for_its_answer() {
    let mut bed = Bed::new(steps(vec![within(100, step(r"/pw\d*/", vec![secret("pw")]))]));
    assert_eq!(bed.output(90, "pw"), []);
    assert_eq!(bed.tick(100), [wanted(Some(150))]);
    assert_eq!(bed.secret_sent(120), []);
    assert!(bed.dialogue.is_done());
}

#[test]
fn the_end_before_a_branchs_secret_fails_and_drops_that_of_a_rule() {
    let mut bed = Bed::new(login());
    bed.output(0, "Password: ");
    assert_eq!(bed.eof(1), [], "the command may still read");
    let out = bed.finish(2);
    assert_eq!(reason(&out), "eof");
    assert_eq!(failed(&out).message, "the output ended before the secret `pw` was sent");

    let mut bed = Bed::new(rules(vec![rule("Password: ", vec![secret("pw"), line("x")])]));
    bed.output(0, "Password: ");
    bed.eof(1);
    assert_eq!(bed.finish(2), [Effect::DropSecret]);
    assert!(bed.dialogue.is_done());
}

#[test]
fn failures_to_send() {
    let begun = || {
        let mut bed = Bed::new(login());
        bed.output(0, "Password: ");
        bed
    };
    let mut bed = begun();
    let out = bed.send_failed(1, &SendError::SecretEcho);
    assert_eq!(reason(&out), "secret_echo");
    assert!(failed(&out).message.starts_with("the secret `pw` was not sent: "));

    let mut bed = begun();
    assert_eq!(bed.send_failed(1, &SendError::InputClosed), [Effect::DropSecret, typed("after\r")]);
    let out = bed.eof(2);
    assert_eq!(reason(&out), "eof");
    let hints = &failed(&out).near_misses;
    assert!(hints.iter().any(|hint| hint.contains("closed its input")), "{hints:?}");

    let mut bed = Bed::new(login());
    let out = bed.send_failed(1, &SendError::CanonicalLimit { bytes: 5000, limit: 4095 });
    assert_eq!(reason(&out), "canonical_limit");
    assert!(failed(&out).message.starts_with("a line of 5000 bytes was not sent"));

    let mut bed = Bed::new(login());
    let out = bed.send_failed(1, &SendError::Other("no such device".to_owned()));
    assert_eq!(reason(&out), "send");
    assert_eq!(failed(&out).message, "no such device");
}

#[test]
fn input_that_closed_is_no_failure_where_nothing_is_unmet() {
    let mut bed = Bed::new(rules(vec![rule("?", vec![line("y")])]));
    bed.output(0, "?");
    assert_eq!(bed.send_failed(1, &SendError::InputClosed), []);
    assert_eq!(bed.eof(2), []);
    assert_eq!(bed.finish(3), []);
}

#[test]
fn a_secret_never_leaves_in_a_record_or_failure() {
    let mut bed = Bed::new(Program {
        rules: vec![rule("hunter2 was", vec![])],
        ..steps(vec![step(r"/you typed (?<echo>\S+)\s/", vec![]), step("HUNTER2", vec![])])
    });
    bed.output(0, "you typed hunter2 and\r\nhunter2 was it\r\nhunt");
    bed.output(1, "er2 at last\r\nhun\r\nter2\r\nhunter2: ");
    let out = bed.tick(60_000);
    let failure = failed(&out);
    assert!(!failure.near_misses.is_empty());
    assert!(failure.last_lines.iter().any(|line| line.contains("***")));
    let all = format!("{out:?} {:?}", bed.dialogue.record());
    assert!(!all.contains("hunter2"), "{all}");
    let joined = failure.last_lines.join("");
    assert!(!joined.contains("hunter2"), "{joined}");
    assert_eq!(bed.dialogue.record().captures["echo"], Capture::Text(Some("***".to_owned())));
    assert_eq!(
        bed.dialogue.capture("echo").as_deref(),
        Some(b"hunter2".as_slice()),
        "sends get the real one"
    );
}

#[test]
fn a_secret_of_several_lines_shows_in_none_of_them() {
    let key: Vec<String> = (0..30).map(|n| format!("key-line-{n}:")).collect();
    let key = key.join("\n");
    let program = steps(vec![step("/KEY-LINE-29.*/", vec![])]);
    let mut bed = Bed::with(program, &[PTY], &[("pw", &key)]);
    bed.start();
    bed.output(0, &format!("it is\r\n{}", key.replace('\n', "\r\n")));
    let out = bed.tick(30_000);
    assert!(!failed(&out).near_misses.is_empty());
    let all = format!("{out:?}");
    assert!(!all.contains("key-line"), "{all}");
}

#[test]
fn a_secret_that_nobody_defined_is_refused() {
    let setup = Setup {
        streams: vec![PTY],
        size: (80, 24),
        terminal: true,
        secret_names: vec!["password".to_owned()],
        missing_secrets: BTreeMap::new(),
        mask: Mask::default(),
    };
    let program = steps(vec![step("x", vec![secret("pasword")])]);
    let error = Dialogue::new(program, setup).err().expect("refused");
    assert_eq!(
        error.to_string(),
        "there is no secret `pasword`; define it with `--secret pasword=env:VARIABLE`, or did you mean `password`?"
    );
}
