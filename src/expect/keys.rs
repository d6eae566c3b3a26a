//! Keys by name, as `--key NAME` and `key = "NAME"` spell them.
//!
//! The bytes are those of xterm, which `TERM` promises by default. Arrows, home and end have two
//! spellings, chosen by the program that reads them; see [`super::keypad`].

use thiserror::Error;

use super::escape::show;
use super::names;
use super::program::{Action, Key, Program};

/// A name that is no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no key `{name}`; {}", hint(.name, .nearest.as_deref()))]
pub struct UnknownKey {
    /// As it was written.
    pub name: String,
    /// The nearest name, where one is near.
    pub nearest: Option<String>,
}

fn hint(name: &str, nearest: Option<&str>) -> String {
    if name.chars().count() == 1 {
        return format!("a character is sent as text (--send {name}, send = in a script)");
    }
    match nearest {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            "keys are ctrl-a to ctrl-z, alt-x, up, down, left, right, home, end, pageup, pagedown, \
                 insert, delete, f1 to f12, enter, tab, shift-tab, esc, backspace, space, eof"
                .to_owned()
        }
    }
}

/// Keys that always type the same bytes. The first spelling of several is the one that hints offer.
const FIXED: &[(&str, &[u8])] = &[
    ("enter", b"\r"),
    ("return", b"\r"),
    ("tab", b"\t"),
    ("shift-tab", b"\x1b[Z"),
    ("esc", b"\x1b"),
    ("escape", b"\x1b"),
    ("backspace", b"\x7f"),
    ("space", b" "),
    ("pageup", b"\x1b[5~"),
    ("pgup", b"\x1b[5~"),
    ("pagedown", b"\x1b[6~"),
    ("pgdn", b"\x1b[6~"),
    ("insert", b"\x1b[2~"),
    ("ins", b"\x1b[2~"),
    ("delete", b"\x1b[3~"),
    ("del", b"\x1b[3~"),
    ("f1", b"\x1bOP"),
    ("f2", b"\x1bOQ"),
    ("f3", b"\x1bOR"),
    ("f4", b"\x1bOS"),
    ("f5", b"\x1b[15~"),
    ("f6", b"\x1b[17~"),
    ("f7", b"\x1b[18~"),
    ("f8", b"\x1b[19~"),
    ("f9", b"\x1b[20~"),
    ("f10", b"\x1b[21~"),
    ("f11", b"\x1b[23~"),
    ("f12", b"\x1b[24~"),
    ("ctrl-space", b"\0"),
];

/// Keys whose bytes depend on the keypad mode: the final letter.
const CURSOR: &[(&str, u8)] =
    &[("up", b'A'), ("down", b'B'), ("right", b'C'), ("left", b'D'), ("home", b'H'), ("end", b'F')];

/// The key of this name. Names are read without regard to case, except for the character after `alt-`.
pub fn parse(name: &str) -> Result<Key, UnknownKey> {
    let lower = name.to_ascii_lowercase();
    if lower == "eof" {
        return Ok(Key::Eof);
    }
    if let Some(&(_, bytes)) = FIXED.iter().find(|(known, _)| *known == lower) {
        return Ok(Key::Bytes(bytes.to_vec()));
    }
    if let Some(&(_, letter)) = CURSOR.iter().find(|(known, _)| *known == lower) {
        return Ok(Key::Cursor(letter));
    }
    if let Some(byte) = lower.strip_prefix("ctrl-").and_then(control) {
        return Ok(Key::Bytes(vec![byte]));
    }
    if lower.starts_with("alt-")
        && let Some(bytes) = alt(&name["alt-".len()..])
    {
        return Ok(Key::Bytes(bytes));
    }
    Err(UnknownKey { name: name.to_owned(), nearest: nearest(&lower) })
}

/// What is to be said where this is typed over pipes, to which it means nothing: there is no terminal to make a signal
/// or an end of it, nor a screen to move on.
pub fn lost_on_pipes(key: &Key) -> Option<String> {
    let instead = match key {
        Key::Bytes(bytes) => match bytes.as_slice() {
            [0x03] => "; `--do interrupt` and `heeler signal` send INT",
            [0x04] => "; `--key eof` ends the input",
            [0x1a | 0x1c] => "",
            _ => return None,
        },
        Key::Cursor(_) => "",
        Key::Eof => return None,
    };
    let name = name(key)?;
    Some(format!(
        "the key {name} means something to a terminal, and pipes have none (--pty){instead}; {} types its bytes all \
         the same",
        plainly(key)
    ))
}

/// What types the bytes of a key, whatever they are to whoever reads them: a terminal may be behind the pipe.
fn plainly(key: &Key) -> String {
    let bytes = match key {
        Key::Bytes(bytes) => bytes.clone(),
        Key::Cursor(letter) => vec![0x1b, b'[', *letter],
        Key::Eof => vec![0x04],
    };
    format!("--send '{}'", show(&bytes, usize::MAX))
}

/// The same of the first such key of a dialogue over pipes.
pub fn lost_in(program: &Program) -> Option<String> {
    program.all_actions().find_map(|action| match action {
        Action::Key(key) => lost_on_pipes(key),
        _ => None,
    })
}

/// A name of a key: [`parse`] makes the same of it. None where no single name types these bytes.
pub fn name(key: &Key) -> Option<String> {
    let bytes = match key {
        Key::Eof => return Some("eof".to_owned()),
        Key::Cursor(letter) => {
            let found = CURSOR.iter().find(|(_, known)| known == letter);
            return found.map(|(name, _)| (*name).to_owned());
        }
        Key::Bytes(bytes) => bytes.as_slice(),
    };
    if let Some((name, _)) = FIXED.iter().find(|(_, known)| *known == bytes) {
        return Some((*name).to_owned());
    }
    let letters = (b'a'..=b'z').chain(*b"@[\\]^_?").map(char::from);
    let controls = letters.map(|letter| letter.to_string());
    if let Some(letter) =
        controls.into_iter().find(|letter| control(letter).is_some_and(|byte| [byte] == *bytes))
    {
        return Some(format!("ctrl-{letter}"));
    }
    let typed = bytes.strip_prefix(b"\x1b")?;
    let text = std::str::from_utf8(typed).ok()?;
    let single = text.chars().count() == 1 && !text.chars().any(char::is_control);
    let inner = if single { text.to_owned() } else { name(&Key::Bytes(typed.to_vec()))? };
    let named = format!("alt-{inner}");
    (parse(&named).as_ref() == Ok(key)).then_some(named)
}

/// The control character of one letter: what a terminal sends for Ctrl and that key.
fn control(key: &str) -> Option<u8> {
    match key.as_bytes() {
        [letter @ b'a'..=b'z'] => Some(letter - b'a' + 1),
        [mark @ (b'@' | b'[' | b'\\' | b']' | b'^' | b'_')] => Some(mark - b'@'),
        [b'?'] => Some(0x7f),
        _ => None,
    }
}

/// Alt is an escape before what the key itself types.
fn alt(key: &str) -> Option<Vec<u8>> {
    let mut chars = key.chars();
    let typed = match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_control() => key.as_bytes().to_vec(),
        _ => match parse(key) {
            Ok(Key::Bytes(bytes)) if !key.to_ascii_lowercase().starts_with("alt-") => bytes,
            _ => return None,
        },
    };
    Some([b"\x1b".as_slice(), &typed].concat())
}

fn nearest(name: &str) -> Option<String> {
    // Other tools' spellings, which no edit distance would find.
    let habit = name
        .strip_prefix("c-")
        .or_else(|| name.strip_prefix('^'))
        .or_else(|| name.strip_prefix("ctrl+"))
        .or_else(|| name.strip_prefix("control-"))
        .filter(|key| self::control(key).is_some())
        .map(|key| format!("ctrl-{key}"))
        .or_else(|| name.strip_prefix("m-").map(|key| format!("alt-{key}")));
    habit.or_else(|| {
        let fixed = FIXED.iter().map(|(known, _)| *known);
        let cursor = CURSOR.iter().map(|(known, _)| *known);
        let control: Vec<String> = ('a'..='z').map(|letter| format!("ctrl-{letter}")).collect();
        let known = fixed.chain(cursor).chain(control.iter().map(String::as_str)).chain(["eof"]);
        names::nearest(name, known).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(name: &str) -> Vec<u8> {
        match parse(name) {
            Ok(Key::Bytes(bytes)) => bytes,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn every_control_character_has_a_name() {
        for (index, letter) in ('a'..='z').enumerate() {
            assert_eq!(bytes(&format!("ctrl-{letter}")), [index as u8 + 1]);
        }
        let marks = [("ctrl-@", 0), ("ctrl-[", 27), ("ctrl-\\", 28), ("ctrl-]", 29)];
        for (name, byte) in marks.into_iter().chain([("ctrl-^", 30), ("ctrl-_", 31)]) {
            assert_eq!(bytes(name), [byte], "{name}");
        }
        assert_eq!(bytes("ctrl-?"), [127]);
        assert_eq!(bytes("Ctrl-C"), [3]);
    }

    #[test]
    fn named_keys_type_what_xterm_types() {
        assert_eq!(bytes("enter"), b"\r");
        assert_eq!(bytes("shift-tab"), b"\x1b[Z");
        assert_eq!(bytes("f1"), b"\x1bOP");
        assert_eq!(bytes("F12"), b"\x1b[24~");
        assert_eq!(bytes("PageUp"), b"\x1b[5~");
        assert_eq!(parse("up"), Ok(Key::Cursor(b'A')));
        assert_eq!(parse("END"), Ok(Key::Cursor(b'F')));
        assert_eq!(parse("eof"), Ok(Key::Eof));
    }

    #[test]
    fn a_name_gives_the_key_back() {
        let names = [
            "ctrl-c",
            "ctrl-]",
            "up",
            "end",
            "eof",
            "f5",
            "enter",
            "alt-x",
            "alt-X",
            "alt-enter",
            "alt-ctrl-a",
        ];
        for known in names {
            let key = parse(known).unwrap();
            assert_eq!(parse(&name(&key).unwrap()), Ok(key), "{known}");
        }
        assert_eq!(name(&Key::Bytes(b"two".to_vec())), None);
        assert_eq!(name(&Key::Bytes(b"\x1b\x1bx".to_vec())), None);
    }

    #[test]
    fn alt_is_an_escape_before_the_key() {
        assert_eq!(bytes("alt-x"), b"\x1bx");
        assert_eq!(bytes("alt-X"), b"\x1bX");
        assert_eq!(bytes("alt-é"), "\x1bé".as_bytes());
        assert_eq!(bytes("alt--"), b"\x1b-");
        assert_eq!(bytes("alt-enter"), b"\x1b\r");
        assert_eq!(bytes("alt-ctrl-a"), b"\x1b\x01");
        assert!(parse("alt-").is_err());
        assert!(parse("alt-alt-x").is_err());
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_one() {
        let near = |name: &str| parse(name).unwrap_err().nearest;
        assert_eq!(near("pgeup").as_deref(), Some("pageup"));
        assert_eq!(near("bakcspace").as_deref(), Some("backspace"));
        assert_eq!(near("^C").as_deref(), Some("ctrl-c"));
        assert_eq!(near("C-c").as_deref(), Some("ctrl-c"));
        assert_eq!(near("ctrl+c").as_deref(), Some("ctrl-c"));
        assert_eq!(near("banana"), None);
        assert_eq!(near(""), None);
        assert_eq!(
            parse("entr").unwrap_err().to_string(),
            "there is no key `entr`; did you mean `enter`?"
        );
        assert_eq!(
            parse("q").unwrap_err().to_string(),
            "there is no key `q`; a character is sent as text (--send q, send = in a script)"
        );
        assert!(parse("banana").unwrap_err().to_string().contains("keys are ctrl-a to ctrl-z"));
    }

    #[test]
    fn names_that_cut_a_character_are_only_unknown() {
        assert!(parse("altö").is_err());
        assert!(parse("é").is_err());
        assert!(parse("alt-\u{1}").is_err());
    }
}
