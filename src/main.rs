//! Parse, dispatch, return the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    ExitCode::from(heeler::command::main(&argv) as u8)
}
