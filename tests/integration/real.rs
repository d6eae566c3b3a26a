//! Real programs through the real binary: what the modules `real_*` share.

use std::path::PathBuf;

/// Fails with a plain sentence when a program is missing: `.ci/run` installs them all.
#[track_caller]
pub fn need(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let found = places.map(|place| place.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("this test needs {program}, which is not installed; .ci/run installs it")
    })
}

/// Flags as one types them in a shell: words, with '…' and "…" around what belongs together. Nothing else
/// of a shell: backslashes and dollars are themselves.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    assert!(quote.is_none(), "an open quote in {line}");
    words.extend(word);
    words
}

#[test]
fn words_are_split_as_a_shell_splits_them() {
    assert_eq!(words(" a 'b  c'd \"it's\" '' "), ["a", "b  cd", "it's", ""]);
}
