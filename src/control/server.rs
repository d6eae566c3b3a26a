//! The heeler of a detached run, as its clients see it: a socket, and what is asked over it.
//!
//! It is a [`Remote`] of the run's one loop. Nothing here blocks, and every buffer has a bound:
//!
//! | what | bound | then |
//! | --- | --- | --- |
//! | clients | [`MAX_CLIENTS`] | one more is told `busy` |
//! | requests of a client under way | 1 | the next is not read yet |
//! | a line | [`MAX_LINE`] | an error, and the end of the connection |
//! | output for an attached client that does not read | [`MAX_BACKLOG`] | left out, and told how much |
//! | input of an attached client that the command does not read | [`MAX_UNTYPED`] frames | no more is read |
//! | descriptors of the process | the system's, less [`KEPT`] | one more is told `busy` |
//!
//! A client that leaves takes its requests with it: what it waited for is forgotten, what it wanted typed and
//! was not begun is not typed.

mod attached;
mod peer;
mod serve;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use peer::{Client, Stage, Task};

use super::log::Writer;
use super::place;
use super::protocol::{Ended, ErrorKind, MAX_LINE, Reply, Status};
use super::session::{Answer, Session, Setup};
use crate::core::limits::earliest;
use crate::core::size::SizeFrom;
use crate::expect::keypad::Keypad;
use crate::runtime::remote::{Fact, NotTyped, Order, Remote};
use crate::sys::pidfd::PidFd;
use crate::sys::poll::{self, Want};
use crate::sys::{fdio, ids, socket};

/// How many clients there may be at once.
pub const MAX_CLIENTS: usize = 256;

/// How much output is kept for an attached client that does not read it.
pub const MAX_BACKLOG: usize = 1 << 20;

/// How many frames of input an attached client may have waiting to be typed.
pub const MAX_UNTYPED: usize = 16;

/// How many of the process's descriptors no client gets: a tree is found, proven and signalled through four, and
/// `--dump` wants some for what it starts.
pub const KEPT: u64 = 8;

/// How long nobody listens who had no descriptor left: the end of the whole system's shortage is told to nobody.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long clients have to take the last that they are told.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What a descriptor in the poll set is for.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Listener,
    Reads(u64),
    Writes(u64),
    Leaves(u64),
    Owner,
}

/// What it is about.
#[derive(Debug)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Where it is recorded; the socket and the log are beside that.
    pub db: PathBuf,
    /// How much of its output is kept on disk; 0 for none.
    pub log_max: u64,
    /// What is kept of it for waits.
    pub session: Setup,
    /// The process that it is tied to.
    pub owner: Option<PidFd>,
}

/// The server of a run.
#[derive(Debug)]
pub struct Server {
    run: String,
    db: PathBuf,
    socket: PathBuf,
    listener: OwnedFd,
    session: Session,
    log: Option<Writer>,
    clients: BTreeMap<u64, Client>,
    next: u64,
    /// How often those who are attached did something.
    activity: u64,
    size_from: SizeFrom,
    owner: Option<PidFd>,
    /// It has ended.
    owner_gone: bool,
    /// No descriptor was left for who waits, not even to be told so. They would wake us again and again, so nobody
    /// listens until then, or until something happens that may have to do with it.
    deaf: Option<Duration>,
    slots: Vec<Slot>,
    orders: Vec<Order>,
    /// Whose request each ticket belongs to.
    tickets: BTreeMap<u64, u64>,
    keypad: Keypad,
    attempt: u32,
    pid: Option<i32>,
    warnings: Vec<String>,
    /// How the run has ended.
    over: Option<Ended>,
}

impl Server {
    /// Opens the socket and the log of a run.
    pub fn open(run: Run) -> Result<Server, String> {
        let path = place::socket(&run.db, &run.id);
        let cannot = |what: &str, path: &Path, error: io::Error| {
            format!("cannot {what} {}: {error}", path.display())
        };
        place::prepare(&run.db)
            .map_err(|error| cannot("make a private directory beside", &run.db, error))?;
        place::remove_stale(&run.db);
        place::remove_old(&run.db);
        let listener = socket::listen(&path).map_err(|error| cannot("listen at", &path, error))?;
        let mut warnings = Vec::new();
        let log = (run.log_max > 0).then(|| {
            let path = place::log(&run.db, &run.id);
            Writer::create(&path, run.log_max)
                .map_err(|error| warnings.push(cannot("write the log", &path, error)))
                .ok()
        });
        Ok(Server {
            run: run.id,
            db: run.db,
            socket: path,
            listener,
            session: Session::new(run.session),
            log: log.flatten(),
            clients: BTreeMap::new(),
            next: 1,
            activity: 0,
            size_from: SizeFrom::default(),
            owner: run.owner,
            owner_gone: false,
            deaf: None,
            slots: Vec::new(),
            orders: Vec::new(),
            tickets: BTreeMap::new(),
            keypad: Keypad::default(),
            attempt: 0,
            pid: None,
            warnings,
            over: None,
        })
    }

    /// A client that is connected from the beginning: who started us.
    pub fn adopt(&mut self, fd: OwnedFd) {
        self.clients.insert(self.next, Client::new(fd));
        self.next += 1;
    }

    /// No more output comes: completes what is kept of it. Gives what went wrong without changing anything for
    /// the run.
    pub fn close(&mut self, now: Duration) -> Vec<String> {
        self.session.close(now);
        if let Some(log) = &mut self.log {
            log.close(now);
        }
        // What nobody has consumed, for who asks after the end.
        if let Err(error) = super::client::after::keep(&self.db, &self.run, &self.session.rest()) {
            self.warnings.push(format!("cannot keep the end of the output for expect: {error}"));
        }
        std::mem::take(&mut self.warnings)
    }

    /// Nothing was started: as if it had never been.
    pub fn abandon(self) {
        for path in [place::log(&self.db, &self.run), place::rest(&self.db, &self.run)] {
            let _ = std::fs::remove_file(path);
        }
    }

    /// The run is over, closed and recorded: everybody is told, and the socket goes. Who is connected already, or
    /// was about to be, may ask for a moment longer.
    pub fn finish(mut self, now: Duration, outcome: &str, exit_code: i32, said: Vec<String>) {
        let ended = Ended {
            exit_code: Some(exit_code),
            outcome: Some(outcome.to_owned()),
            offset: self.session.offset(),
            said,
            ..Ended::default()
        };
        self.over = Some(ended.clone());
        self.answer_waits(now);
        // Whoever connects from here on finds the record.
        let _ = std::fs::remove_file(&self.socket);
        self.accept(now);
        let ids: Vec<u64> = self.clients.keys().copied().collect();
        for id in ids {
            if let Some(client) = self.clients.get_mut(&id) {
                client.end(&ended);
            }
            self.go_on(now, id);
        }
        let until = poll::now() + LAST_WORD;
        let mut set = poll::Set::default();
        loop {
            let left = until.saturating_duration_since(poll::now());
            if self.clients.is_empty() || left.is_zero() {
                return;
            }
            set.clear();
            self.wait(&mut |fd, want| set.add(fd, want));
            if set.wait(Some(left)).is_err() {
                return;
            }
            for index in (0..self.slots.len()).filter(|index| set.ready(*index).ready) {
                self.ready(now, index);
            }
            self.orders.clear();
        }
    }

    fn accept(&mut self, now: Duration) {
        loop {
            match socket::accept(self.listener.as_fd()) {
                Ok(Some(fd)) => self.greet(fd),
                Ok(None) => return,
                // Those kept from clients are gone, too: the limit was lowered, or the system has none left.
                Err(_) => return self.deaf = Some(now + PATIENCE),
            }
        }
    }

    fn greet(&mut self, fd: OwnedFd) {
        let ours = |uid: u32| uid == ids::uid() || uid == 0;
        let denied = !socket::peer_uid(fd.as_fd()).is_ok_and(ours);
        let is_kept = fdio::room_above(fd.as_fd()) < KEPT;
        let client = Client::new(fd);
        if denied {
            client.refuse(ErrorKind::Denied, "this run belongs to another user");
        } else if self.clients.len() >= MAX_CLIENTS {
            client.refuse(ErrorKind::Busy, "there are too many clients");
        } else if is_kept {
            let why = "the heeler of the run has no descriptor left for another client";
            client.refuse(ErrorKind::Busy, why);
        } else {
            self.clients.insert(self.next, client);
            self.next += 1;
        }
    }

    fn leave(&mut self, id: u64) {
        if let Some(client) = self.clients.remove(&id) {
            self.deaf = None;
            self.drop_task(id, &client.task);
            self.fit();
        }
    }

    /// A request is not wanted any more.
    fn drop_task(&mut self, id: u64, task: &Task) {
        match task {
            Task::Sending { tickets, .. } => {
                for ticket in tickets {
                    self.tickets.remove(ticket);
                    self.orders.push(Order::Forget { ticket: *ticket });
                }
            }
            Task::Expecting => self.session.forget(id),
            Task::None | Task::Waiting { .. } => {}
        }
    }

    /// Answers the request of a client, and goes on with what it has sent since.
    fn reply(&mut self, id: u64, reply: &Reply) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.task = Task::None;
        client.say(reply);
    }

    /// Reads what a client has sent, as far as it may go on.
    fn read(&mut self, now: Duration, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if !client.read() {
            return self.leave(id);
        }
        self.go_on(now, id);
    }

    /// Serves what a client has sent, until it has to wait.
    fn go_on(&mut self, now: Duration, id: u64) {
        loop {
            let Some(client) = self.clients.get_mut(&id) else { return };
            // Who takes its answers at once may have sent the next request with the last.
            if !client.flush() {
                self.take_last(now, id);
                return self.leave(id);
            }
            match client.stage {
                Stage::Attached { .. } => {
                    if !self.take_frame(now, id) {
                        break;
                    }
                }
                Stage::New | Stage::Ready => {
                    let Some(line) = client.take_line() else { break };
                    self.serve(now, id, &line);
                }
                Stage::Closing => break,
            }
        }
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.overflows() {
            client.say_error(
                ErrorKind::TooLong,
                &format!("a line of more than {MAX_LINE} bytes is refused"),
            );
            client.stage = Stage::Closing;
        }
        if !client.flush() || client.is_done() {
            self.leave(id);
        }
    }

    /// Who is gone may have typed something before, which has arrived: output that it did not wait for is no
    /// reason to drop that.
    fn take_last(&mut self, now: Duration, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        while client.read_more() {}
        while self.take_frame(now, id) {}
    }

    /// What has come of the waits.
    fn answer_waits(&mut self, now: Duration) {
        for (id, answer) in self.session.poll(now) {
            let reply = match answer {
                Answer::Matched(matched) => Reply::Matched(matched),
                Answer::Limit(last_lines) => {
                    Reply::Limit { offset: self.session.offset(), last_lines }
                }
                Answer::Ended(last_lines) => {
                    let ended = self.over.clone().unwrap_or_default();
                    Reply::Ended(Ended { last_lines, ..ended })
                }
            };
            self.reply(id, &reply);
            self.go_on(now, id);
        }
    }

    /// Something was typed for a client, or was not.
    fn typed(&mut self, now: Duration, ticket: u64, result: Result<bool, NotTyped>) {
        let Some(id) = self.tickets.remove(&ticket) else { return };
        let Some(client) = self.clients.get_mut(&id) else { return };
        let (tickets, echoed) = match &mut client.task {
            Task::Sending { tickets, echoed, .. } if tickets.contains(&ticket) => (tickets, echoed),
            _ => {
                client.untyped = client.untyped.saturating_sub(1);
                return self.go_on(now, id);
            }
        };
        tickets.remove(&ticket);
        let reply = match result {
            Ok(shown) => {
                *echoed |= shown;
                if !tickets.is_empty() {
                    return;
                }
                Reply::Sent { offset: self.session.offset(), echoed: *echoed }
            }
            Err(why) => {
                let task = std::mem::replace(&mut client.task, Task::None);
                self.drop_task(id, &task);
                serve::not_typed(why)
            }
        };
        self.reply(id, &reply);
        self.go_on(now, id);
    }

    fn output(&mut self, now: Duration, stream: crate::expect::program::StreamId, bytes: &[u8]) {
        self.keypad.push(bytes);
        self.session.output(now, stream, bytes);
        if let Some(log) = &mut self.log {
            log.write(now, stream, bytes);
            if let Some(error) = log.take_failure() {
                let warning = format!("cannot write the log: {error}; it counts what is missing");
                // A flood fails as often as it is written.
                if !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
            }
        }
        let offset = self.session.offset();
        for client in self.clients.values_mut() {
            client.output(stream, bytes, offset);
        }
        self.answer_waits(now);
    }

    fn status(&self, now: Duration) -> Status {
        let name = |stream| crate::runtime::outlets::stream_name(stream).to_owned();
        Status {
            run: self.run.clone(),
            attempt: self.attempt,
            pid: self.pid,
            terminal: self.session.size().is_some(),
            size: self.session.size(),
            offset: self.session.offset(),
            silent_ms: now.saturating_sub(self.session.last_output()).as_millis() as u64,
            last_line: self.session.last_line(),
            cursors: self.session.cursors().map(|(stream, at)| (name(stream), at)).collect(),
            clients: self.clients.len(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Also after a fault of ours. Gone already, it is not missed.
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl Remote for Server {
    fn wait(&mut self, add: &mut dyn FnMut(BorrowedFd<'_>, Want)) {
        self.slots.clear();
        if self.deaf.is_none() && self.over.is_none() {
            self.slots.push(Slot::Listener);
            add(self.listener.as_fd(), Want::Read);
        }
        if let Some(owner) = self.owner.as_ref().filter(|_| !self.owner_gone) {
            self.slots.push(Slot::Owner);
            add(owner.as_fd(), Want::Read);
        }
        for (&id, client) in &self.clients {
            let owed = client.is_owed();
            if owed {
                self.slots.push(Slot::Writes(id));
                add(client.fd(), Want::Write);
            }
            if client.may_read() {
                self.slots.push(Slot::Reads(id));
                add(client.fd(), Want::Read);
            } else if !owed {
                self.slots.push(Slot::Leaves(id));
                add(client.fd(), Want::Hangup);
            }
        }
    }

    fn ready(&mut self, now: Duration, index: usize) {
        match self.slots.get(index).copied() {
            Some(Slot::Listener) => self.accept(now),
            Some(Slot::Reads(id)) => self.read(now, id),
            Some(Slot::Leaves(id)) => self.leave(id),
            Some(Slot::Writes(id)) => {
                let Some(client) = self.clients.get_mut(&id) else { return };
                let screen = || self.session.screen().map(|screen| screen.state);
                client.catch_up(self.session.offset(), screen);
                self.go_on(now, id);
            }
            Some(Slot::Owner) => {
                self.owner_gone = true;
                self.orders.push(Order::OwnerGone);
            }
            None => {}
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        let tasks = self.clients.values().map(|client| client.task.limit());
        tasks.fold(earliest(self.deaf, self.session.next_deadline()), earliest)
    }

    fn tick(&mut self, now: Duration) {
        self.deaf = self.deaf.filter(|until| now < *until);
        if self.session.next_deadline().is_some_and(|due| now >= due) {
            self.answer_waits(now);
        }
        let late = |client: &Client| client.task.limit().is_some_and(|limit| now >= limit);
        let late: Vec<u64> =
            self.clients.iter().filter(|(_, client)| late(client)).map(|(id, _)| *id).collect();
        for id in late {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            let task = std::mem::replace(&mut client.task, Task::None);
            self.drop_task(id, &task);
            let last_lines = self.session.last_lines();
            self.reply(id, &Reply::Limit { offset: self.session.offset(), last_lines });
            self.go_on(now, id);
        }
    }

    fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    fn note(&mut self, now: Duration, fact: Fact<'_>) {
        self.deaf = None;
        match fact {
            Fact::Started { attempt, pid } => {
                (self.attempt, self.pid) = (attempt, Some(pid));
                self.session.started();
            }
            Fact::Output(stream, bytes) => self.output(now, stream, bytes),
            Fact::StreamEnded(stream) => {
                self.session.stream_ended(stream);
                self.answer_waits(now);
            }
            Fact::Exited(_) => {
                self.pid = None;
                self.session.exited();
                self.answer_waits(now);
            }
            Fact::AttemptOver => {
                self.pid = None;
                // The attempt that just ended may have been too far to be stopped; there is to be no other.
                if self.owner_gone {
                    self.orders.push(Order::OwnerGone);
                }
            }
            Fact::Resized(size) => {
                self.session.resize(size);
                for client in self.clients.values_mut() {
                    client.resized(size);
                }
            }
            Fact::Echoed(bytes) => self.session.typed(bytes),
            Fact::Typed(ticket, result) => self.typed(now, ticket, result),
        }
    }
}
