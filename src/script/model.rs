//! The tables of a script, as they are written. What they mean together is the business of `compile`.

use serde_json::{Map, Value as Json, json};

use super::finding::Log;
use super::node::{Node, Value};
use super::read::{
    self, At, Bool, Count, Factor, Named, Plain, Read, Size, Some1, Text, Time, tables, words,
};
use super::source::Span;

tables! {
    /// A script of heeler: a command, and what is answered and awaited while it runs.
    Script "the script" needs [version] {
        /// The version of the format: 1.
        version: Count,
        /// What the script is for, for people.
        description: Text,
        /// The command that is run; one on the command line goes first.
        command: Command,
        /// What may be set from outside with `--set NAME=VALUE`.
        params: Named<Param>,
        /// Where secrets come from.
        secrets: Named<Secret>,
        /// How long things may take.
        limits: Limits,
        /// Whether it is tried again.
        retry: Retry,
        /// The signals that end the command, as `TERM:10s,KILL`.
        stop: Text,
        /// What happens to processes left behind: `reap`, `wait`, `leave`, `release`, `fail`.
        strays: Text,
        /// Exit codes that count as success besides 0, as `3,10-19`.
        ok_exit: Text,
        /// Scripts whose procs, rules, watches and params are taken over; paths are from this script.
        include: Some1<Text>,
        /// Answered whenever they appear.
        rule: Vec<Rule>,
        /// Judged whenever they appear; they consume nothing.
        watch: Vec<Watch>,
        /// Done in order.
        step: Vec<Step>,
        /// Done before a living command is stopped.
        cleanup: Vec<Step>,
        /// Steps that can be called.
        proc: Named<Proc>,
    }

    /// The command and how it is started.
    Command "[command]" needs [] {
        /// The program and its arguments.
        argv: Vec<Text>,
        /// Instead of `argv`: one line for `sh -c`.
        shell: Text,
        /// It gets a terminal of its own.
        pty: Bool,
        /// It gets pipes.
        pipe: Bool,
        /// Pipes only: stderr into stdout.
        merge: Bool,
        /// The size of its terminal, as `80x24`.
        size: Text,
        /// The name of its terminal: `TERM`.
        term: Text,
        /// Whether its terminal echoes at the start.
        echo: Bool,
        /// Where it is started; from the working directory of heeler.
        cwd: Text,
        /// Variables to set.
        env: Named<At<Plain>>,
        /// Starts from an empty environment.
        env_clear: Bool,
        /// Variables to remove.
        unset: Vec<Text>,
        /// Where its input comes from: `inherit`, `null` or a file.
        stdin: Text,
        /// Its whole input.
        input: Text,
        /// Its priority: -20 to 19, `minimal`, `low`, `normal` or `high`.
        nice: At<Plain>,
    }

    /// Something that is set from outside.
    Param "a param" needs [] {
        /// It has to be given; so it is, unless there is a `default`.
        required: Bool,
        /// Its value when it is not given.
        default: ListOr,
        /// What it may look like.
        type_: At<ParamType>,
        /// The values that it may have.
        values: Vec<At<Plain>>,
        /// What it is for.
        help: Text,
    }

    /// Where a secret comes from: exactly one of these.
    Secret "a table of [secrets]" needs [] {
        /// This variable.
        env: Text,
        /// This file.
        file: Text,
        /// This descriptor.
        fd: Count,
        /// What this command prints.
        cmd: Text,
        /// The person at the terminal is asked.
        ask: Bool,
        /// With `env` or `file`: it need not be there, unless it is about to be typed.
        optional: Bool,
    }

    /// How long things may take. `"0"` is off.
    Limits "[limits]" needs [] {
        /// One attempt.
        timeout: Time,
        /// No activity for so long.
        idle: Time,
        /// All attempts and pauses together.
        total: Time,
        /// Each step that does not say otherwise with `within`.
        step: Time,
        /// How many steps a run takes at most, loops included.
        steps: Count,
        /// The cleanup.
        cleanup: Time,
        /// The pause after which an undecided match is decided.
        settle: Time,
        /// Output of a stream that is kept for matching.
        window: Size,
        /// More output than this ends the run.
        max_output: Size,
        /// The job is done when it has been idle for so long.
        until_idle: Time,
        /// How long output that strays hold open is read.
        drain: Time,
    }

    /// Whether it is tried again.
    Retry "[retry]" needs [] {
        /// How often at most.
        times: Count,
        /// The first pause.
        delay: Time,
        /// What each pause is multiplied by.
        backoff: Factor,
        /// The longest pause.
        max_delay: Time,
        /// How much of a pause is left to chance, 0 to 1.
        jitter: Factor,
        /// What for: `exit`, `exit:75,69`, `signal`, `timeout`, `idle`, `dialogue`, `match:PATTERN`, `any`.
        on: Some1<Text>,
    }

    /// Something that is answered whenever it appears.
    Rule "a rule" needs [on] acts {
        /// What it waits for.
        on: Text,
        /// For messages, and for `enable` and `disable`; rules that share a name are one group.
        name: Text,
        /// Only on this stream.
        stream: At<Stream>,
        /// What the pattern looks at.
        view: At<Sight>,
        /// How often it may fire; once more fails the dialogue.
        max: Count,
        /// A line for each time it fires; once more fails the dialogue.
        answers: Vec<Text>,
        /// Whether it listens from the start.
        enabled: Bool,
    }

    /// Something that is judged whenever it appears.
    Watch "a watch" needs [on] acts {
        /// What it looks for.
        on: Text,
        /// Only on this stream.
        stream: At<Stream>,
        /// What the pattern looks at.
        view: At<Sight>,
    }

    /// Something that is done in order: it waits, or does something else, and then acts.
    Step "a step" needs [] acts {
        /// For messages and `goto`.
        name: Text,
        /// What it waits for: short for one branch.
        expect: Text,
        /// What it waits for, and what is done then: one of these.
        on: Vec<Branch>,
        /// With `on`: all of them have to match, in any order, each once.
        all: Bool,
        /// Its limit, instead of `limits.step`.
        within: Time,
        /// Only on this stream.
        stream: At<Stream>,
        /// What patterns look at.
        view: At<Sight>,
        /// That it does not come about is no failure.
        optional: Bool,
        /// Whether it is done at all.
        when: Text,
        /// Where it goes on: `next`, `again`, `goto NAME`, `pass`, `fail`.
        then: Text,
        /// `again` starts the step's clock anew.
        reset: Bool,
        /// With `expect`: how often it may match.
        max: Count,
        /// With `expect`: a line for each time it matches.
        answers: Vec<Text>,
        /// A pause.
        sleep: Time,
        /// A command on this machine.
        exec: Exec,
        /// A question to the person at the terminal.
        ask: Ask,
        /// The terminal is handed to the person.
        interact: Interact,
        /// Waits for the command's exit: `true`, a code, or a list of codes.
        wait_exit: Codes,
        /// Does steps several times.
        loop_: Loop,
        /// Does the steps of a proc.
        call: Text,
        /// What the proc's `args` are.
        args: Named<At<Plain>>,
    }

    /// One of the things that a step waits for.
    Branch "a branch" needs [match_] acts {
        /// What it waits for.
        match_: Text,
        /// Only on this stream.
        stream: At<Stream>,
        /// What the pattern looks at.
        view: At<Sight>,
        /// How often it may be taken; once more fails the dialogue.
        max: Count,
        /// A line for each time it is taken; once more fails the dialogue.
        answers: Vec<Text>,
        /// Where it goes on: `next`, `again`, `goto NAME`, `pass`, `fail`.
        then: Text,
        /// `again` starts the step's clock anew.
        reset: Bool,
    }

    /// A command on this machine, with variables and captures in its environment.
    ExecTable "exec" needs [] {
        /// The program and its arguments.
        argv: Vec<Text>,
        /// Instead of `argv`: one line for `sh -c`. Nothing is put into it; `"$name"` is in its environment.
        shell: Text,
        /// The variable that takes what it prints.
        into: Text,
        /// Where it goes on when it fails: `next`, `again`, `goto NAME`, `pass`, `fail`.
        else_: Text,
    }

    /// A question to the person at the terminal.
    Ask "ask" needs [prompt, into] {
        /// What is shown.
        prompt: Text,
        /// The variable that takes the answer; of a secret, its name.
        into: Text,
        /// What is wanted: `line`, `secret` or `key`.
        kind: At<Question>,
        /// What an empty answer stands for.
        default: Text,
    }

    /// The terminal is handed to the person.
    InteractTable "interact" needs [] {
        /// The key that ends it. Default: `ctrl-]`.
        key: Text,
        /// What ends it when it appears: short for one branch.
        until: Text,
    }

    /// Steps that are done several times.
    Loop "a loop" needs [] {
        /// At most so many rounds.
        times: Count,
        /// A round for each entry: a list, or the name of one.
        foreach: ListOr,
        /// The variable that holds the entry.
        as_: Text,
        /// It ends before a round when this condition holds.
        until: Text,
        /// It ends when this appears.
        until_match: Text,
        /// The steps.
        step: Vec<Step>,
        /// Instead of `step`: the proc that is called each round.
        call: Text,
        /// What the proc's `args` are.
        args: Named<At<Plain>>,
    }

    /// Steps that can be called.
    Proc "a proc" needs [step] {
        /// The variables that a call has to give.
        args: Vec<Text>,
        /// The steps.
        step: Vec<Step>,
    }
}

words! {
    /// A stream of the command.
    Stream {
        /// Its output.
        Stdout "stdout",
        /// Its errors.
        Stderr "stderr",
    }

    /// What a pattern looks at.
    Sight {
        /// Escapes removed, CR LF to LF.
        Text "text",
        /// The bytes as they came.
        Raw "raw",
        /// The rendered screen.
        Screen "screen",
    }

    /// What a param may look like.
    ParamType {
        /// Anything.
        Text "string",
        /// A whole number.
        Int "int",
        /// `true` or `false`.
        Bool "bool",
        /// A list; `--set` takes it with commas.
        List "list",
    }

    /// What a person is asked for.
    Question {
        /// A line.
        Line "line",
        /// A line that is not shown.
        Secret "secret",
        /// One key.
        Key "key",
    }
}

/// A list, or one value: of a `foreach`, the name of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListOr {
    /// A list.
    List(Vec<At<Plain>>),
    /// One value.
    One(At<Plain>),
}

impl Read for ListOr {
    fn read(node: &Node, log: &mut Log) -> Option<ListOr> {
        match node.value {
            Value::Array(_) => Vec::read(node, log).map(ListOr::List),
            _ => At::<Plain>::read(node, log).map(ListOr::One),
        }
    }

    fn schema(defs: &mut Map<String, Json>) -> Json {
        let one = At::<Plain>::schema(defs);
        json!({"anyOf": [one, {"type": "array", "items": one}]})
    }
}

/// `exec`: a table, a list of words, or a line for the shell.
#[derive(Clone, Debug, PartialEq)]
pub struct Exec(pub ExecTable);

impl Read for Exec {
    fn read(node: &Node, log: &mut Log) -> Option<Exec> {
        let mut table = ExecTable { at: node.span, ..ExecTable::default() };
        match &node.value {
            Value::Table(_) => table = ExecTable::read(node, log)?,
            Value::Array(_) => table.argv = Vec::read(node, log),
            Value::Text(_) => table.shell = Text::read(node, log),
            _ => {
                read::mismatch(node, "a line for the shell, a list of words, or a table", log);
                return None;
            }
        }
        Some(Exec(table))
    }

    fn schema(defs: &mut Map<String, Json>) -> Json {
        let table = ExecTable::schema(defs);
        json!({"anyOf": [table, {"type": "string"}, Vec::<Text>::schema(defs)]})
    }
}

/// `interact`: a table, or `true`.
#[derive(Clone, Debug, PartialEq)]
pub struct Interact(pub InteractTable);

impl Read for Interact {
    fn read(node: &Node, log: &mut Log) -> Option<Interact> {
        match node.value {
            Value::Table(_) => InteractTable::read(node, log).map(Interact),
            Value::Bool(true) => {
                Some(Interact(InteractTable { at: node.span, ..InteractTable::default() }))
            }
            _ => {
                read::mismatch(node, "true, or a table", log);
                None
            }
        }
    }

    fn schema(defs: &mut Map<String, Json>) -> Json {
        let table = InteractTable::schema(defs);
        json!({"anyOf": [table, {"const": true}]})
    }
}

/// `wait_exit`: `true`, an exit code, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Codes {
    /// Where it stands.
    pub at: Span,
    /// The codes; none is any.
    pub codes: Option<Vec<Count>>,
}

impl Read for Codes {
    fn read(node: &Node, log: &mut Log) -> Option<Codes> {
        let codes = match node.value {
            Value::Bool(true) => None,
            Value::Integer(_) | Value::Array(_) => Some(Some1::read(node, log)?.0),
            _ => {
                read::mismatch(node, "true, an exit code, or a list of exit codes", log);
                return None;
            }
        };
        Some(Codes { at: node.span, codes })
    }

    fn schema(defs: &mut Map<String, Json>) -> Json {
        let one = Count::schema(defs);
        json!({"anyOf": [{"const": true}, one, {"type": "array", "items": one}]})
    }
}
