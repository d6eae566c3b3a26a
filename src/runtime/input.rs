//! What is typed to the command: by the dialogue, by a person at our terminal, from a file. Queued and
//! non-blocking, in the same loop as reading, so that a command that does not read cannot stall heeler.
//!
//! What the dialogue answers to a command that does not read is bounded, not by reading no more of its output: it
//! may be writing that before it reads, and we would wait for each other.
//!
//! A secret waits until the terminal has stopped echoing. The kernel has no event for that change, so
//! while one waits, and only then, the terminal is asked again after 1 ms, 2 ms, 4 ms, … 20 ms.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use zeroize::Zeroizing;

use super::remote::NotTyped;
use crate::core::wayout::WayOut;
use crate::expect::detach::DetachKeys;
use crate::expect::dialogue::Effect;
use crate::expect::tape::Typing;
use crate::sys::poll::News;
use crate::sys::{fdio, tty};

/// What a canonical terminal takes a line (N_TTY_BUF_SIZE less the line end); the kernel drops the rest.
pub const CANONICAL_LIMIT: usize = 4095;

/// How much more the dialogue may type while the command has not read what there is. What it types at once is as
/// long as its script says; what it answers, as long as the command goes on asking.
const BACKLOG: usize = 1 << 20;

/// How much is read ahead from our own input.
const READ: usize = 64 << 10;

/// Where typed bytes go.
#[derive(Debug)]
pub enum Target {
    /// A terminal's own side, duplicated.
    Terminal(OwnedFd),
    /// The write end of a pipe, non-blocking.
    Pipe(OwnedFd),
}

/// Who types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typist {
    /// A person, a file, or whatever our own input is.
    Source,
    /// The dialogue.
    Dialogue,
    /// A client of a detached run, with the ticket that the answer refers to.
    Client(u64),
    /// We, in place of a terminal that nobody looks at.
    Terminal,
}

/// Bytes that were typed, wiped when dropped, and what the terminal did with them.
pub type Done = (Zeroizing<Vec<u8>>, Typing);

/// Something that happened to what was to be typed.
#[derive(Debug)]
pub enum Typed {
    /// These bytes have been written for the dialogue.
    Sent {
        /// What, wiped when dropped.
        bytes: Zeroizing<Vec<u8>>,
        /// What the terminal did with it.
        typing: Typing,
    },
    /// The secret has been written.
    SecretSent,
    /// A secret was not sent: the terminal kept echoing until the limit.
    StillEchoing,
    /// A line is longer than a canonical terminal takes; the part that makes it so was not typed.
    TooLong(usize),
    /// A line of our own input is, and the terminal dropped the rest of it.
    CutOff,
    /// Nobody reads any more.
    Closed,
    /// The command has not read [`BACKLOG`] of what the dialogue typed: more of it is not typed.
    Unread,
    /// An answer of ours to what the command asked its terminal.
    Answered {
        /// What.
        bytes: Zeroizing<Vec<u8>>,
        /// What the terminal did with it.
        typing: Typing,
    },
    /// Input of another source went out.
    Relayed {
        /// What, wiped when dropped.
        bytes: Zeroizing<Vec<u8>>,
        /// What the terminal did with it.
        typing: Typing,
    },
    /// What a client wanted typed was: a secret, and the end of the input, without the bytes.
    Client {
        /// The client's ticket.
        ticket: u64,
        /// What, wiped when dropped, and what the terminal did with it; or why not.
        result: Result<Option<Done>, NotTyped>,
    },
}

enum Item {
    Bytes {
        data: Zeroizing<Vec<u8>>,
        done: usize,
        by: Typist,
        secret: bool,
    },
    Secret {
        data: Zeroizing<Vec<u8>>,
        deadline: Option<Duration>,
        by: Typist,
    },
    /// A closed pipe, or the terminal's end-of-file character: to the kernel where that takes lines, to a
    /// line editor as the key that means the same. A raw terminal has no such character, only bytes.
    End(Typist),
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Item(..)")
    }
}

/// What reading our own input brought, beside what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// Nothing.
    Nothing,
    /// The person who had our terminal left it.
    PersonLeft,
    /// The keyboard's way out: the command is to be stopped.
    Stop,
}

/// A person who types until a key.
#[derive(Debug)]
struct Person {
    fd: OwnedFd,
    key: DetachKeys,
}

/// The command's input.
#[derive(Debug)]
pub struct Input {
    target: Option<Target>,
    queue: VecDeque<Item>,
    source: Option<OwnedFd>,
    /// Our terminal, lent to a person who types instead of the source.
    person: Option<Person>,
    /// The source is a keyboard of ours whose keys all go to the command.
    way_out: Option<WayOut>,
    /// The source waits: a question is open on the same terminal.
    held: bool,
    /// The same, for we are in the background of that terminal; news of it are all that we get.
    away: Option<News>,
    /// Whether the end of the source ends the input.
    source_ends: bool,
    at_line_start: bool,
    /// How much of a line the terminal has been given, while it takes lines.
    line: usize,
    /// One of our own input was too long.
    cut_off: bool,
    recheck: Option<(Duration, Duration)>,
    full: bool,
    /// Something was left the last time.
    stuck: bool,
    /// What of ours waits behind what could not be written, at most, with what keeping it takes.
    backlog: usize,
    /// Something was not queued because that is too much.
    unread: bool,
}

impl Input {
    /// Input to `target`; without one nothing can be typed.
    pub fn new(target: Option<Target>) -> Input {
        Input {
            target,
            queue: VecDeque::new(),
            source: None,
            person: None,
            way_out: None,
            held: false,
            away: None,
            source_ends: true,
            at_line_start: true,
            line: 0,
            cut_off: false,
            recheck: None,
            full: false,
            stuck: false,
            backlog: 0,
            unread: false,
        }
    }

    /// Copies everything from `source`; its end is the input's end if `ends`.
    pub fn relay(&mut self, source: OwnedFd, ends: bool) {
        self.source = Some(source);
        self.source_ends = ends;
    }

    /// The source is our terminal, made raw.
    pub fn watch_way_out(&mut self) {
        self.way_out = Some(WayOut::default());
    }

    /// Types `bytes` as the first thing; then the input's end if `ends`.
    pub fn preload(&mut self, bytes: &[u8], ends: bool) {
        self.queue_bytes(Zeroizing::new(bytes.to_vec()), Typist::Source);
        if ends {
            self.end();
        }
    }

    /// Whether `bytes` may wait as well.
    fn takes(&mut self, bytes: &[u8]) -> bool {
        let takes = self.backlog <= BACKLOG;
        if takes && self.stuck {
            self.backlog += cost(bytes);
        }
        takes
    }

    fn queue_bytes(&mut self, data: Zeroizing<Vec<u8>>, by: Typist) {
        self.queue.push_back(Item::Bytes { data, done: 0, by, secret: false });
    }

    /// Types `bytes` for the dialogue.
    pub fn send(&mut self, bytes: Vec<u8>) {
        let takes = self.takes(&bytes);
        self.unread |= !takes;
        if takes {
            self.queue_bytes(Zeroizing::new(bytes), Typist::Dialogue);
        }
    }

    /// Types what `effects` type before they do anything else, and says what became of it. The command waits for
    /// that, and nobody else for what else there is to do.
    pub fn send_first(&mut self, now: Duration, effects: &mut Vec<Effect>) -> Vec<Typed> {
        let said = |effect: &Effect| matches!(effect, Effect::Told(_) | Effect::Noted(_));
        let first = effects.iter().position(|effect| !said(effect));
        let Some(first) = first.filter(|&first| matches!(effects[first], Effect::Send(_))) else {
            return Vec::new();
        };
        if let Effect::Send(bytes) = effects.remove(first) {
            self.send(bytes);
        }
        self.pump(now)
    }

    /// Types the answer to a question of the command to its terminal: in front of what waits, for what waits
    /// may wait for the command, and that for the answer. One that reads none of them gets no more, as from a
    /// terminal whose input is full.
    pub fn answer(&mut self, bytes: Vec<u8>) {
        if !self.takes(&bytes) {
            return;
        }
        let first = |item: &Item| {
            item.by() == Typist::Terminal || matches!(item, Item::Bytes { done, .. } if *done > 0)
        };
        let at = self.queue.iter().take_while(|item| first(item)).count();
        let data = Zeroizing::new(bytes);
        let by = Typist::Terminal;
        self.queue.insert(at, Item::Bytes { data, done: 0, by, secret: false });
    }

    /// Types `bytes` for a client.
    pub fn send_for(&mut self, ticket: u64, bytes: Zeroizing<Vec<u8>>) {
        self.queue_bytes(bytes, Typist::Client(ticket));
    }

    /// As [`Input::send_secret`], for a client.
    pub fn send_secret_for(
        &mut self,
        now: Duration,
        ticket: u64,
        data: Zeroizing<Vec<u8>>,
        deadline: Option<Duration>,
    ) {
        self.queue_secret(now, data, deadline, Typist::Client(ticket));
    }

    /// Ends the input for a client.
    pub fn end_for(&mut self, ticket: u64) {
        self.queue.push_back(Item::End(Typist::Client(ticket)));
    }

    /// What a client wanted typed, and what is not yet, is not wanted any more; what was begun goes on, for
    /// nobody could tell how much of it there was.
    pub fn forget(&mut self, ticket: u64) {
        let client = Typist::Client(ticket);
        self.queue.retain(|item| match item {
            Item::Bytes { done, by, .. } => *done > 0 || *by != client,
            Item::Secret { by, .. } | Item::End(by) => *by != client,
        });
    }

    /// Types a secret once the terminal has stopped echoing, until `deadline`; without one, at once.
    pub fn send_secret(&mut self, now: Duration, bytes: Vec<u8>, deadline: Option<Duration>) {
        self.queue_secret(now, Zeroizing::new(bytes), deadline, Typist::Dialogue);
    }

    fn queue_secret(
        &mut self,
        now: Duration,
        data: Zeroizing<Vec<u8>>,
        deadline: Option<Duration>,
        by: Typist,
    ) {
        self.recheck = Some((now, Duration::from_millis(1)));
        self.queue.push_back(Item::Secret { data, deadline, by });
    }

    /// A secret that waits is not wanted any more.
    pub fn drop_secret(&mut self) {
        self.queue.retain(|item| !matches!(item, Item::Secret { by: Typist::Dialogue, .. }));
    }

    /// Ends the input after what is queued.
    pub fn end(&mut self) {
        self.queue.push_back(Item::End(Typist::Source));
    }

    /// Nobody but the source types any more: its end is the input's.
    pub fn end_with_source(&mut self) {
        if self.source.is_some() {
            self.source_ends = true;
        } else {
            self.end();
        }
    }

    /// Whether bytes wait for room.
    pub fn wants_room(&self) -> bool {
        self.full && self.target.is_some()
    }

    /// Our own input, to poll for reading while nothing is queued.
    pub fn source(&self) -> Option<BorrowedFd<'_>> {
        let takes = self.queue.is_empty() && self.target.is_some() && !self.held;
        let source = self.away.as_ref().map(News::fd).or_else(|| self.keyboard());
        source.filter(|_| takes)
    }

    fn keyboard(&self) -> Option<BorrowedFd<'_>> {
        self.person.as_ref().map(|person| &person.fd).or(self.source.as_ref()).map(AsFd::as_fd)
    }

    /// Waits until [`Input::come_forward`], if our input is our terminal. Says whether.
    pub fn stay_away(&mut self) -> bool {
        let ours = self.keyboard().filter(|fd| tty::foreground(*fd).is_some());
        self.away = ours.and_then(|fd| News::of(fd).ok());
        self.away.is_some()
    }

    /// Whether it waits for that reason.
    pub fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// Waits no longer, if we have the foreground, or there is none to be had any more. Says whether.
    pub fn come_forward(&mut self) -> bool {
        let over = self.is_away() && !self.keyboard().is_some_and(tty::in_background);
        if over {
            self.away = None;
        }
        over
    }

    /// Where typed bytes go, to poll for room.
    pub fn target(&self) -> Option<BorrowedFd<'_>> {
        self.target.as_ref().map(|target| match target {
            Target::Terminal(fd) | Target::Pipe(fd) => fd.as_fd(),
        })
    }

    /// When a waiting secret looks at the terminal again.
    pub fn next_deadline(&self) -> Option<Duration> {
        matches!(self.queue.front(), Some(Item::Secret { .. }))
            .then_some(self.recheck)
            .flatten()
            .map(|(at, _)| at)
    }

    /// A person types from `fd` until they type `key`.
    pub fn lend(&mut self, fd: OwnedFd, key: &[u8]) {
        self.person = Some(Person { fd, key: DetachKeys::new(key.to_vec()) });
    }

    /// They type no more.
    pub fn take_back(&mut self) {
        self.person = None;
    }

    /// Whether our own input waits.
    pub fn hold_source(&mut self, held: bool) {
        self.held = held;
    }

    /// Reads what our own input has.
    pub fn read_source(&mut self, now: Duration) -> Brought {
        if let Some(news) = &self.away {
            news.take();
            return Brought::Nothing;
        }
        let mut data = Zeroizing::new(vec![0; READ]);
        let Some(source) = self.keyboard() else { return Brought::Nothing };
        let count = match fdio::read_keys(source, &mut data) {
            Ok(None) => return Brought::Nothing,
            Ok(Some(count)) => count,
            // EIO: we are in the background of our terminal, or were; or it is gone.
            Err(_) if self.stay_away() => return Brought::Nothing,
            Err(_) => 0,
        };
        data.truncate(count);
        let mut brought = Brought::Nothing;
        if let Some(person) = &mut self.person {
            let mut typed = Zeroizing::new(Vec::with_capacity(count));
            if person.key.push(&data, &mut typed).is_some() || count == 0 {
                brought = Brought::PersonLeft;
            }
            data = typed;
        } else if count == 0 {
            self.source = None;
            if self.source_ends {
                self.end();
            }
        } else if self.way_out.as_mut().is_some_and(|way| way.push(now, &data)) {
            brought = Brought::Stop;
        }
        if !data.is_empty() {
            self.queue_bytes(data, Typist::Source);
        }
        brought
    }

    /// Writes what can be written, and says what became of it.
    pub fn pump(&mut self, now: Duration) -> Vec<Typed> {
        let mut typed = Vec::new();
        self.full = false;
        while let Some(item) = self.queue.pop_front() {
            let cost = item.cost();
            if self.target.is_none() {
                typed.extend(closed(item.by(), matches!(item, Item::End(_))));
            } else if let Some(back) = self.take(now, item, &mut typed) {
                self.queue.push_front(back);
                break;
            }
            // What was there before goes first, and counts as well: what waits is no more than that and the bound.
            self.backlog = self.backlog.saturating_sub(cost);
        }
        self.stuck = !self.queue.is_empty();
        typed.extend(std::mem::take(&mut self.unread).then_some(Typed::Unread));
        typed
    }

    /// Handles one item; gives it back when it has to wait.
    fn take(&mut self, now: Duration, item: Item, typed: &mut Vec<Typed>) -> Option<Item> {
        match item {
            Item::Secret { data, deadline, by } => {
                if deadline.is_none() || !self.echoes() {
                    let item = Item::Bytes { data, done: 0, by, secret: true };
                    return self.take(now, item, typed);
                }
                if deadline.is_some_and(|deadline| now >= deadline) {
                    typed.push(match by {
                        Typist::Client(ticket) => {
                            Typed::Client { ticket, result: Err(NotTyped::Echo) }
                        }
                        _ => Typed::StillEchoing,
                    });
                    return None;
                }
                let (at, step) = self.recheck.unwrap_or((now, Duration::from_millis(1)));
                if now >= at {
                    let next = now + step;
                    let next = deadline.map_or(next, |deadline| next.min(deadline));
                    self.recheck = Some((next, (step * 2).min(Duration::from_millis(20))));
                }
                Some(Item::Secret { data, deadline, by })
            }
            Item::Bytes { data, done, by, secret } => self.write(data, done, by, secret, typed),
            Item::End(by) => {
                if !self.write_end() {
                    self.full = true;
                    return Some(Item::End(by));
                }
                if let Typist::Client(ticket) = by {
                    typed.push(Typed::Client { ticket, result: Ok(None) });
                }
                None
            }
        }
    }

    fn write(
        &mut self,
        data: Zeroizing<Vec<u8>>,
        mut done: usize,
        by: Typist,
        secret: bool,
        typed: &mut Vec<Typed>,
    ) -> Option<Item> {
        // Asked before: behind the write the command may have read it, and changed the modes.
        let modes = self.modes();
        let typing = self.typing(modes.as_ref());
        let lines = modes.filter(tty::is_canonical);
        if !matches!(by, Typist::Source | Typist::Terminal)
            && done == 0
            && let (longest, _) = self.lines(lines.as_ref(), &data)
            && longest > CANONICAL_LIMIT
        {
            typed.push(match by {
                Typist::Client(ticket) => {
                    Typed::Client { ticket, result: Err(NotTyped::TooLong(longest)) }
                }
                _ => Typed::TooLong(longest),
            });
            return None;
        }
        while done < data.len() {
            let fd = self.target()?;
            match fdio::write(fd, &data[done..]) {
                Ok(Some(count)) => {
                    let (longest, line) = self.lines(lines.as_ref(), &data[done..done + count]);
                    self.line = line;
                    // What a person or a program has typed cannot be refused any more.
                    let cut_off = by == Typist::Source && longest > CANONICAL_LIMIT;
                    if cut_off && !std::mem::replace(&mut self.cut_off, true) {
                        typed.push(Typed::CutOff);
                    }
                    done += count;
                    self.at_line_start = matches!(data[done - 1], b'\n' | b'\r');
                }
                Ok(None) => {
                    self.full = true;
                    return Some(Item::Bytes { data, done, by, secret });
                }
                Err(error) => {
                    self.lose(&error);
                    typed.extend(closed(by, matches!(by, Typist::Source | Typist::Terminal)));
                    return None;
                }
            }
        }
        typed.push(match (by, secret) {
            (Typist::Client(ticket), true) => Typed::Client { ticket, result: Ok(None) },
            (Typist::Client(ticket), false) => {
                Typed::Client { ticket, result: Ok(Some((data, typing))) }
            }
            (_, true) => Typed::SecretSent,
            (Typist::Dialogue, false) => Typed::Sent { bytes: data, typing },
            (Typist::Source, false) => Typed::Relayed { bytes: data, typing },
            (Typist::Terminal, false) => Typed::Answered { bytes: data, typing },
        });
        None
    }

    /// EPIPE and EIO: the command has closed its input, which is its right.
    fn lose(&mut self, _: &io::Error) {
        self.target = None;
        self.source = None;
    }

    /// False while there is no room for it, or for all of it.
    fn write_end(&mut self) -> bool {
        let Some(Target::Terminal(fd)) = &self.target else {
            self.target = None;
            return true;
        };
        let minded = self.modes().filter(tty::minds_keys);
        let Some(eof) = minded.as_ref().and_then(tty::eof_character) else { return true };
        // In the middle of a line the character only delivers the line so far; a second one
        // then stands at the start of a line and is the end of file (POSIX, termios).
        let bytes = [eof, eof];
        let bytes = if self.at_line_start { &bytes[..1] } else { &bytes };
        let Ok(count) = fdio::write(fd.as_fd(), bytes) else { return true };
        let count = count.unwrap_or(0);
        if count > 0 {
            (self.at_line_start, self.line) = (true, 0);
        }
        count == bytes.len()
    }

    /// Whether what is typed now is echoed.
    pub fn echoes(&self) -> bool {
        self.modes().as_ref().is_some_and(tty::echoes)
    }

    /// How the terminal is now, where there is one.
    fn modes(&self) -> Option<tty::Attributes> {
        let Some(Target::Terminal(fd)) = &self.target else { return None };
        tty::attributes(fd.as_fd()).ok()
    }

    /// What becomes of what is typed in these modes. A pipe hides nothing.
    fn typing(&self, modes: Option<&tty::Attributes>) -> Typing {
        let Some(Target::Terminal(_)) = &self.target else { return Typing::Piped };
        match modes {
            Some(modes) if tty::echoes(modes) => Typing::Shown,
            Some(modes) if !tty::is_canonical(modes) => Typing::Keys,
            // What cannot be told is taken for the more delicate.
            _ => Typing::Hidden,
        }
    }

    /// How long the longest line gets with these bytes, and how much there is then of the last one; no line gets
    /// any longer where the terminal takes none.
    fn lines(&self, modes: Option<&tty::Attributes>, bytes: &[u8]) -> (usize, usize) {
        let Some(modes) = modes else { return (0, 0) };
        bytes.iter().fold((0, self.line), |(longest, line), byte| {
            let line = if tty::ends_line(modes, *byte) { 0 } else { line + 1 };
            (line.max(longest), line)
        })
    }
}

impl Item {
    /// What it takes of the dialogue's backlog.
    fn cost(&self) -> usize {
        match self {
            Item::Bytes { data, by: Typist::Dialogue | Typist::Terminal, .. } => cost(data),
            _ => 0,
        }
    }

    fn by(&self) -> Typist {
        match self {
            Item::Bytes { by, .. } | Item::Secret { by, .. } | Item::End(by) => *by,
        }
    }
}

fn cost(bytes: &[u8]) -> usize {
    size_of::<Item>() + bytes.len()
}

/// What is told of something that nobody reads any more.
fn closed(by: Typist, silent: bool) -> Option<Typed> {
    match by {
        Typist::Client(ticket) => Some(Typed::Client { ticket, result: Err(NotTyped::Closed) }),
        _ => (!silent).then_some(Typed::Closed),
    }
}
