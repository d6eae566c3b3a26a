//! The keyboard's way out of a command on a raw terminal that ignores every key: Ctrl-] three times within
//! a second, as under `machinectl shell`. The keys go to the command like all others; nothing is held back.

use std::time::Duration;

const KEY: u8 = 0x1d;
const WITHIN: Duration = Duration::from_secs(1);

/// Counts the keys.
#[derive(Clone, Debug, Default)]
pub struct WayOut {
    /// When the first of them came, and how many there were.
    since: Option<(Duration, u8)>,
}

impl WayOut {
    /// Takes what was typed at `now`; says whether it asks for the end.
    pub fn push(&mut self, now: Duration, bytes: &[u8]) -> bool {
        let mut asked = false;
        for byte in bytes {
            self.since = match self.since {
                _ if *byte != KEY => None,
                Some((since, count)) if now.saturating_sub(since) <= WITHIN => {
                    Some((since, count + 1))
                }
                _ => Some((now, 1)),
            };
            if matches!(self.since, Some((_, 3))) {
                asked = true;
                self.since = None;
            }
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(typed: &[(u64, &str)]) -> Vec<bool> {
        let mut way = WayOut::default();
        let at = Duration::from_millis;
        typed.iter().map(|(now, text)| way.push(at(*now), text.as_bytes())).collect()
    }

    #[test]
    fn three_in_a_row_within_a_second() {
        assert_eq!(ask(&[(0, "\x1d\x1d\x1d")]), [true]);
        assert_eq!(ask(&[(0, "\x1d"), (500, "\x1d"), (1000, "\x1d")]), [false, false, true]);
        assert_eq!(
            ask(&[(0, "\x1d"), (500, "\x1d"), (1001, "\x1d\x1d\x1d")]),
            [false, false, true]
        );
        assert_eq!(ask(&[(0, "\x1d\x1dx\x1d"), (1, "\x1d\x1d")]), [false, true]);
        // Asked twice: the second means at once.
        assert_eq!(ask(&[(0, "\x1d\x1d\x1d"), (1, "\x1d\x1d"), (2, "\x1d")]), [true, false, true]);
    }
}
