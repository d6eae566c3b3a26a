//! A client's side: a connection to the heeler of a run, by requests and answers. It blocks, and touches no
//! descriptor but its own.

pub mod after;
pub mod attach;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use super::protocol::{ErrorKind, MAX_LINE, PROTOCOL, Reply, Request, line};
use crate::sys::poll::{self, Want};
use crate::sys::{fdio, socket};

/// How much is read at once: most answers are short, and fresh memory costs more than another read.
const READ: usize = 4 << 10;

/// The longest answer. A screen in colours is the longest there is.
const MAX_REPLY: usize = 16 * MAX_LINE;

/// Why a run could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Nobody listens: the run has ended, or its heeler was killed.
    #[error("nobody listens: the run is over, or its heeler was killed (heeler list says which)")]
    Gone,
    /// It was asked, and refused.
    #[error("{message}")]
    Refused {
        /// What kind of failure.
        kind: ErrorKind,
        /// For people.
        message: String,
    },
    /// The connection failed.
    #[error("cannot talk to the run: {0}")]
    Io(#[from] io::Error),
    /// The answer was none.
    #[error("the run gave an answer that is none: {0}")]
    Nonsense(String),
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    fd: OwnedFd,
    input: Vec<u8>,
    greeted: bool,
}

impl Connection {
    /// Connects to a socket.
    pub fn open(path: &Path) -> Result<Connection, Failed> {
        let fd = socket::connect(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failed::Gone,
            _ => Failed::Io(error),
        })?;
        Ok(Connection { fd, input: Vec::new(), greeted: false })
    }

    /// The descriptor, to wait for more or to send frames.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// What was read behind the last answer: the first frames of a connection that carries them.
    pub fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.input)
    }

    /// Asks, and waits for the answer. With the first request goes the greeting: one packet there, one back.
    pub fn ask(&mut self, request: &Request) -> Result<Reply, Failed> {
        let mut bytes = Vec::new();
        let greeting = !std::mem::replace(&mut self.greeted, true);
        if greeting {
            bytes = line(&Request::Hello { protocols: vec![PROTOCOL.to_owned()] });
        }
        bytes.extend(line(request));
        if let Err(error) = self.write(&bytes) {
            // It may have said why before it hung up.
            return Err(self
                .reply()
                .err()
                .filter(|why| !matches!(why, Failed::Gone))
                .unwrap_or(error));
        }
        if greeting {
            self.reply()?;
        }
        self.reply()
    }

    /// Asks, and waits for the answer no longer than so.
    pub fn ask_within(&mut self, request: &Request, limit: Duration) -> Result<Reply, Failed> {
        let mut bytes = Vec::new();
        if !std::mem::replace(&mut self.greeted, true) {
            bytes = line(&Request::Hello { protocols: vec![PROTOCOL.to_owned()] });
        }
        bytes.extend(line(request));
        // A few bytes into an empty socket: they fit.
        self.write(&bytes)?;
        let until = poll::now() + limit;
        let mut ready = Vec::new();
        loop {
            let left = until.saturating_duration_since(poll::now());
            poll::poll(&[(self.fd.as_fd(), Want::Read)], Some(left), &mut ready)?;
            if !ready[0].ready {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            if !self.read()? {
                return Err(Failed::Gone);
            }
            while memchr::memchr(b'\n', &self.input).is_some() {
                match self.reply()? {
                    Reply::Hello { .. } => {}
                    reply => return Ok(reply),
                }
            }
        }
    }

    /// Writes bytes as they are: frames, once attached.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failed> {
        while !bytes.is_empty() {
            match fdio::write(self.fd.as_fd(), bytes) {
                Ok(count) => bytes = &bytes[count.unwrap_or(0)..],
                Err(error) if is_gone(&error) => return Err(Failed::Gone),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits for the next answer.
    pub fn reply(&mut self) -> Result<Reply, Failed> {
        let mut looked = 0;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.input[looked..]) {
                let line: Vec<u8> = self.input.drain(..=looked + end).collect();
                return match serde_json::from_slice(&line) {
                    Ok(Reply::Error { kind, message, .. }) => {
                        Err(Failed::Refused { kind, message })
                    }
                    Ok(reply) => Ok(reply),
                    Err(why) => Err(Failed::Nonsense(why.to_string())),
                };
            }
            looked = self.input.len();
            if looked > MAX_REPLY {
                return Err(Failed::Nonsense("a line without end".to_owned()));
            }
            if !self.read()? {
                return Err(Failed::Gone);
            }
        }
    }

    /// Reads once more; false at the end.
    pub fn read(&mut self) -> Result<bool, Failed> {
        let have = self.input.len();
        self.input.resize(have + READ, 0);
        let result = fdio::read(self.fd.as_fd(), &mut self.input[have..]);
        self.input.truncate(have + result.as_ref().map_or(0, |count| count.unwrap_or(0)));
        match result {
            Ok(Some(0)) => Ok(false),
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
