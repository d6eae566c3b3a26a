//! The dialogue in `--dry-run`.

use serde_json::{Map, Value, json};

use super::{compact, extend, ms, some};
use crate::cli::value::LONGEST;
use crate::expect::program::{
    Action, Block, Branch, Condition, ExecCommand, Key, Kind, Listen, Loop, Program, Rule, Step,
    StreamId, Text, Then, Verdict, View,
};

pub(super) fn program(program: &Program) -> Value {
    let steps = |steps: &[Step]| some(steps.iter().map(step).collect());
    let blocks = program.blocks.iter().map(|block| {
        compact([
            ("name", Some(json!(block.name))),
            ("parameters", some(block.parameters.iter().map(|name| json!(name)).collect())),
            ("steps", steps(&block.steps)),
        ])
    });
    let watches = program.watches.iter().map(|watch| {
        let mut object = listen(&watch.listen);
        object.insert("verdict".to_owned(), verdict(&watch.verdict));
        Value::Object(object)
    });
    compact([
        ("start", actions(&program.start)),
        ("steps", steps(&program.steps)),
        ("cleanup", steps(&program.cleanup)),
        ("blocks", some(blocks.collect())),
        ("rules", some(program.rules.iter().map(rule).collect())),
        ("watches", some(watches.collect())),
        ("step_timeout_ms", program.step_timeout.map(ms)),
        ("settle_ms", Some(ms(program.settle))),
        ("window_bytes", Some(json!(program.window))),
    ])
}

fn step(step: &Step) -> Value {
    let within = step.within.map(|limit| if limit == LONGEST { json!(0) } else { ms(limit) });
    let (name, what) = kind(&step.kind).unzip();
    compact([
        ("name", step.name.as_ref().map(|name| json!(name))),
        ("when", step.when.as_ref().map(condition)),
        (name.unwrap_or_default(), what),
        ("on", some(step.branches.iter().map(branch).collect())),
        ("do", actions(&step.actions)),
        ("within_ms", within),
        ("all", step.all.then(|| json!(true))),
        ("optional", step.optional.then(|| json!(true))),
        ("then", then(&step.then)),
    ])
}

fn kind(kind: &Kind) -> Option<(&'static str, Value)> {
    Some(match kind {
        Kind::Plain => return None,
        Kind::Sleep(length) => ("sleep_ms", ms(*length)),
        Kind::Exec(exec) => {
            let command = match &exec.command {
                ExecCommand::Argv(argv) => json!(argv.iter().map(text).collect::<Vec<_>>()),
                ExecCommand::Shell(line) => json!(line),
            };
            let otherwise = exec.otherwise.as_ref().and_then(then);
            let into = exec.into.as_ref().map(|into| json!(into));
            let parts = [("command", Some(command)), ("into", into), ("otherwise", otherwise)];
            ("exec", compact(parts))
        }
        Kind::Ask(ask) => ("ask", json!({ "prompt": text(&ask.prompt), "into": ask.into })),
        Kind::Interact { key } => ("interact", json!({ "key": String::from_utf8_lossy(key) })),
        Kind::WaitExit(codes) => ("wait_exit", codes.as_ref().map_or(json!(true), |c| json!(c))),
        Kind::Loop(body) => ("loop", repeat(body)),
        Kind::Call(call) => {
            let arguments = call.arguments.iter();
            let arguments: Map<String, Value> =
                arguments.map(|(name, value)| (name.clone(), text(value))).collect();
            ("call", json!({ "block": block(call.block), "arguments": arguments }))
        }
    })
}

fn repeat(body: &Loop) -> Value {
    compact([
        ("block", Some(block(body.body))),
        ("times", body.times.map(|times| json!(times))),
        ("foreach", body.foreach.as_ref().map(|(name, list)| json!({ "as": name, "in": list }))),
        ("until", body.until.as_ref().map(condition)),
        ("until_match", body.until_match.as_ref().map(|until| Value::Object(listen(until)))),
    ])
}

fn block(block: Block) -> Value {
    match block {
        Block::Main => json!("steps"),
        Block::Cleanup => json!("cleanup"),
        Block::Other(index) => json!(index),
    }
}

fn branch(branch: &Branch) -> Value {
    let mut object = listen(&branch.listen);
    let parts = [
        ("max", branch.max.map(|max| json!(max))),
        ("answers", some(branch.answers.iter().map(text).collect())),
        ("do", actions(&branch.actions)),
        ("then", then(&branch.then)),
    ];
    extend(&mut object, parts);
    Value::Object(object)
}

fn rule(rule: &Rule) -> Value {
    let mut object = listen(&rule.listen);
    let parts = [
        ("name", rule.name.as_ref().map(|name| json!(name))),
        ("max", rule.max.map(|max| json!(max))),
        ("answers", some(rule.answers.iter().map(text).collect())),
        ("do", actions(&rule.actions)),
        ("enabled", (!rule.enabled).then(|| json!(false))),
    ];
    extend(&mut object, parts);
    Value::Object(object)
}

fn then(then: &Then) -> Option<Value> {
    match then {
        Then::Next => None,
        Then::Again { .. } => Some(json!("again")),
        Then::Goto(place) if place.block == Block::Main => Some(json!(place.step)),
        Then::Goto(place) => Some(json!({ "block": block(place.block), "step": place.step })),
        Then::Pass => Some(json!("pass")),
        Then::Fail(_) => Some(json!("fail")),
    }
}

fn verdict(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Pass => json!("pass"),
        Verdict::Fail(_) => json!("fail"),
        Verdict::Retry(_) => json!("retry"),
        Verdict::Note(note) => json!({ "retry_on": note }),
        Verdict::Log(_) => json!("log"),
        Verdict::Count(name) => json!({ "count": name }),
        Verdict::Append(list, None) => json!({ "append": list }),
        Verdict::Append(list, Some(value)) => json!({ "append": { list: text(value) } }),
    }
}

fn condition(condition: &Condition) -> Value {
    json!(condition.to_string())
}

fn listen(listen: &Listen) -> Map<String, Value> {
    let mut object = Map::new();
    let view = match listen.view {
        View::Text => None,
        View::Raw => Some(json!("raw")),
        View::Screen => Some(json!("screen")),
    };
    let stream = listen.stream.map(|stream| match stream {
        StreamId::Stdout => json!("stdout"),
        StreamId::Stderr => json!("stderr"),
        StreamId::Terminal => json!("terminal"),
    });
    let pattern = Some(json!(listen.pattern.source));
    extend(&mut object, [("pattern", pattern), ("stream", stream), ("view", view)]);
    object
}

fn actions(actions: &[Action]) -> Option<Value> {
    some(actions.iter().map(action).collect())
}

/// As it is typed where nothing is put in, else as it is written.
fn text(text: &Text) -> Value {
    match text.as_literal() {
        Some(bytes) => json!(String::from_utf8_lossy(bytes)),
        None => json!(text.to_string()),
    }
}

fn action(action: &Action) -> Value {
    let why = |name: &str, why: &Option<Text>| match why {
        Some(why) => json!({ name: text(why) }),
        None => json!(name),
    };
    match action {
        Action::Send(sent) => json!({ "send": text(sent) }),
        Action::Line(line) => json!({ "line": text(line) }),
        Action::Key(Key::Bytes(key)) => json!({ "key": String::from_utf8_lossy(key) }),
        Action::Key(Key::Cursor(letter)) => {
            json!({ "key": format!("\u{1b}[{}", char::from(*letter)) })
        }
        Action::Key(Key::Eof) => json!({ "key": "eof" }),
        Action::Secret { name, echo_ok: false } => json!({ "secret": name }),
        Action::Secret { name, echo_ok: true } => json!({ "secret": name, "echo_ok": true }),
        Action::Pace(pace) => json!({ "pace_ms": ms(*pace) }),
        Action::Append(list, None) => json!({ "append": list }),
        Action::Append(list, Some(value)) => json!({ "append": { list: text(value) } }),
        Action::Set(name, value) => json!({ "set": { name: text(value) } }),
        Action::Count(name) => json!({ "count": name }),
        Action::Log(line) => json!({ "log": text(line) }),
        Action::Pass => json!("pass"),
        Action::Fail(reason) => why("fail", reason),
        Action::Retry(reason) => why("retry", reason),
        Action::Interrupt => json!("interrupt"),
        Action::Terminate => json!("terminate"),
        Action::Kill => json!("kill"),
        Action::Signal(signal) => json!({ "signal": signal }),
        Action::Resize(columns, rows) => json!({ "resize": format!("{columns}x{rows}") }),
        Action::CloseStdin => json!("close_stdin"),
        Action::Enable(rule) => json!({ "enable": rule }),
        Action::Disable(rule) => json!({ "disable": rule }),
        Action::Next => json!("next"),
    }
}
