//! asciicast version 2: a header line, then one JSON array a line, `[seconds, "o", text]`.
//!
//! The format: asciinema's documentation, "asciicast v2". Text has to be UTF-8, so a character that is cut
//! by a read is kept for the next one, and bytes that are none become U+FFFD.

use std::time::Duration;

use serde_json::json;

/// The first line of a recording.
pub fn header(
    (columns, rows): (u16, u16),
    started_unix: u64,
    command: &str,
    term: &str,
) -> Vec<u8> {
    let header = json!({
        "version": 2,
        "width": columns,
        "height": rows,
        "timestamp": started_unix,
        "command": command,
        "env": { "TERM": term },
    });
    line(&header)
}

/// Encodes the output of one stream.
#[derive(Debug, Default)]
pub struct Encoder {
    held: Vec<u8>,
}

impl Encoder {
    /// The line for `bytes`, which came at `at`; nothing while only a part of a character is there.
    pub fn output(&mut self, at: Duration, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let complete = self.held.len() - incomplete(&self.held);
        let rest = self.held.split_off(complete);
        let text = std::mem::replace(&mut self.held, rest);
        event(at, "o", &String::from_utf8_lossy(&text))
    }

    /// What was held when the stream ended.
    pub fn finish(&mut self, at: Duration) -> Vec<u8> {
        let text = std::mem::take(&mut self.held);
        event(at, "o", &String::from_utf8_lossy(&text))
    }
}

/// The line for a change of the size.
pub fn resize(at: Duration, (columns, rows): (u16, u16)) -> Vec<u8> {
    event(at, "r", &format!("{columns}x{rows}"))
}

fn event(at: Duration, kind: &str, data: &str) -> Vec<u8> {
    if data.is_empty() {
        return Vec::new();
    }
    let seconds = (at.as_secs_f64() * 1e6).round() / 1e6;
    line(&json!([seconds, kind, data]))
}

fn line(value: &serde_json::Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
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
    use super::*;

    #[test]
    fn a_character_cut_anywhere_comes_out_whole() {
        let text = "a€😀é\u{1b}[0m\r\n";
        for cut in 0..=text.len() {
            let mut encoder = Encoder::default();
            let (left, right) = text.as_bytes().split_at(cut);
            let lines = [
                encoder.output(Duration::ZERO, left),
                encoder.output(Duration::ZERO, right),
                encoder.finish(Duration::ZERO),
            ];
            let together: String = lines
                .iter()
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice::<(f64, String, String)>(line).unwrap().2)
                .collect();
            assert_eq!(together, text, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_text_becomes_the_replacement_character() {
        let mut encoder = Encoder::default();
        let line = encoder.output(Duration::from_millis(1500), b"\xffx\xe2\x82");
        assert_eq!(line, "[1.5,\"o\",\"\u{fffd}x\"]\n".as_bytes());
        assert_eq!(encoder.finish(Duration::from_secs(2)), "[2.0,\"o\",\"\u{fffd}\"]\n".as_bytes());
    }
}
