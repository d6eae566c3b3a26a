//! Whole command lines.

use std::ffi::OsString;

use clap::error::ErrorKind;

use super::{Command, Run, parse, tree};

fn run(flags: &[&str]) -> Run {
    let argv: Vec<OsString> = ["heeler", "run"].iter().chain(flags).map(OsString::from).collect();
    match parse(&argv).unwrap_or_else(|error| panic!("{flags:?}: {error}")).command {
        Command::Run(run) => *run,
        other => panic!("{other:?}"),
    }
}

fn error(argv: &[&str]) -> ErrorKind {
    let argv: Vec<OsString> = ["heeler"].iter().chain(argv).map(OsString::from).collect();
    parse(&argv).expect_err("it should be refused").kind()
}

#[test]
fn the_tree_is_sound() {
    tree().debug_assert();
}

#[test]
fn everything_from_the_command_on_is_the_commands() {
    for (line, command) in [
        (vec!["true"], vec!["true"]),
        (vec!["--", "true"], vec!["true"]),
        (vec!["ls", "-t", "--pty", "--bogus"], vec!["ls", "-t", "--pty", "--bogus"]),
        (vec!["-t", "ls", "--", "-l"], vec!["ls", "--", "-l"]),
        (vec!["-t", "--", "ls", "--", "-l"], vec!["ls", "--", "-l"]),
        (vec!["--", "--odd-name"], vec!["--odd-name"]),
        (vec!["ls", "--help"], vec!["ls", "--help"]),
        (vec!["-c", "echo a; echo b"], vec!["echo a; echo b"]),
        (vec!["--", ""], vec![""]),
        (vec!["a", ""], vec!["a", ""]),
    ] {
        let command: Vec<OsString> = command.into_iter().map(OsString::from).collect();
        assert_eq!(run(&line).command, command, "{line:?}");
    }
}

#[test]
fn arguments_need_not_be_text() {
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(b"a\xff".to_vec());
    let argv =
        ["heeler".into(), "run".into(), "--input".into(), odd.clone(), "cat".into(), odd.clone()];
    match parse(&argv).expect("it is fine").command {
        Command::Run(run) => {
            assert_eq!(run.command[1], odd);
            assert_eq!(run.launch.input, Some(odd));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_must_parse() {
    for line in [
        "-t -C /tmp -e A=1 -e B --env-clear --unset C x",
        "--pipe --merge -q --stdout a --stderr b --output c x",
        "--inherit --isolate x",
        "--nice -5 --umask 022 --rlimit nofile=256 --rlimit core=unlimited --ignore-signal HUP x",
        "--timeout 1e-9 --idle-timeout 0 --total-timeout 100y --max-output 1GiB x",
        "--retries 3 --retry-delay 1s --retry-on exit:75,69 --retry-on match:/a,b/ x",
        "--stop INT:5s,TERM:10s,KILL --strays reap:1s --drain 0 --ok-exit 0,3,10-19 x",
        "--report - x",
        "--report-fd 3 --events - --record a.cast --tail 0 --timestamps x",
        "--name a --tag k=v --tag l= --track off --db d x",
        "--size 80x24 --term vt100 --no-echo -t --dry-run x",
    ] {
        run(&line.split(' ').collect::<Vec<_>>());
    }
}

#[test]
fn what_must_fail() {
    for (line, kind) in [
        ("run", ErrorKind::MissingRequiredArgument),
        ("run --pty", ErrorKind::MissingRequiredArgument),
        ("run --bogus x", ErrorKind::UnknownArgument),
        ("run -z x", ErrorKind::UnknownArgument),
        ("run --pty --pipe x", ErrorKind::ArgumentConflict),
        ("run --pipe --inherit x", ErrorKind::ArgumentConflict),
        ("run --stdin null --input y x", ErrorKind::ArgumentConflict),
        ("run --report a --report-fd 3 x", ErrorKind::ArgumentConflict),
        ("run --timeout -1 x", ErrorKind::ValueValidation),
        ("run --timeout nan x", ErrorKind::ValueValidation),
        ("run --timeout 1s --timeout 2s x", ErrorKind::ArgumentConflict),
        ("run --retries -1 x", ErrorKind::ValueValidation),
        ("run --size 80 x", ErrorKind::ValueValidation),
        ("run --track maybe x", ErrorKind::InvalidValue),
        ("run --stream stdin x", ErrorKind::InvalidValue),
        ("run --max 0 x", ErrorKind::ValueValidation),
        ("bogus", ErrorKind::InvalidSubcommand),
        ("reap --all a", ErrorKind::ArgumentConflict),
        ("inspect", ErrorKind::MissingRequiredArgument),
        ("completions tcsh", ErrorKind::InvalidValue),
        ("schema nothing", ErrorKind::InvalidValue),
    ] {
        assert_eq!(error(&line.split(' ').collect::<Vec<_>>()), kind, "{line}");
    }
}

#[test]
fn ps_is_list() {
    let argv = ["heeler".into(), "ps".into(), "--json".into()];
    assert!(matches!(parse(&argv).expect("it is an alias").command, Command::List(_)));
}

#[test]
fn the_short_help_fits_a_screen() {
    let mut tree = tree();
    let run = tree.find_subcommand_mut("run").expect("it is there");
    let help = run.render_help().to_string();
    assert!(help.lines().count() <= 50, "{} lines:\n{help}", help.lines().count());
}
