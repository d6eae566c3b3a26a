//! Opening the database: private, in the right journal mode, with the right schema.

use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{migrate, place};

/// Why the database cannot be used; each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or a file in it cannot be made.
    #[error(
        "cannot use {} for tracking: {source} (another place: --db PATH or HEELER_DB)",
        named(path)
    )]
    Place {
        /// What was tried.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The file is a directory.
    #[error("{0} is a directory, and --db and HEELER_DB name a file, such as {0}/heeler.db", path.display())]
    Directory {
        /// What it is called.
        path: PathBuf,
    },
    /// It was named, and is nowhere.
    #[error("there is no tracking database {}: its directory does not exist (--db)", path.display())]
    Missing {
        /// What it is called.
        path: PathBuf,
    },
    /// There is no home to put it in.
    #[error(
        "no place for the tracking database: neither XDG_STATE_HOME nor HOME is set (--db PATH or HEELER_DB names one)"
    )]
    NoPlace,
    /// The file is damaged, or no database at all.
    #[error("the tracking database {0} is damaged: move it away with its -wal and -shm files (mv {0} {0}.damaged) and heeler makes a new one", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
    /// The file is someone else's database.
    #[error("{} is a database of another program: choose another --db", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A newer heeler made it.
    #[error("the tracking database {} has schema {found}, this heeler writes {ours}: it is read, not written (upgrade heeler, or use another --db)", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i32,
        /// Ours.
        ours: i32,
    },
    /// Other processes kept it locked for longer than we wait.
    #[error("the tracking database {} is busy", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// It may only be read.
    #[error("the tracking database {} is read-only (another place: --db PATH or HEELER_DB)", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// No room.
    #[error("no room for the tracking database {} (free some, or --db PATH elsewhere)", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that SQLite says.
    #[error("the tracking database {}: {source}", path.display())]
    Sql {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// What is beside the database was not named by anybody: the database was.
fn named(path: &Path) -> String {
    let shown = path.display();
    match place::database_of(path) {
        Some(db) => format!("{} ({shown})", db.display()),
        None => shown.to_string(),
    }
}

impl StoreError {
    /// SQLite's error on `path`, in our words where someone decides on it.
    pub(super) fn sql(path: &Path, source: rusqlite::Error) -> StoreError {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt { path }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
            Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { path },
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            _ => StoreError::Sql { path, source },
        }
    }
}

/// The database, open. One connection a process, never used across a fork (closing any descriptor of the
/// file drops the process's locks on it: POSIX).
#[derive(Debug)]
pub struct Store {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
    writable: bool,
}

impl Store {
    /// Opens the database for writing; makes it, and the directory it is in, when it is not there. `busy` is
    /// how long each statement waits for other processes.
    pub fn open(path: &Path, busy: Duration) -> Result<Store, StoreError> {
        let sql = |error| StoreError::sql(path, error);
        place::check(path)?;
        make(path)?;
        let mut conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy).map_err(sql)?;
        // Before anything is changed: it may be somebody else's.
        let mut version = check(&conn, path)?;
        set_journal(&conn, path).map_err(sql)?;
        if version < migrate::CURRENT {
            version = migrate::migrate(&mut conn).map_err(sql)?;
            // Into the file with it, where a short run looks ([`looks_fine`]).
            let _ = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
        if version > migrate::CURRENT {
            return Err(newer(path, version));
        }
        Ok(Store { conn, path: path.to_owned(), writable: true })
    }

    /// Opens a database that is there, for `list` and its kin: for writing where that is possible, else for
    /// reading (read-only directory, newer schema). Nothing when there is none.
    pub fn open_existing(path: &Path, busy: Duration) -> Result<Option<Store>, StoreError> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::Place { path: path.to_owned(), source }),
            Ok(_) => place::check(path)?,
        }
        match Store::open(path, busy) {
            Ok(store) => return Ok(Some(store)),
            Err(
                StoreError::Newer { .. } | StoreError::ReadOnly { .. } | StoreError::Place { .. },
            ) => {}
            // SQLite's word for a log that it may not make beside the file.
            Err(StoreError::Sql { source, .. })
                if source.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {}
            Err(error) => return Err(error),
        }
        Store::open_reading(path, busy).map(Some)
    }

    fn open_reading(path: &Path, busy: Duration) -> Result<Store, StoreError> {
        let sql = |error| StoreError::sql(path, error);
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let conn = match connect(path, read_only, busy).and_then(|conn| {
            migrate::version(&conn)?;
            Ok(conn)
        }) {
            Ok(conn) => conn,
            // A write-ahead log wants a shared-memory file beside it even for reading. Where that cannot be
            // made nobody else can be writing either, so the file may be taken as it stands.
            Err(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
                ) =>
            {
                connect(&immutable(path), read_only | OpenFlags::SQLITE_OPEN_URI, busy)
                    .map_err(sql)?
            }
            Err(error) => return Err(sql(error)),
        };
        check(&conn, path)?;
        Ok(Store { conn, path: path.to_owned(), writable: false })
    }

    /// Whether it may be written.
    pub fn writable(&self) -> bool {
        self.writable
    }

    /// The schema it has, when that is newer than what this heeler writes.
    pub fn newer(&self) -> Option<StoreError> {
        let found = migrate::version(&self.conn).ok()?;
        (found > migrate::CURRENT).then(|| newer(&self.path, found))
    }

    /// Its journal mode, `wal` or `truncate`, for `doctor`.
    pub fn journal_mode(&self) -> Result<String, StoreError> {
        journal_mode(&self.conn).map_err(|error| StoreError::sql(&self.path, error))
    }

    /// Changes how long each statement waits for other processes.
    pub(super) fn set_busy(&self, busy: Duration) {
        // It cannot fail: it sets a number in the connection.
        let _ = self.conn.busy_timeout(busy);
    }

    /// Copies the log into the file and empties it, when it has grown: that waits for the disk. Where others
    /// are at it, the next one who comes does it.
    ///
    /// Not left to SQLite: its own copying leaves the log to be reused by the next writer, but that one is a
    /// new process, which finds no trace of the copying when it was alone (the shared memory is made anew),
    /// appends, and copies everything again.
    pub(super) fn tidy_log(&self) {
        let log = std::fs::metadata(place::suffixed(&self.path, "-wal"));
        if log.is_ok_and(|meta| meta.len() > LOG_BYTES) {
            self.set_busy(Duration::ZERO);
            // Busy, or out of room: nothing is lost, the log is as good as the file.
            let _ = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
    }

    /// Looks through the whole file. Slow; for `doctor`.
    pub fn check_integrity(&self) -> Result<(), StoreError> {
        let sql = |error| StoreError::sql(&self.path, error);
        let answer: String =
            self.conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sql)?;
        if answer == "ok" { Ok(()) } else { Err(StoreError::Corrupt { path: self.path.clone() }) }
    }
}

/// Whether the file's first bytes are those of a database that we can write: for a run that leaves its row
/// to others, so that it does not rely on a file that is damaged, foreign or read-only. Not to be called while
/// this process has it open: closing it drops the locks (POSIX).
pub(super) fn looks_fine(path: &Path) -> bool {
    use std::os::unix::fs::FileExt;
    let mut header = [0; 100];
    #[expect(clippy::disallowed_methods, reason = "the store owns its files")]
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path);
    // https://www.sqlite.org/fileformat.html#the_database_header
    let number = |header: &[u8; 100], at| {
        header.get(at..at + 4).and_then(|b| b.try_into().ok()).map(i32::from_be_bytes)
    };
    file.is_ok_and(|file| file.read_exact_at(&mut header, 0).is_ok())
        && header.starts_with(b"SQLite format 3\0")
        && number(&header, 60) == Some(migrate::CURRENT)
        && number(&header, 68) == Some(migrate::APPLICATION_ID)
}

fn newer(path: &Path, found: i32) -> StoreError {
    StoreError::Newer { path: path.to_owned(), found, ours: migrate::CURRENT }
}

/// How long the log may grow before it is copied into the file. A lone opener reads all of it (measured: 2 us
/// a page), and a run writes nine pages, so a long log makes every run slow and a short one makes some wait
/// for the disk (measured: 7 ms). At 250 pages each costs a third of a millisecond a run.
const LOG_BYTES: u64 = 250 * 4096;

fn connect(path: &Path, flags: OpenFlags, busy: Duration) -> rusqlite::Result<Connection> {
    // One thread a connection, so SQLite needs no mutex; NOFOLLOW is left out, a state directory may be a link.
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(busy)?;
    // Without this the last one to close copies the log into the file and waits for the disk: every short run
    // would pay for it; nor does a write in the middle of a run (`Store::tidy_log` does it at the end of some).
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // Off: nothing that a damaged or doctored schema defines is run.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true)?;
    Ok(conn)
}

fn journal_mode(conn: &Connection) -> rusqlite::Result<String> {
    conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))
}

/// A write-ahead log where memory can be shared, a rollback journal elsewhere. Set only when it differs: the
/// mode is kept in the file, and setting it takes a lock.
fn set_journal(conn: &Connection, path: &Path) -> rusqlite::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A file system that will not say what it is counts as remote: slower, never wrong.
    let local = matches!(crate::sys::fs::remote(dir), Ok(None));
    let (wanted, synchronous) = if local { ("wal", "NORMAL") } else { ("truncate", "FULL") };
    if journal_mode(conn)? != wanted {
        conn.query_row(&format!("PRAGMA journal_mode={wanted}"), [], |_| Ok(()))?;
    }
    conn.pragma_update(None, "synchronous", synchronous)
}

/// The schema version, when the file is ours at all.
fn check(conn: &Connection, path: &Path) -> Result<i32, StoreError> {
    // In one transaction: between two of these answers another heeler may migrate the file.
    let look = || -> rusqlite::Result<(i32, i32, bool)> {
        let tx = conn.unchecked_transaction()?;
        Ok((
            migrate::version(&tx)?,
            tx.query_row("PRAGMA application_id", [], |row| row.get(0))?,
            tx.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?,
        ))
    };
    let (version, application, empty) = look().map_err(|error| StoreError::sql(path, error))?;
    let ours =
        application == migrate::APPLICATION_ID || (application == 0 && version == 0 && empty);
    if ours { Ok(version) } else { Err(StoreError::NotOurs { path: path.to_owned() }) }
}

/// `path` as a URI that tells SQLite that nobody writes the file.
fn immutable(path: &Path) -> PathBuf {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt;
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02x}");
        }
    }
    uri.push_str("?immutable=1");
    PathBuf::from(uri)
}

/// Makes the database where there is none: mode 0600, and SQLite gives its log the same.
///
/// It is made whole under another name and renamed. Of two who ask for the write-ahead log of one file at
/// once SQLite refuses one without a wait: each reads, and would wait for the other to stop. And were it opened
/// under its own name, closing it would drop the locks that another connection of this process may have on it.
fn make(path: &Path) -> Result<(), StoreError> {
    let cannot = |source| StoreError::Place { path: path.to_owned(), source };
    if path.try_exists().map_err(cannot)? {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        place::make_dirs(dir).map_err(cannot)?;
    }
    let mut nonce = [0; 4];
    crate::sys::ids::random(&mut nonce).map_err(cannot)?;
    let temporary = place::suffixed(path, &format!(".{:08x}", u32::from_ne_bytes(nonce)));
    let made = fill(path, &temporary)
        .and_then(|()| crate::sys::fs::rename_new(&temporary, path).map_err(cannot));
    if made.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    // Somebody else may have been quicker.
    if path.try_exists().unwrap_or(false) { Ok(()) } else { made }
}

/// Makes what is to be the database `path` at `temporary`. It is on the disk before it has its name: half a database
/// would be a damaged one.
fn fill(path: &Path, temporary: &Path) -> Result<(), StoreError> {
    let cannot = |source| StoreError::Place { path: path.to_owned(), source };
    #[expect(clippy::disallowed_methods, reason = "the store owns its files")]
    let open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary);
    // The umask may leave its owner less.
    open.and_then(|file| file.set_permissions(PermissionsExt::from_mode(0o600))).map_err(cannot)?;
    let write = || {
        let mut conn = connect(temporary, OpenFlags::SQLITE_OPEN_READ_WRITE, Duration::ZERO)?;
        // Nobody else sees it yet: a failure leaves nothing to be taken back.
        conn.pragma_update(None, "synchronous", "OFF")?;
        conn.query_row("PRAGMA journal_mode=MEMORY", [], |_| Ok(()))?;
        migrate::migrate(&mut conn)?;
        set_journal(&conn, temporary)?;
        conn.close().map_err(|(_, error)| error)
    };
    write().map_err(|error| StoreError::sql(path, error))?;
    #[expect(clippy::disallowed_methods, reason = "the store owns its files")]
    std::fs::File::open(temporary).and_then(|file| file.sync_data()).map_err(cannot)
}
