//! Clients that are attached: output to them, input and sizes from them.

use std::time::Duration;

use zeroize::Zeroizing;

use super::Server;
use super::peer::Stage;
use crate::control::protocol::{Attach, ErrorKind, Frame, Reply, decode_size};
use crate::runtime::remote::Order;

impl Server {
    /// From here on the connection carries frames.
    pub(super) fn attach(&mut self, id: u64, attach: &Attach) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let size = self.session.size();
        let total = self.session.offset();
        let kept = attach.since.map(|since| self.session.kept(since)).unwrap_or_default();
        let kept: Vec<_> = kept
            .into_iter()
            .map(|(stream, offset, bytes)| (stream, offset, bytes.to_vec()))
            .collect();
        let shown: u64 = kept.iter().map(|(_, _, bytes)| bytes.len() as u64).sum();
        let offset = kept.first().map_or(total, |(_, offset, _)| *offset);
        let asked = attach.since.map_or(0, |since| total.saturating_sub(since));
        let screen = self.session.screen().filter(|_| attach.since.is_none());
        client.say(&Reply::Attached {
            terminal: size.is_some(),
            size: size.unwrap_or_default(),
            offset,
            dropped: asked.saturating_sub(shown),
            screen: screen.map(|screen| screen.state),
        });
        client.stage = Stage::Attached { read_only: attach.read_only };
        for (stream, _, bytes) in kept {
            client.show(stream, &bytes);
        }
        if let Some(size) = attach.size.filter(|_| size.is_some() && !attach.read_only) {
            self.orders.push(Order::Resize(size));
        }
    }

    /// Takes one frame of an attached client; false when there is none to take now.
    pub(super) fn take_frame(&mut self, now: Duration, id: u64) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let Stage::Attached { read_only } = client.stage else { return false };
        let (frame, content) = match client.take_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return false,
            Err(why) => {
                client.say_error(ErrorKind::TooLong, &why);
                client.stage = Stage::Closing;
                return false;
            }
        };
        if read_only {
            if frame == Some(Frame::Ask) {
                client.say_error(ErrorKind::Denied, "it is attached read-only");
            }
            return true;
        }
        match frame {
            Some(Frame::Input) => {
                client.untyped += 1;
                let ticket = self.ticket(id);
                self.orders.push(Order::Type { ticket, bytes: Zeroizing::new(content) });
            }
            Some(Frame::Eof) => {
                client.untyped += 1;
                let ticket = self.ticket(id);
                self.orders.push(Order::Eof { ticket });
            }
            Some(Frame::Ask) => self.serve(now, id, &content),
            Some(Frame::Resize) => {
                if let Some(size) = decode_size(&content) {
                    self.orders.push(Order::Resize(size));
                }
            }
            _ => {}
        }
        true
    }
}
