//! The texts that a script is made of, and places in them.

/// A place: which text, and which bytes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text's number; 0 is the script itself, others are what it includes.
    pub source: usize,
    /// The first byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

impl Span {
    /// In no text: on the command line.
    pub const NOWHERE: Span = Span { source: usize::MAX, start: 0, end: 0 };
}

/// One text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As messages name it: the path as it was written, or `<stdin>`.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A place as people count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// 1 for the first.
    pub line: usize,
    /// In characters, 1 for the first.
    pub column: usize,
}

impl Source {
    /// Where a byte is.
    pub fn position(&self, offset: usize) -> Position {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let on_line = String::from_utf8_lossy(&before[line_start..]);
        Position {
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
            column: 1 + on_line.chars().count(),
        }
    }

    /// The line that a byte is on, without its end.
    pub fn line(&self, offset: usize) -> &str {
        let offset = offset.min(self.text.len());
        let start = self.text.as_bytes()[..offset].iter().rposition(|&b| b == b'\n');
        let rest = &self.text[start.map_or(0, |at| at + 1)..];
        let line = rest.split('\n').next().unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// The place of the `column`th character (1 for the first) of a string's value, where the value is
    /// written just as it is; the whole string where escapes make them differ.
    pub fn inside(&self, span: Span, value: &str, column: usize) -> Span {
        let Some(written) = self.text.get(span.start..span.end) else { return span };
        for quote in ["'''", "\"\"\"", "'", "\""] {
            let inner = written.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
            if inner != Some(value) {
                continue;
            }
            let start = span.start + quote.len();
            let mut from = value.char_indices().map(|(at, c)| (at, c.len_utf8()));
            return match from.nth(column.saturating_sub(1)) {
                Some((at, len)) => Span { start: start + at, end: start + at + len, ..span },
                None => Span { start: start + value.len(), end: span.end, ..span },
            };
        }
        span
    }
}

/// The longest line that is shown; more is cut around the place.
const WIDEST: usize = 120;

/// The offending line with its number, and a caret under the place.
pub fn snippet(source: &Source, span: Span) -> [String; 2] {
    let Position { line, column } = source.position(span.start);
    let text: Vec<char> = source.line(span.start).chars().map(shown).collect();
    let length = source.text.get(span.start..span.end).map_or(1, |text| {
        text.split('\n').next().unwrap_or_default().trim_end().chars().count().max(1)
    });
    let from = if column > WIDEST { column - WIDEST / 2 } else { 0 };
    let to = (from + WIDEST).min(text.len());
    let cut: String = text.get(from..to).unwrap_or_default().iter().collect();
    let number = line.to_string();
    let carets = length.min(WIDEST.saturating_sub(column - from).max(1));
    let indent = " ".repeat(number.len() + 3 + column - 1 - from);
    [format!("{number} | {cut}"), format!("{indent}{}", "^".repeat(carets))]
}

/// Tabs count as one column, and nothing moves the reader's cursor.
fn shown(c: char) -> char {
    if c == '\t' {
        ' '
    } else if c.is_control() {
        '\u{fffd}'
    } else {
        c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { name: "x.toml".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn places() {
        let source = source("a\r\nbé c\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(7), Position { line: 2, column: 4 });
        assert_eq!(source.position(99), Position { line: 3, column: 1 });
        assert_eq!(source.line(1), "a");
        assert_eq!(source.line(5), "bé c");
    }

    #[test]
    fn a_caret_under_the_place() {
        let source = source("first\n\tkey = \"value\"\n");
        let span = Span { source: 0, start: 13, end: 20 };
        assert_eq!(snippet(&source, span), ["2 |  key = \"value\"", "           ^^^^^^^"]);
        let inside = source.inside(span, "value", 2);
        assert_eq!((inside.start, inside.end), (15, 16));
        assert_eq!(source.inside(span, "val", 2), span);
    }

    #[test]
    fn long_lines_are_cut() {
        let source = source(&"x".repeat(1000));
        let [line, caret] = snippet(&source, Span { source: 0, start: 900, end: 950 });
        assert!(line.len() < 140 && caret.len() < 140, "{line}\n{caret}");
    }
}
