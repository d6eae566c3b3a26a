//! One file per subcommand: wires the layers, decides nothing subtle.

pub mod doctor;
pub mod inspect;
pub mod list;
pub mod reap;
mod tracked;

#[cfg(test)]
mod tests;
