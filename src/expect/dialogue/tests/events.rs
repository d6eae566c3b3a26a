//! Limits, ends, exit and silence.

use super::*;
use crate::expect::program::{Kind, Text, View};

#[test]
fn a_step_has_its_own_limit_or_the_common_one() {
    let bed = Bed::new(steps(vec![within(5000, step("x", vec![]))]));
    assert_eq!(bed.deadline(), Some(5000));
    let bed = Bed::new(steps(vec![step("x", vec![])]));
    assert_eq!(bed.deadline(), Some(30_000));
    let bed = Bed::new(steps(vec![within(0, step("x", vec![]))]));
    assert_eq!(bed.deadline(), None, "zero is off");
    let bed = Bed::new(Program { step_timeout: None, ..steps(vec![step("x", vec![])]) });
    assert_eq!(bed.deadline(), None);
}

#[test]
fn output_never_resets_a_limit() {
    let mut bed = Bed::new(steps(vec![within(100, step("x", vec![]))]));
    for now in 0..10 {
        assert_eq!(bed.output(now * 10, "chatter\r\n"), []);
    }
    assert_eq!(bed.tick(99), []);
    assert_eq!(reason(&bed.tick(100)), "step_timeout");
}

#[test]
fn a_limit_counts_from_the_begin_of_its_step() {
    let mut bed = Bed::new(steps(vec![step("a", vec![]), within(100, step("b", vec![]))]));
    bed.output(1000, "a");
    assert_eq!(bed.deadline(), Some(1100));
}

#[test]
fn an_optional_step_is_given_up_and_its_text_stays_for_the_next() {
    let mut bed = Bed::new(steps(vec![
        optional(within(100, step("never", vec![line("1")]))),
        step("there", vec![line("2")]),
    ]));
    assert_eq!(bed.output(0, "already there"), []);
    assert_eq!(bed.tick(100), [typed("2\r")]);
    assert_eq!(bed.states(), ["skipped", "matched"]);
}

#[test]
fn what_has_come_counts_before_a_limit_that_passed_meanwhile() {
    let mut bed = Bed::new(steps(vec![within(100, step("x", vec![line("1")]))]));
    assert_eq!(bed.output(150, "x"), [typed("1\r")]);
}

#[test]
fn what_waits_to_settle_at_the_limit_is_decided_by_it() {
    let program = || steps(vec![within(100, step(r"/id=(?<id>\d+)/", vec![line("1")]))]);
    let mut bed = Bed::new(program());
    assert_eq!(bed.output(90, "id=12"), []);
    assert_eq!(bed.tick(100), [typed("1\r")]);
    let mut bed = Bed::new(program());
    assert_eq!(bed.output(10, "id=12"), []);
    assert_eq!(bed.deadline(), Some(60));
    assert_eq!(bed.output(20, "34"), []);
    assert_eq!(bed.tick(70), [typed("1\r")]);
    assert_eq!(bed.dialogue.capture("id").as_deref(), Some(b"1234".as_slice()));
}

#[test]
fn nothing_is_due_when_nothing_waits() {
    let mut bed = Bed::new(Program {
        rules: vec![rule("r", vec![])],
        watches: vec![watch("w", Verdict::Pass)],
        ..steps(vec![step("a", vec![])])
    });
    bed.output(0, "a\r\n");
    assert_eq!(bed.deadline(), None);
    assert_eq!(bed.tick(1_000_000), []);
}

#[test]
fn eof_before_exit_and_exit_before_eof_fail_alike() {
    let mut bed = Bed::new(steps(vec![step("x", vec![])]));
    bed.output(0, "no\r\n");
    assert_eq!(reason(&bed.eof(1)), "eof");
    assert_eq!(bed.exited(2), []);
    assert_eq!(bed.finish(3), []);

    let mut bed = Bed::new(steps(vec![step("x", vec![])]));
    assert_eq!(bed.exited(1), []);
    assert_eq!(bed.output(2, "no\r\n"), []);
    assert_eq!(reason(&bed.eof(3)), "eof");
}

#[test]
fn output_behind_the_exit_still_meets_the_step() {
    let mut bed = Bed::new(steps(vec![any_of(vec![
        branch("last words", vec![line("1")]),
        branch("@exit", vec![line("2")]),
    ])]));
    assert_eq!(bed.exited(0), []);
    assert_eq!(bed.output(1, "last words"), [typed("1\r")]);
}

#[test]
fn exit_is_told_at_the_end_of_the_output_or_when_it_pauses() {
    let program = || steps(vec![step("@exit", vec![line("1")])]);
    let mut bed = Bed::new(program());
    assert_eq!(bed.eof(0), [], "the end is no exit");
    assert_eq!(bed.exited(1), [typed("1\r")]);

    let mut bed = Bed::new(program());
    assert_eq!(bed.exited(0), []);
    assert_eq!(bed.eof(1), [typed("1\r")]);

    let mut bed = Bed::new(program());
    assert_eq!(bed.exited(0), []);
    assert_eq!(bed.output(30, "held open\r\n"), []);
    assert_eq!(bed.deadline(), Some(80));
    assert_eq!(bed.tick(80), [typed("1\r")]);

    let mut bed = Bed::new(program());
    assert_eq!(bed.exited(0), []);
    assert_eq!(bed.finish(10), [typed("1\r")]);
}

#[test]
fn a_stray_that_never_stops_writing_does_not_put_off_the_exit_for_ever() {
    let mut bed = Bed::new(steps(vec![step("@exit", vec![line("1")])]));
    bed.exited(0);
    let done = (1..100).find(|n| !bed.output(n * 40, "noise\r\n").is_empty());
    assert_eq!(done, Some(1000 / 40));
}

#[test]
fn a_step_behind_the_end_is_met_by_the_end() {
    let mut bed = Bed::new(steps(vec![
        step("a", vec![]),
        step("@eof", vec![]),
        step("@eof", vec![]),
        step("@exit", vec![line("x")]),
    ]));
    bed.output(0, "a and more");
    bed.eof(0);
    assert_eq!(bed.states(), ["matched", "matched", "matched", "waiting"]);
    assert_eq!(bed.exited(1), [typed("x\r")]);
    assert!(bed.dialogue.is_done());
    assert_eq!(bed.finish(2), []);
}

#[test]
fn a_rule_hears_an_end_once() {
    let mut bed =
        Bed::new(rules(vec![rule("@eof", vec![line("e")]), rule("@exit", vec![line("x")])]));
    assert_eq!(bed.eof(0), [typed("e\r")]);
    assert_eq!(bed.exited(1), [typed("x\r")]);
    assert_eq!(bed.finish(2), []);
    assert_eq!(bed.deadline(), None);
}

#[test]
fn text_before_the_end_goes_before_the_end() {
    let mut bed = Bed::new(Program {
        rules: vec![rule("@eof", vec![line("end")])],
        ..steps(vec![step(r"/n=\d+/", vec![line("n")])])
    });
    assert_eq!(bed.output(0, "n=1"), []);
    assert_eq!(bed.eof(1), [typed("n\r"), typed("end\r")]);
}

#[test]
fn the_end_of_both_streams_is_the_end() {
    let mut bed = Bed::pipes(steps(vec![step("@eof", vec![line("1")])]));
    assert_eq!(bed.eof_on(0, ERR), []);
    assert_eq!(bed.eof_on(1, OUT), [typed("1\n")]);
    let only = Branch { listen: on(ERR, "@eof"), ..branch("@eof", vec![line("1")]) };
    let mut bed = Bed::pipes(steps(vec![any_of(vec![only])]));
    assert_eq!(bed.eof_on(0, ERR), [typed("1\n")]);
}

#[test]
fn a_step_is_lost_only_when_all_its_streams_have_ended() {
    let mut bed = Bed::pipes(steps(vec![step("x", vec![])]));
    assert_eq!(bed.eof_on(0, OUT), []);
    assert_eq!(reason(&bed.eof_on(1, ERR)), "eof");
    let only = Branch { listen: on(OUT, "x"), ..branch("x", vec![]) };
    let mut bed = Bed::pipes(steps(vec![any_of(vec![only])]));
    assert_eq!(bed.eof_on(0, ERR), []);
    assert_eq!(reason(&bed.eof_on(1, OUT)), "eof");
    let only = Branch { listen: on(OUT, "x"), ..branch("x", vec![]) };
    let mut bed = Bed::pipes(steps(vec![any_of(vec![only])]));
    let out = bed.eof_on(0, OUT);
    assert_eq!(failed(&out).message, "the output ended before step 1 (`x`) was met");
}

#[test]
fn a_rule_that_leads_on_keeps_a_lost_step_alive() {
    let program = |actions| Program {
        rules: vec![rule("@exit", actions)],
        ..steps(vec![step("x", vec![]), step("@exit", vec![line("bye")])])
    };
    let mut bed = Bed::new(program(vec![Action::Next]));
    assert_eq!(bed.eof(0), []);
    assert_eq!(bed.exited(1), [typed("bye\r")]);
    let mut bed = Bed::new(program(vec![line("no help")]));
    assert_eq!(reason(&bed.eof(0)), "eof");
}

#[test]
fn finish_without_an_end_of_the_output_is_an_exit() {
    let mut bed = Bed::new(steps(vec![step("x", vec![])]));
    bed.exited(0);
    assert_eq!(bed.tick(500), []);
    let out = bed.finish(600);
    assert_eq!(reason(&out), "exit");
    assert_eq!(failed(&out).message, "the command exited before step 1 (`x`) was met");
}

#[test]
fn optional_steps_are_skipped_at_the_end_up_to_the_first_that_is_not() {
    let mut bed = Bed::new(steps(vec![optional(step("x", vec![])), optional(step("y", vec![]))]));
    assert_eq!(bed.eof(0), []);
    assert!(bed.dialogue.is_done());
    let mut bed = Bed::new(steps(vec![optional(step("x", vec![])), step("y", vec![])]));
    assert_eq!(reason(&bed.eof(0)), "eof");
    assert_eq!(bed.states(), ["skipped", "failed"]);
}

#[test]
fn idle_counts_from_the_step_and_from_the_last_output() {
    let mut bed = Bed::new(steps(vec![step("a", vec![]), step("@idle:2s", vec![line("1")])]));
    bed.output(1000, "a");
    assert_eq!(bed.deadline(), Some(3000));
    assert_eq!(bed.output(2500, "b"), []);
    assert_eq!(bed.tick(3000), []);
    assert_eq!(bed.deadline(), Some(4500));
    assert_eq!(bed.tick(4500), [typed("1\r")]);
}

#[test]
fn an_idle_rule_prods_again_after_each_pause() {
    let mut bed = Bed::new(Program {
        rules: vec![rule("@idle:1s", vec![line("")])],
        ..steps(vec![within(3500, step("ready", vec![]))])
    });
    assert_eq!(bed.tick(1000), [typed("\r")]);
    assert_eq!(bed.tick(2000), [typed("\r")]);
    assert_eq!(bed.tick(3000), [typed("\r")]);
    assert_eq!(reason(&bed.tick(3500)), "step_timeout");
}

#[test]
fn an_idle_watch_judges_once_a_pause() {
    let mut bed = Bed::new(Program {
        watches: vec![watch("@idle:1s", Verdict::Note(0))],
        ..Program::default()
    });
    assert_eq!(bed.tick(1000), [Effect::Noted(0)]);
    assert_eq!(bed.deadline(), None);
    bed.output(5000, "x");
    assert_eq!(bed.deadline(), Some(6000));
}

#[test]
fn an_idle_branch_goes_before_a_limit_at_the_same_time_and_a_shorter_limit_before_it() {
    let idle = || any_of(vec![branch("x", vec![]), branch("@idle:1s", vec![line("i")])]);
    let mut bed = Bed::new(steps(vec![within(1000, idle())]));
    assert_eq!(bed.tick(1000), [typed("i\r")]);
    let mut bed = Bed::new(steps(vec![within(900, idle())]));
    assert_eq!(reason(&bed.tick(5000)), "step_timeout");
}

#[test]
fn silence_after_the_end_still_counts_until_the_run_is_over() {
    let mut bed = Bed::new(steps(vec![step("@idle:1s", vec![line("i")])]));
    assert_eq!(bed.eof(0), []);
    assert_eq!(bed.tick(1000), [typed("i\r")]);
    let mut bed = Bed::new(steps(vec![step("@idle:1s", vec![line("i")])]));
    assert_eq!(reason(&bed.finish(100)), "exit");
}

#[test]
fn after_terminate_no_limit_and_no_end_fails_but_answers_go_on() {
    let mut bed = Bed::new(Program {
        rules: vec![rule("stop", vec![Action::Terminate]), rule("sure?", vec![line("y")])],
        watches: vec![watch("panic", Verdict::Fail(None))],
        ..steps(vec![within(100, step("x", vec![line("1")]))])
    });
    assert_eq!(bed.output(0, "stop"), [Effect::Terminate]);
    assert_eq!(bed.deadline(), None);
    assert_eq!(bed.output(200, "sure?"), [typed("y\r")]);
    let mut other = Bed::new(bed.dialogue.program.clone());
    assert_eq!(other.output(0, "stop"), [Effect::Terminate]);
    assert_eq!(reason(&other.output(1, "panic")), "fail");
    assert_eq!(bed.eof(300), []);
    assert_eq!(bed.exited(301), []);
    assert_eq!(bed.finish(302), []);
    assert_eq!(bed.states(), ["waiting"]);
}

/// What comes of a stop by somebody else is no step's doing, and no pattern's.
#[test]
fn once_somebody_else_stops_the_run_nothing_fails_it() {
    let wait_exit = Step { kind: Kind::WaitExit(Some(vec![0])), ..acts(vec![]) };
    let fails = |event: &str| Program {
        watches: vec![watch(event, Verdict::Fail(None))],
        ..steps(vec![step("x", vec![])])
    };
    let programs = [
        (steps(vec![step("x", vec![])]), "waiting"),
        (steps(vec![within(100, step("x", vec![]))]), "waiting"),
        (steps(vec![wait_exit]), "waiting"),
        (steps(vec![step("begun", vec![secret("pw")])]), "matched"),
        (fails("@eof"), "waiting"),
        (fails("@exit"), "waiting"),
        (fails("Terminated"), "waiting"),
    ];
    for (program, state) in programs {
        for stopped in [false, true] {
            let mut bed = Bed::new(program.clone());
            bed.output(0, "begun");
            if stopped {
                bed.dialogue.stopped();
            }
            let mut out = bed.output(101, "Terminated\n");
            bed.dialogue.set_exit(ExitStatus::Signal(15));
            out.extend(bed.exited(102));
            out.extend(bed.eof(103));
            out.extend(bed.finish(104));
            let failure = bed.dialogue.record().failure;
            assert_eq!(failure.is_none(), stopped, "{program:?}: {failure:?}");
            assert!(!stopped || !out.iter().any(|effect| matches!(effect, Effect::Fail(_))));
            assert!(!stopped || bed.states() == [state], "{program:?}: {:?}", bed.states());
        }
    }
}

/// What is not taken over is not looked at on the way either.
#[test]
fn a_dialogue_that_was_given_up_takes_no_output_that_it_would_draw() {
    let screen = Listen { view: View::Screen, ..listen("never") };
    let mut bed = Bed::new(steps(vec![any_of(vec![Branch::on(screen)])]));
    let flood = "y\r\n".repeat(9000);
    let read = |bed: &mut Bed, text: &str| {
        bed.dialogue.glance(PTY, text.as_bytes());
        bed.output(1, text)
    };
    assert_eq!(read(&mut bed, &flood), []);
    bed.dialogue.stopped();
    assert_eq!(read(&mut bed, &flood), []);
    assert_eq!(read(&mut bed, "y\r\n"), []);
}

/// How long the matches of a read take is no matter of the output: behind them it goes on.
#[test]
fn a_dialogue_that_is_behind_sees_no_pause() {
    let mut program =
        steps(vec![step(r"/n=(\d+)/", vec![Action::Line(Text::parse("${1}").unwrap())])]);
    program.watches = vec![watch("x", Verdict::Count("xs".to_owned()))];
    for late in [0, 60, 60_000] {
        let mut bed = Bed::new(Program { step_timeout: None, ..program.clone() });
        let mut out = Vec::new();
        let read = format!("{}n=123", "x".repeat(200));
        bed.dialogue.output(ms(0), PTY, read.as_bytes(), &mut out);
        while bed.dialogue.is_behind() {
            bed.dialogue.tick(ms(late), &mut out);
        }
        assert_eq!(bed.output(late, "456\n"), [typed("123456\r")], "{late}");
        assert_eq!(bed.dialogue.record().captures["xs"], Capture::Text(Some("200".to_owned())));
    }
}

/// Nobody is silent of whom nobody hears, and what an exit leaves behind has to be read.
#[test]
fn silence_is_seen_by_looking_for_output() {
    let program = || {
        steps(vec![any_of(vec![
            branch("@idle:100ms", vec![line("idle")]),
            branch("last words", vec![line("1")]),
        ])])
    };
    let tick = |bed: &mut Bed, now| bed.call(now, |dialogue, out| dialogue.tick(ms(now), out));
    let mut bed = Bed::new(program());
    assert_eq!(bed.output(0, "x"), []);
    assert_eq!(tick(&mut bed, 200), []);
    assert_eq!((bed.deadline(), bed.dialogue.next_limit()), (Some(100), Some(ms(30_000))));
    assert_eq!(bed.output(201, "last words"), [typed("1\r")]);

    let mut bed = Bed::new(program());
    assert_eq!(bed.output(0, "x"), []);
    assert_eq!(bed.tick(99), []);
    assert_eq!(bed.tick(100), [typed("idle\r")]);

    let mut bed = Bed::new(steps(vec![any_of(vec![
        branch("@exit", vec![line("over")]),
        branch("last words", vec![line("1")]),
    ])]));
    assert_eq!(bed.exited(0), []);
    assert_eq!(tick(&mut bed, 60), []);
    assert_eq!(bed.output(61, "last words"), [typed("1\r")]);
}
