//! The one place that touches stdout and stderr. Everything else is given a writer.
//!
//! A closed pipe is not an error here: `heeler list | head -1` is a use, not a failure. What the user cannot
//! read any more is not written, and the exit code says what it would have said.

use std::io::{self, IsTerminal, Write};
use std::os::fd::BorrowedFd;
use std::sync::Mutex;
use std::time::Duration;

use super::sink::Sink;
use crate::expect::mask::Mask;
use crate::sys::poll::{self, Want};
use crate::sys::signals::{Signals, asks_to_stop};
use crate::sys::{fdio, start, tty};

/// The secrets of the run: whatever is complained of has passed it, wherever it comes from.
static MASK: Mutex<Option<Mask>> = Mutex::new(None);

/// What was said, while nobody listens on stderr; absent where somebody does.
static KEPT: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// How much of it is kept, in bytes; the newest.
const MOST_KEPT: usize = 16 << 10;

/// What is said while nothing may wait for who reads stderr; absent where everything may.
static UNSAID: Mutex<Option<Unsaid>> = Mutex::new(None);

#[derive(Default)]
struct Unsaid {
    /// Keeps what has no room, from the first line on.
    sink: Option<Sink>,
    /// So many lines had none there either.
    lost: usize,
}

/// From here on nothing that is said holds up limits, signals or the end of a tree: what stderr does not take at once is
/// kept, at most so much as is kept elsewhere, until there is room ([`say_more`]) or the end ([`finish`]).
pub fn hold_nothing_up() {
    if let Ok(mut unsaid) = UNSAID.lock() {
        unsaid.get_or_insert_default();
    }
}

/// To poll for room while something is kept that was to be said.
pub fn unsaid() -> Option<BorrowedFd<'static>> {
    let unsaid = UNSAID.lock().ok()?;
    let kept = unsaid.as_ref()?.sink.as_ref()?.is_pending();
    kept.then(|| fdio::standard(2))
}

/// Says what was kept, as far as there is room.
pub fn say_more() {
    if let Ok(mut unsaid) = UNSAID.lock()
        && let Some(unsaid) = unsaid.as_mut()
        && let Some(sink) = &mut unsaid.sink
    {
        sink.flush();
        if unsaid.lost > 0 && !sink.is_pending() {
            let lost = std::mem::take(&mut unsaid.lost);
            sink.write(
                format!("heeler: {lost} more lines were to be said here, and had no room\n")
                    .as_bytes(),
            );
        }
    }
}

/// Waits until all is said, for so long, or until somebody asks for the end. Without a limit that is as long as it takes,
/// as for anybody who writes to a pipe.
pub fn finish(patience: Option<Duration>) {
    say_more();
    if unsaid().is_none() {
        return;
    }
    // They are blocked where something may be unsaid.
    let Ok(signals) = Signals::take() else { return };
    let until = patience.map(|patience| poll::now() + patience);
    let mut ready = Vec::new();
    while let Some(stderr) = unsaid() {
        let left = until.map(|until| until.saturating_duration_since(poll::now()));
        let wants = [(signals.fd(), Want::Read), (stderr, Want::Write)];
        let asked = || signals.read().iter().any(|received| asks_to_stop(received.signal));
        if left.is_some_and(|left| left.is_zero())
            || poll::poll(&wants, left, &mut ready).is_err()
            || asked()
        {
            // Once is enough.
            UNSAID.lock().ok().and_then(|mut unsaid| unsaid.take());
            return;
        }
        say_more();
    }
}

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
    if let Ok(mut unsaid) = UNSAID.lock()
        && let Some(unsaid) = unsaid.as_mut()
    {
        if unsaid.sink.is_none() {
            unsaid.sink = Sink::shared(fdio::standard(2), "stderr").ok();
        }
        match &mut unsaid.sink {
            Some(sink) if sink.kept() + line.len() <= MOST_KEPT => sink.write(line.as_bytes()),
            // Without a descriptor for it nothing can be kept, either.
            _ => unsaid.lost += 1,
        }
        return;
    }
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
