//! `heeler schema NAME`.

use schemars::generate::SchemaSettings;

use crate::cli;
use crate::control::protocol::Messages;
use crate::report::model::Report;
use crate::report::screen::Screen;
use crate::script;

/// Prints the JSON Schema of a format.
pub fn run(args: &cli::Schema) -> i32 {
    // As it is written: a field that is left out where it does not apply is not required.
    let written = || SchemaSettings::default().for_serialize().into_generator();
    let schema = match args.name {
        cli::Format::Report => {
            serde_json::to_string_pretty(&written().into_root_schema_for::<Report>())
        }
        cli::Format::Screen => {
            serde_json::to_string_pretty(&written().into_root_schema_for::<Screen>())
        }
        cli::Format::Control => serde_json::to_string_pretty(&schemars::schema_for!(Messages)),
        cli::Format::Script => serde_json::to_string_pretty(&script::schema()),
    };
    match schema {
        Ok(json) => super::print(&format!("{json}\n")),
        Err(error) => super::fail(&format!("cannot write the schema: {error}")),
    }
}
