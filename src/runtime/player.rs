//! Plays a recording on our terminal: the recorded output at the recorded times, and a few keys.
//!
//! While it plays, our terminal is raw where keys can be read from it, and restored on every way out; what
//! the recording left switched on in it (the other screen, the mouse, a hidden cursor) is switched off.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::terminal::RawMode;
use crate::expect::tape::{Fact, Tape, What};
use crate::expect::view::modes::Modes;
use crate::sys::poll::{self, Want};
use crate::sys::signals::{self, Signals};
use crate::sys::{crash, fdio, tty};

/// How a recording was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// At its end, or by `q`.
    Ended,
    /// By this signal, or the key that means it.
    Signal(i32),
}

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Pause,
    Step,
    Stop,
    Quit(Left),
}

/// Everything at once, for a file, a pipe, or who cannot wait.
pub fn print(tape: &Tape, out: &mut dyn Write) -> io::Result<()> {
    for bytes in tape.output() {
        out.write_all(bytes)?;
    }
    out.flush()
}

/// Plays it on our terminal, `speed` times as fast.
pub fn play(tape: &Tape, speed: f64, out: &mut dyn Write) -> io::Result<Left> {
    let signals = Signals::take()?;
    let raw = tty::is_terminal(fdio::standard(0)).then(RawMode::enter).flatten();
    let mut player = Player {
        facts: &tape.facts,
        next: 0,
        speed,
        position: Duration::ZERO,
        running_since: Some(poll::now()),
        crlf: raw.is_some() && !tape.terminal,
        modes: Modes::default(),
        out,
    };
    let left = player.run(&signals, raw.as_ref());
    let restore = player.modes.restore();
    let restored = player.out.write_all(&restore).and_then(|()| player.out.flush());
    let left = left?;
    restored?;
    Ok(left)
}

struct Player<'a> {
    facts: &'a [Fact],
    next: usize,
    speed: f64,
    /// Where in the recording it was at the last change of pace.
    position: Duration,
    /// Since when it runs from there; nothing while it is paused.
    running_since: Option<Instant>,
    /// A terminal in raw mode makes no CR of its own.
    crlf: bool,
    modes: Modes,
    out: &'a mut dyn Write,
}

impl Player<'_> {
    fn run(&mut self, signals: &Signals, raw: Option<&RawMode>) -> io::Result<Left> {
        let stdin = fdio::standard(0);
        let mut keys = raw.is_some();
        let mut ready = Vec::new();
        loop {
            self.show_due()?;
            let Some(fact) = self.facts.get(self.next) else { return Ok(Left::Ended) };
            let left = self.running_since.map(|_| self.scaled(fact.at.saturating_sub(self.here())));
            let mut wants = vec![(signals.fd(), Want::Read)];
            if keys {
                wants.push((stdin, Want::Read));
            }
            poll::poll(&wants, left, &mut ready)?;
            let mut asked = Vec::new();
            for received in signals.read() {
                match received.signal {
                    signals::INT | signals::TERM | signals::HUP | signals::QUIT => {
                        return Ok(Left::Signal(received.signal));
                    }
                    signals::TSTP => asked.push(Key::Stop),
                    _ => {}
                }
            }
            if ready.get(1).is_some_and(|ready| ready.ready) {
                let mut buffer = [0; 64];
                match fdio::read(stdin, &mut buffer) {
                    Ok(Some(count)) if count > 0 => asked.extend(pressed(&buffer[..count])),
                    Ok(None) => {}
                    // Nobody can press a key any more: it plays to its end, paused or not.
                    Ok(Some(_)) | Err(_) => {
                        keys = false;
                        self.running_since.get_or_insert_with(poll::now);
                    }
                }
            }
            for key in asked {
                match key {
                    Key::Quit(left) => return Ok(left),
                    Key::Pause => self.toggle(),
                    Key::Step => self.step()?,
                    Key::Stop => self.stop(raw),
                }
            }
        }
    }

    /// Where in the recording it is now.
    fn here(&self) -> Duration {
        let Some(since) = self.running_since else { return self.position };
        let ran = poll::now().saturating_duration_since(since).as_secs_f64() * self.speed;
        // What does not fit is beyond every recording.
        let ran = Duration::try_from_secs_f64(ran).unwrap_or(Duration::MAX);
        self.position.saturating_add(ran)
    }

    /// How long a stretch of the recording takes.
    fn scaled(&self, length: Duration) -> Duration {
        Duration::try_from_secs_f64(length.as_secs_f64() / self.speed).unwrap_or(Duration::MAX)
    }

    fn show_due(&mut self) -> io::Result<()> {
        let here = self.here();
        let from = self.next;
        while self.facts.get(self.next).is_some_and(|fact| fact.at <= here) {
            self.show()?;
        }
        if self.next > from { self.out.flush() } else { Ok(()) }
    }

    /// The next fact; says whether it was output.
    fn show(&mut self) -> io::Result<bool> {
        let facts = self.facts;
        let Some(fact) = facts.get(self.next) else { return Ok(false) };
        self.next += 1;
        let What::Output(bytes) = &fact.what else { return Ok(false) };
        self.modes.push(bytes);
        crash::set_farewell(&self.modes.restore());
        if self.crlf {
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                match line.strip_suffix(b"\n") {
                    Some(text) => {
                        self.out.write_all(text)?;
                        self.out.write_all(b"\r\n")?;
                    }
                    None => self.out.write_all(line)?,
                }
            }
        } else {
            self.out.write_all(bytes)?;
        }
        Ok(true)
    }

    fn toggle(&mut self) {
        self.position = self.here();
        self.running_since = match self.running_since {
            Some(_) => None,
            None => Some(poll::now()),
        };
    }

    /// The next piece of output, while it is paused.
    fn step(&mut self) -> io::Result<()> {
        if self.running_since.is_some() {
            return Ok(());
        }
        while self.next < self.facts.len() {
            self.position = self.position.max(self.facts[self.next].at);
            if self.show()? {
                break;
            }
        }
        self.out.flush()
    }

    /// Ctrl-Z.
    fn stop(&mut self, raw: Option<&RawMode>) {
        let running = self.running_since.is_some();
        self.position = self.here();
        if let Some(raw) = raw {
            raw.suspend();
        }
        signals::stop_self();
        if let Some(raw) = raw {
            raw.resume();
        }
        self.running_since = running.then(poll::now);
    }
}

/// The keys in what was read. An escape sequence, such as a terminal's answer to a question that the
/// recording asks it, is none.
fn pressed(bytes: &[u8]) -> Vec<Key> {
    if bytes.first() == Some(&0x1b) {
        return Vec::new();
    }
    let key = |byte: &u8| match byte {
        b' ' => Some(Key::Pause),
        b'.' => Some(Key::Step),
        b'q' | b'Q' => Some(Key::Quit(Left::Ended)),
        0x03 => Some(Key::Quit(Left::Signal(signals::INT))),
        0x1c => Some(Key::Quit(Left::Signal(signals::QUIT))),
        0x1a => Some(Key::Stop),
        _ => None,
    };
    bytes.iter().filter_map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_the_terminal_are_no_keys() {
        assert_eq!(pressed(b"\x1bP>|xq(1) .\x1b\\"), []);
        assert_eq!(pressed(b" .x"), [Key::Pause, Key::Step]);
        assert_eq!(pressed(b"\x03"), [Key::Quit(Left::Signal(signals::INT))]);
    }
}
