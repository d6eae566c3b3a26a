//! Writes the report: whole or not at all.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use crate::config::plan::ReportTo;
use crate::report::model::Report;
use crate::sys::{fdio, ids};

/// Writes `report` as one line. The error says where and why.
pub fn write(report: &Report, to: &ReportTo) -> Result<(), String> {
    let mut line = json(report);
    line.push('\n');
    let (place, result) = match to {
        ReportTo::Stdout => ("--report -".to_owned(), all(fdio::standard(1), line.as_bytes())),
        ReportTo::Fd(fd) => (
            format!("--report-fd {fd}"),
            fdio::inherited(*fd).and_then(|fd| all(fd.as_fd(), line.as_bytes())),
        ),
        ReportTo::File(path) => {
            (format!("--report {}", path.display()), file(path, line.as_bytes()))
        }
    };
    result.map_err(|error| format!("cannot write the report to {place}: {error}"))
}

/// The report as one line of JSON, without the line end.
pub fn json(report: &Report) -> String {
    // Strings, numbers and enums without data: nothing in it can fail to serialise.
    serde_json::to_string(report).unwrap_or_default()
}

/// A regular file, or one that is not there yet, is replaced by a complete one; anything else (a FIFO, a
/// device, `/dev/termination-log`, a file in a directory that we may not write) is written to.
fn file(path: &Path, line: &[u8]) -> io::Result<()> {
    let meta = std::fs::metadata(path);
    let regular = meta.as_ref().map_or(true, std::fs::Metadata::is_file);
    if regular {
        match replace(path, line) {
            Ok(()) => return Ok(()),
            // No better in place, and then it would be there in part.
            Err(error) if is_full(&error) => return Err(error),
            Err(_) => {}
        }
    }
    let fd = fdio::create(path)?;
    // A FIFO or terminal may be slow; the command is long over, so waiting harms nobody.
    fdio::set_nonblocking(fd.as_fd(), false)?;
    all(fd.as_fd(), line)
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull)
}

fn replace(path: &Path, line: &[u8]) -> io::Result<()> {
    // A link is followed: the file it names is replaced, not the link.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::IsADirectory)?);
    name.push(format!(".{}.tmp", ids::pid()));
    let temporary = path.with_file_name(name);
    let written = (|| {
        let mut file = std::fs::File::from(fdio::create(&temporary)?);
        file.write_all(line)?;
        if let Ok(old) = std::fs::metadata(&path) {
            file.set_permissions(old.permissions())?;
        }
        std::fs::rename(&temporary, &path)
    })();
    if let Err(error) = &written {
        let _ = std::fs::remove_file(&temporary);
        // What is there is of another run, and would be taken for this one's.
        if is_full(error) {
            let _ = std::fs::remove_file(&path);
        }
    }
    written
}

fn all(fd: std::os::fd::BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    use crate::sys::poll::{Want, poll};
    let mut ready = Vec::new();
    while !bytes.is_empty() {
        match fdio::write(fd, bytes)? {
            Some(count) => bytes = &bytes[count..],
            // Someone else made it non-blocking.
            None => poll(&[(fd, Want::Write)], None, &mut ready)?,
        }
    }
    Ok(())
}
