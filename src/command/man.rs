//! `heeler man [COMMAND] [--out DIR]`.

use std::path::Path;

use crate::cli::{self, generate};

/// Prints a page, or writes every one.
pub fn run(args: &cli::Man) -> i32 {
    match &args.out {
        None => print(args.command.as_deref()),
        Some(dir) => match write(dir) {
            Ok(()) => 0,
            Err(error) => {
                let dir = dir.display().to_string();
                let dir = cli::error::printable(&dir);
                super::fail(&format!("cannot write man pages to {dir}: {error} (--out)"))
            }
        },
    }
}

fn print(command: Option<&str>) -> i32 {
    let file = command.map_or("heeler.1".to_owned(), |command| format!("heeler-{command}.1"));
    match generate::pages().into_iter().find(|(name, _)| *name == file) {
        Some((_, text)) => super::print(&text),
        None => super::fail(&format!(
            "there is no man page of '{}'; heeler --help lists the commands",
            cli::error::printable(command.unwrap_or_default())
        )),
    }
}

#[expect(clippy::disallowed_methods, reason = "what --out asks for")]
fn write(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    generate::pages().into_iter().try_for_each(|(name, text)| std::fs::write(dir.join(name), text))
}
