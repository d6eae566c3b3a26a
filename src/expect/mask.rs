//! Secrets are masked wherever they come back: in what passes through, in copies, recordings and the report.
//!
//! Masking happens at the sinks only; what goes to the command and what patterns look at stays whole. Each
//! occurrence becomes `***`, whatever its length. Line ends are looked through on both sides, because a
//! terminal turns LF into CR LF and programs wrap what they echo: `hun CR LF ter2` is still `hunter2`.
//! Terminal escapes inside a secret are not looked through, and neither is any encoding of it (base64, a
//! hash): those are other bytes.
//!
//! A sink cannot know whether `h` begins `hunter2` before more bytes come, so it holds back the longest
//! part that still could be one, and never more. Where a person looks on, a line that happens to end in `h`
//! must not stay unfinished until the next one comes: [`Masker::pause`] lets so short a part go and still
//! masks the rest.
//!
//! At the end of a stream (which may have been cut off by a limit) the rest of a secret never comes. A
//! beginning of one is masked there all the same when it tells much: more than half of the secret, or four
//! characters that are more than a quarter of it. What is shorter is a word of its own more likely than not.
//! A value that was complete from the start has no such end.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// What stands in the place of a secret.
pub const MASKED: &[u8] = b"***";

/// The most bytes of line end that one line end becomes on the way (`CR CR LF`).
const LINE_END: u8 = 3;

/// The secrets of a run, ready to be looked for. Cheap to clone; its `Debug` says nothing.
#[derive(Clone)]
pub struct Mask {
    secrets: Arc<[Arc<Needle>]>,
    /// By byte: whether a secret begins with it.
    begins: Arc<[bool; 256]>,
}

struct Needle {
    /// The secret without its line ends.
    bytes: Zeroizing<Vec<u8>>,
    /// How many bytes of line end may stand before each of them.
    gaps: Vec<u8>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(..)")
    }
}

impl Default for Mask {
    fn default() -> Mask {
        Mask::new(std::iter::empty::<&[u8]>())
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

impl Mask {
    /// Masks these secrets. One without anything but line ends is none.
    pub fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Mask {
        let none = Mask { secrets: Arc::new([]), begins: Arc::new([false; 256]) };
        none.with(secrets)
    }

    /// Masks these as well. Those that are masked already keep their places, so that a [`Masker`] under way
    /// can go on with it.
    #[must_use]
    pub fn with<S: AsRef<[u8]>>(&self, secrets: impl IntoIterator<Item = S>) -> Mask {
        let mut begins = *self.begins;
        let mut needles = self.secrets.to_vec();
        for secret in secrets {
            let secret = secret.as_ref();
            // Room for all of it: a buffer that grows leaves copies behind that nobody wipes.
            let bytes = Zeroizing::new(Vec::with_capacity(secret.len()));
            let mut needle = Needle { bytes, gaps: Vec::new() };
            let mut gap = LINE_END;
            for &byte in secret {
                if is_line_end(byte) {
                    gap = gap.saturating_add(LINE_END);
                } else {
                    needle.bytes.push(byte);
                    needle.gaps.push(gap);
                    gap = LINE_END;
                }
            }
            if let Some(&first) = needle.bytes.first() {
                begins[usize::from(first)] = true;
                needles.push(Arc::new(needle));
            }
        }
        Mask { secrets: needles.into(), begins: Arc::new(begins) }
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// A whole value at once.
    pub fn bytes(&self, whole: &[u8]) -> Vec<u8> {
        if self.is_empty() {
            return whole.to_vec();
        }
        let mut out = Vec::with_capacity(whole.len());
        let mut masker = Masker::new(self.clone());
        masker.mask(whole, &mut out);
        masker.partial.clear();
        masker.finish(&mut out);
        out
    }

    /// A part of `whole`, which is a stream's text, masked as what it is a part of: a line of a secret that
    /// has several is none by itself, and would show.
    pub fn part(&self, whole: &[u8], part: std::ops::Range<usize>) -> Vec<u8> {
        let mut masker = Masker::new(self.clone());
        if !self.is_empty() {
            for &byte in whole {
                masker.step(byte);
            }
            masker.cut_off();
        }
        masker.found.sort_unstable();
        let (mut out, mut at, mut masked_to) = (Vec::new(), part.start, 0);
        for &(begin, end) in &masker.found {
            let (begin, end) = (begin as usize, end as usize);
            if end <= part.start || begin >= part.end {
                continue;
            }
            if begin >= masked_to {
                out.extend_from_slice(&whole[at..begin.max(at)]);
                out.extend_from_slice(MASKED);
            }
            masked_to = masked_to.max(end);
            at = at.max(masked_to.min(part.end));
        }
        out.extend_from_slice(&whole[at..part.end]);
        out
    }

    /// What `values`, taken out of the stream's text `around`, show of secrets that are there without being
    /// one of them as a whole: `ter2`, where it was cut out of `hunter2`. Up to two characters are let go.
    pub fn fragments(&self, around: &[u8], values: &[&[u8]]) -> Vec<Zeroizing<Vec<u8>>> {
        let mut masker = Masker::new(self.clone());
        for &byte in around {
            masker.step(byte);
        }
        let begun = masker.partial.iter().filter(|begun| self.tells_much(begun));
        let mut there: Vec<usize> = begun.map(|begun| begun.secret).chain(masker.whole).collect();
        there.sort_unstable();
        there.dedup();
        let mut out = Vec::new();
        for secret in there {
            let secret = &self.secrets[secret].bytes;
            for value in values {
                let plain = value.iter().copied().filter(|&byte| !is_line_end(byte));
                let value: Zeroizing<Vec<u8>> = Zeroizing::new(plain.collect());
                let most = value.len().min(secret.len() - 1);
                let begins = (3..=most).rev().find(|&n| value.ends_with(&secret[..n]));
                let ends =
                    (3..=most).rev().find(|&n| value.starts_with(&secret[secret.len() - n..]));
                let within = value.len() == most && memchr::memmem::find(secret, &value).is_some();
                let found = [
                    begins.map(|n| &secret[..n]),
                    ends.map(|n| &secret[secret.len() - n..]),
                    (within && most >= 3).then_some(&value[..]),
                ];
                out.extend(found.into_iter().flatten().map(|bytes| Zeroizing::new(bytes.to_vec())));
            }
        }
        out
    }

    /// How many bytes of a stream the longest secret may take there.
    pub fn reach(&self) -> usize {
        let longest = self.secrets.iter().map(|secret| secret.bytes.len()).max().unwrap_or(0);
        longest.saturating_mul(1 + usize::from(LINE_END))
    }

    fn tells_much(&self, begun: &Partial) -> bool {
        let whole = self.secrets[begun.secret].bytes.len();
        let shown = begun.matched;
        2 * shown > whole || (shown >= 4 && 4 * shown > whole)
    }

    /// A whole value as text: masked first, then bytes that are not UTF-8 become U+FFFD. The other order
    /// would hide a secret that is not UTF-8 from the search.
    pub fn text(&self, whole: &[u8]) -> String {
        String::from_utf8_lossy(&self.bytes(whole)).into_owned()
    }
}

/// Masks one stream; every sink has its own.
#[derive(Clone)]
pub struct Masker {
    mask: Mask,
    /// What has been taken and not yet given on.
    held: Vec<u8>,
    /// The offset of `held[0]` in the stream.
    base: u64,
    /// Secrets that may be under way.
    partial: Vec<Partial>,
    /// Secrets found in `held`, not yet given on: begin and end.
    found: Vec<(u64, u64)>,
    /// Everything before this offset is given on or masked.
    masked_to: u64,
    /// The secrets that were found as a whole.
    whole: BTreeSet<usize>,
}

#[derive(Clone, Copy)]
struct Partial {
    secret: usize,
    begin: u64,
    matched: usize,
    /// Where what has come of it ends.
    end: u64,
    gap_left: u8,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker(..)")
    }
}

impl Masker {
    /// At the beginning of a stream.
    pub fn new(mask: Mask) -> Masker {
        Masker {
            mask,
            held: Vec::new(),
            base: 0,
            partial: Vec::new(),
            found: Vec::new(),
            masked_to: 0,
            whole: BTreeSet::new(),
        }
    }

    /// Goes on with more secrets: a mask that was made of this one's by [`Mask::with`].
    pub fn renew(&mut self, mask: Mask) {
        self.mask = mask;
    }

    /// Takes the next bytes and appends to `out` what is decided.
    pub fn mask(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.partial.is_empty() {
                // Nothing is under way, so nothing is held: most output takes this way only.
                let begins = &self.mask.begins;
                let free = if self.mask.is_empty() {
                    rest.len()
                } else {
                    rest.iter().position(|&byte| begins[usize::from(byte)]).unwrap_or(rest.len())
                };
                out.extend_from_slice(&rest[..free]);
                self.base += free as u64;
                rest = &rest[free..];
            }
            while let Some((&byte, after)) = rest.split_first() {
                self.step(byte);
                rest = after;
                if self.partial.is_empty() {
                    break;
                }
            }
            let open = self.partial.iter().map(|partial| partial.begin).min();
            self.give(open.unwrap_or(self.end()), out);
        }
    }

    /// The stream has ended: a secret that was only begun is one when that tells much of it.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.cut_off();
        self.give(self.end(), out);
    }

    /// Nothing more comes.
    fn cut_off(&mut self) {
        let mask = &self.mask;
        let cut = self.partial.drain(..).filter(|begun| mask.tells_much(begun));
        self.found.extend(cut.map(|begun| (begun.begin, begun.end)));
    }

    /// The stream has paused, and someone looks on: gives on what is held where it shows at most two
    /// characters of a secret, and not more than one of a short secret. If the secret goes on after all,
    /// the rest of it is masked.
    pub fn pause(&mut self, out: &mut Vec<u8>) {
        let long = self.partial.iter().filter(|partial| {
            let secret = self.mask.secrets[partial.secret].bytes.len();
            partial.matched > (secret / 4).clamp(1, 2)
        });
        let open = long.map(|partial| partial.begin).min();
        self.give(open.unwrap_or(self.end()), out);
    }

    /// The offset behind everything that was taken.
    fn end(&self) -> u64 {
        self.base + self.held.len() as u64
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn step(&mut self, byte: u8) {
        let offset = self.end();
        self.held.push(byte);
        let secrets = &self.mask.secrets;
        let (found, whole) = (&mut self.found, &mut self.whole);
        if is_line_end(byte) {
            self.partial.retain_mut(|partial| {
                partial.gap_left = partial.gap_left.wrapping_sub(1);
                partial.gap_left != u8::MAX
            });
            return;
        }
        self.partial.retain_mut(|partial| {
            let needle = &secrets[partial.secret];
            if needle.bytes[partial.matched] != byte {
                return false;
            }
            partial.matched += 1;
            partial.end = offset + 1;
            if let Some(&gap) = needle.gaps.get(partial.matched) {
                partial.gap_left = gap;
                return true;
            }
            found.push((partial.begin, offset + 1));
            whole.insert(partial.secret);
            false
        });
        if !self.mask.begins[usize::from(byte)] {
            return;
        }
        for (secret, needle) in secrets.iter().enumerate() {
            if needle.bytes[0] == byte {
                match needle.gaps.get(1) {
                    Some(&gap_left) => {
                        let (begin, end) = (offset, offset + 1);
                        self.partial.push(Partial { secret, begin, matched: 1, end, gap_left });
                    }
                    None => found.push((offset, offset + 1)),
                }
            }
        }
    }

    /// Gives on what lies before `limit`. Every secret that begins before it is known by then; those that
    /// overlap become one `***`.
    fn give(&mut self, limit: u64, out: &mut Vec<u8>) {
        // After a pause a secret may have begun in what is gone already.
        let limit = limit.max(self.base);
        self.found.sort_unstable();
        let ready = self.found.partition_point(|&(begin, _)| begin < limit);
        let mut at = self.base.max(self.masked_to);
        let held = &self.held;
        let base = self.base;
        let slice = |from: u64, to: u64| &held[(from - base) as usize..(to - base) as usize];
        for (begin, end) in self.found.drain(..ready) {
            if begin >= self.masked_to {
                out.extend_from_slice(slice(at, begin.max(at)));
                out.extend_from_slice(MASKED);
            }
            self.masked_to = self.masked_to.max(end);
            at = at.max(self.masked_to);
        }
        if at < limit {
            out.extend_from_slice(slice(at, limit));
        }
        self.held.drain(..(limit - base) as usize);
        self.base = limit;
    }
}

#[cfg(test)]
mod tests;
