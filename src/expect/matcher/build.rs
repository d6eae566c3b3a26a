//! From patterns to a matcher: which view each looks at, and everything compiled, or the reason why not.

use std::collections::VecDeque;
use std::time::Duration;

use regex_automata::meta::Regex;
use regex_syntax::hir::Hir;

use super::{Glanced, Matcher, MatcherConfig};
use crate::expect::automaton::compile::Compiled;
use crate::expect::lane::{Lane, Patterns};
use crate::expect::pattern::{Kind, Pattern, PatternError, PatternErrorKind};
use crate::expect::program::View;
use crate::expect::resolve::{LIMIT, Resolver, engine};
use crate::expect::view::echo::Echo;
use crate::expect::view::screen::ScreenView;
use crate::expect::view::text::TextView;
use crate::expect::window::Window;

const TOGETHER: &str = "the patterns together take more than 64 MiB when compiled";

/// How much is kept of a view that no pattern looks at.
const UNUSED: usize = 64 << 10;

pub(super) fn matcher(
    patterns: &[(Pattern, View)],
    config: MatcherConfig,
) -> Result<Matcher, PatternError> {
    Ok(Matcher {
        text: lane(patterns, View::Text, config.window)?,
        raw: lane(patterns, View::Raw, config.window)?,
        screen: screen(patterns, config.size)?,
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
        closed: false,
        pauses: VecDeque::new(),
        held: false,
        stale: false,
        glanced: Glanced::default(),
    })
}

/// Compiles the patterns of a view once more, after one of them has changed.
pub(super) fn renew(matcher: &mut Matcher, view: View) -> Result<(), PatternError> {
    let window = matcher.config.window;
    match view {
        View::Text => matcher.text.renew(compile(&matcher.patterns, view, window)?),
        View::Raw => matcher.raw.renew(compile(&matcher.patterns, view, window)?),
        View::Screen => {
            let regexes = screen_regexes(&matcher.patterns)?;
            if let Some(screen) = &mut matcher.screen {
                screen.renew(regexes);
            }
        }
    }
    Ok(())
}

fn lane(patterns: &[(Pattern, View)], view: View, window: usize) -> Result<Lane, PatternError> {
    let patterns = compile(patterns, view, window)?;
    Ok(Lane::new(patterns, Window::new(view == View::Text)))
}

fn compile(
    patterns: &[(Pattern, View)],
    view: View,
    window: usize,
) -> Result<Patterns, PatternError> {
    let (mut ids, mut hirs) = (Vec::new(), Vec::new());
    for (id, (pattern, _)) in patterns.iter().enumerate().filter(|(_, (_, v))| *v == view) {
        let Some(hir) = pattern.kind.hir(view != View::Raw)? else { continue };
        ids.push(id);
        hirs.push(hir);
    }
    let compiled = Compiled::new(&hirs).map_err(|_| {
        let alone = |hir: &Hir| Compiled::new(std::slice::from_ref(hir)).is_err();
        let large = |hir: &Hir| engine(hir, LIMIT).is_err() || alone(hir);
        match hirs.iter().position(large) {
            Some(at) => too_large(&patterns[ids[at]].0, 0),
            None => PatternError::new(PatternErrorKind::TooLarge, 1, TOGETHER),
        }
    })?;
    let mut resolvers = Vec::with_capacity(ids.len());
    for (at, hir) in hirs.iter().enumerate() {
        let pattern = &patterns[ids[at]].0;
        resolvers.push(match &pattern.kind {
            Kind::Text(_) => Resolver::Text(hir.properties().maximum_len().unwrap_or_default()),
            _ => Resolver::regex(hir, compiled.size(at))
                .map_err(|_| too_large(pattern, compiled.size(at)))?,
        });
    }
    // The raw view is kept for near misses even when no pattern looks at it, but not much of it.
    let unused = ids.is_empty() && view == View::Raw;
    let reach = if unused { window.min(UNUSED) } else { window.max(1) };
    Ok(Patterns::new(ids, &hirs, resolvers, compiled, reach as u64))
}

fn screen(
    patterns: &[(Pattern, View)],
    size: (u16, u16),
) -> Result<Option<ScreenView>, PatternError> {
    let regexes = screen_regexes(patterns)?;
    Ok((!regexes.is_empty()).then(|| ScreenView::new(regexes, size)))
}

fn screen_regexes(patterns: &[(Pattern, View)]) -> Result<Vec<(usize, Regex)>, PatternError> {
    let mut regexes = Vec::new();
    for (id, (pattern, _)) in patterns.iter().enumerate().filter(|(_, (_, v))| *v == View::Screen) {
        let Some(hir) = pattern.kind.hir(true)? else { continue };
        regexes.push((id, engine(&hir, LIMIT).map_err(|_| too_large(pattern, 0))?));
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
