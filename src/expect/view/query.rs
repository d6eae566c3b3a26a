//! What programs ask their terminal, and the answers where no terminal is there to give them.
//!
//! Answered are those on which programs wait: what kind of terminal it is (DA1, DA2, XTVERSION), whether it
//! is well (DSR), where the cursor is (CPR), and whether a mode is known (DECRQM: it is not). Everything else
//! programs ask with a time limit of their own, and take silence for an answer.

use super::emulator::Emulator;

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// `ESC [ c`
    Attributes,
    /// `ESC [ > c`
    Version,
    /// `ESC [ > q`
    Name,
    /// `ESC [ 5 n`
    Status,
    /// `ESC [ 6 n`, asked with the cursor in this row and column, from 0.
    Cursor(u16, u16),
    /// `ESC [ ? 6 n`
    CursorOnPage(u16, u16),
    /// `ESC [ ? NUMBER $ p`
    Mode(u16),
}

impl Query {
    /// The question in a control sequence that sets nothing.
    pub fn of(
        first: Option<u8>,
        second: Option<u8>,
        number: u16,
        last: char,
        (row, column): (u16, u16),
    ) -> Option<Query> {
        match (first, second, number, last) {
            (None, None, 0, 'c') => Some(Query::Attributes),
            (Some(b'>'), None, 0, 'c') => Some(Query::Version),
            (Some(b'>'), None, 0, 'q') => Some(Query::Name),
            (None, None, 5, 'n') => Some(Query::Status),
            (None, None, 6, 'n') => Some(Query::Cursor(row, column)),
            (Some(b'?'), None, 6, 'n') => Some(Query::CursorOnPage(row, column)),
            (Some(b'?'), Some(b'$'), mode, 'p') => Some(Query::Mode(mode)),
            _ => None,
        }
    }

    /// The answer of an xterm; of a terminal of `columns` columns, beyond which no cursor is.
    pub fn answer(self, columns: u16) -> String {
        let place = |row: u16, column: u16| (row + 1, column.min(columns.saturating_sub(1)) + 1);
        match self {
            // A VT220 with colours.
            Query::Attributes => "\x1b[?62;22c".to_owned(),
            Query::Version => "\x1b[>1;10;0c".to_owned(),
            Query::Name => format!("\x1bP>|heeler {}\x1b\\", env!("CARGO_PKG_VERSION")),
            Query::Status => "\x1b[0n".to_owned(),
            Query::Cursor(row, column) => {
                let (row, column) = place(row, column);
                format!("\x1b[{row};{column}R")
            }
            Query::CursorOnPage(row, column) => {
                let (row, column) = place(row, column);
                format!("\x1b[?{row};{column}R")
            }
            Query::Mode(number) => format!("\x1b[?{number};0$y"),
        }
    }
}

/// How much output is kept to find out where the cursor is: more than fills any screen.
const KEPT: usize = 64 << 10;
/// How much of a sequence is kept; a question is shorter.
const PARAMS: usize = 64;
/// How long an emulator is kept that nobody has asked.
const PATIENCE: usize = 1 << 20;

/// Answers what is asked in a stream of output.
///
/// The cursor is known to an emulator only, and that is slow beside copying. So the end of the output is
/// kept, and an emulator looks at it when something is asked.
#[derive(Debug)]
pub struct Answers {
    size: (u16, u16),
    state: State,
    /// The parameters of the sequence under way, as far as they can be a question.
    params: Vec<u8>,
    kept: Vec<u8>,
    emulator: Option<(Emulator, usize)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
}

impl Answers {
    /// For a terminal of `size` columns and rows.
    pub fn new(size: (u16, u16)) -> Answers {
        let (state, params, kept) = Default::default();
        Answers { size, state, params, kept, emulator: None }
    }

    /// Another size.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        if let Some((emulator, _)) = &mut self.emulator {
            emulator.resize(size);
        }
    }

    /// Whether an emulator is at work.
    pub fn draws(&self) -> bool {
        self.emulator.is_some()
    }

    /// Takes output; gives the answers to what is asked in it.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let asked = self.asks(bytes);
        if asked && self.emulator.is_none() {
            let mut emulator = Emulator::new(self.size, 0);
            emulator.push(&self.kept[self.kept.len().saturating_sub(KEPT)..]);
            emulator.take_queries();
            self.emulator = Some((emulator, 0));
        }
        let mut answers = Vec::new();
        if let Some((emulator, unasked)) = &mut self.emulator {
            emulator.push(bytes);
            for query in emulator.take_queries() {
                answers.extend(query.answer(self.size.0).into_bytes());
            }
            *unasked = if asked { 0 } else { *unasked + bytes.len() };
            if *unasked > PATIENCE {
                self.emulator = None;
            }
        }
        self.keep(bytes);
        answers
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(&bytes[bytes.len().saturating_sub(KEPT)..]);
        if self.kept.len() > 2 * KEPT {
            self.kept.drain(..self.kept.len() - KEPT);
        }
    }

    /// Whether a sequence that may be a question ends in `bytes`.
    fn asks(&mut self, mut bytes: &[u8]) -> bool {
        let mut asked = false;
        loop {
            if self.state == State::Ground {
                let Some(at) = memchr::memchr(0x1b, bytes) else { return asked };
                bytes = &bytes[at..];
            }
            let Some((&byte, rest)) = bytes.split_first() else { return asked };
            bytes = rest;
            self.state = match (self.state, byte) {
                (State::Escape, b'[') => {
                    self.params.clear();
                    State::Csi
                }
                (_, 0x18 | 0x1a) => State::Ground,
                (_, 0x1b) | (State::Escape, 0x00..=0x1f | 0x7f..) => State::Escape,
                (State::Csi, last @ 0x40..=0x7e) => {
                    asked |= matches!(last, b'c' | b'n')
                        || last == b'q' && self.params.starts_with(b">")
                        || last == b'p' && self.params.contains(&b'$');
                    State::Ground
                }
                (State::Csi, _) => {
                    if self.params.len() < PARAMS {
                        self.params.push(byte);
                    }
                    State::Csi
                }
                _ => State::Ground,
            };
        }
    }
}

/// Takes questions out of a stream of output: for a terminal that shows it while another has answered.
#[derive(Debug, Default)]
pub struct Unasked {
    /// A sequence that may become a question.
    held: Vec<u8>,
}

impl Unasked {
    /// Takes output; appends to `out` what is shown.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            if self.held.is_empty() {
                let plain = memchr::memchr(0x1b, bytes).unwrap_or(bytes.len());
                out.extend_from_slice(&bytes[..plain]);
                bytes = &bytes[plain..];
            }
            let Some((&byte, rest)) = bytes.split_first() else { return };
            bytes = rest;
            match (self.held.len(), byte) {
                (0, 0x1b) | (1, b'[') | (2..PARAMS, 0x20..=0x3f) => self.held.push(byte),
                (2.., 0x40..=0x7e) if asks(&self.held[2..], byte) => self.held.clear(),
                (_, 0x1b) => {
                    out.append(&mut self.held);
                    self.held.push(byte);
                }
                _ => {
                    out.append(&mut self.held);
                    out.push(byte);
                }
            }
        }
    }
}

/// Whether a control sequence with these parameters is a question.
fn asks(params: &[u8], last: u8) -> bool {
    let first = params.first().copied().filter(|byte| (b'<'..=b'?').contains(byte));
    let rest = &params[usize::from(first.is_some())..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at(digits);
    let number = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    match rest {
        [] => Query::of(first, None, number, char::from(last), (0, 0)).is_some(),
        [second] => Query::of(first, Some(*second), number, char::from(last), (0, 0)).is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answers(output: &[u8], size: usize) -> String {
        let mut answers = Answers::new((80, 24));
        let got: Vec<u8> = output.chunks(size).flat_map(|part| answers.push(part)).collect();
        got.escape_ascii().to_string()
    }

    #[test]
    fn what_is_asked_is_answered_however_it_comes() {
        let version = env!("CARGO_PKG_VERSION");
        let table: &[(&[u8], &str)] = &[
            (b"text \x1b[31mred", ""),
            (b"\x1b[c\x1b[0c", "\x1b[?62;22c\x1b[?62;22c"),
            (b"\x1b[>c", "\x1b[>1;10;0c"),
            (b"\x1b[>q", &format!("\x1bP>|heeler {version}\x1b\\")),
            (b"\x1b[5n", "\x1b[0n"),
            (b"abc\r\nde\x1b[6nfg\x1b[6n", "\x1b[2;3R\x1b[2;5R"),
            (b"\x1b[?6n", "\x1b[?1;1R"),
            // How programs find the size.
            (b"\x1b7\x1b[999;999H\x1b[6n\x1b8", "\x1b[24;80R"),
            // The cursor waits behind the last column.
            (&[[b'x'; 80].as_slice(), b"\x1b[6n"].concat(), "\x1b[1;80R"),
            (b"\x1b[?2026$p", "\x1b[?2026;0$y"),
            // No questions: a cursor's shape, another device's report, an answer, text.
            (b"\x1b[2 q\x1b[?62;22c\x1b[1;1R\x1b]0;\x07c", ""),
        ];
        for (output, wanted) in table {
            for size in 1..=output.len() {
                let wanted = wanted.as_bytes().escape_ascii().to_string();
                assert_eq!(answers(output, size), wanted, "{} by {size}", output.escape_ascii());
            }
        }
    }

    /// The end of the output is enough, and an emulator is not kept for nothing.
    #[test]
    fn after_much_output_the_cursor_is_where_it_is() {
        let mut answers = Answers::new((80, 24));
        assert_eq!(answers.push(b"\x1b[6n"), b"\x1b[1;1R");
        assert!(answers.emulator.is_some());
        for _ in 0..40 {
            assert!(answers.push("a line of text\r\n".repeat(4096).as_bytes()).is_empty());
        }
        assert!(answers.emulator.is_none());
        assert!(answers.kept.len() <= 2 * KEPT);
        assert_eq!(answers.push(b"ab\x1b[6"), b"");
        assert_eq!(answers.push(b"nc"), b"\x1b[24;3R");
    }

    #[test]
    fn questions_are_taken_out_and_nothing_else_is() {
        let table: &[(&[u8], &[u8])] = &[
            (b"a\x1b[6nb\x1b[31mc", b"ab\x1b[31mc"),
            (b"\x1b[c\x1b[0c\x1b[>c\x1b[>q\x1b[5n\x1b[?6n\x1b[?2026$px", b"x"),
            (
                b"\x1b[2 q\x1b[?25l\x1b]0;\x1b\\\x1b[?1;2cq",
                b"\x1b[2 q\x1b[?25l\x1b]0;\x1b\\\x1b[?1;2cq",
            ),
            (b"\x1b\x1b[6n\x1b[6\x1b[nz\n", b"\x1b\x1b[6\x1b[nz\n"),
        ];
        for (output, shown) in table {
            for size in 1..=output.len() {
                let (mut unasked, mut got) = (Unasked::default(), Vec::new());
                output.chunks(size).for_each(|part| unasked.push(part, &mut got));
                assert_eq!(got.escape_ascii().to_string(), shown.escape_ascii().to_string());
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_upsets_it_and_cutting_changes_nothing(
            output in proptest::collection::vec(
                prop_oneof![
                    Just(0x1b), Just(b'['), Just(b'6'), Just(b'n'), Just(b'c'), Just(b'>'), Just(b'?'),
                    Just(b'$'), Just(b'p'), Just(b'\n'), any::<u8>(),
                ],
                0..60,
            ),
            size in 1_usize..8,
        ) {
            prop_assert_eq!(answers(&output, size), answers(&output, output.len().max(1)));
        }
    }
}
