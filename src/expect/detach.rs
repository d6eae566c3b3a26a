//! The keys that leave a terminal without ending what runs on it, in Docker's spelling, and the input that
//! is held back while they may be on their way.

use thiserror::Error;

/// What Docker's users know.
pub const DEFAULT: &str = "ctrl-p,ctrl-q";

/// What is no list of keys.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "'{0}' is no key here; keys are ctrl-a to ctrl-z, ctrl-@, ctrl-[, ctrl-\\, ctrl-], ctrl-^, ctrl-_, or a \
     single character, with commas between them; none is none"
)]
pub struct NoKey(String);

/// The bytes of keys such as `ctrl-p,ctrl-q`; none for `none`.
pub fn parse(text: &str) -> Result<Vec<u8>, NoKey> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let keys = text.split(',').map(|key| byte(key).ok_or_else(|| NoKey(key.to_owned())));
    keys.collect()
}

fn byte(key: &str) -> Option<u8> {
    let control = key.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("ctrl-"));
    match (if control { &key[5..] } else { key }).as_bytes() {
        [c] if control => match c.to_ascii_uppercase() {
            upper @ b'@'..=b'_' => Some(upper & 0x1f),
            _ => None,
        },
        [c] if c.is_ascii_graphic() => Some(*c),
        _ => None,
    }
}

/// Looks for the keys in what is typed.
///
/// Whatever may still become the keys is held back; as soon as another key shows that it does not, it goes
/// through in front of that key. So nothing typed is lost or reordered, and a program that wants Ctrl-P
/// itself gets it with the next key.
#[derive(Clone, Debug)]
pub struct DetachKeys {
    keys: Vec<u8>,
    /// For every beginning of the keys, how long its longest proper end is that is a beginning too.
    back: Vec<usize>,
    held: usize,
}

impl DetachKeys {
    /// Looks for `keys`, which [`parse`] made; nothing is ever found of none.
    pub fn new(keys: Vec<u8>) -> DetachKeys {
        let mut back = vec![0; keys.len()];
        let mut length = 0;
        for at in 1..keys.len() {
            while length > 0 && keys[length] != keys[at] {
                length = back[length - 1];
            }
            length += usize::from(keys[length] == keys[at]);
            back[at] = length;
        }
        DetachKeys { keys, back, held: 0 }
    }

    /// Takes what was typed and appends to `out` what goes through. When the keys are complete, gives how
    /// many of `bytes` belong to before and to them.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        if self.keys.is_empty() {
            out.extend_from_slice(bytes);
            return None;
        }
        for (at, &byte) in bytes.iter().enumerate() {
            while self.held > 0 && self.keys[self.held] != byte {
                let shorter = self.back[self.held - 1];
                out.extend_from_slice(&self.keys[..self.held - shorter]);
                self.held = shorter;
            }
            if self.keys[self.held] == byte {
                self.held += 1;
            } else {
                out.push(byte);
            }
            if self.held == self.keys.len() {
                self.held = 0;
                return Some(at + 1);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dockers_spelling() {
        let table: &[(&str, &[u8])] = &[
            (DEFAULT, b"\x10\x11"),
            ("ctrl-@", b"\0"),
            ("ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", b"\x1b\x1c\x1d\x1e\x1f"),
            ("a,Z,~", b"aZ~"),
            ("CTRL-C,x", b"\x03x"),
            ("none", b""),
        ];
        for (text, bytes) in table {
            assert_eq!(parse(text).as_deref(), Ok(*bytes), "{text}");
        }
        for text in ["", "ctrl-", "ctrl-1", "ctrl-pp", "ctrl-p,", "é", "enter", "ctrl-\u{e9}"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    fn typed(keys: &[u8], parts: &[Vec<u8>]) -> (Vec<u8>, Option<usize>) {
        let (mut keys, mut out, mut before) = (DetachKeys::new(keys.to_vec()), Vec::new(), 0);
        for part in parts {
            if let Some(at) = keys.push(part, &mut out) {
                return (out, Some(before + at));
            }
            before += part.len();
        }
        // One more key, which is in none of them, lets go of what is held.
        assert_eq!(keys.push(b"!", &mut out), None);
        (out, None)
    }

    proptest! {
        /// With few letters, so that keys often begin and begin again within themselves.
        #[test]
        fn nothing_is_lost_and_the_keys_are_found_however_they_come(
            keys in proptest::collection::vec(b'a'..=b'b', 0..5),
            parts in proptest::collection::vec(proptest::collection::vec(b'a'..=b'c', 0..6), 0..8),
        ) {
            let all = parts.concat();
            let at = (!keys.is_empty())
                .then(|| all.windows(keys.len()).position(|part| part == keys))
                .flatten();
            let (out, found) = typed(&keys, &parts);
            prop_assert_eq!(found, at.map(|at| at + keys.len()));
            let through = at.map_or([&all, b"!".as_slice()].concat(), |at| all[..at].to_vec());
            prop_assert_eq!(out, through);
        }
    }
}
