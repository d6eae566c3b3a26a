//! The names of a script: what is defined, what is used.

use std::collections::{BTreeMap, BTreeSet};

use super::Compiler;
use crate::script::source::Span;

/// Names that are there without being set.
const BUILT_IN: [&str; 2] = ["before", "status"];

/// Definitions and uses, looked up when both are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Variables and lists that something sets.
    defined: BTreeSet<String>,
    /// Lists.
    lists: BTreeSet<String>,
    /// Uses in texts and conditions.
    used: Vec<(String, Span)>,
    /// Uses as lists.
    used_lists: Vec<(String, Span)>,
    /// Rules by name.
    pub(super) rules: BTreeSet<String>,
    used_rules: Vec<(String, Span)>,
    /// Secrets.
    pub(super) secrets: BTreeMap<String, Span>,
    used_secrets: Vec<(String, Span)>,
    /// What lasts as long as a loop or a call.
    pub(super) locals: Vec<String>,
}

impl Names {
    pub(super) fn define(&mut self, name: &str) {
        self.defined.insert(name.to_owned());
    }

    pub(super) fn define_list(&mut self, name: &str) {
        self.define(name);
        self.lists.insert(name.to_owned());
    }

    pub(super) fn is_local(&self, name: &str) -> bool {
        self.locals.iter().any(|local| local == name)
    }

    pub(super) fn use_text(&mut self, name: &str, at: Span) {
        let base = name.split('.').next().unwrap_or(name);
        let number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
        if !number && !BUILT_IN.contains(&name) && !self.is_local(base) {
            self.used.push((name.to_owned(), at));
        }
    }

    pub(super) fn use_list(&mut self, name: &str, at: Span) {
        self.used_lists.push((name.to_owned(), at));
    }

    pub(super) fn use_rule(&mut self, name: &str, at: Span) {
        self.used_rules.push((name.to_owned(), at));
    }

    pub(super) fn use_secret(&mut self, name: &str, at: Span) {
        self.used_secrets.push((name.to_owned(), at));
    }
}

impl Compiler<'_> {
    /// Looks up everything that was used.
    pub(super) fn look_up(&mut self) {
        let names = std::mem::take(&mut self.names);
        for (name, at) in &names.used {
            if names.defined.contains(name) {
                continue;
            }
            if names.secrets.contains_key(name) {
                self.log
                    .error(
                        "secret-in-text",
                        *at,
                        format!("`{name}` is a secret and cannot stand in a text"),
                    )
                    .help(format!(
                        "it is typed by `secret = \"{name}\"`, and never put anywhere else"
                    ));
                continue;
            }
            let known = names.defined.iter().map(String::as_str).chain(BUILT_IN);
            let unknown =
                self.log.error("unknown-name", *at, format!("nothing sets `${{{name}}}`"));
            unknown.hint = Some("a name is a param, a named group `(?<name>...)`, or set by `set`, `append`, `ask`, `exec`; `$${` is the characters".to_owned());
            if let Some(near) = crate::expect::names::nearest(name, known) {
                unknown.help(format!("did you mean `${{{near}}}`?"));
            }
        }
        for (name, at) in &names.used_lists {
            if !names.lists.contains(name) {
                let known = names.lists.iter().map(String::as_str);
                let bare = name.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
                if let Some(bare) = bare.filter(|bare| names.lists.contains(*bare)) {
                    self.log
                        .error("unknown-name", *at, format!("there is no list `{name}`"))
                        .help(format!("a list is named as it is: `{bare}`"));
                    continue;
                }
                self.log
                    .error("unknown-name", *at, format!("there is no list `{name}`"))
                    .help(
                        "a list is written out, a param of type \"list\", or gathered by `append`",
                    )
                    .nearest(name, known);
            }
        }
        for (name, at) in &names.used_rules {
            if !names.rules.contains(name) {
                let known = names.rules.iter().map(String::as_str);
                self.log
                    .error("unknown-name", *at, format!("there is no rule `{name}`"))
                    .help("give a rule this `name`")
                    .nearest(name, known);
            }
        }
        for (name, at) in &names.secrets {
            // Those of flags have no place.
            if at.end > 0 && !names.used_secrets.iter().any(|(used, _)| used == name) {
                self.log
                    .warn("unused", *at, format!("the secret `{name}` is never typed"))
                    .help("it is asked for or read at every start all the same");
            }
        }
        for (name, at) in &names.used_secrets {
            if !names.secrets.contains_key(name) {
                let known = names.secrets.keys().map(String::as_str);
                let help = format!(
                    "define it: `[secrets.{name}]` with `env = \"VARIABLE\"`, or --secret {name}=env:VARIABLE"
                );
                self.log
                    .error("unknown-name", *at, format!("there is no secret `{name}`"))
                    .help(help.clone())
                    .nearest(name, known);
            }
        }
    }
}
