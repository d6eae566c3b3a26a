//! One of the command's streams, on its way in: counted, and its end kept for the report.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::expect::program::StreamId;
use crate::sys::poll::{self, Want};
use crate::sys::{cpu, fdio};

/// A stream that is read.
#[derive(Debug)]
pub struct Stream {
    /// Which one.
    pub id: StreamId,
    fd: Option<OwnedFd>,
    bytes: u64,
    /// Whether the last piece was at least [`LARGE`].
    large: bool,
    line_ends: u64,
    last: u8,
    tail: Tail,
    /// Still held open by someone when reading stopped.
    pub held_open: bool,
}

/// So much at once is no single line, nor a few.
const LARGE: usize = 32 << 10;

/// What a read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// The end.
    End,
}

impl Stream {
    /// A stream read from `fd`, which is non-blocking.
    pub fn new(id: StreamId, fd: OwnedFd, tail: usize) -> Stream {
        let tail = Tail::new(tail);
        Stream {
            id,
            fd: Some(fd),
            bytes: 0,
            large: false,
            line_ends: 0,
            last: b'\n',
            tail,
            held_open: false,
        }
    }

    /// To poll for reading; absent after the end.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }

    /// Reads once. A read error ends the stream as its end would: nothing more can come.
    pub fn read(&mut self, buffer: &mut [u8]) -> Read {
        let Some(fd) = &self.fd else { return Read::End };
        match fdio::read(fd.as_fd(), buffer) {
            Ok(Some(count)) if count > 0 => {
                let chunk = &buffer[..count];
                self.passed(count);
                self.line_ends += cpu::line_ends(chunk);
                self.last = chunk[count - 1];
                Read::Bytes(count)
            }
            Ok(None) => Read::Nothing,
            Ok(Some(_)) | Err(_) => {
                self.fd = None;
                Read::End
            }
        }
    }

    /// So much has come.
    pub fn passed(&mut self, count: usize) {
        self.bytes += count as u64;
        self.large = count >= LARGE;
    }

    /// Whether much came at once the last time.
    pub fn is_large(&self) -> bool {
        self.large
    }

    /// Keeps `shown`, which is the output with secrets masked, for the report.
    pub fn keep(&mut self, shown: &[u8]) {
        self.tail.push(shown);
    }

    /// Whether someone else has it open; what they wrote may be unread all the same.
    pub fn is_held(&self) -> bool {
        let mut ready = Vec::new();
        let asked =
            self.fd().map(|fd| poll::poll(&[(fd, Want::Hangup)], Some(Duration::ZERO), &mut ready));
        matches!(asked, Some(Ok(()))) && !ready[0].hangup
    }

    /// Stops reading.
    pub fn close(&mut self) {
        self.fd = None;
    }

    /// Bytes read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Lines read, an unfinished last one included.
    pub fn lines(&self) -> u64 {
        self.line_ends + u64::from(self.last != b'\n')
    }

    /// The kept end, and whether something before it was dropped.
    pub fn tail(&self) -> (Vec<u8>, bool) {
        (self.tail.bytes(), self.tail.dropped())
    }
}

/// The last so many bytes. Holds at most twice that, and moves bytes only once per that many.
#[derive(Debug)]
struct Tail {
    limit: usize,
    kept: Vec<u8>,
    dropped: bool,
}

impl Tail {
    fn new(limit: usize) -> Tail {
        Tail { limit, kept: Vec::new(), dropped: false }
    }

    fn push(&mut self, bytes: &[u8]) {
        if bytes.len() >= self.limit {
            self.dropped |= bytes.len() > self.limit || !self.kept.is_empty();
            self.kept.clear();
            self.kept.extend_from_slice(&bytes[bytes.len() - self.limit..]);
            return;
        }
        self.kept.extend_from_slice(bytes);
        if self.kept.len() > self.limit.saturating_mul(2) {
            self.trim();
        }
    }

    fn trim(&mut self) {
        let excess = self.kept.len().saturating_sub(self.limit);
        self.dropped |= excess > 0;
        self.kept.drain(..excess);
    }

    fn dropped(&self) -> bool {
        self.dropped || self.kept.len() > self.limit
    }

    fn bytes(&self) -> Vec<u8> {
        self.kept[self.kept.len().saturating_sub(self.limit)..].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_same_however_it_came() {
        let text: Vec<u8> = (0..=255u8).cycle().take(1000).collect();
        for limit in [0, 1, 7, 100, 999, 1000, 2000] {
            for chunk in [1, 3, 64, 999, 1000] {
                let mut tail = Tail::new(limit);
                text.chunks(chunk).for_each(|bytes| tail.push(bytes));
                assert_eq!(tail.bytes(), text[text.len() - limit.min(text.len())..]);
                assert!(tail.kept.len() <= 2 * limit.max(1));
                assert_eq!(tail.dropped(), limit < text.len(), "limit {limit}, chunk {chunk}");
            }
        }
    }
}
