use super::*;
use crate::expect::pattern::Pattern;
use crate::expect::program::{Action, Branch, Exec, ExecCommand, Listen, Step, Text, Then};
use crate::expect::tape::Fact;

/// A recording: `o`utput, `i`nput, e`x`it, `r`esize, `m`arker, at milliseconds.
fn tape(facts: &[(u64, char, &str)]) -> Tape {
    let facts = facts.iter().map(|(at, code, text)| {
        let bytes = || text.as_bytes().to_vec();
        let what = match code {
            'o' => What::Output(bytes()),
            'i' => What::Input(bytes()),
            'x' => What::Exit(text.parse().unwrap()),
            'm' => What::Marker((*text).to_owned()),
            _ => What::Resize(100, 30),
        };
        Fact { at: Duration::from_millis(*at), what }
    });
    Tape { size: (80, 24), terminal: true, facts: facts.collect() }
}

fn step(expect: &str, actions: Vec<Action>) -> Step {
    let listen = Listen::to(Pattern::parse(expect).unwrap());
    let branch = Branch { actions, ..Branch::on(listen) };
    Step { branches: vec![branch], ..Step::default() }
}

fn line(text: &str) -> Vec<Action> {
    vec![Action::Line(Text::from(text))]
}

fn secret() -> Vec<Action> {
    vec![Action::Secret { name: "pw".to_owned(), echo_ok: false }]
}

fn program(steps: Vec<Step>) -> Program {
    Program { steps, ..Program::default() }
}

fn played(steps: Vec<Step>, facts: &[(u64, char, &str)]) -> Played {
    play(program(steps), &tape(facts), vec!["pw".to_owned()]).unwrap()
}

fn failure(steps: Vec<Step>, facts: &[(u64, char, &str)]) -> (Reason, String) {
    let failure = played(steps, facts).failure.expect("it fails");
    (failure.reason, failure.message)
}

const LOGIN: &[(u64, char, &str)] = &[
    (10, 'o', "login: "),
    (20, 'o', "alice\r\n"),
    (30, 'o', "Password: "),
    (40, 'o', "\r\nhello alice\r\n$ "),
    (50, 'o', "exit\r\n"),
    (60, 'x', "0"),
];

fn login() -> Vec<Step> {
    vec![step("login: ", line("alice")), step("Password: ", secret()), step("$ ", line("exit"))]
}

#[test]
fn a_dialogue_meets_its_recording() {
    let played = played(login(), LOGIN);
    assert_eq!(played.failure, None);
    assert_eq!((played.seen, played.unseen), (2, 1));
    assert!(played.record.steps.iter().all(|step| step.state.as_str() == "matched"));
}

#[test]
fn the_same_with_every_cut() {
    let all: String = LOGIN.iter().filter(|fact| fact.1 == 'o').map(|fact| fact.2).collect();
    let single: Vec<(u64, char, String)> =
        all.chars().enumerate().map(|(n, c)| (n as u64, 'o', c.to_string())).collect();
    let facts: Vec<(u64, char, &str)> =
        single.iter().map(|(at, code, text)| (*at, *code, text.as_str())).collect();
    assert_eq!(played(login(), &facts).failure, None);
}

#[test]
fn a_person_may_think_for_hours() {
    let slow: Vec<(u64, char, &str)> = vec![
        (10, 'o', "login: "),
        (3_600_000, 'i', "al"),
        (3_600_001, 'o', "al"),
        (7_200_000, 'i', "ice\r"),
        (7_200_001, 'o', "ice\r\nPassword: "),
        (9_000_000, 'i', "\r"),
        (9_000_010, 'o', "\r\nhello alice\r\n$ "),
        (9_900_000, 'i', "exit\r"),
        (9_900_001, 'o', "exit\r\n"),
    ];
    let played = played(login(), &slow);
    assert_eq!(played.failure, None);
    assert_eq!((played.seen, played.unseen), (3, 0));
    assert!(played.at < Duration::from_secs(1), "{:?}", played.at);
}

#[test]
fn the_echo_is_no_output() {
    let steps = vec![step("name? ", line("go")), step("go", vec![])];
    let echoed = [(0, 'o', "name? "), (5, 'o', "go\r\n"), (9, 'o', "done\r\n"), (9, 'x', "0")];
    assert_eq!(failure(steps.clone(), &echoed).0, Reason::Eof);
    let printed = [(0, 'o', "name? "), (5, 'o', "go\r\n"), (9, 'o', "go\r\n")];
    assert_eq!(played(steps, &printed).failure, None);
}

#[test]
fn what_is_typed_has_to_be_what_was_typed() {
    let steps = vec![step("name? ", line("bob")), step("hi", vec![])];
    let shown = [(0, 'o', "name? "), (5, 'o', "eve\r\n"), (9, 'o', "hi\r\n")];
    let (reason, message) = failure(steps.clone(), &shown);
    assert_eq!(reason, Reason::Differs);
    assert_eq!(message, "step 1: the script types `bob\\r`, and the recording shows `eve`");
    let typed = [(0, 'o', "name? "), (5, 'i', "eve\r"), (5, 'o', "eve\r\n"), (9, 'o', "hi\r\n")];
    let (reason, message) = failure(steps.clone(), &typed);
    assert_eq!(reason, Reason::Differs);
    assert!(message.ends_with("and the recording has `eve\\r`"), "{message}");
    let hidden = [(0, 'o', "name? "), (9, 'o', "\r\nhi\r\n")];
    assert_eq!(played(steps, &hidden).unseen, 1);
}

#[test]
fn what_was_typed_has_to_be_typed() {
    let steps = vec![step("name? ", line("bob"))];
    let more = [(0, 'o', "name? "), (5, 'i', "bob\r"), (6, 'o', "bob\r\nage? "), (7, 'i', "7\r")];
    let (reason, message) = failure(steps, &more);
    assert_eq!(reason, Reason::Differs);
    assert_eq!(message, "step 1: all is met, and the recording goes on with `7\\r` typed");
}

#[test]
fn clocks_run_as_recorded() {
    let late = [(0, 'o', "start\r\n"), (31_000, 'o', "ready\r\n"), (31_000, 'x', "0")];
    let (reason, message) = failure(vec![step("ready", vec![])], &late);
    assert_eq!(reason, Reason::StepTimeout);
    assert!(message.contains("`ready` did not appear within 30s"), "{message}");
    let patient = Step { within: Some(Duration::from_mins(1)), ..step("ready", vec![]) };
    assert_eq!(played(vec![patient], &late).failure, None);
}

#[test]
fn a_near_miss_is_told_as_in_a_live_run() {
    let facts = [(0, 'o', "password: "), (9, 'x', "1")];
    let failure = played(vec![step("Password: ", vec![])], &facts).failure.unwrap();
    assert_eq!(failure.reason, Reason::Eof);
    assert!(failure.near_misses.iter().any(|miss| miss.contains("/i")), "{failure:?}");
    assert_eq!(failure.last_lines, ["password: "]);
}

#[test]
fn the_last_attempt_counts() {
    let twice = [
        (0, 'o', "name? "),
        (1, 'x', "1"),
        (2, 'm', "attempt 2"),
        (3, 'o', "ready "),
        (4, 'x', "0"),
    ];
    assert_eq!(played(vec![step("ready", vec![])], &twice).failure, None);
    assert_eq!(failure(vec![step("name", vec![])], &twice).0, Reason::Eof);
}

#[test]
fn again_and_goto_and_pass_work_as_ever() {
    let mut again = step("more? ", line("y"));
    again.branches[0].then = Then::Again { reset: true };
    let end = Branch {
        actions: vec![Action::Pass],
        ..Branch::on(Listen::to(Pattern::parse("end").unwrap()))
    };
    again.branches.push(end);
    let facts =
        [(0, 'o', "more? "), (1, 'o', "y\r\nmore? "), (2, 'o', "y\r\nend\r\nand then some")];
    let played = played(vec![again], &facts);
    assert_eq!((played.failure, played.passed, played.seen), (None, true, 2));
}

#[test]
fn a_pipe_is_one_stream_here() {
    let mut steps = vec![step("ready", line("go"))];
    steps[0].branches[0].listen.stream = Some(StreamId::Stderr);
    let mut tape = tape(&[(0, 'o', "ready\n"), (1, 'o', "ok\n")]);
    tape.terminal = false;
    let played = play(program(steps), &tape, Vec::new()).unwrap();
    assert_eq!(played.failure, None);
    assert!(played.notes[0].contains("stdout from stderr"));
}

#[test]
fn idle_is_counted_on_the_made_up_clock() {
    let steps = vec![step("@idle:2s", line("wake up")), step("yes", vec![])];
    let facts = [(0, 'o', "zzz"), (5000, 'o', "wake up\r\nyes\r\n"), (5001, 'x', "0")];
    assert_eq!(played(steps.clone(), &facts).failure, None);
    let busy = [(0, 'o', "zzz"), (1500, 'o', "zzz"), (3000, 'o', "zzz"), (3001, 'x', "0")];
    assert_eq!(failure(steps, &busy).0, Reason::Eof);
}

#[test]
fn a_typist_may_be_quicker_than_the_pause() {
    let steps = vec![step("/^> $/", line("foo")), step("got foo", vec![])];
    let quick = [(0, 'o', "> "), (1, 'i', "foo\r"), (2, 'o', "foo\r\ngot foo\r\n"), (3, 'x', "0")];
    assert_eq!(played(steps, &quick).failure, None);
}

/// As many steps as there may be, without a stack of that depth, nor a record for each deadline.
#[test]
fn a_script_of_many_steps_is_played() {
    const MANY: usize = 20_000;
    let exec = || Step {
        kind: Kind::Exec(Exec {
            command: ExecCommand::Shell("true".to_owned()),
            into: None,
            otherwise: None,
        }),
        ..Step::default()
    };
    let secret = || Step { actions: secret(), ..Step::default() };
    let sleep = || Step { kind: Kind::Sleep(Duration::from_nanos(1)), ..Step::default() };
    for step in [exec, secret, sleep] {
        let steps = (0..MANY).map(|_| step()).collect();
        let program = Program { max_steps: 2 * MANY as u32, ..program(steps) };
        let tape = tape(&[(100, 'o', "$ "), (200, 'x', "0")]);
        let played = play(program, &tape, vec!["pw".to_owned()]).unwrap();
        assert_eq!(played.failure, None);
        assert_eq!(played.record.steps.len(), MANY);
    }
}
