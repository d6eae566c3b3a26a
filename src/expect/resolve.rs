//! From "this pattern matched, and ended here" to where it began and what its groups caught.
//!
//! Done once a match, by the regex crate's engines on the retained text between the end of the match
//! before and the end of this one. The automaton has already said which pattern and which end, so what is
//! looked for is there, unless it began before the window: then it is lost, and that is a fact of its own.

use std::cell::OnceCell;

use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::captures::Captures;
use regex_automata::{Input, Span};
use regex_syntax::hir::{Dot, Hir, Look};

use super::search::Decision;
use super::window::Window;

/// The most that an NFA of one pattern may take. So a match takes no longer to resolve than to wait for, and view
/// text refuses what view screen refuses. It is the default of the regex crate.
pub const LIMIT: usize = 10 << 20;
/// From so much on in the automaton a pattern's engine takes too long to be compiled between two events: 10 ms.
const LARGE: usize = 256 << 10;

/// From so much on it has no room for what reads text backwards.
const BACKWARDS: usize = LIMIT / 3;

/// The engine that finds a pattern in text that is there; none where an NFA would take more than [`LIMIT`].
pub fn engine(hir: &Hir) -> Result<Regex, Box<BuildError>> {
    build(hir, true).or_else(|_| build(hir, false))
}

/// `backwards`: with what finds the beginning from the end. That is the quickest for small patterns, and takes an NFA
/// of its own, three times as large as the other one.
fn build(hir: &Hir, backwards: bool) -> Result<Regex, Box<BuildError>> {
    let mut config = Regex::config().utf8_empty(false).nfa_size_limit(Some(LIMIT));
    if !backwards {
        config = config.hybrid(false).dfa(false);
    }
    Regex::builder().configure(config).build_from_hir(hir).map_err(Box::new)
}

/// What finds the beginning and the groups of one pattern's matches.
#[derive(Debug)]
pub enum Resolver {
    /// A text of this length.
    Text(usize),
    /// A regex that takes at least a byte.
    Regex(Later),
    /// A regex that can match nothing at all. An empty match is no match, so the engine has to be asked for
    /// the one that ends where it ends: the regex with the end of the text after it, and, where a byte that
    /// its anchors may look at follows, with that byte and the end of the text.
    Nullable {
        /// With the end after it.
        last: Later,
        /// With a byte and the end after it.
        followed: Later,
    },
}

/// A regex that is compiled when something has to be resolved with it, unless it is large. (Measured: of a hundred
/// rules, few of which ever match, this was three quarters of all the work, and half of all the memory.)
#[derive(Debug)]
pub struct Later {
    hir: Hir,
    regex: OnceCell<Option<Box<Regex>>>,
    /// The most bytes that a match has.
    longest: Option<usize>,
}

/// Where a match lies, and its groups: all positions in the view.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The whole.
    pub span: Span,
    groups: Option<Captures>,
    base: u64,
}

impl Resolver {
    /// For a regex that takes `size` bytes of the automaton. An error where its own engine takes too much.
    pub fn regex(hir: &Hir, size: usize) -> Result<Resolver, Box<BuildError>> {
        let later = |hir| Later::new(hir, size);
        if hir.properties().minimum_len() != Some(0) {
            return later(hir.clone()).map(Resolver::Regex);
        }
        let end = || Hir::look(Look::End);
        let byte = Hir::dot(Dot::AnyByte);
        Ok(Resolver::Nullable {
            last: later(Hir::concat(vec![hir.clone(), end()]))?,
            followed: later(Hir::concat(vec![hir.clone(), byte, end()]))?,
        })
    }

    /// Finds where a decided match began; nothing when that is further back than `reach`.
    pub fn resolve(&self, window: &Window, decision: &Decision, reach: u64) -> Option<Resolved> {
        let from = decision.base.max(decision.first_end.saturating_sub(reach)).max(window.base());
        let (start, end) = (window.index(from), window.index(decision.end));
        // What is looked at, how much of it may be part of the match, and how much more of it is asked for.
        let (regex, seen, extra) = match self {
            Resolver::Text(len) => {
                let begin = end.checked_sub(*len).filter(|&begin| begin >= start)?;
                let span = Span { start: begin, end };
                return Some(Resolved { span, groups: None, base: window.base() });
            }
            // What decided the match is part of what its anchors and boundaries see.
            Resolver::Regex(regex) => (regex, window.index(decision.at), 0),
            Resolver::Nullable { last, .. } if decision.at == decision.end => (last, end, 0),
            Resolver::Nullable { followed, .. } => (followed, end + 1, 1),
        };
        let longest = regex.longest.unwrap_or(usize::MAX);
        let start = start.max((end + extra).saturating_sub(longest));
        let regex = regex.get()?;
        let mut groups = regex.create_captures();
        let input = Input::new(&window.bytes()[..seen]).range(start..end + extra);
        regex.captures(input, &mut groups);
        let mut span = groups.get_match()?.span();
        span.end -= extra;
        let whole = span.end == end && !span.is_empty();
        whole.then(|| Resolved { span, groups: Some(groups), base: window.base() })
    }
}

impl Later {
    fn new(hir: Hir, size: usize) -> Result<Later, Box<BuildError>> {
        let longest = hir.properties().maximum_len();
        let ready = match size {
            0..LARGE => None,
            LARGE..BACKWARDS => Some(Box::new(engine(&hir)?)),
            _ => Some(Box::new(build(&hir, false)?)),
        };
        let regex = ready.map_or_else(OnceCell::new, |ready| OnceCell::from(Some(ready)));
        Ok(Later { hir, regex, longest })
    }

    /// Nothing where it cannot be compiled. That does not happen: what is not compiled yet is small.
    fn get(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| engine(&self.hir).ok().map(Box::new)).as_deref()
    }
}

/// Groups by number, and the named ones among them.
type Groups = (Vec<Option<Vec<u8>>>, Vec<(String, Option<Vec<u8>>)>);

impl Resolved {
    /// The position where it begins.
    pub fn start(&self) -> u64 {
        self.base + self.span.start as u64
    }

    /// The groups' text.
    pub fn groups(&self, window: &Window) -> Groups {
        let text = |span: Span| window.bytes()[span.range()].to_vec();
        let Some(groups) = &self.groups else {
            return (vec![Some(text(self.span))], Vec::new());
        };
        let names = groups
            .group_info()
            .pattern_names(regex_automata::PatternID::ZERO)
            .enumerate()
            .filter_map(|(at, name)| Some((name?.to_owned(), groups.get_group(at).map(text))))
            .collect();
        let mut all: Vec<Option<Vec<u8>>> = groups.iter().map(|group| group.map(text)).collect();
        // Which may have been found with a byte more.
        all[0] = Some(text(self.span));
        (all, names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::automaton::compile::Compiled;
    use crate::expect::pattern::Pattern;

    fn resolver(pattern: &str) -> Resolver {
        let hir = Pattern::parse(pattern).unwrap().kind.hir(true).unwrap().unwrap();
        let compiled = Compiled::new(std::slice::from_ref(&hir)).unwrap();
        Resolver::regex(&hir, compiled.size(0)).unwrap()
    }

    /// Between two events nothing is compiled that takes long: no limit, signal or key is served meanwhile.
    #[test]
    fn what_is_large_is_compiled_before_anything_is_matched() {
        let ready = |pattern: &str| match resolver(pattern) {
            Resolver::Regex(regex) => regex.regex.get().is_some(),
            Resolver::Nullable { last, followed } => {
                assert_eq!(last.regex.get().is_some(), followed.regex.get().is_some());
                last.regex.get().is_some()
            }
            Resolver::Text(_) => false,
        };
        for small in [r"/login: (\w+)/i", r"/(?:\d+)?/", r"/^\w+@\S+\$ $/"] {
            assert!(!ready(small), "{small}");
        }
        for large in [r"/(\w{1,100})!/", r"/\pL{50}!/", r"/(?:\w{100})?/"] {
            assert!(ready(large), "{large}");
        }
    }
}
