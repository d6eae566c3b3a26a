//! The usual flags of `run`, read without clap.
//!
//! clap builds some seventy arguments to read three, which was two thirds of all instructions of a short run in
//! user mode (0.15 ms; `benches`, group `start`). So a command line of nothing but the flags below, each in its
//! plainest form, is read here. It has to mean what it means to clap, which tests of all pairs of these flags hold
//! it to; and what is unusual, doubtful or wrong, help included, is left to clap: it alone refuses anything.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::ValueEnum;

use super::{Containment, Run, Track, Word};
use crate::cli::value;

/// What the words after `run` say; nothing where clap has to look at them.
pub(in crate::cli) fn read(words: &[OsString]) -> Option<Run> {
    let mut run = Run::default();
    let mut rest = words.iter();
    loop {
        let at = rest.clone();
        let word = rest.next()?;
        if word == "--" {
            run.command = rest.cloned().collect();
            break;
        }
        if !word.as_encoded_bytes().starts_with(b"-") {
            run.command = at.cloned().collect();
            break;
        }
        let word = word.to_str()?;
        let (name, value) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(OsStr::new(value))),
            _ => (word, None),
        };
        if !switch(&mut run, name, value)? {
            let value = value.or_else(|| rest.next().map(OsString::as_os_str))?;
            // An empty value, or one that looks like a flag: some flags take it, some do not.
            if value.is_empty() || value.as_encoded_bytes().starts_with(b"-") {
                return None;
            }
            option(&mut run, name, value)?;
        }
    }
    let streams = [run.launch.pty, run.launch.pipe, run.launch.inherit];
    let contradictory = streams.iter().filter(|given| **given).count() > 1;
    (!contradictory && !run.command.is_empty()).then_some(run)
}

/// A flag without a value. False when `name` is none of them.
fn switch(run: &mut Run, name: &str, value: Option<&OsStr>) -> Option<bool> {
    let given = match name {
        "-d" | "--detach" => &mut run.launch.detach,
        "-t" | "--pty" => &mut run.launch.pty,
        "--pipe" => &mut run.launch.pipe,
        "--inherit" => &mut run.launch.inherit,
        "-c" | "--shell" => &mut run.launch.shell,
        "-q" | "--quiet" => &mut run.output.quiet,
        "--merge" => &mut run.output.merge,
        "--guard" => &mut run.limits.guard,
        _ => return Some(false),
    };
    // Twice is once too often for clap, and so is a value.
    if *given || value.is_some() {
        return None;
    }
    *given = true;
    Some(true)
}

/// A flag with a value.
fn option(run: &mut Run, name: &str, value: &OsStr) -> Option<()> {
    let path = || PathBuf::from(value);
    let owned = || value.to_owned();
    let text = || value.to_str();
    let string = || text().map(str::to_owned);
    let duration = || value::duration(text()?).ok();
    let said = &mut run.dialogue.words;
    match name {
        "-C" | "--cwd" => once(&mut run.launch.cwd, path())?,
        "-e" | "--env" => run.launch.env.push(owned()),
        "--stdin" => once(&mut run.launch.stdin, value::StdinFrom::from(owned()))?,
        "--size" => once(&mut run.launch.size, value::window_size(text()?).ok()?)?,

        "--output" => once(&mut run.output.output, path())?,
        "--report" => once(&mut run.output.report, path())?,

        "--expect" => said.push(Word::Expect(string()?)),
        "--on" => said.push(Word::On(string()?)),
        "--fail-on" => said.push(Word::FailOn(string()?)),
        "--until" => said.push(Word::Until(string()?)),
        "--send" => said.push(Word::Send(owned())),
        "--line" => said.push(Word::Line(owned())),
        "--key" => said.push(Word::Key(string()?)),
        "--send-secret" => said.push(Word::SendSecret(string()?)),
        "--do" => said.push(Word::Do(value::do_action(text()?).ok()?)),
        "--within" => said.push(Word::Within(duration()?)),
        "--secret" => run.dialogue.secrets.push(owned()),
        "--expect-timeout" => once(&mut run.dialogue.expect_timeout, duration()?)?,

        "--timeout" => once(&mut run.limits.timeout, duration()?)?,
        "--idle-timeout" => once(&mut run.limits.idle_timeout, duration()?)?,
        "--total-timeout" => once(&mut run.limits.total_timeout, duration()?)?,
        "--max-output" => once(&mut run.limits.max_output, value::size(text()?).ok()?)?,
        "--until-idle" => once(&mut run.limits.until_idle, duration()?)?,
        "--stop" => once(&mut run.limits.stop, value::ladder(text()?).ok()?)?,
        "--strays" => once(&mut run.limits.strays, value::strays(text()?).ok()?)?,
        "--containment" => {
            once(&mut run.limits.containment, Containment::from_str(text()?, false).ok()?)?;
        }
        "--ok-exit" => once(&mut run.limits.ok_exit, value::codes(text()?).ok()?)?,

        "--name" => once(&mut run.tracking.name, value::name(text()?).ok()?)?,
        "--tag" => run.tracking.tag.push(value::tag(text()?).ok()?),
        "--track" => once(&mut run.tracking.track, Track::from_str(text()?, false).ok()?)?,
        "--db" => once(&mut run.tracking.db.db, path())?,
        _ => return None,
    }
    Some(())
}

fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};
    use proptest::prelude::*;

    use super::*;

    fn tree() -> clap::Command {
        Run::augment_args(clap::Command::new("heeler"))
    }

    fn clap_reads(tree: &mut clap::Command, words: &[OsString]) -> Result<Run, String> {
        let argv = [OsString::from("run")].into_iter().chain(words.iter().cloned());
        tree.try_get_matches_from_mut(argv)
            .and_then(|matches| Run::from_arg_matches(&matches))
            .map_err(|error| error.to_string())
    }

    fn words(line: &[&str]) -> Vec<OsString> {
        line.iter().map(OsString::from).collect()
    }

    /// Every flag that is read here, with a value that it takes; none for a switch.
    const FLAGS: &[(&[&str], &str)] = &[
        (&["-d", "--detach"], ""),
        (&["-t", "--pty"], ""),
        (&["--pipe"], ""),
        (&["--inherit"], ""),
        (&["-c", "--shell"], ""),
        (&["-q", "--quiet"], ""),
        (&["--merge"], ""),
        (&["--guard"], ""),
        (&["-C", "--cwd"], "dir"),
        (&["-e", "--env"], "K=V"),
        (&["--stdin"], "null"),
        (&["--size"], "80x24"),
        (&["--output"], "file"),
        (&["--report"], "file"),
        (&["--expect"], "/p/"),
        (&["--on"], "text"),
        (&["--fail-on"], "@eof"),
        (&["--until"], "=text"),
        (&["--send"], "a\\n"),
        (&["--line"], "yes"),
        (&["--key"], "ctrl-c"),
        (&["--send-secret"], "pw"),
        (&["--do"], "fail:why"),
        (&["--within"], "5s"),
        (&["--secret"], "pw=env:PW"),
        (&["--expect-timeout"], "1m"),
        (&["--timeout"], "0"),
        (&["--idle-timeout"], "0.5"),
        (&["--total-timeout"], "1h"),
        (&["--max-output"], "1MiB"),
        (&["--until-idle"], "500ms"),
        (&["--stop"], "TERM:1s,KILL"),
        (&["--strays"], "reap:1s"),
        (&["--containment"], "auto"),
        (&["--ok-exit"], "3,10-19"),
        (&["--name"], "db"),
        (&["--tag"], "a=b"),
        (&["--track"], "off"),
        (&["--db"], "file"),
    ];

    /// Every way to write each of [`FLAGS`].
    fn written() -> Vec<Vec<String>> {
        let mut written = Vec::new();
        for (names, value) in FLAGS {
            for name in *names {
                let words = [*name, *value].map(str::to_owned);
                let given = if value.is_empty() { 1 } else { 2 };
                written.push(words[..given].to_vec());
                if given == 2 && name.starts_with("--") {
                    written.push(vec![words.join("=")]);
                }
            }
        }
        written
    }

    #[test]
    fn each_flag_that_is_read_here_is_in_the_table() {
        let (code, _) = include_str!("quick.rs").split_once("#[cfg(test)]").unwrap();
        let name = regex::Regex::new(r#""(--?[a-zA-Z][a-zA-Z-]*)""#).unwrap();
        let read: Vec<&str> =
            name.captures_iter(code).map(|found| found.extract::<1>().1[0]).collect();
        let table: Vec<&str> = FLAGS.iter().flat_map(|(names, _)| *names).copied().collect();
        assert_eq!(read, table);
    }

    /// Whether two of them go together, repeat each other or exclude each other: both say the same of all pairs.
    #[test]
    fn each_flag_and_each_two_flags_are_read_as_clap_reads_them() {
        let mut tree = tree();
        let written = written();
        let first = |words: &[String]| !words[0].contains('=');
        let alone = written.iter().map(|one| vec![one]);
        let pairs = written.iter().filter(|one| first(one)).flat_map(|one| {
            written.iter().filter(|other| first(other)).map(move |other| vec![one, other])
        });
        let mut agreed = 0;
        for flags in alone.chain(pairs) {
            let line: Vec<&str> =
                flags.iter().copied().flatten().map(String::as_str).chain(["true"]).collect();
            let line = words(&line);
            let here = read(&line).map(|run| format!("{run:?}"));
            agreed += usize::from(here.is_some());
            let theirs = clap_reads(&mut tree, &line).ok().map(|run| format!("{run:?}"));
            assert_eq!(here, theirs, "{line:?}");
        }
        assert!(agreed > 1_900, "{agreed}");
    }

    const VALUES: &[&str] = &[
        "5s",
        "0",
        "-1",
        "",
        "x",
        "K=V",
        "/p/",
        "off",
        "auto",
        "subreaper",
        "80x24",
        "TERM:1s,KILL",
        "reap:1s",
        "wait",
        "fail:why",
        "pass",
        "1MiB",
        "3,10-19",
        "-x",
        "--",
        "null",
        "a=b=c",
        "=",
        "\u{e9}",
    ];

    const COMMANDS: &[&[&str]] = &[
        &["--", "true"],
        &["true"],
        &["true", "--pty"],
        &["--", "a", "--", ""],
        &["a", "", "--", "b"],
        &["-", "x"],
        &["--"],
        &[],
    ];

    /// Every flag of `run`, as clap knows it, with a value that it may take, and what it may not.
    fn any_word() -> impl Strategy<Value = Vec<String>> {
        let tree = crate::cli::run_tree();
        let mut names =
            vec!["--".to_owned(), "-".to_owned(), "--bogus".to_owned(), "-dt".to_owned()];
        for arg in tree.get_arguments() {
            names.extend(arg.get_long().map(|long| format!("--{long}")));
            names.extend(arg.get_short().map(|short| format!("-{short}")));
        }
        let value = prop::sample::select(VALUES);
        (prop::sample::select(names), prop::option::weighted(0.8, value), 0..4).prop_map(
            |(name, value, form)| match (value, form) {
                (None, _) => vec![name],
                (Some(value), 0) => vec![format!("{name}={value}")],
                (Some(value), _) => vec![name, value.to_owned()],
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn what_is_read_here_is_what_clap_reads(
            flags in prop::collection::vec(any_word(), 0..4),
            command in prop::sample::select(COMMANDS),
        ) {
            let flags = flags.concat();
            let line: Vec<&str> = flags.iter().map(String::as_str).chain(command.iter().copied()).collect();
            let line = words(&line);
            if let Some(run) = read(&line) {
                let theirs = clap_reads(&mut tree(), &line).map(|run| format!("{run:?}"));
                prop_assert_eq!(Ok(format!("{run:?}")), theirs, "{:?}", line);
            }
        }
    }

    #[test]
    fn the_usual_is_read_here() {
        for line in [
            &["true"][..],
            &["--", "true", "-x"],
            &["--timeout", "10", "--", "true"],
            &["--timeout=10", "--pipe", "--track", "off", "true"],
            &["-t", "--expect", "login:", "--line", "me", "--within", "3s", "--", "ssh", "host"],
            &["-d", "--name", "web", "--tag", "a=b", "server"],
            &[
                "-q",
                "--report",
                "r.json",
                "--stop",
                "INT:1s,KILL",
                "-C",
                "/",
                "-e",
                "A=b",
                "-c",
                "ls",
            ],
        ] {
            let line = words(line);
            let here = read(&line).map(|run| format!("{run:?}"));
            let theirs = clap_reads(&mut tree(), &line).map(|run| format!("{run:?}"));
            assert!(here.is_some() && here == theirs.ok(), "{line:?}: {here:?}");
        }
    }

    #[test]
    fn the_unusual_is_left_to_clap() {
        for line in [
            &[][..],
            &["--"],
            &["--help"],
            &["-h", "true"],
            &["--pty", "--pipe", "true"],
            &["-tq", "true"],
            &["--pty=yes", "true"],
            &["--quiet", "-q", "true"],
            &["--timeout", "1", "--timeout", "2", "true"],
            &["--timeout", "soon", "true"],
            &["--timeout", "-1", "true"],
            &["--line", "-y", "true"],
            &["--cwd", "", "true"],
            &["--script", "a.toml", "true"],
            &["--retries", "3", "true"],
        ] {
            assert!(read(&words(line)).is_none(), "{line:?}");
        }
    }
}
