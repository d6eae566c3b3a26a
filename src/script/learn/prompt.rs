//! What a step waits for: the unterminated text before an input, with what looks as if it changes turned
//! into a regex.

use std::sync::LazyLock;

use regex::Regex;

use crate::expect::offline::REST;

/// What a step waits for, as a script spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    /// The pattern.
    pub(super) pattern: String,
    /// What was there, where the pattern is a regex.
    pub(super) literal: Option<String>,
    /// It looks at the screen.
    pub(super) screen: bool,
}

/// How much of a long prompt is waited for: its end.
const LONGEST: usize = 80;
/// A prompt this short appears in other places too.
const SHORT: usize = 3;

/// What may be another time: the text, and the regex that stands for it. The first that fits counts.
const VOLATILE: &[(&str, &str)] = &[
    // A shell's prompt, an address: user, host and directory.
    (r"[\w.-]+@[\w.-]+(?::[^\s$#%>\])]*)?", r"[\w.-]+@[\w.-]+(:[^\s$#%>\])]*)?"),
    // A UUID.
    (
        r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
        r"[0-9a-fA-F-]{36}",
    ),
    // A date, and a date with a time.
    (
        r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\b",
        r"[\d:.,TZ +-]+",
    ),
    // A time.
    (r"\b\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\b", r"[\d:.,]+"),
    // An address of the network.
    (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", r"[\d.]+"),
    (r"\b0x[0-9a-fA-F]+\b", r"0x[0-9a-fA-F]+"),
    // A commit, a container: see `is_hex_id`.
    (r"\b[0-9a-f]{7,64}\b", r"[0-9a-f]+"),
    // The name of a host.
    (r"\b[A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*){2,}\b", r"[\w.-]+"),
    // A path: see `is_path`.
    (r"(?:~|\.{1,2})?(?:/[\w.+@%-]+)+/?", r#"[^\s:)"'\]]+"#),
    (r"\d+(?:[.,]\d+)*", r"[\d.,]+"),
];

static FINDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let parts: Vec<String> = VOLATILE.iter().map(|(text, _)| format!("({text})")).collect();
    // A constant, tested below.
    Regex::new(&parts.join("|")).ok()
});

/// The wait for `line`, which stood unterminated behind `above`. `host` is the name of this machine.
/// `exact` asks for the whole line, for a prompt that would match too early otherwise.
pub(super) fn wait(line: &str, above: &str, host: &str, exact: bool) -> Option<Wait> {
    let shown = if line.trim().is_empty() { return None } else { tail(line) };
    let whole = shown.len() == line.len();
    let regex = volatile(shown, host);
    let early = above.contains(shown) || shown.trim().chars().count() <= SHORT;
    let anchored = exact || early;
    if regex.is_none() && !anchored {
        return Some(Wait { pattern: literal(shown), literal: None, screen: false });
    }
    let body = regex.unwrap_or_else(|| regex_syntax::escape(shown));
    let (begin, end) = match (anchored, whole) {
        (true, true) => ("^", "$"),
        (true, false) => ("", "$"),
        _ => ("", ""),
    };
    Some(Wait {
        pattern: format!("/{begin}{body}{end}/"),
        literal: Some(shown.to_owned()),
        screen: false,
    })
}

/// The wait until the command rests.
pub(super) fn rest() -> Wait {
    Wait { pattern: format!("@idle:{}ms", REST.as_millis()), literal: None, screen: false }
}

/// The wait for a row of the screen.
pub(super) fn row(row: &str, host: &str) -> Option<Wait> {
    let shown = tail(row.trim());
    if shown.is_empty() {
        return None;
    }
    Some(match volatile(shown, host) {
        Some(body) => {
            Wait { pattern: format!("/{body}/"), literal: Some(shown.to_owned()), screen: true }
        }
        None => Wait { pattern: literal(shown), literal: None, screen: true },
    })
}

/// The end of a long text, from a word on.
fn tail(text: &str) -> &str {
    let count = text.chars().count();
    if count <= LONGEST {
        return text;
    }
    let cut = text.char_indices().nth(count - LONGEST).map_or(0, |(at, _)| at);
    let rest = &text[cut..];
    rest.find(' ').map_or(rest, |space| &rest[space + 1..]).trim_start()
}

/// Text as a pattern that means just that.
fn literal(text: &str) -> String {
    if text.starts_with(['/', '@', '=']) { format!("={text}") } else { text.to_owned() }
}

/// The text as a regex with what may change left open; nothing where nothing may.
fn volatile(text: &str, host: &str) -> Option<String> {
    let finder = FINDER.as_ref()?;
    let mut regex = String::new();
    let (mut at, mut found) = (0, false);
    let mut from = 0;
    while let Some(captures) = finder.captures_at(text, from) {
        let Some(whole) = captures.get(0) else { break };
        let kind = (1..captures.len()).find(|n| captures.get(*n).is_some()).unwrap_or(1) - 1;
        let (source, open) = VOLATILE[kind];
        let refused = source.starts_with(r"\b[0-9a-f]{7,64}") && !is_hex_id(whole.as_str())
            || source.starts_with("(?:~|") && !is_path(text, whole.start());
        if refused {
            // What it has of digits is looked at again.
            let first = whole.as_str().chars().next().map_or(1, char::len_utf8);
            from = if is_hex_word(whole.as_str()) { whole.end() } else { whole.start() + first };
            continue;
        }
        named(&text[at..whole.start()], host, &mut regex, &mut found);
        regex.push_str(open);
        found = true;
        at = whole.end();
        from = at;
    }
    named(&text[at..], host, &mut regex, &mut found);
    found.then_some(regex)
}

/// A stretch of plain text; this machine's own name in it may be another's.
fn named(text: &str, host: &str, regex: &mut String, found: &mut bool) {
    let mut rest = text;
    // A name of one or two letters is in many words.
    while let Some(at) = rest.find(host).filter(|_| host.len() > 2) {
        regex.push_str(&regex_syntax::escape(&rest[..at]));
        regex.push_str(r"[\w.-]+");
        *found = true;
        rest = &rest[at + host.len()..];
    }
    regex.push_str(&regex_syntax::escape(rest));
}

fn is_hex_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Letters alone are a word (`defaced`); digits alone are a number, which is volatile as well.
fn is_hex_id(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// A path stands alone: `yes/no` is none.
fn is_path(text: &str, start: usize) -> bool {
    let before = text[..start].chars().next_back();
    before
        .is_none_or(|c| c.is_whitespace() || matches!(c, ':' | '(' | '"' | '\'' | '=' | '[' | '`'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::pattern::{Kind, Pattern};

    fn pattern(line: &str) -> String {
        wait(line, "", "buildbox", false).expect("it is no empty line").pattern
    }

    #[test]
    fn plain_prompts_stay_as_they_are() {
        for line in
            ["Password: ", "Are you sure (yes/no)? ", "Continue? [Y/n] ", "login: ", "defaced? "]
        {
            assert_eq!(pattern(line), line);
        }
        assert_eq!(pattern("/etc? "), "/[^\\s:)\"'\\]]+\\? /");
        assert_eq!(pattern("@home? "), "=@home? ");
    }

    #[test]
    fn what_changes_is_left_open_and_still_matches() {
        let table = [
            ("db1 login (pid 4711): ", r"/db[\d.,]+ login \(pid [\d.,]+\): /"),
            ("[12:30:59] go? ", r"/\[[\d:.,]+\] go\? /"),
            ("me@web-3:~/src$ ", r"/[\w.-]+@[\w.-]+(:[^\s$#%>\])]*)?\$ /"),
            ("buildbox login: ", r"/[\w.-]+ login: /"),
            ("Overwrite /tmp/a.txt? ", r#"/Overwrite [^\s:)"'\]]+\? /"#),
            ("commit 1a2b3c4: ", "/commit [0-9a-f]+: /"),
            ("at 0xdeadbeef> ", "/at 0x[0-9a-fA-F]+> /"),
            ("2024-05-06 12:30 now: ", r"/[\d:.,TZ +-]+ now: /"),
            ("host 10.0.0.1: ", r"/host [\d.]+: /"),
            ("a.b.example.org: ", r"/[\w.-]+: /"),
            ("id 01234567-89ab-cdef-0123-456789abcdef: ", r"/id [0-9a-fA-F-]{36}: /"),
        ];
        for (line, regex) in table {
            assert_eq!(pattern(line), regex, "{line}");
            let Ok(Pattern { kind: Kind::Regex(regex), .. }) = Pattern::parse(&pattern(line))
            else {
                panic!("{line}")
            };
            assert!(Regex::new(&regex).unwrap().is_match(line), "{line}");
        }
    }

    #[test]
    fn what_would_match_too_early_is_anchored() {
        assert_eq!(pattern("$ "), r"/^\$ $/");
        assert_eq!(wait("Name: ", "Your Name: is asked", "", false).unwrap().pattern, "/^Name: $/");
        assert_eq!(wait("Name: ", "", "", true).unwrap().pattern, "/^Name: $/");
        assert_eq!(wait("  ", "", "", true), None);
    }

    #[test]
    fn of_a_long_prompt_the_end_counts() {
        let long = format!("{} the end: ", "word ".repeat(40));
        let pattern = pattern(&long);
        assert!(pattern.ends_with("word  the end: ") && pattern.len() <= LONGEST, "{pattern}");
    }
}
