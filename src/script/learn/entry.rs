//! A session cut into entries: what had been written, then what was typed.
//!
//! An entry ends with Enter or with a key that is no text. Where a command reads every key itself, it also
//! ends where the command answered with something other than an echo.

use std::num::NonZeroU16;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::expect::tape::{Heard, Session, Typing};
use crate::expect::view::plain;

/// How an entry ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With Enter.
    Enter,
    /// With a key that is no text, as its bytes.
    Key(Vec<u8>),
    /// Without either.
    Nothing,
}

/// Something that was typed, and what was there before.
pub(super) struct Entry {
    /// The output since the entry before, as it came.
    pub(super) before: Vec<u8>,
    /// The output between its keys: mostly its echo.
    pub(super) during: Vec<u8>,
    /// The text, as it was when all was erased that was to be.
    pub(super) typed: Zeroizing<Vec<u8>>,
    pub(super) typing: Typing,
    /// Whether it stood before the cursor when Enter came, or right after.
    pub(super) seen: bool,
    pub(super) end: End,
    /// When the output before it came last, and when the entry before it ended.
    pub(super) prompted: Duration,
    pub(super) since: Duration,
    /// The screen's row with the cursor, where the command moves the cursor about.
    pub(super) row: Option<String>,
    /// The moment with its last key.
    pub(super) moment: usize,
}

/// All entries of a session, and the output after the last.
pub(super) fn entries(session: &Session) -> (Vec<Entry>, Vec<u8>) {
    let mut cutter = Cutter::new(session.size);
    for (index, moment) in session.moments.iter().enumerate() {
        match &moment.what {
            Heard::Output(bytes) => cutter.output(moment.at, bytes),
            Heard::Input(bytes, typing) => {
                for token in tokens(bytes) {
                    cutter.key(moment.at, index, token, *typing);
                }
            }
            Heard::Resize(columns, rows) => {
                cutter.screen.screen_mut().set_size(cells(*rows), cells(*columns));
            }
        }
    }
    cutter.finish(End::Nothing, Duration::MAX);
    (cutter.done, cutter.output)
}

struct Cutter {
    done: Vec<Entry>,
    open: Option<Entry>,
    output: Vec<u8>,
    last_output: Duration,
    last_entry: Duration,
    screen: vt100::Parser,
}

impl Cutter {
    fn new((columns, rows): (u16, u16)) -> Cutter {
        Cutter {
            done: Vec::new(),
            open: None,
            output: Vec::new(),
            last_output: Duration::ZERO,
            last_entry: Duration::ZERO,
            screen: vt100::Parser::new(cells(rows), cells(columns), 0),
        }
    }

    fn output(&mut self, at: Duration, bytes: &[u8]) {
        self.draw(bytes);
        if let Some(open) = &mut self.open {
            open.during.extend_from_slice(bytes);
        } else {
            self.last_output = at;
            self.output.extend_from_slice(bytes);
        }
    }

    /// A line that was typed at once, Enter with it, is drawn only now: before anything else.
    fn draw(&mut self, bytes: &[u8]) {
        let drawn = self.open.is_none() && !self.output.contains(&b'\n');
        let last =
            self.done.last_mut().filter(|last| drawn && last.end == End::Enter && !last.seen);
        let Some((end, last)) = last.and_then(|last| Some((*last.typed.last()?, last))) else {
            return self.screen.process(bytes);
        };
        let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (line, rest) = bytes.split_at(line);
        for piece in line.split_inclusive(|byte| *byte == end) {
            self.screen.process(piece);
            last.seen |= ends_with(self.screen.screen(), &last.typed);
        }
        self.screen.process(rest);
    }

    fn key(&mut self, at: Duration, index: usize, token: &[u8], typing: Typing) {
        let screen = self.screen.screen();
        let echoes = |open: &Entry| ends_with(screen, &open.typed);
        if typing == Typing::Keys
            && self.open.as_ref().is_some_and(|open| answered(open) && !echoes(open))
        {
            // What came between the keys was no echo, so what came is what the next key answers.
            let during = self.open.as_mut().map(|open| std::mem::take(&mut open.during));
            self.finish(End::Nothing, at);
            self.output = during.unwrap_or_default();
            self.last_output = at;
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => self.begin(typing),
        };
        open.moment = index;
        if typing == Typing::Hidden {
            // A line of which any part was typed unseen was typed unseen.
            open.typing = Typing::Hidden;
        }
        match token {
            [b'\r' | b'\n'] => self.finish(End::Enter, at),
            [0x7f | 0x08] if !open.typed.is_empty() => {
                while open.typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            [0x15] if !open.typed.is_empty() => open.typed.clear(),
            [0x17] if !open.typed.is_empty() => {
                let kept = open.typed.trim_ascii_end().iter().rposition(|byte| *byte == b' ');
                open.typed.truncate(kept.map_or(0, |space| space + 1));
            }
            [b'\t'] if typing != Typing::Keys => open.typed.push(b'\t'),
            [byte] if *byte >= b' ' && *byte != 0x7f => open.typed.push(*byte),
            key => {
                if !open.typed.is_empty() {
                    self.finish(End::Nothing, at);
                    self.begin(typing).moment = index;
                }
                self.finish(End::Key(key.to_vec()), at);
            }
        }
    }

    fn begin(&mut self, typing: Typing) -> &mut Entry {
        let before = std::mem::take(&mut self.output);
        let row = row(&before, self.screen.screen());
        self.open.insert(Entry {
            before,
            during: Vec::new(),
            typed: Zeroizing::default(),
            typing,
            seen: false,
            end: End::Nothing,
            prompted: self.last_output,
            since: self.last_entry,
            row,
            moment: 0,
        })
    }

    fn finish(&mut self, end: End, at: Duration) {
        let Some(mut open) = self.open.take() else { return };
        open.seen = end == End::Enter
            && !open.typed.is_empty()
            && ends_with(self.screen.screen(), &open.typed);
        open.end = end;
        if open.end != End::Nothing || !open.typed.is_empty() {
            self.last_entry = at;
            self.done.push(open);
        } else {
            // All of it was erased again.
            self.output = [open.before, open.during].concat();
        }
    }
}

/// A size; nothing is as small as none.
fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN)
}

/// Keys: an escape sequence is one, every other byte is one.
fn tokens(bytes: &[u8]) -> Vec<&[u8]> {
    let mut tokens = Vec::new();
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let length = if first == 0x1b { sequence(rest) } else { 1 };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// The length of the escape sequence that `bytes` begin with.
fn sequence(bytes: &[u8]) -> usize {
    match bytes.get(1) {
        Some(b'O') if bytes.len() > 2 => 3,
        Some(b'[') => {
            let last = bytes.iter().skip(2).position(|byte| (0x40..=0x7e).contains(byte));
            last.map_or(bytes.len(), |last| last + 3)
        }
        Some(byte) if *byte != 0x1b => 2,
        _ => 1,
    }
}

/// Whether the command answered an entry's keys with something other than an echo of any kind.
fn answered(entry: &Entry) -> bool {
    if entry.typed.is_empty() || entry.during.is_empty() {
        return false;
    }
    let shown = plain::text(&entry.during);
    let shown = shown.trim_ascii();
    // Line editors write a word again where they colour it; an answer is longer.
    let echo = shown.starts_with(&entry.typed)
        || contains(shown, &entry.typed) && shown.len() <= 3 * entry.typed.len() + 2;
    !(shown.is_empty() || is_stars(shown) || echo)
}

/// What password fields show.
fn is_stars(shown: &[u8]) -> bool {
    let text = String::from_utf8_lossy(shown);
    !text.is_empty() && text.chars().all(|c| matches!(c, '*' | '•' | '●' | '·' | '.' | ' '))
}

/// Whether `typed` stands in `text`.
pub(super) fn contains(text: &[u8], typed: &[u8]) -> bool {
    memchr::memmem::find(text, typed.trim_ascii()).is_some()
}

/// Whether `typed` is what the screen shows before its cursor.
fn ends_with(screen: &vt100::Screen, typed: &[u8]) -> bool {
    let (row, column) = screen.cursor_position();
    let shown = screen.contents_between(row, 0, row, column);
    shown.as_bytes().ends_with(typed)
}

/// The row that the cursor is in, where the output since the last input placed the cursor rather than
/// writing lines; the last row with text where that one has none.
fn row(output: &[u8], screen: &vt100::Screen) -> Option<String> {
    let placed = || {
        let mut escapes = output.split(|byte| *byte == 0x1b).skip(1);
        escapes.any(|rest| {
            let end = rest.iter().skip(1).position(|byte| (0x40..=0x7e).contains(byte));
            rest.first() == Some(&b'[')
                && end.is_some_and(|end| matches!(rest[end + 1], b'H' | b'f'))
        })
    };
    if !screen.alternate_screen() && !placed() {
        return None;
    }
    let rows: Vec<String> = screen.rows(0, screen.size().1.get()).collect();
    let at = usize::from(screen.cursor_position().0);
    let with_text = |row: &&String| !row.trim().is_empty();
    let found = rows.get(at).filter(with_text).or_else(|| rows.iter().rev().find(with_text));
    found.map(|row| row.trim().to_owned())
}
