use super::*;

fn text(source: &str) -> Pattern {
    Pattern { source: source.to_owned(), kind: Kind::Text(source.as_bytes().to_vec()) }
}

fn regex_of(source: &str) -> Pattern {
    let kind = Kind::Regex(source.trim_matches('/').to_owned());
    Pattern { source: source.to_owned(), kind }
}

fn shown(text: &str) -> Shown<'_> {
    Shown { all: text.as_bytes(), cursor: 0 }
}

fn seen(text: &str) -> Seen<'_> {
    Seen { stream: StreamId::Terminal, text: shown(text), raw: shown(text), echoed: false }
}

fn one(pattern: &Pattern, seen: Seen<'_>) -> Vec<String> {
    misses(&[Wanted { pattern, view: View::Text, stream: None }], &[seen], &Mask::default())
}

#[test]
fn another_case() {
    assert_eq!(
        one(&text("Password:"), seen("the password: is\n")),
        ["`password:` appeared; your pattern says `Password:`; use `/Password:/i`"]
    );
    assert_eq!(
        one(&regex_of("/^Done/"), seen("x\ndone\n")),
        ["`done` appeared; your pattern says `/^Done/`; use `/^Done/i`"]
    );
}

#[test]
fn other_white_space() {
    assert_eq!(
        one(&text("login: "), seen("login:\n")),
        ["`login:` appeared; your pattern says `login: `; use `login:`"]
    );
    assert_eq!(
        one(&text("a b"), seen("a  b\n")),
        ["`a  b` appeared; your pattern says `a b`; the white space differs; use `/a\\s+b/`"]
    );
}

#[test]
fn a_regex_without_slashes_and_a_literal_with_them() {
    assert_eq!(
        one(&text(r"id=\d+"), seen("id=77\n")),
        [
            r"`id=77` appeared; your pattern says `id=\d+`; plain text is taken literally; use `/id=\d+/`"
        ]
    );
    assert_eq!(
        one(&regex_of("/Continue? [y/N]/"), seen("Continue? [y/N] no\n")),
        [
            "`Continue? [y/N]` appeared; your pattern says `/Continue? [y/N]/`; slashes make it a regex; \
          as plain text it is `=Continue? [y/N]`"
        ]
    );
}

#[test]
fn before_the_cursor() {
    let seen = Seen { text: Shown { cursor: 11, ..shown("hello worldmore\n") }, ..seen("") };
    let hints = one(&text("hello"), seen);
    assert!(hints[0].starts_with("`hello` appeared before the cursor"), "{hints:?}");
}

#[test]
fn in_another_view() {
    let seen = Seen { raw: shown("\x1b[31mred\r\n"), ..seen("red\n") };
    let raw = Pattern { source: "[31m".to_owned(), kind: Kind::Text(b"[31m".to_vec()) };
    assert_eq!(one(&raw, seen), ["`[31m` would match in view raw; use `--view raw`"]);
}

#[test]
fn only_as_an_echo() {
    let seen = Seen { echoed: true, ..seen("status\n") };
    let hints = one(&text("status"), seen);
    assert!(hints[0].starts_with("`status` appeared as the echo"), "{hints:?}");
}

#[test]
fn not_on_the_screen_any_more() {
    let pattern = text("gone");
    let wanted = Wanted { pattern: &pattern, view: View::Screen, stream: None };
    assert_eq!(
        misses(&[wanted], &[seen("gone\n")], &Mask::default()),
        ["`gone` would match in view text; use `--view text`"]
    );
}

#[test]
fn on_another_stream() {
    let pattern = text("ready");
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
        one(&text("never"), seen("x\nContinue? [y/N] ")),
        [
            "the last line looks like a prompt: `Continue? [y/N] `; answer it with `--on 'Continue? [y/N]' --line …`"
        ]
    );
    // As ssh writes it.
    assert_eq!(
        one(&text("never"), seen("x\n\rPIN: ")),
        ["the last line looks like a prompt: `PIN: `; answer it with `--on 'PIN:' --line …`"]
    );
    assert!(one(&text("never"), seen("Continue? [y/N]\n")).is_empty());
    assert!(one(&text("never"), seen("working")).is_empty());
}

#[test]
fn a_quotation_is_masked_before_it_is_cut() {
    let secret = "s3cret".repeat(20);
    let mask = Mask::new([secret.as_str(), "first\nsecond?"]);
    let lines = format!("KEY {secret}\r\nfirst\r\nsecond?");
    let pattern = regex_of("/key \\S+/");
    let wanted = Wanted { pattern: &pattern, view: View::Text, stream: None };
    let hints = misses(&[wanted], &[seen(&lines)], &mask);
    assert_eq!(
        hints,
        [
            "`KEY ***` appeared; your pattern says `/key \\S+/`; use `/key \\S+/i`",
            "the last line looks like a prompt: `***`; answer it with `--on '***' --line …`",
        ]
    );
}

#[test]
fn foreign_bytes_are_spelled_out() {
    let hints = one(&text("A\u{7}"), seen("a\u{7}\n"));
    assert_eq!(hints, [r"`a\x07` appeared; your pattern says `A\x07`; use `/A\x07/i`"]);
}

#[test]
fn the_same_hint_is_given_once_and_not_too_many() {
    let patterns: Vec<Pattern> = (0..9).map(|n| text(&format!("X{n}"))).collect();
    let wanted: Vec<Wanted<'_>> = patterns
        .iter()
        .chain([&patterns[0]])
        .map(|pattern| Wanted { pattern, view: View::Text, stream: None })
        .collect();
    let hints = misses(&wanted, &[seen("x0 x1 x2 x3 x4 x5 x6 x7 x8\n")], &Mask::default());
    assert_eq!(hints.len(), MOST);
}
