//! Steps and rules: what is answered, in which order, and how often.

use super::*;
use crate::expect::program::Text;

#[test]
fn steps_are_met_in_order_and_each_answers() {
    let mut bed = Bed::new(steps(vec![
        step("login: ", vec![line("alice")]),
        step("Password: ", vec![line("x")]),
    ]));
    assert_eq!(bed.output(10, "Password: login: "), [typed("alice\r")]);
    assert!(!bed.dialogue.is_done());
    assert_eq!(bed.output(20, "\r\nPassword: "), [typed("x\r")]);
    assert!(bed.dialogue.is_done());
    let record = bed.dialogue.record();
    assert_eq!(record.steps[1].step, "2");
    assert_eq!(record.steps[1].pattern.as_deref(), Some("Password: "));
    assert_eq!(record.steps[1].at, Some(ms(20)));
    assert_eq!(record.steps[1].waited, Some(ms(10)));
    assert_eq!(record.steps[1].offset, Some(29));
}

#[test]
fn one_chunk_can_meet_several_steps() {
    let mut bed = Bed::new(steps(vec![step("a", vec![line("1")]), step("b", vec![line("2")])]));
    assert_eq!(bed.output(0, "ab"), [typed("1\r"), typed("2\r")]);
}

#[test]
fn a_match_consumes_so_the_same_prompt_twice_is_two_matches() {
    let mut bed = Bed::new(steps(vec![step("> ", vec![line("1")]), step("> ", vec![line("2")])]));
    assert_eq!(bed.output(0, "> "), [typed("1\r")]);
    assert_eq!(bed.tick(1000), []);
    assert_eq!(bed.output(1001, "\r\n> "), [typed("2\r")]);
}

#[test]
fn a_step_without_a_wait_only_acts() {
    let (bed, out) = Bed::begun(Program {
        start: vec![line("s")],
        ..steps(vec![acts(vec![line("1")]), acts(vec![line("2")]), step("x", vec![])])
    });
    assert_eq!(out, [typed("s\r"), typed("1\r"), typed("2\r")]);
    assert_eq!(bed.states(), ["acted", "acted", "waiting"]);
}

#[test]
fn every_action_has_its_effect() {
    let actions = vec![
        Action::Send("a".into()),
        line("b"),
        Action::Key(crate::expect::keys::parse("ctrl-c").unwrap()),
        Action::Key(crate::expect::keys::parse("up").unwrap()),
        Action::Key(crate::expect::keys::parse("eof").unwrap()),
        Action::Interrupt,
        Action::Next,
        Action::Terminate,
        Action::Kill,
        Action::Pass,
        line("never"),
    ];
    let program = Program { start: actions, ..Program::default() };
    let (bed, out) = Bed::begun(program.clone());
    let head = [typed("a"), typed("b\r"), typed("\x03"), typed("\x1b[A"), Effect::SendEof];
    let tail = [Effect::Interrupt, Effect::Terminate, Effect::Kill, Effect::Pass];
    assert_eq!(out, [head.as_slice(), &tail].concat());
    assert!(bed.dialogue.is_over());
    let (_, out) = Bed::begin(Bed::with(program, &[OUT, ERR], &[]));
    assert_eq!(out[1], typed("b\n"));
    assert_eq!(out[4], Effect::CloseInput);
}

#[test]
fn arrows_follow_the_mode_that_the_program_asked_for() {
    let up = Action::Key(crate::expect::keys::parse("up").unwrap());
    let mut bed = Bed::new(steps(vec![step("menu", vec![up])]));
    assert_eq!(bed.output(0, "\x1b[?1hmenu"), [typed("\x1bOA")]);
}

#[test]
fn rules_answer_whenever_their_text_appears_and_leave_the_step_waiting() {
    let mut bed = Bed::new(Program {
        rules: vec![rule("more?", vec![line("y")])],
        ..steps(vec![step("done", vec![line("bye")])])
    });
    assert_eq!(bed.output(0, "more? more? "), [typed("y\r"), typed("y\r")]);
    assert_eq!(bed.output(1, "done more? "), [typed("bye\r"), typed("y\r")]);
    assert_eq!(bed.output(2, "more?"), [typed("y\r")]);
    let record = bed.dialogue.record();
    assert_eq!(record.rules, [RuleRecord { pattern: "more?".to_owned(), fired: 4 }]);
}

#[test]
fn on_a_tie_the_step_goes_before_the_rule_and_branches_in_their_order() {
    let mut bed = Bed::new(Program {
        rules: vec![rule("ab", vec![line("rule")])],
        ..steps(vec![any_of(vec![
            branch("ab", vec![line("first")]),
            branch("a", vec![line("second")]),
        ])])
    });
    assert_eq!(bed.output(0, "ab ab"), [typed("first\r"), typed("rule\r")]);
}

#[test]
fn the_leftmost_match_wins_over_the_order() {
    let mut bed = Bed::new(Program {
        rules: vec![rule("b", vec![line("rule")])],
        ..steps(vec![step("c", vec![line("step")])])
    });
    assert_eq!(bed.output(0, "bc"), [typed("rule\r"), typed("step\r")]);
}

#[test]
fn a_rule_that_is_used_up_fails_at_the_next_match() {
    let mut bed = Bed::new(rules(vec![once(rule("password:", vec![line("x")]))]));
    assert_eq!(bed.output(0, "password:"), [typed("x\r")]);
    let out = bed.output(1, "wrong\r\npassword:");
    assert_eq!(reason(&out), "rule_exhausted");
    assert_eq!(
        failed(&out).message,
        "`password:` appeared again after it was answered once (--max 1)"
    );
}

#[test]
fn a_branch_that_is_used_up_fails_too() {
    let mut bed = Bed::new(steps(vec![any_of(vec![
        again(Branch { max: Some(2), ..branch("p:", vec![line("x")]) }),
        branch("$", vec![]),
    ])]));
    assert_eq!(bed.output(0, "p:p:"), [typed("x\r"), typed("x\r")]);
    let out = bed.output(1, "p:");
    assert_eq!(reason(&out), "rule_exhausted");
    assert!(failed(&out).message.contains("2 times"));
}

#[test]
fn a_rule_can_take_the_step_as_done() {
    let mut bed = Bed::new(Program {
        rules: vec![rule("skip", vec![line("s"), Action::Next])],
        ..steps(vec![step("a", vec![]), step("b", vec![line("b")])])
    });
    assert_eq!(bed.output(0, "skip b"), [typed("s\r"), typed("b\r")]);
    assert!(bed.dialogue.is_done());
    assert_eq!(bed.output(1, "skip"), [typed("s\r")]);
}

#[test]
fn next_in_a_branch_goes_before_again() {
    let mut bed = Bed::new(steps(vec![
        any_of(vec![again(branch("a", vec![Action::Next]))]),
        step("b", vec![line("b")]),
    ]));
    assert_eq!(bed.output(0, "ab"), [typed("b\r")]);
}

#[test]
fn again_waits_for_the_same_and_keeps_the_clock() {
    let mut bed = Bed::new(steps(vec![within(
        100,
        any_of(vec![again(branch("no", vec![line("1")])), branch("yes", vec![])]),
    )]));
    assert_eq!(bed.output(60, "no"), [typed("1\r")]);
    assert_eq!(bed.deadline(), Some(100));
    assert_eq!(bed.states(), ["waiting"]);
    assert_eq!(reason(&bed.tick(100)), "step_timeout");
}

#[test]
fn again_with_reset_starts_the_clock_anew() {
    let reset = Branch { then: Then::Again { reset: true }, ..branch("no", vec![]) };
    let mut bed = Bed::new(steps(vec![within(100, any_of(vec![reset, branch("yes", vec![])]))]));
    bed.output(60, "no");
    assert_eq!(bed.deadline(), Some(160));
    bed.output(70, "yes");
    assert_eq!(bed.states(), ["matched"]);
}

#[test]
fn goto_begins_another_step() {
    let jump = Branch { then: Then::Goto(Place::main(0)), ..branch("back", vec![]) };
    let mut bed =
        Bed::new(steps(vec![step("a", vec![line("a")]), any_of(vec![jump, branch("on", vec![])])]));
    assert_eq!(bed.output(0, "a back a on"), [typed("a\r"), typed("a\r")]);
    assert_eq!(bed.states(), ["matched"; 4]);
    assert!(bed.dialogue.is_done());
}

#[test]
fn a_loop_ends_at_the_step_budget() {
    let mut bed = Bed::new(Program {
        max_steps: 3,
        ..steps(vec![any_of(vec![again(branch("a", vec![line("x")]))])])
    });
    let out = bed.output(0, "aaaaaa");
    assert_eq!(out[..3], [typed("x\r"), typed("x\r"), typed("x\r")]);
    assert_eq!(reason(&out[3..]), "step_budget");
}

#[test]
fn a_loop_over_a_lasting_end_ends_at_the_budget_too() {
    let mut bed = Bed::new(steps(vec![any_of(vec![again(branch("@eof", vec![]))])]));
    assert_eq!(reason(&bed.eof(0)), "step_budget");
}

#[test]
fn named_groups_stay_and_numbered_ones_are_those_of_the_last_match() {
    let mut bed = Bed::new(steps(vec![
        step(r"/id=(?<id>\d+);(?<tail>z)?/", vec![]),
        step(r"/(o)(k)/", vec![Action::Log(Text::parse("${before}").unwrap())]),
    ]));
    bed.output(0, "noise id=12345; x ok.");
    let captures = bed.dialogue.record().captures;
    assert_eq!(captures["id"], Capture::Text(Some("12345".to_owned())));
    assert_eq!(captures["tail"], Capture::Text(None));
    assert_eq!(bed.dialogue.capture("id").as_deref(), Some(b"12345".as_slice()));
    assert_eq!(bed.dialogue.capture("2").as_deref(), Some(b"k".as_slice()));
    assert_eq!(bed.dialogue.capture("0").as_deref(), Some(b"ok".as_slice()));
    assert_eq!(bed.dialogue.capture("before").as_deref(), Some(b" x ".as_slice()));
    assert_eq!(bed.dialogue.capture("9"), None);
    assert_eq!(bed.dialogue.capture("nothing"), None);
}

#[test]
fn watches_judge_before_the_step_that_sees_the_same_text() {
    let mut bed = Bed::new(Program {
        watches: vec![watch("error", Verdict::Fail(Some("it broke".into())))],
        ..steps(vec![step("error", vec![line("x")])])
    });
    let out = bed.output(0, "error");
    assert_eq!(reason(&out), "fail");
    assert_eq!(failed(&out).message, "it broke (`error` appeared)");
    assert_eq!(bed.states(), ["waiting"]);
}

#[test]
fn watches_consume_nothing_and_go_on_behind_the_last_step() {
    let mut bed = Bed::new(Program {
        watches: vec![watch("w", Verdict::Note(7)), watch("end", Verdict::Pass)],
        ..steps(vec![step("w", vec![line("x")])])
    });
    assert_eq!(bed.output(0, "w"), [Effect::Noted(7), typed("x\r")]);
    assert_eq!(bed.output(1, "w"), []);
    assert_eq!(bed.dialogue.record().notes, [7]);
    assert_eq!(bed.output(2, "the end, w"), [Effect::Pass]);
    assert_eq!(bed.output(3, "w end"), []);
}

#[test]
fn what_happens_is_told() {
    let mut bed = Bed::new(Program {
        rules: vec![Rule { name: Some("r".to_owned()), ..rule("b", vec![]) }],
        watches: vec![watch("c", Verdict::Note(0))],
        ..steps(vec![step("a", vec![]), optional(within(10, step("z", vec![])))])
    });
    bed.output(0, "abc");
    bed.tick(10);
    let told: Vec<_> = bed.told.iter().map(|t| (t.what, t.label.as_deref())).collect();
    let expected = [
        (What::Step, Some("1")),
        (What::Rule, Some("r")),
        (What::Skipped, Some("2")),
        (What::Watch, None),
    ];
    assert_eq!(told.len(), 4);
    assert!(expected.iter().all(|happened| told.contains(happened)), "{told:?}");
}

#[test]
fn two_streams_have_their_own_text_and_cursor() {
    let both = step("x", vec![line("1")]);
    let err = any_of(vec![Branch { listen: on(ERR, "y"), ..branch("y", vec![line("2")]) }]);
    let mut bed = Bed::pipes(steps(vec![both, err, step("z", vec![line("3")])]));
    assert_eq!(bed.output_on(0, ERR, "half x "), [typed("1\n")]);
    assert_eq!(bed.output_on(1, OUT, "y"), []);
    assert_eq!(bed.output_on(2, ERR, "y"), [typed("2\n")]);
    assert_eq!(bed.output_on(3, OUT, "z"), [typed("3\n")]);
}

#[test]
fn a_text_does_not_match_across_streams() {
    let mut bed = Bed::pipes(steps(vec![step("ab", vec![line("1")])]));
    assert_eq!(bed.output_on(0, OUT, "a"), []);
    assert_eq!(bed.output_on(0, ERR, "b"), []);
    assert_eq!(bed.output_on(0, OUT, "b"), [typed("1\n")]);
}

#[test]
fn where_both_streams_hold_a_match_stdout_goes_first() {
    let mut bed = Bed::pipes(steps(vec![step("go", vec![]), step("/[xy]!/", vec![])]));
    bed.output_on(0, ERR, "y!");
    bed.output_on(1, OUT, "x! go");
    // stdout's own `x!` lies before its cursor by now.
    assert_eq!(bed.dialogue.capture("0").as_deref(), Some(b"y!".as_slice()));
    let mut bed = Bed::pipes(steps(vec![step("go", vec![]), step("/[xy]!/", vec![])]));
    bed.output_on(0, ERR, "y!");
    bed.output_on(1, OUT, "go x!");
    assert_eq!(bed.dialogue.capture("0").as_deref(), Some(b"x!".as_slice()));
}

#[test]
fn a_read_of_many_matches_is_acted_on_in_parts() {
    let mut bed = Bed::new(rules(vec![rule("x", vec![line("y")])]));
    let mut out = Vec::new();
    bed.dialogue.output(ms(0), PTY, &[b'x'; 1000], &mut out);
    let mut most = out.len();
    let mut sent = out.len();
    while bed.dialogue.is_behind() {
        out.clear();
        bed.dialogue.tick(ms(0), &mut out);
        most = most.max(out.len());
        sent += out.len();
    }
    // Each is told and answered.
    assert_eq!(sent, 2000);
    assert!(most <= 128, "{most}");
}

#[test]
fn a_template_is_told_as_it_was_when_it_matched() {
    let text = |template: &str| Text::parse(template).expect("a text");
    let template = |pattern: &str| Listen { template: Some(text(pattern)), ..listen("=?") };
    let mut bed = Bed::with(
        Program {
            start: vec![Action::Set("x".to_owned(), text("a"))],
            ..steps(vec![any_of(vec![Branch {
                actions: vec![Action::Set("x".to_owned(), text("b"))],
                then: Then::Again { reset: false },
                ..Branch::on(template("${x}"))
            }])])
        },
        &[PTY],
        &[],
    );
    bed.start();
    bed.output(0, "ab");
    let told: Vec<_> = bed.told.iter().filter_map(|words| words.pattern.as_deref()).collect();
    assert_eq!(told, ["a", "b"]);
}
