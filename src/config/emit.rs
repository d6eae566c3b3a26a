//! `run --emit`: flags as a script.

use std::ffi::{OsStr, OsString};

use clap_lex::OsStrExt;

use crate::cli;
use crate::cli::value::StdinFrom;
use crate::expect::program::Program;
use crate::script::compile::Settings;
use crate::script::compile::settings::Mode;
use crate::script::emit::emit;

use super::error::ConfigError;
use super::{dialogue, policy, secrets};

/// The script that the flags amount to.
pub fn script(run: &cli::Run) -> Result<String, ConfigError> {
    let program = program(run)?;
    policy::retry(&run.retries)?;
    let mut remarks = remarks(run);
    let settings = settings(run, &mut remarks)?;
    Ok(emit(&program, &settings, &remarks))
}

/// The program that the flags amount to.
pub fn program(run: &cli::Run) -> Result<Program, ConfigError> {
    dialogue::compile(&run.dialogue, &policy::noted(&run.retries), Program::default())
}

fn settings(run: &cli::Run, remarks: &mut Vec<String>) -> Result<Settings, ConfigError> {
    let (launch, limits, retries) = (&run.launch, &run.limits, &run.retries);
    if launch.shell && run.command.len() > 1 {
        return Err(ConfigError::usage(
            "--shell takes COMMAND as one string; quote it as a whole, or leave out --shell",
        ));
    }
    let all =
        |words: &[OsString]| words.iter().map(|word| text(word)).collect::<Result<Vec<_>, _>>();
    let mut env = Vec::new();
    for word in &launch.env {
        match word.split_once("=") {
            Some((name, value)) => env.push((text(name)?, text(value)?)),
            None => remarks.push(format!("--env {} passes ours on", text(word)?)),
        }
    }
    if let Some(StdinFrom::File(path)) = &launch.stdin {
        text(path.as_os_str())?;
    }
    let cwd = launch.cwd.as_ref().map(|cwd| text(cwd.as_os_str())).transpose()?;
    Ok(Settings {
        command: all(&run.command)?,
        shell: launch.shell,
        mode: match (launch.pty, launch.pipe) {
            (true, _) => Some(Mode::Pty),
            (_, true) => Some(Mode::Pipe),
            (false, false) => None,
        },
        merge: run.output.merge,
        size: launch.size,
        term: launch.term.as_deref().map(text).transpose()?,
        no_echo: launch.no_echo,
        cwd,
        env,
        env_clear: launch.env_clear,
        unset: all(&launch.unset)?,
        stdin: launch.stdin.clone(),
        input: launch.input.as_deref().map(text).transpose()?,
        nice: launch.nice,
        timeout: limits.timeout,
        idle: limits.idle_timeout,
        total: limits.total_timeout,
        until_idle: limits.until_idle,
        drain: limits.drain,
        max_output: limits.max_output,
        stop: limits.stop.clone(),
        strays: limits.strays,
        ok_exit: limits.ok_exit.clone(),
        retries: retries.retries,
        retry_delay: retries.retry_delay,
        retry_backoff: retries.retry_backoff,
        retry_max_delay: retries.retry_max_delay,
        retry_jitter: retries.retry_jitter,
        retry_on: retries.retry_on.clone(),
        secrets: secrets::sources(&run.dialogue.secrets)?,
        has_command: !run.command.is_empty(),
    })
}

/// A script is UTF-8.
fn text(word: &OsStr) -> Result<String, ConfigError> {
    word.to_str().map(str::to_owned).ok_or_else(|| {
        ConfigError::usage(format!("'{}' is not UTF-8, and a script is", word.display()))
    })
}

/// The flags that a script has no place for.
fn remarks(run: &cli::Run) -> Vec<String> {
    let (launch, output, tracking) = (&run.launch, &run.output, &run.tracking);
    let flags = [
        (launch.inherit, "--inherit"),
        (launch.isolate, "--isolate"),
        (!launch.env_file.is_empty(), "--env-file"),
        (launch.umask.is_some(), "--umask"),
        (!launch.rlimit.is_empty(), "--rlimit"),
        (!launch.ignore_signal.is_empty(), "--ignore-signal"),
        (output.quiet, "--quiet"),
        (output.stdout.is_some(), "--stdout"),
        (output.stderr.is_some(), "--stderr"),
        (output.output.is_some(), "--output"),
        (output.timestamps, "--timestamps"),
        (output.report.is_some(), "--report"),
        (output.report_fd.is_some(), "--report-fd"),
        (output.events.is_some(), "--events"),
        (output.record.is_some(), "--record"),
        (output.tail.is_some(), "--tail"),
        (launch.detach, "--detach"),
        (output.log_max.is_some(), "--log-max"),
        (run.limits.ttl.is_some(), "--ttl"),
        (run.limits.owner.is_some(), "--owner"),
        (run.limits.guard, "--guard"),
        (run.limits.containment.is_some(), "--containment"),
        (tracking.name.is_some(), "--name"),
        (!tracking.tag.is_empty(), "--tag"),
        (tracking.track.is_some(), "--track"),
        (tracking.db_path().is_some(), "--db"),
    ];
    let given = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag);
    given.map(|flag| format!("{flag} has no place in a script; give it beside --script")).collect()
}

#[cfg(test)]
mod tests;
