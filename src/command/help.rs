//! `heeler help [TOPIC]`, and `heeler` alone.

use crate::cli::{self, topics};

/// What `heeler` alone says.
pub fn root() -> String {
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
        _ => super::fail(&format!(
            "there is no command and no topic '{}'; topics: {}; commands: heeler --help",
            cli::error::printable(topic),
            topics::NAMES.join(", ")
        )),
    }
}
