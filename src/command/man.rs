//! `heeler man [--out DIR]`.

use std::path::Path;

use crate::cli::{self, generate};

/// Prints heeler(1), or writes every page.
pub fn run(args: &cli::Man) -> i32 {
    match &args.out {
        None => super::print(&generate::pages().swap_remove(0).1),
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

#[expect(clippy::disallowed_methods, reason = "what --out asks for")]
fn write(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    generate::pages().into_iter().try_for_each(|(name, text)| std::fs::write(dir.join(name), text))
}
