//! From patterns to a matcher: which view each looks at, and everything compiled, or the reason why not.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use regex_automata::meta::Regex;
use regex_syntax::hir::Hir;

use super::{Glanced, Matcher, MatcherConfig};
use crate::expect::automaton::compile::Compiled;
use crate::expect::lane::{Lane, One, Patterns};
use crate::expect::pattern::{Kind, Pattern, PatternError, PatternErrorKind};
use crate::expect::prefilter::beginnings;
use crate::expect::program::View;
use crate::expect::resolve::{LIMIT, Resolver, engine};
use crate::expect::view::echo::Echo;
use crate::expect::view::screen::ScreenView;
use crate::expect::view::text::TextView;
use crate::expect::window::Window;

const TOGETHER: &str = "the patterns together take more than 64 MiB when compiled";

/// How much is kept of a view that no pattern looks at.
const UNUSED: usize = 8 << 10;

pub(super) fn matcher(
    patterns: &[(Pattern, View)],
    config: MatcherConfig,
) -> Result<Matcher, PatternError> {
    let text = compile(patterns, View::Text, config, None)?;
    let raw = compile(patterns, View::Raw, config, None)?;
    let screen = screen_regexes(patterns)?;
    Ok(assembled(patterns, text, raw, screen, config))
}

/// One for the same patterns, which has seen nothing.
pub(super) fn twin(other: &Matcher) -> Matcher {
    let (text, raw) = (Rc::clone(other.text.patterns()), Rc::clone(other.raw.patterns()));
    let screen = other.screen.as_ref().map(|screen| screen.patterns().to_vec());
    assembled(&other.patterns, text, raw, screen.unwrap_or_default(), other.config)
}

fn assembled(
    patterns: &[(Pattern, View)],
    text: Rc<Patterns>,
    raw: Rc<Patterns>,
    screen: Vec<(usize, Regex)>,
    config: MatcherConfig,
) -> Matcher {
    Matcher {
        text: Lane::new(text, Window::new(true)),
        raw: Lane::new(raw, Window::new(false)),
        screen: (!screen.is_empty()).then(|| ScreenView::new(screen, config.size)),
        config,
        patterns: patterns.to_vec(),
        text_view: TextView::default(),
        echo: Echo::default(),
        armed: Vec::new(),
        watched: Vec::new(),
        total: 0,
        cursor: 0,
        cut: 0,
        dropped: 0,
        looked: 0,
        losses: VecDeque::new(),
        last_push: Duration::ZERO,
        quiet: None,
        closed: false,
        held: false,
        stale: false,
        glanced: Glanced::default(),
    }
}

/// Takes over `patterns`, of which those by the ids in `changed` are others than before: their views are compiled
/// once more. On an error all is as it was.
pub(super) fn renew(
    matcher: &mut Matcher,
    patterns: Vec<(Pattern, View)>,
    changed: &[usize],
) -> Result<(), PatternError> {
    let has = |view| changed.iter().any(|&id| patterns[id].1 == view);
    let anew = |view, lane: &Lane| {
        let known = Some((&**lane.patterns(), changed));
        has(view).then(|| compile(&patterns, view, matcher.config, known)).transpose()
    };
    let text = anew(View::Text, &matcher.text)?;
    let raw = anew(View::Raw, &matcher.raw)?;
    let screen = has(View::Screen).then(|| screen_regexes(&patterns)).transpose()?;
    matcher.patterns = patterns;
    for (lane, renewed) in [(&mut matcher.text, text), (&mut matcher.raw, raw)] {
        if let Some(renewed) = renewed {
            lane.renew(renewed);
        }
    }
    if let (Some(screen), Some(regexes)) = (&mut matcher.screen, screen) {
        screen.renew(regexes);
    }
    Ok(())
}

/// Takes over the patterns of a matcher that was made of the same ones.
pub(super) fn follow(matcher: &mut Matcher, other: &Matcher) {
    for (lane, theirs) in [(&mut matcher.text, &other.text), (&mut matcher.raw, &other.raw)] {
        if !Rc::ptr_eq(lane.patterns(), theirs.patterns()) {
            lane.renew(Rc::clone(theirs.patterns()));
        }
    }
    let (mine, theirs) = (matcher.patterns.iter(), other.patterns.iter());
    let differ = mine.zip(theirs).any(|(a, b)| a.1 == View::Screen && a.0 != b.0);
    if let (Some(screen), Some(theirs), true) = (&mut matcher.screen, &other.screen, differ) {
        screen.renew(theirs.patterns().to_vec());
    }
    matcher.patterns.clone_from(&other.patterns);
}

/// With what is `known` of the patterns before, apart from those that have changed: a large one is not compiled again
/// because a small one has another value in it.
fn compile(
    patterns: &[(Pattern, View)],
    view: View,
    config: MatcherConfig,
    known: Option<(&Patterns, &[usize])>,
) -> Result<Rc<Patterns>, PatternError> {
    let before = |id: usize| {
        let (known, _) = known.filter(|(_, changed)| !changed.contains(&id))?;
        Some(Rc::clone(&known.each[known.ids.binary_search(&id).ok()?]))
    };
    let (mut ids, mut found) = (Vec::new(), Vec::new());
    for (id, (pattern, _)) in patterns.iter().enumerate().filter(|(_, (_, v))| *v == view) {
        found.push(match before(id) {
            Some(one) => Ok(one),
            None => match pattern.kind.hir(view != View::Raw)? {
                Some(hir) => Err(hir),
                None => continue,
            },
        });
        ids.push(id);
    }
    let hirs: Vec<&Hir> =
        found.iter().map(|found| found.as_ref().map_or_else(|hir| hir, |one| &one.hir)).collect();
    let compiled = Compiled::new(&hirs).map_err(|_| {
        let alone = |hir: &Hir| Compiled::new(std::slice::from_ref(hir)).is_err();
        let large = |hir: &&Hir| engine(hir).is_err() || alone(hir);
        match hirs.iter().position(large) {
            Some(at) => too_large(&patterns[ids[at]].0, 0),
            None => PatternError::new(PatternErrorKind::TooLarge, 1, TOGETHER),
        }
    })?;
    let mut each = Vec::with_capacity(ids.len());
    for (at, found) in found.into_iter().enumerate() {
        each.push(match found {
            Ok(one) => one,
            Err(hir) => {
                let pattern = &patterns[ids[at]].0;
                let resolver = match &pattern.kind {
                    Kind::Text(_) => {
                        Resolver::Text(hir.properties().maximum_len().unwrap_or_default())
                    }
                    _ => Resolver::regex(&hir, compiled.size(at))
                        .map_err(|_| too_large(pattern, compiled.size(at)))?,
                };
                Rc::new(One { resolver, beginnings: beginnings(&hir), hir })
            }
        });
    }
    // The raw view is kept for near misses even when no pattern looks at it, but not much of it.
    let unused = ids.is_empty() && view == View::Raw;
    let reach = if unused { config.window.min(UNUSED) } else { config.window.max(1) };
    Ok(Rc::new(Patterns::new(ids, each, compiled, reach as u64, config.before as u64)))
}

fn screen_regexes(patterns: &[(Pattern, View)]) -> Result<Vec<(usize, Regex)>, PatternError> {
    let mut regexes = Vec::new();
    for (id, (pattern, _)) in patterns.iter().enumerate().filter(|(_, (_, v))| *v == View::Screen) {
        let Some(hir) = pattern.kind.hir(true)? else { continue };
        regexes.push((id, engine(&hir).map_err(|_| too_large(pattern, 0))?));
    }
    Ok(regexes)
}

/// `size` is what it takes, where that is known to be more than it may.
fn too_large(pattern: &Pattern, size: usize) -> PatternError {
    let most = LIMIT >> 20;
    let takes = match size.div_ceil(1 << 20) {
        size if size > most => format!("{size} MiB when compiled, and {most} MiB are the most"),
        _ => format!("more than {most} MiB when compiled"),
    };
    let message = format!("{} is too large: it takes {takes}", pattern.source);
    let error = PatternError::new(PatternErrorKind::TooLarge, 1, message);
    match pattern.kind {
        Kind::Regex(_) => error.with_hint(
            r"a smaller repetition takes less, and so does (?-u:\w) in place of \w, for ASCII alone",
        ),
        _ => error,
    }
}
