//! A client that is attached: our terminal, or whatever our descriptors are, for the run's.
//!
//! The heeler of the run answers what programs ask their terminal, so questions are not shown here: several
//! terminals would answer at once, and one that is left in that moment into its user's shell. On every way
//! out what the output left switched on in our terminal is switched off, and its modes are put back.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use super::{Connection, Failed};
use crate::control::protocol::{
    Attach, Ended, Expect, Frame, MAX_FRAME, On, Reply, Request, View, encode_size, line,
};
use crate::core::size::SizeFrom;
use crate::expect::detach::DetachKeys;
use crate::expect::view::modes::Modes;
use crate::expect::view::query::Unasked;
use crate::report::sink::Sink;
use crate::runtime::fault;
use crate::runtime::terminal::{RawMode, stop_until};
use crate::sys::poll::{self, Want};
use crate::sys::signals::{self, Signals};
use crate::sys::{crash, fdio, names, socket, tty};

/// How much input is kept for a run that does not read; then ours is not read either.
const UNSENT: usize = 64 << 10;

/// How long our own terminal has to take the last bytes.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The run's socket.
    pub socket: PathBuf,
    /// The keys that leave it, as bytes.
    pub keys: Vec<u8>,
    /// Only to look on.
    pub read_only: bool,
    /// By whom the size is given, where that is to change.
    pub size_from: Option<SizeFrom>,
    /// Leave it when this comes.
    pub until: Option<String>,
    /// What a person is told whose terminal gives a run lines, because that has none.
    pub lines: Option<String>,
    /// The run is ours: what asks us to stop asks it. Only the end of our terminal leaves it running.
    pub ours: bool,
}

/// How it was left.
#[derive(Debug)]
pub enum Left {
    /// By the keys, or our terminal is gone. The run goes on.
    Detached,
    /// What was waited for has come. The run goes on.
    Until,
    /// The run has ended.
    Ended(Ended),
    /// Nobody listens any more, and nobody said why.
    Gone,
    /// We were asked to end. The run goes on.
    Signal(i32),
}

/// Attaches, until it is left.
pub fn attach(wanted: &Wanted) -> Result<Left, Failed> {
    let signals = Signals::take()?;
    stay(wanted, &signals, None)
}

/// Stays attached until it is left: on a connection to a run that has just begun, of whose output all is
/// shown, else on a new one.
pub fn stay(wanted: &Wanted, signals: &Signals, first: Option<Connection>) -> Result<Left, Failed> {
    let mut ours = Ours::open(wanted)?;
    let left = match ours.connect(wanted, first) {
        Ok(mut line) => ours.run(wanted, signals, &mut line),
        Err(error) => Err(error),
    };
    if let Ok(Left::Ended(ended)) = &left
        && wanted.ours
        && ended.outcome.as_deref() == Some("exited")
    {
        // What a command leaves on at its own end it leaves on purpose, for all that a shell would know.
        ours.modes = Modes::default();
    }
    ours.leave();
    if !matches!(left, Ok(Left::Ended(_))) {
        ours.new_line();
    }
    left
}

/// The connection, and what is under way on it.
struct Line {
    connection: Connection,
    /// Waits for [`Wanted::until`].
    until: Option<Connection>,
    received: Vec<u8>,
    unsent: Vec<u8>,
}

/// Our side.
struct Ours {
    stdin: Option<OwnedFd>,
    stdout: Sink,
    stderr: Sink,
    /// Where stdin is a terminal.
    raw: Option<RawMode>,
    /// The run has a terminal too: all keys are its.
    whole: bool,
    /// Whether the cursor is at the beginning of a line, as far as we know.
    at_line_start: bool,
    /// Whether stdout is a terminal.
    shows: bool,
    keys: DetachKeys,
    unasked: Unasked,
    modes: Modes,
    read_only: bool,
    /// The end of stdin is one of what is typed: that of the null device, which CI and cron give, is of nothing.
    ends: bool,
}

impl Ours {
    fn open(wanted: &Wanted) -> io::Result<Ours> {
        let kind = fdio::kind(fdio::standard(0))?;
        Ok(Ours {
            stdin: Some(fdio::own_input()?),
            stdout: Sink::shared(fdio::standard(1), "stdout")?.enlarged(),
            stderr: Sink::shared(fdio::standard(2), "stderr")?.enlarged(),
            raw: None,
            whole: false,
            at_line_start: true,
            shows: tty::is_terminal(fdio::standard(1)),
            keys: DetachKeys::new(wanted.keys.clone()),
            unasked: Unasked::default(),
            modes: Modes::default(),
            read_only: wanted.read_only,
            ends: kind != fdio::FdKind::Device,
        })
    }

    /// Attaches, and shows what there is.
    fn connect(&mut self, wanted: &Wanted, first: Option<Connection>) -> Result<Line, Failed> {
        let size = tty::size(fdio::standard(1)).filter(|_| self.shows);
        let since = first.as_ref().map(|_| 0);
        let mut connection = match first {
            Some(connection) => connection,
            None => Connection::open(&wanted.socket)?,
        };
        let request = Request::Attach(Attach {
            size,
            size_from: wanted.size_from,
            read_only: wanted.read_only,
            since,
        });
        let Reply::Attached { terminal, offset, screen, .. } = connection.ask(&request)? else {
            return Err(Failed::Nonsense("no answer to attach".to_owned()));
        };
        let until = wanted.until.as_ref().map(|pattern| wait_for(wanted, pattern, offset));
        let until = until.transpose()?;
        if self.raw.is_none() && tty::is_terminal(fdio::standard(0)) {
            self.whole = terminal;
            self.raw = self.take_terminal(wanted)?;
            if let (Some(told), false) = (&wanted.lines, self.whole) {
                self.stderr.write(format!("heeler: {told}\n").as_bytes());
            }
        }
        if let (Some(screen), true) = (screen, self.shows) {
            // What our terminal shows moves up and out of the way, rather than being painted over.
            let rows = usize::from(size.map_or(24, |(_, rows)| rows));
            let mut out = format!("\x1b[{rows};1H").into_bytes();
            out.extend(std::iter::repeat_n(b'\n', rows));
            self.stdout.write(&out);
            self.show(screen.as_bytes());
        }
        let received = connection.take_rest();
        Ok(Line { connection, until, received, unsent: Vec::new() })
    }

    /// All keys, for a run that has a terminal; for one that has pipes lines, until the detach keys.
    fn take_terminal(&mut self, wanted: &Wanted) -> io::Result<Option<RawMode>> {
        let guard = match wanted.keys.last() {
            _ if self.whole => RawMode::enter(),
            Some(key) if key.is_ascii_control() => RawMode::lines_until(*key),
            _ => return Ok(None),
        };
        let background = "we are in the background of our terminal (fg brings us back)";
        guard.map(Some).ok_or_else(|| io::Error::other(background))
    }

    fn show(&mut self, bytes: &[u8]) {
        self.at_line_start = bytes.last().map_or(self.at_line_start, |last| *last == b'\n');
        if self.shows {
            let mut out = Vec::with_capacity(bytes.len());
            self.unasked.push(bytes, &mut out);
            self.modes.push(&out);
            if self.raw.is_some() {
                crash::set_farewell(&self.modes.restore());
            }
            self.stdout.write(&out);
        } else {
            self.stdout.write(bytes);
        }
        fault::point("attach");
    }

    fn run(&mut self, wanted: &Wanted, signals: &Signals, line: &mut Line) -> Result<Left, Failed> {
        let mut set = poll::Set::default();
        loop {
            if let Some(left) = self.take_frames(line)? {
                return Ok(left);
            }
            if self.stdout.take_failure().is_some() {
                return Ok(Left::Detached);
            }
            set.clear();
            set.add(signals.fd(), Want::Read);
            // Output that our terminal does not take is not asked for.
            let stalled = self.stdout.is_pending() || self.stderr.is_pending();
            let heard = line.until.as_ref().unwrap_or(&line.connection);
            for connection in [&line.connection, heard] {
                let fd = if stalled { signals.fd() } else { connection.fd() };
                set.add(fd, Want::Read);
            }
            let mut next = 3;
            let mut add = |fd, want, wish: bool| {
                wish.then(|| {
                    set.add(fd, want);
                    next += 1;
                    next - 1
                })
            };
            let sends = add(line.connection.fd(), Want::Write, !line.unsent.is_empty());
            let shows = add(self.stdout.fd(), Want::Write, self.stdout.is_pending());
            let tells = add(self.stderr.fd(), Want::Write, self.stderr.is_pending());
            let takes = line.unsent.len() < UNSENT && !self.is_away();
            let reads = self.stdin.as_ref().filter(|_| takes);
            let reads = reads.and_then(|stdin| add(stdin.as_fd(), Want::Read, true));
            set.wait(None)?;
            let is = |index: Option<usize>| index.is_some_and(|index| set.ready(index).ready);
            if is(shows) {
                self.stdout.flush();
            }
            if is(tells) {
                self.stderr.flush();
            }
            let mut anew = false;
            for received in signals.read() {
                match received.signal {
                    signals::WINCH => {
                        if let Some(size) = tty::size(fdio::standard(1)).filter(|_| self.shows) {
                            Frame::Resize.encode(&encode_size(size), &mut line.unsent);
                        }
                    }
                    signals::TSTP => {
                        if let Some(left) = self.suspend(wanted, signals, line)? {
                            return Ok(left);
                        }
                        anew = true;
                    }
                    signal if !signals::asks_to_stop(signal) => {}
                    signal if wanted.ours && signal != signals::HUP => stop(signal, line)?,
                    signal => return Ok(Left::Signal(signal)),
                }
            }
            // What was ready was another connection.
            if anew {
                continue;
            }
            if is(reads)
                && let Some(left) = self.read(&mut line.unsent)
            {
                leave(line);
                return Ok(left);
            }
            if is(sends) || !line.unsent.is_empty() {
                line.connection.flush(&mut line.unsent);
            }
            if set.ready(1).ready && !stalled && !receive_more(line)? {
                return Ok(self.take_frames(line)?.unwrap_or(Left::Gone));
            }
            if line.until.is_some() && set.ready(2).ready && !stalled {
                return self.until(line);
            }
        }
    }

    /// What the run has sent.
    fn take_frames(&mut self, line: &mut Line) -> Result<Option<Left>, Failed> {
        let received = std::mem::take(&mut line.received);
        let mut rest = received.as_slice();
        let mut left = None;
        while let Some((frame, content, taken)) =
            Frame::decode(rest).map_err(|error| Failed::Nonsense(error.to_string()))?
        {
            match frame {
                Some(Frame::Output | Frame::Stderr | Frame::Lost) if self.is_away() => {}
                Some(Frame::Output) => self.show(content),
                Some(Frame::Stderr) => self.stderr.write(content),
                // What follows draws everything anew.
                Some(Frame::Lost) if self.shows => {
                    self.put_back();
                    // A sequence may be cut in two.
                    self.stdout.write(b"\x18\x1b(B\x0f");
                }
                Some(Frame::Ended) => {
                    let ended = serde_json::from_slice(content);
                    left = Some(Left::Ended(
                        ended.map_err(|error| Failed::Nonsense(error.to_string()))?,
                    ));
                }
                _ => {}
            }
            rest = &rest[taken..];
        }
        line.received = rest.to_vec();
        Ok(left)
    }

    /// What was typed; says when it leaves.
    fn read(&mut self, unsent: &mut Vec<u8>) -> Option<Left> {
        let mut buffer = zeroize::Zeroizing::new(vec![0; MAX_FRAME]);
        let stdin = self.stdin.as_ref()?;
        let count = match fdio::read(stdin.as_fd(), &mut buffer[..]) {
            Ok(None) => return None,
            Ok(Some(count)) => count,
            Err(_) => 0,
        };
        if count == 0 {
            self.stdin = None;
            if self.raw.is_some() && self.whole {
                return Some(Left::Detached);
            }
            if !self.read_only && self.ends {
                Frame::Eof.encode(b"", unsent);
            }
            return None;
        }
        let mut typed = zeroize::Zeroizing::new(Vec::with_capacity(count));
        let left = self.keys.push(&buffer[..count], &mut typed).map(|_| Left::Detached);
        // What is typed in lines is echoed by our own terminal.
        if !self.whole {
            self.at_line_start = buffer[..count].ends_with(b"\n");
        }
        if !self.read_only && !typed.is_empty() {
            for part in typed.chunks(MAX_FRAME) {
                Frame::Input.encode(part, unsent);
            }
        }
        left
    }

    /// What was waited for has come, or cannot any more.
    fn until(&mut self, line: &mut Line) -> Result<Left, Failed> {
        let Some(mut until) = line.until.take() else { return Ok(Left::Until) };
        match until.reply()? {
            Reply::Matched(_) => {
                // All of it is on its way to us already.
                let mut ready = Vec::new();
                loop {
                    poll::poll(
                        &[(line.connection.fd(), Want::Read)],
                        Some(Duration::ZERO),
                        &mut ready,
                    )?;
                    if !ready[0].ready || !receive_more(line)? {
                        break;
                    }
                }
                Ok(self.take_frames(line)?.unwrap_or(Left::Until))
            }
            Reply::Ended(ended) => Ok(Left::Ended(ended)),
            other => Err(Failed::Nonsense(format!("{other:?}"))),
        }
    }

    /// Ctrl-Z from outside: in between we are not attached, so that the run does not wait for us.
    fn suspend(
        &mut self,
        wanted: &Wanted,
        signals: &Signals,
        line: &mut Line,
    ) -> Result<Option<Left>, Failed> {
        self.leave();
        stop_until(signals, || self.raw.as_ref().is_none_or(RawMode::resume));
        // The shell began a line of its own.
        self.at_line_start = true;
        if !self.is_away() {
            *line = self.connect(wanted, None)?;
        } else if !signals.has_request() {
            return Ok(Some(Left::Detached));
        }
        Ok(None)
    }

    /// Our terminal is the shell's, as somebody asked for the end of who was stopped, or is gone: it is not written to,
    /// nor read.
    fn is_away(&self) -> bool {
        self.raw.as_ref().is_some_and(|raw| !raw.is_raw())
    }

    /// Switches off what the output has left on.
    fn put_back(&mut self) {
        let out = std::mem::take(&mut self.modes).restore();
        self.unasked = Unasked::default();
        self.stdout.write(&out);
    }

    /// What is said now is not about the line that the run has begun.
    fn new_line(&mut self) {
        if self.shows && self.raw.is_some() && !self.at_line_start {
            self.stdout.write(b"\n");
            self.stdout.flush();
        }
    }

    /// Our terminal as it was.
    fn leave(&mut self) {
        if self.shows && self.raw.is_some() {
            // There the cursor goes back to where it was on ours.
            self.at_line_start |= self.modes.other_screen();
            self.put_back();
        }
        let until = poll::now() + LAST_WORD;
        for sink in [&mut self.stdout, &mut self.stderr] {
            while sink.is_pending() {
                let left = until.saturating_duration_since(poll::now());
                let mut ready = Vec::new();
                let waited = poll::poll(&[(sink.fd(), Want::Write)], Some(left), &mut ready);
                if waited.is_err() || left.is_zero() || sink.take_failure().is_some() {
                    break;
                }
                sink.flush();
            }
        }
        if let Some(raw) = &self.raw {
            raw.suspend();
        }
    }
}

/// Asks for the end of the run, as this signal would.
fn stop(signal: i32, line: &mut Line) -> Result<(), Failed> {
    let request = Request::Stop { signal: Some(names::signal_name(signal)) };
    let request =
        serde_json::to_vec(&request).map_err(|error| Failed::Nonsense(error.to_string()))?;
    Frame::Ask.encode(&request, &mut line.unsent);
    Ok(())
}

/// Another connection, on which the run says when the pattern comes.
fn wait_for(wanted: &Wanted, pattern: &str, since: u64) -> Result<Connection, Failed> {
    let mut connection = Connection::open(&wanted.socket)?;
    connection.ask(&Request::Status)?;
    let on =
        On { label: String::new(), pattern: pattern.to_owned(), view: View::Text, stream: None };
    let expect = Expect { on: vec![on], since: Some(since), peek: true, limit_ms: None };
    connection.write(&line(&Request::Expect(expect)))?;
    Ok(connection)
}

/// Hangs up. What was typed before the keys is for the run, which has a moment to take it and to let us go: who
/// asks it next finds us gone.
fn leave(line: &mut Line) {
    let until = poll::now() + LAST_WORD;
    let mut ready = Vec::new();
    let mut hung_up = false;
    loop {
        line.connection.flush(&mut line.unsent);
        if line.unsent.is_empty() && !std::mem::replace(&mut hung_up, true) {
            socket::hang_up(line.connection.fd());
        }
        let want = if hung_up { Want::Read } else { Want::Write };
        let left = until.saturating_duration_since(poll::now());
        if left.is_zero()
            || poll::poll(&[(line.connection.fd(), want)], Some(left), &mut ready).is_err()
            || (hung_up && ready[0].ready && !matches!(line.connection.read(), Ok(true)))
        {
            return;
        }
        line.connection.take_rest();
    }
}

/// Reads once more; false at the end.
fn receive_more(line: &mut Line) -> Result<bool, Failed> {
    let more = line.connection.read()?;
    line.received.extend(line.connection.take_rest());
    Ok(more)
}
