//! From a tree to typed tables: one definition gives the struct, its reader, the names that a typo is
//! compared with, and the JSON Schema.
//!
//! serde's own derive stops at the first mistake and knows no places in JSON; a script deserves all its
//! mistakes at once, each with its line.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::cli::value;

use super::finding::Log;
use super::node::{Entry, Node, Value};
use super::source::Span;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// Where.
    pub at: Span,
    /// What.
    pub value: T,
}

/// What can be read from a tree. None means that the reason is in the log.
pub trait Read: Sized {
    /// Reads it.
    fn read(node: &Node, log: &mut Log) -> Option<Self>;
    /// What the JSON Schema says of it; tables go into `defs`.
    fn schema(defs: &mut Map<String, Json>) -> Json;
}

/// Complains about a value of another kind.
pub fn mismatch(node: &Node, wanted: &str, log: &mut Log) {
    log.error("type", node.span, format!("expected {wanted}, found {}", node.value.kind()));
}

/// A string.
pub type Text = At<String>;
/// `true` or `false`.
pub type Bool = At<bool>;
/// A whole number.
pub type Count = At<u32>;
/// A length of time.
pub type Time = At<Duration>;
/// A number of bytes.
pub type Size = At<Bytes>;
/// A number, maybe with a fraction.
pub type Factor = At<f64>;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl Read for Text {
    fn read(node: &Node, log: &mut Log) -> Option<Text> {
        let Value::Text(text) = &node.value else {
            mismatch(node, "a string", log);
            return None;
        };
        Some(At { at: node.span, value: text.clone() })
    }

    fn schema(_: &mut Map<String, Json>) -> Json {
        json!({"type": "string"})
    }
}

impl Read for Bool {
    fn read(node: &Node, log: &mut Log) -> Option<Bool> {
        let Value::Bool(value) = node.value else {
            mismatch(node, "true or false", log);
            return None;
        };
        Some(At { at: node.span, value })
    }

    fn schema(_: &mut Map<String, Json>) -> Json {
        json!({"type": "boolean"})
    }
}

impl Read for Count {
    fn read(node: &Node, log: &mut Log) -> Option<Count> {
        let Value::Integer(number) = node.value else {
            mismatch(node, "a whole number", log);
            return None;
        };
        let Ok(value) = u32::try_from(number) else {
            let message = format!("{number} is out of range: it is 0 to {}", u32::MAX);
            log.error("range", node.span, message);
            return None;
        };
        Some(At { at: node.span, value })
    }

    fn schema(_: &mut Map<String, Json>) -> Json {
        json!({"type": "integer", "minimum": 0, "maximum": u32::MAX})
    }
}

impl Read for Factor {
    fn read(node: &Node, log: &mut Log) -> Option<Factor> {
        let value = match &node.value {
            Value::Integer(number) => *number as f64,
            Value::Number(text) => text.replace('_', "").parse().unwrap_or(f64::NAN),
            _ => {
                mismatch(node, "a number", log);
                return None;
            }
        };
        if !(0.0..=1000.0).contains(&value) {
            log.error("range", node.span, "the number is out of range: it is 0 to 1000");
            return None;
        }
        Some(At { at: node.span, value })
    }

    fn schema(_: &mut Map<String, Json>) -> Json {
        json!({"type": "number", "minimum": 0, "maximum": 1000})
    }
}

impl Read for Time {
    fn read(node: &Node, log: &mut Log) -> Option<Time> {
        let wrong = "a duration is a string with its unit, as in \"500ms\", \"20s\" or \"1h30m\"";
        let value = match &node.value {
            Value::Text(text) if text == "0" || text.ends_with(|c: char| c.is_alphabetic()) => {
                match value::duration(text) {
                    Ok(value) => value,
                    Err(why) => {
                        log.error("duration", node.span, format!("`{text}` is no duration: {why}"));
                        return None;
                    }
                }
            }
            Value::Text(text) => {
                let found = log.error("duration", node.span, wrong);
                if value::duration(text).is_ok() {
                    found.help(format!("for seconds write \"{text}s\""));
                }
                return None;
            }
            Value::Integer(number) if *number >= 0 => {
                log.error("duration", node.span, wrong)
                    .help(format!("for seconds write \"{number}s\""));
                return None;
            }
            _ => {
                log.error("duration", node.span, wrong);
                return None;
            }
        };
        Some(At { at: node.span, value })
    }

    fn schema(_: &mut Map<String, Json>) -> Json {
        json!({
            "type": "string",
            "pattern": "^(0|([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|sec|s|min|m|h|d|w|y))+)$",
            "examples": ["500ms", "20s", "1h30m"]
        })
    }
}

impl Read for Size {
    fn read(node: &Node, log: &mut Log) -> Option<Size> {
        let wrong = "a size is a string with its unit, as in \"64KiB\", \"10M\" or \"4096B\"";
        let (text, unit) = match &node.value {
            Value::Text(text) => {
                (text.clone(), text == "0" || text.ends_with(|c: char| c.is_alphabetic()))
            }
            Value::Integer(number) => (number.to_string(), false),
            _ => {
                log.error("size", node.span, wrong);
                return None;
            }
        };
        match value::size(&text) {
            Ok(bytes) if unit => Some(At { at: node.span, value: Bytes(bytes) }),
            Ok(_) => {
                log.error("size", node.span, wrong).help(format!("for bytes write \"{text}B\""));
                None
            }
            Err(why) => {
                log.error("size", node.span, format!("`{text}` is no size: {why}"));
                None
            }
        }
    }

    fn schema(_: &mut Map<String, Json>) -> Json {
        json!({
            "type": "string",
            "pattern": "^(0|[0-9]+(\\.[0-9]+)?[KMGTkmgt]?([iI]?[bB])?)$",
            "examples": ["64KiB", "10M"]
        })
    }
}

/// A string, a number or a truth value, as text: what a variable holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain(pub String);

impl Read for At<Plain> {
    fn read(node: &Node, log: &mut Log) -> Option<At<Plain>> {
        let text = match &node.value {
            Value::Text(text) | Value::Number(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Array(_) | Value::Table(_) | Value::Other(_) => {
                mismatch(node, "a string, a number, true or false", log);
                return None;
            }
        };
        Some(At { at: node.span, value: Plain(text) })
    }

    fn schema(_: &mut Map<String, Json>) -> Json {
        json!({"type": ["string", "number", "boolean"]})
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, log: &mut Log) -> Option<Vec<T>> {
        let Value::Array(list) = &node.value else {
            mismatch(node, "a list", log);
            return None;
        };
        Some(list.iter().filter_map(|item| T::read(item, log)).collect())
    }

    fn schema(defs: &mut Map<String, Json>) -> Json {
        json!({"type": "array", "items": T::schema(defs)})
    }
}

/// A list, or its only item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Some1<T>(pub Vec<T>);

impl<T: Read> Read for Some1<T> {
    fn read(node: &Node, log: &mut Log) -> Option<Some1<T>> {
        match &node.value {
            Value::Array(_) => Vec::read(node, log).map(Some1),
            _ => Some(Some1(T::read(node, log).into_iter().collect())),
        }
    }

    fn schema(defs: &mut Map<String, Json>) -> Json {
        let one = T::schema(defs);
        json!({"anyOf": [one, {"type": "array", "items": one}]})
    }
}

/// Tables or values by name, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T>(pub Vec<(Text, T)>);

impl<T> Default for Named<T> {
    fn default() -> Named<T> {
        Named(Vec::new())
    }
}

impl<T: Read> Read for Named<T> {
    fn read(node: &Node, log: &mut Log) -> Option<Named<T>> {
        let entries = entries(node, log)?;
        let read = |entry: &Entry| {
            let value = T::read(&entry.node, log)?;
            Some((At { at: entry.at, value: entry.key.clone() }, value))
        };
        Some(Named(entries.iter().filter_map(read).collect()))
    }

    fn schema(defs: &mut Map<String, Json>) -> Json {
        json!({"type": "object", "additionalProperties": T::schema(defs)})
    }
}

/// The entries of a table.
pub fn entries<'a>(node: &'a Node, log: &mut Log) -> Option<&'a [Entry]> {
    let Value::Table(entries) = &node.value else {
        mismatch(node, "a table", log);
        return None;
    };
    Some(entries)
}

/// The entries of a table whose name in messages is `title`.
pub fn table<'a>(node: &'a Node, title: &str, log: &mut Log) -> Option<&'a [Entry]> {
    if let Value::Table(entries) = &node.value {
        return Some(entries);
    }
    let message = format!("{title} is a table, not {}", node.value.kind());
    log.error("type", node.span, message).hide = title.contains("secrets");
    None
}

/// The key as it is written: fields whose name is a word of Rust carry a `_` behind it.
pub fn key(field: &str) -> &str {
    field.trim_end_matches('_')
}

/// A key that the table does not have.
pub fn unknown(table: &str, entry: &Entry, known: &[&str], log: &mut Log) {
    let message = format!("unknown key `{}` in {table}", entry.key);
    let found = log.error("unknown-key", entry.at, message);
    found.nearest(&entry.key, known.iter().copied());
    // A secret written out is the likeliest mistake there.
    found.hide = table.contains("secrets");
}

/// A property of a table in the JSON Schema, with what its comment says.
pub fn described(schema: Json, docs: &[&str]) -> Json {
    let text = docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    let mut described = json!({"description": text});
    if let (Some(described), Json::Object(schema)) = (described.as_object_mut(), schema) {
        described.extend(schema);
    }
    described
}

/// The JSON Schema of a table.
pub fn table_schema(docs: &[&str], properties: &Map<String, Json>, needs: &[&str]) -> Json {
    let mut schema =
        json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !needs.is_empty() {
        schema["required"] = needs.iter().map(|need| key(need)).collect();
    }
    described(schema, docs)
}

/// Complains about keys that are not there.
pub fn missing(title: &str, node: &Node, entries: &[Entry], needs: &[&str], log: &mut Log) {
    for need in needs.iter().map(|need| key(need)) {
        if !entries.iter().any(|entry| entry.key == need) {
            log.error("missing", node.span, format!("{title} needs `{need}`"));
        }
    }
}

/// Defines tables: a struct whose fields are optional keys, and how it is read.
///
/// The string is the table's name in messages; `needs [a]` are keys that must be there; `acts` adds the
/// keys of actions.
macro_rules! tables {
    ($($(#[doc = $about:literal])* $name:ident $title:literal needs [$($need:ident),*] $($acts:ident)? {
        $($(#[doc = $doc:literal])* $field:ident: $type:ty,)*
    })*) => { $(
        $(#[doc = $about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            /// Where it stands.
            pub at: $crate::script::source::Span,
            $($(#[doc = $doc])* pub $field: Option<$type>,)*
            $(
                /// What it does.
                pub $acts: $crate::script::actions::Actions,
            )?
        }

        impl $crate::script::read::Read for $name {
            fn read(
                node: &$crate::script::node::Node,
                log: &mut $crate::script::finding::Log,
            ) -> Option<$name> {
                use $crate::script::read;
                let entries = read::table(node, $title, log)?;
                let mut table = $name { at: node.span, ..Default::default() };
                for entry in entries {
                    $(if entry.key == read::key(stringify!($field)) {
                        table.$field = read::Read::read(&entry.node, log);
                        continue;
                    })*
                    $(if table.$acts.take(entry, log) {
                        continue;
                    })?
                    let own = [$(read::key(stringify!($field))),*];
                    let acts: &[&str] = [$(table.$acts.keys())?].first().copied().unwrap_or_default();
                    let known: Vec<&str> = own.iter().chain(acts).copied().collect();
                    read::unknown($title, entry, &known, log);
                }
                read::missing($title, node, entries, &[$(stringify!($need)),*], log);
                Some(table)
            }

            fn schema(
                defs: &mut serde_json::Map<String, serde_json::Value>,
            ) -> serde_json::Value {
                use $crate::script::read;
                let name = stringify!($name);
                if !defs.contains_key(name) {
                    // Tables may hold themselves.
                    defs.insert(name.to_owned(), serde_json::Value::Null);
                    let mut properties = serde_json::Map::new();
                    $(
                        let schema = <$type as read::Read>::schema(defs);
                        let described = read::described(schema, &[$($doc),*]);
                        properties.insert(read::key(stringify!($field)).to_owned(), described);
                    )*
                    $($crate::script::actions::properties(stringify!($acts), &mut properties, defs);)?
                    let needs: &[&str] = &[$(stringify!($need)),*];
                    let schema = read::table_schema(&[$($about),*], &properties, needs);
                    defs.insert(name.to_owned(), schema);
                }
                serde_json::json!({"$ref": format!("#/$defs/{name}")})
            }
        }
    )* };
}
pub(super) use tables;

/// Defines words that a key may be set to.
macro_rules! words {
    ($($(#[doc = $about:literal])* $name:ident { $($(#[doc = $doc:literal])* $word:ident $text:literal,)* })*) => { $(
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $doc])* $word,)* }

        impl $crate::script::read::Read for $crate::script::read::At<$name> {
            fn read(
                node: &$crate::script::node::Node,
                log: &mut $crate::script::finding::Log,
            ) -> Option<Self> {
                let text = $crate::script::read::Text::read(node, log)?;
                let value = match text.value.as_str() {
                    $($text => $name::$word,)*
                    other => {
                        let message = format!("`{}` is none of: {}", other, [$($text),*].join(", "));
                        log.error("word", node.span, message);
                        return None;
                    }
                };
                Some($crate::script::read::At { at: node.span, value })
            }

            fn schema(_: &mut serde_json::Map<String, serde_json::Value>) -> serde_json::Value {
                serde_json::json!({"enum": [$($text),*]})
            }
        }
    )* };
}
pub(super) use words;
