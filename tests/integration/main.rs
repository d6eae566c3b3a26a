//! Behaviour through the real binary, one module per behaviour.

mod docs;
mod script;
mod script_run;
