//! What is told: JSON, text and recordings, from finished values. `output.rs` alone prints.

pub mod cast;
pub mod build;
pub mod model;
pub mod write;
pub mod output;
