//! What the emulator crate does not know, in words that it does: a filter in front of it. Sequences survive
//! the end of a chunk.

use memchr::memchr3;

/// Older or rarer names of what the crate knows.
const SAME: &[(&[u8], &[u8])] = &[
    (b"\x1bD", b"\n"),
    (b"\x1bE", b"\r\n"),
    (b"\x1b[s", b"\x1b7"),
    (b"\x1b[u", b"\x1b8"),
    (b"\x1b[?1048h", b"\x1b7"),
    (b"\x1b[?1048l", b"\x1b8"),
    (b"\x1b[?1047h", b"\x1b[?47h"),
    (b"\x1b[?1047l", b"\x1b[?47l"),
];

/// DEC's line drawing, for the bytes from 0x5f to 0x7e.
const DRAWING: [&str; 32] = [
    " ", "◆", "▒", "␉", "␌", "␍", "␊", "°", "±", "␤", "␋", "┘", "┐", "┌", "└", "┼", "⎺", "⎻", "─",
    "⎼", "⎽", "├", "┤", "┴", "┬", "│", "≤", "≥", "π", "≠", "£", "·",
];

/// The longest sequence that is held until it is whole; a longer one means nothing to us.
const LONGEST: usize = 64;

/// The filter.
#[derive(Debug, Default)]
pub struct Dialect {
    state: State,
    held: Vec<u8>,
    charsets: Charsets,
    saved: Charsets,
    /// How often a character can be repeated (REP) on one screen. The crate repeats it as often as it is
    /// told to, and a few bytes would be hours of work.
    cells: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
    /// OSC, DCS and their kin.
    Text,
}

/// Whether G0 and G1 are line drawing, and whether G1 is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Charsets {
    drawing: [bool; 2],
    second: bool,
}

impl Charsets {
    fn draws(self) -> bool {
        self.drawing[usize::from(self.second)]
    }
}

impl Dialect {
    /// For a screen of so many cells.
    pub fn set_cells(&mut self, cells: u32) {
        self.cells = cells;
    }

    /// Takes output; `sink` gets what the crate is to see.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut dyn FnMut(&[u8])) {
        while !bytes.is_empty() {
            if self.state == State::Ground {
                let end = memchr3(0x1b, 0x0e, 0x0f, bytes).unwrap_or(bytes.len());
                let (text, rest) = bytes.split_at(end);
                self.text(text, sink);
                bytes = rest;
            }
            let Some((&byte, rest)) = bytes.split_first() else { return };
            self.byte(byte, sink);
            bytes = rest;
        }
    }

    fn text(&self, text: &[u8], sink: &mut dyn FnMut(&[u8])) {
        if !self.charsets.draws() {
            return sink(text);
        }
        for byte in text {
            match byte {
                0x5f..=0x7e => sink(DRAWING[usize::from(byte - 0x5f)].as_bytes()),
                _ => sink(&[*byte]),
            }
        }
    }

    fn byte(&mut self, byte: u8, sink: &mut dyn FnMut(&[u8])) {
        match (self.state, byte) {
            (_, 0x1b) => {
                self.release(sink);
                self.held.push(byte);
                self.state = State::Escape;
            }
            (State::Ground, 0x0e | 0x0f) => self.charsets.second = byte == 0x0e,
            (State::Ground, _) => sink(&[byte]),
            (State::Text, _) => {
                sink(&[byte]);
                if matches!(byte, 0x07 | 0x18 | 0x1a) {
                    self.state = State::Ground;
                }
            }
            (State::Escape, b'[') if self.held == b"\x1b" => {
                self.held.push(byte);
                self.state = State::Csi;
            }
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') if self.held == b"\x1b" => {
                self.held.push(byte);
                self.release(sink);
                self.state = State::Text;
            }
            (State::Escape, 0x20..=0x2f) | (State::Csi, 0x00..=0x3f)
                if self.held.len() < LONGEST && !matches!(byte, 0x18 | 0x1a) =>
            {
                self.held.push(byte);
            }
            (State::Escape | State::Csi, _) => {
                self.held.push(byte);
                self.sequence();
                self.release(sink);
                self.state = State::Ground;
            }
        }
    }

    /// A whole one is held.
    fn sequence(&mut self) {
        match self.held.as_slice() {
            [0x1b, b'(', set] => self.charsets.drawing[0] = *set == b'0',
            [0x1b, b')', set] => self.charsets.drawing[1] = *set == b'0',
            b"\x1b7" | b"\x1b[?1049h" => self.saved = self.charsets,
            b"\x1b8" | b"\x1b[?1049l" => self.charsets = self.saved,
            b"\x1bc" => (self.charsets, self.saved) = Default::default(),
            _ => {}
        }
        if let [0x1b, b'[', count @ .., b'b'] = self.held.as_slice() {
            let count = std::str::from_utf8(count).ok().and_then(|count| count.parse::<u32>().ok());
            if count.is_some_and(|count| count > self.cells) {
                self.held = format!("\x1b[{}b", self.cells).into_bytes();
            }
        }
        if let Some((_, known)) = SAME.iter().find(|(same, _)| *same == self.held) {
            self.held = known.to_vec();
        }
    }

    fn release(&mut self, sink: &mut dyn FnMut(&[u8])) {
        if !self.held.is_empty() {
            sink(&self.held);
            self.held.clear();
        }
    }

    /// What selects the character sets that are selected now, in a terminal where none was.
    pub fn charsets(&self) -> String {
        let Charsets { drawing: [first, other], second } = self.charsets;
        let parts = [(first, "\x1b(0"), (other, "\x1b)0"), (second, "\x0e")];
        parts.into_iter().filter_map(|(on, part)| on.then_some(part)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_crate_sees_however_it_comes() {
        let table: &[(&str, &str, &str)] = &[
            ("plain ü", "plain ü", ""),
            ("\x1b(0lqk\x1b(Bq", "\x1b(0┌─┐\x1b(Bq", ""),
            ("\x1b)0\x0exx\x0fx", "\x1b)0││x", "\x1b)0"),
            ("\x1b(0\x1b[31mq\r\n", "\x1b(0\x1b[31m─\r\n", "\x1b(0"),
            ("\x1b(0\x1b]2;quit\x07q\x1bcq", "\x1b(0\x1b]2;quit\x07─\x1bcq", ""),
            ("\x1b]0;a\x1b\\b", "\x1b]0;a\x1b\\b", ""),
            ("a\x1bDb\x1bEc", "a\nb\r\nc", ""),
            ("\x1b[s\x1b[u\x1b[?1047h\x1b[2;3H", "\x1b7\x1b8\x1b[?47h\x1b[2;3H", ""),
            ("\x1b[1\x1b[2m\x1b[3\x18x", "\x1b[1\x1b[2m\x1b[3\x18x", ""),
            ("\x1b7\x1b(0\x1b8q", "\x1b7\x1b(0\x1b8q", ""),
            ("a\x1b[3b\x1b[65535b", "a\x1b[3b\x1b[1920b", ""),
        ];
        for (output, seen, charsets) in table {
            for size in 1..=output.len() {
                let (mut dialect, mut got) = (Dialect::default(), Vec::new());
                dialect.set_cells(80 * 24);
                for part in output.as_bytes().chunks(size) {
                    dialect.push(part, &mut |bytes| got.extend_from_slice(bytes));
                }
                assert_eq!(String::from_utf8_lossy(&got), *seen, "{output:?} by {size}");
                assert_eq!(dialect.charsets(), *charsets, "{output:?}");
            }
        }
    }
}
