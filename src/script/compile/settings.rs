//! What a script says besides its dialogue, in the types that flags have: both are resolved alike.

use std::time::Duration;

use super::Compiler;
use crate::cli::value::{self, Codes, Ladder, RetryOnList, StdinFrom, Strays};
use crate::expect::pattern::Pattern;
use crate::expect::program::Origin;
use crate::script::compile::params::ParamValue;
use crate::script::model::{self, Script};
use crate::script::read::{Bool, Text, Time};

/// The smallest window: less could not hold a prompt.
const SMALLEST_WINDOW: u64 = 256;

/// How the command is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A terminal of its own.
    Pty,
    /// Pipes.
    Pipe,
}

/// Everything but the dialogue; what is absent was not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The command; with `shell` one line.
    pub command: Vec<String>,
    /// It is a line for `sh -c`.
    pub shell: bool,
    /// How it is connected.
    pub mode: Option<Mode>,
    /// stderr into stdout.
    pub merge: bool,
    /// The terminal's size.
    pub size: Option<(u16, u16)>,
    /// The terminal's name.
    pub term: Option<String>,
    /// The terminal starts without echo.
    pub no_echo: bool,
    /// Where it starts.
    pub cwd: Option<String>,
    /// Variables to set.
    pub env: Vec<(String, String)>,
    /// From an empty environment.
    pub env_clear: bool,
    /// Variables to remove.
    pub unset: Vec<String>,
    /// Where its input comes from.
    pub stdin: Option<StdinFrom>,
    /// Its input.
    pub input: Option<String>,
    /// Its priority.
    pub nice: Option<i32>,
    /// `limits.timeout`.
    pub timeout: Option<Duration>,
    /// `limits.idle`.
    pub idle: Option<Duration>,
    /// `limits.total`.
    pub total: Option<Duration>,
    /// `limits.until_idle`.
    pub until_idle: Option<Duration>,
    /// `limits.drain`.
    pub drain: Option<Duration>,
    /// `limits.max_output`.
    pub max_output: Option<u64>,
    /// `stop`.
    pub stop: Option<Ladder>,
    /// `strays`.
    pub strays: Option<Strays>,
    /// `ok_exit`.
    pub ok_exit: Option<Codes>,
    /// `retry.times`.
    pub retries: Option<u32>,
    /// `retry.delay`.
    pub retry_delay: Option<Duration>,
    /// `retry.backoff`.
    pub retry_backoff: Option<f64>,
    /// `retry.max_delay`.
    pub retry_max_delay: Option<Duration>,
    /// `retry.jitter`.
    pub retry_jitter: Option<f64>,
    /// `retry.on`.
    pub retry_on: Vec<RetryOnList>,
    /// Secrets as flags write them: name, source.
    pub secrets: Vec<(String, String)>,
    /// Whether there is a `[command]`: words of the command line fill params then.
    pub has_command: bool,
}

impl Compiler<'_> {
    pub(super) fn settings(&mut self, scripts: &[Script]) -> Settings {
        let mut settings = Settings::default();
        let Some(script) = scripts.first() else { return settings };
        for script in scripts {
            match &script.version {
                Some(version) if version.value != 1 => {
                    self.log
                        .error(
                            "version",
                            version.at,
                            format!("version {} is not known", version.value),
                        )
                        .help("this heeler reads version 1; a newer one may read this script");
                }
                _ => {}
            }
        }
        if let Some(command) = &script.command {
            self.command(command, &mut settings);
        }
        if let Some(limits) = &script.limits {
            self.limits(limits, &mut settings);
        }
        if let Some(retry) = &script.retry {
            self.retry(retry, &mut settings);
        }
        settings.stop = self.parsed(script.stop.as_ref(), value::ladder);
        if let (Some(ladder), Some(text)) = (&settings.stop, &script.stop) {
            for rung in &ladder.0 {
                if (self.given.signal)(&rung.signal).is_none() {
                    self.log.error(
                        "signal",
                        text.at,
                        format!("there is no signal `{}`", rung.signal),
                    );
                }
            }
        }
        settings.strays = self.parsed(script.strays.as_ref(), value::strays);
        settings.ok_exit = self.parsed(script.ok_exit.as_ref(), value::codes);
        for name in self.given.secrets {
            self.names.secrets.insert(name.clone(), script.at);
        }
        for (name, secret) in script.secrets.iter().flat_map(|secrets| &secrets.0) {
            self.name(name, "a secret");
            self.names.secrets.insert(name.value.clone(), name.at);
            if let Some(source) = self.secret(name, secret) {
                settings.secrets.push((name.value.clone(), source));
            }
        }
        settings
    }

    /// Reads a value as the flag does.
    fn parsed<T>(
        &mut self,
        text: Option<&Text>,
        parse: fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = text?;
        let value = self.known(text);
        match parse(&value) {
            Ok(value) => Some(value),
            Err(why) => {
                self.log.error("value", text.at, format!("`{value}` is not valid: {why}"));
                None
            }
        }
    }

    fn command(&mut self, command: &model::Command, settings: &mut Settings) {
        let is = |flag: &Option<Bool>| flag.as_ref().is_some_and(|flag| flag.value);
        settings.has_command = command.argv.is_some() || command.shell.is_some();
        match (&command.argv, &command.shell) {
            (Some(argv), None) => {
                settings.command = argv.iter().flat_map(|word| self.words(word)).collect();
                if settings.command.is_empty() {
                    self.log.error(
                        "empty",
                        command.at,
                        "`argv` is empty: it begins with the program",
                    );
                }
            }
            (None, Some(line)) => {
                settings.shell = true;
                settings.command = vec![line.value.clone()];
            }
            (Some(_), Some(line)) => {
                self.log.error("conflict", line.at, "[command] has either `argv` or `shell`");
            }
            (None, None) => {}
        }
        settings.mode = match (&command.pty, &command.pipe) {
            (Some(Bool { value: true, .. }), Some(pipe @ Bool { value: true, .. })) => {
                self.log.error("conflict", pipe.at, "[command] has either `pty` or `pipe`");
                None
            }
            (Some(Bool { value: true, .. }), _) | (_, Some(Bool { value: false, .. })) => {
                Some(Mode::Pty)
            }
            (_, Some(Bool { value: true, .. })) | (Some(Bool { value: false, .. }), _) => {
                Some(Mode::Pipe)
            }
            (None, None) => None,
        };
        settings.merge = is(&command.merge);
        settings.size = command.size.as_ref().and_then(|size| self.size(size));
        settings.term = command.term.as_ref().map(|term| self.known(term));
        settings.no_echo = command.echo.as_ref().is_some_and(|echo| !echo.value);
        settings.cwd = command.cwd.as_ref().map(|cwd| self.known(cwd));
        for (name, value) in command.env.iter().flat_map(|env| &env.0) {
            if name.value.is_empty() || name.value.contains(['=', '\0']) {
                self.log.error("name", name.at, format!("`{}` is no variable's name", name.value));
            }
            let value = self.known(&Text { at: value.at, value: value.value.0.clone() });
            settings.env.push((name.value.clone(), value));
        }
        settings.env_clear = is(&command.env_clear);
        settings.unset = command.unset.iter().flatten().map(|name| self.known(name)).collect();
        if let (Some(stdin), Some(_)) = (&command.stdin, &command.input) {
            self.log.error("conflict", stdin.at, "[command] has either `stdin` or `input`");
        }
        settings.stdin = command
            .stdin
            .as_ref()
            .map(|stdin| StdinFrom::from(std::ffi::OsString::from(self.known(stdin))));
        settings.input = command.input.as_ref().map(|input| self.known(input));
        let nice =
            command.nice.as_ref().map(|nice| Text { at: nice.at, value: nice.value.0.clone() });
        settings.nice = self.parsed(nice.as_ref(), value::nice);
    }

    /// A word of `argv`: `${files...}` is as many as the list has.
    fn words(&mut self, word: &Text) -> Vec<String> {
        let Some(name) = word.value.strip_prefix("${").and_then(|rest| rest.strip_suffix("...}"))
        else {
            return vec![self.known(word)];
        };
        if let Some(ParamValue::List(items)) = self.params.values.get(name) {
            return items.clone();
        }
        let message = format!("there is no param `{name}` that is a list");
        self.log
            .error("unknown-name", word.at, message)
            .help(format!("add [params.{name}] with type = \"list\""));
        Vec::new()
    }

    fn limits(&mut self, limits: &model::Limits, settings: &mut Settings) {
        let time = |time: &Option<Time>| time.as_ref().map(|time| time.value);
        settings.timeout = time(&limits.timeout);
        settings.idle = time(&limits.idle);
        settings.total = time(&limits.total);
        settings.until_idle = time(&limits.until_idle);
        settings.drain = time(&limits.drain);
        settings.max_output = limits.max_output.as_ref().map(|size| size.value.0);
        let program = &mut self.program;
        if let Some(step) = time(&limits.step) {
            program.step_timeout = Some(step).filter(|step| !step.is_zero());
            program.step_timeout_from = Origin::Script;
        }
        if let Some(settle) = time(&limits.settle) {
            program.settle = settle;
        }
        if let Some(cleanup) = time(&limits.cleanup) {
            program.cleanup_limit = cleanup;
        }
        if let Some(window) = &limits.window {
            if window.value.0 < SMALLEST_WINDOW {
                let message = format!("a window is at least {SMALLEST_WINDOW} bytes");
                self.log.error("range", window.at, message);
            }
            program.window = usize::try_from(window.value.0).unwrap_or(usize::MAX);
        }
        if let Some(steps) = &limits.steps {
            if steps.value == 0 {
                self.log.error("range", steps.at, "`steps` is at least 1");
            }
            program.max_steps = steps.value;
        }
    }

    fn retry(&mut self, retry: &model::Retry, settings: &mut Settings) {
        let time = |time: &Option<Time>| time.as_ref().map(|time| time.value);
        settings.retries = retry.times.as_ref().map(|times| times.value);
        settings.retry_delay = time(&retry.delay);
        settings.retry_max_delay = time(&retry.max_delay);
        settings.retry_backoff = retry.backoff.as_ref().map(|factor| factor.value);
        settings.retry_jitter = retry.jitter.as_ref().map(|jitter| jitter.value);
        if retry.times.is_none() {
            self.log.error("missing", retry.at, "[retry] needs `times`, which says how often");
        }
        for (factor, range) in [(&retry.backoff, 1.0..=1000.0), (&retry.jitter, 0.0..=1.0)] {
            if let Some(factor) = factor.as_ref().filter(|factor| !range.contains(&factor.value)) {
                let message = format!("it is {} to {}", range.start(), range.end());
                self.log.error("range", factor.at, message);
            }
        }
        for on in retry.on.iter().flat_map(|on| &on.0) {
            // A pattern may have commas, so each is an item of its own, and is tried here for its place.
            if let Some(pattern) = on.value.strip_prefix("match:")
                && let Err(why) = Pattern::parse(pattern)
            {
                let at = self.inside(on, why.column + "match:".len());
                self.log.error("pattern", at, why.message).hint = why.hint;
                continue;
            }
            let list = self.parsed(Some(on), value::retry_on);
            settings.retry_on.extend(list);
        }
    }

    /// The source, as `--secret` writes it.
    fn secret(&mut self, name: &Text, secret: &model::Secret) -> Option<String> {
        let text = |prefix: &str, text: &Option<Text>| {
            text.as_ref()
                .map(|text| (text.at, format!("{prefix}:{}", text.value), text.value.is_empty()))
        };
        let fd = secret
            .fd
            .as_ref()
            .map(|fd| (fd.at, format!("fd:{}", fd.value), matches!(fd.value, 1 | 2)));
        let ask = secret.ask.as_ref().map(|ask| (ask.at, "ask".to_owned(), !ask.value));
        let all = [
            text("env", &secret.env),
            text("file", &secret.file),
            fd,
            text("cmd", &secret.cmd),
            ask,
        ];
        let mut given = all.into_iter().flatten();
        let Some((at, source, bad)) = given.next() else {
            self.log
                .error("missing", name.at, format!("the secret `{}` has no source", name.value))
                .help("it has one of env, file, fd, cmd, ask");
            return None;
        };
        for (at, ..) in given {
            let found = self.log.error(
                "conflict",
                at,
                format!("the secret `{}` has two sources", name.value),
            );
            found.hide = true;
        }
        if bad {
            self.log.error("value", at, "this is no source of a secret");
            return None;
        }
        match &secret.optional {
            Some(optional) if optional.value => {
                if secret.env.is_none() && secret.file.is_none() {
                    let message = "`optional` goes with `env` or `file`";
                    self.log.error("conflict", optional.at, message);
                }
                Some(format!("optional:{source}"))
            }
            _ => Some(source),
        }
    }
}
