//! Params: what is set from outside, checked against what the script says of them.

use std::collections::BTreeMap;

use super::Given;
use crate::expect::names::{is_name, nearest};
use crate::expect::program::{Part, Text as Template, Value};
use crate::script::finding::Log;
use crate::script::model::{ListOr, Param, ParamType, Script};
use crate::script::read::Text;
use crate::script::source::{Source, Span};

/// The values of params.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    /// By name.
    pub values: BTreeMap<String, ParamValue>,
}

/// The value of a param.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamValue {
    /// A text.
    Text(String),
    /// A list.
    List(Vec<String>),
}

impl Params {
    /// A text param.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(ParamValue::Text(text)) => Some(text),
            Some(ParamValue::List(_)) | None => None,
        }
    }

    /// As the variables that a program starts with.
    pub fn variables(&self) -> BTreeMap<String, Value> {
        let value = |value: &ParamValue| match value {
            ParamValue::Text(text) => Value::text(text.as_bytes()),
            ParamValue::List(list) => Value::list(list.iter().map(String::as_bytes)),
        };
        self.values.iter().map(|(name, param)| (name.clone(), value(param))).collect()
    }

    /// Puts the text params into a template; other names stay.
    pub fn put_into(
        &self,
        template: &Template,
        put: impl Fn(&str, &str) -> Option<Vec<u8>>,
    ) -> Template {
        Template::of(template.parts().iter().map(|part| match part {
            Part::Name(name) => match self.text(name).and_then(|value| put(name, value)) {
                Some(bytes) => Part::Literal(bytes),
                None => part.clone(),
            },
            Part::Literal(_) => part.clone(),
        }))
    }
}

struct Declared<'a> {
    name: &'a Text,
    param: &'a Param,
}

impl Param {
    /// Whether it holds a list.
    pub(in crate::script) fn is_list(&self) -> bool {
        match self.type_.as_ref().map(|kind| kind.value) {
            Some(kind) => kind == ParamType::List,
            None => matches!(self.default, Some(ListOr::List(_))),
        }
    }
}

pub(super) fn resolve(
    scripts: &[Script],
    sources: &[Source],
    given: &Given<'_>,
    log: &mut Log,
) -> Params {
    let mut declared: Vec<Declared<'_>> = Vec::new();
    for (name, param) in scripts.iter().flat_map(|s| s.params.iter().flat_map(|params| &params.0)) {
        if !is_name(&name.value) {
            let message = format!("`{}` is no name for a param", name.value);
            log.error("name", name.at, message).help("a name is letters, digits, `_` and `-`");
        } else if ["before", "status"].contains(&name.value.as_str()) {
            log.error("name", name.at, format!("`{}` is taken: it is set by heeler", name.value));
        } else if let Some(other) = declared.iter().find(|d| d.name.value == name.value) {
            let place = sources.get(other.name.at.source).map_or("", |source| &source.name);
            log.error("duplicate", name.at, format!("the param `{}` is defined twice", name.value))
                .help(format!("the other is in {place}"));
        } else {
            declared.push(Declared { name, param });
        }
    }
    let mut set = outside(&declared, given, log);
    let mut params = Params::default();
    for Declared { name, param } in declared {
        let at = name.at;
        let kind = param.type_.as_ref().map(|kind| kind.value);
        let list = param.is_list();
        if let (Some(required), Some(_)) = (&param.required, &param.default)
            && required.value
        {
            log.error(
                "conflict",
                required.at,
                format!("`{}` is required, so its default is never used", name.value),
            );
        }
        let split = |text: &str, comma: &str| {
            let items = text.split(comma).filter(|item| !item.is_empty());
            items.map(str::to_owned).collect::<Vec<_>>()
        };
        let value = match (set.remove(&name.value), &param.default) {
            // What comes in several words has its commas for itself.
            (Some(texts), _) if list => {
                let comma = if texts.len() == 1 { "," } else { "\0" };
                ParamValue::List(texts.iter().flat_map(|text| split(text, comma)).collect())
            }
            (Some(mut texts), _) => ParamValue::Text(texts.pop().unwrap_or_default()),
            (None, Some(ListOr::One(text))) if list => ParamValue::List(split(&text.value.0, ",")),
            (None, Some(ListOr::One(text))) => ParamValue::Text(text.value.0.clone()),
            (None, Some(ListOr::List(items))) => {
                ParamValue::List(items.iter().map(|item| item.value.0.clone()).collect())
            }
            (None, None) if param.required.as_ref().is_some_and(|required| !required.value) => {
                if list {
                    ParamValue::List(Vec::new())
                } else {
                    ParamValue::Text(String::new())
                }
            }
            (None, None) => {
                if !given.check {
                    let what = param
                        .help
                        .as_ref()
                        .map_or_else(String::new, |help| format!(" ({})", help.value));
                    let word = if given.words.is_some() {
                        "as a word of the command line, or "
                    } else {
                        ""
                    };
                    log.error("param", at, format!("the param `{}` is required{what}", name.value))
                        .help(format!("give it {word}with --set {}=VALUE", name.value));
                }
                // Something has to stand there, so that the rest can be checked.
                let stand_in = match (kind, &param.values) {
                    (_, Some(values)) if !values.is_empty() => values[0].value.0.clone(),
                    (Some(ParamType::Int), _) => "1".to_owned(),
                    (Some(ParamType::Bool), _) => "true".to_owned(),
                    _ => name.value.clone(),
                };
                if list { ParamValue::List(vec![stand_in]) } else { ParamValue::Text(stand_in) }
            }
        };
        fits(name, param, &value, log);
        params.values.insert(name.value.clone(), value);
    }
    params
}

/// What `--set` and words of the command line give.
fn outside(
    declared: &[Declared<'_>],
    given: &Given<'_>,
    log: &mut Log,
) -> BTreeMap<String, Vec<String>> {
    let names = || declared.iter().map(|declared| declared.name.value.as_str());
    let mut set: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in given.set {
        if !names().any(|known| known == name) {
            log.error(
                "param",
                Span::NOWHERE,
                format!("--set {name}: the script has no such param"),
            )
            .nearest(name, names());
        }
        set.entry(name.clone()).or_default().push(value.clone());
    }
    let is_open =
        |declared: &&Declared<'_>| !given.set.iter().any(|(set, _)| *set == declared.name.value);
    let open: Vec<&Declared<'_>> = declared.iter().filter(is_open).collect();
    // Whoever gives words has looked how many are taken: what is more than params is for the first list.
    let words = given.words.unwrap_or_default();
    let mut more = words.len().saturating_sub(open.len());
    let mut words = words.iter();
    for Declared { name, param } in open {
        let name = &name.value;
        let takes = if param.is_list() { 1 + std::mem::take(&mut more) } else { 1 };
        for word in words.by_ref().take(takes) {
            match word.to_str() {
                Some(text) => set.entry(name.clone()).or_default().push(text.to_owned()),
                None => {
                    log.error(
                        "param",
                        Span::NOWHERE,
                        format!("the word for `{name}` is not UTF-8"),
                    );
                }
            }
        }
    }
    set
}

/// Whether a value is what the script says of it.
fn fits(name: &Text, param: &Param, value: &ParamValue, log: &mut Log) {
    let all = match value {
        ParamValue::Text(text) => std::slice::from_ref(text),
        ParamValue::List(list) => list,
    };
    for text in all {
        let wanted = match param.type_.as_ref().map(|kind| kind.value) {
            Some(ParamType::Int) if text.parse::<i64>().is_err() => Some("a whole number"),
            Some(ParamType::Bool) if text != "true" && text != "false" => Some("true or false"),
            _ => None,
        };
        if let Some(wanted) = wanted {
            log.error(
                "param",
                name.at,
                format!("the param `{}` is {wanted}, not `{text}`", name.value),
            );
        }
        let Some(values) = &param.values else { continue };
        let known: Vec<&str> = values.iter().map(|value| value.value.0.as_str()).collect();
        if !known.contains(&text.as_str()) {
            let found = log.error(
                "param",
                name.at,
                format!("the param `{}` cannot be `{text}`", name.value),
            );
            found.help(format!("it is one of: {}", known.join(", ")));
            if let Some(near) = nearest(text, known.iter().copied()) {
                found.help(format!("did you mean `{near}`?"));
            }
        }
    }
}
