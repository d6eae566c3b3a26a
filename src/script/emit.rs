//! A program and settings as TOML: what reads as the same again.

use std::fmt::Write;
use std::time::Duration;

use super::compile::Settings;
use super::compile::settings::Mode;
use crate::cli::value::{Codes, LONGEST, RetryOn, StdinFrom, Strays};
use crate::expect::keys;
use crate::expect::program::{
    Action, Branch, Kind, Listen, Program, Rule, Step, StreamId, Text, Verdict, View, Watch,
};

/// Writes a script. `remarks` become comments at its head.
///
/// It is for what flags can say: loops, procs and the other things that only scripts have are left out.
pub fn emit(program: &Program, settings: &Settings, remarks: &[String]) -> String {
    let mut out = String::new();
    for remark in remarks {
        let _ = writeln!(out, "# {}", remark.replace(['\n', '\r'], " "));
    }
    out += "version = 1\n";
    top(settings, &mut out);
    command(settings, &mut out);
    for (name, source) in &settings.secrets {
        let (source, optional) = match source.strip_prefix("optional:") {
            Some(source) => (source, "\noptional = true"),
            None => (source.as_str(), ""),
        };
        let (kind, value) = source.split_once(':').unwrap_or((source, ""));
        let value = match kind {
            "ask" => "true".to_owned(),
            "fd" => value.to_owned(),
            _ => quoted(value),
        };
        let _ = writeln!(out, "\n[secrets.{}]\n{kind} = {value}{optional}", key(name));
    }
    limits(program, settings, &mut out);
    retry(settings, &mut out);
    program.rules.iter().for_each(|rule| self::rule(rule, &mut out));
    program.watches.iter().for_each(|watch| self::watch(watch, &mut out));
    if !program.start.is_empty() {
        out += "\n[[step]]\n";
        actions(&program.start, &mut out);
    }
    program.steps.iter().for_each(|step| self::step(step, &mut out));
    out
}

fn put(out: &mut String, name: &str, value: Option<String>) {
    if let Some(value) = value {
        let _ = writeln!(out, "{name} = {value}");
    }
}

fn top(settings: &Settings, out: &mut String) {
    let ladder = settings.stop.as_ref().map(|ladder| {
        let rungs = ladder.0.iter().map(|rung| match rung.grace {
            Some(grace) => format!("{}:{}", rung.signal, duration(grace)),
            None => rung.signal.clone(),
        });
        quoted(&rungs.collect::<Vec<_>>().join(","))
    });
    put(out, "stop", ladder);
    let strays = settings.strays.map(|strays| match strays {
        Strays::Reap(Some(grace)) => format!("reap:{}", duration(grace)),
        Strays::Reap(None) => "reap".to_owned(),
        Strays::Wait => "wait".to_owned(),
        Strays::Leave => "leave".to_owned(),
        Strays::Release => "release".to_owned(),
        Strays::Fail => "fail".to_owned(),
    });
    put(out, "strays", strays.map(|strays| quoted(&strays)));
    put(out, "ok_exit", settings.ok_exit.as_ref().map(|codes| quoted(&ranges(codes))));
}

fn ranges(codes: &Codes) -> String {
    let range = |(low, high): &(i32, i32)| {
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    };
    codes.0.iter().map(range).collect::<Vec<_>>().join(",")
}

fn command(settings: &Settings, out: &mut String) {
    let mut table = String::new();
    let yes = |given: bool| given.then(|| "true".to_owned());
    let known = |text: &Option<String>| text.as_ref().map(|text| literal(text));
    match settings.command.as_slice() {
        [] => {}
        [line, ..] if settings.shell => put(&mut table, "shell", Some(quoted(line))),
        argv => {
            let words: Vec<String> = argv.iter().map(|word| literal(word)).collect();
            put(&mut table, "argv", Some(format!("[{}]", words.join(", "))));
        }
    }
    put(&mut table, "pty", yes(settings.mode == Some(Mode::Pty)));
    put(&mut table, "pipe", yes(settings.mode == Some(Mode::Pipe)));
    put(&mut table, "merge", yes(settings.merge));
    put(
        &mut table,
        "size",
        settings.size.map(|(columns, rows)| quoted(&format!("{columns}x{rows}"))),
    );
    put(&mut table, "term", known(&settings.term));
    put(&mut table, "echo", settings.no_echo.then(|| "false".to_owned()));
    put(&mut table, "cwd", known(&settings.cwd));
    put(&mut table, "env_clear", yes(settings.env_clear));
    let unset: Vec<String> = settings.unset.iter().map(|name| literal(name)).collect();
    put(&mut table, "unset", (!unset.is_empty()).then(|| format!("[{}]", unset.join(", "))));
    let stdin = settings.stdin.as_ref().map(|stdin| match stdin {
        StdinFrom::Inherit => quoted("inherit"),
        StdinFrom::Null => quoted("null"),
        StdinFrom::File(path) => literal(&path.display().to_string()),
    });
    put(&mut table, "stdin", stdin);
    put(&mut table, "input", known(&settings.input));
    put(&mut table, "nice", settings.nice.map(|nice| nice.to_string()));
    if !settings.env.is_empty() {
        table += "[command.env]\n";
        for (name, value) in &settings.env {
            put(&mut table, &key(name), Some(literal(value)));
        }
    }
    if !table.is_empty() {
        let _ = write!(out, "\n[command]\n{table}");
    }
}

fn limits(program: &Program, settings: &Settings, out: &mut String) {
    let mut table = String::new();
    let time = |time: Option<Duration>| time.map(|time| quoted(&duration(time)));
    let default = Program::default();
    let unless = |same: bool, value: String| (!same).then_some(value);
    put(&mut table, "timeout", time(settings.timeout));
    put(&mut table, "idle", time(settings.idle));
    put(&mut table, "total", time(settings.total));
    put(&mut table, "until_idle", time(settings.until_idle));
    put(&mut table, "drain", time(settings.drain));
    let size = |bytes: u64| quoted(&format!("{bytes}B"));
    put(&mut table, "max_output", settings.max_output.map(size));
    let step = quoted(&duration(program.step_timeout.unwrap_or_default()));
    put(&mut table, "step", unless(program.step_timeout == default.step_timeout, step));
    let settle = quoted(&duration(program.settle));
    put(&mut table, "settle", unless(program.settle == default.settle, settle));
    let window = size(program.window as u64);
    put(&mut table, "window", unless(program.window == default.window, window));
    let steps = program.max_steps.to_string();
    put(&mut table, "steps", unless(program.max_steps == default.max_steps, steps));
    if !table.is_empty() {
        let _ = write!(out, "\n[limits]\n{table}");
    }
}

fn retry(settings: &Settings, out: &mut String) {
    let Some(times) = settings.retries else { return };
    let time = |time: Option<Duration>| time.map(|time| quoted(&duration(time)));
    let _ = writeln!(out, "\n[retry]\ntimes = {times}");
    put(out, "delay", time(settings.retry_delay));
    put(out, "backoff", settings.retry_backoff.map(|factor| format!("{factor:?}")));
    put(out, "max_delay", time(settings.retry_max_delay));
    put(out, "jitter", settings.retry_jitter.map(|jitter| format!("{jitter:?}")));
    let on: Vec<String> = settings
        .retry_on
        .iter()
        .flat_map(|list| &list.0)
        .map(|on| match on {
            RetryOn::Exit => quoted("exit"),
            RetryOn::Codes(codes) => quoted(&format!("exit:{}", ranges(codes))),
            RetryOn::Signal => quoted("signal"),
            RetryOn::Timeout => quoted("timeout"),
            RetryOn::Idle => quoted("idle"),
            RetryOn::Dialogue => quoted("dialogue"),
            RetryOn::Match(pattern) => literal(&format!("match:{pattern}")),
            RetryOn::Any => quoted("any"),
        })
        .collect();
    put(out, "on", (!on.is_empty()).then(|| format!("[{}]", on.join(", "))));
}

fn listen(name: &str, listen: &Listen, out: &mut String) {
    put(out, name, Some(literal(&listen.pattern.source)));
    let stream = listen.stream.and_then(|stream| match stream {
        StreamId::Stdout => Some(quoted("stdout")),
        StreamId::Stderr => Some(quoted("stderr")),
        StreamId::Terminal => None,
    });
    put(out, "stream", stream);
    put(
        out,
        "view",
        match listen.view {
            View::Text => None,
            View::Raw => Some(quoted("raw")),
            View::Screen => Some(quoted("screen")),
        },
    );
}

fn rule(rule: &Rule, out: &mut String) {
    *out += "\n[[rule]]\n";
    listen("on", &rule.listen, out);
    put(out, "name", rule.name.as_ref().map(|name| quoted(name)));
    put(out, "max", rule.max.map(|max| max.to_string()));
    actions(&rule.actions, out);
}

fn watch(watch: &Watch, out: &mut String) {
    let (name, value) = match &watch.verdict {
        Verdict::Pass => ("pass", "true".to_owned()),
        Verdict::Fail(why) => ("fail", reason(why.as_ref())),
        Verdict::Retry(why) => ("retry", reason(why.as_ref())),
        Verdict::Log(text) => ("log", text.as_ref().map_or_else(|| quoted("${0}"), written)),
        Verdict::Count(name) => ("count", quoted(name)),
        Verdict::Append(name, text) => ("append", appended(name, text.as_ref())),
        // These stand under [retry].
        Verdict::Note(_) => return,
    };
    *out += "\n[[watch]]\n";
    listen("on", &watch.listen, out);
    put(out, name, Some(value));
}

fn step(step: &Step, out: &mut String) {
    if step.kind != Kind::Plain {
        return;
    }
    *out += "\n[[step]]\n";
    put(out, "name", step.name.as_ref().map(|name| quoted(name)));
    put(out, "all", step.all.then(|| "true".to_owned()));
    put(out, "optional", step.optional.then(|| "true".to_owned()));
    let within = step.within.map(|within| if within == LONGEST { Duration::ZERO } else { within });
    put(out, "within", within.map(|within| quoted(&duration(within))));
    match step.branches.as_slice() {
        [] => actions(&step.actions, out),
        [one] => {
            listen("expect", &one.listen, out);
            branch(one, out);
        }
        many => {
            for one in many {
                *out += "  [[step.on]]\n";
                listen("match", &one.listen, out);
                branch(one, out);
            }
        }
    }
}

fn branch(branch: &Branch, out: &mut String) {
    put(out, "max", branch.max.map(|max| max.to_string()));
    actions(&branch.actions, out);
}

/// Actions as keys where each is there once, as a list where not.
fn actions(actions: &[Action], out: &mut String) {
    let written: Vec<Vec<(&str, String)>> = actions.iter().map(action).collect();
    let flat = || written.iter().flatten();
    let mut names: Vec<&str> = flat().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let echoes = actions.iter().filter(|action| matches!(action, Action::Secret { .. })).count();
    if names.windows(2).all(|pair| pair[0] != pair[1]) && echoes < 2 {
        for (name, value) in flat() {
            let _ = writeln!(out, "{name} = {value}");
        }
        return;
    }
    *out += "do = [\n";
    for action in written {
        let keys: Vec<String> =
            action.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        for one in split(&action, &keys) {
            let _ = writeln!(out, "  {{ {one} }},");
        }
    }
    *out += "]\n";
}

/// An action is one table, but one that needs two of a kind is two.
fn split(action: &[(&str, String)], keys: &[String]) -> Vec<String> {
    if action.iter().any(|(name, _)| *name == "hex") {
        keys.to_vec()
    } else {
        vec![keys.join(", ")]
    }
}

fn action(action: &Action) -> Vec<(&'static str, String)> {
    let yes = || "true".to_owned();
    let one = |name, value| vec![(name, value)];
    match action {
        Action::Send(text) if utf8(text) => one("send", written(text)),
        Action::Send(text) => one("hex", hex(text)),
        Action::Line(text) if utf8(text) => one("line", written(text)),
        Action::Line(text) => vec![("hex", hex(text)), ("line", quoted(""))],
        Action::Key(key) => match (keys::name(key), key) {
            (Some(name), _) => one("key", quoted(&name)),
            (None, crate::expect::program::Key::Bytes(bytes)) => {
                one("hex", hex(&Text::literal(bytes.clone())))
            }
            (None, _) => Vec::new(),
        },
        Action::Secret { name, echo_ok } => {
            let mut keys = one("secret", quoted(name));
            keys.extend(echo_ok.then(|| ("echo_ok", yes())));
            keys
        }
        Action::Pace(pace) => one("pace", quoted(&duration(*pace))),
        Action::Append(name, text) => one("append", appended(name, text.as_ref())),
        Action::Set(name, text) => one("set", format!("{{ {} = {} }}", key(name), written(text))),
        Action::Count(name) => one("count", quoted(name)),
        Action::Log(text) => one("log", written(text)),
        Action::Pass => one("pass", yes()),
        Action::Fail(why) => one("fail", reason(why.as_ref())),
        Action::Retry(why) => one("retry", reason(why.as_ref())),
        Action::Interrupt => one("interrupt", yes()),
        Action::Terminate => one("terminate", yes()),
        Action::Kill => one("kill", yes()),
        Action::Signal(number) => one("signal", quoted(&number.to_string())),
        Action::Resize(columns, rows) => one("resize", quoted(&format!("{columns}x{rows}"))),
        Action::CloseStdin => one("close_stdin", yes()),
        Action::Enable(name) => one("enable", quoted(name)),
        Action::Disable(name) => one("disable", quoted(name)),
        Action::Next => one("next", yes()),
    }
}

fn appended(name: &str, text: Option<&Text>) -> String {
    match text {
        Some(text) => format!("{{ {} = {} }}", key(name), written(text)),
        None => quoted(name),
    }
}

fn reason(why: Option<&Text>) -> String {
    why.map_or_else(|| "true".to_owned(), written)
}

fn utf8(text: &Text) -> bool {
    text.as_literal().is_none_or(|bytes| std::str::from_utf8(bytes).is_ok())
}

fn hex(text: &Text) -> String {
    let bytes = text.as_literal().unwrap_or_default();
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    quoted(&pairs.join(" "))
}

fn written(text: &Text) -> String {
    quoted(&text.to_string())
}

/// A string in which nothing is a name.
fn literal(text: &str) -> String {
    quoted(&Text::literal(text).to_string())
}

/// A TOML string: without escapes where that can be, because patterns are full of backslashes.
pub(super) fn quoted(text: &str) -> String {
    let control = |c: char| c.is_control() || c == '\u{feff}';
    if text.contains(['\\', '"']) && !text.contains('\'') && !text.chars().any(control) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            c if control(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { quoted(name) }
}

/// The largest unit that says it without a fraction.
fn duration(time: Duration) -> String {
    let nanos = time.as_nanos();
    if nanos == 0 {
        return "0".to_owned();
    }
    let units: [(u128, &str); 6] = [
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let fits = units.iter().find(|(unit, _)| nanos.is_multiple_of(*unit));
    fits.map_or_else(String::new, |(unit, name)| format!("{}{name}", nanos / unit))
}
