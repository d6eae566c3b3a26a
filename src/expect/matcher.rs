//! The matcher of one stream: bytes in, decided matches out.
//!
//! - All armed patterns are one alternation, in the order in which they are armed: the match that begins
//!   first wins, on a tie the one that is armed first. Between views, which have no common order of
//!   beginnings, the one that is decided first.
//! - Matches come in the order in which the output decides them: with the byte after which nothing that
//!   follows could change them. A watch goes before what is armed when the same byte decides both.
//! - A match that more output could extend or displace is held until it cannot, or until the output has
//!   paused or ended. (Then the end counts as the end of a line and of a word.)
//! - A pause is one of the output: somebody has looked for more, `settle` or longer after the last of it was read, and
//!   there was nothing ([`Matcher::quiet`]). What comes is read as soon as it is looked for, so nothing was written in
//!   between; that time has passed says nothing, for whoever is busy with matches, other streams or a signal, or does
//!   not get the processor, reads nothing meanwhile. It follows that a slow machine may see no pause where there was
//!   one, and never sees one where there was none.
//! - A match is never empty: a pattern that can match nothing waits for what it can match beyond that.
//! - A match is at most `window` bytes long, and held for at most as many. One that would have to begin
//!   further back is lost; [`Matcher::take_loss`] says so.
//!
//! Without pauses the matches do not depend on how the output was cut into chunks, nor on when these were pushed.
//!
//! | call | then |
//! | --- | --- |
//! | [`Matcher::glance`], any number of times | [`Matcher::push`] of what was gathered |
//! | [`Matcher::push`], [`Matcher::close`] | [`Matcher::poll`] until there is nothing |
//! | [`Matcher::poll`] gave an armed match | [`Matcher::arm`] what is awaited next, poll on |
//! | nothing more, and there is a [`Matcher::deadline`] | look for output at that time; if there is none, [`Matcher::quiet`], and poll again |

mod build;
mod deliver;

use std::collections::VecDeque;
use std::time::Duration;

use super::lane::Lane;
use super::pattern::{Pattern, PatternError};
use super::program::View;
use super::view::echo::Echo;
use super::view::screen::ScreenView;
use super::view::text::TextView;
use deliver::count;

/// How much has to come at once to be looked at where it is; less is taken over.
const PASSED: usize = if cfg!(test) { 1 } else { 64 << 10 };

/// So little is a prompt rather than lines.
const FEW: usize = if cfg!(test) { 1 } else { 256 };

/// What is known of the bytes that the next push begins with.
#[derive(Clone, Copy, Debug, Default)]
struct Glanced {
    /// So many of them are lines of text.
    lines: usize,
    /// In so many of these no match begins.
    skip: usize,
}

/// How much of the text before a match is enough for whoever asks for it.
pub const BEFORE: usize = 64 << 10;

/// How a matcher works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatcherConfig {
    /// Bytes kept for matching: the longest match.
    pub window: usize,
    /// How much of the text before a match is given with it, at most.
    pub before: usize,
    /// The pause after which an undecided match is decided.
    pub settle: Duration,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
}

/// A decided match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Which pattern: its index in what the matcher was made of.
    pub id: usize,
    /// Whether it was watched for rather than armed.
    pub is_watch: bool,
    /// Where it begins: bytes of the stream before it.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// The groups, as the view has them; the first is the whole match, absent ones took no part.
    pub groups: Vec<Option<Vec<u8>>>,
    /// The named groups among them, in the order of the pattern.
    pub names: Vec<(String, Option<Vec<u8>>)>,
    /// The text between the last match and this one; of a long one the end ([`MatcherConfig::before`]).
    pub before: Vec<u8>,
}

/// A match that could not be given because its beginning had left the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Which pattern.
    pub id: usize,
    /// Where it would have ended, at least.
    pub end: u64,
    /// The text from here on is still looked at.
    pub from: u64,
    /// The text that would have counted begins here.
    pub since: u64,
}

/// Matches the output of one stream against patterns.
#[derive(Debug)]
pub struct Matcher {
    config: MatcherConfig,
    patterns: Vec<(Pattern, View)>,
    text: Lane,
    raw: Lane,
    screen: Option<ScreenView>,
    text_view: TextView,
    echo: Echo,
    armed: Vec<usize>,
    watched: Vec<usize>,
    total: u64,
    /// Where the text after the last armed match begins.
    cursor: u64,
    /// Up to where bytes have been counted as dropped.
    cut: u64,
    dropped: u64,
    /// Up to where all has been looked at that the matches so far were decided with.
    looked: u64,
    losses: VecDeque<Loss>,
    last_push: Duration,
    /// When it was last looked for more, in vain.
    quiet: Option<Duration>,
    closed: bool,
    /// Whether a pause would decide something.
    held: bool,
    /// Whether there is something that has not been looked at.
    stale: bool,
    glanced: Glanced,
}

impl Matcher {
    /// A matcher for all patterns that a run can ever arm or watch on this stream, compiled once; an index
    /// among them is a pattern's id. Events have an id and never match here.
    pub fn new(
        patterns: &[(Pattern, View)],
        config: MatcherConfig,
    ) -> Result<Matcher, PatternError> {
        build::matcher(patterns, config)
    }

    /// One for another stream and the same patterns, which are not compiled for it again.
    #[must_use]
    pub fn twin(&self) -> Matcher {
        build::twin(self)
    }

    /// The patterns by these ids are others from here on. What depends on them is compiled anew, and nothing is armed
    /// afterwards; watches go on. On an error all is as it was.
    pub fn replace(&mut self, changes: &[(usize, Pattern)]) -> Result<(), PatternError> {
        let differs = |(id, pattern): &&(usize, Pattern)| self.patterns[*id].0 != *pattern;
        let ids: Vec<usize> = changes.iter().filter(differs).map(|(id, _)| *id).collect();
        if !ids.is_empty() {
            let mut patterns = self.patterns.clone();
            for (id, pattern) in changes {
                patterns[*id].0.clone_from(pattern);
            }
            build::renew(self, patterns, &ids)?;
            self.armed.clear();
            self.stale = true;
        }
        Ok(())
    }

    /// The same, for a [`Matcher::twin`] of one that has gone before.
    pub fn follow(&mut self, other: &Matcher) {
        if self.patterns != other.patterns {
            build::follow(self, other);
            self.armed.clear();
            self.stale = true;
        }
    }

    /// What lies before `offset` counts as consumed already. For a matcher that begins within a stream: it is
    /// given some of what came before, so that it knows where it stands. To be called before anything is
    /// armed.
    pub fn begin_at(&mut self, offset: u64) {
        self.cursor = offset;
    }

    /// Arms these patterns, in order of precedence, for the text after the cursor: also for what of it has
    /// been there for some time. Arming what is armed changes nothing.
    pub fn arm(&mut self, ids: &[usize]) {
        if self.armed == ids {
            return;
        }
        self.armed = ids.to_vec();
        self.stale = true;
        for lane in [&mut self.text, &mut self.raw] {
            let order: Vec<usize> = ids.iter().filter_map(|&id| lane.number(id)).collect();
            let from = lane.arm(&order, self.cursor, self.looked);
            self.dropped += count(&mut self.cut, self.cursor, from);
        }
        if let Some(screen) = &mut self.screen {
            screen.arm();
        }
    }

    /// Watches for these patterns, each with a cursor of its own. Those that are watched for already keep
    /// theirs; new ones see what the window still has.
    pub fn watch(&mut self, ids: &[usize]) {
        self.watched = ids.to_vec();
        self.stale = true;
        for lane in [&mut self.text, &mut self.raw] {
            let numbered = ids.iter().enumerate();
            let wanted: Vec<(usize, usize)> =
                numbered.filter_map(|(order, &id)| Some((order, lane.number(id)?))).collect();
            lane.watch(&wanted, self.looked);
        }
        if let Some(screen) = &mut self.screen {
            screen.arm();
        }
    }

    /// Looks at what is being gathered for the next push, all that is there by now, and remembers what it saw; until
    /// that push nothing else may be called. Whoever writes to a terminal goes on meanwhile, and does so while we
    /// are short: the same work at the end of 256 KiB kept the kernel's few buffers full for so long that it cost
    /// three times its own time (measured: 80 us of it a piece cost 7 % of the throughput, spread over the reads 1 %).
    pub fn glance(&mut self, gathered: &[u8]) {
        if self.echo.is_idle() {
            let Glanced { lines, skip } = &mut self.glanced;
            *lines += self.text_view.lines(&gathered[*lines..]);
            *skip += self.text.skip(&gathered[*skip..*lines]);
        }
    }

    /// Takes what the stream delivered.
    pub fn push(&mut self, now: Duration, bytes: &[u8]) {
        let mut glanced = std::mem::take(&mut self.glanced);
        if bytes.is_empty() {
            return;
        }
        (self.last_push, self.quiet) = (now, None);
        self.stale = true;
        self.echo.tick(now);
        let (text, raw, view) = (&mut self.text, &mut self.raw, &mut self.text_view);
        self.echo.push(self.total, bytes, &mut |offset, bytes: &[u8]| {
            // Lines are text all together, and many of them can be looked at where they are.
            let Glanced { mut lines, skip } = std::mem::take(&mut glanced);
            if bytes.len() > FEW {
                lines += view.lines(&bytes[lines..]);
            }
            if lines > PASSED {
                text.take(offset, &bytes[..lines], skip);
            } else {
                text.window.push_lines(offset, &bytes[..lines]);
            }
            view.push(offset + lines as u64, &bytes[lines..], &mut text.window);
            raw.take(offset, bytes, 0);
        });
        if let Some(screen) = &mut self.screen {
            screen.push(bytes);
        }
        self.total += bytes.len() as u64;
    }

    /// It was looked for more at `at`, and there was nothing that has not been pushed.
    pub fn quiet(&mut self, at: Duration) {
        self.quiet = Some(at);
    }

    fn is_paused(&self) -> bool {
        let pause = self.last_push.saturating_add(self.config.settle);
        self.closed || self.quiet.is_some_and(|at| at >= pause)
    }

    /// Whether it draws a screen.
    pub fn draws(&self) -> bool {
        self.screen.is_some()
    }

    /// The output pauses here: what was held as a possible echo is output, and the screen is looked at.
    fn pause(&mut self) {
        if let Some(screen) = self.screen.as_mut().filter(|screen| screen.is_stale()) {
            screen.look();
        }
        let (text, raw, view) = (&mut self.text, &mut self.raw, &mut self.text_view);
        self.echo.release(self.total, &mut |offset, bytes: &[u8]| {
            view.push(offset, bytes, &mut text.window);
            raw.take(offset, bytes, 0);
        });
    }

    /// The next decided match. An armed one consumes: the cursor moves to its end.
    pub fn poll(&mut self, now: Duration) -> Option<Match> {
        self.next(now, self.is_paused())
    }

    /// The next match, decided by what has come so far.
    pub fn poll_at_once(&mut self, now: Duration) -> Option<Match> {
        self.deadline().and_then(|_| self.next(now, true))
    }

    fn next(&mut self, now: Duration, paused: bool) -> Option<Match> {
        self.echo.tick(now);
        if paused {
            self.pause();
        }
        self.stale = true;
        self.text.scan();
        self.raw.scan();
        if let Some(found) = self.deliver(if paused { self.total } else { u64::MAX }) {
            return Some(found);
        }
        if paused {
            self.text.force();
            self.raw.force();
            if let Some(found) = self.deliver(self.total + 1) {
                return Some(found);
            }
        }
        let held = self.text.rest() | self.raw.rest() | self.echo.holds();
        let looking = self.screen.as_ref().is_some_and(ScreenView::is_stale);
        self.looked = self.total;
        self.held = !paused && (held || looking);
        self.stale = false;
        None
    }

    /// When to look for output, and to poll although nothing arrived: the end of the pause that decides what is held. A
    /// time that has passed when there is something to poll for at once.
    pub fn deadline(&self) -> Option<Duration> {
        match (self.stale, self.held) {
            (true, _) => Some(self.last_push),
            (false, true) => Some(self.last_push.saturating_add(self.config.settle)),
            (false, false) => None,
        }
    }

    /// The stream has ended: whatever is held decides.
    pub fn close(&mut self) {
        if self.closed {
            return;
        }
        self.pause();
        self.text_view.close(&mut self.text.window);
        self.closed = true;
        self.stale = true;
    }

    /// We have typed these bytes while the terminal echoes: they are no output where they come back. The
    /// screen shows them all the same.
    pub fn expect_echo(&mut self, bytes: &[u8]) {
        self.echo.expect(bytes);
    }

    /// The terminal has another size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.config.size = (cols, rows);
        if let Some(screen) = &mut self.screen {
            screen.resize((cols, rows));
            self.stale = true;
        }
    }

    /// How many bytes the stream has delivered.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that left the window while a match that may have begun in them was still awaited.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// A match that was lost because the window was too small for it; each is told once.
    pub fn take_loss(&mut self) -> Option<Loss> {
        self.losses.pop_front()
    }

    /// The text of a view from up to `behind` bytes before a match to up to `ahead` bytes behind it. Of the
    /// screen: all.
    pub fn around(
        &self,
        view: View,
        (start, end): (u64, u64),
        (behind, ahead): (usize, usize),
    ) -> &[u8] {
        let window = match view {
            View::Text => &self.text.window,
            View::Raw => &self.raw.window,
            View::Screen => return self.retained(View::Screen).0,
        };
        let from = window.position_at(start).saturating_sub(behind as u64).max(window.base());
        let to = window.position_at(end).saturating_add(ahead as u64).min(window.end());
        window.between(from.min(to), to)
    }

    /// What is retained of a view, and where in it the text begins that no match has consumed. Of the screen:
    /// all of it.
    pub fn retained(&self, view: View) -> (&[u8], usize) {
        match view {
            View::Text => self.text.retained(),
            View::Raw => self.raw.retained(),
            View::Screen => (self.screen.as_ref().map_or(b"", ScreenView::text), 0),
        }
    }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
