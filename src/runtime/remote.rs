//! Someone beside the run, in its own loop: who is told what happens, and asks for things. The control server
//! of a detached run is one; a run in the foreground has none, and pays nothing for it.
//!
//! In each turn of the loop: [`Remote::wait`] adds descriptors to what is waited for, [`Remote::ready`] says
//! which of them are, [`Remote::tick`] that its time has come; then [`Remote::take_orders`] is carried out.
//! It outlives the attempts of a run and is asked in the pauses between them too. It must not block.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::core::outcome::Ended;
use crate::expect::program::StreamId;
use crate::sys::poll::Want;

/// Someone beside the run. Times are the run's active clock.
pub trait Remote: std::fmt::Debug {
    /// Adds the descriptors to wait for, in an order that [`Remote::ready`] refers to.
    fn wait(&mut self, add: &mut dyn FnMut(BorrowedFd<'_>, Want));
    /// Descriptor number `index` of the last wait is ready.
    fn ready(&mut self, now: Duration, index: usize);
    /// When to be asked although nothing is ready.
    fn next_deadline(&self) -> Option<Duration>;
    /// Time has passed.
    fn tick(&mut self, now: Duration);
    /// What is to be done.
    fn take_orders(&mut self) -> Vec<Order>;
    /// What has happened.
    fn note(&mut self, now: Duration, fact: Fact<'_>);
}

/// What happens in a run.
#[derive(Debug)]
pub enum Fact<'a> {
    /// An attempt runs.
    Started {
        /// 1 for the first.
        attempt: u32,
        /// Its leader.
        pid: i32,
    },
    /// Output, secrets masked.
    Output(StreamId, &'a [u8]),
    /// A stream of the attempt has ended.
    StreamEnded(StreamId),
    /// The leader has ended.
    Exited(Ended),
    /// The attempt is over.
    AttemptOver,
    /// The terminal has this size.
    Resized((u16, u16)),
    /// Somebody typed this while the terminal echoes.
    Echoed(&'a [u8]),
    /// What was ordered was typed, and whether the terminal echoed it; or why not.
    Typed(u64, Result<bool, NotTyped>),
}

/// Why something was not typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTyped {
    /// Nobody reads the input.
    Closed,
    /// A line of so many bytes is longer than a canonical terminal takes.
    TooLong(usize),
    /// The terminal kept echoing.
    Echo,
}

/// What a remote wants done.
#[derive(Debug)]
pub enum Order {
    /// Type this; the answer is [`Fact::Typed`] with the ticket.
    Type {
        /// What the answer refers to.
        ticket: u64,
        /// What, wiped when dropped.
        bytes: Zeroizing<Vec<u8>>,
    },
    /// Type a secret, once the terminal does not echo; it is masked from here on.
    Secret {
        /// What the answer refers to.
        ticket: u64,
        /// Its value, without Enter; wiped when dropped.
        value: Zeroizing<Vec<u8>>,
        /// Until when the terminal may echo; without it, it may.
        until: Option<Duration>,
    },
    /// End the input.
    Eof {
        /// What the answer refers to.
        ticket: u64,
    },
    /// What of this ticket is not typed yet is not wanted any more.
    Forget {
        /// The ticket.
        ticket: u64,
    },
    /// Send a signal to every member.
    Signal(i32),
    /// Stop the run, as this signal would.
    Stop(i32),
    /// Stop the run, and start no other attempt: the process that it is tied to has ended.
    OwnerGone,
    /// Give the terminal another size.
    Resize((u16, u16)),
}
