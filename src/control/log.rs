//! The output of a detached run on disk: bounded, in the order of arrival, secrets masked.
//!
//! Two files: `<run>.log`, and `<run>.log.1` with what came before. When the first has half of what is
//! allowed it takes the place of the second, and what was there is dropped. Each begins with a line that says
//! at which offset of the run's output it does, so that what is dropped is known to the byte. Behind it are
//! records: a byte for the stream, milliseconds since the start (8 bytes), a length (4), and so many bytes;
//! numbers least significant byte first. Where writing failed (a full disk) there is a gap: a record of the
//! stream `-`, whose length is what is missing and whose content is not there.
//!
//! A record is one write at the end of the file, so a reader sees it whole, or not yet, or in part at the
//! very end, which it takes for not yet, and forgets: a part that the disk had no room for is taken back.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::expect::program::StreamId;

const MAGIC: &str = "heeler.log/1";
const HEAD: usize = 13;
const GAP: u8 = b'-';

/// The longest first line.
const FIRST_LINE: usize = 64;

/// The most that is read at once.
const CHUNK: usize = 256 << 10;

/// A piece that there is no room for is halved down to this.
const SMALL: usize = 4 << 10;

/// Writes a log.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
    /// How long a file gets.
    most: u64,
    length: u64,
    offset: u64,
    /// What could not be written since the last record.
    missing: u64,
    /// Where the last record with output begins in the file, and how much it and the gaps behind it stand for.
    last: Option<(u64, u64)>,
    failure: Option<io::Error>,
}

impl Writer {
    /// A log at `path`, of at most `max` bytes in all.
    pub fn create(path: &Path, max: u64) -> io::Result<Writer> {
        let (file, length) = begin(path, 0)?;
        Ok(Writer {
            path: path.to_owned(),
            file,
            most: max / 2,
            length,
            offset: 0,
            missing: 0,
            last: None,
            failure: None,
        })
    }

    /// Adds output.
    pub fn write(&mut self, at: Duration, stream: StreamId, bytes: &[u8]) {
        // Room for one more beside the first line of the file.
        let most = usize::try_from(self.most / 2).unwrap_or(CHUNK).clamp(1, CHUNK);
        for part in bytes.chunks(most) {
            self.keep(at, stream, part);
        }
    }

    /// Adds a piece, or as much of it as there is room for.
    fn keep(&mut self, at: Duration, stream: StreamId, bytes: &[u8]) {
        let Err(error) = self.append(at, stream, bytes) else {
            self.offset += bytes.len() as u64;
            return;
        };
        // A half record would be in the way of the next.
        let _ = self.file.set_len(self.length);
        if bytes.len() > SMALL && self.missing == 0 {
            let (first, second) = bytes.split_at(bytes.len() / 2);
            self.keep(at, stream, first);
            return self.keep(at, stream, second);
        }
        self.offset += bytes.len() as u64;
        self.missing += bytes.len() as u64;
        self.failure.get_or_insert(error);
    }

    /// Says at the end what is missing there. On a disk that is full to the last byte the last record makes room
    /// for that, and is missing too.
    pub fn close(&mut self, at: Duration) {
        while self.say_missing(at).is_err() {
            let last = self.last.take();
            if let Some((length, bytes)) = last {
                (self.length, self.missing) = (length, self.missing + bytes);
            }
            if self.file.set_len(self.length).is_err() || last.is_none() {
                return;
            }
        }
    }

    fn say_missing(&mut self, at: Duration) -> io::Result<()> {
        while self.missing > 0 {
            let gap = u32::try_from(self.missing).unwrap_or(u32::MAX);
            let begins = self.length;
            self.put(&head(GAP, at, gap), &[])?;
            self.missing -= u64::from(gap);
            // Who takes back the record before it takes this along.
            self.last.get_or_insert((begins, 0)).1 += u64::from(gap);
        }
        Ok(())
    }

    fn append(&mut self, at: Duration, stream: StreamId, bytes: &[u8]) -> io::Result<()> {
        let size = (HEAD + bytes.len()) as u64;
        if self.length > FIRST_LINE as u64 && self.length + size > self.most {
            self.rotate()?;
        }
        self.say_missing(at)?;
        let begins = self.length;
        self.put(&head(letter(stream), at, bytes.len() as u32), bytes)?;
        self.last = Some((begins, bytes.len() as u64));
        Ok(())
    }

    fn put(&mut self, head: &[u8], bytes: &[u8]) -> io::Result<()> {
        let whole = head.len() + bytes.len();
        let written = self.file.write_vectored(&[IoSlice::new(head), IoSlice::new(bytes)])?;
        if written < whole {
            let rest = written.saturating_sub(head.len());
            self.file.write_all(head.get(written..).unwrap_or_default())?;
            self.file.write_all(&bytes[rest..])?;
        }
        self.length += whole as u64;
        Ok(())
    }

    /// Begins a new file. As long as there is no room for one, the old stays.
    fn rotate(&mut self) -> io::Result<()> {
        let (new, old) = (beside(&self.path, ".new"), beside(&self.path, ".1"));
        let offset = self.offset - self.missing;
        let begun = begin(&new, offset).or_else(|_| {
            // What is oldest makes room for what is newest.
            std::fs::remove_file(&old)?;
            begin(&new, offset)
        });
        let begun = begun.inspect_err(|_| {
            let _ = std::fs::remove_file(&new);
        });
        (self.file, self.length) = begun?;
        self.last = None;
        std::fs::rename(&self.path, &old)?;
        std::fs::rename(&new, &self.path)
    }

    /// Why something could not be written, once.
    pub fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }
}

fn begin(path: &Path, offset: u64) -> io::Result<(File, u64)> {
    #[expect(clippy::disallowed_methods, reason = "the log is a file of the control layer")]
    let mut file =
        OpenOptions::new().append(true).create(true).mode(0o600).open(path).and_then(|file| {
            file.set_len(0)?;
            // The umask may leave its owner less.
            file.set_permissions(PermissionsExt::from_mode(0o600))?;
            Ok(file)
        })?;
    let line = format!("{MAGIC} {offset}\n");
    file.write_all(line.as_bytes())?;
    Ok((file, line.len() as u64))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn head(letter: u8, at: Duration, length: u32) -> [u8; HEAD] {
    let mut head = [letter; HEAD];
    let millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
    head[1..9].copy_from_slice(&millis.to_le_bytes());
    head[9..].copy_from_slice(&length.to_le_bytes());
    head
}

fn letter(stream: StreamId) -> u8 {
    match stream {
        StreamId::Stdout => b'o',
        StreamId::Stderr => b'e',
        StreamId::Terminal => b't',
    }
}

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its stream; nothing for output that is missing.
    pub stream: Option<StreamId>,
    /// When it came, since the start of the run.
    pub at: Duration,
    /// The offset of its first byte.
    pub offset: u64,
    /// The bytes; none of what is missing.
    pub bytes: Vec<u8>,
    /// How many bytes are missing here.
    pub missing: u64,
}

/// Reads a log, while it is written too.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: Option<File>,
    /// The offset of the next record.
    offset: u64,
    buffer: Vec<u8>,
    /// Bytes that are not there any more.
    dropped: u64,
}

impl Reader {
    /// The log at `path`, from `since` on as far as it is kept; nothing when there is no log.
    pub fn open(path: &Path) -> io::Result<Option<Reader>> {
        let mut reader =
            Reader { path: path.to_owned(), file: None, offset: 0, buffer: Vec::new(), dropped: 0 };
        Ok(reader.enter()?.then_some(reader))
    }

    /// The offset up to which it was read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes had been dropped before they were read.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Opens the file that the offset lies in, or the oldest there is; false when there is none.
    fn enter(&mut self) -> io::Result<bool> {
        let mut found: Option<(u64, File)> = None;
        for path in [beside(&self.path, ".1"), self.path.clone()] {
            #[expect(clippy::disallowed_methods, reason = "the log is a file of the control layer")]
            let mut file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let Some(begins) = begins(&mut file)? else { continue };
            // The newer one, where it has the offset already.
            if found.is_none() || begins <= self.offset {
                found = Some((begins, file));
            }
        }
        let Some((begins, file)) = found else { return Ok(false) };
        self.buffer.clear();
        if begins > self.offset {
            self.dropped += begins - self.offset;
            self.offset = begins;
        }
        let wanted = std::mem::replace(&mut self.offset, begins);
        self.file = Some(file);
        while self.offset < wanted && self.record()?.is_some() {}
        Ok(true)
    }

    /// The next piece; nothing at the end of what is there.
    pub fn piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if let Some(piece) = self.record()? {
                return Ok(Some(piece));
            }
            // Rotated, perhaps: then the records go on in the file that has the name now.
            let here = self.file.as_ref().and_then(|file| file.metadata().ok());
            let there = std::fs::metadata(&self.path).ok();
            let same = match (&here, &there) {
                (Some(here), Some(there)) => here.ino() == there.ino(),
                _ => true,
            };
            // What was written to the old one between the two looks is read first.
            if same {
                return Ok(None);
            }
            if let Some(piece) = self.record()? {
                return Ok(Some(piece));
            }
            if !self.enter()? {
                return Ok(None);
            }
        }
    }

    fn record(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if let Some(piece) = self.take() {
                return Ok(Some(piece));
            }
            let Some(file) = &mut self.file else { return Ok(None) };
            let have = self.buffer.len();
            self.buffer.resize(have + CHUNK, 0);
            let count = file.read(&mut self.buffer[have..])?;
            self.buffer.truncate(have + count);
            if count == 0 {
                // What there is of a record may be gone again when there is more.
                file.seek_relative(-i64::try_from(have).unwrap_or_default())?;
                self.buffer.clear();
                return Ok(None);
            }
        }
    }

    fn take(&mut self) -> Option<Piece> {
        let (head, rest) = self.buffer.split_first_chunk::<HEAD>()?;
        let millis = u64::from_le_bytes(head[1..9].try_into().ok()?);
        let length = u32::from_le_bytes(head[9..].try_into().ok()?);
        let stream = match head[0] {
            b'o' => Some(StreamId::Stdout),
            b'e' => Some(StreamId::Stderr),
            b't' => Some(StreamId::Terminal),
            _ => None,
        };
        let here = if stream.is_some() { length as usize } else { 0 };
        let bytes = rest.get(..here)?.to_vec();
        self.buffer.drain(..HEAD + here);
        let offset = self.offset;
        self.offset += u64::from(length);
        let missing = if stream.is_some() { 0 } else { u64::from(length) };
        Some(Piece { stream, at: Duration::from_millis(millis), offset, bytes, missing })
    }
}

/// The offset in the first line; nothing when that is not there.
fn begins(file: &mut File) -> io::Result<Option<u64>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < FIRST_LINE && file.read(&mut byte)? == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&line);
    Ok(line.strip_prefix(MAGIC).and_then(|offset| offset.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut Reader) -> (String, u64) {
        let mut text = Vec::new();
        let mut end = 0;
        while let Some(piece) = reader.piece().unwrap() {
            text.extend(&piece.bytes);
            end = piece.offset + piece.bytes.len() as u64 + piece.missing;
        }
        (String::from_utf8(text).unwrap(), end)
    }

    #[test]
    fn what_was_written_is_read_while_it_grows() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.log");
        assert!(Reader::open(&path).unwrap().is_none());
        let mut writer = Writer::create(&path, 1 << 20).unwrap();
        let mut reader = Reader::open(&path).unwrap().unwrap();
        assert_eq!(read(&mut reader), (String::new(), 0));
        writer.write(Duration::from_millis(5), StreamId::Stdout, b"one ");
        writer.write(Duration::from_millis(6), StreamId::Stderr, b"two");
        let piece = reader.piece().unwrap().unwrap();
        assert_eq!((piece.stream, piece.offset), (Some(StreamId::Stdout), 0));
        let piece = reader.piece().unwrap().unwrap();
        assert_eq!(piece.at, Duration::from_millis(6));
        assert_eq!((piece.stream, piece.offset), (Some(StreamId::Stderr), 4));
        assert!(reader.piece().unwrap().is_none());
        writer.write(Duration::ZERO, StreamId::Stdout, b"!");
        assert_eq!(read(&mut reader), ("!".to_owned(), 8));
    }

    #[test]
    fn it_is_bounded_and_says_what_it_dropped() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.log");
        let mut writer = Writer::create(&path, 4000).unwrap();
        let mut follower = Reader::open(&path).unwrap().unwrap();
        let mut seen = String::new();
        let mut all = String::new();
        for number in 0..1000 {
            let line = format!("line {number}\n");
            writer.write(Duration::ZERO, StreamId::Terminal, line.as_bytes());
            all += &line;
            if number % 7 == 0 {
                seen += &read(&mut follower).0;
            }
        }
        seen += &read(&mut follower).0;
        assert_eq!(seen, all, "who follows misses nothing");
        assert_eq!(follower.dropped(), 0);
        let size = |path: &Path| std::fs::metadata(path).unwrap().len();
        assert!(size(&path) + size(&beside(&path, ".1")) <= 4000 + 2 * FIRST_LINE as u64);
        let mut late = Reader::open(&path).unwrap().unwrap();
        let (rest, end) = read(&mut late);
        assert_eq!(end, all.len() as u64);
        assert_eq!(late.dropped() + rest.len() as u64, end);
        assert!(rest.len() > 500 && all.ends_with(&rest));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a file is cut behind the log's back")]
    fn a_record_that_is_half_there_is_not_there() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.log");
        let mut writer = Writer::create(&path, 1 << 20).unwrap();
        writer.write(Duration::ZERO, StreamId::Stdout, b"whole");
        let whole = std::fs::read(&path).unwrap();
        for cut in MAGIC.len() + 3..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut reader = Reader::open(&path).unwrap().unwrap();
            assert!(reader.piece().unwrap().is_none(), "{cut}");
        }
    }

    #[test]
    fn what_there_is_stays_while_there_is_no_room_for_more() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.log");
        let mut writer = Writer::create(&path, 4000).unwrap();
        let line = [b'x'; 99];
        std::fs::create_dir(beside(&path, ".new")).unwrap();
        for _ in 0..100 {
            writer.write(Duration::ZERO, StreamId::Stdout, &line);
        }
        assert!(writer.take_failure().is_some());
        let (text, end) = read(&mut Reader::open(&path).unwrap().unwrap());
        assert!(text.len() > 1500 && end == text.len() as u64);
        std::fs::remove_dir(beside(&path, ".new")).unwrap();
        writer.write(Duration::ZERO, StreamId::Stdout, b"more");
        let mut reader = Reader::open(&path).unwrap().unwrap();
        let mut missing = 0;
        let mut all = 0;
        while let Some(piece) = reader.piece().unwrap() {
            missing += piece.missing;
            all += piece.bytes.len();
        }
        assert_eq!((all, reader.offset(), reader.dropped()), (text.len() + 4, 9904, 0));
        assert_eq!(missing, 9900 - text.len() as u64);
    }

    #[test]
    fn a_record_that_is_taken_back_is_not_read() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.log");
        let mut writer = Writer::create(&path, 1 << 20).unwrap();
        let mut reader = Reader::open(&path).unwrap().unwrap();
        writer.write(Duration::ZERO, StreamId::Stdout, b"first ");
        assert_eq!(read(&mut reader), ("first ".to_owned(), 6));
        for bytes in [&b"second "[..], b"third"] {
            // As a full disk leaves it.
            let half = head(b'o', Duration::ZERO, 1000);
            writer.file.write_all(&[&half[..], b"half"].concat()).unwrap();
            assert!(reader.piece().unwrap().is_none());
            writer.file.set_len(writer.length).unwrap();
            writer.write(Duration::ZERO, StreamId::Stdout, bytes);
            let piece = reader.piece().unwrap().unwrap();
            assert_eq!(piece.bytes, bytes);
        }
    }

    #[test]
    fn what_could_not_be_written_is_counted() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.log");
        let mut writer = Writer::create(&path, 1 << 20).unwrap();
        writer.write(Duration::ZERO, StreamId::Stdout, b"before ");
        #[expect(clippy::disallowed_methods, reason = "a file that cannot be written to")]
        let full = File::open(&path).unwrap();
        let file = std::mem::replace(&mut writer.file, full);
        writer.write(Duration::ZERO, StreamId::Stdout, b"lost");
        assert!(writer.take_failure().is_some() && writer.take_failure().is_none());
        let full = std::mem::replace(&mut writer.file, file);
        writer.write(Duration::ZERO, StreamId::Stdout, b"after");
        let full = std::mem::replace(&mut writer.file, full);
        writer.write(Duration::ZERO, StreamId::Stdout, b"end");
        writer.file = full;
        writer.close(Duration::ZERO);
        let mut reader = Reader::open(&path).unwrap().unwrap();
        let mut pieces = Vec::new();
        while let Some(piece) = reader.piece().unwrap() {
            pieces.push((piece.offset, piece.missing, piece.bytes));
        }
        assert_eq!(
            pieces,
            [
                (0, 0, b"before ".to_vec()),
                (7, 4, Vec::new()),
                (11, 0, b"after".to_vec()),
                (16, 3, Vec::new()),
            ]
        );
        assert_eq!(reader.offset(), 19);
    }
}
