//! Detached runs: the protocol their heeler speaks, its side of it, and the clients'.
//!
//! ```text
//! client ── unix socket ── server ── session (what came, what is awaited; pure)
//!                             │
//!                             ├── log (the output on disk)
//!                             └── runtime::remote (facts in, orders out: the one loop of the run)
//! ```
//!
//! **One heeler a run, no master.** Its loop is the run's own: the server only adds descriptors to what that
//! waits for. It never blocks and never waits for a client; whoever is slow loses, by count, and the run
//! does not.
//!
//! **What is told is masked.** Secrets never reach a client, the log or the session; patterns of clients look
//! at the output as it is shown.
//!
//! **After the end** the socket is gone. What is left is the record in the database (`wait`, `inspect`), the
//! log (`logs`), and beside it what nobody had matched yet (`expect`): see [`place`].

pub mod client;
pub mod log;
pub mod place;
pub mod protocol;
pub mod server;
pub mod session;
