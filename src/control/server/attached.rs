//! Clients that are attached: output to them, input and sizes from them.

use std::time::Duration;

use zeroize::Zeroizing;

use super::peer::Stage;
use super::{MAX_BACKLOG, Server};
use crate::control::protocol::{Attach, ErrorKind, Frame, Reply, decode_size};
use crate::core::size::choose;
use crate::runtime::remote::Order;

/// A terminal that does not know its size says 0.
fn is_size((columns, rows): (u16, u16)) -> bool {
    columns > 0 && rows > 0
}

impl Server {
    /// From here on the connection carries frames.
    pub(super) fn attach(&mut self, id: u64, attach: &Attach) {
        self.activity += 1;
        let Some(client) = self.clients.get_mut(&id) else { return };
        let own = attach.size.filter(|size| !attach.read_only && is_size(*size));
        client.stage = Stage::Attached { read_only: attach.read_only, size: own };
        client.active = self.activity;
        self.size_from = attach.size_from.unwrap_or(self.size_from);
        // Before the screen is shown, for it is to be shown in that size.
        self.fit();
        let size = self.session.size();
        let total = self.session.offset();
        let kept = attach.since.map(|since| self.session.kept(since)).unwrap_or_default();
        // The last of it, as far as there is room for more behind that.
        let much: usize = kept.iter().map(|(_, _, bytes)| bytes.len()).sum();
        let mut left_out = much.saturating_sub(MAX_BACKLOG / 2);
        let kept: Vec<_> = kept
            .into_iter()
            .filter_map(|(stream, offset, bytes)| {
                let cut = left_out.min(bytes.len());
                left_out -= cut;
                let bytes = &bytes[cut..];
                (!bytes.is_empty()).then(|| (stream, offset + cut as u64, bytes.to_vec()))
            })
            .collect();
        let shown: u64 = kept.iter().map(|(_, _, bytes)| bytes.len() as u64).sum();
        let offset = kept.first().map_or(total, |(_, offset, _)| *offset);
        let asked = attach.since.map_or(0, |since| total.saturating_sub(since));
        let screen = self.session.screen().filter(|_| attach.since.is_none());
        let Some(client) = self.clients.get_mut(&id) else { return };
        // The last that is a line.
        client.say_line(&Reply::Attached {
            terminal: size.is_some(),
            size: size.unwrap_or_default(),
            offset,
            dropped: asked.saturating_sub(shown),
            screen: screen.map(|screen| screen.state),
        });
        for (stream, _, bytes) in kept {
            client.show(stream, &bytes);
        }
    }

    /// Gives the terminal the size that those who are attached want.
    pub(super) fn fit(&mut self) {
        let Some(now) = self.session.size() else { return };
        let mut sizes: Vec<(u64, (u16, u16))> = self
            .clients
            .values()
            .filter_map(|client| match client.stage {
                Stage::Attached { size: Some(size), .. } => Some((client.active, size)),
                _ => None,
            })
            .collect();
        sizes.sort_unstable();
        let sizes: Vec<_> = sizes.into_iter().map(|(_, size)| size).collect();
        let wanted = choose(self.size_from, &sizes, now);
        if wanted != now {
            self.session.resize(wanted);
            self.orders.push(Order::Resize(wanted));
        }
    }

    /// Takes one frame of an attached client; false when there is none to take now.
    pub(super) fn take_frame(&mut self, now: Duration, id: u64) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let Stage::Attached { read_only, .. } = client.stage else { return false };
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
        self.activity += 1;
        client.active = self.activity;
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
                client.stage = Stage::Attached {
                    read_only,
                    size: decode_size(&content).filter(|size| is_size(*size)),
                };
            }
            _ => {}
        }
        self.fit();
        true
    }
}
