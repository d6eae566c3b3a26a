//! `heeler list --watch`: the list as a live table. Drawn once a second, on a key and on another size.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::list::{self, ListArgs};
use crate::cli::{
    Db,
    detached::{Attach, Target},
};
use crate::control::client::{Connection, attach};
use crate::control::protocol::{Ended, Reply, Request, Status};
use crate::expect::mask::Mask;
use crate::report::live::{Live, LiveRow, Wish, keys};
use crate::report::output::{self, Io, Style};
use crate::report::runs::RunRow;
use crate::report::table::shell_words;
use crate::runtime::fault;
use crate::runtime::helper::{Helper, Wanted};
use crate::runtime::terminal::{RawMode, stop_until};
use crate::sys::poll::{self, Want};
use crate::sys::signals::{self, Received, Signals};
use crate::sys::{crash, fdio, tty};

/// How often it looks by itself.
const PERIOD: Duration = Duration::from_secs(1);

/// How long a run has to say how it is: one that is stopped says nothing.
const ANSWER: Duration = Duration::from_millis(100);

/// How long it waits at a socket where as many wait already as may: they do at one that has been stopped for long.
const CONNECT: Duration = Duration::from_millis(1);

/// The other screen, and our own back.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[2J";
const LEAVE: &[u8] = b"\x1b[m\x1b[?25h\x1b[?1049l";

/// How it was left.
enum Left {
    Quit,
    Signal(i32),
    /// Not begun: our terminal is somebody else's just now.
    Refused,
}

/// Shows the table until it is left.
pub fn run(args: &ListArgs) -> i32 {
    if ![0, 1].into_iter().all(|fd| tty::is_terminal(fdio::standard(fd))) {
        return super::fail(
            "--watch draws on a terminal, and stdin or stdout is none; heeler list --json is for programs",
        );
    }
    match watch(args) {
        Ok(Left::Quit) => 0,
        Ok(Left::Signal(signal)) => {
            // So that a shell's loop stops too. As PID 1 the signal has no effect.
            signals::die_of(signal);
            128 + signal
        }
        Ok(Left::Refused) => super::fail("--watch needs the foreground of its terminal"),
        Err(error) => super::fail(&format!("cannot draw on the terminal: {error}")),
    }
}

fn watch(args: &ListArgs) -> io::Result<Left> {
    let signals = Signals::take()?;
    let Some(terminal) = Terminal::enter() else {
        return Ok(Left::Refused);
    };
    let colour = output::with_stdio(|io| io.style.colour);
    let mut watch = Watch { args, signals, terminal, live: Live::default(), colour, helper: None };
    let left = watch.run();
    if let Some(helper) = watch.helper.take() {
        helper.end();
    }
    left
}

/// Our terminal, drawn on. Everything is put back when it goes out of scope, and on a fatal signal.
struct Terminal {
    raw: RawMode,
}

impl Terminal {
    fn enter() -> Option<Terminal> {
        let terminal = Terminal { raw: RawMode::enter()? };
        terminal.resume().then_some(terminal)
    }

    fn write(bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    fn suspend(&self) {
        if !self.raw.is_raw() {
            return;
        }
        // Nobody is there to see a failure.
        let _ = Terminal::write(LEAVE);
        crash::set_farewell(b"");
        self.raw.suspend();
    }

    /// As [`RawMode::resume`].
    fn resume(&self) -> bool {
        let over = self.raw.resume();
        if self.raw.is_raw() {
            crash::set_farewell(LEAVE);
            // A failure will show when there is something to draw.
            let _ = Terminal::write(ENTER);
        }
        over
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.suspend();
    }
}

struct Watch<'a> {
    args: &'a ListArgs,
    signals: Signals,
    terminal: Terminal,
    live: Live,
    colour: bool,
    /// Someone is being stopped or reaped.
    helper: Option<Helper>,
}

impl Watch<'_> {
    fn run(&mut self) -> io::Result<Left> {
        let mut due = self.look();
        let mut ready = Vec::new();
        loop {
            let size = tty::size(fdio::standard(1)).unwrap_or((80, 24));
            Terminal::write(&self.live.draw(size, self.colour))?;
            fault::point("watch");
            let stdin = fdio::standard(0);
            let mut wants = vec![(self.signals.fd(), Want::Read), (stdin, Want::Read)];
            wants.extend(self.helper.as_ref().map(|helper| (helper.pidfd(), Want::Read)));
            let output = self.helper.as_ref().and_then(Helper::stdout);
            wants.extend(output.map(|stdout| (stdout, Want::Read)));
            let left = due.saturating_duration_since(poll::now());
            poll::poll(&wants, Some(left), &mut ready)?;
            let mut wishes = Vec::new();
            for received in self.signals.read() {
                match received.signal {
                    signals::TSTP => wishes.push(Wish::Suspend),
                    signal if signals::asks_to_stop(signal) => return Ok(Left::Signal(signal)),
                    _ => {}
                }
            }
            if ready[1].ready {
                let mut buffer = [0; 256];
                match fdio::read(stdin, &mut buffer)? {
                    None => {}
                    // The terminal is gone.
                    Some(0) => return Ok(Left::Quit),
                    Some(count) => {
                        let pressed = keys(&buffer[..count]).into_iter();
                        wishes.extend(pressed.filter_map(|key| self.live.key(key)));
                    }
                }
            }
            self.look_at_helper();
            for wish in wishes {
                match wish {
                    Wish::Quit => return Ok(Left::Quit),
                    Wish::Interrupt => return Ok(Left::Signal(signals::INT)),
                    Wish::Suspend => {
                        if let Some(left) = self.stop() {
                            return Ok(left);
                        }
                    }
                    Wish::Refresh => due = poll::now(),
                    Wish::Attach(run) => {
                        if let Some(left) = self.attach(&run) {
                            return Ok(left);
                        }
                    }
                    Wish::Stop(run) | Wish::Reap(run) => self.reap(&run),
                }
            }
            if poll::now() >= due {
                due = self.look();
            }
        }
    }

    /// What there is now; gives when to look again.
    fn look(&mut self) -> Instant {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, style: Style::default() };
        match list::rows(self.args, &mut io) {
            Ok((rows, _)) => {
                let rows = live_rows(&rows);
                self.live.set_rows(rows);
            }
            Err(error) => self.live.say(&error.to_string()),
        }
        if let Some(line) = String::from_utf8_lossy(&err).lines().next() {
            self.live.say(line);
        }
        poll::now() + PERIOD
    }

    /// Gives our terminal away, until it is left again.
    fn attach(&mut self, run: &str) -> Option<Left> {
        self.terminal.suspend();
        output::keep_said();
        let target = Target { run: run.to_owned(), db: Db { db: self.args.db.clone() } };
        let detach_keys = crate::expect::detach::DEFAULT.to_owned();
        let left = super::detached::attach::try_run(&Attach {
            target,
            detach_keys,
            read_only: false,
            size_from: None,
            until: None,
        });
        let said = output::take_said();
        match left {
            // Ctrl-C, where the run has no terminal that it would be a key of.
            Ok(attach::Left::Signal(signals::INT)) => {}
            Ok(attach::Left::Signal(signal)) => return Some(Left::Signal(signal)),
            _ => {}
        }
        if !self.terminal.resume()
            && let Some(left) = self.stop()
        {
            return Some(left);
        }
        let why = said.iter().find_map(|line| line.strip_prefix("heeler: "));
        self.live.say(&match (left, why) {
            (Ok(attach::Left::Ended(_)) | Err(_), Some(why)) => format!("{run}: {why}"),
            (Ok(attach::Left::Ended(Ended { exit_code: Some(code), .. })), None) => {
                format!("{run} ended with exit code {code}")
            }
            (Ok(attach::Left::Ended(_)), None) => format!("{run} has ended"),
            (Err(_), None) => format!("could not attach to {run}"),
            (Ok(_), _) => format!("back from {run}, which goes on"),
        });
        self.look();
        None
    }

    /// Ctrl-Z. Nothing is drawn for whoever asks for the end: the terminal may be the shell's.
    fn stop(&mut self) -> Option<Left> {
        self.terminal.suspend();
        stop_until(&self.signals, || self.terminal.resume());
        let asked = |received: &Received| signals::asks_to_stop(received.signal);
        let asked = self.signals.read().into_iter().find(asked);
        asked.map(|received| Left::Signal(received.signal))
    }

    /// `heeler reap RUN`, beside us: a run may take its time to end.
    fn reap(&mut self, run: &str) {
        if self.helper.is_some() {
            return self.live.say("one after the other: the last one is still being ended");
        }
        let mut argv = vec![OsString::from("/proc/self/exe"), "reap".into(), run.into()];
        if let Some(db) = &self.args.db {
            argv.extend(["--db".into(), db.clone().into_os_string()]);
        }
        let argv: Vec<Vec<u8>> = argv.into_iter().map(OsString::into_vec).collect();
        let mask = Mask::default();
        let inherited = self.signals.inherited();
        let wanted = Wanted {
            argv: &argv,
            env: Vec::new(),
            capture: true,
            merge: true,
            mask: &mask,
            inherited,
        };
        match Helper::start(&wanted) {
            Ok(helper) => self.helper = Some(helper),
            Err(why) => self.live.say(&why),
        }
    }

    fn look_at_helper(&mut self) {
        let Some(helper) = &mut self.helper else { return };
        let Some(end) = helper.ended() else { return helper.read() };
        if let Some(helper) = self.helper.take() {
            helper.end();
        }
        let text = String::from_utf8_lossy(&end.stdout);
        if let Some(line) = text.lines().last() {
            self.live.say(line);
        }
        self.look();
    }
}

/// The rows, with what the heelers of detached runs say. All are asked before the first is listened to: those
/// that are stopped cost the time of one.
fn live_rows(rows: &[RunRow]) -> Vec<LiveRow> {
    let ask = |row: &RunRow| {
        let socket = Path::new(row.socket.as_ref()?);
        let mut connection = Connection::open_within(socket, CONNECT).ok()?;
        connection.put(&Request::Status).ok().map(|()| connection)
    };
    let asked: Vec<_> = rows.iter().map(ask).collect();
    let until = poll::now() + ANSWER;
    let listen = |mut connection: Connection| match connection.answer_by(until) {
        Ok(Reply::Status(status)) => Some(status),
        _ => None,
    };
    rows.iter().zip(asked).map(|(row, asked)| live_row(row, asked.and_then(listen))).collect()
}

fn live_row(row: &RunRow, status: Option<Status>) -> LiveRow {
    LiveRow {
        run: row.run.clone(),
        name: row.name.clone().unwrap_or_default(),
        state: row.state,
        age_ms: row.age_ms,
        silent_ms: status.as_ref().map(|status| status.silent_ms as i64),
        last: status.and_then(|status| status.last_line),
        command: shell_words(&row.command),
        detached: row.socket.is_some(),
    }
}
