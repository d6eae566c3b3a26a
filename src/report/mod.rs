//! What is told: JSON, text and recordings, from finished values. `output.rs` alone prints.

pub mod cast;
pub mod live;
pub mod model;
pub mod output;
pub mod runs;
pub mod screen;
pub mod sink;
pub mod svg;
pub mod table;
pub mod text;
pub mod timeline;
pub mod write;
