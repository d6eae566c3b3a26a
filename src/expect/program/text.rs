//! Texts with `${name}` in them.

use std::fmt;

use thiserror::Error;

/// Bytes with places for values: `${name}` is a capture, parameter or variable, `${0}` and up are the groups
/// of the last match, `${before}` is the text before it, `${item.field}` is a group of a list's entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    parts: Vec<Part>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// These bytes.
    Literal(Vec<u8>),
    /// The value of this name.
    Name(String),
}

/// `${` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("column {column}: {message}")]
pub struct TextError {
    /// The column of the `$` in characters, 1 for the first.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl Text {
    /// These bytes as they are, whatever is in them.
    pub fn literal(bytes: impl Into<Vec<u8>>) -> Text {
        let bytes = bytes.into();
        Text { parts: if bytes.is_empty() { Vec::new() } else { vec![Part::Literal(bytes)] } }
    }

    /// Of parts; neighbouring literals become one.
    pub fn of(parts: impl IntoIterator<Item = Part>) -> Text {
        let mut text = Text::default();
        for part in parts {
            match (text.parts.last_mut(), part) {
                (Some(Part::Literal(before)), Part::Literal(bytes)) => before.extend(bytes),
                (_, part) => text.parts.push(part),
            }
        }
        text
    }

    /// Reads a text with `${name}` in it. `$$` is one `$`; a `$` before anything else is itself.
    pub fn parse(text: &str) -> Result<Text, TextError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            literal.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            if let Some(named) = after.strip_prefix('{') {
                let column = text[..text.len() - rest.len() + at].chars().count() + 1;
                let fail = |message: String| TextError { column, message };
                let end = named.find('}').ok_or_else(|| {
                    fail("`${` is not closed; write `$${` for the characters".to_owned())
                })?;
                let name = &named[..end];
                if !is_name(name) {
                    return Err(fail(format!(
                        "`${{{name}}}` is no name: letters, digits, `_`, `-` and `.`; write `$${{` for the characters"
                    )));
                }
                parts.push(Part::Literal(std::mem::take(&mut literal).into_bytes()));
                parts.push(Part::Name(name.to_owned()));
                rest = &named[end + 1..];
            } else {
                literal.push('$');
                rest = after.strip_prefix('$').unwrap_or(after);
            }
        }
        literal.push_str(rest);
        parts.push(Part::Literal(literal.into_bytes()));
        let full = |part: &Part| !matches!(part, Part::Literal(bytes) if bytes.is_empty());
        Ok(Text::of(parts.into_iter().filter(full)))
    }

    /// Its parts.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The bytes, when there is nothing to be put in.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(&[]),
            [Part::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.chars().all(fits)
}

impl From<&str> for Text {
    /// As it is: nothing in it is read as a name.
    fn from(text: &str) -> Text {
        Text::literal(text)
    }
}

impl fmt::Display for Text {
    /// As [`Text::parse`] reads it; bytes that are not UTF-8 become U+FFFD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(bytes) => {
                    let text = String::from_utf8_lossy(bytes);
                    let before_name = index + 1 < self.parts.len();
                    let mut chars = text.chars().peekable();
                    while let Some(c) = chars.next() {
                        // Only where it would be read as something else.
                        let doubled = c == '$'
                            && match chars.peek() {
                                Some(next) => matches!(next, '$' | '{'),
                                None => before_name,
                            };
                        f.write_str(if doubled { "$" } else { "" })?;
                        write!(f, "{c}")?;
                    }
                }
                Part::Name(name) => write!(f, "${{{name}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Part {
        Part::Literal(text.as_bytes().to_vec())
    }

    fn name(text: &str) -> Part {
        Part::Name(text.to_owned())
    }

    #[test]
    fn names_stand_in_braces_and_a_dollar_alone_is_itself() {
        let parts = |text| Text::parse(text).unwrap().parts().to_vec();
        assert_eq!(parts("a ${b} c"), [literal("a "), name("b"), literal(" c")]);
        assert_eq!(parts("${0}${x.y}"), [name("0"), name("x.y")]);
        assert_eq!(parts("cost $5 $x $$ $${x}"), [literal("cost $5 $x $ ${x}")]);
        assert_eq!(parts(""), []);
        assert_eq!(Text::parse("").unwrap().as_literal(), Some(b"".as_slice()));
        assert_eq!(Text::parse("a$").unwrap().as_literal(), Some(b"a$".as_slice()));
    }

    #[test]
    fn an_error_names_its_column() {
        for (text, column) in [("é${", 2), ("${}", 1), ("a ${b c}", 3), ("${a}${b", 5)] {
            assert_eq!(Text::parse(text).unwrap_err().column, column, "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_as_the_same() {
        for text in ["a ${b} c", "$5", "$$", "$${x}", "$$$$", "$", "a$$$b", "$$${x}", "$$$${x"] {
            let read = Text::parse(text).unwrap();
            assert_eq!(Text::parse(&read.to_string()).unwrap(), read, "{text}: {read}");
        }
    }
}
