//! Our own echo is not output: what we typed while the terminal echoes is left out where it comes back.
//!
//! The terminal answers each line we type with that line, in one piece, after whatever the command had
//! written before; so one occurrence of each line typed is left out, in order, the first that comes, and
//! no more than that one: the same text printed by the command stays. The line end that belongs to it
//! stays too, so that what follows begins a line.
//!
//! | while an echo is expected | then |
//! | --- | --- |
//! | bytes that cannot be part of it | are output |
//! | bytes that may be its beginning | are held until the next byte, or a pause, decides |
//! | all of it, with its line end | left out, the next line typed is expected |
//! | 64 KiB of other output, or a second | it will not come: whatever comes is output |
//!
//! The terminal shows CR as CR LF and a control character as `^C`; what erases or quotes is shown in ways
//! that depend on what it meets, so a line is cut there and its parts are expected one by one.

use std::collections::VecDeque;
use std::time::Duration;

/// How much other output may come before an echo: more than a terminal can have had under way.
const PATIENCE_BYTES: u64 = 64 << 10;
/// How long an echo may take; the terminal itself echoes at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is expected back.
#[derive(Debug, Default)]
pub struct Echo {
    lines: VecDeque<Line>,
    /// How much of the first line has come.
    matched: usize,
}

#[derive(Debug)]
struct Line {
    /// What it looks like on the terminal, with its line end.
    shown: Vec<u8>,
    /// Without its line end.
    text: usize,
    /// For each number of bytes matched, how many of them may begin another occurrence.
    borders: Vec<usize>,
    patience: u64,
    since: Option<Duration>,
}

impl Echo {
    /// We have typed these bytes.
    pub fn expect(&mut self, typed: &[u8]) {
        let mut shown = Vec::new();
        for &byte in typed {
            match byte {
                b'\r' | b'\n' => {
                    let text = shown.len();
                    shown.extend_from_slice(b"\r\n");
                    self.line(std::mem::take(&mut shown), text);
                }
                // Erase, kill, quote, erase word, end of file: shown by what they do, or not at all.
                0x7f | 0x15 | 0x16 | 0x17 | 0x04 => {
                    let text = shown.len();
                    self.line(std::mem::take(&mut shown), text);
                }
                b'\t' => shown.push(byte),
                0..=0x1f => shown.extend_from_slice(&[b'^', byte + 0x40]),
                _ => shown.push(byte),
            }
        }
        let text = shown.len();
        self.line(shown, text);
    }

    fn line(&mut self, shown: Vec<u8>, text: usize) {
        if text == 0 {
            return;
        }
        let borders = borders(&shown);
        self.lines.push_back(Line { shown, text, borders, patience: PATIENCE_BYTES, since: None });
    }

    /// Whether nothing is expected back.
    pub fn is_idle(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether bytes are held that a pause would release.
    pub fn holds(&self) -> bool {
        self.matched > 0
    }

    /// Time has come: what is expected for too long will not come.
    pub fn tick(&mut self, now: Duration) {
        for line in &mut self.lines {
            line.since.get_or_insert(now);
        }
        let late = |line: &Line| line.since.is_some_and(|since| now >= since + PATIENCE);
        while self.matched == 0 && self.lines.front().is_some_and(late) {
            self.lines.pop_front();
        }
    }

    /// Takes bytes that came from `offset` on, and gives those that are output to `out`.
    pub fn push(&mut self, mut offset: u64, mut bytes: &[u8], out: &mut impl FnMut(u64, &[u8])) {
        while !bytes.is_empty() {
            let Some(line) = self.lines.front_mut() else {
                return out(offset, bytes);
            };
            if self.matched == 0 {
                let other = memchr::memchr(line.shown[0], bytes).unwrap_or(bytes.len());
                let other = other.min(line.patience as usize);
                out(offset, &bytes[..other]);
                offset += other as u64;
                bytes = &bytes[other..];
                line.patience -= other as u64;
                if line.patience == 0 {
                    self.lines.pop_front();
                    continue;
                }
            }
            let Some((&byte, rest)) = bytes.split_first() else { return };
            self.byte(offset, byte, out);
            offset += 1;
            bytes = rest;
        }
    }

    fn byte(&mut self, offset: u64, byte: u8, out: &mut impl FnMut(u64, &[u8])) {
        let Some(line) = self.lines.front_mut() else { return out(offset, &[byte]) };
        while line.shown[self.matched] != byte {
            let Some(last) = self.matched.checked_sub(1) else {
                line.patience = line.patience.saturating_sub(1).max(1);
                return out(offset, &[byte]);
            };
            let keep = line.borders[last];
            let gone = self.matched - keep;
            line.patience = line.patience.saturating_sub(gone as u64).max(1);
            out(offset - self.matched as u64, &line.shown[..gone]);
            self.matched = keep;
        }
        self.matched += 1;
        if self.matched == line.shown.len() {
            let end = &line.shown[line.text..];
            out(offset + 1 - end.len() as u64, end);
            self.lines.pop_front();
            self.matched = 0;
        }
    }

    /// The output paused or ended at `offset`: an echo comes in one piece, so what is held is output.
    pub fn release(&mut self, offset: u64, out: &mut impl FnMut(u64, &[u8])) {
        if let (Some(line), true) = (self.lines.front(), self.matched > 0) {
            out(offset - self.matched as u64, &line.shown[..self.matched]);
            self.matched = 0;
        }
    }
}

/// For each length, the longest proper beginning that is also an end.
fn borders(text: &[u8]) -> Vec<usize> {
    let mut borders = vec![0; text.len()];
    let mut len = 0;
    for at in 1..text.len() {
        while len > 0 && text[len] != text[at] {
            len = borders[len - 1];
        }
        len += usize::from(text[len] == text[at]);
        borders[at] = len;
    }
    borders
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(typed: &[&[u8]], chunks: &[&[u8]]) -> (Vec<u8>, Vec<u64>) {
        let mut echo = Echo::default();
        for typed in typed {
            echo.expect(typed);
        }
        let (mut text, mut offsets, mut offset) = (Vec::new(), Vec::new(), 0);
        let mut out = |at: u64, bytes: &[u8]| {
            text.extend_from_slice(bytes);
            offsets.extend((0..bytes.len() as u64).map(|n| at + n));
        };
        for chunk in chunks {
            echo.push(offset, chunk, &mut out);
            offset += chunk.len() as u64;
        }
        echo.release(offset, &mut out);
        (text, offsets)
    }

    #[test]
    fn the_table() {
        /// What was typed, what came, what of it is output.
        type Row<'a> = (&'a [&'a [u8]], &'a [u8], &'a [u8]);
        let table: &[Row<'_>] = &[
            (&[b"hello\r"], b"hello\r\nhello\r\n", b"\r\nhello\r\n"),
            (&[b"yes\n"], b"sure? yes\r\nok", b"sure? \r\nok"),
            (&[b"yes\n"], b"(yes/no) yes\r\nyes\r\n", b"(yes/no) \r\nyes\r\n"),
            (&[b"aab\r"], b"aaab\r\n", b"a\r\n"),
            (&[b"a\r", b"b\r"], b"a\r\n1\r\nb\r\nb\r\n", b"\r\n1\r\n\r\nb\r\n"),
            (&[b"a\rb\r"], b"a\r\nb\r\nA\r\n", b"\r\n\r\nA\r\n"),
            (&[b"\x03"], b"^C\r\n$ ", b"\r\n$ "),
            (&[b"up\x1b[A\r"], b"up^[[A\r\n", b"\r\n"),
            (&[b"y"], b"yes", b"es"),
            (&[b"\r", b"\x04"], b"\r\nx", b"\r\nx"),
            (&[b"hello\r"], b"hell", b"hell"),
            (&[], b"plain", b"plain"),
        ];
        for (typed, bytes, output) in table {
            let got = run(typed, &[bytes]).0;
            assert_eq!(got.escape_ascii().to_string(), output.escape_ascii().to_string());
        }
    }

    #[test]
    fn an_echo_that_does_not_come_hides_nothing_later() {
        let other = vec![b'.'; PATIENCE_BYTES as usize];
        let text = run(&[b"pw\r"], &[&other, b"pw\r\n"]).0;
        assert!(text.ends_with(b".pw\r\n"));

        let mut echo = Echo::default();
        echo.expect(b"pw\r");
        echo.tick(Duration::from_secs(5));
        echo.tick(Duration::from_secs(6));
        let mut text = Vec::new();
        echo.push(0, b"pw\r\n", &mut |_, bytes: &[u8]| text.extend_from_slice(bytes));
        assert_eq!(text, b"pw\r\n");
    }

    proptest! {
        #[test]
        fn the_same_output_for_every_split(
            typed in proptest::collection::vec("[ab]{0,4}[\r\n]?", 0..4),
            bytes in "([ab]{0,3}(\r\n)?){0,12}",
            cut in any::<proptest::sample::Index>(),
        ) {
            let typed: Vec<&[u8]> = typed.iter().map(String::as_bytes).collect();
            let bytes = bytes.as_bytes();
            let whole = run(&typed, &[bytes]);
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(&run(&typed, &single), &whole);
            let cut = cut.index(bytes.len() + 1);
            prop_assert_eq!(&run(&typed, &[&bytes[..cut], &bytes[cut..]]), &whole);
            prop_assert!(whole.1.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(whole.1.iter().zip(&whole.0).all(|(&at, &b)| bytes[at as usize] == b));
        }
    }
}
