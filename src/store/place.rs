//! Where the database is, and the private directories it needs.
//!
//! Everything that belongs to a database has its name as a prefix, as SQLite's own `-wal` and `-shm` have:
//! the lock files are in `<database>-runs/`, so that two databases in one directory stay apart.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::sys::fs;

/// Ends the name of the directory of the lock files.
const RUNS: &str = "-runs";

/// The environment variable that names the database.
pub const DB_VAR: &str = "HEELER_DB";

/// The database when no `--db` is given: `$HEELER_DB`, else the platform's place for state; nothing when no
/// home can be found (CI with `HOME=/nonexistent` has one, and fails later, in the open). `var` reads the
/// environment.
pub fn default_path(var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set(DB_VAR) {
        return Some(path);
    }
    Some(fs::state_dir(set)?.join("heeler").join("heeler.db"))
}

/// The directory of the lock files of `db`.
pub fn runs_dir(db: &Path) -> PathBuf {
    suffixed(db, RUNS)
}

/// The database that a directory of lock files belongs to.
pub fn database_of(runs: &Path) -> Option<PathBuf> {
    Some(PathBuf::from(OsStr::from_bytes(
        runs.as_os_str().as_bytes().strip_suffix(RUNS.as_bytes())?,
    )))
}

/// A directory is no database, and what belongs to it would be made beside it.
pub fn check(db: &Path) -> Result<(), StoreError> {
    if db.is_dir() { Err(StoreError::Directory { path: db.to_owned() }) } else { Ok(()) }
}

/// Whether the records at `db` can be read at all: those of another user cannot.
pub fn check_readable(db: &Path) -> Result<(), StoreError> {
    match std::fs::read_dir(runs_dir(db)) {
        Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
            let theirs = db.metadata().is_ok_and(|found| found.uid() != crate::sys::ids::uid());
            let source = if theirs { another_users() } else { source };
            Err(StoreError::Place { path: db.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn another_users() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user")
}

/// `db` with `suffix` at the end of its name.
pub fn suffixed(db: &Path, suffix: &str) -> PathBuf {
    let mut name = db.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes `dir` with mode 0700, parents included. One that exists has to be ours and a real directory: in a
/// directory that everyone may write, someone else could have been there first.
pub fn private_dir(dir: &Path) -> io::Result<()> {
    match make_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return make_dirs(dir),
        result => return result,
    }
    let meta = std::fs::symlink_metadata(dir)?;
    if !meta.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory"));
    }
    if meta.uid() != crate::sys::ids::uid() {
        return Err(another_users());
    }
    if meta.mode() & 0o022 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others may write into it (chmod go-w)",
        ));
    }
    Ok(())
}

/// Makes `dir` and its missing parents with mode 0700; what exists is left as it is.
pub fn make_dirs(dir: &Path) -> io::Result<()> {
    let made = match make_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
            make_dirs(parent.ok_or(error)?)?;
            make_dir(dir)
        }
        result => result,
    };
    match made {
        Err(_) if dir.is_dir() => Ok(()),
        result => result,
    }
}

/// With mode 0700 also where the umask leaves its owner less.
fn make_dir(dir: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(dir)?;
    std::fs::set_permissions(dir, PermissionsExt::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    type Vars<'a> = &'a [(&'a str, &'a str)];

    fn place(vars: Vars<'_>) -> Option<PathBuf> {
        default_path(|name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_first_that_is_set_wins() {
        let home = ("HOME", "/h");
        let table: &[(Vars<'_>, Option<&str>)] = &[
            (&[("HEELER_DB", "x.db"), ("XDG_STATE_HOME", "/s"), home], Some("x.db")),
            (&[("HEELER_DB", ""), ("XDG_STATE_HOME", "/s"), home], Some("/s/heeler/heeler.db")),
            (&[("XDG_STATE_HOME", "s"), home], Some("/h/.local/state/heeler/heeler.db")),
            (&[home], Some("/h/.local/state/heeler/heeler.db")),
            (&[("HOME", "")], None),
            (&[], None),
        ];
        for (vars, expected) in table {
            assert_eq!(place(vars), expected.map(PathBuf::from), "{vars:?}");
        }
    }

    #[test]
    fn private_means_ours_and_closed_to_others() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("a/b");
        private_dir(&dir).unwrap();
        private_dir(&dir).unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o777)).unwrap();
        assert!(private_dir(&dir).is_err(), "others may write into it");
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(temp.path(), &link).unwrap();
        assert!(private_dir(&link).is_err(), "a link is not followed");
    }

    #[test]
    fn lock_files_have_the_databases_name() {
        let db = PathBuf::from("/s/heeler.db");
        assert_eq!(runs_dir(&db), PathBuf::from("/s/heeler.db-runs"));
        assert_eq!(database_of(&runs_dir(&db)), Some(db));
        assert_eq!(database_of(Path::new("/s/heeler.db")), None);
    }
}
