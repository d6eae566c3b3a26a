//! The one place that touches stdout and stderr. Everything else is given a writer.
//!
//! A closed pipe is not an error here: `heeler list | head -1` is a use, not a failure. What the user cannot
//! read any more is not written, and the exit code says what it would have said.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;

use crate::expect::mask::Mask;
use crate::sys::{fdio, start, tty};

/// The secrets of the run: whatever is complained of has passed it, wherever it comes from.
static MASK: Mutex<Option<Mask>> = Mutex::new(None);

/// What was said, while nobody listens on stderr; absent where somebody does.
static KEPT: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// How much of it is kept, in bytes; the newest.
const MOST_KEPT: usize = 16 << 10;

/// What is complained of from here on is not said but kept for [`take_said`].
pub fn keep_said() {
    if let Ok(mut kept) = KEPT.lock() {
        *kept = Some(Vec::new());
    }
}

/// The lines that were kept; what is complained of from here on is said again.
pub fn take_said() -> Vec<String> {
    KEPT.lock().ok().and_then(|mut kept| kept.take()).unwrap_or_default()
}

/// Prints what was said elsewhere, line by line.
pub fn repeat(said: &[String]) {
    for line in said {
        say(escape(line));
    }
}

fn say(mut line: String) {
    if let Ok(mut kept) = KEPT.lock()
        && let Some(lines) = kept.as_mut()
    {
        lines.push(line);
        while lines.iter().map(String::len).sum::<usize>() > MOST_KEPT {
            lines.remove(0);
        }
        return;
    }
    // In one piece: others write there too. There is nobody to tell when it is closed. A terminal that is raw just
    // now stays so, for a person may be typing.
    let plain =
        tty::attributes(fdio::standard(2)).is_ok_and(|modes| !tty::processes_output(&modes));
    line.push_str(if plain { "\r\n" } else { "\n" });
    let _ = io::stderr().write_all(line.as_bytes());
}

/// What is said on stderr from here on has these secrets masked.
pub fn keep_secret(mask: &Mask) {
    if let Ok(mut kept) = MASK.lock() {
        *kept = Some(mask.clone());
    }
}

fn masked(text: &str) -> String {
    match MASK.lock().ok().and_then(|mask| mask.clone()) {
        Some(mask) => mask.text(text.as_bytes()),
        None => text.to_owned(),
    }
}

/// Where a command prints to, and how.
pub struct Io<'a> {
    /// The data.
    pub out: &'a mut dyn Write,
    /// What is said about it.
    pub err: &'a mut dyn Write,
    /// How `out` looks.
    pub style: Style,
}

/// How a writer is printed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether colours may be used.
    pub colour: bool,
    /// The width of the terminal; absent where it is not one, then nothing is shortened.
    pub width: Option<usize>,
}

impl Io<'_> {
    /// Says something on stderr, as `heeler: TEXT`, foreign characters escaped.
    pub fn say(&mut self, text: impl std::fmt::Display) {
        // In one piece: others write there too. There is nobody to tell when it is closed.
        let line = format!("heeler: {}\n", escape(&text.to_string()));
        let _ = self.err.write_all(line.as_bytes());
    }
}

/// Runs `body` with our own stdout and stderr. What it does matters, also where nobody reads what it says.
pub fn with_stdio<T>(body: impl FnOnce(&mut Io<'_>) -> T) -> T {
    with(false, body)
}

/// The same for what does nothing but print: a stdout that is closed fails as one that is full does.
pub fn printing<T>(body: impl FnOnce(&mut Io<'_>) -> T) -> T {
    with(start::stdout_was_closed(), body)
}

fn with<T>(closed: bool, body: impl FnOnce(&mut Io<'_>) -> T) -> T {
    let stdout = io::stdout();
    let terminal = stdout.is_terminal();
    let width = terminal
        .then(|| crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns)))
        .flatten()
        .filter(|&columns| columns > 0);
    let style = Style { colour: terminal && colours_wanted(), width };
    let mut out = Forgiving { inner: stdout.lock(), broken: false, closed };
    let mut err = Forgiving { inner: io::stderr().lock(), broken: false, closed: false };
    let value = body(&mut Io { out: &mut out, err: &mut err, style });
    // Already broken, or breaking now: no one reads it.
    let _ = out.flush();
    value
}

/// Prints `text` to stdout.
pub fn out(text: &str) -> io::Result<()> {
    printing(|io| io.out.write_all(text.as_bytes()).and_then(|()| io.out.flush()))
}

/// Says what went wrong, in one line on stderr.
pub fn complain(message: &str) {
    say(format!("heeler: {}", escape(&masked(message))));
}

/// A line that belongs to the complaint before it.
pub fn explain(line: &str) {
    say(format!("  {}", escape(&masked(line))));
}

/// <https://no-color.org>: present and not empty means no; so does a terminal that has none.
#[expect(clippy::disallowed_methods, reason = "whether to colour is the environment's word")]
fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
}

/// A writer that takes the end of its reader for the end of its task.
struct Forgiving<W> {
    inner: W,
    broken: bool,
    /// Nobody ever read it: what is under its number now is the null device.
    closed: bool,
}

impl<W: Write> Forgiving<W> {
    fn forgive<T>(&mut self, result: io::Result<T>, otherwise: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.broken = true;
                Ok(otherwise)
            }
            result => result,
        }
    }
}

impl<W: Write> Write for Forgiving<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Ok(bytes.len());
        }
        if self.closed {
            return Err(io::Error::other("it is closed"));
        }
        let result = self.inner.write(bytes);
        self.forgive(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.broken {
            return Ok(());
        }
        let result = self.inner.flush();
        self.forgive(result, ())
    }
}

/// `text` with everything escaped that could move the cursor, change the terminal, or make a line look like
/// another: controls of both sets, and the marks that reorder text.
pub fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                escaped.extend(c.escape_unicode());
            }
            c if c.is_control() => {
                let code = u32::from(c);
                // A string takes all that is written.
                let _ = write!(escaped, "\\x{code:02x}");
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_command_is_called_reaches_the_terminal_as_a_command() {
        assert_eq!(escape("a\u{1b}[2Jb\u{9b}c\n\t\r\u{7f}"), "a\\x1b[2Jb\\x9bc\\n\\t\\r\\x7f");
        assert_eq!(escape("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(escape("grüße 日本 \\"), "grüße 日本 \\");
    }

    #[test]
    fn a_reader_that_left_is_no_error_and_another_failure_is() {
        struct Fails(io::ErrorKind);
        impl Write for Fails {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut pipe =
            Forgiving { inner: Fails(io::ErrorKind::BrokenPipe), broken: false, closed: false };
        pipe.write_all(b"xyz").unwrap();
        assert!(pipe.broken);
        let mut disk =
            Forgiving { inner: Fails(io::ErrorKind::StorageFull), broken: false, closed: false };
        assert!(disk.write_all(b"xyz").is_err());
    }
}
