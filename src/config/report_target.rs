//! Where the report goes, also when the rest of the command line is wrong.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Arg, Command};
use clap_lex::{ParsedArg, RawArgs};

use super::plan::ReportTo;

/// Finds `--report` or `--report-fd` in a command line that may be wrong: wrong usage is to be reported too.
///
/// What belongs to the command is not looked at. After a flag that does not exist, the next word may be its
/// value, so it is not taken for the command.
pub fn report_target(argv: &[OsString]) -> Option<ReportTo> {
    if argv.get(1)? != "run" {
        return None;
    }
    let tree = crate::cli::run_tree();
    let raw = RawArgs::new(&argv[2..]);
    let mut cursor = raw.cursor();
    let mut target = None;
    let mut after_unknown = false;
    while let Some(word) = raw.next(&mut cursor) {
        let maybe_value = std::mem::take(&mut after_unknown);
        if word.is_escape() {
            break;
        }
        if let Some((name, value)) = word.to_long() {
            let name = name.unwrap_or_default();
            let known = find(&tree, |arg| arg.get_long() == Some(name));
            let value = match (known, value) {
                (Some(true), None) => raw.next_os(&mut cursor),
                (_, value) => value,
            };
            after_unknown = known.is_none() && value.is_none();
            target = target.or_else(|| place(name, value?));
        } else if word.is_short() {
            match short_flags(&tree, &word) {
                Shorts::Complete => {}
                Shorts::WantValue => drop(raw.next_os(&mut cursor)),
                Shorts::Unknown => after_unknown = true,
            }
        } else if !maybe_value {
            break;
        }
    }
    target
}

/// Whether an argument takes a value; absent where there is none.
fn find(tree: &Command, fits: impl Fn(&Arg) -> bool) -> Option<bool> {
    let arg = tree.get_arguments().find(|arg| !arg.is_positional() && fits(arg))?;
    let switch = arg.get_num_args().is_some_and(|number| !number.takes_values());
    Some(arg.get_action().takes_values() && !switch)
}

/// What a word such as `-te` needs after it.
enum Shorts {
    Complete,
    WantValue,
    Unknown,
}

fn short_flags(tree: &Command, word: &ParsedArg<'_>) -> Shorts {
    let Some(mut flags) = word.to_short() else { return Shorts::Unknown };
    while let Some(flag) = flags.next_flag() {
        match find(tree, |arg| flag.is_ok_and(|letter| arg.get_short() == Some(letter))) {
            // The rest of the word is its value, or else the next word.
            Some(true) if flags.next_value_os().is_none() => return Shorts::WantValue,
            Some(true) => return Shorts::Complete,
            Some(false) => {}
            None => return Shorts::Unknown,
        }
    }
    Shorts::Complete
}

fn place(name: &str, value: &OsStr) -> Option<ReportTo> {
    match name {
        "report" if value == "-" => Some(ReportTo::Stdout),
        "report" if !value.is_empty() => Some(ReportTo::File(PathBuf::from(value))),
        "report-fd" => descriptor(value.to_str()?.parse().ok()?),
        _ => None,
    }
}

/// The report's descriptor. 1 is what `-` means; 0 is no place for it.
pub(super) fn descriptor(fd: i32) -> Option<ReportTo> {
    match fd {
        1 => Some(ReportTo::Stdout),
        _ if fd > 1 => Some(ReportTo::Fd(fd)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(line: &str) -> Option<ReportTo> {
        let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        report_target(&argv)
    }

    fn file(path: &str) -> ReportTo {
        ReportTo::File(path.into())
    }

    #[test]
    fn it_survives_bad_usage() {
        for line in [
            "heeler run --report r.json",
            "heeler run --report=r.json --bogus x",
            "heeler run --bogus --report r.json x",
            "heeler run --timeot 5 --report r.json x",
            "heeler run --timeout 5x --report r.json -- x",
            "heeler run -zz --report r.json",
            "heeler run -te A=1 --report r.json",
            "heeler run -C /tmp --expect --line --echo-ok --report r.json x",
        ] {
            assert_eq!(target(line), Some(file("r.json")), "{line}");
        }
        assert_eq!(target("heeler run --report - --bogus"), Some(ReportTo::Stdout));
        assert_eq!(target("heeler run --report-fd=7 --bogus"), Some(ReportTo::Fd(7)));
        assert_eq!(target("heeler run --report-fd 1 --bogus"), Some(ReportTo::Stdout));
    }

    #[test]
    fn it_takes_nothing_that_belongs_to_another() {
        for line in [
            "heeler",
            "heeler run",
            "heeler list --report r.json",
            "heeler run x --report r.json",
            "heeler run -- --report r.json",
            "heeler run --line --report r.json",
            "heeler run -e --report r.json",
            "heeler run --report",
            "heeler run --report-fd x",
            "heeler run --report-fd 0",
            "heeler run - --report r.json",
        ] {
            assert_eq!(target(line), None, "{line}");
        }
    }
}
