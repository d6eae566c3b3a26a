use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::expect::matcher::{BEFORE, Matcher, MatcherConfig};

/// As it is typed.
fn typed(pattern: &str) -> Pattern {
    Pattern::parse(pattern).unwrap()
}

fn shown(text: &str) -> Shown<'_> {
    Shown { all: text.as_bytes(), cursor: 0 }
}

fn seen(text: &str) -> Seen<'_> {
    Seen { stream: StreamId::Terminal, text: shown(text), raw: shown(text), echoed: b"" }
}

fn one(pattern: &Pattern, seen: Seen<'_>) -> Vec<String> {
    misses(&[Wanted { pattern, view: View::Text, stream: None }], &[seen], &Mask::default())
}

#[test]
fn another_case() {
    assert_eq!(
        one(&typed("Password:"), seen("the password: is\n")),
        ["`password:` appeared; your pattern says `Password:`; use `/Password:/i`"]
    );
    assert_eq!(
        one(&typed("/^Done/"), seen("x\ndone\n")),
        ["`done` appeared; your pattern says `/^Done/`; use `/^Done/i`"]
    );
}

#[test]
fn other_white_space() {
    assert_eq!(
        one(&typed("login: "), seen("login:\n")),
        ["`login:` appeared; your pattern says `login: `; use `login:`"]
    );
    assert_eq!(
        one(&typed("a b"), seen("a  b\n")),
        ["`a  b` appeared; your pattern says `a b`; the white space differs; use `/a\\s+b/`"]
    );
}

#[test]
fn a_regex_without_slashes_and_a_literal_with_them() {
    assert_eq!(
        one(&typed(r"id=\d+"), seen("id=77\n")),
        [
            r"`id=77` appeared; your pattern says `id=\d+`; plain text is taken literally; use `/id=\d+/`"
        ]
    );
    assert_eq!(
        one(&typed("/Continue? [y/N]/"), seen("Continue? [y/N] no\n")),
        [
            "`Continue? [y/N]` appeared; your pattern says `/Continue? [y/N]/`; slashes make it a regex; \
          as plain text it is `Continue? [y/N]`"
        ]
    );
}

#[test]
fn before_the_cursor() {
    let seen = Seen { text: Shown { cursor: 11, ..shown("hello worldmore\n") }, ..seen("") };
    let hints = one(&typed("hello"), seen);
    assert!(hints[0].starts_with("`hello` appeared before the cursor"), "{hints:?}");
}

#[test]
fn in_another_view() {
    let seen = Seen { raw: shown("\x1b[31mred\r\n"), ..seen("red\n") };
    assert_eq!(one(&typed("[31m"), seen), ["`[31m` would match in view raw; use `--view raw`"]);
}

#[test]
fn only_as_an_echo() {
    let echoed = b"show status\r".as_slice();
    // Also where it was left out.
    for seen in [seen("status\n"), seen("$ \nbusy\n")] {
        let hints = one(&typed("status"), Seen { echoed, ..seen });
        assert!(hints[0].starts_with("`status` appeared as the echo"), "{hints:?}");
    }
    let hints = one(&typed("/busy|status/"), Seen { echoed, ..seen("Busy\n") });
    assert!(hints[0].starts_with("`Busy` appeared"), "{hints:?}");
}

#[test]
fn not_on_the_screen_any_more() {
    let pattern = typed("gone");
    let wanted = Wanted { pattern: &pattern, view: View::Screen, stream: None };
    assert_eq!(
        misses(&[wanted], &[seen("gone\n")], &Mask::default()),
        ["`gone` would match in view text; use `--view text`"]
    );
}

#[test]
fn on_another_stream() {
    let pattern = typed("ready");
    let out = Seen { stream: StreamId::Stdout, ..seen("") };
    let err = Seen { stream: StreamId::Stderr, ..seen("ready\n") };
    let wanted = Wanted { pattern: &pattern, view: View::Text, stream: Some(StreamId::Stdout) };
    assert_eq!(
        misses(&[wanted], &[out, err], &Mask::default()),
        ["`ready` appeared on stderr; your pattern listens to stdout; drop its `--stream`"]
    );
}

#[test]
fn an_unfinished_line_that_ends_as_prompts_do() {
    assert_eq!(
        one(&typed("never"), seen("x\nContinue? [y/N] ")),
        [
            "the last line looks like a prompt: `Continue? [y/N] `; answer it with `--on 'Continue? [y/N]' --line …`"
        ]
    );
    // As ssh writes it.
    assert_eq!(
        one(&typed("never"), seen("x\n\rPIN: ")),
        ["the last line looks like a prompt: `PIN: `; answer it with `--on 'PIN:' --line …`"]
    );
    assert!(one(&typed("never"), seen("Continue? [y/N]\n")).is_empty());
    assert!(one(&typed("never"), seen("working")).is_empty());
}

#[test]
fn a_quotation_is_masked_before_it_is_cut() {
    let secret = "s3cret".repeat(20);
    let mask = Mask::new([secret.as_str(), "first\nsecond?"]);
    let lines = format!("KEY {secret}\r\nfirst\r\nsecond?");
    let pattern = typed("/key \\S+/");
    let wanted = Wanted { pattern: &pattern, view: View::Text, stream: None };
    let hints = misses(&[wanted], &[seen(&lines)], &mask);
    assert_eq!(
        hints,
        [
            "`KEY ***` appeared; your pattern says `/key \\S+/`; use `/key \\S+/i`",
            "the last line looks like a prompt: `***`; answer it with `--on … --line …`",
        ]
    );
}

#[test]
fn foreign_bytes_are_spelled_out() {
    let hints = one(&typed("A\u{7}"), seen("a\u{7}\n"));
    assert_eq!(hints, [r"`a\x07` appeared; your pattern says `A\x07`; use `/A\x07/i`"]);
}

#[test]
fn the_same_hint_is_given_once_and_not_too_many() {
    let patterns: Vec<Pattern> = (0..9).map(|n| typed(&format!("X{n}"))).collect();
    let wanted: Vec<Wanted<'_>> = patterns
        .iter()
        .chain([&patterns[0]])
        .map(|pattern| Wanted { pattern, view: View::Text, stream: None })
        .collect();
    let hints = misses(&wanted, &[seen("x0 x1 x2 x3 x4 x5 x6 x7 x8\n")], &Mask::default());
    assert_eq!(hints.len(), MOST);
}

/// Whether this pattern, as it is typed, takes something of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let Ok(pattern) = Pattern::parse(pattern) else { return false };
    let settle = Duration::from_millis(50);
    let config = MatcherConfig { window: 1 << 20, before: BEFORE, settle, size: (20, 4) };
    let mut matcher = Matcher::new(&[(pattern, View::Text)], config).unwrap();
    matcher.arm(&[0]);
    matcher.push(Duration::ZERO, text.as_bytes());
    matcher.poll(2 * settle).is_some()
}

/// The patterns that a hint tells someone to type.
fn advised(hint: &str) -> Option<String> {
    if let Some((_, rest)) = hint.split_once("answer it with `--on '") {
        return Some(rest.strip_suffix("' --line …`")?.replace(r"'\''", "'"));
    }
    let (_, rest) = hint.split_once("; use `").or(hint.split_once("as plain text it is `"))?;
    rest.strip_suffix('`').map(str::to_owned)
}

#[test]
fn what_is_advised_is_spelled_as_it_has_to_be_typed() {
    for (pattern, output, advice) in [
        ("=/etc/passwd ", "/etc/passwd\n", Some("=/etc/passwd")),
        ("=@eof ", "@eof\n", Some("=@eof")),
        ("==x ", "=x\n", Some("==x")),
        ("a\nb ", "a\nb\n", Some(r"/a\nb/")),
        ("/\u{7}B/", "\u{7}b\n", None),
        (r"/\bÉTUDE/", " étude\n", None),
        (r"/\bETUDE/", " etude\n", Some(r"/\bETUDE/i")),
        ("/a/b", "", None),
        ("Never", "What's your name? ", Some("What's your name?")),
        ("Never", "/usr/bin/vi or not?", Some("=/usr/bin/vi or not?")),
    ] {
        let Ok(pattern) = Pattern::parse(pattern) else { continue };
        let hints = one(&pattern, seen(output));
        assert_eq!(hints.iter().find_map(|hint| advised(hint)).as_deref(), advice, "{hints:?}");
        assert!(advice.is_none_or(|advice| matches(advice, output)), "{hints:?}");
    }
    let hints = one(&typed("Never"), seen("What's your name? "));
    assert!(hints[0].ends_with(r"`--on 'What'\''s your name?' --line …`"), "{hints:?}");
}

#[test]
fn what_cannot_be_shown_as_it_is_is_described() {
    let hint = |pattern: &str, output: &str, secret: &[&str]| {
        let pattern = typed(pattern);
        let wanted = Wanted { pattern: &pattern, view: View::Text, stream: None };
        let hints = misses(&[wanted], &[seen(output)], &Mask::new(secret));
        hints[0].rsplit_once("; ").unwrap().1.to_owned()
    };
    let (long, upper) = ("a".repeat(70), "A".repeat(70));
    assert_eq!(hint(&upper, &long, &[]), "it differs in upper and lower case");
    assert_eq!(hint(&format!("{long} "), &long, &[]), "it differs in the white space at its ends");
    assert_eq!(hint("pin A.b", "PIN A.b", &["A.b"]), "it differs in upper and lower case");
    assert_eq!(hint("pin A.b", "PIN A.b", &[]), r"use `/pin A\.b/i`");
    assert_eq!(hint("pin A.b", "pin  A.b", &["A.b"]), "the white space differs");
    let asked = format!("{long}? ");
    assert_eq!(hint("Never", &asked, &[]), "answer it with `--on … --line …`");
}

proptest! {
    /// The promise of this module.
    #[test]
    fn what_is_advised_matches_what_was_there(
        pieces in prop::collection::vec(
            prop::sample::select(&[
                "a", "A", "é", "É", " ", "  ", "\n", "\t", "/", "=", "@", "@eof", "'", "?", ".", r"\b", r"\d", "7",
                "[y/N]", "(", ":", "$", "|", "^", "\u{202e}", "\\", "-", "#", "i",
            ][..]),
            1..6,
        ),
        slashes: bool,
        change in 0..5,
        ask: bool,
    ) {
        let text = pieces.concat();
        let there = match change {
            0 => text.to_uppercase(),
            1 => text.to_lowercase(),
            2 => text.trim().to_owned(),
            3 => text.replace(' ', "   "),
            _ => text.replace(r"\d", "7").replace(r"\b", " "),
        };
        let output = format!("x {there}{}", if ask { "? " } else { "\n" });
        let pattern = if slashes { format!("/{text}/") } else { text };
        if let Ok(pattern) = Pattern::parse(&pattern) {
            for hint in one(&pattern, seen(&output)) {
                if let Some(advice) = advised(&hint) {
                    prop_assert!(matches(&advice, &output), "{hint}: {output:?}");
                }
            }
        }
    }
}

/// The first signal of a limit waits for the hints.
#[test]
fn no_search_takes_long() {
    let many = "a".repeat(1 << 20);
    for (pattern, end, hinted) in [
        (r"/a{1,9}X/", "ax", true),
        (r"/\w{3}X/", "ax", true),
        // Too large.
        (r"/\w{25}X/", "ax", false),
        (r"/a.{20}X/", "ax", true),
        // Only the end is searched.
        (r"/^a/", "", false),
    ] {
        let hints = one(&typed(pattern), Seen { raw: shown(""), ..seen(&format!("{many}{end}")) });
        assert_eq!(!hints.is_empty(), hinted, "{pattern}: {hints:?}");
    }
    // Here it makes a new state of every byte.
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { 'a' } else { 'b' }
    };
    let mixed: String = (0..1 << 16).map(|_| random()).collect();
    let hints = one(&typed(r"/a.{20}X/"), seen(&format!("{mixed}x")));
    assert_eq!(hints, Vec::<String>::new());
}
