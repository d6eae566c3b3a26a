//! Patterns with `${...}` in them: read when they are armed, with what the names stand for by then.

use super::values::{Unrendered, quote};
use super::{Dialogue, Reason};
use crate::expect::pattern::{Kind, Pattern};
use crate::expect::program::{Part, Text};

impl Dialogue {
    /// Writes the patterns among `ids` that have names in them anew. An error is a reason to fail.
    pub(super) fn write_patterns(&mut self, ids: &[usize]) -> Result<(), (Reason, String)> {
        let mut changes = Vec::new();
        for &id in ids {
            let Some(template) = &self.table.all[id].listen.template else { continue };
            let pattern = match self.pattern(template) {
                Ok(pattern) => pattern,
                Err(why) => return Err((why.reason(), format!("`{template}`: {why}"))),
            };
            let pattern =
                pattern.map_err(|why| (Reason::Pattern, format!("`{template}`: {why}")))?;
            let listener = &mut self.table.all[id];
            if listener.listen.pattern == pattern && listener.written {
                continue;
            }
            listener.written = true;
            listener.listen.pattern = pattern.clone();
            changes.push((id, pattern));
        }
        for at in 0..self.feeds.len() {
            let (done, rest) = self.feeds.split_at_mut(at);
            let renewed = rest[0].replace(&changes, done);
            renewed.map_err(|why| (Reason::Pattern, why.to_string()))?;
        }
        Ok(())
    }

    /// Reads a template with its values: quoted in a regex, and never a reason to take text for a regex.
    fn pattern(&self, template: &Text) -> Result<Result<Pattern, String>, Unrendered> {
        let first = match template.parts().first() {
            Some(Part::Literal(bytes)) => bytes.first().copied(),
            _ => None,
        };
        if first == Some(b'/') {
            let source = self.values.render_with(template, quote)?;
            let source = String::from_utf8_lossy(&source).into_owned();
            return Ok(Pattern::parse(&source).map_err(|why| why.message));
        }
        let mut text = self.values.render(template)?;
        if first == Some(b'=') {
            text.remove(0);
        }
        if text.is_empty() {
            return Ok(Err("it is empty here, and would match at once".to_owned()));
        }
        let source = String::from_utf8_lossy(&text).into_owned();
        Ok(Ok(Pattern { source, kind: Kind::Text(text) }))
    }
}
