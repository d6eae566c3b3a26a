//! The same bytes in any chunking give the same dialogue, and no order of events breaks it.

use proptest::prelude::*;

use super::*;

fn program() -> Program {
    let mut program = steps(vec![
        step("login: ", vec![line("alice")]),
        any_of(vec![
            again(branch("(yes/no", vec![line("yes")])),
            again(branch(r"/id=(?<id>\d+)/", vec![line("id")])),
            branch(r"/[$#] $/", vec![line("first")]),
        ]),
        step("done", vec![]),
        optional(step("maybe", vec![line("m")])),
        step("@eof", vec![line("end")]),
    ]);
    program.rules = vec![
        rule(r"/warn(?:ing)?/", vec![line("w")]),
        once(rule("only once", vec![line("o")])),
        rule("@eof", vec![line("over")]),
    ];
    program.watches = vec![watch("fatal", Verdict::Fail(None)), watch("note", Verdict::Note(3))];
    program
}

/// Words that meet the program's patterns, whole or in part.
fn text() -> impl Strategy<Value = String> {
    let words = [
        "login: ",
        "log",
        "in: ",
        "(yes/no)? ",
        "id=123",
        "45",
        "$ ",
        "# x",
        "done",
        "maybe",
        "warn",
        "ing",
        "only once",
        "fatal",
        "note",
        "\r\n",
        " ",
        "\x1b[31m",
        "\x1b[0m",
        "é",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..24)
        .prop_map(|words| words.concat())
}

fn run(bytes: &[u8], cuts: &[usize]) -> (Vec<Effect>, Record) {
    let mut bed = Bed::new(program());
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut out = Vec::new();
    let mut at = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        bed.dialogue.output(ms(10), PTY, &bytes[at..cut], &mut out);
        at = cut;
    }
    bed.dialogue.eof(ms(10), PTY, &mut out);
    bed.dialogue.exited(ms(10), &mut out);
    bed.dialogue.finish(ms(10), &mut out);
    let mut record = bed.dialogue.record();
    // What had come when it failed is a matter of chunks; why it failed is not.
    let strip = |failure: &mut Failure| {
        failure.last_lines.clear();
        failure.near_misses.clear();
    };
    record.failure.as_mut().map(strip);
    for effect in &mut out {
        if let Effect::Fail(failure) = effect {
            strip(failure);
        }
    }
    (out, record)
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_dialogue(
        text in text(),
        cuts in proptest::collection::vec(0usize..400, 0..12),
    ) {
        let bytes = text.as_bytes();
        let whole = run(bytes, &[]);
        prop_assert_eq!(&run(bytes, &cuts), &whole);
        let every: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(&run(bytes, &every), &whole);
    }

    #[test]
    fn no_order_of_events_breaks_it(
        events in proptest::collection::vec((0u8..9, 0u64..3000, text()), 0..40),
    ) {
        let mut program = program();
        program.steps.insert(1, step("/pass(?:word)?:/", vec![secret("pw"), line("x")]));
        program.rules.push(rule("@idle:2s", vec![secret("pw")]));
        let mut bed = Bed::with(program, &[OUT, ERR], &[("pw", "hunter2")]);
        let mut now = 0;
        let mut all = Vec::new();
        for (event, later, text) in events {
            now += later;
            let out = &mut Vec::new();
            let dialogue = &mut bed.dialogue;
            match event {
                0 => dialogue.start(ms(now), out),
                1 => dialogue.output(ms(now), OUT, text.as_bytes(), out),
                2 => dialogue.output(ms(now), ERR, text.as_bytes(), out),
                3 => dialogue.eof(ms(now), OUT, out),
                4 => dialogue.eof(ms(now), ERR, out),
                5 => dialogue.exited(ms(now), out),
                6 => dialogue.finish(ms(now), out),
                7 => dialogue.secret_sent(ms(now), out),
                _ => dialogue.tick(ms(now), out),
            }
            // The runtime calls tick at each deadline: after that none of the past is left.
            look(dialogue, now, out);
            if let Some(due) = dialogue.next_deadline() {
                prop_assert!(due > ms(now), "{due:?} at {now}");
            }
            all.append(out);
        }
        let last = |effect: &Effect| matches!(effect, Effect::Fail(_) | Effect::Pass);
        let ends = all.iter().filter(|effect| last(effect)).count();
        prop_assert!(ends <= 1);
        prop_assert_eq!(ends == 1, all.last().is_some_and(last));
        let shown = format!("{:?}", bed.dialogue.record());
        prop_assert!(!shown.contains("hunter2"));
    }
}
