//! Conditions: `when` and `until`.
//!
//! | written | holds when |
//! | --- | --- |
//! | `defined(x)` | `x` has a value: it was set, and its group took part |
//! | `x == "y"`, `x != y` | the texts are the same, are not |
//! | `x =~ /re/i` | the regex matches in it |
//! | `n < 3`, `<=`, `>`, `>=` | both are integers, and compare so |
//! | `!a`, `a && b`, `a \|\| b`, `(a)` | as everywhere; `&&` binds closer |
//!
//! A bare word is the name of a value, a text in quotes may have `${...}` in it, a number is itself. What
//! has no value counts as the empty text.

use std::fmt;

use thiserror::Error;

use super::text::{Part, Text};
use crate::expect::pattern::{Kind, Pattern};

/// Something that holds or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `defined(x)`.
    Defined(String),
    /// Two texts are the same.
    Same(Operand, Operand),
    /// A regex matches in a text.
    Matches(Operand, Pattern),
    /// Two integers compare so. False when one is none.
    Compare(Operand, Order, Operand),
    /// It does not hold.
    Not(Box<Condition>),
    /// Both hold.
    And(Box<Condition>, Box<Condition>),
    /// At least one holds.
    Or(Box<Condition>, Box<Condition>),
}

/// A text to compare.
pub type Operand = Text;

/// How integers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// A condition that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("column {column}: {message}")]
pub struct ConditionError {
    /// The column in characters, 1 for the first.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl Condition {
    /// Reads a condition.
    pub fn parse(text: &str) -> Result<Condition, ConditionError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let condition = parser.or()?;
        match parser.peek() {
            None => Ok(condition),
            Some(c) => Err(parser.fail(format!("`{c}` is left over; combine with && or ||"))),
        }
    }

    /// The names in it.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Condition::Defined(name) => vec![name],
            Condition::Same(a, b) | Condition::Compare(a, _, b) => {
                a.names().chain(b.names()).collect()
            }
            Condition::Matches(a, _) => a.names().collect(),
            Condition::Not(a) => a.names(),
            Condition::And(a, b) | Condition::Or(a, b) => [a.names(), b.names()].concat(),
        }
    }

    /// Whether it holds, with the values that `value` gives.
    pub fn holds(&self, value: &dyn Fn(&str) -> Option<Vec<u8>>) -> bool {
        let text = |operand: &Operand| -> Vec<u8> {
            let parts = operand.parts().iter().map(|part| match part {
                Part::Literal(bytes) => bytes.clone(),
                Part::Name(name) => value(name).unwrap_or_default(),
            });
            parts.collect::<Vec<_>>().concat()
        };
        let number = |operand: &Operand| -> Option<i64> {
            std::str::from_utf8(&text(operand)).ok()?.trim().parse().ok()
        };
        match self {
            Condition::Defined(name) => value(name).is_some(),
            Condition::Same(a, b) => text(a) == text(b),
            Condition::Matches(a, pattern) => matches(pattern, &text(a)),
            Condition::Compare(a, order, b) => match (number(a), number(b)) {
                (Some(a), Some(b)) => match order {
                    Order::Less => a < b,
                    Order::AtMost => a <= b,
                    Order::More => a > b,
                    Order::AtLeast => a >= b,
                },
                _ => false,
            },
            Condition::Not(a) => !a.holds(value),
            Condition::And(a, b) => a.holds(value) && b.holds(value),
            Condition::Or(a, b) => a.holds(value) || b.holds(value),
        }
    }
}

fn matches(pattern: &Pattern, text: &[u8]) -> bool {
    match &pattern.kind {
        Kind::Regex(regex) => {
            regex::bytes::Regex::new(regex).is_ok_and(|regex| regex.is_match(text))
        }
        Kind::Text(wanted) => memchr::memmem::find(text, wanted).is_some(),
        Kind::Event(_) => false,
    }
}

/// How deep parentheses and `!` may nest: a condition is a line, and the parser calls itself.
const DEPTH: usize = 50;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn fail(&self, message: impl Into<String>) -> ConditionError {
        let column = self.text[..self.at].chars().count() + 1;
        ConditionError { column, message: message.into() }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&mut self) -> Option<char> {
        self.at = self.text.len() - self.rest().trim_start().len();
        self.rest().chars().next()
    }

    fn take(&mut self, token: &str) -> bool {
        self.peek();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn or(&mut self) -> Result<Condition, ConditionError> {
        let mut left = self.and()?;
        while self.take("||") {
            left = Condition::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Condition, ConditionError> {
        let mut left = self.not()?;
        while self.take("&&") {
            left = Condition::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Condition, ConditionError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.fail("the condition is nested too deeply"));
        }
        let found = if self.take("!") {
            Condition::Not(Box::new(self.not()?))
        } else if self.take("(") {
            let inner = self.or()?;
            if !self.take(")") {
                return Err(self.fail("`)` is missing"));
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(found)
    }

    fn comparison(&mut self) -> Result<Condition, ConditionError> {
        self.peek();
        if let Some(after) = self.rest().strip_prefix("defined")
            && after.trim_start().starts_with('(')
        {
            self.at += "defined".len();
            self.take("(");
            self.peek();
            let name = self.word().ok_or_else(|| self.fail("defined() takes a name"))?;
            if !self.take(")") {
                return Err(self.fail("`)` is missing after the name"));
            }
            return Ok(Condition::Defined(name));
        }
        let left = self.operand()?;
        if self.take("=~") {
            return Ok(Condition::Matches(left, self.regex()?));
        }
        let orders =
            [("<=", Order::AtMost), (">=", Order::AtLeast), ("<", Order::Less), (">", Order::More)];
        if self.take("==") {
            return Ok(Condition::Same(left, self.operand()?));
        }
        if self.take("!=") {
            return Ok(Condition::Not(Box::new(Condition::Same(left, self.operand()?))));
        }
        for (token, order) in orders {
            if self.take(token) {
                return Ok(Condition::Compare(left, order, self.operand()?));
            }
        }
        Err(self.fail("a comparison is missing: ==, !=, =~, <, <=, >, >= (or defined(name))"))
    }

    fn word(&mut self) -> Option<String> {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let length = self.rest().find(|c| !fits(c)).unwrap_or(self.rest().len());
        let word = self.rest()[..length].to_owned();
        self.at += length;
        (!word.is_empty()).then_some(word)
    }

    fn operand(&mut self) -> Result<Operand, ConditionError> {
        let quote = match self.peek() {
            Some(quote @ ('"' | '\'')) => quote,
            Some('$') if self.rest().starts_with("${") => {
                let length = self.rest().find('}').map(|end| end + 1);
                let length = length.ok_or_else(|| self.fail("`${` is not closed"))?;
                let text = self.rest()[..length].to_owned();
                let operand = Text::parse(&text).map_err(|why| self.fail(why.message))?;
                self.at += length;
                return Ok(operand);
            }
            _ => {
                let number = |word: &str| word.parse::<i64>().is_ok();
                let at = self.at;
                let word = self
                    .word()
                    .ok_or_else(|| self.fail("a name, a number or a text in quotes is missing"))?;
                return Ok(if number(&word) {
                    Text::literal(word)
                } else if word.starts_with(['-', '.']) {
                    self.at = at;
                    return Err(self.fail(format!("`{word}` is neither a name nor a number")));
                } else {
                    Text::of([Part::Name(word)])
                });
            }
        };
        let start = self.at + 1;
        let mut text = String::new();
        let mut chars = self.text[start..].char_indices();
        while let Some((index, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, escaped)) if escaped == quote || escaped == '\\' => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => break,
                },
                c if c == quote => {
                    let operand = Text::parse(&text).map_err(|why| self.fail(why.message))?;
                    self.at = start + index + 1;
                    return Ok(operand);
                }
                c => text.push(c),
            }
        }
        Err(self.fail("the text has no closing quote"))
    }

    fn regex(&mut self) -> Result<Pattern, ConditionError> {
        if self.peek() != Some('/') {
            return Err(self.fail("=~ takes a regex, as in /re/i"));
        }
        let mut escaped = false;
        let body = self.rest()[1..].find(|c| {
            let end = c == '/' && !escaped;
            escaped = c == '\\' && !escaped;
            end
        });
        let end = self.at + 2 + body.ok_or_else(|| self.fail("the regex has no closing /"))?;
        let flags = self.text[end..].find(|c: char| !c.is_ascii_alphabetic());
        let end = flags.map_or(self.text.len(), |length| end + length);
        let pattern = Pattern::parse(&self.text[self.at..end]).map_err(|why| {
            let column = self.text[..self.at].chars().count() + why.column;
            ConditionError { column, message: why.message }
        })?;
        self.at = end;
        Ok(pattern)
    }
}

impl fmt::Display for Condition {
    /// As [`Condition::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Defined(name) => write!(f, "defined({name})"),
            Condition::Same(a, b) => write!(f, "{} == {}", Shown(a), Shown(b)),
            Condition::Matches(a, pattern) => write!(f, "{} =~ {}", Shown(a), pattern.source),
            Condition::Compare(a, order, b) => {
                let order = match order {
                    Order::Less => "<",
                    Order::AtMost => "<=",
                    Order::More => ">",
                    Order::AtLeast => ">=",
                };
                write!(f, "{} {order} {}", Shown(a), Shown(b))
            }
            Condition::Not(inner) => match &**inner {
                Condition::Same(a, b) => write!(f, "{} != {}", Shown(a), Shown(b)),
                other => write!(f, "!({other})"),
            },
            Condition::And(a, b) => write!(f, "({a} && {b})"),
            Condition::Or(a, b) => write!(f, "({a} || {b})"),
        }
    }
}

struct Shown<'a>(&'a Operand);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.parts() {
            [Part::Name(name)] if name.parse::<i64>().is_err() => f.write_str(name),
            _ => write!(f, "\"{}\"", self.0.to_string().replace('\\', "\\\\").replace('"', "\\\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> bool {
        let condition = Condition::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let shown = condition.to_string();
        assert_eq!(Condition::parse(&shown), Ok(condition.clone()), "{text}: {shown}");
        condition.holds(&|name| match name {
            "host" => Some(b"db1".to_vec()),
            "n" | "1" => Some(b"7".to_vec()),
            "empty" => Some(Vec::new()),
            "q" => Some(b"say \"hi\" \\".to_vec()),
            _ => None,
        })
    }

    #[test]
    fn what_holds() {
        for text in [
            "defined(host)",
            "!defined(nope)",
            "host == \"db1\"",
            "host == 'db1'",
            "host != \"db2\"",
            "host =~ /^DB\\d$/i",
            "host =~ /b/ && n > 6",
            "n >= 7 && n <= 7 && n < 10 && n == 7",
            "n > 8 || host == \"db1\" && n == 7",
            "!(n > 8 || n < 2)",
            "\"${host}-x\" == \"db1-x\"",
            "${1} == 7",
            "nope == \"\"",
            "empty == nope",
            "n > -1",
            "q == 'say \"hi\" \\\\'",
            "host =~ /a\\/b|db/",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in ["n > 7", "host > 1", "nope < 1", "!(host == 'db1')", "host =~ /^b/"] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_its_column() {
        for (text, column) in [
            ("", 1),
            ("host", 5),
            ("host = 1", 6),
            ("host == ", 9),
            ("(n > 1", 7),
            ("n > 1 n", 7),
            ("n =~ x", 6),
            ("n =~ /a(/", 8),
            ("n =~ /a", 6),
            ("n == \"x", 6),
            ("defined()", 9),
            ("é == 1 &&", 10),
        ] {
            let why = Condition::parse(text).expect_err(text);
            assert_eq!(why.column, column, "{text}: {why}");
        }
        assert!(Condition::parse(&"(".repeat(1000)).is_err());
    }
}
