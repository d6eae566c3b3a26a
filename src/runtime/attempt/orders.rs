//! What whoever is beside the run wants done, and what it is told of that.

use zeroize::Zeroizing;

use super::Running;
use crate::core::supervisor::Event;
use crate::expect::tape::Typing;
use crate::runtime::input::Done;
use crate::runtime::outlets::By;
use crate::runtime::remote::{Fact, NotTyped, Order};

impl Running<'_, '_> {
    /// Carries out what is ordered. An answer can bring more orders, so until there are none.
    pub(super) fn take_orders(&mut self) {
        loop {
            let orders = match &mut self.shared.remote {
                Some(remote) => remote.take_orders(),
                None => return,
            };
            if orders.is_empty() {
                return;
            }
            for order in orders {
                self.carry_out(order);
            }
            self.pump_input();
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Type { ticket, bytes } => self.launched.input.send_for(ticket, bytes),
            Order::Secret { ticket, value, until } => {
                self.mask(&value);
                let enter: &[u8] = if self.launched.pty.is_some() { b"\r" } else { b"\n" };
                let bytes = Zeroizing::new([value.as_slice(), enter].concat());
                let now = self.now();
                let until = until.map(|until| until.saturating_sub(self.began));
                self.launched.input.send_secret_for(now, ticket, bytes, until);
            }
            Order::Eof { ticket } => self.launched.input.end_for(ticket),
            Order::Forget { ticket } => self.launched.input.forget(ticket),
            Order::Signal(signal) => self.send_signal(signal),
            Order::Stop(signal) => {
                self.asked_to_stop(signal);
            }
            Order::OwnerGone => self.event(Event::OwnerGone),
            Order::Resize(size) => self.resize(size),
        }
    }

    /// What a client wanted typed was, or was not.
    pub(super) fn typed_for(&mut self, ticket: u64, result: Result<Option<Done>, NotTyped>) {
        let at = self.shared.clock.active();
        if let Ok(typed) = &result {
            let hidden = (Zeroizing::new(b"\r".to_vec()), Typing::Hidden);
            let (bytes, typing) = typed.as_ref().unwrap_or(&hidden);
            self.shared.outlets.input(at, bytes, *typing, By::Source);
            if *typing == Typing::Shown {
                self.shared.note(Fact::Echoed(bytes));
                if let (Some(dialogue), Some(stream)) =
                    (&mut self.dialogue, self.launched.streams.first())
                {
                    dialogue.sent(stream.id, bytes, true);
                }
            }
            self.event(Event::Active);
        }
        let echoed = |done: Option<Done>| done.is_some_and(|(_, typing)| typing == Typing::Shown);
        self.shared.note(Fact::Typed(ticket, result.map(echoed)));
    }

    /// Its time may have come.
    pub(super) fn tick_remote(&mut self) {
        let now = self.shared.clock.active();
        if let Some(remote) = &mut self.shared.remote {
            remote.tick(now);
            self.take_orders();
        }
    }
}
