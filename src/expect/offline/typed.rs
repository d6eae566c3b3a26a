//! What a recording says about what was typed: by its input events where it has them, else by the echo.
//!
//! Without input events the echo is all there is, and a terminal that did not echo leaves none. So a line
//! that is not found is no mistake by itself; it is one where the recording shows something else in its
//! place: the rest of the prompt's line.

use crate::expect::escape::show;
use crate::expect::tape::{Fact, What};
use crate::expect::view::plain;

/// How far an echo is looked for: more output cannot be under way in a terminal.
const REACH: usize = 64 << 10;
/// How much of a text is shown.
const SHOWN: usize = 60;

/// What a recording says about something that the dialogue typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It was typed: by then, and its echo begins here.
    There {
        /// The fact that completes it.
        done: usize,
        /// The fact in which its echo begins.
        echo: Option<usize>,
    },
    /// It cannot be told.
    Unseen,
    /// Something else was.
    Other(String),
}

/// The recorded input, key by key. What takes back keys does so only where the dialogue has not typed it itself: a
/// command that reads every key may have meant something else by it.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// Each key, and the fact that it is in.
    keys: Vec<(u8, usize)>,
    next: usize,
    known: bool,
    /// A terminal may have echoed what was typed.
    terminal: bool,
}

impl Typed {
    pub(super) fn new(facts: &[Fact], terminal: bool) -> Typed {
        let mut typed = Typed { terminal, ..Typed::default() };
        for (index, fact) in facts.iter().enumerate() {
            if let What::Input(bytes) = &fact.what {
                typed.known = true;
                typed.keys.extend(bytes.iter().map(|byte| (enter(*byte), index)));
            }
        }
        typed
    }

    /// Whether the recording has input at all.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// The dialogue types `bytes` before the fact `at`.
    pub(super) fn text(&mut self, bytes: &[u8], facts: &[Fact], at: usize) -> Found {
        match (self.known, self.terminal) {
            (true, _) => self.by_input(bytes, facts, at),
            (false, true) => by_echo(bytes, facts, at),
            (false, false) => Found::Unseen,
        }
    }

    fn by_input(&mut self, bytes: &[u8], facts: &[Fact], at: usize) -> Found {
        let wanted: Vec<u8> = bytes.iter().map(|byte| enter(*byte)).collect();
        let Some(most) = wanted.len().checked_sub(1) else { return Found::Unseen };
        let rest = &self.keys[self.next..];
        let as_typed = rest.iter().enumerate().map(|(at, (key, _))| (*key, self.next + at));
        let as_typed: Vec<(u8, usize)> = as_typed.take(wanted.len()).collect();
        let left = self.left(wanted.len());
        let same = |keys: &&Vec<(u8, usize)>| {
            keys.len() > most && wanted.iter().zip(*keys).all(|(wanted, (key, _))| wanted == key)
        };
        if let Some(keys) = [&as_typed, &left].into_iter().find(same) {
            let done = self.take(keys[most].1);
            let echo = echo(&wanted, facts, at).filter(|_| self.terminal);
            let done = echo.map_or(done, |(_, end)| done.max(end));
            return Found::There { done, echo: echo.map(|(begin, _)| begin) };
        }
        if wanted.iter().all(|byte| is_edit(*byte)) {
            return Found::Unseen;
        }
        if let (Some((b'\r', last)), Some((b'\r', text))) = (left.first(), wanted.split_last())
            && !text.contains(&b'\r')
        {
            // The line was typed unseen, and only its Enter is in the recording.
            return Found::There { done: self.take(*last), echo: None };
        }
        let end = rest.iter().position(|(key, _)| *key == b'\r').map_or(rest.len(), |end| end + 1);
        let line: Vec<u8> = rest[..end].iter().map(|(key, _)| *key).collect();
        Found::Other(if rest.is_empty() {
            "the recording has nothing more that was typed".to_owned()
        } else {
            format!("the recording has `{}`", show(&line, SHOWN))
        })
    }

    /// The keys up to `last` are done; the fact of that one.
    fn take(&mut self, last: usize) -> usize {
        self.next = last + 1;
        self.keys[last].1
    }

    /// What is left of the next keys where a terminal edits lines: at least `count`, with where they stand, up to the
    /// end of a line.
    fn left(&self, count: usize) -> Vec<(u8, usize)> {
        let mut left = Vec::new();
        for (at, (key, _)) in self.keys.iter().enumerate().skip(self.next) {
            edit(&mut left, *key, at);
            if *key == b'\r' && left.len() >= count {
                break;
            }
        }
        left
    }

    /// The dialogue types a secret: of it, the Enter is all that a recording may have.
    pub(super) fn secret(&mut self) -> Found {
        if !self.known {
            return Found::Unseen;
        }
        let line = self.left(1);
        let Some(((b'\r', last), text)) = line.split_last() else {
            return Found::Other("the recording has nothing more that was typed".to_owned());
        };
        let text: Vec<u8> = text.iter().map(|(key, _)| *key).collect();
        if !text.is_empty() && text != crate::expect::mask::MASKED {
            // It may be one that was typed where it shows: not to be repeated.
            return Found::Other("the recording has something that was typed visibly".to_owned());
        }
        Found::There { done: self.take(*last), echo: None }
    }

    /// The dialogue types this key, which may not be in the recording: an end of file, an interrupt.
    pub(super) fn key(&mut self, key: u8) -> Found {
        match self.left(1).first() {
            Some((next, last)) if *next == key => {
                Found::There { done: self.take(*last), echo: None }
            }
            _ => Found::Unseen,
        }
    }

    /// Whether the fact `at` is input that the dialogue has not typed yet.
    pub(super) fn is_ahead(&self, at: usize) -> bool {
        self.keys.get(self.from(at)).is_some_and(|(_, index)| *index == at)
    }

    /// Which key is the next one that was typed at the fact `at` or later.
    fn from(&self, at: usize) -> usize {
        self.next + self.keys[self.next..].partition_point(|(_, index)| *index < at)
    }

    /// What was typed before the fact `at` was somebody else's business.
    pub(super) fn skip_to(&mut self, at: usize) {
        self.next = self.from(at);
    }

    /// What was typed beyond what the dialogue did; ends of file and interrupts apart.
    pub(super) fn rest(&self) -> Option<String> {
        let rest: Vec<u8> = self.left(usize::MAX).iter().map(|(key, _)| *key).collect();
        let told = rest.iter().any(|key| !matches!(key, 3 | 4 | b'\r'));
        told.then(|| show(&rest, SHOWN))
    }
}

/// What takes back what was typed before it, on a terminal that edits lines and in every line editor.
fn is_edit(byte: u8) -> bool {
    matches!(byte, 0x7f | 0x08 | 0x15 | 0x17)
}

/// Enter has two spellings.
fn enter(byte: u8) -> u8 {
    if byte == b'\n' { b'\r' } else { byte }
}

/// One more key.
fn edit(keys: &mut Vec<(u8, usize)>, byte: u8, index: usize) {
    let in_line = |keys: &[(u8, usize)]| keys.last().is_some_and(|(key, _)| *key >= b' ');
    match byte {
        0x7f | 0x08 => {
            // All bytes of a character.
            while in_line(keys) && keys.pop().is_some_and(|(key, _)| key & 0xc0 == 0x80) {}
        }
        0x15 => {
            while in_line(keys) {
                keys.pop();
            }
        }
        0x17 => {
            while in_line(keys) && keys.last().is_some_and(|(key, _)| *key == b' ') {
                keys.pop();
            }
            while in_line(keys) && keys.last().is_some_and(|(key, _)| *key != b' ') {
                keys.pop();
            }
        }
        _ => keys.push((byte, index)),
    }
}

fn by_echo(bytes: &[u8], facts: &[Fact], at: usize) -> Found {
    if let Some((begin, done)) = echo(bytes, facts, at) {
        return Found::There { done, echo: Some(begin) };
    }
    // Only a line says plainly enough what should stand there.
    let Some((b'\r' | b'\n', text)) = bytes.split_last() else { return Found::Unseen };
    let text = plain::text(text);
    let (after, _) = output(facts, at);
    let after = plain::text(&after);
    let line = after.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    let elsewhere = memchr::memmem::find(&after, text.trim_ascii()).is_some();
    if text.trim_ascii().is_empty() || line.is_empty() || elsewhere {
        return Found::Unseen;
    }
    Found::Other(format!("the recording shows `{}`", show(line, SHOWN)))
}

/// Where the echo of `bytes` begins and ends, from the fact `at` on. It stands at the end of the prompt's
/// line, or begins what was read at once.
fn echo(bytes: &[u8], facts: &[Fact], at: usize) -> Option<(usize, usize)> {
    let wanted = shown(bytes);
    if wanted.is_empty() {
        return None;
    }
    let (after, places) = output(facts, at);
    let fact_of = |place: usize| {
        let index = places.partition_point(|(begin, _)| *begin <= place) - 1;
        places[index].1
    };
    memchr::memmem::find_iter(&after, &wanted).find_map(|place| {
        let first_line = !after[..place].contains(&b'\n');
        let begins = places.iter().any(|(begin, _)| *begin == place);
        (first_line || begins).then(|| (fact_of(place), fact_of(place + wanted.len() - 1)))
    })
}

/// The first line of `bytes` as a terminal echoes it; up to what is echoed in ways that depend on the line.
fn shown(bytes: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    for &byte in bytes {
        match byte {
            b'\r' | b'\n' | 0x7f | 0x15 | 0x16 | 0x17 | 0x04 => break,
            b'\t' => shown.push(byte),
            0..=0x1f => shown.extend_from_slice(&[b'^', byte + 0x40]),
            _ => shown.push(byte),
        }
    }
    shown
}

/// The output from the fact `at` on, and where in it each fact's begins.
fn output(facts: &[Fact], at: usize) -> (Vec<u8>, Vec<(usize, usize)>) {
    let (mut all, mut places) = (Vec::new(), Vec::new());
    for (index, fact) in facts.iter().enumerate().skip(at) {
        if let What::Output(bytes) = &fact.what {
            places.push((all.len(), index));
            all.extend_from_slice(bytes);
        }
        if all.len() > REACH {
            break;
        }
    }
    (all, places)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn facts(of: &[(&str, &str)]) -> Vec<Fact> {
        let fact = |(n, (code, text)): (usize, &(&str, &str))| Fact {
            at: Duration::from_secs(n as u64),
            what: if *code == "i" {
                What::Input(text.as_bytes().to_vec())
            } else {
                What::Output(text.as_bytes().to_vec())
            },
        };
        of.iter().enumerate().map(fact).collect()
    }

    #[test]
    fn what_was_erased_was_not_typed() {
        let facts = facts(&[("i", "alicd\x7fe \u{e9}\x7fxx\x17b\r"), ("i", "no\x15yes\r")]);
        let mut typed = Typed::new(&facts, true);
        assert_eq!(typed.text(b"alice b\n", &facts, 0), Found::There { done: 0, echo: None });
        assert_eq!(typed.text(b"yes\r", &facts, 0), Found::There { done: 1, echo: None });
        assert!(matches!(typed.text(b"more\r", &facts, 0), Found::Other(_)));
        assert_eq!(typed.rest(), None);
    }

    /// A line editor gives Ctrl-U to whom it likes, and a script that types it means it.
    #[test]
    fn what_the_dialogue_types_itself_takes_nothing_back() {
        let facts = facts(&[("i", "1+1\r"), ("i", "\x1b[A"), ("i", "\x15"), ("i", "x=1\r\x04")]);
        let mut typed = Typed::new(&facts, true);
        for (text, done) in [("1+1\r", 0), ("\x1b[A", 1), ("\x15", 2), ("x=1\r", 3)] {
            let found = typed.text(text.as_bytes(), &facts, 0);
            assert_eq!(found, Found::There { done, echo: None }, "{text}");
        }
        assert_eq!(typed.key(4), Found::There { done: 3, echo: None });
        assert_eq!(typed.rest(), None);
        let other = Typed::new(&facts, true).text(b"1+1\r2\r", &facts, 0);
        assert_eq!(other, Found::Other("the recording has `1+1\\r`".to_owned()));
        let mut typed = Typed::new(&facts, true);
        typed.text(b"1+1\r", &facts, 0);
        let other = typed.text(b"y\r", &facts, 0);
        let raw = Found::Other("the recording has `\\e[A\\x15x=1\\r`".to_owned());
        assert_eq!(other, raw);
    }

    #[test]
    fn a_line_typed_unseen_has_only_its_enter() {
        let facts = facts(&[("i", "\r"), ("i", "\r"), ("i", "bob\r")]);
        let mut typed = Typed::new(&facts, true);
        assert_eq!(typed.secret(), Found::There { done: 0, echo: None });
        assert_eq!(typed.text(b"q\r", &facts, 0), Found::There { done: 1, echo: None });
        assert_eq!(typed.rest().as_deref(), Some("bob\\r"));
        let Found::Other(other) = typed.secret() else { panic!() };
        assert!(!other.contains("bob"));
    }

    #[test]
    fn the_echo_is_found_where_it_can_be() {
        let there = |echo, done| Found::There { done, echo: Some(echo) };
        let table: &[(&[(&str, &str)], Found)] = &[
            (&[("o", "bob\r\n"), ("o", "hi bob")], there(0, 0)),
            (&[("o", "[you]: "), ("o", "b"), ("o", "o"), ("o", "b"), ("o", "\r\n")], there(1, 3)),
            (&[("o", "late line\r\n"), ("o", "bob\r\n")], there(1, 1)),
            (&[("o", "\r\nhello bob\r\n")], Found::Unseen),
            (&[("o", "\r\nhello\r\n")], Found::Unseen),
            (&[("o", "eve\r\nhello\r\n")], Found::Other("the recording shows `eve`".to_owned())),
            (&[], Found::Unseen),
        ];
        for (recorded, found) in table {
            let facts = facts(recorded);
            assert_eq!(Typed::new(&facts, true).text(b"bob\r", &facts, 0), *found, "{recorded:?}");
        }
    }
}
