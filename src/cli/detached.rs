//! What talks to a detached run: `logs`, `send`, `expect`, `wait`, `signal`, `resize`, `screen`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::Db;
use super::value::{self, Stream, View};

/// Which run.
#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    /// The run: its id, a unique prefix of it, or its name
    #[arg(value_name = "RUN")]
    pub run: String,

    /// Which database.
    #[command(flatten)]
    pub db: Db,
}

/// Print the output of a detached run.
///
/// Also after its end. What went to stderr goes to stderr.
#[derive(Clone, Debug, clap::Args)]
pub struct Logs {
    /// Which run.
    #[command(flatten)]
    pub target: Target,

    /// Go on until the run ends
    #[arg(short, long)]
    pub follow: bool,

    /// Only the last N lines
    #[arg(long, value_name = "N")]
    pub tail: Option<usize>,

    /// Only from this offset on, as send and expect count
    #[arg(long, value_name = "OFFSET")]
    pub since: Option<u64>,
}

/// Wait for the end of a run, and exit as it did.
///
/// Also long after its end. Exit code 124: it has not ended within --timeout; 125: nobody saw its end, or
/// there is no such run. With --json the two are told apart from the command's own; an end that nobody saw is
/// {"run": ID, "outcome": "unknown"}, with "state": "orphaned" while what is left of the run lives (heeler reap).
#[derive(Clone, Debug, clap::Args)]
pub struct Wait {
    /// Which run.
    #[command(flatten)]
    pub target: Target,

    /// For how long [default: for ever]
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true)]
    pub timeout: Option<Duration>,

    /// Print how it ended as JSON
    #[arg(long)]
    pub json: bool,
}

/// Give our terminal to a detached run.
///
/// Its screen is drawn as it is, and all keys go to the command until the detach keys are typed: then the run
/// goes on without us, and the exit code is 0. Else attach exits as the run does, also after its end. Several
/// may be attached at once. A prefix of the detach keys is held back until the next key shows that it is none.
/// A run with pipes gets lines, and Ctrl-D ends its input; Ctrl-C ends attach, and the run goes on. Where our stdin
/// is no terminal, what it has is typed, and its end as well; </dev/null types nothing and looks on. Only kill -9 of attach leaves our terminal raw: reset.
#[derive(Clone, Debug, clap::Args)]
pub struct Attach {
    /// Which run.
    #[command(flatten)]
    pub target: Target,

    /// The keys that leave it: ctrl-X or single characters, with commas between them; none for none
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q")]
    pub detach_keys: String,

    /// Only look on: type nothing, and give it no size
    #[arg(long)]
    pub read_only: bool,

    /// Who gives its terminal the size when several are attached, from now on
    #[arg(long, value_name = "WHO")]
    pub size_from: Option<SizeFrom>,

    /// Leave it when P appears in its output
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    pub until: Option<String>,
}

/// Whose terminal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SizeFrom {
    /// The smallest, so that everybody sees all of it (as it begins).
    Smallest,
    /// That of who came, typed or changed their size last.
    Latest,
}

/// Send a signal to every process of a detached run.
///
/// `heeler reap RUN` stops the run instead, by its own ladder.
#[derive(Clone, Debug, clap::Args)]
pub struct Signal {
    /// Which run.
    #[command(flatten)]
    pub target: Target,

    /// The signal: TERM, HUP, 15 ...
    #[arg(value_name = "SIGNAL")]
    pub signal: String,
}

/// Give the terminal of a detached run another size.
#[derive(Clone, Debug, clap::Args)]
pub struct Resize {
    /// Which run.
    #[command(flatten)]
    pub target: Target,

    /// The size
    #[arg(value_name = "COLSxROWS", value_parser = value::window_size)]
    pub size: (u16, u16),
}

/// Print what the terminal of a detached run shows.
#[derive(Clone, Debug, clap::Args)]
pub struct Screen {
    /// Which run.
    #[command(flatten)]
    pub target: Target,

    /// Print JSON: text, colours and cursor (heeler schema screen)
    #[arg(long)]
    pub json: bool,

    /// Print a picture
    #[arg(long, conflicts_with = "json")]
    pub svg: bool,
}

/// Wait for output of a detached run.
///
/// The match that begins first wins. Without --since the wait begins where the last expect of the run
/// ended, so that calls in a row read the output once. Exit code 0: it matched; 124: the limit has passed;
/// 122: the run ended first; 125: no such run, or a pattern that is none.
#[derive(Clone, Debug, clap::Args)]
pub struct Expect {
    /// Which run.
    #[command(flatten)]
    pub target: Target,

    /// A pattern, and what its match is called; the label may be left out
    ///
    /// What stands before the first = is the label when it has only letters, digits, _, - and dots; a
    /// pattern that begins like that has to be given with a label.
    #[arg(long, value_name = "LABEL=P", required = true, allow_hyphen_values = true, value_parser = value::labelled)]
    pub on: Vec<(String, String)>,

    /// For how long; 0 is for ever [default: 30s]
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true)]
    pub timeout: Option<Duration>,

    /// Only output from this offset on, as send printed it
    #[arg(long, value_name = "OFFSET")]
    pub since: Option<u64>,

    /// Leave the text for the next expect
    #[arg(long)]
    pub peek: bool,

    /// Print only this of the match: label, before, offset, or a group by number or name [default: all, as JSON]
    #[arg(long, value_name = "WHAT")]
    pub print: Option<String>,

    /// What the patterns look at: text (escapes removed), raw, or screen
    #[arg(long, value_name = "NAME")]
    pub view: Option<View>,

    /// Listen only to stdout or stderr
    #[arg(long, value_name = "NAME")]
    pub stream: Option<Stream>,
}

/// Run a script's dialogue with a detached run.
///
/// It begins where the last expect ended, and is over when its steps are met: exit code 0. 122: it failed, or
/// the run ended first; 125: no such run, a script with mistakes, or a heeler that does not answer. The
/// `[command]` and the cleanup of the script are not looked at. One with steps that run commands of their own or
/// need a person (exec, ask, interact) is refused before anything is sent. What it matches is not consumed: an
/// expect afterwards sees it too.
#[derive(Clone, Debug, clap::Args)]
pub struct RunScript {
    /// Which run.
    #[command(flatten)]
    pub target: Target,

    /// The script (TOML, or JSON where its name ends so); - is stdin
    #[arg(value_name = "SCRIPT", value_hint = clap::ValueHint::FilePath)]
    pub script: PathBuf,

    /// Set a param of the script
    #[arg(long, value_name = "K=V", value_parser = value::param)]
    pub set: Vec<(String, String)>,

    /// Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask
    #[arg(long, value_name = "NAME=SOURCE")]
    pub secret: Vec<OsString>,

    /// Print what the dialogue did as JSON, as the report has it
    #[arg(long)]
    pub json: bool,
}

/// A part of what is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// `--send TEXT`.
    Send(OsString),
    /// `--line TEXT`.
    Line(OsString),
    /// `--key NAME`.
    Key(String),
    /// `--send-secret NAME`.
    Secret(String),
    /// `--file PATH`.
    File(PathBuf),
    /// `--echo-ok`.
    EchoOk,
}

/// `heeler send`, its parts in the order of the command line.
#[derive(Clone, Debug)]
pub struct Send {
    /// Which run.
    pub target: Target,
    /// What is typed.
    pub parts: Vec<Part>,
    /// `--secret NAME=SOURCE`, unparsed: what is no source may be the secret itself, and clap would print it.
    pub secrets: Vec<OsString>,
    /// `--timeout`.
    pub timeout: Option<Duration>,
}

/// Type to a detached run.
///
/// The flags are done in order. When all of it is written, the offset of the output at that moment is
/// printed: expect --since with it looks only at what comes as an answer. Exit code 0: it is typed; 124: the
/// command did not take it within --timeout; 125: no such run, or it cannot be typed to.
#[derive(Args)]
struct SendFlags {
    #[command(flatten)]
    target: Target,

    /// Type TEXT, C escapes such as \n and \x1b replaced
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    send: Vec<OsString>,

    /// Type TEXT as it is, then Enter
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    line: Vec<OsString>,

    /// Press a key: ctrl-c, up, f1, enter, eof ...
    #[arg(long, value_name = "NAME")]
    key: Vec<String>,

    /// Type a --secret, then Enter, once the terminal does not echo
    #[arg(long, value_name = "NAME")]
    send_secret: Vec<String>,

    /// Type what is in a file; - is our stdin
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Vec<PathBuf>,

    /// Type the --send-secret before it even while the terminal echoes
    #[arg(long, num_args = 0, default_missing_value = "true", action = clap::ArgAction::Append)]
    echo_ok: Vec<bool>,

    /// Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask
    #[arg(long, value_name = "NAME=SOURCE")]
    secret: Vec<OsString>,

    /// How long a command that does not read, or a terminal that echoes, is waited for; 0 is for ever [default: 30s]
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true)]
    timeout: Option<Duration>,
}

impl Args for Send {
    fn augment_args(cmd: Command) -> Command {
        SendFlags::augment_args(cmd)
    }

    fn augment_args_for_update(cmd: Command) -> Command {
        SendFlags::augment_args_for_update(cmd)
    }
}

impl FromArgMatches for Send {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Send, clap::Error> {
        let flags = SendFlags::from_arg_matches(matches)?;
        let mut parts = Vec::new();
        let mut take = |id: &str, found: Vec<Part>| {
            parts.extend(matches.indices_of(id).into_iter().flatten().zip(found));
        };
        take("send", flags.send.into_iter().map(Part::Send).collect());
        take("line", flags.line.into_iter().map(Part::Line).collect());
        take("key", flags.key.into_iter().map(Part::Key).collect());
        take("send_secret", flags.send_secret.into_iter().map(Part::Secret).collect());
        take("file", flags.file.into_iter().map(Part::File).collect());
        take("echo_ok", flags.echo_ok.into_iter().map(|_| Part::EchoOk).collect());
        parts.sort_by_key(|(index, _)| *index);
        Ok(Send {
            target: flags.target,
            parts: parts.into_iter().map(|(_, part)| part).collect(),
            secrets: flags.secret,
            timeout: flags.timeout,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Send::from_arg_matches(matches)?;
        Ok(())
    }
}
