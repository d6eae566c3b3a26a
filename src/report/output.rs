//! The only place that writes to our own stdout and stderr, outside of what passes through from a command.

use std::io::{self, Write};

/// Writes to stdout. A reader that has gone away (`heeler man | head`) is no error.
pub fn out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Says what went wrong, in one line. Where stderr is gone there is nobody to tell.
pub fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "heeler: {message}");
}

/// A line that belongs to the complaint before it.
pub fn explain(line: &str) {
    let _ = writeln!(io::stderr(), "  {line}");
}

/// Foreign text, safe for a terminal: control characters are shown, not obeyed.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\t' { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    safe
}
