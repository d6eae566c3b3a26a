//! `heeler.control/1`: what a client and the heeler of a detached run say to each other over its socket.
//!
//! **Lines.** Each message is one line of JSON, at most [`MAX_LINE`] bytes with its end. A client sends
//! [`Request`]s, each is answered by one [`Reply`], in order; the next request of a connection is looked at
//! when the one before is answered, so who wants to wait for two things at once connects twice. A line that
//! is no request is answered with an error; one that is too long also ends the connection.
//!
//! **Versions.** The first request is `hello` with the protocols that the client speaks; the answer names the
//! one that is spoken from there on. A client may send more requests behind it without waiting. Unknown
//! fields are ignored on both sides, new ones may come within a version; a changed meaning is a new version.
//!
//! **Offsets.** Output is counted in bytes, as shown (secrets masked), over all streams and attempts of the
//! run, in the order of arrival. The log on disk, `send`, `expect` and frames mean the same by it.
//!
//! **Frames.** After an `attach` was answered, both sides send frames instead of lines: one byte for the
//! kind, the length of what follows in four bytes, least significant first, and so many bytes, at most
//! [`MAX_FRAME`]. See [`Frame`]. Requests go on being possible, as the content of a frame: `send`, `signal`,
//! `stop` and `resize`. Their answers stand in the output where it was when they were carried out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::size::SizeFrom;
use crate::expect::dialogue::ExitStatus;

/// The name of this version.
pub const PROTOCOL: &str = "heeler.control/1";

/// The longest line.
pub const MAX_LINE: usize = 1 << 20;

/// The longest content of a frame.
pub const MAX_FRAME: usize = 1 << 16;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// The first request of a connection.
    Hello {
        /// The protocols that the client speaks, best first.
        protocols: Vec<String>,
    },
    /// How the run is: [`Reply::Status`].
    Status,
    /// Types to the command; answered when all of it was written: [`Reply::Sent`].
    Send {
        /// What, in order.
        actions: Vec<Typing>,
        /// How long a command that does not read its input, or a terminal that echoes while a secret is to
        /// be typed, is waited for; 30 seconds where nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_ms: Option<u64>,
    },
    /// Waits for output: [`Reply::Matched`], [`Reply::Limit`] or [`Reply::Ended`].
    Expect(Expect),
    /// Waits for the end of the run: [`Reply::Ended`] or [`Reply::Limit`].
    Wait {
        /// For how long; without it for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_ms: Option<u64>,
    },
    /// Sends a signal to every process of the run: [`Reply::Done`].
    Signal {
        /// Its name (`TERM`) or number.
        signal: String,
    },
    /// Stops the run, by its own ladder: [`Reply::Done`].
    Stop {
        /// As if its heeler had got this signal; without it `TERM`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<String>,
    },
    /// Gives the command's terminal another size: [`Reply::Done`].
    Resize {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// What the command's terminal shows: [`Reply::Screen`].
    Screen,
    /// Says that there is more in the log, now and whenever that happens, until the connection is closed: a
    /// number of [`Reply::Log`], at last [`Reply::Ended`]. Several additions can be told as one.
    Follow,
    /// From here on the connection carries frames: [`Reply::Attached`], then the output.
    Attach(Attach),
}

/// A part of what is typed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Typing {
    /// These bytes.
    Text(Bytes),
    /// These bytes, then Enter: CR on a terminal, LF on a pipe.
    Line(Bytes),
    /// A key by name: `ctrl-c`, `up`, `f1`, `eof`.
    Key(String),
    /// A secret, then Enter, once the terminal does not echo. It is masked in all output from here on.
    Secret {
        /// Its value.
        value: Bytes,
        /// Whether it is typed although the terminal echoes.
        #[serde(default)]
        echo_ok: bool,
    },
}

impl std::fmt::Debug for Typing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Typing::Text(bytes) => f.debug_tuple("Text").field(bytes).finish(),
            Typing::Line(bytes) => f.debug_tuple("Line").field(bytes).finish(),
            Typing::Key(name) => f.debug_tuple("Key").field(name).finish(),
            Typing::Secret { .. } => f.write_str("Secret(..)"),
        }
    }
}

/// Bytes: a string where they are UTF-8, a list of numbers where not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Bytes {
    /// UTF-8.
    Text(String),
    /// Anything.
    Numbers(Vec<u8>),
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        String::from_utf8(bytes)
            .map_or_else(|error| Bytes::Numbers(error.into_bytes()), Bytes::Text)
    }
}

impl Bytes {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Bytes::Text(text) => text.as_bytes(),
            Bytes::Numbers(bytes) => bytes,
        }
    }
}

/// What output is waited for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Expect {
    /// The patterns; the match that begins first wins, on a tie the first of the list.
    pub on: Vec<On>,
    /// Only output from this offset on. Without it: what no `expect` of this run has consumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// A match is not consumed: the next `expect` sees the same text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub peek: bool,
    /// For how long; without it for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_ms: Option<u64>,
}

/// A pattern, and what its match is called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct On {
    /// Given back with the match.
    pub label: String,
    /// As everywhere in heeler: text, `/regex/flags`, `@eof`, `@exit`, `@idle:2s`.
    pub pattern: String,
    /// What it looks at.
    #[serde(default, skip_serializing_if = "is_default")]
    pub view: View,
    /// Only this stream, in pipe mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
}

/// What a pattern looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Terminal escapes removed, CR LF as LF.
    #[default]
    Text,
    /// The bytes as they came.
    Raw,
    /// The rendered screen.
    Screen,
}

/// A stream of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Pipe mode.
    Stdout,
    /// Pipe mode.
    Stderr,
    /// PTY mode.
    Terminal,
}

/// How a client attaches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attach {
    /// Its terminal, columns and rows; without it the command's terminal stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<(u16, u16)>,
    /// By whom the terminal's size is given from here on, for everybody; as it was where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_from: Option<SizeFrom>,
    /// It only looks on: input and sizes of it are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Output from this offset on comes first, as far as the run still has it; without it only what is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
}

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// To `hello`.
    Hello {
        /// What is spoken from here on.
        protocol: String,
        /// The version of the heeler that holds the run.
        heeler: String,
        /// The run's id.
        run: String,
    },
    /// To `status`.
    Status(Status),
    /// To `send`: all was written.
    Sent {
        /// How much output there was when the last of it was written: what answers it comes behind.
        offset: u64,
        /// Whether the terminal echoed any of it.
        #[serde(default)]
        echoed: bool,
    },
    /// To `expect`.
    Matched(Matched),
    /// The limit of a request has passed.
    Limit {
        /// How much output there is.
        offset: u64,
        /// The last lines, for people.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        last_lines: Vec<String>,
    },
    /// The run has ended.
    Ended(Ended),
    /// It is done.
    Done,
    /// To `screen`.
    Screen(Screen),
    /// To `follow`.
    Log {
        /// How much output there is.
        offset: u64,
    },
    /// To `attach`: frames from here on.
    Attached {
        /// Whether the command has a terminal.
        terminal: bool,
        /// Its size, columns and rows.
        size: (u16, u16),
        /// The offset of the first output that follows.
        offset: u64,
        /// How much of what was asked for is not kept any more.
        #[serde(default, skip_serializing_if = "is_default")]
        dropped: u64,
        /// What rebuilds the screen as it is, where the command has a terminal and no `since` was given:
        /// terminal escapes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        screen: Option<String>,
    },
    /// It could not be done.
    Error {
        /// What kind of failure.
        kind: ErrorKind,
        /// For people.
        message: String,
        /// To `hello`: what is spoken here.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        protocols: Vec<String>,
    },
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// No protocol in common.
    Version,
    /// No request, or one that makes no sense.
    Request,
    /// A line or frame that is too long.
    TooLong,
    /// A pattern cannot be used.
    Pattern,
    /// Too many clients, or too much input that the command does not read.
    Busy,
    /// The command does not take input any more, or does not run.
    Closed,
    /// There is no terminal.
    NoTerminal,
    /// The terminal kept echoing, so a secret was not typed.
    Echo,
    /// The user is not the run's.
    Denied,
}

/// How a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status {
    /// The run's id.
    pub run: String,
    /// Which attempt it is at; 0 before the first.
    pub attempt: u32,
    /// The leader of that attempt, while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// Whether it has a terminal.
    pub terminal: bool,
    /// Its size, columns and rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<(u16, u16)>,
    /// How much output there is.
    pub offset: u64,
    /// Since when there was none.
    pub silent_ms: u64,
    /// The last line that says something, of the screen where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_line: Option<String>,
    /// Up to where it was consumed, by stream.
    pub cursors: BTreeMap<String, u64>,
    /// How many clients are connected.
    pub clients: usize,
}

/// A match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Matched {
    /// The pattern's label.
    pub label: String,
    /// The groups: `0` is the whole match, then numbers and names; null where one took no part.
    pub captures: BTreeMap<String, Option<String>>,
    /// The text between the last match and this one; of a long one the last 64 KiB.
    pub before: String,
    /// Where it begins.
    pub start: u64,
    /// Where it ends, and the next `expect` goes on.
    pub offset: u64,
    /// The stream it was found in; absent for events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// How much of what was asked for had been dropped before anybody looked at it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dropped: u64,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ended {
    /// heeler's exit code for it; absent when nobody saw the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// As in the report; absent when nobody saw the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// How much output there was.
    pub offset: u64,
    /// The last lines, for people; to `expect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
    /// What its heeler has to say about it, as lines for people; to who is attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<String>,
}

impl Ended {
    /// How the command ended, as far as that tells: one that a limit has ended may have had any code.
    pub fn status(&self) -> Option<ExitStatus> {
        match (self.outcome.as_deref()?, self.exit_code?) {
            ("exited", code) => Some(ExitStatus::Code(code)),
            ("signaled", code) => Some(ExitStatus::Signal(code - 128)),
            _ => None,
        }
    }
}

/// What a terminal shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Screen {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
    /// How much output it is made of.
    pub offset: u64,
    /// Each row as text, empty ones at the bottom left out.
    pub lines: Vec<String>,
    /// What rebuilds it on an empty terminal of that size, colours, cursor and modes included: terminal
    /// escapes.
    pub state: String,
}

/// A frame's kind. Those a side does not know it skips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// To the client: output of the terminal, or of stdout.
    Output,
    /// To the client: output of stderr.
    Stderr,
    /// To the client: so many bytes of output were left out, because it was slow; a number in eight bytes. Of a
    /// terminal's output what follows first rebuilds the screen.
    Lost,
    /// To the client: the terminal's size, columns and rows in two bytes each.
    Size,
    /// To the client: the run has ended; [`Ended`] as JSON. The last frame.
    Ended,
    /// To the server: input.
    Input,
    /// To the server: the end of the input.
    Eof,
    /// To the server: the size of the client's terminal, as in `Size`.
    Resize,
    /// To the server: a [`Request`] as JSON.
    Ask,
    /// To the client: the [`Reply`] to it.
    Answer,
}

const FRAMES: [(Frame, u8); 10] = [
    (Frame::Output, b'o'),
    (Frame::Stderr, b'e'),
    (Frame::Lost, b'l'),
    (Frame::Size, b's'),
    (Frame::Ended, b'x'),
    (Frame::Input, b'i'),
    (Frame::Eof, b'q'),
    (Frame::Resize, b'r'),
    (Frame::Ask, b'j'),
    (Frame::Answer, b'a'),
];

/// The bytes before a frame's content.
pub const FRAME_HEAD: usize = 5;

impl Frame {
    /// A frame with this content, which is at most [`MAX_FRAME`] bytes.
    pub fn encode(self, content: &[u8], out: &mut Vec<u8>) {
        let kind = FRAMES.iter().find(|(frame, _)| *frame == self).map_or(0, |(_, kind)| *kind);
        out.push(kind);
        out.extend_from_slice(&(content.len() as u32).to_le_bytes());
        out.extend_from_slice(content);
    }

    /// The first frame in `bytes`: its kind where that is known, its content, and how many bytes it takes.
    /// Nothing while it is not whole.
    #[expect(clippy::type_complexity, reason = "three facts of one moment")]
    pub fn decode(bytes: &[u8]) -> Result<Option<(Option<Frame>, &[u8], usize)>, TooLong> {
        let Some((head, rest)) = bytes.split_first_chunk::<FRAME_HEAD>() else { return Ok(None) };
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length > MAX_FRAME {
            return Err(TooLong(length));
        }
        let Some(content) = rest.get(..length) else { return Ok(None) };
        let frame = FRAMES.iter().find(|(_, kind)| *kind == head[0]).map(|(frame, _)| *frame);
        Ok(Some((frame, content, FRAME_HEAD + length)))
    }
}

/// A frame is longer than [`MAX_FRAME`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes; the longest has {MAX_FRAME}")]
pub struct TooLong(pub usize);

/// Two numbers of a size, as frames have them.
pub fn encode_size((columns, rows): (u16, u16)) -> [u8; 4] {
    let ([a, b], [c, d]) = (columns.to_le_bytes(), rows.to_le_bytes());
    [a, b, c, d]
}

/// The size in a frame.
pub fn decode_size(content: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = content.try_into().ok()?;
    Some((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])))
}

/// One line of a message.
pub fn line(message: &impl Serialize) -> Vec<u8> {
    // Messages are texts, numbers and lists of them: they always serialise.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The whole protocol, for its schema.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(dead_code, reason = "what the schema is made of")]
pub struct Messages {
    /// A line to the server.
    request: Request,
    /// A line to the client.
    reply: Reply,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_as_documented() {
        for (text, request) in [
            (
                r#"{"op":"hello","protocols":["heeler.control/1"]}"#,
                Request::Hello { protocols: vec![PROTOCOL.to_owned()] },
            ),
            (
                r#"{"op":"send","actions":[{"line":"ls"},{"text":[255,0]},{"key":"ctrl-c"},{"secret":{"value":"x","echo_ok":false}}]}"#,
                Request::Send {
                    actions: vec![
                        Typing::Line(b"ls".to_vec().into()),
                        Typing::Text(vec![255, 0].into()),
                        Typing::Key("ctrl-c".to_owned()),
                        Typing::Secret { value: b"x".to_vec().into(), echo_ok: false },
                    ],
                    limit_ms: None,
                },
            ),
            (
                r#"{"op":"expect","on":[{"label":"a","pattern":"b"}],"since":7}"#,
                Request::Expect(Expect {
                    on: vec![On {
                        label: "a".to_owned(),
                        pattern: "b".to_owned(),
                        view: View::Text,
                        stream: None,
                    }],
                    since: Some(7),
                    ..Expect::default()
                }),
            ),
            (r#"{"op":"stop"}"#, Request::Stop { signal: None }),
            (r#"{"op":"stop","signal":"INT"}"#, Request::Stop { signal: Some("INT".to_owned()) }),
        ] {
            assert_eq!(serde_json::from_str::<Request>(text).unwrap(), request, "{text}");
            assert_eq!(serde_json::to_string(&request).unwrap(), text);
        }
        let newer = r#"{"op":"wait","of_a_later_version":true}"#;
        let wait = Request::Wait { limit_ms: None };
        assert_eq!(serde_json::from_str::<Request>(newer).unwrap(), wait);
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Typing::Secret { value: b"hunter2".to_vec().into(), echo_ok: true };
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn frames_survive_being_cut() {
        let mut bytes = Vec::new();
        Frame::Output.encode(b"hello", &mut bytes);
        Frame::Resize.encode(&encode_size((80, 24)), &mut bytes);
        for cut in 0..10 {
            assert_eq!(Frame::decode(&bytes[..cut]), Ok(None), "{cut}");
        }
        let (kind, content, taken) = Frame::decode(&bytes).unwrap().unwrap();
        assert_eq!((kind, content, taken), (Some(Frame::Output), b"hello".as_slice(), 10));
        let (kind, content, _) = Frame::decode(&bytes[taken..]).unwrap().unwrap();
        assert_eq!((kind, decode_size(content)), (Some(Frame::Resize), Some((80, 24))));
        assert_eq!(Frame::decode(b"?\0\0\0\0"), Ok(Some((None, b"".as_slice(), 5))));
        assert_eq!(Frame::decode(b"o\0\0\x02\0"), Err(TooLong(131_072)));
    }
}
