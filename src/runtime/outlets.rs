//! Where the command's output goes: through to our own streams, into copies, a recording, the event file
//! and the report's tail. Everything that leaves here has its secrets masked; what the dialogue reads has
//! not, and never comes from here.

use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::plan::{Output, Plan, ReportTo};
use crate::expect::mask::{Mask, Masker};
use crate::expect::program::StreamId;
use crate::expect::tape::{ATTEMPT, Session, Typing, visible};
use crate::expect::view::modes::Modes;
use crate::report::cast::{self, write as event};
use crate::report::model::Mode;
use crate::report::sink::Sink;
use crate::report::text::{self, Lossy};
use crate::runtime::remote::{Fact, Remote};
use crate::runtime::stream::Stream;
use crate::sys::{crash, fdio, start, tty};

/// For people, when output was dropped at the end.
const NOT_TAKEN: &str = "a reader of the output did not take all of it in time";

/// All outlets of a run. They outlive its attempts.
#[derive(Debug, Default)]
pub struct Outlets {
    sinks: Vec<Sink>,
    stdout: Routes,
    stderr: Routes,
    record: Option<usize>,
    record_pipe: bool,
    /// Where input is recorded: its own mask and encoder.
    record_input: Option<(Masker, cast::Encoder)>,
    session: Option<Session>,
    events: Option<usize>,
    timestamps: bool,
    /// What a command has switched on in our terminal.
    modes: Option<Modes>,
    mask: Mask,
    /// What is put together for one of the sinks, kept so that a piece of output allocates nothing.
    made: Vec<u8>,
    warnings: Vec<String>,
    /// Output was dropped at the end.
    untaken: bool,
    /// What helps who did not want a command to go on that nobody reads.
    hint: &'static str,
}

/// A line of `--events` about output.
#[derive(Serialize)]
struct OutputEvent<'a> {
    at_ms: u64,
    event: &'static str,
    stream: &'static str,
    text: Lossy<'a>,
}

/// Which sinks a stream goes to.
#[derive(Clone, Debug, Default)]
struct Routes {
    through: Option<usize>,
    copies: Vec<usize>,
}

/// Who typed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The dialogue.
    Dialogue,
    /// A person, a file, or whatever our own input is.
    Source,
}

/// What one stream of one attempt needs on its way out.
#[derive(Debug)]
pub struct Channel {
    masker: Masker,
    encoder: cast::Encoder,
    at_line_start: bool,
    shown: Vec<u8>,
}

impl Outlets {
    /// Opens what the plan names. An error says which file and why; nothing has been started then.
    pub fn open(plan: &Plan, mask: &Mask) -> Result<Outlets, String> {
        let output = &plan.output;
        let mut outlets =
            Outlets { timestamps: output.timestamps, mask: mask.clone(), ..Outlets::default() };
        if !output.quiet {
            outlets.pass_through(output);
        }
        let open = |outlets: &mut Outlets, path: &Option<std::path::PathBuf>, flag: &str| {
            path.as_deref().map(|path| outlets.create(path, flag)).transpose()
        };
        let stdout = open(&mut outlets, &output.stdout, "--stdout")?;
        let stderr = open(&mut outlets, &output.stderr, "--stderr")?;
        let both = open(&mut outlets, &output.combined, "--output")?;
        outlets.record = open(&mut outlets, &output.record, "--record")?;
        outlets.record_input = (outlets.record.is_some() && output.record_input)
            .then(|| (Masker::new(mask.clone()), cast::Encoder::input()));
        outlets.session = output.keep_session.then(Session::default);
        outlets.events = match output.events.as_deref() {
            Some(path) if path == Path::new("-") => outlets.share(2, "--events"),
            Some(path) => Some(outlets.create(path, "--events")?),
            None => None,
        };
        outlets.stdout.copies.extend(stdout.into_iter().chain(both));
        outlets.stderr.copies.extend(stderr.into_iter().chain(both));
        if plan.launch.mode == Mode::Pipe && plan.program.is_empty() && outlets.only_pass() {
            outlets.hint = " (--inherit lets it end as in any pipeline)";
        }
        Ok(outlets)
    }

    /// Our own streams. When the report takes stdout, what passes through goes to stderr.
    fn pass_through(&mut self, output: &Output) {
        let stderr = self.share(2, "stderr");
        let stdout =
            if output.report == Some(ReportTo::Stdout) { stderr } else { self.share(1, "stdout") };
        if stdout != stderr && start::stdout_was_closed() {
            self.warnings.push("stdout is closed; output to it is dropped".to_owned());
        }
        let fd = if stdout == stderr { 2 } else { 1 };
        self.modes = tty::is_terminal(fdio::standard(fd)).then(Modes::default);
        self.stdout.through = stdout;
        self.stderr.through = stderr;
    }

    /// Switches off in our terminal what a command has left on that did not end by itself.
    pub fn put_back(&mut self) {
        if let (Some(modes), Some(through)) = (&mut self.modes, self.stdout.through) {
            self.sinks[through].write(&std::mem::take(modes).restore());
            crash::set_farewell(b"");
        }
    }

    fn share(&mut self, fd: i32, label: &str) -> Option<usize> {
        match Sink::shared(fdio::standard(fd), label) {
            Ok(sink) => Some(self.add(sink.enlarged())),
            Err(error) => {
                self.warnings
                    .push(format!("cannot write to {label}: {error}; its output is dropped"));
                None
            }
        }
    }

    fn create(&mut self, path: &Path, flag: &str) -> Result<usize, String> {
        match fdio::create(path) {
            Ok(fd) => Ok(self.add(Sink::owned(fd, &path.display().to_string()))),
            Err(error) if error.raw_os_error() == Some(fdio::NO_READER) => {
                Err(format!("{flag} {}: nobody reads this FIFO yet", path.display()))
            }
            Err(error) => Err(format!("{flag} {}: {error}", path.display())),
        }
    }

    fn add(&mut self, sink: Sink) -> usize {
        self.sinks.push(sink);
        self.sinks.len() - 1
    }

    /// There are more secrets to mask from here on.
    pub fn set_mask<'a>(&mut self, mask: &Mask, channels: impl Iterator<Item = &'a mut Channel>) {
        self.mask = mask.clone();
        for channel in channels {
            channel.masker.renew(mask.clone());
        }
    }

    /// A channel for a stream of a new attempt.
    pub fn channel(&self) -> Channel {
        Channel {
            masker: Masker::new(self.mask.clone()),
            encoder: cast::Encoder::output(self.record_pipe),
            at_line_start: true,
            shown: Vec::new(),
        }
    }

    /// Begins the recording.
    pub fn record_header(&mut self, header: &cast::Header<'_>) {
        self.record_pipe = header.pipe;
        if self.record.is_some() {
            self.record(&header.line());
        }
        if let Some(session) = &mut self.session {
            session.size = header.size;
        }
    }

    /// Notes that another attempt begins.
    pub fn attempt(&mut self, now: Duration, n: u32) {
        if n > 1 {
            self.record(&event::marker(now, &format!("{ATTEMPT}{n}")));
        }
    }

    /// Notes the exit, as a shell counts.
    pub fn exited(&mut self, now: Duration, code: i32) {
        if let Some((mut masker, mut encoder)) = self.record_input.take() {
            let mut rest = Vec::new();
            masker.finish(&mut rest);
            self.record(encoder.push(now, &rest));
            self.record(encoder.finish(now));
            self.record_input = Some((Masker::new(self.mask.clone()), cast::Encoder::input()));
        }
        self.record(&event::exit(now, code));
        if let Some(session) = &mut self.session {
            session.exited(now, code);
        }
    }

    /// Notes a change of the terminal's size in the recording.
    pub fn resized(&mut self, now: Duration, size: (u16, u16)) {
        self.record(&event::resize(now, size));
        if let Some(session) = &mut self.session {
            session.resized(now, size);
        }
    }

    /// Notes what was typed. What was typed unseen does not get into the recording.
    pub fn input(&mut self, now: Duration, bytes: &[u8], typing: Typing, by: By) {
        if let (Some(session), By::Source) = (&mut self.session, by) {
            session.input(now, bytes, typing);
        }
        let Some((mut masker, mut encoder)) = self.record_input.take() else { return };
        // A script has what it types in clear text, its secrets apart; of what a person types unseen
        // nobody can know.
        let known = by == By::Dialogue && typing != Typing::Hidden;
        let shown = if known { bytes.to_vec() } else { visible(bytes, typing) };
        let mut told = Vec::new();
        masker.mask(&shown, &mut told);
        self.record(encoder.push(now, &told));
        self.record_input = Some((masker, encoder));
    }

    /// What was kept of the session, for `learn`.
    pub fn take_session(&mut self) -> Option<Session> {
        self.session.take()
    }

    fn record(&mut self, line: &[u8]) {
        if let (Some(record), false) = (self.record, line.is_empty()) {
            self.sinks[record].write(line);
        }
    }

    /// Passes on what came on a stream.
    pub fn output(
        &mut self,
        now: Duration,
        stream: &mut Stream,
        channel: &mut Channel,
        bytes: &[u8],
        remote: Option<&mut (dyn Remote + '_)>,
    ) {
        if let Some(session) = &mut self.session {
            session.output(now, bytes);
        }
        if self.mask.is_empty() {
            self.show(now, stream, channel, bytes, remote);
        } else {
            let mut shown = std::mem::take(&mut channel.shown);
            shown.clear();
            channel.masker.mask(bytes, &mut shown);
            self.show(now, stream, channel, &shown, remote);
            channel.shown = shown;
        }
    }

    /// Whether output goes through and nowhere else, whatever it is.
    pub fn only_pass(&self) -> bool {
        let copies = self.stdout.copies.len() + self.stderr.copies.len();
        copies == 0
            && self.mask.is_empty()
            && !self.timestamps
            && self.record.is_none()
            && self.session.is_none()
            && self.events.is_none()
    }

    /// Passes on what is there of a stream without a look at it; see [`Sink::splice`].
    pub fn splice(&mut self, stream: &mut Stream, most: usize) -> Option<usize> {
        let routes = if stream.id == StreamId::Stderr { &self.stderr } else { &self.stdout };
        let count = self.sinks[routes.through?].splice(stream.fd()?, most)?;
        if count > 0 {
            stream.passed(count);
        }
        Some(count)
    }

    /// Whether something of the stream is held back that may be the beginning of a secret.
    pub fn holds(channel: &Channel) -> bool {
        channel.masker.held() > 0
    }

    /// The output has paused: somebody may wait for a prompt that ends as a secret begins.
    pub fn pause(
        &mut self,
        now: Duration,
        stream: &mut Stream,
        channel: &mut Channel,
        remote: Option<&mut (dyn Remote + '_)>,
    ) {
        let mut shown = Vec::new();
        channel.masker.pause(&mut shown);
        self.show(now, stream, channel, &shown, remote);
    }

    /// The stream has ended: gives on what was held back.
    pub fn end(
        &mut self,
        now: Duration,
        stream: &mut Stream,
        channel: &mut Channel,
        remote: Option<&mut (dyn Remote + '_)>,
    ) {
        let mut shown = Vec::new();
        channel.masker.finish(&mut shown);
        self.show(now, stream, channel, &shown, remote);
        self.record(channel.encoder.finish(now));
    }

    /// Nothing more of the stream is spliced; says whether there was something left that is to be read.
    pub fn end_splices(&mut self, stream: &Stream) -> bool {
        let routes = if stream.id == StreamId::Stderr { &self.stderr } else { &self.stdout };
        routes.through.is_some_and(|through| self.sinks[through].end_splices())
    }

    /// Output is dropped, because who reads it is late.
    pub fn note_untaken(&mut self) {
        if !std::mem::replace(&mut self.untaken, true) {
            self.warnings.push(NOT_TAKEN.to_owned());
        }
    }

    fn show(
        &mut self,
        now: Duration,
        stream: &mut Stream,
        channel: &mut Channel,
        shown: &[u8],
        remote: Option<&mut (dyn Remote + '_)>,
    ) {
        if shown.is_empty() {
            return;
        }
        stream.keep(shown);
        if let Some(remote) = remote {
            remote.note(now, Fact::Output(stream.id, shown));
        }
        let routes = if stream.id == StreamId::Stderr { &self.stderr } else { &self.stdout };
        if let Some(through) = routes.through {
            if self.timestamps {
                self.made.clear();
                stamp(&mut self.made, now, shown, &mut channel.at_line_start);
                self.sinks[through].write(&self.made);
            } else {
                if let (Some(modes), StreamId::Terminal) = (&mut self.modes, stream.id) {
                    modes.push(shown);
                    crash::set_farewell(&modes.restore());
                }
                self.sinks[through].write(shown);
            }
        }
        for copy in &routes.copies {
            self.sinks[*copy].write(shown);
        }
        if self.record.is_some() {
            self.record(channel.encoder.push(now, shown));
        }
        if let Some(events) = self.events {
            let (stream, text) = (stream_name(stream.id), Lossy(shown));
            let line = OutputEvent { at_ms: now.as_millis() as u64, event: "output", stream, text };
            self.made.clear();
            text::push(&mut self.made, &line);
            self.sinks[events].write(&self.made);
        }
    }

    /// Whether there are `--events`.
    pub fn tells(&self) -> bool {
        self.events.is_some()
    }

    /// Writes one line of `--events`: `{"at_ms":…,"event":NAME,…fields}`. Where nobody wants them, no fields are
    /// put together: between two prompts that would be most of the work.
    pub fn event(&mut self, now: Duration, name: &str, fields: impl FnOnce() -> Value) {
        let Some(events) = self.events else { return };
        let mut line = json!({ "at_ms": now.as_millis() as u64, "event": name });
        if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields()) {
            line.extend(fields);
        }
        self.made.clear();
        text::push(&mut self.made, &line);
        self.sinks[events].write(&self.made);
    }

    /// Whether someone does not take what they are given. Reading from the command waits for them.
    pub fn is_stalled(&self) -> bool {
        self.sinks.iter().any(Sink::is_pending)
    }

    /// The descriptors to poll for writing, by sink.
    pub fn pending(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        self.sinks.iter().enumerate().filter(|(_, s)| s.is_pending()).map(|(i, s)| (i, s.fd()))
    }

    /// Sink `index` takes more.
    pub fn flush(&mut self, index: usize) {
        self.sinks[index].flush();
    }

    /// What failed since the last call, for people.
    pub fn take_warnings(&mut self) -> Vec<String> {
        let hint = self.hint;
        let mut warnings = std::mem::take(&mut self.warnings);
        for sink in &mut self.sinks {
            if let Some(error) = sink.take_failure() {
                let label = sink.label();
                warnings.push(if error.kind() == io::ErrorKind::BrokenPipe {
                    format!(
                        "nobody reads {label} any more: the command goes on, and output to it is dropped{hint}"
                    )
                } else {
                    format!(
                        "cannot write to {label}: {error}; output to it is dropped from here on"
                    )
                });
            }
        }
        warnings
    }
}

/// A stream's name in events and messages.
pub fn stream_name(id: StreamId) -> &'static str {
    match id {
        StreamId::Stdout => "stdout",
        StreamId::Stderr => "stderr",
        StreamId::Terminal => "terminal",
    }
}

/// Puts the time since the start before every line.
fn stamp(stamped: &mut Vec<u8>, now: Duration, bytes: &[u8], at_line_start: &mut bool) {
    let seconds = now.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let millis = now.subsec_millis();
    // `[00:01:01.250] `, and longer after a hundred hours.
    let mut prefix = [0; 40];
    let mut rest = &mut prefix[..];
    let _ = write!(rest, "[{hours:02}:{minutes:02}:{seconds:02}.{millis:03}] ");
    let left = rest.len();
    let prefix = &prefix[..prefix.len() - left];
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if *at_line_start {
            stamped.extend_from_slice(prefix);
        }
        stamped.extend_from_slice(line);
        *at_line_start = line.ends_with(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_stamped_once_however_it_comes() {
        let mut at_start = true;
        let mut out = Vec::new();
        stamp(&mut out, Duration::from_millis(61_250), b"a\nb", &mut at_start);
        stamp(&mut out, Duration::from_secs(3700), b"c\n\n", &mut at_start);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "[00:01:01.250] a\n[00:01:01.250] bc\n[01:01:40.000] \n");
    }
}
