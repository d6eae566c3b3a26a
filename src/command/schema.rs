//! `heeler schema NAME`.

use schemars::generate::SchemaSettings;

use crate::cli;
use crate::control::protocol::Messages;
use crate::report::model::Report;
use crate::script;

/// Prints the JSON Schema of a format.
pub fn run(args: &cli::Schema) -> i32 {
    let schema = match args.name {
        // As it is written: a field that is left out where it does not apply is not required.
        cli::Format::Report => serde_json::to_string_pretty(
            &SchemaSettings::default()
                .for_serialize()
                .into_generator()
                .into_root_schema_for::<Report>(),
        ),
        cli::Format::Control => serde_json::to_string_pretty(&schemars::schema_for!(Messages)),
        cli::Format::Script => serde_json::to_string_pretty(&script::schema()),
    };
    match schema {
        Ok(json) => super::print(&format!("{json}\n")),
        Err(error) => super::fail(&format!("cannot write the schema: {error}")),
    }
}
