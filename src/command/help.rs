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
    let mut tree = cli::tree();
    tree.build();
    match tree.find_subcommand_mut(topic) {
        Some(command) => super::print(&command.render_long_help().to_string()),
        None => super::fail(&format!(
            "there is no command and no topic '{}'; topics: {}; commands: heeler --help",
            cli::error::printable(topic),
            topics::NAMES.join(", ")
        )),
    }
}
