//! `heeler schema NAME`.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use crate::cli;
use crate::control::protocol::Messages;
use crate::report::model::Report;
use crate::report::runs::{Inspection, ReapReport, RunRow};
use crate::report::screen::Screen;
use crate::script;

/// Prints the JSON Schema of a format.
pub fn run(args: &cli::Schema) -> i32 {
    let schema = match args.name {
        cli::Format::Report => written::<Report>(),
        cli::Format::Screen => written::<Screen>(),
        cli::Format::List => written::<Vec<RunRow>>(),
        cli::Format::Inspect => written::<Inspection>(),
        cli::Format::Reap => written::<ReapReport>(),
        cli::Format::Control => serde_json::to_string_pretty(&schemars::schema_for!(Messages)),
        cli::Format::Script => serde_json::to_string_pretty(&script::schema()),
    };
    match schema {
        Ok(json) => super::print(&format!("{json}\n")),
        Err(error) => super::fail(&format!("cannot write the schema: {error}")),
    }
}

/// As it is written: a field that is left out where it does not apply is not required.
fn written<T: JsonSchema>() -> serde_json::Result<String> {
    let settings = SchemaSettings::default().for_serialize();
    serde_json::to_string_pretty(&settings.into_generator().into_root_schema_for::<T>())
}
