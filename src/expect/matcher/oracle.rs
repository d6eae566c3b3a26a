//! The matcher against the plainest thing that can be written: a backtracking search over all of the text.

use std::fmt::Write;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::{BEFORE, Match, Matcher, MatcherConfig};
use crate::expect::pattern::Pattern;
use crate::expect::program::View;

/// A regex small enough to be searched for by trying everything.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Class(&'static str, &'static [u8]),
    Dot,
    LineStart,
    LineEnd,
    Boundary,
    Concat(Vec<Node>),
    Either(Vec<Node>),
    Repeat(Box<Node>, usize, Option<usize>, bool),
    Group(Box<Node>),
}

type Groups = Vec<Option<(usize, usize)>>;

impl Node {
    fn write(&self, out: &mut String) {
        match self {
            Node::Class(class, _) => out.push_str(class),
            Node::Dot => out.push('.'),
            Node::LineStart => out.push('^'),
            Node::LineEnd => out.push('$'),
            Node::Boundary => out.push_str(r"\b"),
            Node::Concat(nodes) => nodes.iter().for_each(|node| node.write(out)),
            Node::Either(nodes) => {
                for (at, node) in nodes.iter().enumerate() {
                    out.push_str(if at == 0 { "(?:" } else { "|" });
                    node.write(out);
                }
                out.push(')');
            }
            Node::Repeat(node, min, max, greedy) => {
                out.push_str("(?:");
                node.write(out);
                let _ = match max {
                    Some(max) => write!(out, "){{{min},{max}}}"),
                    None => write!(out, "){{{min},}}"),
                };
                out.push_str(if *greedy { "" } else { "?" });
            }
            Node::Group(node) => {
                out.push('(');
                node.write(out);
                out.push(')');
            }
        }
    }

    fn groups(&self) -> usize {
        match self {
            Node::Concat(nodes) | Node::Either(nodes) => nodes.iter().map(Node::groups).sum(),
            Node::Repeat(node, ..) => node.groups(),
            Node::Group(node) => 1 + node.groups(),
            _ => 0,
        }
    }

    /// Tries all ways to match from `at` in order of preference, until `then` takes one.
    fn try_all(
        &self,
        text: &[u8],
        at: usize,
        group: usize,
        groups: &mut Groups,
        then: &mut dyn FnMut(usize, &mut Groups) -> bool,
    ) -> bool {
        let byte = text.get(at).copied();
        match self {
            Node::Class(_, class) => {
                byte.is_some_and(|b| class.contains(&b)) && then(at + 1, groups)
            }
            Node::Dot => byte.is_some_and(|b| b != b'\n' && b != b'\r') && then(at + 1, groups),
            Node::LineStart => line_start(text, at) && then(at, groups),
            Node::LineEnd => line_end(text, at) && then(at, groups),
            Node::Boundary => {
                let word = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
                let before = at.checked_sub(1).and_then(|at| text.get(at));
                word(before) != word(text.get(at)) && then(at, groups)
            }
            Node::Concat(nodes) => {
                let Some((first, rest)) = nodes.split_first() else { return then(at, groups) };
                let next = group + first.groups();
                first.try_all(text, at, group, groups, &mut |at, groups| {
                    Node::Concat(rest.to_vec()).try_all(text, at, next, groups, then)
                })
            }
            Node::Either(nodes) => {
                let mut group = group;
                for node in nodes {
                    if node.try_all(text, at, group, groups, then) {
                        return true;
                    }
                    group += node.groups();
                }
                false
            }
            Node::Repeat(node, min, max, greedy) => {
                let max_left = max.map(|max| max.saturating_sub(1));
                let rest = Node::Repeat(node.clone(), min.saturating_sub(1), max_left, *greedy);
                let may_stop = *min == 0;
                if may_stop && !greedy && then(at, groups) {
                    return true;
                }
                let more = *max != Some(0)
                    && node.try_all(text, at, group, groups, &mut |at, groups| {
                        rest.try_all(text, at, group, groups, then)
                    });
                more || (may_stop && *greedy && then(at, groups))
            }
            Node::Group(node) => node.try_all(text, at, group + 1, groups, &mut |end, groups| {
                let was = groups[group].replace((at, end));
                let taken = then(end, groups);
                if !taken {
                    groups[group] = was;
                }
                taken
            }),
        }
    }
}

fn line_start(text: &[u8], at: usize) -> bool {
    match at.checked_sub(1).map(|at| text[at]) {
        None | Some(b'\n') => true,
        Some(b'\r') => text.get(at) != Some(&b'\n'),
        _ => false,
    }
}

fn line_end(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        None | Some(b'\r') => true,
        Some(b'\n') => at == 0 || text[at - 1] != b'\r',
        _ => false,
    }
}

/// What is found: pattern, begin, end, groups.
type Found = (usize, usize, usize, Vec<Option<Vec<u8>>>);

/// All matches of `armed`, in order of precedence, one after the other.
fn oracle(nodes: &[Node], armed: &[usize], text: &[u8]) -> Vec<Found> {
    let mut all: Vec<Found> = Vec::new();
    while let Some(found) = first(nodes, armed, text, all.last().map_or(0, |found| found.2)) {
        all.push(found);
    }
    all
}

/// The first match from `cursor` on.
fn first(nodes: &[Node], armed: &[usize], text: &[u8], cursor: usize) -> Option<Found> {
    let places = (cursor..text.len()).flat_map(|start| armed.iter().map(move |&id| (start, id)));
    for (start, id) in places {
        let mut groups = vec![None; nodes[id].groups()];
        let mut found = None;
        nodes[id].try_all(text, start, 0, &mut groups, &mut |end, groups| {
            if end > start {
                found = Some((end, groups.clone()));
            }
            end > start
        });
        if let Some((end, groups)) = found {
            let groups = std::iter::once(Some((start, end))).chain(groups);
            let texts = groups.map(|group| group.map(|(from, to)| text[from..to].to_vec()));
            return Some((id, start, end, texts.collect()));
        }
    }
    None
}

fn leaf() -> impl Strategy<Value = Node> {
    prop_oneof![
        6 => Just(Node::Class("a", b"a")),
        4 => Just(Node::Class("b", b"b")),
        2 => Just(Node::Class(r"\n", b"\n")),
        2 => Just(Node::Class("[ab]", b"ab")),
        2 => Just(Node::Class("[^a]", b"b\r\n ")),
        2 => Just(Node::Dot),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let bounds = prop_oneof![
        Just((0, None)),
        Just((1, None)),
        Just((0, Some(1))),
        Just((2, Some(3))),
        Just((2, None)),
    ];
    // What is repeated is never empty: what an empty repetition captures is a matter of taste.
    let repeat = (leaf(), bounds, any::<bool>(), any::<bool>()).prop_map(
        |(node, (min, max), greedy, group)| {
            let node = if group { Node::Group(Box::new(node)) } else { node };
            Node::Repeat(Box::new(node), min, max, greedy)
        },
    );
    let piece = prop_oneof![
        6 => leaf(),
        3 => repeat,
        1 => Just(Node::LineStart),
        1 => Just(Node::LineEnd),
        1 => Just(Node::Boundary),
    ];
    let row = proptest::collection::vec(piece, 1..5).prop_map(Node::Concat);
    let row = (row, any::<bool>())
        .prop_map(|(row, group)| if group { Node::Group(Box::new(row)) } else { row });
    let rows = proptest::collection::vec(row, 1..4);
    let rows = rows.prop_filter("another regex for regex-syntax", |rows| !is_lifted(rows));
    rows.prop_map(|mut rows| match rows.len() {
        1 => rows.remove(0),
        _ => Node::Either(rows),
    })
}

/// Whether regex-syntax makes another regex of these alternatives: what all of them begin with it draws out of
/// them, a repetition too. `a+a|a+[ab]` is `a+[ab]` then, and finds more. (RE2 and Go did so, and do no more.)
fn is_lifted(rows: &[Node]) -> bool {
    let alike = |at: usize| {
        let mut pieces = rows.iter().map(|row| match row {
            Node::Concat(pieces) => pieces.get(at),
            _ => None,
        });
        let first = pieces.next()??;
        pieces.all(|other| other == Some(first)).then_some(first)
    };
    rows.len() > 1 && (0..).map_while(alike).any(|piece| matches!(piece, Node::Repeat(..)))
}

/// Patterns that can match anything at all, with their regexes.
fn patterns() -> impl Strategy<Value = Vec<(Node, Pattern)>> {
    let one = node().prop_filter_map("it can only match nothing", |node| {
        let mut regex = String::from("/");
        node.write(&mut regex);
        regex.push('/');
        Some((node, Pattern::parse(&regex).ok()?))
    });
    proptest::collection::vec(one, 1..6)
}

fn output() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => Just(b'a'),
        8 => Just(b'b'),
        2 => Just(b'\n'),
        1 => Just(b'\r'),
        1 => Just(b' '),
    ];
    proptest::collection::vec(byte, 0..60)
}

const CONFIG: MatcherConfig = MatcherConfig {
    window: 1 << 20,
    before: BEFORE,
    settle: Duration::from_millis(50),
    size: (80, 24),
};

struct Setting<'a> {
    patterns: &'a [(Pattern, View)],
    armed: &'a [&'a [usize]],
    watched: &'a [usize],
    typed: &'a [u8],
}

/// All matches of output that comes in these chunks without a pause and then ends. After each armed match
/// the next set is armed.
fn run(setting: &Setting<'_>, chunks: &[&[u8]], config: MatcherConfig) -> (Vec<Match>, u64) {
    run_gathered(setting, chunks, &[], config)
}

/// The same, with a glance at each chunk when so many bytes of it are there.
fn run_gathered(
    setting: &Setting<'_>,
    chunks: &[&[u8]],
    gathered: &[usize],
    config: MatcherConfig,
) -> (Vec<Match>, u64) {
    let mut matcher = Matcher::new(setting.patterns, config).unwrap();
    let mut sets = setting.armed.iter().cycle();
    matcher.watch(setting.watched);
    matcher.arm(sets.next().unwrap());
    matcher.expect_echo(setting.typed);
    let now = Duration::ZERO;
    let mut all = Vec::new();
    let mut drain = |matcher: &mut Matcher| {
        while let Some(found) = matcher.poll(now) {
            if !found.is_watch {
                matcher.arm(sets.next().unwrap());
            }
            all.push(found);
        }
    };
    for chunk in chunks {
        for part in gathered.iter().filter_map(|&count| chunk.get(..count)) {
            matcher.glance(part);
        }
        matcher.push(now, chunk);
        drain(&mut matcher);
    }
    matcher.close();
    drain(&mut matcher);
    (all, matcher.dropped())
}

fn chunked<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    let mut rest = bytes;
    for &cut in cuts {
        let (chunk, later) = rest.split_at(cut.min(rest.len()));
        chunks.push(chunk);
        rest = later;
    }
    chunks.push(rest);
    chunks
}

fn found(matches: &[Match], is_watch: bool, id: Option<usize>) -> Vec<Found> {
    matches
        .iter()
        .filter(|m| m.is_watch == is_watch && id.is_none_or(|id| m.id == id))
        .map(|m| (m.id, m.start as usize, m.end as usize, m.groups.clone()))
        .collect()
}

/// Lines, and now and then the beginning or the end of what is looked for.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let special: Vec<&[u8]> = vec![
        b"logi",
        b"n: ",
        b"login: ",
        b"password: ",
        b"password:",
        b" ",
        b"error 1",
        b"23 end\n",
        b"7\n",
        b"no such ",
        b"end",
        b"\x1b[1m",
        b"\r",
    ];
    prop_oneof![
        1 => (1_usize..40).prop_map(|count| b"some line\n".repeat(count)),
        2 => proptest::sample::select(special).prop_map(<[u8]>::to_vec),
    ]
}

/// The same as a terminal has them: lines end with CR LF, now and then cut between the two.
fn terminal_piece() -> impl Strategy<Value = Vec<u8>> {
    let special: Vec<&[u8]> = vec![
        b"end\r\nlogin: ",
        b"login: ",
        b"logi",
        b"n: x",
        b"error 1",
        b"23\r\n",
        b"\r\n",
        b"\r",
        b"\n",
        b"end",
        b"no such ",
        b"\x1b[1m",
    ];
    prop_oneof![
        1 => (1_usize..40).prop_map(|count| b"some line\r\n".repeat(count)),
        2 => proptest::sample::select(special).prop_map(<[u8]>::to_vec),
    ]
}

fn cases() -> ProptestConfig {
    // Each case compiles its patterns six times, which takes long without optimisation.
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 4, ..usual }
}

/// The pieces, a cut behind those that say so, give what the bytes give one by one, all at once, and all at once
/// after a glance at each cut.
fn any_cut_gives_the_same(
    setting: &Setting,
    pieces: Vec<(Vec<u8>, bool)>,
    config: MatcherConfig,
) -> Result<(), TestCaseError> {
    let mut chunks = vec![Vec::new()];
    for (piece, cut) in pieces {
        chunks.last_mut().unwrap().extend(piece);
        if cut {
            chunks.push(Vec::new());
        }
    }
    let bytes = chunks.concat();
    let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    let ends = chunks.iter().scan(0, |end, chunk| {
        *end += chunk.len();
        Some(*end)
    });
    let ends: Vec<usize> = ends.collect();
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    let single = run(setting, &single, config).0;
    prop_assert_eq!(&run_gathered(setting, &[&bytes], &ends, config).0, &single);
    prop_assert_eq!(&run(setting, &[&bytes], config).0, &single);
    prop_assert_eq!(&run(setting, &chunks, config).0, &single);
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_matches_are_those_of_the_plainest_search(
        patterns in patterns(),
        text in output(),
        cuts in proptest::collection::vec(0_usize..9, 0..20),
        watches in 0_usize..3,
    ) {
        let nodes: Vec<Node> = patterns.iter().map(|(node, _)| node.clone()).collect();
        let raw: Vec<(Pattern, View)> = patterns.iter().map(|(_, p)| (p.clone(), View::Raw)).collect();
        let armed: Vec<usize> = (0..nodes.len()).rev().collect();
        let watched: Vec<usize> = (0..watches.min(nodes.len())).collect();
        let setting = Setting { patterns: &raw, armed: &[&armed], watched: &watched, typed: b"" };
        let whole = run(&setting, &[&text], CONFIG).0;
        prop_assert_eq!(found(&whole, false, None), oracle(&nodes, &armed, &text));
        for &id in &watched {
            prop_assert_eq!(found(&whole, true, Some(id)), oracle(&nodes, &[id], &text));
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert_eq!(&run(&setting, &single, CONFIG).0, &whole);
        prop_assert_eq!(&run(&setting, &chunked(&text, &cuts), CONFIG).0, &whole);
    }

    #[test]
    fn no_cut_changes_a_dialogue(
        patterns in patterns(),
        text in output(),
        escapes in proptest::collection::vec((0_usize..60, 0_usize..4), 0..4),
        cuts in proptest::collection::vec(0_usize..9, 0..20),
        views in proptest::collection::vec(any::<bool>(), 6),
        typed in "[ab]{0,3}\r?",
        window in 4_usize..80,
        watches in 0_usize..3,
    ) {
        let mut bytes = text;
        for (at, which) in escapes {
            let at = at.min(bytes.len());
            let escape: &[u8] = [&b"\x1b[1m"[..], b"\r\n", b"\x08", b"\x1b]0;a\x07"][which];
            bytes.splice(at..at, escape.iter().copied());
        }
        let count = patterns.len();
        let viewed: Vec<(Pattern, View)> = patterns
            .into_iter()
            .zip(views)
            .map(|((_, pattern), raw)| (pattern, if raw { View::Raw } else { View::Text }))
            .collect();
        let all: Vec<usize> = (0..count).collect();
        let odd: Vec<usize> = (0..count).filter(|id| id % 2 == 1).collect();
        let watched: Vec<usize> = (0..watches.min(count)).collect();
        let setting =
            Setting { patterns: &viewed, armed: &[&all, &odd, &all], watched: &watched, typed: typed.as_bytes() };
        let config = MatcherConfig { window, ..CONFIG };
        let whole = run(&setting, &[&bytes], config);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let single = run(&setting, &single, config);
        prop_assert_eq!(&single.0, &whole.0);
        let cut = run(&setting, &chunked(&bytes, &cuts), config);
        prop_assert_eq!(&cut.0, &whole.0);
        prop_assert!(whole.0.iter().all(|m| m.start < m.end));
    }

    /// Much at once is looked at where it is: the same matches as when all of it is taken over, byte by byte.
    #[test]
    fn what_passes_hides_no_match(
        pieces in proptest::collection::vec((piece(), any::<bool>()), 0..30),
        raw in any::<bool>(),
        window in 4_usize..60,
        few in any::<bool>(),
        watches in 0_usize..3,
    ) {
        let view = if raw { View::Raw } else { View::Text };
        let patterns = ["login: ", "/password: $/", r"/^error (\d+)( end)?$/", "/no such (?s:.{0,20})end/"];
        let patterns = patterns.map(|pattern| (Pattern::parse(pattern).unwrap(), view));
        let watched: Vec<usize> = (0..watches).collect();
        let all: &[usize] = &[3, 2, 1, 0];
        let sets = [all, if few { &[1, 0] } else { all }];
        let setting = Setting { patterns: &patterns, armed: &sets, watched: &watched, typed: b"" };
        any_cut_gives_the_same(&setting, pieces, MatcherConfig { window, ..CONFIG })?;
    }

    /// The same of lines as a terminal has them, with literals that span them too.
    #[test]
    fn what_passes_as_lines_hides_no_match(
        pieces in proptest::collection::vec((terminal_piece(), any::<bool>()), 0..30),
        views in proptest::collection::vec(any::<bool>(), 4),
        window in 4_usize..60,
        spans in any::<bool>(),
        watches in 0_usize..3,
    ) {
        let spanning = if spans { "end\nlogin" } else { "/^login: \\w/" };
        let patterns = ["login: ", spanning, "/^error (\\d+)$/", "/no such (?s:.{0,20})end/"];
        let view = |raw| if raw { View::Raw } else { View::Text };
        let patterns: Vec<(Pattern, View)> = patterns
            .iter()
            .zip(views)
            .map(|(pattern, raw)| (Pattern::parse(pattern).unwrap(), view(raw)))
            .collect();
        let watched: Vec<usize> = (0..watches).collect();
        let setting =
            Setting { patterns: &patterns, armed: &[&[3, 2, 1, 0]], watched: &watched, typed: b"" };
        any_cut_gives_the_same(&setting, pieces, MatcherConfig { window, ..CONFIG })?;
    }
}
