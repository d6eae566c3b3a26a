//! What scripts need beyond flags: values, blocks, loops, calls, conditions.

use super::*;
use crate::expect::pattern::Kind as PatternKind;
use crate::expect::program::{Block, Call, Condition, Kind, Loop, Procedure, Text, Value};

fn text(text: &str) -> Text {
    Text::parse(text).expect("a text")
}

fn says(template: &str) -> Action {
    Action::Line(text(template))
}

fn template(pattern: &str) -> Listen {
    let kind = PatternKind::Text(pattern.as_bytes().to_vec());
    let listen = Listen::to(Pattern { source: pattern.to_owned(), kind });
    Listen { template: Some(text(pattern)), ..listen }
}

fn when(condition: &str, step: Step) -> Step {
    Step { when: Some(Condition::parse(condition).expect("a condition")), ..step }
}

fn kind(kind: Kind) -> Step {
    Step { kind, from: From::Script, ..Step::default() }
}

fn repeat(index: usize) -> Loop {
    let body = Block::Other(index);
    Loop { body, times: None, foreach: None, until: None, until_match: None }
}

fn with_block(steps: Vec<Step>, body: Vec<Step>) -> Program {
    let block = Procedure { name: "body".to_owned(), parameters: Vec::new(), steps: body };
    Program { steps, blocks: vec![block], ..Program::default() }
}

fn set(name: &str, value: &str) -> Action {
    Action::Set(name.to_owned(), text(value))
}

fn append(list: &str) -> Action {
    Action::Append(list.to_owned(), None)
}

#[test]
fn what_was_captured_is_typed_and_waited_for() {
    let program = Program {
        variables: [("host".to_owned(), Value::text("a.b"))].into(),
        ..steps(vec![
            step(r"/id=(?<id>\d+);/", vec![says("use ${id} on ${host} ${0}")]),
            Step { branches: vec![Branch::on(template("/^${host}> $/"))], ..Step::default() },
            acts(vec![says("done ${before}")]),
        ])
    };
    let mut bed = Bed::new(program);
    assert_eq!(bed.output(1, "id=42; "), [typed("use 42 on a.b id=42;\r")]);
    assert_eq!(bed.output(2, "\naxb> "), []);
    assert_eq!(bed.tick(60), [], "the value is quoted: a dot is a dot");
    assert_eq!(bed.output(61, "\na.b> "), []);
    let out = bed.tick(111);
    assert_eq!(out, [typed("done  \naxb> \n\r")]);
    assert!(bed.dialogue.is_done());
}

#[test]
fn a_pattern_is_read_anew_each_time_it_is_armed() {
    let wait = Branch { actions: vec![says("to ${x}")], ..Branch::on(template("${x}!")) };
    let wait = Step { branches: vec![wait], ..Step::default() };
    let mut bed = Bed::new(steps(vec![
        step("go", vec![set("x", "a")]),
        wait.clone(),
        acts(vec![set("x", "/b/")]),
        wait,
    ]));
    assert_eq!(bed.output(1, "go a! b! "), [typed("to a\r")]);
    assert_eq!(bed.output(2, "/b/! "), [typed("to /b/\r")]);
    assert!(bed.dialogue.is_done());
}

#[test]
fn a_name_without_a_value_fails_and_one_that_took_no_part_is_empty() {
    let mut bed =
        Bed::new(steps(vec![step("/a(?<x>b)?;/", vec![says("[${x}]")]), acts(vec![says("${y}")])]));
    let out = bed.output(1, "a;");
    assert_eq!(out[0], typed("[]\r"));
    assert_eq!(reason(&out[1..]), "undefined");
    assert_eq!(failed(&out[1..]).message, "`${y}` has no value here");
}

#[test]
fn a_step_whose_condition_does_not_hold_is_left_out() {
    let program = Program {
        variables: [("n".to_owned(), Value::text("3"))].into(),
        ..steps(vec![
            when("n > 3", acts(vec![line("no")])),
            when("n == 3 && !defined(m)", acts(vec![line("yes"), Action::Count("n".to_owned())])),
            when("n == 4", acts(vec![says("${n}")])),
        ])
    };
    let (bed, out) = Bed::begun(program);
    assert_eq!(out, [typed("yes\r"), typed("4\r")]);
    assert!(bed.dialogue.is_done());
}

#[test]
fn a_loop_does_its_rounds() {
    let times = kind(Kind::Loop(Loop { times: Some(3), ..repeat(0) }));
    let body = vec![acts(vec![line("x")]), step("ok", vec![])];
    let mut bed = Bed::with(with_block(vec![times, acts(vec![line("end")])], body), &[PTY], &[]);
    assert_eq!(bed.start(), [typed("x\r")]);
    assert_eq!(bed.output(1, "ok"), [typed("x\r")]);
    assert_eq!(bed.output(2, "ok"), [typed("x\r")]);
    assert_eq!(bed.output(3, "ok"), [typed("end\r")]);
    assert!(bed.dialogue.is_done());
    let labels: Vec<_> = bed.dialogue.record().steps.into_iter().map(|step| step.step).collect();
    assert_eq!(labels, ["1", "body.1", "body.2", "body.1", "body.2", "body.1", "body.2", "2"]);
}

#[test]
fn a_loop_goes_over_what_was_appended() {
    let rows = any_of(vec![
        again(branch(r"/^(?<name>\w+) (?<size>\d+)\n/", vec![append("rows")])),
        branch("end\n", vec![]),
    ]);
    let foreach = Some(("row".to_owned(), "rows".to_owned()));
    let over = kind(Kind::Loop(Loop { foreach, ..repeat(0) }));
    let body = vec![acts(vec![says("${row.name}=${row.size} (${row})")])];
    let mut bed = Bed::new(with_block(vec![rows, over], body));
    let out = bed.output(1, "a 1\nbb 22\nend\n");
    assert_eq!(out, [typed("a=1 (a\t1)\r"), typed("bb=22 (bb\t22)\r")]);
    assert!(bed.dialogue.is_done());
    let record = bed.dialogue.record();
    assert_eq!(
        record.captures.get("rows"),
        Some(&Capture::List(vec!["a\t1".to_owned(), "bb\t22".to_owned()]))
    );
    assert_eq!(bed.dialogue.capture("row"), None, "it lasts as long as the loop");
}

#[test]
fn a_loop_ends_when_its_text_appears_and_its_rounds_are_bounded() {
    let until = Loop { times: Some(3), until_match: Some(listen("ready")), ..repeat(0) };
    let poll = vec![acts(vec![line("status")]), step("@idle:1s", vec![])];
    let program = with_block(vec![kind(Kind::Loop(until)), acts(vec![line("go")])], poll);
    let mut bed = Bed::with(program.clone(), &[PTY], &[]);
    assert_eq!(bed.start(), [typed("status\r")]);
    assert_eq!(bed.tick(1000), [typed("status\r")]);
    assert_eq!(bed.output(1500, "ready"), [typed("go\r")]);
    assert!(bed.dialogue.is_done());

    let mut bed = Bed::with(program, &[PTY], &[]);
    bed.start();
    bed.tick(1000);
    bed.tick(2000);
    let out = bed.tick(3000);
    assert_eq!(reason(&out), "loop_exhausted");
    assert_eq!(failed(&out).message, "step 1: 3 rounds, and its `until` was not met");
}

#[test]
fn a_loop_ends_by_a_condition_a_goto_or_the_budget() {
    let until = Some(Condition::parse("n >= 3").unwrap());
    let count = acts(vec![Action::Count("n".to_owned())]);
    let by_condition = kind(Kind::Loop(Loop { until, ..repeat(0) }));
    let (bed, _) = Bed::begun(with_block(vec![by_condition], vec![count]));
    assert!(bed.dialogue.is_done());
    assert_eq!(bed.dialogue.capture("n"), Some(b"3".to_vec()));

    let out_of_it = Branch { then: Then::Goto(Place::main(2)), ..branch("stop", vec![]) };
    let body = vec![any_of(vec![again(branch("on", vec![])), out_of_it])];
    let main = vec![kind(Kind::Loop(repeat(0))), acts(vec![line("no")]), acts(vec![line("yes")])];
    let mut bed = Bed::new(with_block(main, body));
    assert_eq!(bed.output(1, "on on stop"), [typed("yes\r")]);
    assert!(bed.dialogue.is_done());

    let (_, out) = Bed::begun(with_block(vec![kind(Kind::Loop(repeat(0)))], vec![]));
    assert_eq!(reason(&out), "step_budget");
}

#[test]
fn a_loop_has_a_limit_of_its_own() {
    let forever = Step { within: Some(ms(2500)), ..kind(Kind::Loop(repeat(0))) };
    let poll = vec![step("@idle:1s", vec![])];
    let mut bed = Bed::new(with_block(vec![forever.clone()], poll.clone()));
    bed.tick(1000);
    bed.tick(2000);
    assert_eq!(bed.deadline(), Some(2500));
    let out = bed.tick(2500);
    assert_eq!(failed(&out).message, "step 1: not done within 2s500ms (within 2s500ms)");
    assert_eq!(failed(&out).clock.as_deref(), Some("within 2s500ms"));

    let mut bed = Bed::new(with_block(vec![optional(forever), acts(vec![line("on")])], poll));
    bed.tick(1000);
    bed.tick(2000);
    assert_eq!(bed.tick(2500), [typed("on\r")]);
}

#[test]
fn a_call_has_arguments_and_may_call_itself_but_not_for_ever() {
    let call = |value: &str| {
        let arguments = vec![("who".to_owned(), text(value))];
        kind(Kind::Call(Call { block: Block::Other(0), arguments }))
    };
    let body = vec![
        acts(vec![says("hello ${who}")]),
        when("who == \"a\"", call("${who}b")),
        acts(vec![says("bye ${who}")]),
    ];
    let (bed, out) = Bed::begun(with_block(vec![call("a")], body));
    let lines: Vec<_> = ["hello a\r", "hello ab\r", "bye ab\r", "bye a\r"].map(typed).into();
    assert_eq!(out, lines);
    assert_eq!(bed.dialogue.capture("who"), None);

    let (_, out) = Bed::begun(with_block(vec![call("x")], vec![call("x")]));
    assert_eq!(reason(&out), "step_budget");
}

#[test]
fn answers_are_given_in_order_and_one_more_fails() {
    let value = Rule { answers: vec![text("alpha"), text("beta")], ..rule("value:", vec![]) };
    let mut bed = Bed::new(rules(vec![value]));
    assert_eq!(bed.output(1, "value: value:"), [typed("alpha\r"), typed("beta\r")]);
    let out = bed.output(2, "value:");
    assert_eq!(reason(&out), "rule_exhausted");
    assert_eq!(failed(&out).message, "`value:` appeared 3 times, and there are 2 answers");
}

#[test]
fn rules_are_enabled_and_disabled_by_name() {
    let named = |enabled| Rule {
        name: Some("more".to_owned()),
        enabled,
        ..rule("--More--", vec![Action::Send(" ".into())])
    };
    let program = Program {
        rules: vec![named(false)],
        ..steps(vec![
            step("on", vec![Action::Enable("more".to_owned())]),
            step("off", vec![Action::Disable("more".to_owned())]),
            step("end", vec![]),
        ])
    };
    let mut bed = Bed::new(program);
    assert_eq!(bed.output(1, "--More-- on"), []);
    assert_eq!(bed.output(2, "--More--"), [typed(" ")]);
    assert_eq!(bed.output(3, "off --More--"), []);
    assert_eq!(bed.output(4, "end"), []);
    let stray = steps(vec![acts(vec![Action::Enable("mor".to_owned())])]);
    let program = Program { rules: vec![named(true)], ..stray };
    let setup = Setup {
        streams: vec![PTY],
        size: (80, 24),
        terminal: true,
        secret_names: Vec::new(),
        missing_secrets: BTreeMap::new(),
        mask: Mask::default(),
    };
    let refused = Dialogue::new(program, setup).err().expect("refused").to_string();
    assert_eq!(refused, "there is no rule `mor`, or did you mean `more`?");
}

#[test]
fn where_a_branch_leads() {
    let lead = |then| any_of(vec![Branch { then, ..branch("x", vec![]) }]);
    let mut bed = Bed::new(steps(vec![lead(Then::Pass), acts(vec![line("no")])]));
    assert_eq!(bed.output(1, "x"), [Effect::Pass]);
    let why = Some(text("it said ${0}"));
    let mut bed = Bed::new(steps(vec![lead(Then::Fail(why))]));
    assert_eq!(failed(&bed.output(1, "x")).message, "it said x");
    let acting = Step { then: Then::Goto(Place::main(2)), ..acts(vec![line("a")]) };
    let (_, out) = Bed::begun(steps(vec![acting, acts(vec![line("b")]), acts(vec![line("c")])]));
    assert_eq!(out, [typed("a\r"), typed("c\r")]);
}

#[test]
fn watches_take_notes_and_ask_for_another_attempt() {
    let program = Program {
        watches: vec![
            watch(r"/^W: (?<text>.*)$/", Verdict::Append("warnings".to_owned(), None)),
            watch("W:", Verdict::Count("n".to_owned())),
            watch("odd", Verdict::Log(None)),
            watch("worse", Verdict::Log(Some(text("${0} after ${n}")))),
            watch("busy", Verdict::Retry(Some(text("the server is ${0}")))),
        ],
        ..steps(vec![step("never", vec![])])
    };
    let mut bed = Bed::new(program);
    assert_eq!(bed.output(1, "W: one\nW: two\nodd "), [Effect::Log("odd".to_owned())]);
    assert_eq!(bed.output(2, "worse "), [Effect::Log("worse after 2".to_owned())]);
    let record = bed.dialogue.record();
    let list = Capture::List(vec!["one".to_owned(), "two".to_owned()]);
    assert_eq!(record.captures.get("warnings"), Some(&list));
    let out = bed.output(3, "busy");
    assert_eq!(reason(&out), "retry");
    assert_eq!(failed(&out).message, "the server is busy (`busy` appeared)");
}

#[test]
fn a_watch_leaves_the_numbers_of_the_match_before() {
    let program = Program {
        watches: vec![watch("w", Verdict::Note(0))],
        ..steps(vec![step("/a(b)/", vec![secret("pw"), says("${1}")])])
    };
    let mut bed = Bed::new(program);
    bed.output(1, "ab");
    bed.output(2, "w");
    assert_eq!(bed.secret_sent(3), [typed("b\r")]);
}

#[test]
fn clocks_are_called_what_the_script_calls_them() {
    let program = Program {
        step_timeout: Some(ms(100)),
        step_timeout_from: From::Script,
        ..steps(vec![step("x", vec![])])
    };
    let mut bed = Bed::new(program);
    assert_eq!(failed(&bed.tick(100)).clock.as_deref(), Some("limits.step 100ms"));
}
