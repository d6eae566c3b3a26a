//! Actions: keys that may stand in a step, a branch, a rule, or a list of their own. What is written first is
//! done first.

use serde_json::{Map, Value as Json, json};

use super::finding::Log;
use super::node::{Entry, Node, Value};
use super::read::{self, At, Bool, Named, Plain, Read, Some1, Text, Time};
use super::source::Span;

/// What a table does, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Actions {
    /// The actions; each with the place of its key.
    pub list: Vec<At<Act>>,
    /// `echo_ok`, which is about the secrets beside it.
    pub echo_ok: Option<Bool>,
}

/// One action.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// `send`.
    Send(Text),
    /// `line`.
    Line(Text),
    /// `hex`.
    Hex(Text),
    /// `key`.
    Key(Text),
    /// `secret`, and its `echo_ok`.
    Secret(Text, bool),
    /// `pace`.
    Pace(Time),
    /// `append`; without a value, what was captured.
    Append(Text, Option<At<Plain>>),
    /// `set`.
    Set(Text, At<Plain>),
    /// `count`.
    Count(Text),
    /// `log`.
    Log(Text),
    /// `fail`.
    Fail(Option<Text>),
    /// `retry`.
    Retry(Option<Text>),
    /// `signal`.
    Signal(Text),
    /// `resize`.
    Resize(Text),
    /// `enable`.
    Enable(Text),
    /// `disable`.
    Disable(Text),
    /// `pass`.
    Pass,
    /// `interrupt`.
    Interrupt,
    /// `terminate`.
    Terminate,
    /// `kill`.
    Kill,
    /// `close_stdin`.
    CloseStdin,
    /// `next`.
    Next,
}

impl Act {
    /// Whether nothing behind it is done.
    pub fn is_last(&self) -> bool {
        matches!(self, Act::Fail(_) | Act::Retry(_) | Act::Pass)
    }
}

/// How the value of a key is read.
enum Shape {
    /// A string, or a list of them: an action for each.
    Texts(fn(Text) -> Act),
    /// A duration.
    Time(fn(Time) -> Act),
    /// A string, or `true` for none.
    Reason(fn(Option<Text>) -> Act),
    /// `true`.
    Yes(fn() -> Act),
    /// A table of names and values.
    Set,
    /// Names of lists, or a table of them with values.
    Append,
    /// A list of tables with actions.
    List,
    /// `echo_ok`.
    EchoOk,
}

const KEYS: &[(&str, Shape, &str)] = &[
    (
        "send",
        Shape::Texts(Act::Send),
        "Types this, and nothing more. A list is typed one after the other.",
    ),
    ("line", Shape::Texts(Act::Line), "Types this, then Enter."),
    ("hex", Shape::Texts(Act::Hex), "Types these bytes, in hexadecimal: `1b 5b 41`."),
    ("key", Shape::Texts(Act::Key), "Presses this key: `ctrl-c`, `up`, `f1`, `enter`, `eof`."),
    ("secret", Shape::Texts(|name| Act::Secret(name, false)), "Types this secret, then Enter."),
    ("echo_ok", Shape::EchoOk, "The `secret` may be typed while the terminal echoes."),
    (
        "pace",
        Shape::Time(Act::Pace),
        "From here on what is typed has this pause between its characters, as a person's; `0` is none.",
    ),
    (
        "append",
        Shape::Append,
        "Appends what was captured to the list of this name; `{ name = \"text ${0}\" }` appends that.",
    ),
    ("set", Shape::Set, "Sets variables: `set = { name = \"text ${0}\" }`."),
    ("count", Shape::Texts(Act::Count), "Adds one to the variable of this name."),
    ("log", Shape::Texts(Act::Log), "Writes a line to stderr and to the events."),
    ("pass", Shape::Yes(|| Act::Pass), "Ends the run: its job is done."),
    ("fail", Shape::Reason(Act::Fail), "Fails the dialogue, for this reason."),
    (
        "retry",
        Shape::Reason(Act::Retry),
        "Fails this attempt, for this reason; another is worth it.",
    ),
    (
        "interrupt",
        Shape::Yes(|| Act::Interrupt),
        "Presses Ctrl-C, as it were: INT to the foreground.",
    ),
    ("terminate", Shape::Yes(|| Act::Terminate), "Stops the command by the `stop` ladder."),
    ("kill", Shape::Yes(|| Act::Kill), "Kills the command and all that it started."),
    (
        "signal",
        Shape::Texts(Act::Signal),
        "Sends this signal to the command and all that it started.",
    ),
    ("resize", Shape::Texts(Act::Resize), "Gives the terminal this size: `COLSxROWS`."),
    ("close_stdin", Shape::Yes(|| Act::CloseStdin), "Closes the command's input."),
    ("enable", Shape::Texts(Act::Enable), "The rules of this name listen from here on."),
    ("disable", Shape::Texts(Act::Disable), "The rules of this name listen no more."),
    ("next", Shape::Yes(|| Act::Next), "In a rule: takes the current step as done."),
    ("do", Shape::List, "Actions one after the other, where one key is needed twice."),
];

const NAMES: [&str; KEYS.len()] = {
    let mut names = [""; KEYS.len()];
    let mut at = 0;
    while at < KEYS.len() {
        names[at] = KEYS[at].0;
        at += 1;
    }
    names
};

impl Actions {
    /// The names of all actions.
    pub fn keys(&self) -> &'static [&'static str] {
        &NAMES
    }

    /// Takes an entry, if it is an action.
    pub fn take(&mut self, entry: &Entry, log: &mut Log) -> bool {
        let Some((_, shape, _)) = KEYS.iter().find(|(key, ..)| *key == entry.key) else {
            return false;
        };
        let at = entry.at;
        match shape {
            Shape::Texts(act) => {
                let texts: Option<Some1<Text>> = Read::read(&entry.node, log);
                let texts = texts.into_iter().flat_map(|texts| texts.0);
                self.list.extend(texts.map(|text| At { at, value: act(text) }));
            }
            Shape::Time(act) => {
                let time = Time::read(&entry.node, log);
                self.list.extend(time.map(|time| At { at, value: act(time) }));
            }
            Shape::Reason(act) => match &entry.node.value {
                Value::Bool(true) => self.list.push(At { at, value: act(None) }),
                Value::Text(_) => {
                    let why = Text::read(&entry.node, log);
                    self.list.push(At { at, value: act(why) });
                }
                _ => read::mismatch(&entry.node, "the reason, or true", log),
            },
            Shape::Yes(act) => {
                if yes(&entry.node, log) {
                    self.list.push(At { at, value: act() });
                }
            }
            Shape::Set => {
                let set: Option<Named<At<Plain>>> = Read::read(&entry.node, log);
                let set = set.into_iter().flat_map(|set| set.0);
                self.list.extend(set.map(|(name, value)| At { at, value: Act::Set(name, value) }));
            }
            Shape::Append if matches!(entry.node.value, Value::Table(_)) => {
                let lists: Option<Named<At<Plain>>> = Read::read(&entry.node, log);
                let lists = lists.into_iter().flat_map(|lists| lists.0);
                let act = |(name, value)| At { at, value: Act::Append(name, Some(value)) };
                self.list.extend(lists.map(act));
            }
            Shape::Append => {
                let names: Option<Some1<Text>> = Read::read(&entry.node, log);
                let names = names.into_iter().flat_map(|names| names.0);
                self.list.extend(names.map(|name| At { at, value: Act::Append(name, None) }));
            }
            Shape::List => {
                let items: Option<Vec<Item>> = Read::read(&entry.node, log);
                let items = items.into_iter().flatten();
                self.list.extend(items.flat_map(|item| item.acts.list));
            }
            Shape::EchoOk => self.echo_ok = Read::read(&entry.node, log),
        }
        if let Some(Bool { value: true, .. }) = self.echo_ok {
            for act in &mut self.list {
                if let Act::Secret(_, echo_ok) = &mut act.value {
                    *echo_ok = true;
                }
            }
        }
        true
    }

    /// Where the first action stands.
    pub fn first(&self) -> Option<Span> {
        self.list.first().map(|act| act.at)
    }
}

/// `true`: `false` would say that nothing is done, and then the key is better left out.
fn yes(node: &Node, log: &mut Log) -> bool {
    let is_true = node.value == Value::Bool(true);
    if !is_true {
        read::mismatch(node, "true", log);
    }
    is_true
}

read::tables! {
    /// Actions alone.
    Item "an item of do" needs [] acts {}
}

/// The properties of actions in the JSON Schema.
pub fn properties(_: &str, properties: &mut Map<String, Json>, defs: &mut Map<String, Json>) {
    for (key, shape, doc) in KEYS {
        let schema = match shape {
            Shape::Texts(_) => Some1::<Text>::schema(defs),
            Shape::Time(_) => Time::schema(defs),
            Shape::Reason(_) => json!({"anyOf": [{"type": "string"}, {"const": true}]}),
            Shape::Yes(_) => json!({"const": true}),
            Shape::Set => Named::<At<Plain>>::schema(defs),
            Shape::Append => {
                let (names, values) =
                    (Some1::<Text>::schema(defs), Named::<At<Plain>>::schema(defs));
                json!({"anyOf": [names, values]})
            }
            Shape::List => Vec::<Item>::schema(defs),
            Shape::EchoOk => Bool::schema(defs),
        };
        properties.insert((*key).to_owned(), read::described(schema, &[doc]));
    }
}
