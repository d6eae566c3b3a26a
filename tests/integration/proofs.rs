//! The lists of traps and scenarios name tests: each of them exists, and no number is left out.

use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether `name` is a test of the text; `*` is any.
fn has_test(text: &str, name: &str) -> bool {
    let tests: Vec<&str> = text.split("#[test]").skip(1).collect();
    name == "*" && !tests.is_empty()
        || tests.iter().any(|test| {
            test.split("fn ").nth(1).is_some_and(|rest| {
                rest.strip_prefix(name).is_some_and(|rest| rest.starts_with('('))
            })
        })
}

/// The numbers in the first cell of a line: `6, 7 words` or `46 to 50 words`.
fn numbers(line: &str) -> Vec<u32> {
    let cell = line.trim_start_matches("| ").split(" | ").next().unwrap();
    let mut words = cell.split([' ', ',']).filter(|word| !word.is_empty());
    let mut found: Vec<u32> = Vec::new();
    let mut range = false;
    for word in &mut words {
        match word.parse() {
            Ok(number) if range => found.extend(found.last().unwrap() + 1..=number),
            Ok(number) => found.push(number),
            Err(_) if word == "to" && !found.is_empty() => range = true,
            Err(_) => break,
        }
    }
    found
}

#[test]
fn every_test_that_is_named_exists() {
    for list in ["docs/traps.md", "docs/scenarios-supervisors.md"] {
        let mut wrong = Vec::new();
        let text = read(list);
        for line in text.lines().filter(|line| line.starts_with("| ") && !line.contains("---")) {
            let parts: Vec<&str> = line.split('`').collect();
            for at in (1..parts.len()).step_by(2) {
                let word = parts[at];
                let there = if let Some((module, name)) = word.split_once("::") {
                    has_test(&read(&format!("tests/integration/{module}.rs")), name)
                } else if parts[at + 1] == ": " {
                    has_test(&read(&format!("src/{word}")), parts[at + 2])
                } else {
                    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(word);
                    path.extension().is_none_or(|end| end != "rs") || path.exists()
                };
                if !there {
                    wrong.push(format!("{list}: {word}: {line}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn no_trap_is_left_out() {
    let text = read("docs/traps.md");
    let mut found: Vec<u32> =
        text.lines().filter(|line| line.starts_with("| ")).flat_map(numbers).collect();
    found.sort_unstable();
    assert_eq!(found, (1..=76).collect::<Vec<_>>());
}
