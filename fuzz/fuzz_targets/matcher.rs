//! Any patterns on any bytes, cut anywhere, give the same matches; nothing panics, nothing hangs.
//! `cargo +nightly fuzz run matcher`

#![no_main]

use std::time::Duration;

use heeler::expect::matcher::{BEFORE, Match, Matcher, MatcherConfig};
use heeler::expect::pattern::Pattern;
use heeler::expect::program::View;
use libfuzzer_sys::fuzz_target;

fn run(patterns: &[(Pattern, View)], window: usize, chunks: &[&[u8]]) -> Option<Vec<Match>> {
    let config = MatcherConfig { window, before: BEFORE, settle: Duration::from_millis(50), size: (20, 5) };
    let mut matcher = Matcher::new(patterns, config).ok()?;
    matcher.watch(&[0]);
    matcher.arm(&(0..patterns.len()).collect::<Vec<_>>());
    let now = Duration::ZERO;
    let mut all = Vec::new();
    for chunk in chunks {
        matcher.push(now, chunk);
        all.extend(std::iter::from_fn(|| matcher.poll(now)));
    }
    matcher.close(now);
    all.extend(std::iter::from_fn(|| matcher.poll(now)));
    Some(all)
}

fuzz_target!(|input: (Vec<(&str, u8)>, u8, usize, &[u8])| {
    let (texts, window, cut, bytes) = input;
    let view = |which: u8| [View::Text, View::Raw, View::Screen][usize::from(which) % 3];
    let parsed = texts.iter().take(6).filter(|(text, _)| text.len() < 40);
    let patterns: Vec<(Pattern, View)> = parsed
        .filter_map(|&(text, which)| Some((Pattern::parse(text).ok()?, view(which))))
        .collect();
    if patterns.is_empty() {
        return;
    }
    let window = usize::from(window) + 1;
    let Some(whole) = run(&patterns, window, &[bytes]) else { return };
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(run(&patterns, window, &single), Some(whole.clone()));
    let cut = cut % (bytes.len() + 1);
    assert_eq!(run(&patterns, window, &[&bytes[..cut], &bytes[cut..]]), Some(whole));
});
