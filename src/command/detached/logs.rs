//! `heeler logs RUN`: its output, from the log on disk.
//!
//! The log is read, not asked for: a run is not slowed by who reads it, and one that is over is read in the
//! same way. With `-f` the run says when there is more.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use super::{Found, find};
use crate::cli::detached::Logs;
use crate::control::client::{Connection, Failed, after};
use crate::control::log::{Piece, Reader};
use crate::control::place;
use crate::control::protocol::{Reply, Request};
use crate::core::outcome::EXIT_HEELER;
use crate::expect::program::StreamId;
use crate::report::output::Io;
use crate::sys::fdio;

/// How long a heeler has to say how much there is: one that is stopped says nothing, and its log is there.
const ANSWER: Duration = Duration::from_secs(1);

/// Prints the log; 0, or 125.
pub fn run(args: &Logs, io: &mut Io<'_>) -> i32 {
    let (db, run, connection): (PathBuf, String, Option<Connection>) = match find(&args.target, io)
    {
        Ok(Found::Living(living)) => (living.db, living.run, Some(living.connection)),
        Ok(Found::Record(over)) => (over.db.clone(), over.subject.record.facts.run.clone(), None),
        Err(code) => return code,
    };
    let path = place::log(&db, &run);
    let mut reader = match Reader::open(&path) {
        Ok(Some(reader)) => reader,
        Ok(None) => {
            io.say(format_args!(
                "run {run} has no log: it was started without -d or with --log-max 0, or its disk was full"
            ));
            return EXIT_HEELER;
        }
        Err(error) => {
            io.say(format_args!("cannot read the log {}: {error}", path.display()));
            return EXIT_HEELER;
        }
    };
    let mut printer = Printer { since: args.since.unwrap_or(0), dropped: 0, missing: 0 };
    let mut result = match args.tail {
        Some(lines) => printer.tail(&mut reader, lines, io),
        None => printer.all(&mut reader, io),
    };
    if result.is_ok() {
        result = match connection {
            Some(connection) if args.follow => follow(connection, &mut reader, &mut printer, io),
            Some(mut connection) => {
                match connection.ask_within(&Request::Status, ANSWER, Some(ANSWER)) {
                    Ok(Reply::Status(status)) => printer.end(&mut reader, status.offset, io),
                    // What there is was printed.
                    _ => Ok(()),
                }
            }
            None => match after::kept(&db, &run) {
                Ok(Some(rest)) => printer.end(&mut reader, rest.offset, io),
                _ => Ok(()),
            },
        };
    }
    match result {
        Ok(()) => 0,
        Err(error) => {
            io.say(format_args!("cannot go on with the log of run {run}: {error}"));
            EXIT_HEELER
        }
    }
}

fn follow(
    mut connection: Connection,
    reader: &mut Reader,
    printer: &mut Printer,
    io: &mut Io<'_>,
) -> std::io::Result<()> {
    let mut reply = connection.ask(&Request::Follow).map(Some);
    loop {
        printer.all(reader, io)?;
        match reply {
            // Of a silent run no write would tell that the reader is gone: `logs -f RUN | grep -m1 ready`.
            Ok(Some(Reply::Log { .. })) => reply = connection.reply_for(fdio::standard(1)),
            Ok(None) => return Ok(()),
            Ok(Some(Reply::Ended(ended))) => return printer.end(reader, ended.offset, io),
            // It was killed: what it wrote is there.
            Ok(_) | Err(Failed::Gone) => return printer.all(reader, io),
            Err(error) => return Err(std::io::Error::other(error.to_string())),
        }
    }
}

struct Printer {
    since: u64,
    dropped: u64,
    /// Bytes that the log lacks in front of what comes next.
    missing: u64,
}

impl Printer {
    /// Prints all there is.
    fn all(&mut self, reader: &mut Reader, io: &mut Io<'_>) -> std::io::Result<()> {
        while let Some(piece) = reader.piece()? {
            self.say_dropped(reader, io);
            self.print(&piece, io)?;
        }
        self.say_dropped(reader, io);
        self.say_missing(io)?;
        io.out.flush()
    }

    /// Prints all there is of so much output, and says what is missing at its end.
    fn end(&mut self, reader: &mut Reader, offset: u64, io: &mut Io<'_>) -> std::io::Result<()> {
        self.all(reader, io)?;
        let missing = offset.saturating_sub(reader.offset().max(self.since));
        if missing > 0 {
            io.say(format_args!("the last {missing} bytes could not be written to the log"));
        }
        Ok(())
    }

    /// Prints the last so many lines of all there is.
    fn tail(&mut self, reader: &mut Reader, lines: usize, io: &mut Io<'_>) -> std::io::Result<()> {
        let mut kept: VecDeque<(Piece, usize)> = VecDeque::new();
        let mut ends = 0;
        while let Some(piece) = reader.piece()? {
            let here = memchr::memchr_iter(b'\n', &piece.bytes).count();
            ends += here;
            kept.push_back((piece, here));
            // The piece with the end of the line before the first that is wanted stays.
            while kept.front().is_some_and(|(_, first)| ends - first > lines) {
                ends -= kept.pop_front().map_or(0, |(_, first)| first);
            }
        }
        self.dropped = reader.dropped();
        let last = kept.iter().rfind(|(piece, _)| piece.missing == 0);
        let unfinished = last.is_some_and(|(piece, _)| !piece.bytes.ends_with(b"\n"));
        let mut skip = (ends + usize::from(unfinished)).saturating_sub(lines);
        for (mut piece, _) in kept {
            let mut cut = 0;
            while skip > 0 {
                let Some(end) = memchr::memchr(b'\n', &piece.bytes[cut..]) else {
                    cut = piece.bytes.len();
                    break;
                };
                cut += end + 1;
                skip -= 1;
            }
            piece.bytes.drain(..cut);
            piece.offset += cut as u64;
            self.print(&piece, io)?;
        }
        self.say_missing(io)?;
        io.out.flush()
    }

    fn print(&mut self, piece: &Piece, io: &mut Io<'_>) -> std::io::Result<()> {
        if piece.missing > 0 {
            let wanted = (piece.offset + piece.missing).saturating_sub(self.since);
            self.missing += wanted.min(piece.missing);
            return Ok(());
        }
        self.say_missing(io)?;
        let skip = self.since.saturating_sub(piece.offset).min(piece.bytes.len() as u64) as usize;
        let bytes = &piece.bytes[skip..];
        match piece.stream {
            Some(StreamId::Stderr) => {
                io.out.flush()?;
                io.err.write_all(bytes)
            }
            _ => io.out.write_all(bytes),
        }
    }

    fn say_missing(&mut self, io: &mut Io<'_>) -> std::io::Result<()> {
        let missing = std::mem::take(&mut self.missing);
        if missing > 0 {
            io.out.flush()?;
            io.say(format_args!("{missing} bytes could not be written to the log here"));
        }
        Ok(())
    }

    fn say_dropped(&mut self, reader: &Reader, io: &mut Io<'_>) {
        let dropped = reader.dropped() - self.dropped;
        let missed = dropped.saturating_sub(self.since);
        if dropped > 0 {
            self.dropped = reader.dropped();
        }
        if missed > 0 {
            io.say(format_args!("{missed} bytes before this were dropped (--log-max)"));
        }
    }
}
