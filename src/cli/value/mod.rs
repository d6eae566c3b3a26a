//! What a value may look like: one parser a kind, tested beside it. Messages are what follows
//! "invalid value 'x' for '--flag': ".

mod code;
mod dialogue;
mod duration;
mod number;
mod policy;
mod setting;
mod size;

pub use code::{Codes, codes};
pub use dialogue::{Do, Stream, View, do_action, labelled, param};
pub use duration::{LONGEST, duration};
pub use policy::{Ladder, RetryOn, RetryOnList, Rung, Strays, ladder, retry_on, strays};
pub use setting::{
    StdinFrom, Tag, factor, jitter, name, nice, rlimit, speed, tag, umask, window_size,
};
pub use size::size;
