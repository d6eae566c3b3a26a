//! Whole command lines, in surroundings that are made up.

use std::ffi::OsString;

use super::*;
use crate::report::model::Mode;
use plan::{ReportTo, Stdin};

/// `heeler run FLAGS -- true`, as typed.
pub(super) fn run(flags: &[&str]) -> cli::Run {
    let words = ["heeler", "run"].iter().chain(flags).chain(&["--", "true"]);
    let line: Vec<OsString> = words.map(OsString::from).collect();
    match cli::parse(&line).unwrap_or_else(|error| panic!("{flags:?}: {error}")).command {
        cli::Command::Run(run) => *run,
        other => panic!("{other:?}"),
    }
}

fn at_a_terminal() -> Surroundings {
    Surroundings {
        terminals: [true; 3],
        size: Some((100, 40)),
        cwd: Some("/".into()),
        ..Surroundings::default()
    }
}

fn in_a_pipeline() -> Surroundings {
    Surroundings { cwd: Some("/".into()), ..Surroundings::default() }
}

fn resolved(flags: &str, around: &Surroundings) -> Result<Plan, ConfigError> {
    resolve(&run(&flags.split_whitespace().collect::<Vec<_>>()), around)
}

fn mode(flags: &str, around: &Surroundings) -> Mode {
    resolved(flags, around).unwrap_or_else(|error| panic!("{flags}: {error}")).launch.mode
}

#[test]
fn auto_is_what_it_would_have_been() {
    let (terminal, pipeline) = (at_a_terminal(), in_a_pipeline());
    for flags in ["", "--timeout 5s", "--retries 3", "--stop KILL", "--idle-timeout 0", "--input x"]
    {
        assert_eq!(mode(flags, &terminal), Mode::Inherit, "{flags}");
        assert_eq!(mode(flags, &pipeline), Mode::Inherit, "{flags}");
    }
    for flags in [
        "--expect x",
        "--on x",
        "--line x",
        "--fail-on x",
        "--until x",
        "--idle-timeout 5",
        "--until-idle 5",
        "--max-output 5",
        "--output /dev/null",
        "--stdout /dev/null",
        "--timestamps",
        "--record /dev/null",
        "--events -",
        "--report -",
        "--report /dev/null",
        "-q",
        "--merge",
        "--retries 1 --retry-on match:x",
    ] {
        assert_eq!(mode(flags, &terminal), Mode::Pty, "{flags}");
        assert_eq!(mode(flags, &pipeline), Mode::Pipe, "{flags}");
    }
    for flags in ["--stderr /dev/null", "--expect x --stream stderr"] {
        assert_eq!(mode(flags, &terminal), Mode::Pipe, "{flags}");
    }
    for at in 0..3 {
        let mut half = at_a_terminal();
        half.terminals[at] = false;
        let plan = resolved("--expect x", &half).expect("it is fine");
        assert_eq!(plan.launch.mode, Mode::Pipe);
        let stream = ["stdin", "stdout", "stderr"][at];
        assert!(plan.launch.mode_reason.contains(stream), "{}", plan.launch.mode_reason);
    }
}

#[test]
fn what_is_refused_names_the_flag_that_helps() {
    for (flags, helps) in [
        ("--isolate", "--inherit"),
        ("--pty --isolate", "--inherit"),
        ("--inherit --report -", "--report FILE"),
        ("--inherit --report-fd 1", "--report FILE"),
        ("--inherit -q", "--pipe"),
        ("--inherit --expect x", "--pipe"),
        ("--inherit --idle-timeout 5s", "--pty"),
        ("--inherit --output /dev/null", "--pipe"),
        ("--pty --merge", "--pipe"),
        ("--pty --stderr /dev/null", "--output"),
        ("--pty --expect x --stream stderr", "--pipe"),
        ("--pipe --merge --stderr /dev/null", "--output"),
        ("--pipe --merge --expect x --stream stderr", "--merge"),
        ("--size 80x24", "--pty"),
        ("--pipe --term vt100", "--pty"),
        ("--inherit --no-echo", "--pty"),
        ("--send-secret pw", "--secret pw=env:VAR"),
        ("--report-fd 0", "--report-fd"),
        ("--report-fd 999999", "--report-fd"),
        ("--stdout /nowhere/at/all", "--stdout"),
        ("--stdout /", "--stdout"),
        ("--stdout /tmp/a --output /tmp/a", "--output"),
        ("--stdin /nowhere", "inherit, null"),
        ("-C /nowhere", "--cwd"),
        ("-C /dev/null", "--cwd"),
        ("--env-file /nowhere", "--env-file"),
        ("--window 1", "--window"),
        ("--strays leave --track off", "--strays release"),
        ("--stop NOPE", "SIGTERM"),
        ("--rlimit nope=1", "nofile"),
        ("--ignore-signal KILL", "--ignore-signal"),
        ("--expect x --retries 1 --max 3", "--on"),
    ] {
        let error = resolved(flags, &in_a_pipeline()).expect_err(flags);
        assert!(error.message.contains(helps), "{flags}: {}", error.message);
        assert!(!error.message.contains('\n'), "{flags}: {}", error.message);
    }
    let kind = |flags| resolved(flags, &in_a_pipeline()).expect_err(flags).kind;
    assert_eq!(kind("-C /nowhere"), ErrorKind::BadDirectory);
    assert_eq!(kind("--stdin /nowhere"), ErrorKind::Resource);
    assert_eq!(kind("--size 80x24"), ErrorKind::Usage);
}

#[test]
fn where_input_comes_from() {
    let stdin = |flags, around: &Surroundings| {
        resolved(flags, around).unwrap_or_else(|error| panic!("{flags}: {error}")).launch.stdin
    };
    let (terminal, pipeline) = (at_a_terminal(), in_a_pipeline());
    for flags in ["", "--until x", "--fail-on x", "--timeout 5", "--stdin inherit --retries 1"] {
        assert_eq!(stdin(flags, &pipeline), Stdin::Inherit, "{flags}");
    }
    for flags in ["--expect x", "--on x", "--line x", "--retries 1", "--stdin null"] {
        assert_eq!(stdin(flags, &pipeline), Stdin::Null, "{flags}");
    }
    assert_eq!(stdin("--expect x", &terminal), Stdin::Inherit);
    assert_eq!(stdin("--retries 1", &terminal), Stdin::Null);
    assert_eq!(stdin("--input a\\n", &pipeline), Stdin::Bytes(b"a\\n".to_vec()));
    assert_eq!(stdin("--stdin /dev/null", &pipeline), Stdin::File("/dev/null".into()));
}

#[test]
fn the_terminals_size() {
    let plan = |flags, around: &Surroundings| resolved(flags, around).expect("it is fine").launch;
    let (terminal, pipeline) = (at_a_terminal(), in_a_pipeline());
    let launch = plan("--pty", &terminal);
    assert_eq!((launch.size, launch.follow_size), ((100, 40), true));
    let launch = plan("--pty --size 10x5", &terminal);
    assert_eq!((launch.size, launch.follow_size), ((10, 5), false));
    let launch = plan("--pty", &pipeline);
    assert_eq!((launch.size, launch.follow_size), ((80, 24), false));
}

#[test]
fn a_shell_takes_one_string() {
    let shell = |words: &[&str]| {
        let mut run = run(&["-c"]);
        run.command = words.iter().map(OsString::from).collect();
        resolve(&run, &in_a_pipeline())
    };
    assert_eq!(shell(&["a | b"]).expect("it is one").launch.argv, ["sh", "-c", "a | b"]);
    assert!(shell(&["a", "b"]).expect_err("they are two").message.contains("--shell"));
}

#[test]
fn paths_are_made_absolute_and_reports_found() {
    let around = Surroundings { cwd: Some("/tmp".into()), ..Surroundings::default() };
    let plan = resolved("--report r.json --output o", &around).expect("it is fine");
    assert_eq!(plan.output.report, Some(ReportTo::File("/tmp/r.json".into())));
    assert_eq!(plan.output.combined, Some("/tmp/o".into()));
    assert_eq!(plan.launch.cwd, std::path::Path::new("/tmp"));
    let plan = resolved("--report-fd 1", &around).expect("it is fine");
    assert_eq!(plan.output.report, Some(ReportTo::Stdout));
}

#[test]
fn a_merge_that_auto_makes_needless_is_left_out() {
    assert!(!resolved("--merge", &at_a_terminal()).expect("it is fine").output.merge);
    assert!(resolved("--merge", &in_a_pipeline()).expect("it is fine").output.merge);
}

#[test]
fn a_dry_run_reads_no_secret() {
    let plan = resolved("--dry-run --secret pw=cmd:false", &in_a_pipeline()).expect("not run");
    assert!(plan.secrets["pw"].bytes().is_empty());
    assert!(resolved("--secret pw=cmd:false", &in_a_pipeline()).is_err());
}
