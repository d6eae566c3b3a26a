//! What clap has to say, in one line: what was tried, what is wrong, which flag may have been meant.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// How many characters of a wrong value are shown.
const SHOWN: usize = 100;

/// Nothing here is negative.
const BELOW_ZERO: &str = ": 0 or more is wanted";

/// What the library says of numbers, and what a user would.
const NUMBERS: [(&str, &str); 4] = [
    (": number too small to fit in target type", BELOW_ZERO),
    (": invalid digit found in string", ": a whole number is wanted"),
    (": cannot parse integer from empty string", ": a whole number is wanted"),
    (": number too large to fit in target type", ": the number is too large"),
];

/// Whether this is help or the version, which were asked for.
pub fn is_answer(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

/// The message of a usage error in this command line, without the program's name.
pub fn one_line(error: &clap::Error, line: &[OsString]) -> String {
    if let Some(message) = negative(error, line).or_else(|| not_here(error, line)) {
        return printable(&message);
    }
    let mut rendered = error.render().to_string();
    if let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue)
        && let Some((end, _)) = value.char_indices().nth(SHOWN)
    {
        rendered = rendered.replace(value.as_str(), &format!("{}...", &value[..end]));
    }
    let mut parts: Vec<String> = Vec::new();
    let mut paragraph = Vec::new();
    for line in rendered.lines().chain([""]) {
        let line = line.trim();
        let line = line.strip_prefix("error: ").unwrap_or(line);
        if line.starts_with("Usage:") {
            break;
        }
        match line.strip_prefix("tip: ") {
            Some(tip) => {
                flush(&mut parts, &mut paragraph);
                paragraph.push(tip);
            }
            None if line.is_empty() => flush(&mut parts, &mut paragraph),
            None => paragraph.push(line),
        }
    }
    // A minus sign is a wrong digit to a type that has none.
    let below_zero = matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value))
        if value.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())));
    for (theirs, ours) in NUMBERS {
        let ours = if below_zero { BELOW_ZERO } else { ours };
        if let Some(part) = parts.first_mut()
            && let Some(what) = part.strip_suffix(theirs)
        {
            *part = format!("{what}{ours}");
        }
    }
    // A misspelt flag is hardly ever meant as the command's own word.
    let noise = ["For more information", "to pass '"];
    parts.retain(|part| !noise.iter().any(|noise| part.starts_with(noise)));
    if let Some(hint) = hint(error, line) {
        // We know better than what is spelt alike.
        parts.truncate(1);
        parts.push(hint);
    }
    printable(&parts.join("; "))
}

fn flush(parts: &mut Vec<String>, paragraph: &mut Vec<&str>) {
    if !paragraph.is_empty() {
        parts.push(paragraph.join(" "));
        paragraph.clear();
    }
}

/// `-1s` behind `--timeout` looks like a flag.
fn negative(error: &clap::Error, line: &[OsString]) -> Option<String> {
    let (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        return None;
    };
    let is_number = word.strip_prefix('-')?.starts_with(|c: char| c.is_ascii_digit());
    let begins = |value: &OsString| value.to_string_lossy().starts_with(word.as_str());
    let at = line.iter().position(begins).filter(|_| is_number)?;
    let (flag, value) = (line[at.checked_sub(1)?].to_str()?, line[at].to_string_lossy());
    flag.starts_with("--").then(|| {
        format!(
            "invalid value '{value}' for '{flag}': it is negative; nothing here is, and 0 is off"
        )
    })
}

/// Flags that wait for others, as clap names what is missing: too many words, and not the flag that was typed.
const GO_WITH: [(&[&str], &str, &str); 1] =
    [(&["--ttl", "--owner", "--log-max"], "--detach", "-d or --detach-keys")];

/// A flag that means nothing here.
fn not_here(error: &clap::Error, line: &[OsString]) -> Option<String> {
    let (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        return None;
    };
    let given = |flag: &str| {
        let typed = |word: &OsString| {
            word.to_str().and_then(|word| word.strip_prefix(flag)).is_some_and(|rest| {
                // `--ttl` or `--ttl=5s`.
                rest.is_empty() || rest.starts_with('=')
            })
        };
        line.iter().take_while(|word| *word != "--").any(typed)
    };
    GO_WITH.iter().find_map(|(flags, lacks, with)| {
        let lacking = missing.iter().any(|missing| missing.contains(lacks));
        let flag = flags.iter().find(|flag| lacking && given(flag))?;
        Some(format!("{flag} goes with {with}"))
    })
}

const LINE: &str = "--line TEXT types TEXT and Enter, --send TEXT only TEXT";

/// The same for other commands of ours, whose words without a flag are empty here.
const OF_OTHERS: [(&str, &[&str], &str); 4] = [
    ("send", &["", "--text", "--sendline"], LINE),
    ("expect", &["", "--expect", "--pattern"], "--on P waits for P"),
    ("expect", &["--within"], "--timeout D says for how long"),
    ("logs", &["-n", "--lines"], "--tail N prints the last lines"),
];

/// What other programs call what is a flag of `run` here.
const ELSEWHERE: [(&[&str], &str); 16] = [
    (
        &["--retry", "--retry-count", "--attempts", "--tries"],
        "--retries N tries again, --retry-on COND says when",
    ),
    (&["--delay"], "--retry-delay D waits before each try but the first"),
    (&["--max-time", "--time-limit"], "--timeout D is the limit"),
    (&["--tty"], "--pty (-t) gives it a terminal"),
    (&["--sendline", "--send-line", "--text", "--answer", "--reply", "--response"], LINE),
    (&["--enter"], "--key enter types it, --line TEXT has it"),
    (&["--password"], "--secret pw=env:VAR and --send-secret pw type a password"),
    (&["--foreground"], "it is in the foreground without -d"),
    (&["--append"], "--output FILE begins it anew; | tee -a FILE appends"),
    (&["-o", "--log", "--log-file", "--logfile"], "--output FILE keeps what it writes"),
    (&["--junit", "--json", "--github", "--format"], "--report FILE says how it ended, as JSON"),
    (&["--background", "--daemon", "--bg"], "-d leaves it running in the background"),
    (
        &["--preserve-status"],
        "a limit is 124; --report FILE has the command's own exit code beside it",
    ),
    (&["-v", "--verbose"], "--events FILE tells what happens, --dry-run what would"),
    (&["-f", "--file"], "--script FILE has a dialogue"),
    (&["-k", "--kill-after"], "--stop TERM:5s,KILL says how long it has before KILL"),
];

/// What clap cannot know.
fn hint(error: &clap::Error, line: &[OsString]) -> Option<String> {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => instead(word(ContextKind::InvalidSubcommand)?, line),
        ErrorKind::UnknownArgument if line.get(1).is_some_and(|word| word == "run") => {
            let word = word(ContextKind::InvalidArg)?;
            if ["-s", "--signal"].contains(&word) {
                return Some(by_signal(word, line));
            }
            let known = ELSEWHERE.iter().find(|(names, _)| names.contains(&word));
            known.map(|(_, instead)| (*instead).to_owned())
        }
        ErrorKind::UnknownArgument => {
            let (command, word) = (line.get(1)?, word(ContextKind::InvalidArg)?);
            let flag = if word.starts_with('-') { word } else { "" };
            let fits =
                |(of, names, _): &&(&str, &[&str], &str)| command == of && names.contains(&flag);
            OF_OTHERS.iter().find(fits).map(|(.., instead)| (*instead).to_owned())
        }
        ErrorKind::MissingRequiredArgument => Some("see --help".to_owned()),
        _ => None,
    }
}

/// What other programs call what is a command here.
const OTHERS: [(&[&str], &str); 7] = [
    (&["ls"], "heeler list"),
    (&["interact", "connect"], "heeler attach RUN"),
    (&["kill"], "heeler signal RUN SIGNAL, heeler reap RUN"),
    (&["stop", "rm", "end", "terminate"], "heeler reap RUN"),
    (&["status", "show", "info", "top"], "heeler list (--watch goes on), heeler inspect RUN"),
    (&["tail", "log", "cat"], "heeler logs RUN (-f follows)"),
    (&["start", "exec", "spawn"], "heeler run -d"),
];

/// The ladder that begins with the signal typed behind `flag`.
fn by_signal(flag: &str, line: &[OsString]) -> String {
    let at = line.iter().position(|typed| typed == flag);
    let name = at.and_then(|at| line.get(at + 1)?.to_str()).unwrap_or_default();
    let (name, grace) = name.split_once(':').unwrap_or((name, "10s"));
    let name = name.strip_prefix("SIG").unwrap_or(name);
    let gentle = !name.is_empty() && name != "KILL" && name.chars().all(|c| c.is_ascii_uppercase());
    let gentle = gentle && looks_like_duration(grace);
    let ladder = if gentle { format!("{name}:{grace},KILL") } else { "KILL".to_owned() };
    format!("--stop {ladder} says by which signals it is stopped")
}

/// What may have been meant by a word that is no command of ours.
fn instead(word: &str, line: &[OsString]) -> Option<String> {
    if word == "version" {
        return Some("did you mean heeler --version?".to_owned());
    }
    if let Some(near) = nearest(word, &[]) {
        return Some(format!("did you mean {near}?"));
    }
    let other = OTHERS.iter().find(|(names, _)| names.contains(&word));
    let at = line.iter().position(|typed| typed == word)?;
    let limit = looks_like_duration(word).then_some(word);
    let rest = &line[at + usize::from(limit.is_some())..];
    let limit = limit.map_or_else(String::new, |limit| format!(" --timeout {limit}"));
    let mut words: Vec<String> =
        rest.iter().map(|typed| quoted(&typed.to_string_lossy())).collect();
    if words.is_empty() {
        words.push("COMMAND".to_owned());
    }
    let run = format!("to run a command: heeler run{limit} -- {}", words.join(" "));
    let run = match run.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &run[..end]),
        None => run,
    };
    Some(match other {
        Some((_, ours)) => format!("of a run: {ours}; {run}"),
        None => run,
    })
}

/// `5`, `5s`, `1m30s`: the first word of a command line for timeout.
pub fn looks_like_duration(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && super::value::duration(word).is_ok()
}

/// The command that is spelt nearly so, or other name.
pub fn nearest(word: &str, others: &[&str]) -> Option<String> {
    let tree = super::tree();
    let commands = tree.get_subcommands().map(|command| command.get_name().to_owned());
    commands
        .chain(others.iter().map(|&other| other.to_owned()))
        .map(|known| (strsim::damerau_levenshtein(&known, word), known))
        // A short word is near to everything.
        .filter(|(distance, known)| *distance <= known.chars().count() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=+:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Text from outside made safe for a terminal, in one line.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(argv: &[&str]) -> String {
        let argv: Vec<_> = argv.iter().map(std::ffi::OsString::from).collect();
        one_line(&crate::cli::parse(&argv).expect_err("bad usage"), &argv)
    }

    #[test]
    fn one_line_with_the_nearest_flag() {
        let message = message(&["heeler", "run", "--timeot", "5", "--", "true"]);
        assert!(message.contains("unexpected argument '--timeot'"), "{message}");
        assert!(message.contains("'--timeout'"), "{message}");
        assert!(!message.contains('\n'), "{message}");
        assert!(!message.contains("Usage"), "{message}");
    }

    #[test]
    fn values_say_what_is_wrong_with_them() {
        let message = message(&["heeler", "run", "--timeout", "5x", "--", "true"]);
        assert!(message.contains("'5x' for '--timeout <D>'"), "{message}");
        assert!(message.contains("unknown unit 'x'"), "{message}");
    }

    #[test]
    fn numbers_are_asked_for_in_words() {
        for (value, why) in [
            ("x", "a whole number is wanted"),
            ("", "a whole number is wanted"),
            ("1.5", "a whole number is wanted"),
            ("99999999999999999999", "the number is too large"),
            ("-5", "0 or more is wanted"),
            ("-99999999999999999999", "0 or more is wanted"),
            ("--5", "a whole number is wanted"),
        ] {
            let message = message(&["heeler", "logs", &format!("--tail={value}"), "run"]);
            assert_eq!(message, format!("invalid value '{value}' for '--tail <N>': {why}"));
        }
    }

    #[test]
    fn what_is_below_all_numbers_is_told_as_what_is_below_zero() {
        let message = message(&["heeler", "run", "--retries=-99999999999999999999", "true"]);
        assert!(message.ends_with("for '--retries <N>': 0 or more is wanted"), "{message}");
    }

    #[test]
    fn a_negative_value_is_told_with_its_flag() {
        let message = message(&["heeler", "run", "--timeout", "-1s", "--", "true"]);
        assert!(message.contains("'-1s' for '--timeout': it is negative"), "{message}");
    }

    #[test]
    fn a_missing_command_is_named() {
        assert!(message(&["heeler", "run"]).contains("<COMMAND>"));
    }

    #[test]
    fn a_command_without_run_is_told_how() {
        assert!(message(&["heeler", "make"]).contains("heeler run -- make"));
    }

    #[test]
    fn what_other_programs_would_take_is_told_as_ours() {
        for (line, expected) in [
            ("heeler sleep 10", "to run a command: heeler run -- sleep 10"),
            ("heeler 5s sleep 10", "to run a command: heeler run --timeout 5s -- sleep 10"),
            ("heeler 5s", "to run a command: heeler run --timeout 5s -- COMMAND"),
            ("heeler version", "did you mean heeler --version?"),
            ("heeler lst", "did you mean list?"),
            ("heeler run --ttl 5s -- true", "--ttl goes with -d or --detach-keys"),
            ("heeler run --owner=7 -- true", "--owner goes with -d or --detach-keys"),
            ("heeler run --retry 3 true", "--retries N tries again"),
            ("heeler run -s KILL 5 sleep 10", "--stop KILL"),
            ("heeler run -k 5 5 sleep 10", "--stop TERM:5s,KILL"),
            ("heeler run --signal SIGINT 5 sleep 10", "--stop INT:10s,KILL says"),
            ("heeler run -s INT:5s sleep 10", "--stop INT:5s,KILL says"),
            ("heeler run --retry-count 3 true", "--retries N tries again"),
            ("heeler run --attempts 3 true", "--retries N tries again"),
            ("heeler run --delay 3 true", "--retry-delay D"),
            ("heeler run --max-time 3 true", "--timeout D"),
            ("heeler run --answer y sh", "--line TEXT"),
            ("heeler run --log f sh", "--output FILE"),
            ("heeler run --log-file f sh", "--output FILE"),
            ("heeler run --junit f sh", "--report FILE"),
            ("heeler run --background sh", "-d leaves it running"),
            ("heeler send x hello", "--line TEXT types TEXT and Enter"),
            ("heeler expect x ready", "--on P waits for P"),
            ("heeler expect x --expect ready", "--on P waits for P"),
            ("heeler expect x --on ready --within 2s", "--timeout D says for how long"),
            ("heeler logs x -n 5", "--tail N prints the last lines"),
            ("heeler logs x --lines 5", "--tail N prints the last lines"),
            ("heeler ls", "of a run: heeler list"),
            ("heeler top", "heeler list (--watch goes on)"),
            ("heeler interact x", "heeler attach RUN"),
            ("heeler run --tty sh", "--pty (-t)"),
            ("heeler run --expect x --sendline y sh", "--line TEXT"),
            ("heeler run --expect x --enter sh", "--key enter"),
            ("heeler run --password x sh", "--send-secret"),
            ("heeler run --foreground 5 sh", "without -d"),
            ("heeler run --append f sh", "tee -a"),
            ("heeler run -o f sh", "--output FILE"),
            ("heeler run -v sh", "--events FILE"),
            ("heeler run --preserve-status sh", "a limit is 124"),
            (
                "heeler kill web",
                "of a run: heeler signal RUN SIGNAL, heeler reap RUN; to run a command: heeler run -- kill web",
            ),
            ("heeler stop web", "of a run: heeler reap RUN"),
            ("heeler status web", "heeler inspect RUN"),
            ("heeler tail web", "heeler logs RUN"),
        ] {
            let said = message(&line.split(' ').collect::<Vec<_>>());
            assert!(said.contains(expected), "{line}: {said}");
            assert!(!said.contains("similar"), "{line}: {said}");
        }
        let said = message(&["heeler", "sh", "-c", "a b's"]);
        assert!(said.contains(r"heeler run -- sh -c 'a b'\''s'"), "{said}");
    }

    #[test]
    fn what_was_typed_cannot_move_the_cursor() {
        let message = message(&["heeler", "run", "--bad\u{1b}[2J\n"]);
        assert!(!message.contains(['\u{1b}', '\n']), "{message}");
    }
}
