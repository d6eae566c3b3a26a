//! The dialogue on flags. clap sorts flags by name; a dialogue is a little program, so their order on the
//! command line is put back here.

use std::ffi::OsString;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::cli::value::{self, Do, Stream, View};

/// One flag of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// `--expect P`.
    Expect(String),
    /// `--on P`.
    On(String),
    /// `--fail-on P`.
    FailOn(String),
    /// `--until P`.
    Until(String),
    /// `--send TEXT`.
    Send(OsString),
    /// `--line TEXT`.
    Line(OsString),
    /// `--key NAME`.
    Key(String),
    /// `--send-secret NAME`.
    SendSecret(String),
    /// `--do WHAT`.
    Do(Do),
    /// `--pace D`.
    Pace(Duration),
    /// `--within D`.
    Within(Duration),
    /// `--max N`.
    Max(u32),
    /// `--stream NAME`.
    Stream(Stream),
    /// `--view NAME`.
    View(View),
    /// `--echo-ok`.
    EchoOk,
}

/// The dialogue, in the order of the command line.
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    /// The program.
    pub words: Vec<Word>,
    /// `--expect-timeout`.
    pub expect_timeout: Option<Duration>,
    /// `--settle`.
    pub settle: Option<Duration>,
    /// `--window`.
    pub window: Option<u64>,
    /// `--secret NAME=SOURCE`, unparsed: what is no source may be the secret itself, and clap would print it.
    pub secrets: Vec<OsString>,
}

#[derive(Args)]
#[command(next_help_heading = "Dialogue")]
struct Flags {
    /// Wait for P, then do what the action flags after it say
    ///
    /// --expect flags are steps, in order. P is matched literally; /P/ is a regex with flags i, s, x;
    /// @eof, @exit and @idle:2s are events; a leading = takes the rest literally. Actions before the first
    /// --expect or --on happen at the start.
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    expect: Vec<String>,

    /// Answer P whenever it appears, with the action flags after it
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    on: Vec<String>,

    /// Action: type TEXT, C escapes such as \n and \x1b replaced
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    send: Vec<OsString>,

    /// Action: type TEXT as it is, then Enter
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    line: Vec<OsString>,

    /// Action: press a key: ctrl-c, up, f1, enter, eof ...
    #[arg(long, value_name = "NAME")]
    key: Vec<String>,

    /// Action: type a --secret, then Enter, once the terminal does not echo
    #[arg(long, value_name = "NAME")]
    send_secret: Vec<String>,

    /// Action: pass, fail[:WHY], interrupt, terminate, kill, next
    ///
    /// pass ends the run, its job is done; fail fails the dialogue; interrupt sends INT once; terminate
    /// climbs the --stop ladder; kill starts at its end; next, in a rule, takes the current step as done.
    #[arg(long = "do", value_name = "WHAT", value_parser = value::do_action)]
    do_: Vec<Do>,

    /// Action: from here on type with this pause between characters
    ///
    /// For programs that lose what comes faster than a person types. 0 is none again; a secret is typed at
    /// once.
    #[arg(long, value_name = "D", value_parser = value::duration, hide_short_help = true)]
    pace: Vec<Duration>,

    /// The limit of the --expect before it, instead of --expect-timeout
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true)]
    within: Vec<Duration>,

    /// How often the --on before it may fire; once more fails the dialogue
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), hide_short_help = true)]
    max: Vec<u32>,

    /// Listen only to stdout or stderr; asks for pipes
    ///
    /// Belongs to the --expect, --on, --fail-on or --until before it. A --fail-on or --until does not end
    /// the step or rule it stands in: only a --stream or --view that follows it directly is its own.
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    stream: Vec<Stream>,

    /// What the pattern before it looks at: text (escapes removed), raw, or screen
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    view: Vec<View>,

    /// Type the --send-secret before it even while the terminal echoes
    #[arg(
        long,
        num_args = 0,
        default_missing_value = "true",
        action = clap::ArgAction::Append,
        hide_short_help = true
    )]
    echo_ok: Vec<bool>,

    /// Fail as soon as P appears; may stand anywhere
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    fail_on: Vec<String>,

    /// The job is done when P appears: stop it, success; may stand anywhere
    ///
    /// A command that exits by itself before P appears counts by its exit code, with a warning; to insist on
    /// P, wait for it with --expect.
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    until: Vec<String>,

    /// Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask
    ///
    /// The value is never shown, and masked where the command prints it back. A variable that is a source
    /// is taken out of the command's environment. One line end is cut off at the end of what a file, a
    /// descriptor or a command gives. optional:env:VAR and optional:file:PATH may be missing: then it is an
    /// error only where it is about to be typed.
    #[arg(long, value_name = "NAME=SOURCE")]
    secret: Vec<OsString>,

    /// The limit of each --expect [default: 30s]
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true, hide_short_help = true)]
    expect_timeout: Option<Duration>,

    /// The pause in the output after which an undecided match is decided [default: 50ms]
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true, hide_short_help = true)]
    settle: Option<Duration>,

    /// How much output of a stream is kept for matching [default: 1MiB]
    #[arg(long, value_name = "BYTES", value_parser = value::size, allow_negative_numbers = true, hide_short_help = true)]
    window: Option<u64>,
}

impl Args for Dialogue {
    fn augment_args(cmd: Command) -> Command {
        Flags::augment_args(cmd)
    }

    fn augment_args_for_update(cmd: Command) -> Command {
        Flags::augment_args_for_update(cmd)
    }
}

impl FromArgMatches for Dialogue {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Dialogue, clap::Error> {
        let mut words = Vec::new();
        let mut take = |id: &str, found: Vec<Word>| {
            words.extend(matches.indices_of(id).into_iter().flatten().zip(found));
        };
        let flags = Flags::from_arg_matches(matches)?;
        let words_of =
            |texts: Vec<String>, word: fn(String) -> Word| texts.into_iter().map(word).collect();
        take("expect", words_of(flags.expect, Word::Expect));
        take("on", words_of(flags.on, Word::On));
        take("fail_on", words_of(flags.fail_on, Word::FailOn));
        take("until", words_of(flags.until, Word::Until));
        take("key", words_of(flags.key, Word::Key));
        take("send_secret", words_of(flags.send_secret, Word::SendSecret));
        take("send", flags.send.into_iter().map(Word::Send).collect());
        take("line", flags.line.into_iter().map(Word::Line).collect());
        take("do_", flags.do_.into_iter().map(Word::Do).collect());
        take("pace", flags.pace.into_iter().map(Word::Pace).collect());
        take("within", flags.within.into_iter().map(Word::Within).collect());
        take("max", flags.max.into_iter().map(Word::Max).collect());
        take("stream", flags.stream.into_iter().map(Word::Stream).collect());
        take("view", flags.view.into_iter().map(Word::View).collect());
        take("echo_ok", flags.echo_ok.into_iter().map(|_| Word::EchoOk).collect());
        words.sort_by_key(|(index, _)| *index);
        Ok(Dialogue {
            words: words.into_iter().map(|(_, word)| word).collect(),
            expect_timeout: flags.expect_timeout,
            settle: flags.settle,
            window: flags.window,
            secrets: flags.secret,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Dialogue::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(flags: &[&str]) -> Vec<Word> {
        let argv = ["test"].iter().chain(flags);
        let matches = Dialogue::augment_args(Command::new("test")).get_matches_from(argv);
        Dialogue::from_arg_matches(&matches).expect("it was parsed").words
    }

    #[test]
    fn the_order_of_the_command_line_is_kept() {
        let text = |text: &str| text.to_owned();
        assert_eq!(
            words(&[
                "--line",
                "a",
                "--expect",
                "b",
                "--line",
                "c",
                "--send",
                "d",
                "--within=5s",
                "--on=e",
                "--send-secret",
                "f",
                "--echo-ok",
                "--max",
                "2",
                "--expect",
                "g",
                "--send-secret",
                "h",
                "--echo-ok",
                "--until",
                "i",
                "--view",
                "raw",
                "--key",
                "up",
                "--do",
                "pass",
            ]),
            [
                Word::Line("a".into()),
                Word::Expect(text("b")),
                Word::Line("c".into()),
                Word::Send("d".into()),
                Word::Within(Duration::from_secs(5)),
                Word::On(text("e")),
                Word::SendSecret(text("f")),
                Word::EchoOk,
                Word::Max(2),
                Word::Expect(text("g")),
                Word::SendSecret(text("h")),
                Word::EchoOk,
                Word::Until(text("i")),
                Word::View(View::Raw),
                Word::Key(text("up")),
                Word::Do(Do::Pass),
            ]
        );
    }

    #[test]
    fn patterns_and_text_may_begin_with_a_dash() {
        assert_eq!(
            words(&["--expect", "--More--", "--line", "-y", "--send", "--on"]),
            [
                Word::Expect("--More--".to_owned()),
                Word::Line("-y".into()),
                Word::Send("--on".into())
            ]
        );
    }
}
