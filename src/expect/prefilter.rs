//! Where a match may begin at all: most output is nothing that anybody waits for.
//!
//! When every armed pattern has to begin with one of some literals, text between matches is skipped: with
//! vector instructions where there are few of them, else by looking at three bytes of it every so often (Wu
//! and Manber's shift table): the longer the shortest literal, the longer the strides, and their number
//! hardly matters. What is skipped can begin no match; what it stops at need not be one.

use aho_corasick::packed;
use memchr::memmem;
use regex_syntax::hir::Hir;
use regex_syntax::hir::literal::{ExtractKind, Extractor};

/// How many bytes are looked at together.
const BLOCK: usize = 3;
/// Literals are cut to this.
const MAX_LEN: usize = 32;
/// Where literals begin alike for so long, the beginning is looked for instead of them: patterns that somebody
/// wrote a hundred of often differ in their ends. Measured: 100 of them cost as little as one.
const ALIKE: usize = 12;
const TABLE_BITS: u32 = 13;

/// The beginnings of one pattern; none when it may begin with anything.
pub fn beginnings(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let mut extractor = Extractor::new();
    extractor.kind(ExtractKind::Prefix).limit_total(64);
    let seq = extractor.extract(hir);
    let literals = seq.literals()?;
    let usable = !literals.is_empty() && literals.iter().all(|l| l.len() >= BLOCK);
    usable.then(|| literals.iter().map(|l| l.as_bytes().to_vec()).collect())
}

/// Skips what can begin no match.
#[derive(Debug)]
pub struct Prefilter {
    finder: Finder,
    /// The length of the longest literal.
    longest: usize,
    /// Whether any of them spans lines.
    spans: bool,
}

#[derive(Debug)]
enum Finder {
    One(Box<memmem::Finder<'static>>),
    Few(Box<packed::Searcher>),
    Many {
        /// For each block, how far the nearest literal that has it can at least be from ending its first
        /// `len` bytes there; 0 where it may.
        shifts: Box<[u8]>,
        len: usize,
    },
}

impl Prefilter {
    /// A filter for patterns that begin with any of `literals`, each at least three bytes long.
    pub fn new<'a>(literals: impl Iterator<Item = &'a [u8]> + Clone) -> Option<Prefilter> {
        let (whole, alike) = (cut(literals.clone(), MAX_LEN), cut(literals, ALIKE));
        let literals = if alike.len() < whole.len() { alike } else { whole };
        let len = literals.iter().map(|literal| literal.len()).min()?;
        if len < BLOCK {
            return None;
        }
        let longest = literals.iter().map(|literal| literal.len()).max()?;
        let spans = literals.iter().any(|literal| literal.contains(&b'\n'));
        let finder = match literals[..] {
            [one] => Finder::One(Box::new(memmem::Finder::new(one).into_owned())),
            // None for too many, and where the machine has no such instructions.
            _ => match packed::Config::new().builder().extend(&literals).build() {
                Some(few) => Finder::Few(Box::new(few)),
                None => Finder::Many { shifts: shifts(literals.into_iter(), len), len },
            },
        };
        Some(Prefilter { finder, longest, spans })
    }

    /// The same of lines as they came, which may have a CR at their ends that no literal knows of.
    pub fn skip_lines(&self, bytes: &[u8]) -> usize {
        if self.spans && memchr::memchr(b'\r', bytes).is_some() { 0 } else { self.skip(bytes) }
    }

    /// How many bytes at the start of `bytes` can begin no match, whatever follows.
    pub fn skip(&self, bytes: &[u8]) -> usize {
        let found = match &self.finder {
            Finder::One(finder) => finder.find(bytes),
            Finder::Few(searcher) => searcher.find(bytes).map(|found| found.start()),
            Finder::Many { shifts, len } => {
                let mut at = 0;
                while let Some(block) = bytes.get(at + len - BLOCK..at + len) {
                    let shift = shifts[slot(block)];
                    if shift == 0 {
                        break;
                    }
                    at += usize::from(shift);
                }
                return at.min(bytes.len());
            }
        };
        // One that is cut off at the end may be there.
        found.unwrap_or(bytes.len().saturating_sub(self.longest - 1))
    }
}

/// The literals up to a length, each once.
fn cut<'a>(literals: impl Iterator<Item = &'a [u8]>, len: usize) -> Vec<&'a [u8]> {
    let mut cut: Vec<&[u8]> = literals.map(|literal| &literal[..literal.len().min(len)]).collect();
    cut.sort_unstable();
    cut.dedup();
    cut
}

fn shifts<'a>(literals: impl Iterator<Item = &'a [u8]>, len: usize) -> Box<[u8]> {
    let mut shifts = vec![(len - BLOCK + 1) as u8; 1 << TABLE_BITS].into_boxed_slice();
    for literal in literals {
        for end in BLOCK..=len {
            let shift = &mut shifts[slot(&literal[end - BLOCK..end])];
            *shift = (*shift).min((len - end) as u8);
        }
    }
    shifts
}

fn slot(block: &[u8]) -> usize {
    let word = u32::from(block[0]) | u32::from(block[1]) << 8 | u32::from(block[2]) << 16;
    (word.wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(literals: &[&str]) -> Prefilter {
        Prefilter::new(literals.iter().map(|literal| literal.as_bytes())).unwrap()
    }

    #[test]
    fn a_literal_over_a_line_end_is_not_skipped_where_that_has_a_cr() {
        let spanning = filter(&["one\ntwo"]);
        let text = b"zero\r\none\r\ntwo\r\n";
        assert_eq!(spanning.skip_lines(text), 0, "the text view shows it without the CR");
        assert_eq!(spanning.skip(text), text.len() - 6, "which this does not know");
        assert_eq!(spanning.skip_lines(b"zero\none\ntwo\n"), 5);
        // One that spans is enough, whatever else there is.
        for others in [&["one\ntwo", "four"][..], &["four", "six", "one\ntwo"]] {
            assert_eq!(filter(others).skip_lines(text), 0, "{others:?}");
        }
    }

    #[test]
    fn a_literal_that_ends_at_a_line_end_begins_before_the_cr() {
        let at_end = filter(&["one"]);
        assert_eq!(at_end.skip_lines(b"zero\r\none\r\n"), 6);
        // With the line end, it spans.
        assert_eq!(filter(&["one\n"]).skip_lines(b"zero\r\none\r\n"), 0);
        // What is cut off at the end may be one, its CR not yet there.
        assert_eq!(at_end.skip_lines(b"zero\r\non"), 6);
        assert_eq!(filter(&["one\n"]).skip_lines(b"zero\none"), 5);
    }

    proptest! {
        #[test]
        fn no_beginning_is_skipped_that_the_lines_show_without_their_crs(
            literals in prop_oneof![
                proptest::collection::vec("[ab\n]{3,6}", 1..4),
                proptest::collection::vec("[a-c\n]{4,9}", 80..90),
            ],
            text in "([ab]{0,3}\r?\n){0,20}",
        ) {
            let filter = Prefilter::new(literals.iter().map(String::as_bytes)).unwrap();
            let skip = filter.skip_lines(text.as_bytes());
            // No literal has a CR: what the lines show behind one begins with what follows it.
            for at in (0..skip).filter(|&at| text.as_bytes()[at] != b'\r') {
                let shown = text[at..].replace('\r', "");
                prop_assert!(!literals.iter().any(|l| shown.starts_with(l.as_str())), "{at}");
            }
        }


        #[test]
        fn no_beginning_is_ever_skipped(
            // One, few, and too many for vector instructions.
            literals in prop_oneof![
                proptest::collection::vec("[ab]{3,6}", 1..4),
                proptest::collection::vec("[a-d]{4,9}", 80..90),
            ],
            text in prop_oneof!["[abc]{0,60}", "[a-f]{100,300}"],
        ) {
            let filter = Prefilter::new(literals.iter().map(String::as_bytes)).unwrap();
            let text = text.as_bytes();
            let mut at = 0;
            while at < text.len() {
                let skip = filter.skip(&text[at..]);
                for skipped in at..at + skip {
                    let rest = &text[skipped..];
                    let begins = |l: &String| rest.starts_with(l.as_bytes());
                    prop_assert!(!literals.iter().any(begins));
                }
                at += skip.max(1);
            }
        }
    }
}
