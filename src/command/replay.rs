//! `heeler replay CAST`.

use std::io::{self, Read, Write};
use std::path::Path;

use crate::cli::{self, error::printable};
use crate::config::reason;
use crate::report::cast::{self, Cast, read::limit_idle};
use crate::report::output;
use crate::runtime::player::{self, Left};
use crate::sys::{fdio, signals, start, tty};

/// Plays a recording, or prints it.
pub fn run(args: &cli::Replay) -> i32 {
    let mut cast = match load(&args.cast) {
        Ok(cast) => cast,
        Err(message) => return super::fail(&message),
    };
    if let Some(limit) = args.idle_limit.or(cast.idle_limit).filter(|limit| !limit.is_zero()) {
        limit_idle(&mut cast.tape.facts, limit);
    }
    if start::stdout_was_closed() {
        return super::fail("cannot write to stdout: it is closed");
    }
    let mut out = io::stdout().lock();
    let done = if args.instant || !tty::is_terminal(fdio::standard(1)) {
        player::print(&cast.tape, &mut out).map(|()| Left::Ended)
    } else {
        warn_of_size(cast.tape.size);
        player::play(&cast.tape, args.speed, &mut out)
    };
    drop(out);
    match done {
        Ok(Left::Ended) => 0,
        Ok(Left::Signal(signal)) => {
            // So that a shell's loop stops too. As PID 1 the signal has no effect.
            signals::die_of(signal);
            128 + signal
        }
        // `heeler replay x | head` is a use, not a failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => super::fail(&format!("cannot write to stdout: {error}")),
    }
}

/// Reads a recording; `-` is stdin. An error names the file, and the line where there is one.
pub(super) fn load(path: &Path) -> Result<Cast, String> {
    let shown = path.display().to_string();
    let shown = printable(&shown);
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        read_file(path, &mut bytes)
    };
    read.map_err(|error| format!("cannot read the recording {shown}: {}", reason(&error)))?;
    cast::read(&bytes).map_err(|error| format!("{shown}: {error}"))
}

#[expect(clippy::disallowed_methods, reason = "the recording that was named")]
fn read_file(path: &Path, bytes: &mut Vec<u8>) -> io::Result<()> {
    *bytes = std::fs::read(path)?;
    Ok(())
}

/// A smaller terminal shows something else than was recorded.
fn warn_of_size((columns, rows): (u16, u16)) {
    let Some((own_columns, own_rows)) = tty::size(fdio::standard(1)) else { return };
    if own_columns < columns || own_rows < rows {
        output::complain(&format!(
            "the recording is {columns}x{rows}, and this terminal only {own_columns}x{own_rows}"
        ));
        let _ = io::stderr().flush();
    }
}
