//! Which match comes next, among those that the views have decided.

use super::{Match, Matcher};
use crate::expect::lane::Lane;

/// How many losses are kept to be told; more say nothing new.
const LOSSES: usize = 64;

/// Which of the two views that are streams.
#[derive(Clone, Copy)]
enum Side {
    Text,
    Raw,
}

impl Matcher {
    /// Takes the match that comes first among those that are decided; of the screen only as it was before
    /// the offset `before`.
    pub(super) fn deliver(&mut self, before: u64) -> Option<Match> {
        self.collect_losses();
        let sides = [Side::Text, Side::Raw];
        let watch = sides
            .into_iter()
            .filter_map(|side| {
                let lane = self.lane(side);
                let (key, order, _) = lane.watches.first(&lane.window)?;
                Some((key, order, side))
            })
            .min_by_key(|&(key, order, _)| (key, order));
        let armed = sides
            .into_iter()
            .filter_map(|side| {
                let (key, decided) = self.lane(side).armed()?;
                let id = decided.found.id;
                let rank = self.armed.iter().position(|&other| other == id);
                Some((key, decided.found.start, rank, side))
            })
            .min_by_key(|&(key, start, rank, _)| (key, start, rank));
        let stream = match (watch, armed) {
            (Some((watch, ..)), Some((armed, ..))) => Some(watch.min(armed)),
            (watch, armed) => watch.map(|w| w.0).or(armed.map(|a| a.0)),
        };
        // Looks behind that are left for later: what is armed then may be something else.
        let before = stream.map_or(before, |key| before.min(key));
        let screen = self.screen.as_mut();
        if let Some(found) = screen.and_then(|s| s.find(before, &self.watched, &self.armed)) {
            return Some(self.take_screen(found));
        }
        match (watch, armed) {
            (Some((key, order, side)), armed) if armed.is_none_or(|a| key <= a.0) => {
                let lane = self.lane_mut(side);
                let decided = lane.take_watch(order)?;
                self.looked = lane.window.offset_after(decided.at);
                Some(Match { is_watch: true, ..decided.found })
            }
            (_, Some((.., side))) => {
                let lane = self.lane_mut(side);
                let decided = lane.take_armed()?;
                self.looked = lane.window.offset_after(decided.at);
                self.consume(decided.found.end);
                Some(decided.found)
            }
            _ => None,
        }
    }

    fn take_screen(&mut self, found: Match) -> Match {
        if let Some(screen) = &mut self.screen {
            screen.taken(&found);
        }
        self.looked = found.end;
        if !found.is_watch {
            self.consume(found.end.max(self.cursor));
        }
        found
    }

    fn consume(&mut self, end: u64) {
        self.cursor = end;
        for lane in [&mut self.text, &mut self.raw] {
            let from = lane.advance(end, self.looked);
            self.dropped += count(&mut self.cut, end, from);
        }
    }

    fn collect_losses(&mut self) {
        for lane in [&mut self.text, &mut self.raw] {
            for loss in lane.losses.drain(..) {
                self.dropped += count(&mut self.cut, loss.since, Some(loss.from));
                if self.losses.len() < LOSSES {
                    self.losses.push_back(loss);
                }
            }
        }
    }

    fn lane(&self, side: Side) -> &Lane {
        match side {
            Side::Text => &self.text,
            Side::Raw => &self.raw,
        }
    }

    fn lane_mut(&mut self, side: Side) -> &mut Lane {
        match side {
            Side::Text => &mut self.text,
            Side::Raw => &mut self.raw,
        }
    }
}

/// Counts the bytes from `since` to `from` that have not been counted up to `cut`.
pub(super) fn count(cut: &mut u64, since: u64, from: Option<u64>) -> u64 {
    let from = from.unwrap_or(0);
    let new = from.saturating_sub(since.max(*cut));
    *cut = (*cut).max(from);
    new
}
