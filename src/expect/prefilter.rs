//! Where a match may begin at all: most output is nothing that anybody waits for.
//!
//! When every armed pattern has to begin with one of a few literals, text between matches is skipped by
//! looking at three bytes of it every so often (Wu and Manber's shift table): the more the literals have
//! in common in length, the longer the strides, and their number hardly matters. What it skips can begin
//! no match; what it stops at need not be one.

use regex_syntax::hir::Hir;
use regex_syntax::hir::literal::{ExtractKind, Extractor};

/// How many bytes are looked at together.
const BLOCK: usize = 3;
/// Literals are cut to this.
const MAX_LEN: usize = 32;
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
    /// For each block, how far the nearest literal that has it can at least be from ending its first
    /// `len` bytes there; 0 where it may.
    shifts: Box<[u8]>,
    len: usize,
}

impl Prefilter {
    /// A filter for patterns that begin with any of `literals`, each at least three bytes long.
    pub fn new<'a>(literals: impl Iterator<Item = &'a [u8]> + Clone) -> Option<Prefilter> {
        let len = literals.clone().map(<[u8]>::len).min()?.min(MAX_LEN);
        if len < BLOCK {
            return None;
        }
        let longest = (len - BLOCK + 1) as u8;
        let mut shifts = vec![longest; 1 << TABLE_BITS].into_boxed_slice();
        for literal in literals {
            for end in BLOCK..=len {
                let shift = &mut shifts[slot(&literal[end - BLOCK..end])];
                *shift = (*shift).min((len - end) as u8);
            }
        }
        Some(Prefilter { shifts, len })
    }

    /// How many bytes at the start of `bytes` can begin no match, whatever follows.
    pub fn skip(&self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(block) = bytes.get(at + self.len - BLOCK..at + self.len) {
            let shift = self.shifts[slot(block)];
            if shift == 0 {
                break;
            }
            at += usize::from(shift);
        }
        at.min(bytes.len())
    }
}

fn slot(block: &[u8]) -> usize {
    let word = u32::from(block[0]) | u32::from(block[1]) << 8 | u32::from(block[2]) << 16;
    (word.wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_beginning_is_ever_skipped(
            literals in proptest::collection::vec("[ab]{3,6}", 1..4),
            text in "[abc]{0,60}",
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
