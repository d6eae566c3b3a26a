//! What happened on a terminal, with times: a recording as the dialogue looks at it, and a session as
//! `learn` keeps it in memory.

mod session;

use std::time::Duration;

pub use session::{Heard, Moment, Session, Typing, visible};

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// The terminal's size at the start: columns, rows.
    pub size: (u16, u16),
    /// Whether the command had a terminal; without one nothing was echoed.
    pub terminal: bool,
    /// What was recorded, in order; times never go back.
    pub facts: Vec<Fact>,
}

/// Something that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Since the start.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What can be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The command wrote these bytes; the echo of what was typed is among them.
    Output(Vec<u8>),
    /// Someone typed these bytes. What was typed unseen is left out, but for its Enter.
    Input(Vec<u8>),
    /// The terminal has this size from here on.
    Resize(u16, u16),
    /// A marker with this label.
    Marker(String),
    /// The command exited with this code, as a shell counts: 128 and the signal for a death by signal.
    Exit(i32),
}

/// The label of the marker before each attempt but the first.
pub const ATTEMPT: &str = "attempt ";

impl Tape {
    /// The part that belongs to the last attempt, its times from its own start.
    #[must_use]
    pub fn last_attempt(&self) -> Tape {
        let begins = |fact: &Fact| {
            matches!(&fact.what, What::Marker(label) if label.strip_prefix(ATTEMPT)
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit())))
        };
        let Some(from) = self.facts.iter().rposition(begins) else { return self.clone() };
        let start = self.facts[from].at;
        let mut size = self.size;
        for fact in &self.facts[..from] {
            if let What::Resize(columns, rows) = fact.what {
                size = (columns, rows);
            }
        }
        let facts = self.facts[from + 1..].iter();
        let facts = facts.map(|fact| Fact { at: fact.at.saturating_sub(start), ..fact.clone() });
        Tape { size, terminal: self.terminal, facts: facts.collect() }
    }

    /// Everything that the command wrote.
    pub fn output(&self) -> impl Iterator<Item = &[u8]> {
        self.facts.iter().filter_map(|fact| match &fact.what {
            What::Output(bytes) => Some(bytes.as_slice()),
            _ => None,
        })
    }

    /// When its last fact was.
    pub fn duration(&self) -> Duration {
        self.facts.last().map_or(Duration::ZERO, |fact| fact.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(at: u64, what: What) -> Fact {
        Fact { at: Duration::from_secs(at), what }
    }

    #[test]
    fn the_last_attempt_begins_at_its_marker() {
        let tape = Tape {
            size: (80, 24),
            terminal: true,
            facts: vec![
                fact(1, What::Output(b"one".to_vec())),
                fact(2, What::Resize(100, 30)),
                fact(3, What::Marker("attempt 2".to_owned())),
                fact(5, What::Output(b"two".to_vec())),
                fact(6, What::Marker("attempt at something".to_owned())),
            ],
        };
        let last = tape.last_attempt();
        assert_eq!(last.size, (100, 30));
        assert_eq!(last.facts[0], fact(2, What::Output(b"two".to_vec())));
        assert_eq!(last.duration(), Duration::from_secs(3));
        assert_eq!(last.last_attempt(), last);
    }
}
