//! Flags to a script and back: the same program, the same settings.

use std::ffi::OsString;

use proptest::prelude::*;

use super::*;
use crate::cli::value::LONGEST;
use crate::expect::program::{Origin, Step, Verdict};
use crate::script::compile::Given;
use crate::script::source::Source;
use crate::script::{Format, Loaded};
use crate::sys::names::signal_number;

fn run(flags: &[String]) -> cli::Run {
    let words = ["heeler", "run"].into_iter().map(OsString::from);
    let line: Vec<OsString> =
        words.chain(flags.iter().map(OsString::from)).chain(["--".into(), "true".into()]).collect();
    match cli::parse(&line).unwrap_or_else(|error| panic!("{flags:?}: {error}")).command {
        cli::Command::Run(run) => *run,
        other => panic!("{other:?}"),
    }
}

fn read(script: &str) -> (Program, Settings) {
    let source = Source { name: "emitted.toml".to_owned(), text: script.to_owned() };
    let loaded =
        Loaded::new(Format::Toml, source, &mut |_, _| Err("nothing is included".to_owned()));
    let given = Given { set: &[], words: None, check: false, signal: signal_number, secrets: &[] };
    let (compiled, findings) = loaded.compile(&given);
    for finding in &findings {
        let text = finding.headline(&loaded.sources);
        assert!(finding.severity == crate::script::finding::Severity::Warning, "{text}\n{script}");
    }
    (compiled.program, compiled.settings)
}

/// What differs without a difference: who wrote it, notes of [retry], start actions as a first step, `0` for never.
fn same(mut program: Program) -> Program {
    program.step_timeout_from = Origin::Flags;
    if !program.start.is_empty() {
        let actions = std::mem::take(&mut program.start);
        program.steps.insert(0, Step { actions, ..Step::default() });
    }
    for step in &mut program.steps {
        step.from = Origin::Flags;
        step.within = step.within.map(|within| if within.is_zero() { LONGEST } else { within });
    }
    program.rules.iter_mut().for_each(|rule| rule.from = Origin::Flags);
    // These come from [retry], whose patterns become watches where flags are resolved.
    program.watches.retain(|watch| !matches!(watch.verdict, Verdict::Note(_)));
    program.watches.iter_mut().for_each(|watch| watch.from = Origin::Flags);
    program
}

fn round_trip(flags: &[String]) {
    let run = run(flags);
    let emitted = script(&run).unwrap_or_else(|error| panic!("{flags:?}: {error}"));
    let (program, settings) = read(&emitted);
    let meant = crate::config::emit::program(&run).expect("it was emitted");
    assert_eq!(same(program), same(meant), "{flags:?}\n{emitted}");
    let (again, more) = read(&emit(&read(&emitted).0, &settings, &[]));
    assert_eq!(same(again), same(read(&emitted).0), "{emitted}");
    assert_eq!(more, settings, "{emitted}");
}

#[test]
fn everything_that_flags_say() {
    let flags = "--pty --size 100x30 --term vt100 --no-echo -e A=${x} -e B=$$ --unset C --env-clear --nice low \
        --input a --timeout 90s --idle-timeout 1h30m --total-timeout 0.5 --max-output 10M --until-idle 3 --drain 0 \
        --stop INT:5s,TERM,KILL --strays reap:1s --ok-exit 3,10-19 --retries 3 --retry-delay 1s --retry-backoff 1.5 \
        --retry-max-delay 1m --retry-jitter 0.5 --retry-on exit:75,timeout,match:/a|b/ --expect-timeout 0 \
        --settle 10ms --window 4096 --secret pw=env:PW --secret k=ask --secret f=fd:3 \
        --line first --line second --on x --key ctrl-c --max 2 --do next --expect /a'\\d\"/ --within 0 --send-secret pw --echo-ok \
        --until u --view raw --fail-on f --do fail:why";
    let flags: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
    round_trip(&flags);
    let emitted = script(&run(&flags)).expect("it is sound");
    assert!(emitted.contains("[secrets.pw]\nenv = \"PW\""), "{emitted}");
}

#[test]
fn what_has_no_place_becomes_a_comment() {
    let flags = ["--report", "x", "-q"].map(str::to_owned);
    let emitted = script(&run(&flags)).expect("it is sound");
    assert!(emitted.starts_with("# --quiet has no place"), "{emitted}");
    assert!(emitted.contains("# --report has"), "{emitted}");
}

fn words() -> impl Strategy<Value = Vec<String>> {
    let text = prop_oneof!["[ -~]{1,12}", "\\PC{1,6}", r#"[\$\{\}'"\\a\n\t]{1,8}"#,];
    let pattern = text.clone().prop_filter("a pattern that can be read", |text| {
        crate::expect::pattern::Pattern::parse(text).is_ok()
    });
    let action = prop_oneof![
        text.clone().prop_map(|text| vec!["--line".to_owned(), text]),
        "[ -Z]{0,9}".prop_map(|text| vec!["--send".to_owned(), text]),
        Just(vec!["--send".to_owned(), "\\xff\\0".to_owned()]),
        prop_oneof![
            Just("ctrl-c"),
            Just("up"),
            Just("eof"),
            Just("alt-x"),
            Just("f9"),
            Just("ctrl-]")
        ]
        .prop_map(|key| vec!["--key".to_owned(), key.to_owned()]),
        prop_oneof![
            Just("pass"),
            Just("fail"),
            Just("fail:no ${x}"),
            Just("interrupt"),
            Just("terminate"),
            Just("kill")
        ]
        .prop_map(|what| vec!["--do".to_owned(), what.to_owned()]),
        Just(vec!["--send-secret".to_owned(), "pw".to_owned()]),
        Just(vec!["--send-secret".to_owned(), "pw".to_owned(), "--echo-ok".to_owned()]),
    ];
    let actions = proptest::collection::vec(action, 0..4).prop_map(|all| all.concat());
    let part = (pattern, 0..4_u8, actions.clone(), any::<bool>()).prop_map(
        |(pattern, kind, actions, extra)| {
            let flag = ["--expect", "--on", "--until", "--fail-on"][usize::from(kind)];
            let mut words = vec![flag.to_owned(), pattern];
            match (kind, extra) {
                (0, true) => words.extend(["--within".to_owned(), "5s".to_owned()]),
                (1, true) => words.extend(["--max".to_owned(), "3".to_owned()]),
                (2 | 3, true) => words.extend(["--view".to_owned(), "raw".to_owned()]),
                _ => {}
            }
            words.extend(actions);
            words
        },
    );
    (actions, proptest::collection::vec(part, 0..5)).prop_map(|(start, parts)| {
        let secret = vec!["--secret".to_owned(), "pw=env:PW".to_owned()];
        [secret, start, parts.concat()].concat()
    })
}

proptest! {
    #[test]
    fn random_flags(flags in words()) {
        round_trip(&flags);
    }
}
