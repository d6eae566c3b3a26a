//! What `list`, `reap` and `inspect` begin with: the database, as far as it can be opened, and the runs.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::control;
use crate::core::reap::{State, Subject, Unresolved, resolve};
use crate::core::record::{COOKIE, cookie_runs};
use crate::reaper::survey::{Scene, Survey};
use crate::report::output::Io;
use crate::report::runs::RunRow;
use crate::store::{Store, StoreError, Which, place};

/// How long a query waits for other processes: nobody's output waits meanwhile.
const BUSY: Duration = Duration::from_secs(5);

/// The records, opened.
pub(super) struct Tracked {
    pub(super) survey: Survey,
    pub(super) store: Option<Store>,
    /// Whether the database could not be read: what follows is from the lock files alone.
    pub(super) damaged: bool,
}

impl Tracked {
    /// Opens the records at `named` (`--db`), or in the default place. What is wrong with the database is said on
    /// stderr; an error is that there is none.
    pub(super) fn open(named: Option<&PathBuf>, io: &mut Io<'_>) -> Result<Tracked, StoreError> {
        let db = named.cloned().or_else(default_db).ok_or(StoreError::NoPlace)?;
        check(named, &db)?;
        Ok(Tracked::at(&db, io))
    }

    /// The records at `db`, which was looked at.
    pub(super) fn at(db: &Path, io: &mut Io<'_>) -> Tracked {
        let mut tracked = Tracked { survey: Survey::new(db), store: None, damaged: false };
        match Store::open_existing(db, BUSY) {
            Ok(store) => {
                if let Some(newer) = store.as_ref().and_then(Store::newer) {
                    io.say(newer);
                }
                tracked.store = store;
            }
            Err(error) => tracked.give_up_store(&error, io),
        }
        tracked
    }

    /// Looks around. Damage can also show in the middle of the file: then once more, without it.
    pub(super) fn look(&mut self, which: Which<'_>, io: &mut Io<'_>) -> Result<Scene, StoreError> {
        match self.survey.look(self.store.as_ref(), which) {
            Err(error) if self.store.is_some() => {
                self.give_up_store(&error, io);
                self.survey.look(None, which)
            }
            result => result,
        }
    }

    /// What `take` makes of the open runs as they are now and, with `all`, of those that are over, in no
    /// order. Those are as many as there are, so they are taken as they are read, and not kept.
    pub(super) fn gather<T: Default>(
        &mut self,
        all: bool,
        io: &mut Io<'_>,
        take: impl Fn(&mut T, &Tracked, &Subject),
    ) -> Result<T, StoreError> {
        // The open ones first: one that ends meanwhile is met twice, never missed.
        let mut scene = self.look(Which::Open, io)?;
        loop {
            let mut gathered = T::default();
            for subject in &scene.subjects {
                take(&mut gathered, self, subject);
            }
            let Some(store) = self.store.as_ref().filter(|_| all) else { return Ok(gathered) };
            let met: HashSet<&str> =
                scene.subjects.iter().map(|subject| subject.record.facts.run.as_str()).collect();
            let over = store.over(|record| {
                if !met.contains(record.facts.run.as_str()) {
                    take(&mut gathered, self, &Subject::unseen(record, &self.survey.here));
                }
            });
            let Err(error) = over else { return Ok(gathered) };
            self.give_up_store(&error, io);
            scene = self.survey.look(None, Which::Open)?;
        }
    }

    /// The control socket of a run, while it runs in the background.
    pub(super) fn socket(&self, subject: &Subject) -> Option<PathBuf> {
        // A heeler that was killed leaves its own behind.
        let runs = subject.state(&self.survey.here).0 == State::Running;
        let socket =
            runs.then(|| control::place::socket(&self.survey.db, &subject.record.facts.run));
        // Whoever reads it may be elsewhere.
        socket
            .filter(|socket| socket.exists())
            .map(|socket| std::path::absolute(&socket).unwrap_or(socket))
    }

    /// A run as JSON has it at `now_ms`.
    pub(super) fn row(&self, subject: &Subject, now_ms: i64) -> RunRow {
        RunRow::of(subject, &self.survey.here, now_ms, self.socket(subject).as_deref())
    }

    fn give_up_store(&mut self, error: &StoreError, io: &mut Io<'_>) {
        io.say(error);
        io.say("what follows is from the lock files alone");
        self.store = None;
        self.damaged = true;
    }
}

/// Whether there can be records at `db`. The first run makes the directory that `HEELER_DB` names, so before that
/// nothing is wrong; what is named for one command alone is misspelt.
pub(super) fn check(named: Option<&PathBuf>, db: &Path) -> Result<(), StoreError> {
    place::check(db)?;
    place::check_readable(db)?;
    let lost = |parent: &Path| !parent.as_os_str().is_empty() && !parent.exists();
    match named.and_then(|named| named.parent()) {
        Some(parent) if lost(parent) => Err(StoreError::Missing { path: db.to_owned() }),
        _ => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "commands read the environment")]
pub(super) fn default_db() -> Option<PathBuf> {
    place::default_path(|name| std::env::var_os(name))
}

/// The runs that we are part of ourselves, from our own cookie.
#[expect(clippy::disallowed_methods, reason = "commands read the environment")]
pub(super) fn runs_around_us() -> Vec<String> {
    use std::os::unix::ffi::OsStrExt;
    std::env::var_os(COOKIE)
        .map(|value| cookie_runs(value.as_bytes()).map(str::to_owned).collect())
        .unwrap_or_default()
}

/// The run that `word` means; says what is wrong when there is not exactly one.
pub(super) fn find<'a>(
    word: &str,
    scene: &'a Scene,
    survey: &Survey,
    io: &mut Io<'_>,
) -> Option<&'a Subject> {
    match resolve(word, &scene.subjects, &survey.here) {
        Ok(subject) => Some(subject),
        Err(Unresolved::None) => {
            io.say(format_args!("no run '{word}' (heeler list --all shows all that are known)"));
            None
        }
        Err(Unresolved::Several(runs)) => {
            io.say(format_args!("'{word}' can mean {}: give more of the id", runs.join(", ")));
            None
        }
    }
}

/// Whether `subject` has all of `tags`.
pub(super) fn tagged(subject: &Subject, tags: &[(String, String)]) -> bool {
    tags.iter().all(|(key, value)| subject.record.facts.tags.get(key) == Some(value))
}

/// Prints `value` as one line of JSON. A failed write is the caller's exit code.
pub(super) fn print_json(io: &mut Io<'_>, value: &impl serde::Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    io.out.write_all(&text)
}

/// Tags as the command line has them.
pub(super) fn tags(tags: Vec<crate::cli::value::Tag>) -> Vec<(String, String)> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}
