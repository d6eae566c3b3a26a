//! A client's side: a connection to the heeler of a run, by requests and answers. It blocks, and touches no
//! descriptor but its own.

pub mod after;
pub mod attach;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use super::protocol::{ErrorKind, MAX_LINE, PROTOCOL, Reply, Request, line};
use crate::sys::poll::{self, Want};
use crate::sys::{fdio, socket};

/// How much is read at once: most answers are short, and fresh memory costs more than another read.
const READ: usize = 4 << 10;

/// The longest answer. A screen in colours is the longest there is.
const MAX_REPLY: usize = 16 * MAX_LINE;

/// How long a heeler that is well may take to answer what it can answer at once. One that is stopped never
/// does.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How much later than the limit of a request its answer may come.
pub const GRACE: Duration = Duration::from_secs(1);

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
    /// It listens, but says nothing.
    #[error("{}", silent(*.0, "does not answer"))]
    Silent(Option<i32>),
    /// The limit of the request has passed, and it says nothing.
    #[error("{}", silent(*.0, "did not answer within the limit (--timeout)"))]
    Late(Option<i32>),
    /// The connection failed.
    #[error("cannot talk to the run: {0}")]
    Io(#[from] io::Error),
    /// The answer was none.
    #[error("the run gave an answer that is none: {0}")]
    Nonsense(String),
}

fn silent(pid: Option<i32>, what: &str) -> String {
    match pid {
        Some(pid) => format!("its heeler (pid {pid}) {what}; it may be stopped: kill -CONT {pid}"),
        None => format!("its heeler {what}; it may be stopped (heeler list --json has its pid)"),
    }
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
        Connection::open_within(path, PATIENCE)
    }

    /// Connects to a socket, and waits no longer than so for one where too many wait already.
    pub fn open_within(path: &Path, limit: Duration) -> Result<Connection, Failed> {
        let fd = socket::connect(path, limit).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failed::Gone,
            io::ErrorKind::WouldBlock => Failed::Silent(None),
            _ => Failed::Io(error),
        })?;
        Ok(Connection::of(fd))
    }

    /// One that is connected already: to a run that we started.
    pub fn of(fd: OwnedFd) -> Connection {
        Connection { fd, input: Vec::new(), greeted: false }
    }

    /// The descriptor, to wait for more or to send frames.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Why nothing is heard: whoever is at the other end does not answer.
    pub fn silent(&self) -> Failed {
        Failed::Silent(socket::peer_pid(self.fd.as_fd()).ok())
    }

    /// What was read behind the last answer: the first frames of a connection that carries them.
    pub fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.input)
    }

    /// Asks what can be answered at once.
    pub fn ask(&mut self, request: &Request) -> Result<Reply, Failed> {
        self.ask_within(request, PATIENCE, Some(PATIENCE))
    }

    /// Asks what may take until `limit`, which is what the caller said (`given`) or would have: who said one
    /// is not told earlier that nobody answers, everybody else is.
    pub fn ask_for(
        &mut self,
        request: &Request,
        given: Option<Duration>,
        limit: Option<Duration>,
    ) -> Result<Reply, Failed> {
        let began = poll::now();
        let late = |limit: Duration| limit.saturating_add(GRACE);
        self.ask_within(request, given.map_or(PATIENCE, late), limit.map(late)).map_err(|error| {
            match error {
                Failed::Silent(pid) if limit.is_some_and(|limit| began.elapsed() >= limit) => {
                    Failed::Late(pid)
                }
                error => error,
            }
        })
    }

    /// Asks, and waits no longer than so for the greeting and for the answer. With the first request goes the
    /// greeting: one packet there, one back.
    pub fn ask_within(
        &mut self,
        request: &Request,
        greeting: Duration,
        answer: Option<Duration>,
    ) -> Result<Reply, Failed> {
        let began = poll::now();
        let answered = answer.and_then(|limit| began.checked_add(limit));
        let mut bytes = Vec::new();
        let greets = !std::mem::replace(&mut self.greeted, true);
        let greeted = if greets { began.checked_add(greeting) } else { answered };
        if greets {
            bytes = line(&Request::Hello { protocols: vec![PROTOCOL.to_owned()] });
        }
        bytes.extend(line(request));
        match self.write_until(&bytes, greeted) {
            Ok(()) => {}
            Err(error @ Failed::Silent(_)) => return Err(error),
            // It may have said why before it hung up.
            Err(error) => {
                let said = self.reply_until(greeted).err();
                return Err(said.filter(|why| !matches!(why, Failed::Gone)).unwrap_or(error));
            }
        }
        if greets {
            self.reply_until(greeted)?;
        }
        self.reply_until(answered)
    }

    /// Asks, and does not wait for the answer, which [`Connection::answer_by`] gives.
    pub fn put(&mut self, request: &Request) -> Result<(), Failed> {
        let hello = Request::Hello { protocols: vec![PROTOCOL.to_owned()] };
        let bytes = [line(&hello), line(request)].concat();
        self.write_until(&bytes, Some(poll::now()))
    }

    /// The answer to the first request of all, if it comes until then.
    pub fn answer_by(&mut self, until: Instant) -> Result<Reply, Failed> {
        self.greeted = true;
        self.reply_until(Some(until))?;
        self.reply_until(Some(until))
    }

    /// Waits until the connection can be read or written.
    fn wait(&self, want: Want, until: Option<Instant>) -> Result<(), Failed> {
        let Some(until) = until else { return Ok(()) };
        let left = until.saturating_duration_since(poll::now());
        let mut ready = Vec::new();
        poll::poll(&[(self.fd.as_fd(), want)], Some(left), &mut ready)?;
        if ready[0].ready { Ok(()) } else { Err(self.silent()) }
    }

    fn write_until(&mut self, mut bytes: &[u8], until: Option<Instant>) -> Result<(), Failed> {
        if until.is_none() {
            return self.write(bytes);
        }
        while !bytes.is_empty() {
            match fdio::send(self.fd.as_fd(), bytes) {
                Ok(Some(count)) => bytes = &bytes[count..],
                Ok(None) => self.wait(Want::Write, until)?,
                Err(error) if is_gone(&error) => return Err(Failed::Gone),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
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

    /// Writes of frames what the other side takes now, and leaves the rest.
    pub fn flush(&self, unsent: &mut Vec<u8>) {
        while !unsent.is_empty() {
            match fdio::send(self.fd.as_fd(), unsent) {
                Ok(Some(count)) => drop(unsent.drain(..count)),
                // One that is gone is found out by reading: it may have said why.
                Ok(None) | Err(_) => break,
            }
        }
    }

    /// Waits for the next answer.
    pub fn reply(&mut self) -> Result<Reply, Failed> {
        self.reply_until(None)
    }

    /// Waits for the next answer, as long as somebody reads `output`; nothing when nobody does any more.
    pub fn reply_for(&mut self, output: BorrowedFd<'_>) -> Result<Option<Reply>, Failed> {
        let (mut looked, mut ready) = (0, Vec::new());
        loop {
            if let Some(reply) = self.next_reply(&mut looked)? {
                return Ok(Some(reply));
            }
            poll::poll(&[(self.fd(), Want::Read), (output, Want::Hangup)], None, &mut ready)?;
            if ready[1].hangup {
                return Ok(None);
            }
            if ready[0].ready && !self.read()? {
                return Err(Failed::Gone);
            }
        }
    }

    fn reply_until(&mut self, until: Option<Instant>) -> Result<Reply, Failed> {
        let mut looked = 0;
        loop {
            if let Some(reply) = self.next_reply(&mut looked)? {
                return Ok(reply);
            }
            self.wait(Want::Read, until)?;
            if !self.read()? {
                return Err(Failed::Gone);
            }
        }
    }

    /// The answer that was read next, if all of it was; so many bytes have been looked at already.
    fn next_reply(&mut self, looked: &mut usize) -> Result<Option<Reply>, Failed> {
        if let Some(end) = memchr::memchr(b'\n', &self.input[*looked..]) {
            let line: Vec<u8> = self.input.drain(..=*looked + end).collect();
            return match serde_json::from_slice(&line) {
                Ok(Reply::Error { kind, message, .. }) => Err(Failed::Refused { kind, message }),
                Ok(reply) => Ok(Some(reply)),
                Err(why) => Err(Failed::Nonsense(why.to_string())),
            };
        }
        *looked = self.input.len();
        if *looked > MAX_REPLY {
            return Err(Failed::Nonsense("a line without end".to_owned()));
        }
        Ok(None)
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

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test that would hang waits in a thread of its own"
)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc;

    /// A heeler that is stopped in the middle of a line keeps nobody from seeing that the reader of the output is gone.
    #[test]
    fn the_output_is_watched_in_the_middle_of_an_answer() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let also_ours = ours.try_clone().unwrap();
        let (read, write) = fdio::pipe().unwrap();
        theirs.write_all(b"{\"half\":").unwrap();
        let (told, answer) = mpsc::channel();
        std::thread::spawn(move || {
            let reply = Connection::of(ours.into()).reply_for(write.as_fd());
            told.send(matches!(reply, Ok(None))).unwrap();
        });
        while fdio::holds_bytes(also_ours.as_fd()) {
            std::thread::yield_now();
        }
        drop(read);
        assert_eq!(answer.recv_timeout(Duration::from_secs(20)), Ok(true));
    }
}
