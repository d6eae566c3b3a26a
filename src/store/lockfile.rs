//! Lock files: one a run, `<run>.lock`, made before the spawn and locked (flock) for as long as heeler lives.
//!
//! Its content is JSON lines: the run's facts, then a line for each leader, then one for the end. A line is
//! one write; a reader takes the lines that are complete. So nothing is ever rewritten, and a reader that
//! comes in the middle sees the state of a moment ago.
//!
//! A run that ends leaves its file with everything in it, report included ([`Finish`]), for whoever is at the
//! database next (`ingest`); a short one never opens the database. Measured: a tenth of the time.
//!
//! On a disk that is full by then, the end without the report has its place in the block that the file has anyway;
//! a run that lasts keeps room for both ([`LockFile::reserve`]).
//!
//! The lock belongs to the open file, which is closed at exec: the command does not inherit it (between fork
//! and exec it does, for some microseconds). Readers ask with a *shared* lock, so that two of them do not
//! take each other for a heeler.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::write::AttemptEndRow;
use super::{id, place};
use crate::core::identity::Sighting;
use crate::core::record::{End, Leader, Record, RunFacts};
use crate::sys::spawn::Piece;

const SUFFIX: &str = ".lock";

/// More than this is not a lock file of ours (an argument list is at most 2 MiB by default on Linux, and
/// JSON escapes at worst six bytes for one).
const MAX: u64 = 16 << 20;

/// Room that is kept for the end: of most runs with their report, which has up to 4 KiB of each stream.
const ROOM: u64 = 16 << 10;

/// A line after the first.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Leader(Leader),
    End {
        #[serde(flatten)]
        end: End,
        #[serde(default)]
        sightings: Vec<Sighting>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finish: Option<Finish>,
    },
}

/// What the database is owed of a run that has ended, beside its [`Record`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// None where there was no room for them.
    pub(super) attempts: Vec<(Leader, Option<AttemptEndRow>)>,
    /// The report as JSON, masked; absent where there was no room for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// The lock file of our own run. The lock goes with it; the file stays unless [`LockFile::remove`] is called.
#[derive(Debug)]
pub struct LockFile {
    file: File,
    path: PathBuf,
}

impl LockFile {
    /// Makes and locks the file of `facts.run` beside `db`.
    ///
    /// It gets its name only when it is locked and filled: under its own name from the start, a `reap` could
    /// find it not yet locked and take it for one that a dead heeler left.
    pub fn create(db: &Path, facts: &RunFacts) -> io::Result<LockFile> {
        let dir = place::runs_dir(db);
        let path = dir.join(format!("{}{SUFFIX}", facts.run));
        let temporary = dir.join(format!("{}.new", facts.run));
        let open = || {
            #[expect(clippy::disallowed_methods, reason = "the store owns its lock files")]
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&temporary)
        };
        place::private_dir(&dir)?;
        let mut file = open()?;
        let filled = (|| {
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::from(io::ErrorKind::WouldBlock));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            file.write_all(&line(facts)?)?;
            // It fails where the name is taken, so two runs never share an id.
            crate::sys::fs::rename_new(&temporary, &path)
        })();
        if let Err(error) = filled {
            let _ = std::fs::remove_file(&temporary);
            return Err(error);
        }
        Ok(LockFile { file, path })
    }

    /// Adds the leader of an attempt.
    pub fn leader(&mut self, leader: &Leader) -> io::Result<()> {
        self.file.write_all(&line(&Line::Leader(leader.clone()))?)
    }

    /// For a leader to write its own line to ([`leader_pieces`]).
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Adds the end, who was left, and what the database is owed.
    pub fn end(
        &mut self,
        end: &End,
        sightings: &[Sighting],
        finish: Option<Finish>,
    ) -> io::Result<()> {
        let sightings = sightings.to_vec();
        let mut text = line(&Line::End { end: end.clone(), sightings, finish })?;
        // A leader that wrote to a full disk may have left half a line.
        text.insert(0, b'\n');
        self.file.write_all(&text)
    }

    /// Keeps room for the end, in case the disk fills up.
    pub fn reserve(&self) {
        // Where that cannot be had, there is what the file has.
        let _ = crate::sys::fs::reserve(&self.file, ROOM);
    }

    /// Adds the end where there was no room for all of what [`LockFile::end`] adds: of that which the database is
    /// owed as much as there is room for, without the report.
    pub fn short_end(&mut self, end: &End, owed: Option<Finish>) -> io::Result<()> {
        let mut text = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let shortest = owed.as_ref().map(|_| Finish { attempts: Vec::new(), report: None });
        let short = owed.map(|owed| Finish { report: None, ..owed });
        let over = text.len() - whole;
        let write = |finish| {
            let mut text =
                serde_json::to_vec(&Line::End { end: end.clone(), sightings: Vec::new(), finish })?;
            // Over all that the disk took of the longer one: cut off, its room would be lost.
            text.resize(text.len().max(over.saturating_sub(1)), b' ');
            text.push(b'\n');
            self.file.write_all_at(&text, whole as u64)
        };
        write(short).or_else(|_| write(shortest))
    }

    /// Whether it still has its name: what is written to one that was removed nobody reads.
    pub fn is_there(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.nlink() > 0)
    }

    /// Removes the file, then gives up the lock: nobody ever sees it unlocked.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    Ok(text)
}

/// The line of a leader that does not exist yet: its number, start and inode are left for itself to fill in.
/// The process id of `leader` is ignored, and so are the group and session where they are the same.
pub fn leader_pieces(leader: &Leader) -> io::Result<Vec<Piece>> {
    // Numbers that nothing else in the line can be.
    const PID: i32 = i32::MIN;
    const TICKS: u64 = u64::MAX;
    const INODE: u64 = u64::MAX - 1;
    let own = |number| if number == leader.seen.pid { PID } else { number };
    let seen = Sighting { pid: PID, start_ticks: Some(TICKS), pidfs_ino: Some(INODE) };
    let leader = Leader { seen, pgid: own(leader.pgid), sid: own(leader.sid), ..leader.clone() };
    let text = line(&Line::Leader(leader))?;
    let blanks = [
        (format!(":{PID}"), Piece::Pid),
        (format!(":{TICKS}"), Piece::StartTicks),
        (format!(":{INODE}"), Piece::Inode),
    ];
    let mut pieces = vec![Piece::Text(Vec::new())];
    let mut rest = text.as_slice();
    while let Some(first) = rest.first() {
        let blank = blanks.iter().find(|(blank, _)| rest.starts_with(blank.as_bytes()));
        let Some(Piece::Text(text)) = pieces.last_mut() else { break };
        text.push(*first);
        match blank {
            Some((blank, piece)) => {
                rest = &rest[blank.len()..];
                pieces.extend([piece.clone(), Piece::Text(Vec::new())]);
            }
            None => rest = &rest[1..],
        }
    }
    Ok(pieces)
}

/// The leader that a line is about; nothing for other lines.
pub fn parse_leader(line: &[u8]) -> Option<Leader> {
    match serde_json::from_slice(line) {
        Ok(Line::Leader(leader)) => Some(leader),
        Ok(Line::End { .. }) | Err(_) => None,
    }
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A living heeler.
    Yes,
    /// Nobody.
    No,
    /// It could not be asked: no such file, or a file system without locks.
    Unknown,
}

/// A lock file that was found.
#[derive(Debug)]
pub struct Found {
    /// The run, from the file's name.
    pub run: String,
    /// Who holds it.
    pub held: Held,
    /// What is in it; nothing when that could not be read.
    pub record: Option<Record>,
    /// What the database is owed, once the run has ended.
    pub finish: Option<Finish>,
}

/// Every lock file beside `db`, in the order of their names; none when there is no directory.
pub fn scan(db: &Path) -> io::Result<Vec<Found>> {
    // One that has gone since is a run that ended just now.
    Ok(names(db)?.iter().filter_map(|run| look(db, run)).collect())
}

/// At most `limit` of those that the database is owed, in the order of their names from `from` on and then from
/// the first. At most twice as many files are read for it: living runs owe nothing yet, and those whose heeler was killed
/// never will, but their files stay.
pub(super) fn scan_owed(db: &Path, from: &str, limit: usize) -> io::Result<Vec<Found>> {
    let mut runs = names(db)?;
    let first = runs.partition_point(|run| run.as_str() < from);
    runs.rotate_left(first);
    let found = runs.iter().take(limit.saturating_mul(2)).filter_map(|run| look(db, run));
    Ok(found.filter(|found| found.finish.is_some()).take(limit).collect())
}

/// The runs that have lock files, sorted.
fn names(db: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(place::runs_dir(db)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut runs = Vec::new();
    for entry in entries {
        if let Some(run) = entry?.file_name().to_str().and_then(|name| name.strip_suffix(SUFFIX))
            && id::is_run_id(run)
        {
            runs.push(run.to_owned());
        }
    }
    runs.sort();
    Ok(runs)
}

/// The lock file of one run; nothing when there is none.
pub fn look(db: &Path, run: &str) -> Option<Found> {
    let path = place::runs_dir(db).join(format!("{run}{SUFFIX}"));
    let file = match open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(_) => {
            let run = run.to_owned();
            return Some(Found { run, held: Held::Unknown, record: None, finish: None });
        }
    };
    // Asked first: the end is written before the lock is given up, so a free one has all of it. What is read
    // of a held one is the state of a moment later.
    let held = match file.try_lock_shared() {
        Ok(()) => Held::No,
        Err(TryLockError::WouldBlock) => Held::Yes,
        Err(TryLockError::Error(_)) => Held::Unknown,
    };
    let mut text = Vec::new();
    let read = (&file).take(MAX).read_to_end(&mut text).ok();
    let (record, finish) = read.and_then(|_| parse(&text)).unzip();
    Some(Found { run: run.to_owned(), held, record, finish: finish.flatten() })
}

/// Opens a lock file to be read. It was made with mode 0600, less what the umask of its heeler took from it: asking for
/// more there would be a call in every run.
fn open(path: &Path) -> io::Result<File> {
    let closed = |meta: std::fs::Metadata| {
        meta.is_file() && meta.uid() == crate::sys::ids::uid() && meta.mode() & 0o600 != 0o600
    };
    #[expect(clippy::disallowed_methods, reason = "the store owns its lock files")]
    let open = || File::open(path);
    match open() {
        Err(error)
            if error.kind() == io::ErrorKind::PermissionDenied
                && std::fs::symlink_metadata(path).is_ok_and(closed) =>
        {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))?;
            open()
        }
        result => result,
    }
}

/// Removes the lock file of a run that is over, unless a heeler holds it or the database is owed what is in
/// it.
pub fn remove_stale(db: &Path, run: &str) -> io::Result<()> {
    let stale = |found: Found| found.held == Held::No && found.finish.is_none();
    if look(db, run).is_some_and(stale) { remove(db, run) } else { Ok(()) }
}

/// Removes the lock file of a run of which everything is in the database.
pub(super) fn remove(db: &Path, run: &str) -> io::Result<()> {
    match std::fs::remove_file(place::runs_dir(db).join(format!("{run}{SUFFIX}"))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes files of runs whose heeler was killed before they had their name, when they are older than `age`:
/// a younger one may be about to get it.
pub fn remove_unborn(db: &Path, age: std::time::Duration) -> io::Result<()> {
    for entry in std::fs::read_dir(place::runs_dir(db))? {
        let path = entry?.path();
        let unborn = path.file_stem().and_then(|stem| stem.to_str()).is_some_and(id::is_run_id)
            && path.extension().is_some_and(|extension| extension == "new");
        let modified = || std::fs::metadata(&path).and_then(|meta| meta.modified());
        // A clock that was set back makes it young for longer.
        let old = || modified().is_ok_and(|at| at.elapsed().is_ok_and(|elapsed| elapsed >= age));
        if unborn && old() {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn parse(text: &[u8]) -> Option<(Record, Option<Finish>)> {
    let mut lines = text.split_inclusive(|&b| b == b'\n').filter(|line| line.ends_with(b"\n"));
    let facts: RunFacts = serde_json::from_slice(lines.next()?).ok()?;
    let mut record = Record { facts, leaders: Vec::new(), sightings: Vec::new(), end: None };
    let mut finish = None;
    for line in lines {
        match serde_json::from_slice(line) {
            Ok(Line::Leader(leader)) => record.leaders.push(leader),
            Ok(Line::End { end, sightings, finish: owed }) => {
                record.end = Some(end);
                record.sightings = sightings;
                finish = owed;
            }
            // A kind of line that a newer heeler writes, or half a line.
            Err(_) => {}
        }
    }
    if let Some(finish) = finish.as_ref().filter(|finish| !finish.attempts.is_empty()) {
        record.leaders = finish.attempts.iter().map(|(leader, _)| leader.clone()).collect();
    }
    Some((record, finish))
}
