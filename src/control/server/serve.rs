//! What is done for each request.

use std::collections::BTreeSet;
use std::time::Duration;

use zeroize::Zeroizing;

use super::Server;
use super::peer::{Stage, Task};
use crate::control::protocol::{ErrorKind, PROTOCOL, Reply, Request, Typing};
use crate::control::session::Refused;
use crate::expect::keys;
use crate::expect::program::Key;
use crate::runtime::remote::{NotTyped, Order};
use crate::sys::{names, signals};

/// How long a `send` may take when nothing is said.
const SEND_LIMIT: Duration = Duration::from_secs(30);

impl Server {
    /// Serves one line of a client.
    pub(super) fn serve(&mut self, now: Duration, id: u64, line: &[u8]) {
        let request = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(why) => {
                return self.reply(id, &error(ErrorKind::Request, format!("no request: {why}")));
            }
        };
        let Some(client) = self.clients.get_mut(&id) else { return };
        let framed = matches!(client.stage, Stage::Attached { .. });
        let may = matches!(
            request,
            Request::Send { .. }
                | Request::Signal { .. }
                | Request::Stop { .. }
                | Request::Resize { .. }
        );
        if framed && !may {
            let why = "an attached client may send, signal, stop and resize; connect once more";
            return self.reply(id, &error(ErrorKind::Request, why));
        }
        if client.stage == Stage::New && !matches!(request, Request::Hello { .. }) {
            client.stage = Stage::Closing;
            return self.reply(id, &error(ErrorKind::Request, "the first request is hello"));
        }
        if let Some(ended) = &self.over {
            let reply = match request {
                Request::Wait { .. } => Some(Reply::Ended(ended.clone())),
                Request::Send { .. }
                | Request::Signal { .. }
                | Request::Stop { .. }
                | Request::Resize { .. } => Some(error(ErrorKind::Closed, "the run has ended")),
                _ => None,
            };
            if let Some(reply) = reply {
                return self.reply(id, &reply);
            }
        }
        match request {
            Request::Hello { protocols } => self.hello(id, &protocols),
            Request::Status => self.reply(id, &Reply::Status(self.status(now))),
            Request::Send { actions, limit_ms } => self.send(now, id, actions, limit_ms),
            Request::Expect(expect) => match self.session.wait(now, id, &expect) {
                Ok(()) => {
                    client.task = Task::Expecting;
                    self.answer_waits(now);
                }
                Err(refused) => {
                    let kind = match refused {
                        Refused::Pattern(_) => ErrorKind::Pattern,
                        Refused::NoTerminal => ErrorKind::NoTerminal,
                        Refused::OneStream(_) | Refused::Beyond(_) => ErrorKind::Request,
                    };
                    self.reply(id, &error(kind, refused.to_string()));
                }
            },
            Request::Wait { limit_ms } => {
                let limit = limit_ms.map(|limit| now.saturating_add(Duration::from_millis(limit)));
                client.task = Task::Waiting { limit };
            }
            Request::Signal { signal } => {
                let Some(number) = names::signal_number(&signal) else {
                    let message = format!("there is no signal {signal}");
                    return self.reply(id, &error(ErrorKind::Request, message));
                };
                self.order(id, Order::Signal(number));
            }
            Request::Stop { signal } => {
                let name = signal.as_deref().unwrap_or("TERM");
                let asks = |signal: &i32| signals::asks_to_stop(*signal);
                let Some(signal) = names::signal_number(name).filter(asks) else {
                    let message = format!("{name} is no signal that asks for the end");
                    return self.reply(id, &error(ErrorKind::Request, message));
                };
                self.order(id, Order::Stop(signal));
            }
            Request::Resize { columns, rows } if self.session.size().is_some() => {
                self.order(id, Order::Resize((columns, rows)));
            }
            Request::Screen if self.session.size().is_some() => {
                let screen = self.session.screen();
                self.reply(id, &screen.map_or_else(no_terminal, Reply::Screen));
            }
            Request::Resize { .. } | Request::Screen => self.reply(id, &no_terminal()),
            Request::Follow => {
                let offset = self.session.offset();
                client.follows = Some(offset);
                client.say(&Reply::Log { offset });
                client.task = Task::Waiting { limit: None };
                self.say_over(id);
            }
            Request::Attach(attach) => {
                self.attach(id, &attach);
                self.say_over(id);
            }
        }
    }

    /// Who begins to listen after the end is told of it at once.
    fn say_over(&mut self, id: u64) {
        if let (Some(ended), Some(client)) = (&self.over, self.clients.get_mut(&id)) {
            client.end(ended);
        }
    }

    fn hello(&mut self, id: u64, protocols: &[String]) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if protocols.iter().any(|protocol| protocol == PROTOCOL) {
            client.stage = Stage::Ready;
            let reply = Reply::Hello {
                protocol: PROTOCOL.to_owned(),
                heeler: env!("CARGO_PKG_VERSION").to_owned(),
                run: self.run.clone(),
            };
            return self.reply(id, &reply);
        }
        client.stage = Stage::Closing;
        let message = format!("this run speaks {PROTOCOL}; use the heeler that started it");
        let protocols = vec![PROTOCOL.to_owned()];
        self.reply(id, &Reply::Error { kind: ErrorKind::Version, message, protocols });
    }

    fn order(&mut self, id: u64, order: Order) {
        self.orders.push(order);
        self.reply(id, &Reply::Done);
    }

    fn send(&mut self, now: Duration, id: u64, actions: Vec<Typing>, limit_ms: Option<u64>) {
        let limit = limit_ms.map_or(SEND_LIMIT, Duration::from_millis);
        let limit = now.saturating_add(limit);
        let mut tickets = BTreeSet::new();
        let mut orders = Vec::new();
        for action in actions {
            let ticket = self.ticket(id);
            tickets.insert(ticket);
            match self.translate(ticket, action, limit) {
                Ok(order) => orders.push(order),
                Err(why) => {
                    for ticket in tickets {
                        self.tickets.remove(&ticket);
                    }
                    return self.reply(id, &error(ErrorKind::Request, why));
                }
            }
        }
        if tickets.is_empty() {
            let offset = self.session.offset();
            return self.reply(id, &Reply::Sent { offset, echoed: false });
        }
        self.orders.extend(orders);
        if let Some(client) = self.clients.get_mut(&id) {
            client.task = Task::Sending { tickets, limit, echoed: false };
        }
    }

    /// A number for something that is to be typed for a client.
    pub(super) fn ticket(&mut self, id: u64) -> u64 {
        let ticket = self.next;
        self.next += 1;
        self.tickets.insert(ticket, id);
        ticket
    }

    fn translate(&self, ticket: u64, action: Typing, limit: Duration) -> Result<Order, String> {
        let terminal = self.session.size().is_some();
        let text = |bytes: Vec<u8>| Order::Type { ticket, bytes: Zeroizing::new(bytes) };
        Ok(match action {
            Typing::Text(bytes) => text(bytes.as_bytes().to_vec()),
            Typing::Line(bytes) => {
                let enter: &[u8] = if terminal { b"\r" } else { b"\n" };
                text([bytes.as_bytes(), enter].concat())
            }
            Typing::Key(name) => {
                let key = keys::parse(&name).map_err(|why| why.to_string())?;
                if let (false, Some(why)) = (terminal, keys::lost_on_pipes(&key)) {
                    return Err(why);
                }
                match key {
                    Key::Bytes(bytes) => text(bytes),
                    Key::Cursor(letter) => text(self.keypad.bytes(letter)),
                    Key::Eof => Order::Eof { ticket },
                }
            }
            Typing::Secret { value, echo_ok } => Order::Secret {
                ticket,
                value: Zeroizing::new(value.as_bytes().to_vec()),
                until: (!echo_ok).then_some(limit),
            },
        })
    }
}

/// Why something was not typed, for the client.
pub(super) fn not_typed(why: NotTyped) -> Reply {
    match why {
        NotTyped::Closed => error(ErrorKind::Closed, "the command does not take input any more"),
        NotTyped::TooLong(bytes) => error(
            ErrorKind::TooLong,
            format!(
                "a line of {bytes} bytes was not sent: the terminal takes 4095; end lines earlier, \
                 or wait until the command reads keys"
            ),
        ),
        NotTyped::Echo => error(
            ErrorKind::Echo,
            "the secret was not sent: the terminal kept echoing (--echo-ok sends it nevertheless)",
        ),
    }
}

pub(super) fn error(kind: ErrorKind, message: impl Into<String>) -> Reply {
    Reply::Error { kind, message: message.into(), protocols: Vec::new() }
}

fn no_terminal() -> Reply {
    error(ErrorKind::NoTerminal, "the command has no terminal (run -d --pty gives it one)")
}
