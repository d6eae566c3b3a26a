//! C escapes: how `--send TEXT` spells bytes, and how foreign bytes are shown in a sentence.
//!
//! The two directions live together so that what a message shows can be typed back.

use thiserror::Error;

/// An escape that means nothing, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("column {column}: {kind}")]
pub struct EscapeError {
    /// The column of the backslash in characters, 1 for the first.
    pub column: usize,
    /// What is wrong.
    pub kind: EscapeErrorKind,
}

/// What is wrong with an escape.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EscapeErrorKind {
    /// A lone backslash at the end.
    #[error("a backslash ends the text; write `\\\\` for one")]
    Unfinished,
    /// A letter without a meaning.
    #[error(
        "`\\{0}` is no escape; there are \\n \\r \\t \\a \\b \\f \\v \\e \\0 \\xHH \\NNN \\u{{HEX}} \\\\, \
         and `\\\\{0}` is a backslash and `{0}`"
    )]
    Unknown(char),
    /// `\x` without two hexadecimal digits.
    #[error("`\\x` takes two hexadecimal digits, as in `\\x1b`")]
    Hex,
    /// An octal number above 377.
    #[error("`\\{0}` is above `\\377`, the largest byte")]
    Octal(String),
    /// `\u` without a number in braces, or a number that is no character.
    #[error("`\\u` takes the number of a character in braces, as in `\\u{{e9}}`")]
    Unicode,
}

/// The bytes that `text` spells.
///
/// Octal takes up to three digits, as in C, so `\0` alone is a NUL byte. `\u{..}` becomes UTF-8.
pub fn unescape(text: &str) -> Result<Vec<u8>, EscapeError> {
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars().enumerate().peekable();
    while let Some((index, c)) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let fail = |kind| EscapeError { column: index + 1, kind };
        let Some((_, letter)) = chars.next() else {
            return Err(fail(EscapeErrorKind::Unfinished));
        };
        let mut take = |wanted: fn(char) -> bool, most: usize| {
            let mut taken = String::new();
            while taken.len() < most
                && let Some((_, digit)) = chars.next_if(|&(_, c)| wanted(c))
            {
                taken.push(digit);
            }
            taken
        };
        match letter {
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'a' => out.push(0x07),
            'b' => out.push(0x08),
            'f' => out.push(0x0c),
            'v' => out.push(0x0b),
            'e' => out.push(0x1b),
            '\\' | '\'' | '"' => out.push(letter as u8),
            '0'..='7' => {
                let digits = format!("{letter}{}", take(|c| matches!(c, '0'..='7'), 2));
                let byte = u8::from_str_radix(&digits, 8)
                    .map_err(|_| fail(EscapeErrorKind::Octal(digits)))?;
                out.push(byte);
            }
            'x' => {
                let digits = take(|c| c.is_ascii_hexdigit(), 2);
                if digits.len() != 2 {
                    return Err(fail(EscapeErrorKind::Hex));
                }
                out.push(u8::from_str_radix(&digits, 16).map_err(|_| fail(EscapeErrorKind::Hex))?);
            }
            'u' => {
                let open = take(|c| c == '{', 1);
                let digits = take(|c| c.is_ascii_hexdigit(), 6);
                let close = take(|c| c == '}', 1);
                let named = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                match named {
                    Some(c) if !open.is_empty() && !close.is_empty() => {
                        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                    _ => return Err(fail(EscapeErrorKind::Unicode)),
                }
            }
            other => return Err(fail(EscapeErrorKind::Unknown(other))),
        }
    }
    Ok(out)
}

/// Foreign bytes for a sentence: control characters and broken UTF-8 spelled as [`unescape`] reads them,
/// cut after `most` characters. A message must never move the reader's cursor.
pub fn show(bytes: &[u8], most: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid().chars().map(spelled);
        let broken = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        for piece in valid.chain(broken) {
            if count == most {
                out.push('…');
                return out;
            }
            out.push_str(&piece);
            count += 1;
        }
    }
    out
}

fn spelled(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\x1b' => "\\e".to_owned(),
        c if (c as u32) < 0x20 || c as u32 == 0x7f => format!("\\x{:02x}", c as u32),
        // C1 controls and the marks that reorder text: both can make a message say something else.
        c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
            format!("\\u{{{:x}}}", c as u32)
        }
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_escape_means_its_byte() {
        let text = r#"\n\r\t\a\b\f\v\e\0\x1b\033\u{e9}\\\'\"é"#;
        let bytes = b"\n\r\t\x07\x08\x0c\x0b\x1b\0\x1b\x1b\xc3\xa9\\'\"\xc3\xa9";
        assert_eq!(unescape(text).unwrap(), bytes);
    }

    #[test]
    fn octal_stops_after_three_digits_and_at_the_first_other_one() {
        assert_eq!(unescape(r"\0333\08\377").unwrap(), b"\x1b3\08\xff");
    }

    #[test]
    fn an_error_names_the_column_in_characters() {
        let at = |text| unescape(text).unwrap_err();
        let error = |column, kind| EscapeError { column, kind };
        assert_eq!(at(r"é\q"), error(2, EscapeErrorKind::Unknown('q')));
        assert_eq!(at("ab\\"), error(3, EscapeErrorKind::Unfinished));
        assert_eq!(at(r"\x1"), error(1, EscapeErrorKind::Hex));
        assert_eq!(at(r"\xg1"), error(1, EscapeErrorKind::Hex));
        assert_eq!(at(r"a\400"), error(2, EscapeErrorKind::Octal("400".to_owned())));
        for bad in [r"\u", r"\u{", r"\u{}", r"\u{e9", r"\ue9}", r"\u{d800}", r"\u{110000}"] {
            assert_eq!(at(bad), error(1, EscapeErrorKind::Unicode), "{bad}");
        }
        assert_eq!(
            at(r"x\d").to_string(),
            r"column 2: `\d` is no escape; there are \n \r \t \a \b \f \v \e \0 \xHH \NNN \u{HEX} \\, and `\\d` is a backslash and `d`"
        );
    }

    #[test]
    fn what_is_shown_moves_no_cursor() {
        assert_eq!(show(b"a\x1b[2J\r\n\xff\xc2\x9b", 80), r"a\e[2J\r\n\xff\u{9b}");
        assert_eq!(show("a\u{202e}b".as_bytes(), 80), r"a\u{202e}b");
        assert_eq!(show(b"abcdef", 3), "abc…");
        assert_eq!(show(b"abc", 3), "abc");
    }

    /// Any bytes, and text as well, which bytes at random hardly are. A backslash is shown as it is: a sentence that
    /// quotes a regex is for a reader.
    fn but_backslashes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            any::<char>().prop_map(|c| c.to_string().into_bytes()),
        ];
        let other = |byte| if byte == b'\\' { b'/' } else { byte };
        prop::collection::vec(piece, 0..100)
            .prop_map(move |pieces| pieces.concat().into_iter().map(other).collect())
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_typed_back(bytes in but_backslashes()) {
            prop_assert_eq!(unescape(&show(&bytes, usize::MAX)).unwrap(), bytes);
        }

        #[test]
        fn any_text_is_bytes_or_an_error_inside_it(text: String) {
            if let Err(error) = unescape(&text) {
                prop_assert!((1..=text.chars().count()).contains(&error.column));
            }
        }
    }
}
