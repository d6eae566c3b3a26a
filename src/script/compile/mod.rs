//! From tables to a program and settings.
//!
//! Everything that a name refers to is looked up here: variables, steps, procs, rules, secrets. What cannot
//! be known before the run (a captured value in a pattern) is checked as far as it can be.

mod actions;
mod kinds;
mod listen;
mod names;
mod params;
pub mod settings;
mod steps;
mod texts;

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::expect::program::{Place, Program};

use super::finding::Log;
use super::model::Script;
use super::source::{Source, Span};

pub use params::Params;
pub use settings::Settings;

pub(in crate::script) use texts::groups;

use names::Names;

/// What a script is compiled with.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// `--set`.
    pub set: &'a [(String, String)],
    /// Words of the command line that fill params in their order; absent where none are taken.
    pub words: Option<&'a [OsString]>,
    /// Only checked: params may be missing, placeholders stand for them.
    pub check: bool,
    /// The number of a signal on this platform.
    pub signal: fn(&str) -> Option<i32>,
    /// Secrets that flags define.
    pub secrets: &'a [String],
}

/// What a script amounts to.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// Its dialogue.
    pub program: Program,
    /// Everything else.
    pub settings: Settings,
    /// Where the parts of the program stand.
    pub places: Places,
}

/// Where the parts of a program stand in the script.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Steps.
    pub steps: BTreeMap<Place, Span>,
    /// The patterns of branches.
    pub branches: BTreeMap<(Place, usize), Span>,
    /// The patterns of rules.
    pub rules: Vec<Span>,
    /// The patterns of watches.
    pub watches: Vec<Span>,
    /// Procs that are never called.
    pub uncalled: Vec<(String, Span)>,
    /// The blocks of procs, by name.
    pub procs: BTreeMap<String, usize>,
}

/// Compiles a script, the first of `scripts`, with what it includes.
pub fn compile(
    scripts: &[Script],
    sources: &[Source],
    given: &Given<'_>,
    log: &mut Log,
) -> Compiled {
    let params = params::resolve(scripts, sources, given, log);
    let mut compiler = Compiler {
        sources,
        given,
        names: Names::default(),
        params: &params,
        log,
        program: Program::default(),
        places: Places::default(),
        procs: BTreeMap::new(),
    };
    compiler.included(scripts);
    let settings = compiler.settings(scripts);
    compiler.dialogue(scripts);
    compiler.look_up();
    Compiled { program: compiler.program, settings, places: compiler.places }
}

struct Compiler<'a> {
    sources: &'a [Source],
    given: &'a Given<'a>,
    params: &'a Params,
    names: Names,
    log: &'a mut Log,
    program: Program,
    places: Places,
    procs: BTreeMap<String, steps::Callable>,
}

impl Compiler<'_> {
    /// What is included may hold only what can be put together without a conflict.
    fn included(&mut self, scripts: &[Script]) {
        for script in scripts.iter().skip(1) {
            let first = |steps: &Option<Vec<super::model::Step>>| {
                steps.as_ref().and_then(|steps| steps.first()).map(|step| step.at)
            };
            let others = [
                (script.command.as_ref().map(|table| table.at), "command"),
                (script.secrets.as_ref().and_then(|t| t.0.first()).map(|(n, _)| n.at), "secrets"),
                (script.limits.as_ref().map(|table| table.at), "limits"),
                (script.retry.as_ref().map(|table| table.at), "retry"),
                (script.stop.as_ref().map(|text| text.at), "stop"),
                (script.strays.as_ref().map(|text| text.at), "strays"),
                (script.ok_exit.as_ref().map(|text| text.at), "ok_exit"),
                (first(&script.step), "step"),
                (first(&script.cleanup), "cleanup"),
            ];
            for (at, key) in others {
                if let Some(at) = at {
                    let message = format!("an included script cannot have `{key}`");
                    self.log
                        .error("include", at, message)
                        .help("it holds procs, rules, watches and params; steps go into a proc");
                }
            }
        }
    }
}
