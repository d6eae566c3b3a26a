//! Whether the program has asked for the other spelling of the arrows.
//!
//! A full-screen program that switches cursor key mode on (`ESC [ ? 1 h`, sent by everything that calls
//! ncurses' `keypad`) reads `ESC O A` where others read `ESC [ A`, and may not know the second at all. A
//! real terminal follows that switch, so typing `up` has to.

/// Reads output in any chunking and keeps the mode.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keypad {
    application: bool,
    state: State,
    /// Whether one of the parameters read so far was 1.
    cursor_mode: bool,
    number: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    Bracket,
    Private,
}

impl Keypad {
    /// Takes the next bytes of output.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        loop {
            if self.state == State::Ground {
                let Some(at) = memchr::memchr(0x1b, bytes) else { return };
                self.state = State::Escape;
                bytes = &bytes[at + 1..];
            }
            let Some((&byte, rest)) = bytes.split_first() else { return };
            bytes = rest;
            self.state = self.next(byte);
        }
    }

    fn next(&mut self, byte: u8) -> State {
        match (self.state, byte) {
            (_, 0x1b) => State::Escape,
            (State::Escape, b'[') => State::Bracket,
            // A full reset takes the mode back.
            (State::Escape, b'c') => {
                self.application = false;
                State::Ground
            }
            (State::Bracket, b'?') => {
                self.cursor_mode = false;
                self.number = 0;
                State::Private
            }
            (State::Private, b'0'..=b'9') => {
                self.number = self.number.saturating_mul(10).saturating_add(u32::from(byte - b'0'));
                State::Private
            }
            (State::Private, b';') => {
                self.end_number();
                State::Private
            }
            (State::Private, b'h' | b'l') => {
                self.end_number();
                if self.cursor_mode {
                    self.application = byte == b'h';
                }
                State::Ground
            }
            (State::Ground | State::Escape | State::Bracket | State::Private, _) => State::Ground,
        }
    }

    fn end_number(&mut self) {
        self.cursor_mode |= self.number == 1;
        self.number = 0;
    }

    /// The bytes of the cursor key with this final letter.
    pub(crate) fn bytes(&self, letter: u8) -> Vec<u8> {
        vec![0x1b, if self.application { b'O' } else { b'[' }, letter]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(output: &[u8]) -> Vec<u8> {
        let mut whole = Keypad::default();
        whole.push(output);
        let mut bytewise = Keypad::default();
        for byte in output {
            bytewise.push(std::slice::from_ref(byte));
        }
        assert_eq!(whole.bytes(b'A'), bytewise.bytes(b'A'));
        whole.bytes(b'A')
    }

    #[test]
    fn the_mode_follows_the_program() {
        assert_eq!(after(b"plain"), b"\x1b[A");
        assert_eq!(after(b"\x1b[?1h\x1b=menu"), b"\x1bOA");
        assert_eq!(after(b"\x1b[?1h menu \x1b[?1l"), b"\x1b[A");
        assert_eq!(after(b"\x1b[?25;1h"), b"\x1bOA");
        assert_eq!(after(b"\x1b[?1h\x1bc"), b"\x1b[A");
    }

    #[test]
    fn its_neighbours_do_not_change_it() {
        for other in [b"\x1b[?1049h".as_slice(), b"\x1b[1h", b"\x1b[?11h", b"[?1h", b"\x1b\x1b[?h"]
        {
            assert_eq!(after(other), b"\x1b[A", "{other:?}");
        }
    }
}
