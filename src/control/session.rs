//! What a run has written, as far as it is kept, and who waits for what in it. Pure: output, time and
//! requests come in, answers go out.
//!
//! The text of a stream is one [`Window`]: the last bytes of it, our own echo left out, each with its offset
//! in the run. A wait is a matcher of its own over that text from where it begins, and everything that comes
//! later. So waits do not take text from each other; what they share is the run's cursor, where the next
//! wait begins that does not say where.
//!
//! | | no wait | a wait under way | the run is over |
//! | --- | --- | --- | --- |
//! | a wait begins | looks at what is there | both do | decides on what is there |
//! | output | kept | kept, and looked at by each | does not come |
//! | a match | | answered; moves the cursor, unless it peeks | the same |
//! | the output pauses | what may be echo is output | held matches are decided | |
//! | the command exits, is idle, a stream ends | noted | `@exit` once what came before is decided, `@idle`, `@eof` | |
//! | its limit | | decided on what is there, else `Limit` | |
//! | the run ends | noted | decided on what is there, else `Ended` | |
//! | its client leaves | | forgotten | |
//!
//! The cursor only ever moves forward. It never moves for an event, which is at no place in the text.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::protocol::{Bytes, Expect, Matched, Screen, Stream, View};
use crate::core::limits::earliest;
use crate::expect::matcher::{BEFORE, Match, Matcher, MatcherConfig};
use crate::expect::pattern::{Event, Kind, Pattern};
use crate::expect::program::{self, StreamId};
use crate::expect::view::echo::Echo;
use crate::expect::view::emulator::Emulator;
use crate::expect::view::plain;
use crate::expect::window::Window;

/// How much of the text before a wait's beginning it is given, so that it knows whether it stands at the
/// start of a line, and in no escape.
const CONTEXT: u64 = 4096;

/// How many rows above the screen come back when it grows.
const SCROLLBACK: usize = 200;

/// How many lines are told when a wait was in vain.
const LAST_LINES: usize = 8;

/// How it works.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The streams of the command.
    pub streams: Vec<StreamId>,
    /// Bytes kept of each.
    pub window: usize,
    /// The pause after which an undecided match is decided.
    pub settle: Duration,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
}

/// What has come of a wait.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A match.
    Matched(Matched),
    /// Its limit has passed.
    Limit(Vec<String>),
    /// The run is over, and nothing matched.
    Ended(Vec<String>),
}

/// Why a wait cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A pattern that is none.
    #[error("{0}")]
    Pattern(String),
    /// The screen of a command that has no terminal.
    #[error(
        "the command has no terminal, so there is no screen to look at (run -d --pty gives it one)"
    )]
    NoTerminal,
    /// A stream that the command does not have of its own.
    #[error("{0} is one stream: leave --stream out")]
    OneStream(&'static str),
    /// Output from behind the end of all there is.
    #[error("the output has only {0} bytes: --since is an offset of another run")]
    Beyond(u64),
}

/// What a run has written, and who waits for what in it.
pub struct Session {
    lanes: Vec<Lane>,
    waits: Vec<Wait>,
    setup: Setup,
    total: u64,
    screen: Option<Emulator>,
    last_output: Duration,
    exited: bool,
    closed: bool,
}

/// One stream.
#[derive(Debug)]
struct Lane {
    stream: StreamId,
    window: Window,
    echo: Echo,
    /// Where the shared cursor is: a position in the window, and the offset behind which it lies.
    cursor: u64,
    consumed: u64,
    last_push: Duration,
    ended: bool,
}

struct Wait {
    token: u64,
    labels: Vec<String>,
    ears: Vec<Ear>,
    events: Vec<(usize, Event)>,
    began: Duration,
    limit: Option<Duration>,
    peek: bool,
    dropped: u64,
}

/// What a wait hears of one stream.
struct Ear {
    lane: usize,
    /// It looks at the screen, and so at everything.
    screen: bool,
    matcher: Matcher,
    /// Which of the patterns each of the matcher's is.
    ids: Vec<usize>,
    /// The lane's position that is the matcher's offset 0.
    base: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("total", &self.total).finish_non_exhaustive()
    }
}

impl Session {
    /// A run that has not written anything.
    pub fn new(setup: Setup) -> Session {
        let lanes = setup.streams.iter().map(|stream| Lane::new(*stream)).collect();
        let screen = setup
            .streams
            .contains(&StreamId::Terminal)
            .then(|| Emulator::new(setup.size, SCROLLBACK));
        Session {
            lanes,
            waits: Vec::new(),
            setup,
            total: 0,
            screen,
            last_output: Duration::ZERO,
            exited: false,
            closed: false,
        }
    }

    /// How much output there is.
    pub fn offset(&self) -> u64 {
        self.total
    }

    /// Up to where each stream was consumed.
    pub fn cursors(&self) -> impl Iterator<Item = (StreamId, u64)> {
        self.lanes.iter().map(|lane| (lane.stream, lane.consumed))
    }

    /// Whether the command has a terminal, and its size.
    pub fn size(&self) -> Option<(u16, u16)> {
        self.screen.is_some().then_some(self.setup.size)
    }

    /// An attempt has begun.
    pub fn started(&mut self) {
        self.exited = false;
        for lane in &mut self.lanes {
            lane.ended = false;
        }
    }

    /// The stream delivered this.
    pub fn output(&mut self, now: Duration, stream: StreamId, bytes: &[u8]) {
        let Some(index) = self.lanes.iter().position(|lane| lane.stream == stream) else { return };
        self.last_output = now;
        if let Some(screen) = &mut self.screen {
            screen.push(bytes);
        }
        let offset = self.total;
        self.total += bytes.len() as u64;
        let lane = &mut self.lanes[index];
        lane.last_push = now;
        for ear in ears(&mut self.waits, index, true) {
            ear.matcher.push(now, bytes);
        }
        let (window, waits) = (&mut lane.window, &mut self.waits);
        lane.echo.tick(now);
        lane.echo.push(offset, bytes, &mut |offset, bytes: &[u8]| {
            heard(window, waits, index, now, offset, bytes);
        });
        lane.trim(self.setup.window);
    }

    /// We have typed these bytes while the terminal echoes.
    pub fn typed(&mut self, bytes: &[u8]) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.stream == StreamId::Terminal) {
            lane.echo.expect(bytes);
        }
    }

    /// The stream has ended.
    pub fn stream_ended(&mut self, stream: StreamId) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.stream == stream) {
            lane.ended = true;
        }
    }

    /// The command has exited; output may still come.
    pub fn exited(&mut self) {
        self.exited = true;
    }

    /// The terminal has another size.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.setup.size = size;
        if let Some(screen) = &mut self.screen {
            screen.resize(size);
        }
        for ear in self.waits.iter_mut().flat_map(|wait| &mut wait.ears) {
            ear.matcher.resize(size.0, size.1);
        }
    }

    /// The run is over: nothing more comes.
    pub fn close(&mut self, now: Duration) {
        for index in 0..self.lanes.len() {
            self.release(now, index);
        }
        self.closed = true;
        for ear in self.waits.iter_mut().flat_map(|wait| &mut wait.ears) {
            ear.matcher.close();
        }
    }

    /// Begins a wait; [`Session::poll`] answers it.
    pub fn wait(&mut self, now: Duration, token: u64, expect: &Expect) -> Result<(), Refused> {
        if expect.since.is_some_and(|since| since > self.total) {
            return Err(Refused::Beyond(self.total));
        }
        let mut patterns = Vec::new();
        for on in &expect.on {
            let pattern = Pattern::parse(&on.pattern).map_err(|why| {
                let lead = if on.pattern.is_empty() { "" } else { ": " };
                Refused::Pattern(format!("{}{lead}{why}", on.pattern))
            })?;
            let has = |stream| self.lanes.iter().any(|lane| lane.stream == StreamId::from(stream));
            if on.stream.is_some_and(|stream| !has(stream)) {
                let what = if self.screen.is_some() { "a terminal" } else { "merged output" };
                return Err(Refused::OneStream(what));
            }
            if on.view == View::Screen && self.screen.is_none() {
                return Err(Refused::NoTerminal);
            }
            patterns.push(pattern);
        }
        let events = patterns.iter().enumerate();
        let events = events.filter_map(|(id, pattern)| match pattern.kind {
            Kind::Event(event) => Some((id, event)),
            _ => None,
        });
        let mut wait = Wait {
            token,
            labels: expect.on.iter().map(|on| on.label.clone()).collect(),
            events: events.collect(),
            ears: Vec::new(),
            began: now,
            limit: expect.limit_ms.map(|limit| now.saturating_add(Duration::from_millis(limit))),
            peek: expect.peek,
            dropped: 0,
        };
        for lane in 0..self.lanes.len() {
            for screen in [false, true] {
                self.listen(lane, screen, expect, &patterns, &mut wait)?;
            }
        }
        self.waits.push(wait);
        Ok(())
    }

    fn listen(
        &self,
        index: usize,
        screen: bool,
        expect: &Expect,
        patterns: &[Pattern],
        wait: &mut Wait,
    ) -> Result<(), Refused> {
        let lane = &self.lanes[index];
        let wanted = |id: &usize| {
            let on = &expect.on[*id];
            let here = on.stream.is_none_or(|stream| StreamId::from(stream) == lane.stream);
            here && (on.view == View::Screen) == screen
                && !matches!(patterns[*id].kind, Kind::Event(_))
        };
        let ids: Vec<usize> = (0..patterns.len()).filter(wanted).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let view = |id: usize| match expect.on[id].view {
            View::Text => program::View::Text,
            View::Raw => program::View::Raw,
            View::Screen => program::View::Screen,
        };
        let mine: Vec<_> = ids.iter().map(|&id| (patterns[id].clone(), view(id))).collect();
        let config = MatcherConfig {
            window: self.setup.window,
            before: BEFORE,
            settle: self.setup.settle,
            size: self.setup.size,
        };
        let mut matcher =
            Matcher::new(&mine, config).map_err(|why| Refused::Pattern(why.to_string()))?;
        let mut base = lane.window.end();
        if let Some(emulator) = self.screen.as_ref().filter(|_| screen) {
            matcher.push(lane.last_push, &emulator.repaint());
        } else {
            let window = &lane.window;
            let (begin, asked) = match expect.since {
                Some(since) => (window.position_at(since), since),
                None => (lane.cursor.max(window.base()), lane.consumed),
            };
            if window.base() > 0 {
                wait.dropped += window.offset_of(window.base()).saturating_sub(asked);
            }
            base = begin.saturating_sub(CONTEXT).max(window.base());
            matcher.push(lane.last_push, window.between(base, window.end()));
            matcher.begin_at(begin - base);
        }
        if self.closed {
            matcher.close();
        }
        matcher.arm(&(0..ids.len()).collect::<Vec<_>>());
        wait.ears.push(Ear { lane: index, screen, matcher, ids, base });
        Ok(())
    }

    /// Nobody wants to know any more.
    pub fn forget(&mut self, token: u64) {
        self.waits.retain(|wait| wait.token != token);
    }

    /// When to poll although nothing happened.
    pub fn next_deadline(&self) -> Option<Duration> {
        let waits = self.waits.iter().fold(None, |due, wait| earliest(due, self.due(wait)));
        let held = self.lanes.iter().filter(|lane| lane.echo.holds());
        held.map(|lane| lane.last_push + self.setup.settle).fold(waits, |a, b| earliest(a, Some(b)))
    }

    fn due(&self, wait: &Wait) -> Option<Duration> {
        let ears =
            wait.ears.iter().fold(wait.limit, |due, ear| earliest(due, ear.matcher.deadline()));
        wait.events.iter().fold(ears, |due, (_, event)| match event {
            Event::Idle(pause) => earliest(due, Some(self.idle_at(wait, *pause))),
            Event::Eof | Event::Exit => due,
        })
    }

    fn idle_at(&self, wait: &Wait, pause: Duration) -> Duration {
        self.last_output.max(wait.began).saturating_add(pause)
    }

    /// What has come of the waits, by token.
    pub fn poll(&mut self, now: Duration) -> Vec<(u64, Answer)> {
        for index in 0..self.lanes.len() {
            let lane = &self.lanes[index];
            if lane.echo.holds() && now >= lane.last_push + self.setup.settle {
                self.release(now, index);
            }
        }
        let mut answers = Vec::new();
        let mut waits = std::mem::take(&mut self.waits);
        waits.retain_mut(|wait| {
            let answer = self.judge(now, wait);
            let under_way = answer.is_none();
            answers.extend(answer.map(|answer| (wait.token, answer)));
            under_way
        });
        self.waits = waits;
        answers
    }

    fn judge(&mut self, now: Duration, wait: &mut Wait) -> Option<Answer> {
        if let Some(matched) = self.hear(now, wait).or_else(|| self.happened(now, wait)) {
            return Some(Answer::Matched(matched));
        }
        if self.closed {
            return Some(Answer::Ended(self.last_lines()));
        }
        if wait.limit.is_none_or(|limit| now < limit) {
            return None;
        }
        for ear in &mut wait.ears {
            ear.matcher.close();
        }
        Some(match self.hear(now, wait) {
            Some(matched) => Answer::Matched(matched),
            None => Answer::Limit(self.last_lines()),
        })
    }

    /// The first match of a wait, consumed unless it peeks.
    fn hear(&mut self, now: Duration, wait: &mut Wait) -> Option<Matched> {
        let mut first: Option<(u64, usize, Match)> = None;
        for (at, ear) in wait.ears.iter_mut().enumerate() {
            ear.matcher.quiet(now);
            let Some(found) = ear.matcher.poll(now) else { continue };
            let window = &self.lanes[ear.lane].window;
            let end =
                if ear.screen { self.total } else { window.offset_after(ear.base + found.end) };
            if first.as_ref().is_none_or(|(best, ..)| end < *best) {
                first = Some((end, at, found));
            }
        }
        let (offset, at, found) = first?;
        let ear = &wait.ears[at];
        let lane = &mut self.lanes[ear.lane];
        let (start, position) = if ear.screen {
            (offset, lane.window.end())
        } else {
            (lane.window.offset_of(ear.base + found.start), ear.base + found.end)
        };
        if !wait.peek && position > lane.cursor {
            (lane.cursor, lane.consumed) = (position, offset);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let group = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(text);
        let mut captures: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (number, bytes) in found.groups.iter().enumerate() {
            captures.insert(number.to_string(), group(bytes));
        }
        captures.extend(found.names.iter().map(|(name, bytes)| (name.clone(), group(bytes))));
        Some(Matched {
            label: wait.labels[ear.ids[found.id]].clone(),
            captures,
            before: text(&found.before),
            start,
            offset,
            stream: Some(lane.stream.into()),
            dropped: wait.dropped,
        })
    }

    /// An event that a wait is for.
    fn happened(&self, now: Duration, wait: &Wait) -> Option<Matched> {
        let decided = wait.ears.iter().all(|ear| ear.matcher.deadline().is_none()) || self.closed;
        let ended = self.closed || self.lanes.iter().all(|lane| lane.ended);
        let (id, _) = wait.events.iter().find(|(_, event)| match event {
            Event::Exit => (self.exited && ended || self.closed) && decided,
            Event::Eof => ended && decided,
            Event::Idle(pause) => now >= self.idle_at(wait, *pause),
        })?;
        Some(Matched {
            label: wait.labels[*id].clone(),
            start: self.total,
            offset: self.total,
            dropped: wait.dropped,
            ..Matched::default()
        })
    }

    /// What may have been echo is output.
    fn release(&mut self, now: Duration, index: usize) {
        let lane = &mut self.lanes[index];
        let (window, waits) = (&mut lane.window, &mut self.waits);
        lane.echo.release(self.total, &mut |offset, bytes: &[u8]| {
            heard(window, waits, index, now, offset, bytes);
        });
    }

    /// The last lines of the stream that wrote last, for people.
    pub fn last_lines(&self) -> Vec<String> {
        let Some(lane) =
            self.lanes.iter().max_by_key(|lane| lane.window.offset_after(lane.window.end()))
        else {
            return Vec::new();
        };
        let end = lane.window.end();
        let text = plain::text(lane.window.between(end.saturating_sub(CONTEXT), end));
        let text = String::from_utf8_lossy(&text);
        let mut lines: Vec<String> =
            text.lines().rev().take(LAST_LINES).map(str::to_owned).collect();
        lines.reverse();
        lines
    }

    /// What the terminal shows.
    pub fn screen(&self) -> Option<Screen> {
        let emulator = self.screen.as_ref()?;
        let (columns, rows) = self.setup.size;
        let mut lines: Vec<String> = emulator.screen().rows(0, emulator.size().0).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let state = String::from_utf8_lossy(&emulator.repaint()).into_owned();
        Some(Screen { columns, rows, offset: self.total, lines, state })
    }

    /// The last line that says something: of the screen where there is one, for what was placed on it need
    /// not be the last that came.
    pub fn last_line(&self) -> Option<String> {
        let said = |line: &String| !line.trim().is_empty();
        let Some(emulator) = &self.screen else {
            return self.last_lines().into_iter().rfind(said);
        };
        let rows: Vec<String> = emulator.screen().rows(0, emulator.size().0).collect();
        rows.into_iter().rfind(said)
    }

    /// When output came last.
    pub fn last_output(&self) -> Duration {
        self.last_output
    }

    /// Output from an offset on, as far as it is kept: by stream, in order, each with its offset. The echo of
    /// what was typed is not in it.
    pub fn kept(&self, since: u64) -> Vec<(StreamId, u64, &[u8])> {
        let mut parts: Vec<_> = self
            .lanes
            .iter()
            .flat_map(|lane| {
                let from = lane.window.position_at(since).max(lane.window.base());
                lane.window.stretches(from).map(|(offset, bytes)| (lane.stream, offset, bytes))
            })
            .collect();
        parts.sort_by_key(|(_, offset, _)| *offset);
        parts
    }

    /// What nobody has consumed, to be kept for who asks after the end.
    pub fn rest(&self) -> Rest {
        let lane = |lane: &Lane| RestOfStream {
            stream: lane.stream.into(),
            consumed: lane.consumed,
            text: lane
                .window
                .stretches(lane.cursor.saturating_sub(CONTEXT))
                .map(|(offset, bytes)| (offset, bytes.to_vec().into()))
                .collect(),
        };
        Rest {
            offset: self.total,
            size: self.setup.size,
            screen: self.screen().map(|screen| screen.state),
            streams: self.lanes.iter().map(lane).collect(),
        }
    }

    /// The session of a run that is over, as far as it was kept.
    pub fn after(rest: &Rest, window: usize) -> Session {
        let setup = Setup {
            streams: rest.streams.iter().map(|stream| stream.stream.into()).collect(),
            window,
            settle: Duration::ZERO,
            size: rest.size,
        };
        let mut session = Session::new(setup);
        for (lane, kept) in session.lanes.iter_mut().zip(&rest.streams) {
            for (offset, bytes) in &kept.text {
                lane.window.push(*offset, bytes.as_bytes());
            }
            lane.cursor = lane.window.position_at(kept.consumed);
            lane.consumed = kept.consumed;
        }
        if let (Some(screen), Some(state)) = (&mut session.screen, &rest.screen) {
            screen.push(state.as_bytes());
        }
        session.total = rest.offset;
        session.exited = true;
        session.close(Duration::ZERO);
        session
    }
}

/// What is kept of a session after its run: a file beside the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    /// How much output there was.
    pub offset: u64,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
    /// What rebuilds the last screen, where there was a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<String>,
    /// The streams.
    pub streams: Vec<RestOfStream>,
}

/// What is kept of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestOfStream {
    /// Which.
    pub stream: Stream,
    /// Up to where it was consumed.
    pub consumed: u64,
    /// Its end, from a little before that, in stretches with their offsets.
    pub text: Vec<(u64, Bytes)>,
}

impl Lane {
    fn new(stream: StreamId) -> Lane {
        Lane {
            stream,
            window: Window::new(false),
            echo: Echo::default(),
            cursor: 0,
            consumed: 0,
            last_push: Duration::ZERO,
            ended: false,
        }
    }

    fn trim(&mut self, window: usize) {
        self.window.trim(self.window.end().saturating_sub(window as u64));
    }
}

/// Those who listen to a lane: its text, or the screen.
fn ears(waits: &mut [Wait], lane: usize, screen: bool) -> impl Iterator<Item = &mut Ear> {
    let all = waits.iter_mut().flat_map(|wait| &mut wait.ears);
    all.filter(move |ear| ear.lane == lane && ear.screen == screen)
}

fn heard(
    window: &mut Window,
    waits: &mut [Wait],
    lane: usize,
    now: Duration,
    offset: u64,
    bytes: &[u8],
) {
    window.push(offset, bytes);
    for ear in ears(waits, lane, false) {
        ear.matcher.push(now, bytes);
    }
}

impl From<Stream> for StreamId {
    fn from(stream: Stream) -> StreamId {
        match stream {
            Stream::Stdout => StreamId::Stdout,
            Stream::Stderr => StreamId::Stderr,
            Stream::Terminal => StreamId::Terminal,
        }
    }
}

impl From<StreamId> for Stream {
    fn from(stream: StreamId) -> Stream {
        match stream {
            StreamId::Stdout => Stream::Stdout,
            StreamId::Stderr => Stream::Stderr,
            StreamId::Terminal => Stream::Terminal,
        }
    }
}

#[cfg(test)]
mod tests;
