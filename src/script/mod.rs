//! Scripts: TOML or JSON in, a program and settings out, with every mistake at its place.
//!
//! Text becomes a tree with places ([`toml`], [`json`]), the tree becomes tables ([`read`], [`model`]), the
//! tables become a [`crate::expect::program::Program`] and settings ([`compile`]); [`check`] looks for what
//! runs but is probably not meant; [`emit`] goes the other way. Pure: the texts of includes are handed in.

pub mod actions;
mod check;
pub mod compile;
pub mod emit;
pub mod finding;
mod json;
pub mod learn;
pub mod model;
mod node;
pub mod read;
pub mod source;
mod toml;
mod usage;

use self::compile::{Compiled, Given};
use self::finding::{Finding, Log};
use self::model::Script;
use self::read::{Read, Text};
use self::source::Source;

/// How a script is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

impl Format {
    /// As the name of the file says.
    pub fn of(name: &str) -> Format {
        let json = name.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        if json && name.contains('.') { Format::Json } else { Format::Toml }
    }
}

/// Finds what a script includes: given the name of the including text and the path as it is written, the
/// name and the text of the other, or why it cannot be had.
pub type Include<'a> = dyn FnMut(&str, &str) -> Result<Source, String> + 'a;

/// How deep includes may be nested.
const DEEPEST: usize = 16;

/// A script and what it includes, read but not yet compiled.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The texts; the first is the script itself.
    pub sources: Vec<Source>,
    scripts: Vec<Script>,
    log: Log,
}

impl Loaded {
    /// Reads a script with everything that it includes.
    pub fn new(format: Format, source: Source, include: &mut Include<'_>) -> Loaded {
        let mut loaded = Loaded::default();
        loaded.add(format, source, &mut Vec::new(), include);
        loaded
    }

    fn add(
        &mut self,
        format: Format,
        source: Source,
        above: &mut Vec<String>,
        include: &mut Include<'_>,
    ) {
        let script = parse(format, self.sources.len(), &source.text, &mut self.log);
        let paths: Vec<Text> = script.include.iter().flat_map(|list| list.0.clone()).collect();
        above.push(source.name.clone());
        let name = source.name.clone();
        self.sources.push(source);
        self.scripts.push(script);
        for path in paths {
            let found = match include(&name, &path.value) {
                Ok(found) => found,
                Err(why) => {
                    let message = format!("cannot include `{}`: {why}", path.value);
                    self.log.error("include", path.at, message);
                    continue;
                }
            };
            if above.contains(&found.name) || above.len() >= DEEPEST {
                let message = format!("`{}` includes itself", path.value);
                self.log.error("include", path.at, message).help(above.join(" -> "));
            } else if !self.sources.iter().any(|known| known.name == found.name) {
                let format = Format::of(&found.name);
                self.add(format, found, above, include);
            }
        }
        above.pop();
    }

    /// Whether the script has a command of its own: words of the command line are params then.
    pub fn has_command(&self) -> bool {
        let command = self.scripts.first().and_then(|script| script.command.as_ref());
        command.is_some_and(|command| command.argv.is_some() || command.shell.is_some())
    }

    /// The values that flags can be for `--set`, in the order of the words that fill them.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        let params = self.scripts.iter().flat_map(|script| &script.params);
        params.flat_map(|params| params.0.iter().map(|(name, _)| name.value.as_str()))
    }

    /// Whether a param holds a list, which takes several words.
    pub fn is_list(&self, name: &str) -> bool {
        let params = self.scripts.iter().flat_map(|script| &script.params);
        params
            .flat_map(|params| &params.0)
            .any(|(known, param)| known.value == name && param.is_list())
    }

    /// Compiles it, and looks for what is probably not meant.
    pub fn check(&self, given: &Given<'_>) -> Vec<Finding> {
        let mut log = self.log.clone();
        if self.is_broken() {
            return log.finish();
        }
        let compiled = compile::compile(&self.scripts, &self.sources, given, &mut log);
        if !log.has_errors() {
            check::check(&compiled, &mut log);
        }
        log.finish()
    }

    /// Compiles it. The findings have an error exactly when there is nothing to run.
    pub fn compile(&self, given: &Given<'_>) -> (Compiled, Vec<Finding>) {
        let mut log = self.log.clone();
        if self.is_broken() {
            return (Compiled::default(), log.finish());
        }
        let compiled = compile::compile(&self.scripts, &self.sources, given, &mut log);
        (compiled, log.finish())
    }

    /// Whether a text cannot even be read.
    fn is_broken(&self) -> bool {
        (0..self.sources.len()).any(|source| self.log.has(source, "syntax"))
    }
}

/// The JSON Schema of a script.
pub fn schema() -> serde_json::Value {
    let mut defs = serde_json::Map::new();
    let root = Script::schema(&mut defs);
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "heeler script",
        "$ref": root["$ref"],
        "$defs": defs,
    })
}

/// Reads a text; `source` is its number in places.
fn parse(format: Format, source: usize, text: &str, log: &mut Log) -> Script {
    let node = match format {
        Format::Toml => toml::parse(source, text, log),
        Format::Json => json::parse(source, text, log),
    };
    let broken = log.has(source, "syntax");
    let mut script = Script::read(&node, log).unwrap_or_default();
    if broken {
        // What a reader makes of the rest of a broken text is guesswork, and so are the mistakes in it.
        log.keep(source, "syntax");
    }
    // What is about the whole script is shown at its first line.
    script.at = source::Span { source, start: 0, end: 0 };
    script
}
