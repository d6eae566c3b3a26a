//! What is kept of a view: its last bytes, and where in the stream each of them came from.
//!
//! A position is a count of bytes of the view, an offset a count of bytes of the stream. A byte of a view
//! stands for one byte of the stream (what a view leaves out stands for none), so the way back is a list
//! of runs: one entry where something was left out, however long the run, and never more than one a byte.

use std::collections::VecDeque;

/// The retained end of a view.
#[derive(Debug, Default)]
pub struct Window {
    base: u64,
    bytes: Vec<u8>,
    runs: VecDeque<Run>,
    /// Whether it is of the text view.
    text: bool,
}

/// From `position` on, up to the next run, offsets are `offset`, `offset + 1`, and so on.
#[derive(Clone, Copy, Debug)]
struct Run {
    position: u64,
    offset: u64,
}

impl Window {
    /// An empty window. `text`: of the text view, which shows a CR only with what follows it, and what may be the
    /// first half of a control with the byte after it.
    pub fn new(text: bool) -> Window {
        Window { text, ..Window::default() }
    }

    /// Takes bytes that came from `offset` on in the stream.
    pub fn push(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let position = self.end();
        let follows =
            self.runs.back().is_some_and(|r| r.offset + (position - r.position) == offset);
        if !follows {
            self.runs.push_back(Run { position, offset });
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes lines as they came, which the view has without the CR at their ends, when it is of text.
    pub fn push_lines(&mut self, offset: u64, bytes: &[u8]) {
        let mut at = 0;
        if self.text {
            self.bytes.reserve(bytes.len());
            for end in memchr::memchr_iter(b'\r', bytes) {
                self.push(offset + at as u64, &bytes[at..end]);
                at = end + 1;
            }
        }
        self.push(offset + at as u64, &bytes[at..]);
    }

    /// Takes lines of which only the last are kept, at least `keep` bytes, and nothing before; nothing of them when
    /// they have less, or too little to tell at once. The positions of what is not kept are more than its bytes: those
    /// are not counted.
    pub fn pass_lines(&mut self, offset: u64, bytes: &[u8], keep: usize) -> bool {
        // At most every other byte is a CR; of most lines a few are.
        let few = if self.text { keep + keep / 8 } else { keep };
        let Some(enough) = bytes.len().checked_sub(if self.text { 2 * keep } else { keep }) else {
            return false;
        };
        self.keep_lines(offset, bytes, bytes.len() - few);
        if self.bytes.len() < keep {
            self.keep_lines(offset, bytes, enough);
        }
        true
    }

    fn keep_lines(&mut self, offset: u64, bytes: &[u8], gone: usize) {
        self.base = self.end() + gone as u64;
        self.bytes.clear();
        self.runs.clear();
        self.push_lines(offset + gone as u64, &bytes[gone..]);
    }

    /// The first position still kept.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The position after the last byte.
    pub fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// All that is kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes between two positions, as far as they are kept.
    pub fn between(&self, from: u64, to: u64) -> &[u8] {
        let at = |position: u64| self.index(position);
        &self.bytes[at(from)..at(to).max(at(from))]
    }

    /// The bytes from a position on, in stretches that lie together in the stream, each with its offset.
    pub fn stretches(&self, from: u64) -> impl Iterator<Item = (u64, &[u8])> {
        let ends = self.runs.iter().skip(1).map(|run| run.position).chain([self.end()]);
        let runs = self.runs.iter().zip(ends);
        runs.filter(move |(_, end)| *end > from).map(move |(run, end)| {
            let begin = run.position.max(from).max(self.base);
            (self.offset_of(begin), self.between(begin, end))
        })
    }

    /// Where a position lies in [`Window::bytes`].
    pub fn index(&self, position: u64) -> usize {
        (position.saturating_sub(self.base) as usize).min(self.bytes.len())
    }

    /// The byte before a position.
    pub fn byte_before(&self, position: u64) -> Option<u8> {
        (position > self.base).then(|| self.bytes[self.index(position - 1)])
    }

    /// The offset of the byte at a position, or where it would have to be at least.
    pub fn offset_of(&self, position: u64) -> u64 {
        let after = self.runs.partition_point(|r| r.position <= position);
        match after.checked_sub(1).and_then(|at| self.runs.get(at)) {
            Some(run) => run.offset + (position - run.position),
            None => position,
        }
    }

    /// The offset after the byte before a position: where what ends there ends in the stream.
    pub fn offset_after(&self, position: u64) -> u64 {
        if position == 0 { 0 } else { self.offset_of(position - 1) + 1 }
    }

    /// How much of the stream had to arrive for the view to reach a position: the key that orders what
    /// different views decide.
    pub fn seen_at(&self, position: u64) -> u64 {
        match self.byte_before(position) {
            Some(b'\r') if self.text && position < self.end() => self.seen_at(position + 1),
            Some(0xc2) if self.text => self.offset_after(position) + 1,
            _ => self.offset_after(position),
        }
    }

    /// The last position that the view had reached when `offset` bytes of the stream had arrived.
    pub fn seen_by(&self, offset: u64) -> u64 {
        let mut position = self.position_at(offset);
        while position > self.base && self.seen_at(position) > offset {
            position -= 1;
        }
        position
    }

    /// The first position whose byte lies at `offset` or after it.
    pub fn position_at(&self, offset: u64) -> u64 {
        let after = self.runs.partition_point(|r| r.offset <= offset);
        let end = self.runs.get(after).map_or(self.end(), |next| next.position);
        match after.checked_sub(1).and_then(|at| self.runs.get(at)) {
            Some(run) => (run.position + (offset - run.offset)).min(end),
            None => self.base.min(end),
        }
    }

    /// Forgets what lies before `keep`, once that is worth the copying.
    pub fn trim(&mut self, keep: u64) {
        let gone = self.index(keep);
        if gone == 0 || gone < (self.bytes.len() - gone) / 2 {
            return;
        }
        self.bytes.drain(..gone);
        self.base += gone as u64;
        while self.runs.get(1).is_some_and(|next| next.position <= self.base) {
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_offsets_map_both_ways() {
        let mut window = Window::default();
        window.push(0, b"ab");
        window.push(2, b"c");
        window.push(10, b"def");
        assert_eq!(window.runs.len(), 2);
        assert_eq!((0..6).map(|p| window.offset_of(p)).collect::<Vec<_>>(), [0, 1, 2, 10, 11, 12]);
        assert_eq!(window.offset_after(3), 3);
        let stretches: Vec<_> = window.stretches(1).collect();
        assert_eq!(stretches, [(1, b"bc".as_slice()), (10, b"def")]);
        assert_eq!(window.stretches(6).count(), 0);
        assert_eq!(window.offset_after(4), 11);
        for (offset, position) in
            [(0, 0), (2, 2), (3, 3), (9, 3), (10, 3), (12, 5), (13, 6), (99, 6)]
        {
            assert_eq!(window.position_at(offset), position, "{offset}");
        }
    }

    #[test]
    fn lines_that_pass_leave_what_is_kept_of_them() {
        for end in ["\n", "\r\n"] {
            let lines =
                ["one", "two", "", "three", "", "", ""].map(|line| format!("{line}{end}")).concat();
            let text = lines.replace('\r', "");
            for keep in 0..=lines.len() {
                let mut window = Window::new(true);
                window.push(0, b"before");
                if !window.pass_lines(6, lines.as_bytes(), keep) {
                    assert!(2 * keep > lines.len());
                    assert_eq!(window.bytes(), b"before");
                    continue;
                }
                let kept = window.bytes().len();
                assert!(kept >= keep && text.as_bytes().ends_with(window.bytes()), "{keep}");
                assert!(window.base() >= 6, "a position is never used twice");
                let mut whole = Window::new(true);
                whole.push(0, b"before");
                whole.push_lines(6, lines.as_bytes());
                for back in 1..=kept as u64 {
                    let offset = whole.offset_of(whole.end() - back);
                    assert_eq!(window.offset_of(window.end() - back), offset);
                    assert_eq!(window.position_at(offset), window.end() - back);
                }
            }
        }
    }

    #[test]
    fn what_comes_late_was_not_seen_before() {
        let mut window = Window::new(true);
        window.push(0, b"a\r");
        window.push(9, b"\xc2\xa9b\r");
        let seen: Vec<u64> = (0..=6).map(|position| window.seen_at(position)).collect();
        assert_eq!(seen, [0, 1, 11, 11, 11, 12, 13]);
        let by: Vec<u64> = (0..14).map(|offset| window.seen_by(offset)).collect();
        assert_eq!(by, [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 5, 6]);
        assert_eq!(Window::default().seen_at(0), 0);
    }

    #[test]
    fn what_is_trimmed_does_not_move_the_rest() {
        let mut window = Window::default();
        for at in 0..1000_u64 {
            window.push(at * 2, b"x");
        }
        window.trim(900);
        assert_eq!((window.base(), window.end()), (900, 1000));
        assert_eq!(window.offset_of(950), 1900);
        assert_eq!(window.position_at(1900), 950);
        assert!(window.runs.len() <= 100);
        window.trim(910);
        assert_eq!(window.base(), 900, "not worth the copying");
    }
}
