//! One connection: its buffers, and what it is at.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::{MAX_BACKLOG, MAX_UNTYPED};
use crate::control::protocol::{Ended, ErrorKind, FRAME_HEAD, Frame, MAX_FRAME, MAX_LINE, Reply};
use crate::control::protocol::{encode_size, line};
use crate::expect::program::StreamId;
use crate::sys::fdio;

/// How much is read at once.
const READ: usize = 16 << 10;

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has not said hello.
    New,
    /// It sends requests.
    Ready,
    /// It carries frames.
    Attached {
        /// Input and sizes are refused.
        read_only: bool,
        /// Its terminal, where it has one that counts.
        size: Option<(u16, u16)>,
    },
    /// It is told something yet, and then it ends.
    Closing,
}

/// The request under way.
#[derive(Debug)]
pub(super) enum Task {
    /// There is none.
    None,
    /// `send`: what is not typed yet, and until when.
    Sending { tickets: BTreeSet<u64>, limit: Duration, echoed: bool },
    /// `expect`: the session has it.
    Expecting,
    /// `wait`, until then; also `follow`, for ever.
    Waiting { limit: Option<Duration> },
}

impl Task {
    /// When it is over in any case; the session keeps the time of what it has.
    pub(super) fn limit(&self) -> Option<Duration> {
        match self {
            Task::Sending { limit, .. } => Some(*limit),
            Task::Waiting { limit } => *limit,
            Task::None | Task::Expecting => None,
        }
    }
}

/// A frame that was taken: its kind, where that is known, and its content.
pub(super) type Taken = (Option<Frame>, Vec<u8>);

/// A connection.
#[derive(Debug)]
pub(super) struct Client {
    fd: OwnedFd,
    input: Vec<u8>,
    out: Vec<u8>,
    done: usize,
    pub(super) stage: Stage,
    pub(super) task: Task,
    /// When it attached, typed or changed its size last, as a number that grows.
    pub(super) active: u64,
    /// Frames of input that are not typed yet.
    pub(super) untyped: usize,
    /// It wants to know how much log there is, and knows of so much.
    pub(super) follows: Option<u64>,
    /// Bytes of output that were left out.
    lost: u64,
}

impl Client {
    pub(super) fn new(fd: OwnedFd) -> Client {
        Client {
            fd,
            input: Vec::new(),
            out: Vec::new(),
            done: 0,
            stage: Stage::New,
            task: Task::None,
            active: 0,
            untyped: 0,
            follows: None,
            lost: 0,
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Whether more may be read from it.
    pub(super) fn may_read(&self) -> bool {
        match self.stage {
            Stage::Attached { .. } => self.untyped < MAX_UNTYPED && matches!(self.task, Task::None),
            // Who does not read its answers is not asked for more.
            Stage::New | Stage::Ready => matches!(self.task, Task::None) && !self.is_pending(),
            Stage::Closing => false,
        }
    }

    /// Reads once; false at the end.
    pub(super) fn read(&mut self) -> bool {
        let have = self.input.len();
        self.input.resize(have + READ, 0);
        let result = fdio::read(self.fd.as_fd(), &mut self.input[have..]);
        self.input.truncate(have + result.as_ref().map_or(0, |count| count.unwrap_or(0)));
        match result {
            Ok(Some(0)) | Err(_) => false,
            Ok(_) => true,
        }
    }

    /// Reads once; whether that brought anything.
    pub(super) fn read_more(&mut self) -> bool {
        let have = self.input.len();
        self.read() && self.input.len() > have
    }

    /// The next line, without its end, when it is there and may be served.
    pub(super) fn take_line(&mut self) -> Option<Vec<u8>> {
        if !matches!(self.task, Task::None) || self.is_pending() {
            return None;
        }
        let end = memchr::memchr(b'\n', &self.input).filter(|end| *end < MAX_LINE)?;
        let mut line: Vec<u8> = self.input.drain(..=end).collect();
        line.pop();
        Some(line)
    }

    /// Whether it has sent a line, or the beginning of one, that is too long.
    pub(super) fn overflows(&self) -> bool {
        matches!(self.stage, Stage::New | Stage::Ready)
            && self.input.len() >= MAX_LINE
            && memchr::memchr(b'\n', &self.input).is_none_or(|end| end >= MAX_LINE)
    }

    /// The next frame of an attached client.
    pub(super) fn take_frame(&mut self) -> Result<Option<Taken>, String> {
        if self.untyped >= MAX_UNTYPED || !matches!(self.task, Task::None) {
            return Ok(None);
        }
        let Some((frame, content, taken)) =
            Frame::decode(&self.input).map_err(|error| error.to_string())?
        else {
            return Ok(None);
        };
        let content = content.to_vec();
        self.input.drain(..taken);
        Ok(Some((frame, content)))
    }

    /// Adds an answer.
    pub(super) fn say(&mut self, reply: &Reply) {
        if matches!(self.stage, Stage::Attached { .. }) {
            Frame::Answer.encode(&line(reply), &mut self.out);
        } else {
            self.say_line(reply);
        }
    }

    /// Adds an answer as a line, whatever follows.
    pub(super) fn say_line(&mut self, reply: &Reply) {
        self.out.extend(line(reply));
    }

    pub(super) fn say_error(&mut self, kind: ErrorKind, message: &str) {
        let message = message.to_owned();
        self.say(&Reply::Error { kind, message, protocols: Vec::new() });
    }

    /// Says why it is not served, if it listens, and nothing more.
    pub(super) fn refuse(mut self, kind: ErrorKind, message: &str) {
        self.say_error(kind, message);
        self.flush();
    }

    /// Whether something is kept because it does not read.
    pub(super) fn is_pending(&self) -> bool {
        self.done < self.out.len()
    }

    /// Whether it is to be told something as soon as it takes it.
    pub(super) fn is_owed(&self) -> bool {
        self.is_pending() || self.lost > 0
    }

    /// Whether there is nothing more to do for it.
    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Closing && !self.is_pending()
    }

    /// Writes what it takes; false when it is gone.
    pub(super) fn flush(&mut self) -> bool {
        while self.is_pending() {
            match fdio::send(self.fd.as_fd(), &self.out[self.done..]) {
                Ok(Some(count)) => self.done += count,
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        self.out.clear();
        self.done = 0;
        true
    }

    /// There is output; `offset` is behind it.
    pub(super) fn output(&mut self, stream: StreamId, bytes: &[u8], offset: u64) {
        if let Some(known) = &mut self.follows
            && self.done == self.out.len()
        {
            *known = offset;
            self.say(&Reply::Log { offset });
        } else if matches!(self.stage, Stage::Attached { .. }) {
            self.show(stream, bytes);
        } else {
            return;
        }
        // One that is gone is found out by the next wait.
        self.flush();
    }

    /// Adds output for an attached client, or counts it where there is no room.
    pub(super) fn show(&mut self, stream: StreamId, bytes: &[u8]) {
        let heads = bytes.len().div_ceil(MAX_FRAME) * FRAME_HEAD;
        if self.lost > 0 || self.out.len() - self.done + bytes.len() + heads > MAX_BACKLOG {
            self.lost += bytes.len() as u64;
            return;
        }
        let frame = if stream == StreamId::Stderr { Frame::Stderr } else { Frame::Output };
        for part in bytes.chunks(MAX_FRAME) {
            frame.encode(part, &mut self.out);
        }
    }

    /// It has taken something: goes on where it was left out, on a terminal with the whole screen.
    pub(super) fn catch_up(&mut self, offset: u64, screen: impl FnOnce() -> Option<String>) {
        self.flush();
        if self.is_pending() {
            return;
        }
        if self.say_lost() {
            for part in screen().unwrap_or_default().as_bytes().chunks(MAX_FRAME) {
                Frame::Output.encode(part, &mut self.out);
            }
        }
        if self.follows.is_some_and(|known| known < offset) {
            self.follows = Some(offset);
            self.say(&Reply::Log { offset });
        }
    }

    /// Says how much was left out, if something was.
    fn say_lost(&mut self) -> bool {
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            Frame::Lost.encode(&lost.to_le_bytes(), &mut self.out);
        }
        lost > 0
    }

    pub(super) fn resized(&mut self, size: (u16, u16)) {
        if matches!(self.stage, Stage::Attached { .. }) {
            Frame::Size.encode(&encode_size(size), &mut self.out);
            self.flush();
        }
    }

    /// The run has ended, which is what its request is answered with, and the last that it hears of output.
    pub(super) fn end(&mut self, ended: &Ended) {
        match (&self.stage, std::mem::replace(&mut self.task, Task::None)) {
            (Stage::Attached { .. }, _) => {
                self.stage = Stage::Closing;
                self.say_lost();
                let ended = serde_json::to_vec(ended).unwrap_or_default();
                Frame::Ended.encode(&ended, &mut self.out);
            }
            (_, Task::Waiting { .. }) => self.say(&Reply::Ended(ended.clone())),
            (_, Task::Sending { .. }) => self.say_error(ErrorKind::Closed, "the run has ended"),
            (_, Task::None | Task::Expecting) => {}
        }
    }
}
