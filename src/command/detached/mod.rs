//! The commands that talk to a detached run.
//!
//! Which run is meant is found out without the database where that can be: a living run has a socket, and a
//! conversation of a shell script is many such commands. Only what has no socket is looked up in the records.

pub mod attach;
pub mod expect;
pub mod logs;
pub mod screen;
pub mod script;
pub mod send;
pub mod wait;

use std::path::PathBuf;
use std::time::Duration;

use super::tracked::{self, Tracked, default_db};
use crate::cli::detached::{Resize, Signal, Target};
use crate::control::client::{Connection, Failed};
use crate::control::place::{self, Unresolved};
use crate::control::protocol::{Reply, Request};
use crate::core::outcome::{EXIT_HEELER, EXIT_LIMIT};
use crate::core::reap::{State, Subject};
use crate::report::output::Io;
use crate::store::{StoreError, Which};
use crate::sys::pidfd::{self, PidFd};

/// How long `send` and `expect` wait when nothing is said.
const DEFAULT_LIMIT: Duration = Duration::from_secs(30);

/// How long a heeler that was killed may take to be gone.
const DYING: Duration = Duration::from_secs(1);

/// A run that was found.
pub(super) enum Found {
    /// It lives, and answers.
    Living(Living),
    /// It has ended, or cannot be talked to.
    Record(Box<Over>),
}

/// A run that answers.
pub(super) struct Living {
    pub(super) db: PathBuf,
    pub(super) run: String,
    pub(super) connection: Connection,
}

/// A run as the records have it.
pub(super) struct Over {
    pub(super) db: PathBuf,
    pub(super) subject: Subject,
    pub(super) state: State,
    pub(super) why: Option<&'static str>,
    /// What the report says of why heeler ended it, or what failed.
    pub(super) ended: Option<String>,
}

/// The run that is meant; what is wrong is said, and gives the exit code.
pub(super) fn find(target: &Target, io: &mut Io<'_>) -> Result<Found, i32> {
    let Some(db) = target.db.db.clone().or_else(default_db) else {
        io.say(StoreError::NoPlace);
        return Err(EXIT_HEELER);
    };
    let mut word = target.run.clone();
    match place::living(&db, &word) {
        Ok(run) => match Connection::open(&place::socket(&db, &run)) {
            Ok(connection) => return Ok(Found::Living(Living { db, run, connection })),
            // It has ended between the two looks.
            Err(Failed::Gone) => word = run,
            Err(error) => return Err(failed(&run, &error, io)),
        },
        Err(Unresolved::Several(runs)) => {
            io.say(format_args!("'{word}' can mean {}: give more of the id", runs.join(", ")));
            return Err(EXIT_HEELER);
        }
        Err(Unresolved::None) => {}
    }
    if let Err(error) = tracked::check(target.db.db.as_ref(), &db) {
        io.say(error);
        return Err(EXIT_HEELER);
    }
    record(db, &word, io)
}

/// The run as the records have it, after whoever answered does no more.
pub(super) fn record(db: PathBuf, word: &str, io: &mut Io<'_>) -> Result<Found, i32> {
    let over = look(db, word, io)?;
    let run = &over.subject.record.facts.run;
    // A heeler that was killed is deaf before it gives up its lock: what it was is known once it is gone.
    let dying = over.state == State::Running && place::socket(&over.db, run).exists();
    if !dying {
        return Ok(Found::Record(Box::new(over)));
    }
    // Gone already, it was there when its lock was looked at, which came first.
    if let Some(heeler) = &over.subject.supervisor_process
        && let Ok(Some(heeler)) = PidFd::open(heeler.pid.get())
    {
        // Still there: the records say so.
        let _ = pidfd::wait_any(&[&heeler], Some(DYING));
    }
    Ok(Found::Record(Box::new(look(over.db, word, io)?)))
}

fn look(db: PathBuf, word: &str, io: &mut Io<'_>) -> Result<Over, i32> {
    let mut tracked = Tracked::at(&db, io);
    let names = [word.to_owned()];
    let scene = tracked.look(Which::Named(&names), io).map_err(|error| {
        io.say(error);
        EXIT_HEELER
    })?;
    let subject = tracked::find(word, &scene, &tracked.survey, io).ok_or(EXIT_HEELER)?;
    let (state, why) = subject.state(&tracked.survey.here);
    let ended = wait::why(subject, tracked.store.as_ref());
    Ok(Over { db, subject: subject.clone(), state, why, ended })
}

impl Over {
    /// Says why the run cannot be talked to.
    pub(super) fn complain(&self, io: &mut Io<'_>) -> i32 {
        let run = &self.subject.record.facts.run;
        let why = match self.state {
            State::Running if place::log(&self.db, run).exists() => {
                "nobody listens at its socket, or it was removed; `heeler reap` with the run stops it"
            }
            State::Running => {
                "it was not started with -d, so it cannot be talked to; `heeler reap` with the run stops it"
            }
            State::Orphaned => "its heeler was killed; `heeler reap` ends what is left of it",
            State::Exited => "it has ended",
            State::Gone | State::Foreign => self.why.unwrap_or("it is over"),
        };
        io.say(format_args!("run {run}: {why}"));
        EXIT_HEELER
    }
}

/// How long the answer to a request may take that the run itself ends at a limit.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    /// What was said.
    given: Option<Duration>,
    /// What holds.
    pub(super) holds: Option<Duration>,
}

impl Limit {
    /// That of `--timeout`, of which 0 is for ever.
    pub(super) fn new(given: Option<Duration>, default: Option<Duration>) -> Limit {
        let finite = |limit: &Duration| !limit.is_zero();
        Limit { given: given.filter(finite), holds: given.or(default).filter(finite) }
    }

    /// As the protocol says it.
    pub(super) fn ms(self) -> Option<u64> {
        self.holds.map(|limit| limit.as_millis() as u64)
    }

    /// Asks what may take so long.
    pub(super) fn ask(self, to: &mut Connection, request: &Request) -> Result<Reply, Failed> {
        to.ask_for(request, self.given, self.holds)
    }
}

/// Says why a run could not be asked; gives the exit code.
pub(super) fn failed(run: &str, error: &Failed, io: &mut Io<'_>) -> i32 {
    io.say(format_args!("run {run}: {error}"));
    if matches!(error, Failed::Late(_)) { EXIT_LIMIT } else { EXIT_HEELER }
}

/// Asks a living run something; what is wrong is said, and gives the exit code.
pub(super) fn ask(
    target: &Target,
    io: &mut Io<'_>,
    how: impl FnOnce(&mut Connection) -> Result<Reply, Failed>,
) -> Result<Reply, i32> {
    match find(target, io)? {
        Found::Record(over) => Err(over.complain(io)),
        Found::Living(mut living) => {
            how(&mut living.connection).map_err(|error| failed(&living.run, &error, io))
        }
    }
}

/// An answer that does not belong to what was asked.
pub(super) fn unexpected(reply: &Reply, io: &mut Io<'_>) -> i32 {
    io.say(format_args!("the run gave an answer that does not fit: {reply:?}"));
    EXIT_HEELER
}

/// `heeler signal`.
pub fn signal(args: &Signal, io: &mut Io<'_>) -> i32 {
    let signal = args.signal.clone();
    if crate::sys::names::signal_number(&signal).is_none() {
        io.say(format_args!("there is no signal {signal}; names are TERM, SIGTERM or 15"));
        return EXIT_HEELER;
    }
    done(&args.target, &Request::Signal { signal }, io)
}

/// `heeler resize`.
pub fn resize(args: &Resize, io: &mut Io<'_>) -> i32 {
    let (columns, rows) = args.size;
    done(&args.target, &Request::Resize { columns, rows }, io)
}

fn done(target: &Target, request: &Request, io: &mut Io<'_>) -> i32 {
    match ask(target, io, |to| to.ask(request)) {
        Ok(Reply::Done) => 0,
        Ok(other) => unexpected(&other, io),
        Err(code) => code,
    }
}
