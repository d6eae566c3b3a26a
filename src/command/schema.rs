//! `heeler schema NAME`.
//!
//! What serde writes and reads is described by text that a test generates from the types and compares:
//! generating it here would be a twentieth of the program.

use crate::cli;
use crate::script;

/// A schema as the build packed it.
macro_rules! packed {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/", $name, ".json")))
    };
}

/// Prints the JSON Schema of a format.
pub fn run(args: &cli::Schema) -> i32 {
    let schema: serde_json::Result<serde_json::Value> = match args.name {
        cli::Format::Report => packed!("report"),
        cli::Format::Plan => packed!("plan"),
        cli::Format::Screen => packed!("screen"),
        cli::Format::List => packed!("list"),
        cli::Format::Inspect => packed!("inspect"),
        cli::Format::Reap => packed!("reap"),
        cli::Format::Control => packed!("control"),
        cli::Format::Script => Ok(script::schema()),
    };
    match schema {
        Ok(schema) => super::print(&format!("{schema:#}\n")),
        Err(error) => super::fail(&format!("cannot read the schema: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use schemars::Schema;
    use schemars::generate::SchemaSettings;

    use crate::config::dry_run::DryRun;
    use crate::control::protocol::Messages;
    use crate::report::model::Report;
    use crate::report::runs::{Inspection, ReapReport, RunRow};
    use crate::report::screen::Screen;

    /// After a change that is meant, write them anew with `HEELER_GOLDEN=write` and read the difference.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test reads, and writes when it is told to")]
    fn the_schemas_are_those_of_the_types() {
        // As it is written: a field that is left out where it does not apply is not required.
        let written = || SchemaSettings::default().for_serialize().into_generator();
        let current = |name: &str, schema: Schema| {
            let path = format!("{}/schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
            let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
            if std::env::var_os("HEELER_GOLDEN").is_some_and(|value| value == "write") {
                std::fs::write(&path, &text).unwrap();
            }
            let there = std::fs::read_to_string(&path).unwrap();
            assert!(there == text, "{path} is not current: HEELER_GOLDEN=write takes it over");
        };
        current("report", written().into_root_schema_for::<Report>());
        current("plan", written().into_root_schema_for::<DryRun>());
        current("screen", written().into_root_schema_for::<Screen>());
        current("list", written().into_root_schema_for::<Vec<RunRow>>());
        current("inspect", written().into_root_schema_for::<Inspection>());
        current("reap", written().into_root_schema_for::<ReapReport>());
        current("control", schemars::schema_for!(Messages));
    }
}
