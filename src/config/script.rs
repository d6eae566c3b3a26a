//! `--script`: the file and its includes read, compiled, and put under the flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap_lex::OsStrExt;

use crate::cli;
use crate::expect::program::{Kind, Program};
use crate::script::compile::{Given, Settings, settings};
use crate::script::finding::{Finding, Severity};
use crate::script::source::Source;
use crate::script::{Format, Loaded};
use crate::sys::names;

use super::error::{ConfigError, ErrorKind};
use super::launch::reason;
use super::plan::Secret;
use super::secrets;
use super::surroundings::Surroundings;

/// More than this is no script but a wrong file.
const LARGEST: u64 = 4 << 20;

/// What stands for stdin.
const STDIN: &str = "<stdin>";

/// Reads a script and what it includes.
pub fn load(file: &Path, json: bool, around: &Surroundings) -> Result<Loaded, ConfigError> {
    let format = if json { Format::Json } else { Format::of(&file.to_string_lossy()) };
    let (name, text) = if file == Path::new("-") {
        (STDIN.to_owned(), read_stdin())
    } else {
        (file.display().to_string(), read_file(&around.absolute(file)))
    };
    let text = text.map_err(|why| {
        ConfigError::new(ErrorKind::Script, format!("cannot read the script '{name}': {why}"))
    })?;
    let mut include = |from: &str, path: &str| {
        let folder = if from == STDIN { Path::new("") } else { Path::new(from) };
        let path = folder.parent().unwrap_or(Path::new("")).join(path);
        let text = read_file(&around.absolute(&path))?;
        Ok(Source { name: tidy(&path).display().to_string(), text })
    };
    Ok(Loaded::new(format, Source { name, text }, &mut include))
}

/// `a/../b` is `b`, so that a cycle of includes is seen as one.
fn tidy(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidy.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

fn read_file(path: &Path) -> Result<String, String> {
    #[expect(clippy::disallowed_methods, reason = "files that flags name are read here")]
    let file = std::fs::File::open(path).map_err(|error| reason(&error))?;
    read(file)
}

fn read_stdin() -> Result<String, String> {
    read(std::io::stdin())
}

fn read(from: impl std::io::Read) -> Result<String, String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    from.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is longer than {LARGEST} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].split(|&b| b == b'\n').count();
        format!("line {line} is not UTF-8; bytes that are not are written as \\xHH in `send`")
    })
}

/// The flags with the script under them, and its program. Flags go before what the script says.
pub(super) fn under(
    run: &cli::Run,
    around: &Surroundings,
) -> Result<(cli::Run, Option<Program>), ConfigError> {
    let Some((file, json)) = run.script.file() else {
        if let Some((name, _)) = run.script.set.first() {
            let message = format!("--set {name} sets a param of a script; --script names one");
            return Err(ConfigError::usage(message));
        }
        return Ok((run.clone(), None));
    };
    let loaded = load(file, json, around)?;
    let fills = loaded.has_command() && !run.script.dashes;
    if fills {
        one_word_each(run, &loaded)?;
    }
    let secrets: Vec<String> = secrets::names(&run.dialogue.secrets).map(str::to_owned).collect();
    let given = Given {
        set: &run.script.set,
        words: fills.then_some(run.command.as_slice()),
        check: false,
        signal: names::signal_number,
        secrets: &secrets,
    };
    let (compiled, findings) = loaded.compile(&given);
    if let Some(error) = error(&findings, &loaded.sources) {
        return Err(error);
    }
    let mut merged = run.clone();
    if fills {
        merged.command.clear();
    }
    put_under(&mut merged, compiled.settings, &secrets);
    if merged.command.is_empty() {
        return Err(ConfigError::new(
            ErrorKind::Script,
            format!(
                "{}: the script has no [command] with argv; add one, or give the command behind the flags",
                loaded.sources.first().map_or("", |source| &source.name)
            ),
        ));
    }
    Ok((merged, Some(compiled.program)))
}

/// The dialogue of a script, and its secrets, for a command that runs already.
pub fn dialogue(
    args: &cli::detached::RunScript,
    around: &Surroundings,
) -> Result<(Program, BTreeMap<String, Secret>), ConfigError> {
    let loaded = load(&args.script, false, around)?;
    let named: Vec<String> = secrets::names(&args.secret).map(str::to_owned).collect();
    let given = Given {
        set: &args.set,
        words: None,
        check: false,
        signal: names::signal_number,
        secrets: &named,
    };
    let (compiled, findings) = loaded.compile(&given);
    if let Some(error) = error(&findings, &loaded.sources) {
        return Err(error);
    }
    for (place, step) in compiled.program.all_steps() {
        let (what, instead) = match step.kind {
            Kind::Exec(_) => {
                ("exec", "run the command before it, and give it what that prints with --set")
            }
            Kind::Ask(_) => ("ask", "--set gives it a param, --secret NAME=ask a secret"),
            Kind::Interact { .. } => ("interact", "`heeler attach` gives a person its terminal"),
            _ => continue,
        };
        let step = compiled.program.label(place);
        let message = format!(
            "step {step} is `{what}`, which run-script does not do, so nothing was sent: {instead}"
        );
        return Err(ConfigError::new(ErrorKind::Script, message));
    }
    let mut flags = args.secret.clone();
    let more = compiled.settings.secrets.iter().filter(|(name, _)| !named.contains(name));
    flags.extend(more.map(|(name, source)| format!("{name}={source}").into()));
    let secrets = secrets::read(&flags, &compiled.program, secrets::Want::Values, around)?;
    Ok((compiled.program, secrets))
}

/// Whether each word behind the flags fills a param.
fn one_word_each(run: &cli::Run, loaded: &Loaded) -> Result<(), ConfigError> {
    let names: Vec<&str> = loaded.params().collect();
    let is_open = |name: &&&str| !run.script.set.iter().any(|(set, _)| set == **name);
    let Some(word) = run.command.get(names.iter().filter(is_open).count()) else { return Ok(()) };
    if names.iter().filter(is_open).any(|name| loaded.is_list(name)) {
        return Ok(());
    }
    let option = run.command.iter().find(|word| word.as_encoded_bytes().starts_with(b"--"));
    let message = if let Some(option) = option {
        format!(
            "`{}` stands behind a word of the script, so it is a word too: heeler's options go before them",
            option.display()
        )
    } else {
        let takes = match names.as_slice() {
            [] => "no params".to_owned(),
            names => names.join(", "),
        };
        format!(
            "`{}` is one word too many: the script takes {takes}; a command in place of the script's own goes \
             behind `--`",
            word.display()
        )
    };
    Err(ConfigError::usage(message))
}

/// All errors among the findings as one.
pub fn error(findings: &[Finding], sources: &[Source]) -> Option<ConfigError> {
    let errors: Vec<&Finding> =
        findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    let first = errors.first()?;
    let more = match errors.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let message = first.headline(sources) + &more;
    let mut details = first.lines(sources);
    for other in &errors[1..] {
        details.push(other.headline(sources));
        details.extend(other.lines(sources));
    }
    Some(ConfigError::new(ErrorKind::Script, message).with_details(&details))
}

fn put_under(run: &mut cli::Run, script: Settings, named: &[String]) {
    fn or<T>(flag: &mut Option<T>, script: Option<T>) {
        if flag.is_none() {
            *flag = script;
        }
    }
    let launch = &mut run.launch;
    if run.command.is_empty() {
        run.command = script.command.into_iter().map(Into::into).collect();
        launch.shell = script.shell;
    }
    if !(launch.pty || launch.pipe || launch.inherit) {
        launch.pty = script.mode == Some(settings::Mode::Pty);
        launch.pipe = script.mode == Some(settings::Mode::Pipe);
    }
    run.output.merge |= script.merge && !launch.pty;
    // What sets up a terminal is left out where the flags ask for none.
    if !(launch.pipe || launch.inherit) {
        or(&mut launch.size, script.size);
        or(&mut launch.term, script.term.map(Into::into));
        launch.no_echo |= script.no_echo;
    }
    or(&mut launch.cwd, script.cwd.map(Into::into));
    let env = script.env.into_iter().map(|(name, value)| OsString::from(format!("{name}={value}")));
    let is_unset = |word: &OsString| {
        launch.unset.iter().any(|name| word.split_once("=").is_some_and(|(key, _)| key == name))
    };
    launch.script_env = env.filter(|word| !is_unset(word)).collect();
    launch.env_clear |= script.env_clear;
    launch.unset.extend(script.unset.into_iter().map(Into::into));
    if launch.stdin.is_none() && launch.input.is_none() {
        launch.stdin = script.stdin;
        launch.input = script.input.map(Into::into);
    }
    or(&mut launch.nice, script.nice);
    let limits = &mut run.limits;
    or(&mut limits.timeout, script.timeout);
    or(&mut limits.idle_timeout, script.idle);
    or(&mut limits.total_timeout, script.total);
    or(&mut limits.until_idle, script.until_idle);
    or(&mut limits.drain, script.drain);
    or(&mut limits.max_output, script.max_output);
    or(&mut limits.stop, script.stop);
    or(&mut limits.strays, script.strays);
    or(&mut limits.ok_exit, script.ok_exit);
    let retries = &mut run.retries;
    or(&mut retries.retries, script.retries);
    or(&mut retries.retry_delay, script.retry_delay);
    or(&mut retries.retry_backoff, script.retry_backoff);
    or(&mut retries.retry_max_delay, script.retry_max_delay);
    or(&mut retries.retry_jitter, script.retry_jitter);
    if retries.retry_on.is_empty() {
        retries.retry_on = script.retry_on;
    }
    let secrets = script.secrets.into_iter().filter(|(name, _)| !named.contains(name));
    run.dialogue.secrets.extend(secrets.map(|(name, source)| format!("{name}={source}").into()));
}
