//! Parse, dispatch, return the exit code.

#![no_main]

heeler::entry!(heeler::command::main);
