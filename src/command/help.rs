//! `heeler help [TOPIC]`, and `heeler` alone.

use std::path::Path;

use crate::cli::{self, topics};
use crate::config::{Surroundings, script};
use crate::core::outcome::EXIT_HEELER;
use crate::report::output::{escape, with_stdio};

/// What `heeler` alone says: a command line that an unset variable has left empty is no success.
pub fn alone() -> i32 {
    with_stdio(|io| {
        // There is nobody to tell when stderr is closed.
        let _ = io.err.write_all(root().as_bytes());
    });
    EXIT_HEELER
}

fn root() -> String {
    cli::tree().render_help().to_string()
}

/// What a script that is a program says of itself; nothing of one that is none, or that cannot be read.
pub fn of_script(file: &Path) -> Option<String> {
    let loaded = script::load(file, false, &Surroundings::look()).ok()?;
    let usage = loaded.usage(&file.to_string_lossy())?;
    Some(usage.lines().map(|line| escape(line) + "\n").collect())
}

/// Explains a command or a topic.
pub fn run(args: &cli::Help) -> i32 {
    let Some(topic) = &args.topic else {
        return super::print(&cli::tree().render_long_help().to_string());
    };
    if let Some(text) = topics::find(topic) {
        return super::print(&text);
    }
    // Asked for as it would be typed, so that both ways say the same.
    match cli::parse(&["heeler".into(), topic.into(), "--help".into()]) {
        Err(help) if cli::error::is_answer(&help) => super::print(&help.render().to_string()),
        _ => {
            let nearest = cli::error::nearest(topic, topics::NAMES);
            let hint = nearest.map_or_else(
                || format!("topics: {}; commands: heeler --help", topics::NAMES.join(", ")),
                |near| format!("did you mean {near}?"),
            );
            let shown = cli::error::printable(topic);
            super::fail(&format!("there is no command and no topic '{shown}'; {hint}"))
        }
    }
}
