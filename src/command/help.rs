//! `heeler help [TOPIC]`, and `heeler` alone.

use crate::cli::{self, topics};
use crate::core::outcome::EXIT_HEELER;
use crate::report::output::with_stdio;

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
