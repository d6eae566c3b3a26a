//! Pauses, commands of the script's own, questions, the terminal handed over, the wait for the exit, and the
//! cleanup.

use super::*;
use crate::expect::program::{Ask, Exec, ExecCommand, Kind, Question, Text, Value};

fn kind(kind: Kind) -> Step {
    Step { kind, from: From::Script, ..Step::default() }
}

fn says(template: &str) -> Action {
    Action::Line(Text::parse(template).expect("a text"))
}

fn shell(line: &str) -> Exec {
    let command = ExecCommand::Shell(line.to_owned());
    Exec { command, into: Some("got".to_owned()), otherwise: None }
}

fn started(line: &str, env: &[(&str, &str)]) -> Effect {
    let argv = ["sh", "-c", line].map(|word| word.as_bytes().to_vec()).into();
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
    Effect::Exec { argv, env: env.iter().map(pair).collect(), capture: true }
}

impl Bed {
    fn exec_done(&mut self, now: u64, status: i32, stdout: &str) -> Vec<Effect> {
        let stdout = stdout.as_bytes().to_vec();
        let end = ExecEnd { status: Some(status), stdout, why: None };
        self.call(now, |dialogue, out| dialogue.exec_done(ms(now), end, out))
    }

    fn answered(&mut self, now: u64, answer: &Answer) -> Vec<Effect> {
        self.call(now, |dialogue, out| dialogue.answered(ms(now), answer, out))
    }

    fn cleanup(&mut self, now: u64) -> Vec<Effect> {
        self.call(now, |dialogue, out| dialogue.begin_cleanup(ms(now), out))
    }
}

#[test]
fn rules_answer_during_a_pause_and_it_outlasts_the_step_limit() {
    let program = Program {
        rules: vec![rule("sure?", vec![line("y")])],
        ..steps(vec![
            Step { actions: vec![line("on")], ..kind(Kind::Sleep(ms(60_000))) },
            step("end", vec![]),
        ])
    };
    let mut bed = Bed::new(program);
    assert_eq!(bed.deadline(), Some(60_000));
    assert_eq!(bed.output(100, "sure?"), [typed("y\r")]);
    assert_eq!(bed.tick(59_999), []);
    assert_eq!(bed.tick(60_000), [typed("on\r")]);
    assert_eq!(bed.output(60_001, "end"), []);
    assert!(bed.dialogue.is_done());
}

#[test]
fn a_command_sees_the_captures_and_never_a_secret() {
    let variables = [("host".to_owned(), Value::text("hunter2.example"))].into();
    let exec = Step { actions: vec![says("${got} ${status}")], ..kind(Kind::Exec(shell("f"))) };
    let program = Program { variables, ..steps(vec![step(r"/(?<n>\d+);/", vec![]), exec]) };
    let mut bed = Bed::new(program);
    let out = bed.output(1, "12;");
    assert_eq!(out, [started("f", &[("host", "***.example"), ("n", "12")])]);
    assert_eq!(bed.exec_done(2, 0, "a\nb\r\n\n"), [typed("a\nb 0\r")]);
    assert!(bed.dialogue.is_done());
}

#[test]
fn a_command_that_fails() {
    let (mut bed, _) = Bed::begun(steps(vec![kind(Kind::Exec(shell("f")))]));
    let out = bed.exec_done(1, 3, "");
    assert_eq!(reason(&out), "exec");
    assert_eq!(failed(&out).message, "step 1: its command exited with 3");

    let otherwise = Some(Then::Goto(Place::main(2)));
    let exec = kind(Kind::Exec(Exec { otherwise, ..shell("f") }));
    let rest = vec![acts(vec![line("ok")]), acts(vec![says("it was ${status}")])];
    let program = steps([vec![exec], rest].concat());
    let (mut bed, _) = Bed::begun(program);
    assert_eq!(bed.exec_done(1, 3, ""), [typed("it was 3\r")]);

    let soon = within(500, kind(Kind::Exec(shell("f"))));
    let (mut bed, _) = Bed::begun(steps(vec![soon.clone()]));
    let out = bed.tick(500);
    assert_eq!(out[0], Effect::StopExec);
    assert_eq!(reason(&out[1..]), "step_timeout");
    let (mut bed, _) = Bed::begun(steps(vec![optional(soon), acts(vec![line("on")])]));
    assert_eq!(bed.tick(500), [Effect::StopExec, typed("on\r")]);
}

#[test]
fn the_end_of_the_command_does_not_end_what_does_not_need_it() {
    let exec = Step { actions: vec![Action::Pass], ..kind(Kind::Exec(shell("f"))) };
    let (mut bed, _) = Bed::begun(steps(vec![exec]));
    bed.exited(1);
    bed.eof(1);
    assert_eq!(bed.finish(1), []);
    assert!(bed.dialogue.is_busy());
    assert_eq!(bed.exec_done(2, 0, ""), [Effect::Pass]);
    assert!(!bed.dialogue.is_busy());
}

fn ask(question: Question, default: Option<&str>) -> Step {
    let default = default.map(Text::from);
    let prompt = Text::from("Code: ");
    kind(Kind::Ask(Ask { prompt, question, into: "code".to_owned(), default }))
}

fn asked(question: Question) -> Effect {
    Effect::Ask { prompt: "Code: ".to_owned(), question, into: "code".to_owned() }
}

#[test]
fn a_person_is_asked() {
    let program = steps(vec![ask(Question::Line, None), acts(vec![says("${code}")])]);
    let (mut bed, out) = Bed::begun(program.clone());
    assert_eq!((out, bed.deadline()), (vec![asked(Question::Line)], None));
    assert_eq!(bed.answered(9, &Answer::Text(b"123".to_vec())), [typed("123\r")]);
    let (mut bed, _) = Bed::begun(program);
    let out = bed.answered(9, &Answer::Nothing("there is no terminal".to_owned()));
    assert_eq!(failed(&out).message, "step 1: no answer: there is no terminal");
    assert_eq!(reason(&out), "ask");
}

#[test]
fn a_question_has_a_default_for_its_limit_and_an_empty_answer() {
    let asks = within(1000, ask(Question::Line, Some("7")));
    let program = steps(vec![asks, acts(vec![says("${code}")])]);
    let (mut bed, _) = Bed::begun(program.clone());
    assert_eq!(bed.tick(1000), [Effect::StopAsk, typed("7\r")]);
    let (mut bed, _) = Bed::begun(program);
    assert_eq!(bed.answered(1, &Answer::Text(Vec::new())), [typed("7\r")]);
    let (mut bed, _) = Bed::begun(steps(vec![within(1000, ask(Question::Key, None))]));
    let out = bed.tick(1000);
    assert_eq!(out[0], Effect::StopAsk);
    assert_eq!(failed(&out[1..]).message, "step 1: nobody answered within 1s (within 1s)");
}

#[test]
fn a_secret_that_was_asked_for_is_sent_and_masked() {
    let send = acts(vec![secret("code")]);
    let (mut bed, _) = Bed::begun(steps(vec![ask(Question::Secret, None), send]));
    bed.dialogue.set_mask(&Mask::new(["sesame"]));
    let out = bed.answered(1, &Answer::Kept);
    assert!(matches!(&out[..], [Effect::Secret { name, .. }] if name == "code"), "{out:?}");
    bed.output(2, "sesame");
    let out = bed.tick(30_001);
    assert!(!format!("{out:?}").contains("sesame"), "{out:?}");
}

#[test]
fn a_person_has_the_terminal_until_a_key_a_text_or_the_end() {
    let interact = Step {
        branches: vec![Branch { actions: vec![line("seen")], ..branch("logout", vec![]) }],
        actions: vec![line("left")],
        ..kind(Kind::Interact { key: vec![0x1d] })
    };
    let program = steps(vec![interact]);
    let begins = [Effect::Interact { key: vec![0x1d] }];
    let (mut bed, out) = Bed::begun(program.clone());
    assert_eq!(out, begins);
    let out = bed.call(1, |dialogue, out| dialogue.interact_over(ms(1), None, out));
    assert_eq!(out, [typed("left\r")]);
    let (mut bed, _) = Bed::begun(program.clone());
    assert_eq!(bed.tick(3_600_000), [], "it has no limit");
    assert_eq!(bed.output(3_600_001, "logout"), [Effect::StopInteract, typed("seen\r")]);
    let (mut bed, _) = Bed::begun(program.clone());
    bed.exited(1);
    bed.eof(1);
    assert_eq!(bed.finish(1)[0], Effect::StopInteract);
    assert_eq!(bed.dialogue.record().failure, None);
    let (mut bed, _) = Bed::begun(program);
    let out = bed.call(1, |dialogue, out| dialogue.interact_over(ms(1), Some("no terminal"), out));
    assert_eq!(failed(&out).message, "step 1: no terminal");
}

#[test]
fn the_exit_is_waited_for_and_its_code_judged() {
    let wait = |codes| steps(vec![kind(Kind::WaitExit(codes)), acts(vec![Action::Pass])]);
    let ends = |program, status| {
        let mut bed = Bed::new(program);
        bed.output(1, "bye");
        bed.dialogue.set_exit(status);
        assert_eq!(bed.exited(2), []);
        bed.eof(3)
    };
    assert_eq!(ends(wait(None), ExitStatus::Signal(9)), [Effect::Pass]);
    assert_eq!(ends(wait(Some(vec![0, 3])), ExitStatus::Code(3)), [Effect::Pass]);
    let out = ends(wait(Some(vec![0, 3])), ExitStatus::Code(1));
    assert_eq!(reason(&out), "exit_code");
    assert_eq!(failed(&out).message, "step 1: the command exited with 1, not with 0 or 3");
    let mut bed = Bed::new(steps(vec![within(500, kind(Kind::WaitExit(None)))]));
    let message = "step 1: the command did not exit within 500ms (within 500ms)";
    assert_eq!(failed(&bed.tick(500)).message, message);
}

#[test]
fn the_cleanup_follows_the_verdict_and_changes_nothing() {
    let cleanup = vec![acts(vec![line("exit")]), step("bye", vec![line("thanks")])];
    let program = Program { cleanup, ..steps(vec![within(100, step("x", vec![]))]) };
    let mut bed = Bed::new(program.clone());
    let out = bed.tick(100);
    assert_eq!(reason(&out), "step_timeout");
    assert_eq!(bed.cleanup(100), [typed("exit\r")]);
    assert_eq!(bed.output(150, "bye"), [typed("thanks\r"), Effect::CleanupDone]);
    assert_eq!(bed.output(151, "bye"), []);
    let record = bed.dialogue.record();
    assert_eq!(record.failure.map(|failure| failure.reason), Some(Reason::StepTimeout));
    let labels: Vec<_> = record.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(labels, ["1", "cleanup.1", "cleanup.2"]);

    // It has no more time than its own, and what fails in it is only told.
    let mut bed = Bed::new(program.clone());
    bed.tick(100);
    bed.cleanup(100);
    assert_eq!(bed.deadline(), Some(5100));
    assert_eq!(bed.tick(5100), [Effect::CleanupDone]);
    let mut bed = Bed::new(program);
    bed.cleanup(50);
    let out = bed.eof(60);
    assert!(matches!(&out[..], [Effect::Log(why), Effect::CleanupDone] if why.contains("bye")));
    assert_eq!(bed.dialogue.record().failure, None);
}

#[test]
fn the_cleanup_takes_over_from_what_is_under_way() {
    let cleanup = vec![acts(vec![line("exit")])];
    let program = Program { cleanup, ..steps(vec![kind(Kind::Exec(shell("f")))]) };
    let (mut bed, _) = Bed::begun(program);
    let done = [Effect::StopExec, typed("exit\r"), Effect::CleanupDone];
    assert_eq!(bed.cleanup(10), done);
    let mut bed = Bed::new(steps(vec![step("x", vec![])]));
    assert_eq!(bed.cleanup(10), [Effect::CleanupDone], "there is none");
}

#[test]
fn other_effects_are_passed_on() {
    let actions = vec![
        Action::Signal(10),
        Action::Resize(100, 30),
        Action::CloseStdin,
        says("a"),
        Action::Log(Text::from("noted")),
    ];
    let (_, out) = Bed::begun(steps(vec![acts(actions)]));
    let noted = Effect::Log("noted".to_owned());
    let expected =
        [Effect::Signal(10), Effect::Resize(100, 30), Effect::SendEof, typed("a\r"), noted];
    assert_eq!(out, expected);
}
