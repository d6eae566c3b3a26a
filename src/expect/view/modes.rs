//! What output leaves switched on in a terminal: for a player that stops in the middle, and has to leave a
//! terminal that can be used.

use std::collections::BTreeSet;

/// Modes that a program may leave changed: number, and whether it is on in a terminal that was just opened.
const MODES: &[(u16, bool)] = &[
    (1, false),
    (5, false),
    (6, false),
    (7, true),
    (9, false),
    (25, true),
    (47, false),
    (1000, false),
    (1001, false),
    (1002, false),
    (1003, false),
    (1004, false),
    (1005, false),
    (1006, false),
    (1015, false),
    (1047, false),
    (1049, false),
    (2004, false),
    (2026, false),
];

/// Follows a stream of output.
#[derive(Debug, Default)]
pub struct Modes {
    state: State,
    parameters: Vec<u8>,
    /// Those that are not as in a fresh terminal.
    changed: BTreeSet<u16>,
    keypad: bool,
    /// The parameters with which the scrolling region was set.
    region: Option<Vec<u8>>,
    coloured: bool,
    /// The cursor has another shape.
    shaped: bool,
    /// Letters are drawn as lines or another country's.
    charset: bool,
    /// The second set of characters is in use.
    shifted: bool,
}

/// What the emulator crate switches on again by itself; and what is not to be: the cursor's place would mean
/// something else (6), or the screen would stand still (2026).
const NOT_AGAIN: &[u16] = &[1, 6, 9, 25, 47, 1000, 1002, 1003, 1005, 1006, 1047, 1049, 2004, 2026];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
    Charset,
}

impl Modes {
    /// More output.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let [first, others @ ..] = rest {
            // A flood of text is to cost nothing.
            if self.state == State::Ground && !matches!(first, 0x0e | 0x0f | 0x1b) {
                let Some(next) = memchr::memchr3(0x0e, 0x0f, 0x1b, rest) else { return };
                rest = &rest[next..];
            } else {
                self.byte(*first);
                rest = others;
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (_, 0x1b) => State::Escape,
            (state, 0x0e | 0x0f) => {
                self.shifted = byte == 0x0e;
                state
            }
            (State::Escape, b'(') => State::Charset,
            (State::Charset, set) => {
                self.charset = set != b'B';
                State::Ground
            }
            (State::Escape, b'[') => {
                self.parameters.clear();
                State::Csi
            }
            (State::Escape, b'=') => self.keypad(true),
            (State::Escape, b'>') => self.keypad(false),
            // RIS: everything as it was.
            (State::Escape, b'c') => {
                *self = Modes::default();
                State::Ground
            }
            (State::Csi, 0x20..=0x3f) if self.parameters.len() < 64 => {
                self.parameters.push(byte);
                State::Csi
            }
            (State::Csi, 0x40..=0x7e) => {
                self.sequence(byte);
                State::Ground
            }
            _ => State::Ground,
        };
    }

    fn keypad(&mut self, on: bool) -> State {
        self.keypad = on;
        State::Ground
    }

    fn sequence(&mut self, last: u8) {
        match (last, self.parameters.strip_prefix(b"?")) {
            (b'h' | b'l', Some(numbers)) => {
                let numbers = numbers.split(|byte| *byte == b';');
                let numbers = numbers.filter_map(|n| std::str::from_utf8(n).ok()?.parse().ok());
                for number in numbers {
                    let normal = MODES.iter().find(|(known, _)| *known == number);
                    let Some((_, normal)) = normal else { continue };
                    if *normal == (last == b'h') {
                        self.changed.remove(&number);
                    } else {
                        self.changed.insert(number);
                    }
                }
            }
            (b'q', None) if self.parameters.ends_with(b" ") => {
                self.shaped = !matches!(self.parameters.as_slice(), b" " | b"0 ");
            }
            (b'm', None) => self.coloured = !matches!(self.parameters.as_slice(), b"" | b"0"),
            (b'r', None) => {
                let set = !matches!(self.parameters.as_slice(), b"" | b"1" | b";" | b"1;");
                self.region = set.then(|| self.parameters.clone());
            }
            _ => {}
        }
    }

    /// The size has changed: that ends a region.
    pub fn resized(&mut self) {
        self.region = None;
    }

    /// What sets the scrolling region in a terminal that has none.
    pub fn region(&self) -> String {
        let region = self.region.as_deref().map(String::from_utf8_lossy);
        region.map(|params| format!("\x1b[{params}r")).unwrap_or_default()
    }

    /// What switches on in a fresh terminal what is on here, but for what the emulator crate does.
    pub fn again(&self) -> String {
        let mut out = String::new();
        for number in self.changed.iter().filter(|number| !NOT_AGAIN.contains(number)) {
            out.extend(["\x1b[?", &number.to_string(), if is_normal(*number) { "l" } else { "h" }]);
        }
        out
    }

    /// Whether it shows the screen that programs take whole.
    pub fn other_screen(&self) -> bool {
        [47, 1047, 1049].iter().any(|mode| self.changed.contains(mode))
    }

    /// What puts the terminal in order again; empty where nothing is out of order.
    pub fn restore(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for &number in self.changed.iter().rev() {
            let last = if is_normal(number) { 'h' } else { 'l' };
            out.extend_from_slice(format!("\x1b[?{number}{last}").as_bytes());
        }
        if self.region.is_some() {
            // Setting it moves the cursor home.
            out.extend_from_slice(b"\x1b7\x1b[r\x1b8");
        }
        if self.keypad {
            out.extend_from_slice(b"\x1b>");
        }
        if self.charset {
            out.extend_from_slice(b"\x1b(B");
        }
        if self.shifted {
            out.push(0x0f);
        }
        if self.shaped {
            out.extend_from_slice(b"\x1b[0 q");
        }
        if self.coloured {
            out.extend_from_slice(b"\x1b[m");
        }
        out
    }
}

/// Whether a mode is on in a fresh terminal.
fn is_normal(number: u16) -> bool {
    MODES.iter().any(|(known, normal)| *known == number && *normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_left_on_is_put_back() {
        let table: &[(&[u8], &[u8])] = &[
            (b"plain", b""),
            (b"\x1b[?25l...\x1b[?25h", b""),
            (b"\x1b[?1049h\x1b[?25l", b"\x1b[?1049l\x1b[?25h"),
            (b"\x1b[?1000;1006h", b"\x1b[?1006l\x1b[?1000l"),
            (b"\x1b[1;31mred", b"\x1b[m"),
            (b"\x1b[31mred\x1b[0m", b""),
            (b"\x1b=\x1b[2;5r", b"\x1b7\x1b[r\x1b8\x1b>"),
            (b"\x1b[?1049h\x1bc", b""),
            (b"\x1b[5 q", b"\x1b[0 q"),
            (b"\x1b[5 q\x1b[ q", b""),
            (b"\x1b(0\x0elqk", b"\x1b(B\x0f"),
            (b"\x1b(0\x0elqk\x0f\x1b(B", b""),
        ];
        for (output, restored) in table {
            let mut whole = Modes::default();
            whole.push(output);
            let mut single = Modes::default();
            output.chunks(1).for_each(|byte| single.push(byte));
            for modes in [whole, single] {
                let got = modes.restore();
                assert_eq!(got.escape_ascii().to_string(), restored.escape_ascii().to_string());
            }
        }
    }
}
