//! Policies: the ladder, strays, retry conditions.

use std::time::Duration;

use super::{Codes, codes, duration};

/// `TERM:10s,KILL`, as typed: which signals there are is the platform's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder(pub Vec<Rung>);

/// One rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// A signal's name or number.
    pub signal: String,
    /// How long it may take, where said.
    pub grace: Option<Duration>,
}

/// Parses `SIG[:GRACE],...`.
pub fn ladder(text: &str) -> Result<Ladder, String> {
    let rung = |text: &str| {
        let (signal, grace) = match text.split_once(':') {
            None => (text, None),
            Some((signal, grace)) => (signal, Some(duration(grace)?)),
        };
        if signal.is_empty() {
            return Err("a ladder is SIGNAL:GRACE,..., such as INT:5s,TERM:10s,KILL".to_owned());
        }
        Ok(Rung { signal: signal.to_owned(), grace })
    };
    text.split(',').map(rung).collect::<Result<_, _>>().map(Ladder)
}

/// What happens to members that outlive their leader, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strays {
    /// `reap[:GRACE]`.
    Reap(Option<Duration>),
    /// `wait`.
    Wait,
    /// `leave`.
    Leave,
    /// `release`.
    Release,
    /// `fail`.
    Fail,
}

/// Parses `reap[:GRACE]|wait|leave|release|fail`.
pub fn strays(text: &str) -> Result<Strays, String> {
    match text {
        "reap" => Ok(Strays::Reap(None)),
        "wait" => Ok(Strays::Wait),
        "leave" => Ok(Strays::Leave),
        "release" => Ok(Strays::Release),
        "fail" => Ok(Strays::Fail),
        _ => match text.strip_prefix("reap:") {
            Some(grace) => duration(grace).map(|grace| Strays::Reap(Some(grace))),
            None => Err("it is reap, reap:GRACE, wait, leave, release or fail".to_owned()),
        },
    }
}

/// What is worth another attempt, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryOn {
    /// `exit`.
    Exit,
    /// `exit:75,69`.
    Codes(Codes),
    /// `signal`.
    Signal,
    /// `timeout`.
    Timeout,
    /// `idle`.
    Idle,
    /// `dialogue`.
    Dialogue,
    /// `match:PATTERN`.
    Match(String),
    /// `any`.
    Any,
}

/// Several conditions in one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryOnList(pub Vec<RetryOn>);

/// Parses conditions separated by commas. The codes of `exit:` may be separated by commas too, and
/// `match:` takes the rest, because a pattern may contain anything.
pub fn retry_on(text: &str) -> Result<RetryOnList, String> {
    const HELP: &str =
        "conditions are exit, exit:75,69, signal, timeout, idle, dialogue, match:PATTERN and any";
    let mut conditions = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        if let Some(pattern) = text.strip_prefix("match:") {
            conditions.push(RetryOn::Match(pattern.to_owned()));
            break;
        }
        let (word, after) = match text.split_once(',') {
            None => (text, None),
            Some((word, after)) => (word, Some(after)),
        };
        rest = after;
        let is_code = word.starts_with(|c: char| c.is_ascii_digit());
        match (word, conditions.last_mut()) {
            ("exit", _) => conditions.push(RetryOn::Exit),
            ("signal", _) => conditions.push(RetryOn::Signal),
            ("timeout", _) => conditions.push(RetryOn::Timeout),
            ("idle", _) => conditions.push(RetryOn::Idle),
            ("dialogue", _) => conditions.push(RetryOn::Dialogue),
            ("any", _) => conditions.push(RetryOn::Any),
            (code, Some(RetryOn::Codes(Codes(ranges)))) if is_code => ranges.extend(codes(code)?.0),
            _ => match word.strip_prefix("exit:") {
                Some(list) => conditions.push(RetryOn::Codes(codes(list)?)),
                None => return Err(format!("'{word}' is no condition; {HELP}")),
            },
        }
    }
    Ok(RetryOnList(conditions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ladders() {
        let rung = |signal: &str, grace| Rung { signal: signal.to_owned(), grace };
        let seconds = |n| Some(Duration::from_secs(n));
        for (text, rungs) in [
            ("TERM:10s,KILL", vec![rung("TERM", seconds(10)), rung("KILL", None)]),
            ("15:0", vec![rung("15", seconds(0))]),
            ("RTMIN+1", vec![rung("RTMIN+1", None)]),
        ] {
            assert_eq!(ladder(text), Ok(Ladder(rungs)), "{text}");
        }
        for bad in ["", ",", "TERM,", ":5s", "TERM:", "TERM:-1", "TERM:5s:6s"] {
            assert!(ladder(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_happens_to_strays() {
        assert_eq!(strays("reap"), Ok(Strays::Reap(None)));
        assert_eq!(strays("reap:500ms"), Ok(Strays::Reap(Some(Duration::from_millis(500)))));
        assert_eq!(strays("leave"), Ok(Strays::Leave));
        for bad in ["", "reap:", "reap:x", "kill", "wait:5s", "Reap"] {
            assert!(strays(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn retry_conditions() {
        let list = |conditions| Ok(RetryOnList(conditions));
        let codes = |ranges: &[(i32, i32)]| RetryOn::Codes(Codes(ranges.to_vec()));
        assert_eq!(retry_on("any"), list(vec![RetryOn::Any]));
        assert_eq!(retry_on("exit:75,69"), list(vec![codes(&[(75, 75), (69, 69)])]));
        assert_eq!(
            retry_on("signal,exit:75,100-102,timeout"),
            list(vec![RetryOn::Signal, codes(&[(75, 75), (100, 102)]), RetryOn::Timeout])
        );
        assert_eq!(
            retry_on("idle,match:/a,b|exit/i"),
            list(vec![RetryOn::Idle, RetryOn::Match("/a,b|exit/i".to_owned())])
        );
        for bad in ["", "exit:", "75", "exit,75", "exit:256", "never", "any,", "signal,75"] {
            assert!(retry_on(bad).is_err(), "{bad:?}");
        }
    }
}
