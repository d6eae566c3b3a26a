//! One stream of the command: its matcher, and what is known of its end and of its silence.

use std::time::Duration;

use super::listen::Listener;
use crate::expect::mask::Mask;
use crate::expect::matcher::{Match, Matcher, MatcherConfig};
use crate::expect::near::{Seen, Shown};
use crate::expect::pattern::{Pattern, PatternError};
use crate::expect::program::{StreamId, View};

/// How much of what was echoed is kept, for a hint.
const ECHOED: usize = 4 << 10;

/// How many lines a failure shows.
const LAST_LINES: usize = 10;
/// How many characters of each.
const LINE: usize = 1000;

pub(super) struct Feed {
    pub(super) stream: StreamId,
    /// Its end was read.
    pub(super) eof: bool,
    /// Nothing more comes: its end was read, or the run is over and others hold it open.
    pub(super) closed: bool,
    pub(super) last_output: Duration,
    /// When it was last looked for more, in vain.
    quiet: Duration,
    /// The end of what was typed while the terminal echoes.
    echoed: Vec<u8>,
    matcher: Matcher,
    /// The matcher's ids are places in here; these are ours. Ascending.
    ids: Vec<usize>,
}

/// A text that matched, with our id.
pub(super) struct Hit {
    pub(super) id: usize,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) groups: Vec<Option<Vec<u8>>>,
    pub(super) names: Vec<(String, Option<Vec<u8>>)>,
    pub(super) before: Vec<u8>,
}

impl Feed {
    /// `others` are there already: where one of them has the same patterns, these are compiled once.
    pub(super) fn new(
        stream: StreamId,
        listeners: &[Listener],
        config: MatcherConfig,
        others: &[Feed],
    ) -> Result<Feed, PatternError> {
        let ids: Vec<usize> = (0..listeners.len())
            .filter(|&id| listeners[id].event().is_none() && listeners[id].hears(stream))
            .collect();
        let matcher = if let Some(other) = others.iter().find(|other| other.ids == ids) {
            other.matcher.twin()
        } else {
            let listens = ids.iter().map(|&id| &listeners[id].listen);
            let patterns: Vec<_> =
                listens.map(|listen| (listen.pattern.clone(), listen.view)).collect();
            Matcher::new(&patterns, config)?
        };
        Ok(Feed {
            stream,
            eof: false,
            closed: false,
            last_output: Duration::ZERO,
            quiet: Duration::ZERO,
            echoed: Vec::new(),
            matcher,
            ids,
        })
    }

    /// Arms those of `ids` that listen here, in this order.
    pub(super) fn arm(&mut self, ids: &[usize]) {
        let local = self.local(ids);
        self.matcher.arm(&local);
    }

    pub(super) fn watch(&mut self, ids: &[usize]) {
        let local = self.local(ids);
        self.matcher.watch(&local);
    }

    /// The patterns by these ids are these from here on. `others` have them already.
    pub(super) fn replace(
        &mut self,
        changes: &[(usize, Pattern)],
        others: &[Feed],
    ) -> Result<(), PatternError> {
        if let Some(other) = others.iter().find(|other| other.ids == self.ids) {
            self.matcher.follow(&other.matcher);
            return Ok(());
        }
        let local = |(id, pattern): &(usize, Pattern)| {
            Some((self.ids.binary_search(id).ok()?, pattern.clone()))
        };
        let changes: Vec<_> = changes.iter().filter_map(local).collect();
        self.matcher.replace(&changes)
    }

    fn local(&self, ids: &[usize]) -> Vec<usize> {
        ids.iter().filter_map(|id| self.ids.binary_search(id).ok()).collect()
    }

    pub(super) fn glance(&mut self, gathered: &[u8]) {
        self.matcher.glance(gathered);
    }

    pub(super) fn push(&mut self, now: Duration, bytes: &[u8]) {
        self.last_output = now;
        self.matcher.push(now, bytes);
    }

    /// The next match that is decided by now.
    pub(super) fn poll(&mut self, now: Duration) -> Option<Hit> {
        self.matcher.poll(now).map(|found| self.hit(found))
    }

    /// The next match, decided by what has come so far.
    pub(super) fn poll_at_once(&mut self, now: Duration) -> Option<Hit> {
        self.matcher.poll_at_once(now).map(|found| self.hit(found))
    }

    fn hit(&self, found: Match) -> Hit {
        Hit {
            id: self.ids[found.id],
            start: found.start,
            end: found.end,
            groups: found.groups,
            names: found.names,
            before: found.before,
        }
    }

    /// What `hit` shows of secrets without having all of them.
    pub(super) fn fragments(
        &self,
        hit: &Hit,
        view: View,
        mask: &Mask,
    ) -> Vec<zeroize::Zeroizing<Vec<u8>>> {
        let reach = mask.reach();
        let sides = (hit.before.len() + reach, reach);
        let around = self.matcher.around(view, (hit.start, hit.end), sides);
        let groups = hit.groups.iter().flatten().map(Vec::as_slice);
        let values: Vec<&[u8]> = groups.chain([hit.before.as_slice()]).collect();
        mask.fragments(around, &values)
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.matcher.deadline()
    }

    pub(super) fn quiet(&mut self, at: Duration) {
        self.quiet = at;
        self.matcher.quiet(at);
    }

    /// Whether nothing comes any more of what was written by `at`.
    pub(super) fn is_quiet(&self, at: Duration) -> bool {
        self.closed || self.quiet >= at
    }

    pub(super) fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.matcher.close();
        }
    }

    pub(super) fn expect_echo(&mut self, bytes: &[u8]) {
        self.echoed.extend_from_slice(&bytes[bytes.len().saturating_sub(ECHOED)..]);
        if self.echoed.len() > 2 * ECHOED {
            self.echoed.drain(..self.echoed.len() - ECHOED);
        }
        self.matcher.expect_echo(bytes);
    }

    pub(super) fn draws(&self) -> bool {
        self.matcher.draws()
    }

    pub(super) fn resize(&mut self, cols: u16, rows: u16) {
        self.matcher.resize(cols, rows);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.matcher.dropped()
    }

    /// The last lines, each masked as a part of everything that is retained, and cut only then.
    pub(super) fn last_lines(&self, mask: &Mask) -> Vec<String> {
        let Shown { all, .. } = self.shown(View::Text);
        let end = all.len() - usize::from(all.ends_with(b"\n"));
        let start = memchr::memrchr_iter(b'\n', &all[..end]).nth(LAST_LINES - 1);
        let start = start.map_or(0, |at| at + 1);
        if start == end {
            return Vec::new();
        }
        let lines = String::from_utf8_lossy(&mask.part(all, start..end)).into_owned();
        lines.split('\n').map(|line| overwritten(line).chars().take(LINE).collect()).collect()
    }

    /// A pattern whose match was lost because it was longer than the window.
    pub(super) fn take_loss(&mut self) -> Option<usize> {
        self.matcher.take_loss().map(|loss| self.ids[loss.id])
    }

    pub(super) fn seen(&self) -> Seen<'_> {
        Seen {
            stream: self.stream,
            text: self.shown(View::Text),
            raw: self.shown(View::Raw),
            echoed: &self.echoed,
        }
    }

    fn shown(&self, view: View) -> Shown<'_> {
        let (all, cursor) = self.matcher.retained(view);
        Shown { all, cursor }
    }
}

/// What is left of a line after its carriage returns: a progress bar is its last state, and ssh begins its
/// prompts with one.
fn overwritten(line: &str) -> &str {
    line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default()
}
