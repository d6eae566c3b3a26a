//! What names stand for: captures, parameters, variables, lists, and the groups of the last match.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::record::Capture;
use crate::expect::failure::Reason;
use crate::expect::mask::Mask;
use crate::expect::program::{Condition, Item, Part, Text, Value};

/// How many bytes a value may have, or the entries of one list together: a pattern that matches every line of a
/// flood must not take all memory, nor what doubles in a loop.
const MOST: usize = 4 << 20;

/// All values of a dialogue.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    named: BTreeMap<String, Value>,
    /// What the record shows: names that the dialogue itself gave a value.
    given: BTreeSet<String>,
    /// How much of its room each list has taken.
    taken: BTreeMap<String, usize>,
    /// The groups of the last match; the first is the whole.
    pub(super) groups: Vec<Option<Vec<u8>>>,
    /// The named ones among them.
    pub(super) names: Vec<(String, Option<Vec<u8>>)>,
    /// The text between the match before and the last one.
    pub(super) before: Vec<u8>,
}

/// Why a text could not be made of its values.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Unrendered {
    #[error("`${{{0}}}` has no value here")]
    Unknown(String),
    #[error("a text with its values in it is longer than {} MiB", MOST >> 20)]
    TooLong,
}

impl Unrendered {
    pub(super) fn reason(&self) -> Reason {
        match self {
            Unrendered::Unknown(_) => Reason::Undefined,
            Unrendered::TooLong => Reason::TooLong,
        }
    }
}

impl Values {
    pub(super) fn new(named: BTreeMap<String, Value>) -> Values {
        Values { named, ..Values::default() }
    }

    /// A text matched.
    pub(super) fn matched(
        &mut self,
        groups: Vec<Option<Vec<u8>>>,
        names: Vec<(String, Option<Vec<u8>>)>,
        before: Vec<u8>,
    ) {
        for (name, value) in &names {
            self.set(name, Value::Text(value.clone()));
        }
        (self.groups, self.names, self.before) = (groups, names, before);
    }

    /// An event happened: there is no match that numbers could mean.
    pub(super) fn no_match(&mut self) {
        self.groups.clear();
        self.names.clear();
        self.before.clear();
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.given.insert(name.to_owned());
        self.taken.remove(name);
        self.named.insert(name.to_owned(), value);
    }

    /// Sets it to a text with its values in it. One that goes on with what it was is not copied: who gathers a flood
    /// does that with every line.
    pub(super) fn assign(&mut self, name: &str, text: &Text) -> Result<(), Unrendered> {
        let is_it = |part: &Part| matches!(part, Part::Name(other) if other == name);
        if let [first, rest @ ..] = text.parts()
            && is_it(first)
            && !rest.iter().any(is_it)
            && let Some(Value::Text(Some(kept))) = self.named.get(name)
        {
            let more = self.join(rest, MOST.saturating_sub(kept.len()), plain)?;
            if let Some(Value::Text(Some(kept))) = self.named.get_mut(name) {
                kept.extend_from_slice(&more);
                self.given.insert(name.to_owned());
            }
        } else {
            self.set(name, Value::text(self.render(text)?));
        }
        Ok(())
    }

    /// Sets a value for a time; gives what it was, for [`Values::restore`].
    pub(super) fn lend(&mut self, name: &str, value: Value) -> (String, Option<Value>) {
        (name.to_owned(), self.named.insert(name.to_owned(), value))
    }

    pub(super) fn restore(&mut self, saved: Vec<(String, Option<Value>)>) {
        for (name, value) in saved.into_iter().rev() {
            match value {
                Some(value) => self.named.insert(name, value),
                None => self.named.remove(&name),
            };
        }
    }

    /// Adds one; what is no number counts as zero.
    pub(super) fn count(&mut self, name: &str) {
        let number =
            self.value(name).and_then(|value| std::str::from_utf8(&value).ok()?.parse().ok());
        let next = number.unwrap_or(0_i64).saturating_add(1);
        self.set(name, Value::text(next.to_string()));
    }

    /// Appends `text` or the last match to a list. False when the list is full.
    pub(super) fn append(&mut self, list: &str, text: Option<Vec<u8>>) -> bool {
        let fields = |(name, value): &(String, Option<Vec<u8>>)| {
            (name.clone(), value.clone().unwrap_or_default())
        };
        let groups = if text.is_none() { self.names.as_slice() } else { &[] };
        let fields: Vec<(String, Vec<u8>)> = groups.iter().map(fields).collect();
        let text = match fields.as_slice() {
            [] if text.is_some() => text.unwrap_or_default(),
            [] => self.groups.first().cloned().flatten().unwrap_or_default(),
            several => several.iter().map(|(_, v)| v.as_slice()).collect::<Vec<_>>().join(&b'\t'),
        };
        self.given.insert(list.to_owned());
        let entry = self.named.entry(list.to_owned());
        let value = entry.or_insert_with(|| Value::List(Vec::new()));
        if let Value::Text(_) = value {
            *value = Value::List(Vec::new());
        }
        let Value::List(items) = value else { return true };
        let taken = self.taken.entry(list.to_owned()).or_default();
        if *taken + text.len() > MOST {
            return false;
        }
        // An empty entry takes room too.
        *taken += 2 * text.len() + 64;
        items.push(Item { text, fields });
        true
    }

    pub(super) fn list(&self, name: &str) -> Option<&[Item]> {
        match self.named.get(name)? {
            Value::List(items) => Some(items),
            Value::Text(_) => None,
        }
    }

    /// The value of a name; nothing when it has none, or is a group that took no part.
    pub(super) fn value(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.look_up(name).ok().flatten()
    }

    /// The same, with an error for a name that was never given a value.
    fn look_up(&self, name: &str) -> Result<Option<Cow<'_, [u8]>>, Unrendered> {
        let unknown = || Unrendered::Unknown(name.to_owned());
        if let Ok(number) = name.parse::<usize>() {
            let group = self.groups.get(number).ok_or_else(unknown)?;
            return Ok(group.as_deref().map(Cow::Borrowed));
        }
        if name == "before" {
            return Ok(Some(Cow::Borrowed(&self.before)));
        }
        Ok(match self.named.get(name).ok_or_else(unknown)? {
            Value::Text(text) => text.as_deref().map(Cow::Borrowed),
            Value::List(items) => Some(Cow::Owned(lines(items))),
        })
    }

    /// A text with its values in it.
    pub(super) fn render(&self, text: &Text) -> Result<Vec<u8>, Unrendered> {
        self.render_with(text, plain)
    }

    /// The same, with `put` deciding how a value is put in.
    pub(super) fn render_with(
        &self,
        text: &Text,
        put: impl Fn(&[u8], &mut Vec<u8>),
    ) -> Result<Vec<u8>, Unrendered> {
        if let Some(bytes) = text.as_literal() {
            return Ok(bytes.to_vec());
        }
        self.join(text.parts(), MOST, put)
    }

    fn join(
        &self,
        parts: &[Part],
        most: usize,
        put: impl Fn(&[u8], &mut Vec<u8>),
    ) -> Result<Vec<u8>, Unrendered> {
        let mut out = Vec::new();
        for part in parts {
            match part {
                Part::Literal(bytes) => out.extend_from_slice(bytes),
                Part::Name(name) => {
                    let value = self.look_up(name)?;
                    put(value.as_deref().unwrap_or_default(), &mut out);
                }
            }
            if out.len() > most {
                return Err(Unrendered::TooLong);
            }
        }
        Ok(out)
    }

    pub(super) fn holds(&self, condition: &Condition) -> bool {
        condition.holds(&|name| self.value(name).map(Cow::into_owned))
    }

    /// What a command of the script's own may know, under names that a shell can read.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&str, Cow<'_, [u8]>)> {
        let fits = |name: &str| {
            !name.starts_with(|c: char| c.is_ascii_digit())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        self.named.iter().filter(move |(name, _)| fits(name)).map(|(name, value)| {
            let value = match value {
                Value::Text(text) => Cow::Borrowed(text.as_deref().unwrap_or_default()),
                Value::List(items) => Cow::Owned(lines(items)),
            };
            (name.as_str(), value)
        })
    }

    /// For the record. Masked.
    pub(super) fn captures(&self, mask: &Mask) -> BTreeMap<String, Capture> {
        let shown = self.given.iter().filter_map(|name| Some((name, self.named.get(name)?)));
        let capture = |value: &Value| match value {
            Value::Text(text) => Capture::Text(text.as_deref().map(|text| mask.text(text))),
            Value::List(items) => {
                Capture::List(items.iter().map(|item| mask.text(&item.text)).collect())
            }
        };
        shown.map(|(name, value)| (name.clone(), capture(value))).collect()
    }
}

/// Puts a value in as it is.
fn plain(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(value);
}

fn lines(items: &[Item]) -> Vec<u8> {
    items.iter().map(|item| item.text.as_slice()).collect::<Vec<_>>().join(&b'\n')
}

/// Puts a value into a regex so that it means itself, under the flags `x` and `i` too.
pub(super) fn quote(value: &[u8], out: &mut Vec<u8>) {
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_ascii_alphanumeric() || !c.is_ascii() {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.extend_from_slice(format!("\\x{:02x}", c as u32).as_bytes());
            }
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("(?-u:\\x{byte:02x})").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text::parse(text).expect("a text")
    }

    /// A flood that is gathered line by line takes as long as it is, not the square of that; and not all memory.
    #[test]
    fn what_is_gathered_is_not_copied_and_has_an_end() {
        let mut values = Values::default();
        let line = [b'x'; 63];
        values.groups = vec![Some(line.to_vec())];
        values.set("log", Value::text(Vec::new()));
        let more = text("${log}${0}\n");
        let mut moves = BTreeSet::new();
        for _ in 0..MOST / 64 {
            values.assign("log", &more).expect("it has room");
            moves.insert(values.value("log").map(|log| log.as_ptr().addr()));
        }
        assert!(moves.len() < 64, "{}", moves.len());
        assert_eq!(values.value("log").map(|log| log.len()), Some(MOST));
        assert_eq!(values.assign("log", &more), Err(Unrendered::TooLong));
        assert_eq!(values.value("log").map(|log| log.len()), Some(MOST));
    }

    #[test]
    fn what_doubles_has_an_end() {
        let mut values = Values::default();
        values.set("x", Value::text(b"ab".to_vec()));
        let doubled = text("${x}${x}");
        while values.assign("x", &doubled).is_ok() {}
        assert_eq!(values.value("x").map(|x| x.len()), Some(MOST));
        for (template, becomes) in [("${y}${x}", "12"), ("${x}-${y}", "12-1"), ("-${x}", "-12-1")] {
            values.set("y", Value::text(b"1".to_vec()));
            if template.starts_with("${y") {
                values.set("x", Value::text(b"2".to_vec()));
            }
            values.assign("x", &text(template)).expect("it has room");
            assert_eq!(values.value("x").as_deref(), Some(becomes.as_bytes()));
        }
    }

    #[test]
    fn a_list_that_is_emptied_has_room_again() {
        let mut values = Values::default();
        for _ in 0..3 {
            values.set("list", Value::text(Vec::new()));
            assert!(values.append("list", Some(vec![b'x'; MOST / 2])));
            assert!(!values.append("list", Some(vec![b'x'; MOST / 2])));
        }
        assert_eq!(values.list("list").map(<[Item]>::len), Some(1));
    }
}
