//! After the end of a run: what of its output nobody has consumed is still there to be expected.

use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::control::place;
use crate::control::protocol::Expect;
use crate::control::session::{Answer, Refused, Rest, Session};

/// Keeps the rest of a run's output.
pub fn keep(db: &Path, run: &str, rest: &Rest) -> io::Result<()> {
    let path = place::rest(db, run);
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    #[expect(clippy::disallowed_methods, reason = "a file of the control layer")]
    let mut file = options.open(&new)?;
    let kept = serde_json::to_vec(rest).map_err(io::Error::from);
    let kept = kept.and_then(|bytes| file.write_all(&bytes));
    // The umask may have left its owner less.
    let kept = kept.and_then(|()| file.set_permissions(PermissionsExt::from_mode(0o600)));
    kept.and_then(|()| std::fs::rename(&new, &path)).inspect_err(|_| {
        // Half of it is of no use.
        let _ = std::fs::remove_file(&new);
    })
}

/// What was kept; nothing when there is none.
pub fn kept(db: &Path, run: &str) -> io::Result<Option<Rest>> {
    #[expect(clippy::disallowed_methods, reason = "a file of the control layer")]
    match std::fs::read(place::rest(db, run)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Expects something of a run that is over.
pub fn expect(db: &Path, run: &str, rest: &Rest, expect: &Expect) -> Result<Answer, Refused> {
    let window = rest.streams.iter().flat_map(|stream| &stream.text);
    let window: usize = window.map(|(_, bytes)| bytes.as_bytes().len()).sum();
    let mut session = Session::after(rest, window.max(1));
    session.wait(Duration::ZERO, 0, expect)?;
    let answer = session.poll(Duration::ZERO).pop().map(|(_, answer)| answer);
    if let Some(Answer::Matched(_)) = &answer
        && !expect.peek
    {
        // Two that expect at once after the end both may see the same; nothing is lost by it.
        let _ = keep(db, run, &session.rest());
    }
    Ok(answer.unwrap_or(Answer::Ended(Vec::new())))
}
