//! Writing asciicast version 2.
//!
//! Text has to be UTF-8, so a character that is cut by a read is kept for the next one, and bytes that are
//! none become U+FFFD.

use std::time::Duration;

use serde_json::json;

use crate::report::text::{self, Lossy};

/// The first line of a recording.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// Columns, rows.
    pub size: (u16, u16),
    /// When it began, in Unix seconds.
    pub started: u64,
    /// The command, for people; secrets masked.
    pub command: &'a str,
    /// The name of its terminal.
    pub term: &'a str,
    /// It has pipes and no terminal.
    pub pipe: bool,
}

impl Header<'_> {
    /// As a line.
    pub fn line(&self) -> Vec<u8> {
        let mut header = json!({
            "version": 2,
            "width": self.size.0,
            "height": self.size.1,
            "timestamp": self.started,
            "command": self.command,
        });
        if !self.term.is_empty() {
            header["env"] = json!({ "TERM": self.term });
        }
        if self.pipe {
            header["heeler"] = json!({ "mode": "pipe" });
        }
        line(&header)
    }
}

/// Encodes one stream: the output of one descriptor, or the input.
#[derive(Debug)]
pub struct Encoder {
    code: &'static str,
    /// LF becomes CR LF.
    crlf: bool,
    after_cr: bool,
    held: Vec<u8>,
    line: Vec<u8>,
}

impl Encoder {
    /// For output; of a pipe if `pipe`.
    pub fn output(pipe: bool) -> Encoder {
        Encoder::of("o", pipe)
    }

    /// For input.
    pub fn input() -> Encoder {
        Encoder::of("i", false)
    }

    fn of(code: &'static str, crlf: bool) -> Encoder {
        Encoder { code, crlf, after_cr: false, held: Vec::new(), line: Vec::new() }
    }

    /// The line for `bytes`, which came at `at`; nothing while only a part of a character is there.
    pub fn push(&mut self, at: Duration, bytes: &[u8]) -> &[u8] {
        if self.crlf {
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                let text = line.strip_suffix(b"\n").unwrap_or(line);
                self.held.extend_from_slice(text);
                self.after_cr = text.last().map_or(self.after_cr, |byte| *byte == b'\r');
                if text.len() < line.len() {
                    let end: &[u8] = if self.after_cr { b"\n" } else { b"\r\n" };
                    self.held.extend_from_slice(end);
                    self.after_cr = false;
                }
            }
        } else {
            self.held.extend_from_slice(bytes);
        }
        self.give(at, self.held.len() - incomplete(&self.held))
    }

    /// What was held when the stream ended.
    pub fn finish(&mut self, at: Duration) -> &[u8] {
        self.give(at, self.held.len())
    }

    /// The line for so many bytes of what is held.
    fn give(&mut self, at: Duration, count: usize) -> &[u8] {
        self.line.clear();
        event_into(&mut self.line, at, self.code, &self.held[..count]);
        self.held.drain(..count);
        &self.line
    }
}

/// The line for a change of the size.
pub fn resize(at: Duration, (columns, rows): (u16, u16)) -> Vec<u8> {
    event(at, "r", &format!("{columns}x{rows}"))
}

/// The line for a marker.
pub fn marker(at: Duration, label: &str) -> Vec<u8> {
    event(at, "m", label)
}

/// The line for the exit.
pub fn exit(at: Duration, code: i32) -> Vec<u8> {
    event(at, "x", &code.to_string())
}

fn event(at: Duration, code: &str, data: &str) -> Vec<u8> {
    let mut line = Vec::new();
    event_into(&mut line, at, code, data.as_bytes());
    line
}

fn event_into(line: &mut Vec<u8>, at: Duration, code: &str, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    // Microseconds, rounded down, so that equal times stay equal and none goes back.
    let seconds = at.as_micros() as f64 / 1e6;
    text::push(line, &(seconds, code, Lossy(data)));
}

fn line(value: &serde_json::Value) -> Vec<u8> {
    let mut line = Vec::new();
    text::push(&mut line, value);
    line
}

/// How many bytes at the end begin a UTF-8 character that is not complete yet.
pub fn incomplete(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    for (at, byte) in bytes.iter().enumerate().skip(from).rev() {
        let length = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        let there = bytes.len() - at;
        return if there < length { there } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::read;
    use super::*;

    /// What a player of these chunks shows.
    fn played(chunks: &[&[u8]], pipe: bool) -> Vec<u8> {
        let header = Header { size: (80, 24), started: 0, command: "x", term: "xterm", pipe };
        let mut cast = header.line();
        let mut encoder = Encoder::output(pipe);
        for (n, chunk) in chunks.iter().enumerate() {
            cast.extend(encoder.push(Duration::from_millis(n as u64), chunk));
        }
        cast.extend(encoder.finish(Duration::from_millis(chunks.len() as u64)));
        let tape = read(&cast).expect("it is a recording").tape;
        assert!(tape.facts.windows(2).all(|pair| pair[0].at <= pair[1].at));
        tape.output().collect::<Vec<_>>().concat()
    }

    proptest! {
        #[test]
        fn text_plays_as_it_was_however_it_was_cut(
            text in "([a€😀é\u{1b}\r\n\u{0}\"\\\\]|\r\n){0,40}",
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(played(&chunks, false), bytes);
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(played(&single, false), bytes);
        }

        #[test]
        fn any_bytes_play_the_same_however_they_were_cut(
            bytes in proptest::collection::vec(prop_oneof![Just(b'a'), Just(0xe2), Just(0x82), Just(0xac), any::<u8>()], 0..30),
            cut in any::<proptest::sample::Index>(),
        ) {
            let whole = played(&[&bytes], false);
            let (left, right) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(played(&[left, right], false), whole.clone());
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(played(&single, false), whole.clone());
            prop_assert_eq!(whole, String::from_utf8_lossy(&bytes).into_owned().into_bytes());
        }

        #[test]
        fn the_lines_of_a_pipe_come_back(lines in proptest::collection::vec("[ab]{0,3}", 0..6), cut in any::<proptest::sample::Index>()) {
            let text = lines.join("\n");
            let (left, right) = text.as_bytes().split_at(cut.index(text.len() + 1));
            prop_assert_eq!(played(&[left, right], true), text.as_bytes());
        }
    }

    #[test]
    fn what_is_no_text_becomes_the_replacement_character() {
        let mut encoder = Encoder::output(false);
        let line = encoder.push(Duration::from_millis(1500), b"\xffx\xe2\x82");
        assert_eq!(line, "[1.5,\"o\",\"\u{fffd}x\"]\n".as_bytes());
        assert_eq!(encoder.finish(Duration::from_secs(2)), "[2.0,\"o\",\"\u{fffd}\"]\n".as_bytes());
    }

    #[test]
    fn a_pipe_is_written_for_a_terminal() {
        let mut encoder = Encoder::output(true);
        assert_eq!(encoder.push(Duration::ZERO, b"a\nb\r"), b"[0.0,\"o\",\"a\\r\\nb\\r\"]\n");
        assert_eq!(encoder.push(Duration::ZERO, b"\nc"), b"[0.0,\"o\",\"\\nc\"]\n");
    }
}
