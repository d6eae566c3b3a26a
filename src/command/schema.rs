//! `heeler schema NAME`.

use crate::cli;
use crate::report::model::Report;

/// Prints the JSON Schema of a format.
pub fn run(args: &cli::Schema) -> i32 {
    let schema = match args.name {
        cli::Format::Report => schemars::schema_for!(Report),
    };
    match serde_json::to_string_pretty(&schema) {
        Ok(json) => super::print(&format!("{json}\n")),
        Err(error) => super::fail(&format!("cannot write the schema: {error}")),
    }
}
