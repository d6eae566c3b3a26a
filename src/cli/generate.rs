//! What is generated from the tree: completions and man pages.
//!
//! A man page is what clap knows of the command, followed by sections written by hand where that is not
//! enough. Both are committed; a test compares them with what this generates.

use std::fmt::Write;

use clap::Command;
use clap_mangen::Man;

use super::exit_codes;

/// What every part from clap begins with.
const APOSTROPHE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// The completions of a shell.
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut super::tree(), "heeler", &mut bytes);
    text(bytes)
}

/// Every man page: file name and text, heeler(1) first.
pub fn pages() -> Vec<(String, String)> {
    let mut tree = super::tree();
    tree.build();
    let mut pages = vec![page(&tree, &pages_of(&tree))];
    pages.extend(tree.get_subcommands().map(|command| page(command, &["heeler".to_owned()])));
    pages
}

fn pages_of(tree: &Command) -> Vec<String> {
    tree.get_subcommands().map(|command| format!("heeler-{}", command.get_name())).collect()
}

fn page(command: &Command, see_also: &[String]) -> (String, String) {
    // clap_mangen leaves out the help of a flag that -h hides when it has no long help.
    let man = Man::new(command.clone().mut_args(|arg| arg.hide_short_help(false)));
    let mut bytes = Vec::new();
    let has_options = command.get_arguments().next().is_some();
    let parts = [
        man.render_name_section(&mut bytes),
        man.render_synopsis_section(&mut bytes),
        man.render_description_section(&mut bytes),
        if has_options { man.render_options_section(&mut bytes) } else { Ok(()) },
        if command.has_subcommands() { man.render_subcommands_section(&mut bytes) } else { Ok(()) },
    ];
    // Writing to memory does not fail.
    debug_assert!(parts.iter().all(Result::is_ok));
    // No date and no version in the title: a release must not change every page. Each part from clap begins
    // with the same definition of an apostrophe; once is enough.
    let name = man.get_filename();
    let title = name.trim_end_matches(".1").to_uppercase().replace('-', "\\-");
    let mut text = format!("{APOSTROPHE}.TH {title} 1 \"\" \"heeler\" \"heeler manual\"\n");
    text += &self::text(bytes).replace(APOSTROPHE, "");
    match command.get_name() {
        "heeler" => text += &(exit_status() + include_str!("man/environment.roff")),
        "run" => {
            text += include_str!("man/run.roff");
            text += &scripts();
            text += &exit_status();
            text += include_str!("man/report.roff");
            text += include_str!("man/environment.roff");
            text += &examples(super::topics::RUN);
        }
        "list" | "reap" | "inspect" => text += include_str!("man/environment.roff"),
        _ => {}
    }
    text += ".SH SEE ALSO\n";
    let names: Vec<String> =
        see_also.iter().map(|name| format!(".BR {} (1)", name.replace('-', "\\-"))).collect();
    text += &(names.join(",\n") + "\n");
    (name, text)
}

fn exit_status() -> String {
    let mut section = ".SH EXIT STATUS\n".to_owned();
    for (code, when) in exit_codes::TABLE {
        let _ = writeln!(section, ".TP\n.B {}\n{}.", escape(code), escape(when));
    }
    for note in exit_codes::NOTES.lines() {
        let _ = writeln!(section, ".PP\n{}", escape(note));
    }
    section
}

/// The format of scripts, as the help has it.
fn scripts() -> String {
    let (about, rest) = super::topics::SCRIPT.split_once("\n\n").unwrap_or_default();
    format!(".SH SCRIPTS\n{}\n.PP\n.nf\n{}\n.fi\n", escape(about), escape(rest.trim_end()))
}

/// The examples of the long help, up to the empty line after the last.
fn examples(help: &str) -> String {
    let body = help.strip_prefix("Examples:\n").unwrap_or(help);
    let body = body.split("\nExit codes:").next().unwrap_or(body).trim_end();
    format!(".SH EXAMPLES\n.nf\n{}\n.fi\n", escape(body))
}

/// Text for roff: no control lines, and dashes that stay dashes when they are copied.
fn escape(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    let lines: Vec<String> = escaped
        .lines()
        .map(
            |line| {
                if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
            },
        )
        .collect();
    lines.join("\n")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
