//! `heeler send RUN`: types, and prints the offset of the output at that moment.

use std::collections::BTreeMap;

use super::{DEFAULT_LIMIT, Limit, ask, unexpected};
use crate::cli::detached::Send;
use crate::config::Surroundings;
use crate::config::plan::Secret;
use crate::config::send::resolve;
use crate::control::protocol::{Reply, Request, Typing};
use crate::core::outcome::{EXIT_HEELER, EXIT_LIMIT};
use crate::expect::keys;
use crate::expect::program::{Action, Key, Text};
use crate::report::output::Io;

/// How much is typed with one request: what is more goes in several, in order.
const PART: usize = 128 << 10;

/// Types, and prints the offset; 0, 124 when the command did not take it in time, or 125.
pub fn run(args: &Send, io: &mut Io<'_>) -> i32 {
    let (actions, secrets) = match resolve(args, &Surroundings::look()) {
        Ok(resolved) => resolved,
        Err(error) => {
            io.say(error.message);
            return EXIT_HEELER;
        }
    };
    let mut offset = 0;
    let limit = Limit::new(args.timeout, Some(DEFAULT_LIMIT));
    for actions in requests(&actions, &secrets) {
        let limit_ms = limit.ms().unwrap_or(u64::MAX / 4);
        let request = Request::Send { actions, limit_ms: Some(limit_ms) };
        offset = match ask(&args.target, io, |to| limit.ask(to, &request)) {
            Ok(Reply::Sent { offset, .. }) => offset,
            Ok(Reply::Limit { .. }) => {
                io.say("the command did not take the input within the limit (--timeout)");
                return EXIT_LIMIT;
            }
            Ok(other) => return unexpected(&other, io),
            Err(code) => return code,
        };
    }
    match io.out.write_all(format!("{offset}\n").as_bytes()) {
        Ok(()) => 0,
        Err(error) => {
            io.say(format_args!("cannot print the offset: {error}"));
            EXIT_HEELER
        }
    }
}

/// The actions as requests of a bounded size.
fn requests(actions: &[Action], secrets: &BTreeMap<String, Secret>) -> Vec<Vec<Typing>> {
    let (mut requests, mut size) = (vec![Vec::new()], 0);
    for typing in actions.iter().flat_map(|action| typings(action, secrets)) {
        let length = match &typing {
            Typing::Text(bytes) | Typing::Line(bytes) => bytes.as_bytes().len(),
            Typing::Key(_) | Typing::Secret { .. } => 0,
        };
        if size > 0 && size + length > PART {
            requests.push(Vec::new());
            size = 0;
        }
        size += length;
        if let Some(request) = requests.last_mut() {
            request.push(typing);
        }
    }
    requests
}

fn typings(action: &Action, secrets: &BTreeMap<String, Secret>) -> Vec<Typing> {
    match action {
        Action::Send(text) => parts(text, false),
        Action::Line(text) => parts(text, true),
        Action::Key(key) => match (keys::name(key), key) {
            (Some(name), _) => vec![Typing::Key(name)],
            (None, Key::Bytes(bytes)) => vec![Typing::Text(bytes.clone().into())],
            (None, _) => Vec::new(),
        },
        Action::Secret { name, echo_ok } => {
            let secret = secrets.get(name).map(|secret| secret.bytes().to_vec());
            let value = secret.unwrap_or_default().into();
            vec![Typing::Secret { value, echo_ok: *echo_ok }]
        }
        _ => Vec::new(),
    }
}

fn parts(text: &Text, enter: bool) -> Vec<Typing> {
    let bytes = text.as_literal().unwrap_or_default();
    let mut parts: Vec<Typing> =
        bytes.chunks(PART).map(|part| Typing::Text(part.to_vec().into())).collect();
    if enter {
        let last = match parts.pop() {
            Some(Typing::Text(last)) => last,
            _ => Vec::new().into(),
        };
        parts.push(Typing::Line(last));
    }
    parts
}
