//! Lines of JSON into a buffer that is kept: what every piece of output goes through allocates nothing.

use std::fmt;

use serde::{Serialize, Serializer};

/// Bytes as a string: those that are no text become U+FFFD.
#[derive(Clone, Copy, Debug)]
pub struct Lossy<'a>(pub &'a [u8]);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.utf8_chunks().try_for_each(|chunk| {
            f.write_str(chunk.valid())?;
            if chunk.invalid().is_empty() { Ok(()) } else { f.write_str("\u{fffd}") }
        })
    }
}

impl Serialize for Lossy<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Adds `value`, which is plain data, as a line.
pub fn push(line: &mut Vec<u8>, value: &impl Serialize) {
    // A buffer takes everything, and plain data can be said in JSON.
    let _ = serde_json::to_writer(&mut *line, value);
    line.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_where_they_are() {
        let mut line = Vec::new();
        push(&mut line, &(1.5, Lossy(b"a\"\xffb\xe2\x82\n\x1b\xe2\x82\xac")));
        let text = "[1.5,\"a\\\"\u{fffd}b\u{fffd}\\n\\u001b\u{20ac}\"]\n";
        assert_eq!(String::from_utf8(line).unwrap(), text);
    }
}
