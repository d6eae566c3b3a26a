//! From "this pattern matched, and ended here" to where it began and what its groups caught.
//!
//! Done once a match, by the regex crate's engines on the retained text between the end of the match
//! before and the end of this one. The automaton has already said which pattern and which end, so what is
//! looked for is there, unless it began before the window: then it is lost, and that is a fact of its own.

use std::cell::OnceCell;

use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::captures::Captures;
use regex_automata::{Input, Span};
use regex_syntax::hir::{Dot, Hir, Look};

use super::search::Decision;
use super::window::Window;

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

/// A regex that is compiled when something has to be resolved with it. (Measured: of a hundred rules, few of
/// which ever match, this was three quarters of all the work, and half of all the memory.)
#[derive(Debug)]
pub struct Later {
    hir: Hir,
    regex: OnceCell<Option<Box<Regex>>>,
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
    /// For a regex.
    pub fn regex(hir: &Hir) -> Resolver {
        if hir.properties().minimum_len() != Some(0) {
            return Resolver::Regex(Later::new(hir.clone()));
        }
        let end = || Hir::look(Look::End);
        let byte = Hir::dot(Dot::AnyByte);
        Resolver::Nullable {
            last: Later::new(Hir::concat(vec![hir.clone(), end()])),
            followed: Later::new(Hir::concat(vec![hir.clone(), byte, end()])),
        }
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
    fn new(hir: Hir) -> Later {
        Later { hir, regex: OnceCell::new() }
    }

    /// Nothing where it cannot be compiled. That does not happen: the automaton of all patterns, which was
    /// compiled of the same, is bounded, and this is not.
    fn get(&self) -> Option<&Regex> {
        let build = || {
            let config = Regex::config()
                .utf8_empty(false)
                .which_captures(WhichCaptures::All)
                .nfa_size_limit(None);
            Regex::builder().configure(config).build_from_hir(&self.hir).ok().map(Box::new)
        };
        self.regex.get_or_init(build).as_deref()
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
