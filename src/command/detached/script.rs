//! `heeler run-script RUN SCRIPT`: a dialogue with a run that lives already.
//!
//! The dialogue is played here, over a connection that carries frames: output comes in, what is to be typed
//! goes out as a request, and its answer stands in the output before what the terminal echoes of it. Nothing is
//! written that would have to wait, and no answer is waited for without end: a heeler can be stopped.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{DEFAULT_LIMIT, Found, Living, failed, find};
use crate::cli::detached::RunScript;
use crate::command::run::{describe, tell};
use crate::command::tracked::print_json;
use crate::config::plan::Secret;
use crate::config::{Surroundings, script};
use crate::control::client::{Connection, Failed, GRACE, PATIENCE};
use crate::control::place;
use crate::control::protocol::{
    Attach, Ended, ErrorKind, Frame, Reply, Request, Typing, decode_size,
};
use crate::core::limits::earliest;
use crate::core::outcome::{EXIT_DIALOGUE, EXIT_HEELER};
use crate::expect::dialogue::{Dialogue, Effect, Setup};
use crate::expect::failure::{Failure, SendError};
use crate::expect::keys;
use crate::expect::mask::Mask;
use crate::expect::program::{Program, StreamId};
use crate::report::output::{Io, complain, explain};
use crate::runtime::clock::Clock;
use crate::runtime::input::CANONICAL_LIMIT;
use crate::sys::names::signal_name;
use crate::sys::poll::{self, Want};

/// Runs the dialogue; 0 when its steps are met, 122 when it failed, 125.
pub fn run(args: &RunScript, io: &mut Io<'_>) -> i32 {
    let (program, secrets) = match script::dialogue(args, &Surroundings::look()) {
        Ok(resolved) => resolved,
        Err(error) => {
            io.say(error.message);
            error.details.iter().for_each(|detail| explain(detail));
            return EXIT_HEELER;
        }
    };
    let living = match find(&args.target, io) {
        Ok(Found::Living(living)) => living,
        Ok(Found::Record(over)) => return over.complain(io),
        Err(code) => return code,
    };
    let run = living.run.clone();
    let socket = place::socket(&living.db, &run);
    let talk = || {
        let mut player = Player::begin(living, program, secrets)?;
        player.play()?;
        Ok::<_, String>(player)
    };
    let player = match talk() {
        Ok(player) => player,
        Err(why) => {
            io.say(format_args!("run {run}: {why}"));
            return EXIT_HEELER;
        }
    };
    // From a heeler that is stopped nothing comes, whatever the command said.
    if player.failed.is_some()
        && let Err(error @ Failed::Silent(_)) =
            Connection::open(&socket).and_then(|mut to| to.ask(&Request::Status))
    {
        return failed(&run, &error, io);
    }
    let record = player.dialogue.record();
    if args.json && print_json(io, &describe::dialogue(&record)).is_err() {
        return EXIT_HEELER;
    }
    let Some(failure) = &player.failed else { return 0 };
    io.say(&failure.message);
    for line in tell::details(failure) {
        explain(&line);
    }
    EXIT_DIALOGUE
}

/// How much is typed with one request, which has to fit into a frame however its bytes are written.
const PART: usize = 8 << 10;

/// What was asked and is not answered yet.
enum Asked {
    Text(Vec<u8>),
    Secret,
    Other,
}

/// What is under way: the oldest request is being served.
#[derive(Default)]
struct Pending {
    /// What was asked, and how long its answer may take once it is served.
    asked: VecDeque<(Asked, Duration)>,
    /// Since when the oldest is served.
    since: Duration,
}

impl Pending {
    fn push(&mut self, now: Duration, asked: Asked, patience: Duration) {
        if self.asked.is_empty() {
            self.since = now;
        }
        self.asked.push_back((asked, patience));
    }

    fn pop(&mut self, now: Duration) -> Option<Asked> {
        self.since = now;
        self.asked.pop_front().map(|(asked, _)| asked)
    }

    /// When an answer has to be there.
    fn due(&self) -> Option<Duration> {
        self.asked.front().map(|(_, patience)| self.since.saturating_add(*patience))
    }
}

struct Player {
    connection: Connection,
    dialogue: Dialogue,
    secrets: BTreeMap<String, Secret>,
    clock: Clock,
    stream: StreamId,
    pending: Pending,
    unsent: Vec<u8>,
    input: Vec<u8>,
    failed: Option<Failure>,
    has_steps: bool,
    over: bool,
}

impl Player {
    fn begin(
        living: Living,
        program: Program,
        secrets: BTreeMap<String, Secret>,
    ) -> Result<Player, String> {
        let mut connection = living.connection;
        let mut ask = |request| connection.ask(request).map_err(|error| error.to_string());
        let Reply::Status(status) = ask(&Request::Status)? else {
            return Err("it does not say how it is".to_owned());
        };
        if let (false, Some(why)) = (status.terminal, keys::lost_in(&program)) {
            return Err(format!("{why}; nothing was sent"));
        }
        let since = status.cursors.values().copied().min();
        let attach = Attach { since, ..Attach::default() };
        let Reply::Attached { terminal, size, .. } = ask(&Request::Attach(attach))? else {
            return Err("it cannot be attached to".to_owned());
        };
        let streams = match (terminal, status.cursors.len()) {
            (true, _) => vec![StreamId::Terminal],
            (false, 1) => vec![StreamId::Stdout],
            (false, _) => vec![StreamId::Stdout, StreamId::Stderr],
        };
        let mask = Mask::new(secrets.values().map(Secret::bytes));
        let setup = Setup {
            streams: streams.clone(),
            size: if terminal { size } else { (80, 24) },
            terminal,
            secret_names: secrets.keys().cloned().collect(),
            missing_secrets: Secret::missing_of(&secrets),
            mask,
        };
        let has_steps = !program.steps.is_empty();
        let dialogue = Dialogue::new(program, setup).map_err(|error| error.to_string())?;
        let input = connection.take_rest();
        let stream = streams[0];
        Ok(Player {
            connection,
            dialogue,
            secrets,
            clock: Clock::start(),
            stream,
            pending: Pending::default(),
            unsent: Vec::new(),
            input,
            failed: None,
            has_steps,
            over: false,
        })
    }

    fn play(&mut self) -> Result<(), String> {
        self.tell(Dialogue::start)?;
        let mut ready = Vec::new();
        while !self.over && !self.is_done() {
            if self.take_frames()? {
                continue;
            }
            let now = self.clock.active();
            let due = self.dialogue.next_deadline();
            if due.is_some_and(|due| now >= due) {
                self.tell(Dialogue::tick)?;
                continue;
            }
            let answer = self.pending.due();
            if answer.is_some_and(|due| now >= due) {
                return Err(self.connection.silent().to_string());
            }
            let left = earliest(due, answer).map(|due| due.saturating_sub(now));
            let mut wants = vec![(self.connection.fd(), Want::Read)];
            if !self.unsent.is_empty() {
                wants.push((self.connection.fd(), Want::Write));
            }
            poll::poll(&wants, left, &mut ready).map_err(|error| error.to_string())?;
            self.connection.flush(&mut self.unsent);
            if ready[0].ready && !self.connection.read().map_err(|error| error.to_string())? {
                return Err(Failed::Gone.to_string());
            }
            self.input.extend(self.connection.take_rest());
        }
        Ok(())
    }

    /// Whether all steps are met and what they type is typed. A script of rules alone goes on to the end.
    fn is_done(&self) -> bool {
        self.has_steps && self.dialogue.is_done() && self.pending.asked.is_empty()
    }

    /// Takes the frames that are there; true when there was one.
    fn take_frames(&mut self) -> Result<bool, String> {
        let Some((frame, content, taken)) =
            Frame::decode(&self.input).map_err(|error| error.to_string())?
        else {
            return Ok(false);
        };
        let content = content.to_vec();
        self.input.drain(..taken);
        match frame {
            Some(Frame::Output) => {
                let stream = self.stream;
                self.tell(|dialogue, now, out| dialogue.output(now, stream, &content, out))?;
            }
            Some(Frame::Stderr) => {
                let stream = StreamId::Stderr;
                self.tell(|dialogue, now, out| dialogue.output(now, stream, &content, out))?;
            }
            Some(Frame::Size) => {
                if let Some((columns, rows)) = decode_size(&content) {
                    self.dialogue.resize(columns, rows);
                }
            }
            Some(Frame::Lost) => {
                let lost = content.first_chunk().map_or(0, |lost| u64::from_le_bytes(*lost));
                complain(&format!("{lost} bytes came faster than they could be looked at"));
            }
            Some(Frame::Answer) => self.answered(&content)?,
            Some(Frame::Ended) => {
                let ended: Ended =
                    serde_json::from_slice(&content).map_err(|error| error.to_string())?;
                if let Some(status) = ended.status() {
                    self.dialogue.set_exit(status);
                }
                self.tell(Dialogue::exited)?;
                self.tell(Dialogue::finish)?;
                self.over = true;
            }
            _ => {}
        }
        Ok(true)
    }

    fn answered(&mut self, content: &[u8]) -> Result<(), String> {
        let reply: Reply = serde_json::from_slice(content).map_err(|error| error.to_string())?;
        let asked = self.pending.pop(self.clock.active()).unwrap_or(Asked::Other);
        let failed = match (reply, asked) {
            (Reply::Sent { echoed, .. }, Asked::Text(bytes)) => {
                self.dialogue.sent(self.stream, &bytes, echoed);
                return Ok(());
            }
            (Reply::Sent { .. }, Asked::Secret) => return self.tell(Dialogue::secret_sent),
            (Reply::Error { kind, message, .. }, asked) => match (kind, asked) {
                (ErrorKind::Closed, _) => SendError::InputClosed,
                (ErrorKind::Echo, _) => SendError::SecretEcho,
                (ErrorKind::TooLong, Asked::Text(bytes)) => {
                    let (bytes, limit) = (bytes.len(), CANONICAL_LIMIT);
                    SendError::CanonicalLimit { bytes, limit }
                }
                _ => SendError::Other(message),
            },
            (Reply::Limit { .. }, Asked::Text(_) | Asked::Secret) => {
                SendError::Other("the command does not read its input".to_owned())
            }
            _ => return Ok(()),
        };
        self.tell(|dialogue, now, out| dialogue.send_failed(now, &failed, out))
    }

    fn tell(
        &mut self,
        what: impl FnOnce(&mut Dialogue, Duration, &mut Vec<Effect>),
    ) -> Result<(), String> {
        let mut effects = Vec::new();
        let now = self.clock.active();
        what(&mut self.dialogue, now, &mut effects);
        loop {
            for effect in effects.drain(..) {
                self.carry_out(effect)?;
            }
            if !self.dialogue.is_behind() {
                return Ok(());
            }
            self.dialogue.tick(now, &mut effects);
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Send(bytes) => bytes.chunks(PART).try_for_each(|part| {
                let typing = Typing::Text(part.to_vec().into());
                self.send(typing, Asked::Text(part.to_vec()), None)
            }),
            Effect::CloseInput | Effect::SendEof => {
                self.send(Typing::Key("eof".to_owned()), Asked::Other, None)
            }
            Effect::Secret { name, echo_ok, deadline, .. } => {
                let Some(secret) = self.secrets.get(&name) else { return Ok(()) };
                let value = secret.bytes().to_vec().into();
                self.send(Typing::Secret { value, echo_ok }, Asked::Secret, deadline)
            }
            Effect::Interrupt => self.ask(&signal(crate::sys::signals::INT), Asked::Other),
            Effect::Signal(number) => self.ask(&signal(number), Asked::Other),
            Effect::Terminate => self.ask(&Request::Stop { signal: None }, Asked::Other),
            Effect::Kill => self.ask(&signal(crate::core::supervisor::KILL), Asked::Other),
            Effect::Resize(columns, rows) => {
                self.ask(&Request::Resize { columns, rows }, Asked::Other)
            }
            Effect::Pass => {
                self.over = true;
                Ok(())
            }
            Effect::Fail(failure) => {
                self.failed = Some(failure);
                self.over = true;
                Ok(())
            }
            Effect::Log(line) => {
                complain(&line);
                Ok(())
            }
            // Over with the connection, or nothing that anybody waits for here; a script with the steps that
            // need more is refused before.
            Effect::DropSecret
            | Effect::Exec { .. }
            | Effect::StopExec
            | Effect::Ask { .. }
            | Effect::StopAsk
            | Effect::Interact { .. }
            | Effect::StopInteract
            | Effect::CleanupDone
            | Effect::Noted(_)
            | Effect::Told(_) => Ok(()),
        }
    }

    fn send(
        &mut self,
        typing: Typing,
        asked: Asked,
        deadline: Option<Duration>,
    ) -> Result<(), String> {
        let now = self.clock.active();
        let limit = deadline.map_or(DEFAULT_LIMIT, |deadline| deadline.saturating_sub(now));
        let limit_ms = Some(limit.as_millis() as u64);
        let request = Request::Send { actions: vec![typing], limit_ms };
        self.ask_within(&request, asked, limit.saturating_add(GRACE))
    }

    fn ask(&mut self, request: &Request, asked: Asked) -> Result<(), String> {
        self.ask_within(request, asked, PATIENCE)
    }

    fn ask_within(
        &mut self,
        request: &Request,
        asked: Asked,
        patience: Duration,
    ) -> Result<(), String> {
        let request = serde_json::to_vec(request).map_err(|error| error.to_string())?;
        Frame::Ask.encode(&request, &mut self.unsent);
        self.pending.push(self.clock.active(), asked, patience);
        self.connection.flush(&mut self.unsent);
        Ok(())
    }
}

fn signal(number: i32) -> Request {
    Request::Signal { signal: signal_name(number) }
}
