//! A session of a person with a command, as it is kept in memory while it lasts: also what was typed
//! unseen, which must never get out of here in clear text.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

/// What a terminal did with what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// It echoed.
    Shown,
    /// It took a line and did not echo it: a password.
    Hidden,
    /// It gave every key to the command, which shows what it likes.
    Keys,
    /// There is none, but a pipe.
    Piped,
}

/// How much of a session is kept.
const LIMIT: usize = 64 << 20;

/// A session.
#[derive(Default)]
pub struct Session {
    /// The terminal's size at the start: columns, rows.
    pub size: (u16, u16),
    /// What happened, in order.
    pub moments: Vec<Moment>,
    /// How the command ended, as a shell counts.
    pub exit: Option<i32>,
    /// More happened than is kept.
    pub cut: bool,
    kept: usize,
}

/// Something that happened in a session.
pub struct Moment {
    /// Since the start.
    pub at: Duration,
    /// What.
    pub what: Heard,
}

/// What can happen in a session.
pub enum Heard {
    /// The command wrote this.
    Output(Vec<u8>),
    /// The person typed this.
    Input(Zeroizing<Vec<u8>>, Typing),
    /// The terminal has this size now.
    Resize(u16, u16),
}

impl fmt::Debug for Session {
    /// Says nothing of what was typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("moments", &self.moments.len()).finish_non_exhaustive()
    }
}

impl Session {
    /// The command wrote `bytes`.
    pub fn output(&mut self, at: Duration, bytes: &[u8]) {
        if self.kept + bytes.len() > LIMIT {
            self.cut = true;
            return;
        }
        self.kept += bytes.len();
        self.moments.push(Moment { at, what: Heard::Output(bytes.to_vec()) });
    }

    /// The person typed `bytes`.
    pub fn input(&mut self, at: Duration, bytes: &[u8], typing: Typing) {
        let bytes = Zeroizing::new(bytes.to_vec());
        self.moments.push(Moment { at, what: Heard::Input(bytes, typing) });
    }

    /// The terminal has another size.
    pub fn resized(&mut self, at: Duration, (columns, rows): (u16, u16)) {
        self.moments.push(Moment { at, what: Heard::Resize(columns, rows) });
    }

    /// The command ended.
    pub fn exited(&mut self, _: Duration, code: i32) {
        self.exit = Some(code);
    }
}

/// Of what was typed, what everybody could see. Where the terminal echoed that is all; else line ends,
/// interrupts, ends of file, and single keys that no secret is made of.
pub fn visible(bytes: &[u8], typing: Typing) -> Vec<u8> {
    match typing {
        Typing::Shown | Typing::Piped => bytes.to_vec(),
        // An arrow or function key: nothing but an escape sequence, in one piece.
        Typing::Keys if is_key(bytes) => bytes.to_vec(),
        Typing::Hidden | Typing::Keys => {
            bytes.iter().copied().filter(|byte| matches!(byte, b'\r' | b'\n' | 3 | 4)).collect()
        }
    }
}

/// `ESC O x` and `ESC [ ... x`.
fn is_key(bytes: &[u8]) -> bool {
    match bytes {
        [0x1b, b'O', last] => last.is_ascii_alphabetic(),
        [0x1b, b'[', middle @ .., last] => {
            let digits = |byte: &u8| byte.is_ascii_digit() || *byte == b';';
            middle.iter().all(digits) && (last.is_ascii_alphabetic() || *last == b'~')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_saw_stays_unseen() {
        assert_eq!(visible(b"alice\r", Typing::Shown), b"alice\r");
        assert_eq!(visible(b"hunter2\r", Typing::Hidden), b"\r");
        assert_eq!(visible(b"hunter2\r", Typing::Keys), b"\r");
        assert_eq!(visible(b"h\x7f", Typing::Hidden), b"");
        assert_eq!(visible(b"\x1b[A", Typing::Keys), b"\x1b[A");
        assert_eq!(visible(b"\x1b[A", Typing::Hidden), b"");
        assert_eq!(visible(b"\x1b[200~pw\x1b[201~", Typing::Keys), b"");
        let mut session = Session::default();
        session.input(Duration::ZERO, b"hunter2", Typing::Hidden);
        assert!(!format!("{session:?}").contains("hunter2"));
    }
}
