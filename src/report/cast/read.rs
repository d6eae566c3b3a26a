//! Reading asciicast versions 2 and 3.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::expect::tape::{Fact, Tape, What};

/// What is wrong with a recording, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
pub struct CastError {
    /// 1 for the header.
    pub line: usize,
    /// What.
    pub message: String,
}

fn wrong(line: usize, message: impl Into<String>) -> CastError {
    CastError { line, message: message.into() }
}

/// The longest time that is taken for one; what is behind it is no recording.
const LONGEST: f64 = 1e9;

/// What the header says.
struct Head {
    version: u64,
    size: (u16, u16),
    pipe: bool,
    idle: Option<Duration>,
}

/// A recording as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cast {
    /// What was recorded.
    pub tape: Tape,
    /// The longest pause that a player is to make, where the header has one.
    pub idle_limit: Option<Duration>,
}

/// Reads a recording. A last line that is cut off, as a full disk or a KILL leaves it, is left out.
pub fn read(cast: &[u8]) -> Result<Cast, CastError> {
    let mut lines = cast.split_inclusive(|byte| *byte == b'\n').enumerate();
    let Some((_, first)) = lines.next() else { return Err(wrong(1, "the recording is empty")) };
    let head = header(first)?;
    let mut facts = Vec::new();
    let mut now = Duration::ZERO;
    let mut after_cr = false;
    for (index, raw) in lines {
        let number = index + 1;
        let text = raw.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") && head.version == 3 {
            continue;
        }
        let parsed = match serde_json::from_slice::<Value>(text) {
            Ok(parsed) => parsed,
            Err(error) if error.is_eof() && !raw.ends_with(b"\n") => break,
            Err(error) => {
                return Err(wrong(number, format!("no JSON: {}", short(&error))));
            }
        };
        let (time, what) = event(number, &parsed)?;
        now = match head.version {
            3 => now.saturating_add(time),
            // Two writers of one clock may cross by a little.
            _ => now.max(time),
        };
        let Some(mut what) = what else { continue };
        if let (What::Output(bytes), true) = (&mut what, head.pipe) {
            *bytes = lines_of_pipe(bytes, &mut after_cr);
        }
        facts.push(Fact { at: now, what });
    }
    if head.pipe && after_cr {
        facts.push(Fact { at: now, what: What::Output(b"\r".to_vec()) });
    }
    let tape = Tape { size: head.size, terminal: !head.pipe, facts };
    Ok(Cast { tape, idle_limit: head.idle })
}

fn header(line: &[u8]) -> Result<Head, CastError> {
    let header: Value = serde_json::from_slice(line.trim_ascii())
        .map_err(|error| wrong(1, format!("no header of an asciicast: {}", short(&error))))?;
    let version = match header.get("version").and_then(Value::as_u64) {
        Some(version @ (2 | 3)) => version,
        Some(1) => {
            return Err(wrong(1, "asciicast version 1; `asciinema convert` makes version 2 of it"));
        }
        Some(other) => {
            return Err(wrong(1, format!("asciicast version {other}; versions 2 and 3 are read")));
        }
        None => return Err(wrong(1, "no header of an asciicast: it has no `version`")),
    };
    let size = |key2: &str, key3: &str| {
        let (key, value) = match version {
            2 => (key2.to_owned(), header.get(key2)),
            _ => (format!("term.{key3}"), header.get("term").and_then(|term| term.get(key3))),
        };
        let size = value.and_then(Value::as_u64).and_then(|size| u16::try_from(size).ok());
        size.filter(|size| *size > 0).ok_or_else(|| wrong(1, format!("the header has no `{key}`")))
    };
    let idle = header.get("idle_time_limit").and_then(Value::as_f64).filter(|idle| *idle > 0.0);
    Ok(Head {
        version,
        size: (size("width", "cols")?, size("height", "rows")?),
        pipe: header.pointer("/heeler/mode").and_then(Value::as_str) == Some("pipe"),
        idle: idle.map(|idle| Duration::from_secs_f64(idle.min(LONGEST))),
    })
}

/// One event; nothing for a code that this version of heeler does not know.
fn event(line: usize, value: &Value) -> Result<(Duration, Option<What>), CastError> {
    let Some([time, code, data]) = value.as_array().map(Vec::as_slice) else {
        return Err(wrong(line, "an event is an array of three: [seconds, code, text]"));
    };
    let seconds = time.as_f64().filter(|seconds| (0.0..=LONGEST).contains(seconds));
    let Some(seconds) = seconds else {
        return Err(wrong(line, format!("`{time}` is no time in seconds")));
    };
    let (Some(code), Some(text)) = (code.as_str(), data.as_str()) else {
        return Err(wrong(line, "the code and the text of an event are strings"));
    };
    let what = match code {
        "o" => Some(What::Output(text.as_bytes().to_vec())),
        "i" => Some(What::Input(text.as_bytes().to_vec())),
        "m" => Some(What::Marker(text.to_owned())),
        "r" => {
            let size = text
                .split_once('x')
                .and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
            let Some((columns, rows)) = size.filter(|size| size.0 > 0 && size.1 > 0) else {
                return Err(wrong(line, format!("`{text}` is no size, such as 80x24")));
            };
            Some(What::Resize(columns, rows))
        }
        "x" => match text.parse() {
            Ok(code) => Some(What::Exit(code)),
            Err(_) => return Err(wrong(line, format!("`{text}` is no exit code"))),
        },
        _ => None,
    };
    Ok((Duration::from_secs_f64(seconds), what))
}

/// CR LF becomes LF again. A CR at the end waits for the next event.
fn lines_of_pipe(bytes: &[u8], after_cr: &mut bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if std::mem::take(after_cr) && byte != b'\n' {
            out.push(b'\r');
        }
        if byte == b'\r' {
            *after_cr = true;
        } else {
            out.push(byte);
        }
    }
    out
}

/// Shortens every pause to `limit`.
pub fn limit_idle(facts: &mut [Fact], limit: Duration) {
    let (mut before, mut cut) = (Duration::ZERO, Duration::ZERO);
    for fact in facts {
        cut += fact.at.saturating_sub(before).saturating_sub(limit);
        before = fact.at;
        fact.at = fact.at.saturating_sub(cut);
    }
}

/// serde_json's words without its line, which is always 1 here.
fn short(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.split(" at line ").next().unwrap_or_default();
    if error.column() > 0 {
        format!("{words}, column {}", error.column())
    } else {
        words.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(millis: u64, what: What) -> Fact {
        Fact { at: Duration::from_millis(millis), what }
    }

    #[test]
    fn both_versions_say_the_same() {
        let v2 = b"{\"version\":2,\"width\":80,\"height\":24}\n\
            [0.5,\"o\",\"a\"]\n[1.0,\"i\",\"b\"]\n[1.5,\"r\",\"100x30\"]\n[1.5,\"z\",\"?\"]\n[2,\"m\",\"\"]\n[3,\"x\",\"0\"]\n";
        let v3 = b"{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n# a comment\n\
            [0.5,\"o\",\"a\"]\n[0.5,\"i\",\"b\"]\n[0.5,\"r\",\"100x30\"]\n[0.5,\"m\",\"\"]\n[1,\"x\",\"0\"]\n";
        let facts = vec![
            fact(500, What::Output(b"a".to_vec())),
            fact(1000, What::Input(b"b".to_vec())),
            fact(1500, What::Resize(100, 30)),
            fact(2000, What::Marker(String::new())),
            fact(3000, What::Exit(0)),
        ];
        for cast in [&v2[..], &v3[..]] {
            let tape = read(cast).unwrap().tape;
            assert_eq!((tape.size, &tape.facts), ((80, 24), &facts));
        }
    }

    #[test]
    fn mistakes_have_a_line() {
        let table: &[(&str, usize, &str)] = &[
            ("", 1, "empty"),
            ("hello\n", 1, "no header of an asciicast"),
            ("{\"version\":1}\n", 1, "version 1"),
            ("{\"version\":9}\n", 1, "version 9"),
            ("{}\n", 1, "`version`"),
            ("{\"version\":2,\"width\":80}\n", 1, "`height`"),
            ("{\"version\":3,\"term\":{\"cols\":0,\"rows\":2}}\n", 1, "`term.cols`"),
            ("H[0,\"o\",\"a\"]\nnonsense\n", 3, "no JSON"),
            ("H\n{}\n", 3, "array of three"),
            ("H[-1,\"o\",\"a\"]\n", 2, "no time"),
            ("H[1e300,\"o\",\"a\"]\n", 2, "no time"),
            ("H[0,1,\"a\"]\n", 2, "strings"),
            ("H[0,\"r\",\"80\"]\n", 2, "no size"),
            ("H[0,\"x\",\"?\"]\n", 2, "no exit code"),
        ];
        for (cast, line, words) in table {
            let cast = cast.replace('H', "{\"version\":2,\"width\":80,\"height\":24}\n");
            let error = read(cast.as_bytes()).unwrap_err();
            assert_eq!(error.line, *line, "{cast}");
            assert!(error.message.contains(words), "{cast}: {error}");
        }
    }

    #[test]
    fn a_last_line_that_was_cut_off_is_left_out() {
        let cast = b"{\"version\":2,\"width\":80,\"height\":24}\n[0,\"o\",\"a\"]\n[1,\"o\",\"b";
        assert_eq!(read(cast).unwrap().tape.facts.len(), 1);
    }

    #[test]
    fn pauses_are_shortened_and_nothing_else() {
        let mut facts: Vec<Fact> =
            [0, 100, 5000, 5100, 9100].map(|at| fact(at, What::Exit(0))).into();
        limit_idle(&mut facts, Duration::from_secs(1));
        let times: Vec<u128> = facts.iter().map(|fact| fact.at.as_millis()).collect();
        assert_eq!(times, [0, 100, 1100, 1200, 2200]);
    }
}
