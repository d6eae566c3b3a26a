//! TOML text to a tree. What is broken is reported, and the rest is read on, so that one run tells all.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Log;
use super::node::{Entry, Node, Value};
use super::source::Span;

/// Reads a document.
pub fn parse(source: usize, text: &str, log: &mut Log) -> Node {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        let message = error.message().trim().replace('\n', ", ");
        let span = Span { source, start: range.start, end: range.end.max(range.start) };
        log.error("syntax", span, message);
    }
    let span = Span { source, start: 0, end: text.len() };
    Node { span, value: table(source, document.into_inner()) }
}

fn span(source: usize, range: std::ops::Range<usize>) -> Span {
    Span { source, start: range.start, end: range.end }
}

fn table(source: usize, table: DeTable<'_>) -> Value {
    let mut entries: Vec<Entry> = table
        .into_iter()
        .map(|(key, value)| Entry {
            at: span(source, key.span()),
            key: key.into_inner().into_owned(),
            node: node(source, value),
        })
        .collect();
    // The order of the text means something here: it is the order of the actions.
    entries.sort_by_key(|entry| entry.at);
    Value::Table(entries)
}

fn node(source: usize, value: Spanned<DeValue<'_>>) -> Node {
    let span = span(source, value.span());
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::Number(number.as_str().to_owned()), Value::Integer),
        DeValue::Float(number) => Value::Number(number.as_str().to_owned()),
        DeValue::Boolean(bool) => Value::Bool(bool),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(list) => {
            Value::Array(list.into_iter().map(|item| node(source, item)).collect())
        }
        DeValue::Table(inner) => table(source, inner),
    };
    Node { span, value }
}
