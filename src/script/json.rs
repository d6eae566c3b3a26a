//! JSON text to a tree. serde_json keeps no places, and a script's errors need them; the grammar is small.

use super::finding::Log;
use super::node::{Entry, Node, Value};
use super::source::Span;

/// How deep values may be nested.
const DEEPEST: usize = 64;

/// Reads a document. JSON has no way to read on behind an error, so there is at most one.
pub fn parse(source: usize, text: &str, log: &mut Log) -> Node {
    let mut reader = Reader { source, text, at: 0, depth: 0 };
    let result = reader.value().and_then(|node| {
        reader.space();
        if reader.at == text.len() { Ok(node) } else { Err(reader.wrong("the end", reader.at)) }
    });
    result.unwrap_or_else(|(span, message)| {
        let wrong = log.error("syntax", span, message);
        if !text.trim_start().starts_with('{') {
            wrong.help("a script in TOML is read by --script, from a file not named .json");
        }
        Node { span: Span { source, start: 0, end: text.len() }, value: Value::Table(Vec::new()) }
    })
}

type Wrong = (Span, String);

struct Reader<'a> {
    source: usize,
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn span(&self, start: usize) -> Span {
        Span { source: self.source, start, end: self.at }
    }

    fn wrong(&self, wanted: &str, start: usize) -> Wrong {
        let found = match self.text[start..].chars().next() {
            Some(c) => format!("`{}`", c.escape_debug()),
            None => "the end".to_owned(),
        };
        let end = start + self.text[start..].chars().next().map_or(0, char::len_utf8);
        let span = Span { source: self.source, start, end };
        (span, format!("expected {wanted}, found {found}"))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Node, Wrong> {
        self.space();
        let start = self.at;
        let rest = &self.text[start..];
        let word = |word: &str| rest.starts_with(word);
        let value = match self.peek() {
            Some(b'{') => self.nested(Reader::table)?,
            Some(b'[') => self.nested(Reader::array)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ if word("true") => self.word(4, Value::Bool(true)),
            _ if word("false") => self.word(5, Value::Bool(false)),
            _ if word("null") => self.word(4, Value::Other("null")),
            _ => return Err(self.wrong("a value", start)),
        };
        Ok(Node { span: self.span(start), value })
    }

    fn word(&mut self, length: usize, value: Value) -> Value {
        self.at += length;
        value
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Wrong>) -> Result<Value, Wrong> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err((self.span(self.at), format!("nested more than {DEEPEST} deep")));
        }
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn table(&mut self) -> Result<Value, Wrong> {
        let mut entries: Vec<Entry> = Vec::new();
        if self.take(b'}') {
            return Ok(Value::Table(entries));
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key in double quotes", start));
            }
            let key = self.string()?;
            let at = self.span(start);
            if entries.iter().any(|entry| entry.key == key) {
                return Err((at, format!("duplicate key `{key}`")));
            }
            if !self.take(b':') {
                return Err(self.wrong("`:`", self.at));
            }
            entries.push(Entry { key, at, node: self.value()? });
            if self.take(b'}') {
                return Ok(Value::Table(entries));
            }
            if !self.take(b',') {
                return Err(self.wrong("`,` or `}`", self.at));
            }
        }
    }

    fn array(&mut self) -> Result<Value, Wrong> {
        let mut list = Vec::new();
        if self.take(b']') {
            return Ok(Value::Array(list));
        }
        loop {
            list.push(self.value()?);
            if self.take(b']') {
                return Ok(Value::Array(list));
            }
            if !self.take(b',') {
                return Err(self.wrong("`,` or `]`", self.at));
            }
        }
    }

    /// Strings and numbers are spelled as serde_json reads them; only their ends are looked for here.
    fn string(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        self.at += 1;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => {
                    return serde_json::from_str(&self.text[start..self.at])
                        .map_err(|why| (self.span(start), said(&why)));
                }
                b'\\' => self.at = (self.at + 1).min(bytes.len()),
                _ => {}
            }
        }
        let span = Span { source: self.source, start, end: start + 1 };
        Err((span, "this string has no end".to_owned()))
    }

    fn number(&mut self) -> Result<Value, Wrong> {
        let start = self.at;
        let length = self.text[start..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)))
            .unwrap_or(self.text.len() - start);
        self.at += length;
        let written = &self.text[start..self.at];
        match serde_json::from_str::<serde_json::Number>(written) {
            Ok(number) => Ok(number
                .as_i64()
                .map_or_else(|| Value::Number(written.to_owned()), Value::Integer)),
            Err(why) => Err((self.span(start), said(&why))),
        }
    }
}

/// Without the position that serde_json adds: it is one within the string.
fn said(why: &serde_json::Error) -> String {
    let text = why.to_string();
    text[..text.find(" at line ").unwrap_or(text.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (usize, String) {
        let mut log = Log::default();
        parse(0, text, &mut log);
        let found = log.finish();
        assert_eq!(found.len(), 1, "{text}");
        (found[0].span.start, found[0].message.clone())
    }

    #[test]
    fn values_keep_their_places() {
        let text = r#" {"a": [1, -2.5, true], "é": "\u00e9\n\"", "n": null} "#;
        let mut log = Log::default();
        let node = parse(0, text, &mut log);
        assert!(!log.has_errors());
        let Value::Table(entries) = &node.value else { panic!("{node:?}") };
        assert_eq!(entries[1].key, "é");
        assert_eq!(entries[1].node.value, Value::Text("é\n\"".to_owned()));
        let span = entries[0].node.span;
        assert_eq!(&text[span.start..span.end], "[1, -2.5, true]");
        assert_eq!(entries[2].node.value, Value::Other("null"));
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(wrong("{\"a\" 1}"), (5, "expected `:`, found `1`".to_owned()));
        assert_eq!(wrong("{\"a\": 1,}").0, 8);
        assert_eq!(wrong("[1 2]").0, 3);
        assert_eq!(wrong("{\"a\":1,\"a\":2}"), (7, "duplicate key `a`".to_owned()));
        assert_eq!(wrong("\"abc").1, "this string has no end");
        assert_eq!(wrong("\"\\q\"").0, 0);
        assert_eq!(wrong("01").0, 0);
        assert_eq!(wrong("").1, "expected a value, found the end");
        assert_eq!(wrong("{} x").0, 3);
        assert!(wrong(&"[".repeat(100_000)).1.contains("deep"));
    }
}
