//! Texts, patterns and conditions: read, with params put in where they are known, and their names noted.

use super::Compiler;
use crate::expect::names::is_name;
use crate::expect::pattern::{Kind, Pattern};
use crate::expect::program::{Condition, Part, Text as Template};
use crate::script::read::Text;
use crate::script::source::Span;

impl Compiler<'_> {
    /// The place of a column in a string of the script.
    pub(super) fn inside(&self, text: &Text, column: usize) -> Span {
        let source = self.sources.get(text.at.source);
        source.map_or(text.at, |source| source.inside(text.at, &text.value, column))
    }

    /// A text; its names are noted as used.
    pub(super) fn text(&mut self, text: &Text) -> Template {
        let template = self.template(text, &text.value);
        for name in template.names() {
            let column = text.value.find(&format!("${{{name}}}")).unwrap_or_default();
            let column = text.value[..column].chars().count() + 1;
            let at = self.inside(text, column);
            let at = if at == text.at { at } else { Span { end: at.start + name.len() + 3, ..at } };
            self.names.use_text(name, at);
        }
        template
    }

    fn template(&mut self, text: &Text, value: &str) -> Template {
        match Template::parse(value) {
            Ok(template) => {
                let several = template.names().find(|name| name.ends_with("..."));
                let Some(name) = several.map(str::to_owned) else { return template };
                let message = format!("`${{{name}}}` is several words, and cannot stand here");
                self.log
                    .error("conflict", text.at, message)
                    .help("it is a word of its own in the `argv` of [command]");
            }
            Err(why) => {
                let at = self.inside(text, why.column);
                self.log.error("text", at, why.message);
            }
        }
        Template::literal(value.as_bytes())
    }

    /// A text that has to be known before the start: only params may stand in it.
    pub(super) fn known(&mut self, text: &Text) -> String {
        let template = self.template(text, &text.value);
        let put = self.params.put_into(&template, |_, value| Some(value.as_bytes().to_vec()));
        if let Some(bytes) = put.as_literal() {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        for name in put.names() {
            let found =
                self.log.error("unknown-name", text.at, format!("`${{{name}}}` is no param"));
            found.help("only params can stand here: the command is not yet running");
            let known: Vec<&str> = self.params.values.keys().map(String::as_str).collect();
            if let Some(near) = crate::expect::names::nearest(name, known) {
                found.help(format!("did you mean `${{{near}}}`?"));
            }
        }
        text.value.clone()
    }

    /// A pattern; the template where something in it is known only when it is armed.
    pub(super) fn pattern(&mut self, text: &Text) -> (Pattern, Option<Template>) {
        let written = self.text(text);
        let is_regex = text.value.starts_with('/');
        let quoted = |value: &str| {
            let quoted = if is_regex { regex_syntax::escape(value) } else { value.to_owned() };
            quoted.into_bytes()
        };
        let names = &self.names;
        let mut template = self
            .params
            .put_into(&written, |name, value| (!names.is_local(name)).then(|| quoted(value)));
        // What is put in at the front is text, whatever it looks like.
        if matches!(written.parts().first(), Some(Part::Name(_))) {
            let parts = [Part::Literal(b"=".to_vec())].into_iter();
            template = Template::of(parts.chain(template.parts().iter().cloned()));
        }
        let open = template.as_literal().is_none();
        let stand_in = template.parts().iter().flat_map(|part| match part {
            Part::Literal(bytes) => bytes.clone(),
            // Any value will do: in a regex it is quoted.
            Part::Name(_) => b"x".to_vec(),
        });
        let stand_in = String::from_utf8_lossy(&stand_in.collect::<Vec<_>>()).into_owned();
        let pattern = match Pattern::parse(&stand_in) {
            Ok(pattern) => {
                Pattern { source: if open { text.value.clone() } else { stand_in }, ..pattern }
            }
            Err(why) => {
                let at =
                    if stand_in == text.value { self.inside(text, why.column) } else { text.at };
                let found = self.log.error("pattern", at, why.message);
                found.hint = why.hint;
                Pattern { source: text.value.clone(), kind: Kind::Text(b"x".to_vec()) }
            }
        };
        for (name, _) in groups(&pattern) {
            self.sets(&name, text.at);
        }
        (pattern, open.then_some(template))
    }

    /// A condition.
    pub(super) fn condition(&mut self, text: &Text) -> Option<Condition> {
        match Condition::parse(&text.value) {
            Ok(condition) => {
                for name in condition.names() {
                    self.names.use_text(name, text.at);
                }
                Some(condition)
            }
            Err(why) => {
                let at = self.inside(text, why.column);
                self.log.error("condition", at, why.message);
                None
            }
        }
    }

    /// Something sets the variable `name`.
    pub(super) fn sets(&mut self, name: &str, at: Span) {
        if self.params.values.contains_key(name) && !self.names.is_local(name) {
            self.log
                .error("conflict", at, format!("`{name}` is a param, and cannot be set"))
                .help("give the variable another name");
        }
        self.names.define(name);
    }

    /// A name that the script gives to something.
    pub(super) fn name(&mut self, text: &Text, what: &str) -> String {
        if !is_name(&text.value) {
            let message = format!("`{}` is no name for {what}", text.value);
            self.log
                .error("name", text.at, message)
                .help("a name is a letter or `_`, then letters, digits, `_` and `-`");
        }
        text.value.clone()
    }
}

/// The named groups of a pattern, and how many groups there are up to each.
pub(in crate::script) fn groups(pattern: &Pattern) -> Vec<(String, u32)> {
    let mut names = Vec::new();
    if let Kind::Regex(regex) = &pattern.kind {
        let mut parser = regex_syntax::ParserBuilder::new().utf8(false).build();
        if let Ok(hir) = parser.parse(regex) {
            walk(&hir, &mut names);
        }
    }
    names
}

fn walk(hir: &regex_syntax::hir::Hir, names: &mut Vec<(String, u32)>) {
    use regex_syntax::hir::HirKind;
    match hir.kind() {
        HirKind::Capture(capture) => {
            if let Some(name) = &capture.name {
                names.push((name.to_string(), capture.index));
            }
            walk(&capture.sub, names);
        }
        HirKind::Repetition(repetition) => walk(&repetition.sub, names),
        HirKind::Concat(subs) | HirKind::Alternation(subs) => {
            for sub in subs {
                walk(sub, names);
            }
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}
