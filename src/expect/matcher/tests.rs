use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::expect::pattern::Pattern;

const SETTLE: Duration = Duration::from_millis(50);
const CONFIG: MatcherConfig =
    MatcherConfig { window: 1 << 20, before: BEFORE, settle: SETTLE, size: (20, 4) };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Matcher {
    /// The next match after a look at `at` that found nothing more.
    fn look(&mut self, at: Duration) -> Option<Match> {
        self.quiet(at);
        self.poll(at)
    }
}

fn matcher_with(config: MatcherConfig, patterns: &[(&str, View)]) -> Matcher {
    let patterns: Vec<(Pattern, View)> =
        patterns.iter().map(|(text, view)| (Pattern::parse(text).unwrap(), *view)).collect();
    Matcher::new(&patterns, config).unwrap()
}

/// All patterns armed, in order, on the text view.
fn armed(patterns: &[&str]) -> Matcher {
    let viewed: Vec<(&str, View)> = patterns.iter().map(|text| (*text, View::Text)).collect();
    let mut matcher = matcher_with(CONFIG, &viewed);
    matcher.arm(&(0..patterns.len()).collect::<Vec<_>>());
    matcher
}

fn texts(found: Option<Match>) -> Option<(usize, Vec<String>)> {
    let found = found?;
    let text =
        |g: &Option<Vec<u8>>| g.as_ref().map_or("-".to_owned(), |g| g.escape_ascii().to_string());
    Some((found.id, found.groups.iter().map(text).collect()))
}

fn hit(id: usize, groups: &[&str]) -> (usize, Vec<String>) {
    (id, groups.iter().map(|&g| g.to_owned()).collect())
}

#[test]
fn a_pattern_that_is_too_large_is_named() {
    let viewed = |text: &str| (Pattern::parse(text).unwrap(), View::Text);
    let error = |patterns: &[&str]| {
        let patterns: Vec<_> = patterns.iter().map(|text| viewed(text)).collect();
        Matcher::new(&patterns, CONFIG).unwrap_err().to_string()
    };
    let large = r"/(?i:\w{100}){50}/";
    let said = error(&["a", large, "b"]);
    assert!(
        said.contains(large) && said.contains("too large: it takes more than 10 MiB"),
        "{said}"
    );
    assert!(said.contains(r"(?-u:\w) in place of \w"), "{said}");
    let said = error(&[r"/\w{1,700}!/"]);
    assert!(said.contains(" MiB when compiled, and 10 MiB are the most"), "{said}");
    // Each alone is not.
    let several: Vec<String> = (0..16).map(|n| format!("/[ab]{{100000}}{n}/")).collect();
    let several: Vec<&str> = several.iter().map(String::as_str).collect();
    let said = error(&several);
    assert!(said.contains("the patterns together take more than 64 MiB"), "{said}");
}

#[test]
fn no_view_takes_a_larger_pattern_than_another() {
    for (pattern, is_taken) in [
        ("/[ab]{100000}!/", true),
        ("/[ab]{600000}!/", false),
        // What reads it backwards would be too large.
        (r"/\pL{300}!/", true),
        (r"/\pL{700}!/", false),
    ] {
        let pattern = Pattern::parse(pattern).unwrap();
        let views = [View::Text, View::Raw, View::Screen]
            .map(|view| Matcher::new(&[(pattern.clone(), view)], CONFIG).is_ok());
        assert_eq!(views, [is_taken; 3], "{}", pattern.source);
    }
}

#[test]
fn a_literal_fires_with_its_last_byte() {
    let mut m = armed(&["login: "]);
    m.push(ms(0), b"db1 login:");
    assert_eq!(m.look(ms(0)), None);
    assert_eq!(m.deadline(), None);
    m.push(ms(1), b" ");
    let found = m.look(ms(1)).unwrap();
    assert_eq!((found.start, found.end), (4, 11));
    assert_eq!(found.before, b"db1 ");
}

#[test]
fn a_number_is_never_half_a_number() {
    let mut m = armed(&[r"/id=(\d+)/"]);
    m.push(ms(0), b"id=12");
    assert_eq!(m.look(ms(0)), None);
    assert_eq!(m.deadline(), Some(ms(50)));
    m.push(ms(10), b"345");
    assert_eq!(m.look(ms(10)), None);
    assert_eq!(m.deadline(), Some(ms(60)));
    m.push(ms(20), b"\n");
    assert_eq!(texts(m.look(ms(20))), Some(hit(0, &["id=12345", "12345"])));
}

#[test]
fn a_pause_decides_what_is_held() {
    let mut m = armed(&[r"/id=(\d+)/"]);
    m.push(ms(0), b"id=12");
    assert_eq!(m.look(ms(49)), None);
    assert_eq!(texts(m.look(ms(50))), Some(hit(0, &["id=12", "12"])));
    assert_eq!(m.look(ms(50)), None);
    assert_eq!(m.deadline(), None);
}

#[test]
fn time_alone_is_no_pause() {
    let mut m = armed(&[r"/id=(\d+)/"]);
    m.push(ms(0), b"id=12");
    assert_eq!(m.look(ms(49)), None);
    // Whoever is busy has not looked.
    assert_eq!(m.poll(ms(70)), None);
    assert_eq!(m.deadline(), Some(ms(50)));
    m.push(ms(80), b"345");
    assert_eq!(m.poll(ms(200)), None);
    assert_eq!(m.look(ms(129)), None, "a pause is as long as another behind it");
    assert_eq!(texts(m.look(ms(130))), Some(hit(0, &["id=12345", "12345"])));
}

#[test]
fn what_had_come_by_a_limit_is_decided_for_once() {
    let mut m = armed(&[r"/id=(\d+)/", r"/no=(\d+)/"]);
    m.arm(&[0]);
    m.push(ms(0), b"id=1");
    assert_eq!(m.look(ms(1)), None);
    assert_eq!(texts(m.poll_at_once(ms(1))), Some(hit(0, &["id=1", "1"])));
    assert_eq!(m.poll_at_once(ms(1)), None);
    m.arm(&[1]);
    m.push(ms(2), b" no=2");
    assert_eq!(m.look(ms(3)), None);
    m.push(ms(4), b"3 ");
    assert_eq!(texts(m.look(ms(4))), Some(hit(1, &["no=23", "23"])));
}

#[test]
fn the_end_decides_what_is_held() {
    let mut m = armed(&["/done.*/"]);
    m.push(ms(0), b"done so far");
    assert_eq!(m.look(ms(0)), None);
    m.close();
    assert_eq!(texts(m.look(ms(1))), Some(hit(0, &["done so far"])));
}

#[test]
fn a_prompt_fires_in_a_pause_and_not_in_mid_output() {
    let mut m = armed(&["/[$#] $/"]);
    m.push(ms(0), b"price $ ");
    assert_eq!(m.look(ms(0)), None);
    m.push(ms(10), b"5\r\n");
    assert_eq!(m.look(ms(10)), None);
    assert_eq!(m.deadline(), None);
    m.push(ms(20), b"\x1b[?2004h\x1b[1;32mme@host\x1b[0m:~# ");
    assert_eq!(m.look(ms(20)), None);
    assert_eq!(m.deadline(), Some(ms(70)));
    assert_eq!(texts(m.look(ms(70))), Some(hit(0, &["# "])));
}

#[test]
fn the_match_that_begins_first_wins_and_on_a_tie_the_first_armed() {
    let table: [(&[&str], &[u8], usize); 5] = [
        (&["bc", "abcd"], b"abcde", 1),
        (&["abc", "ab"], b"abx", 1),
        (&["ab", "abc"], b"abc", 0),
        (&["/a.*z/", "ab"], b"abc\n", 1),
        (&["/a+/", "/a+b/"], b"aab", 0),
    ];
    for (patterns, text, winner) in table {
        for chunk in [1, text.len()] {
            let mut m = armed(patterns);
            let mut first = None;
            for chunk in text.chunks(chunk) {
                m.push(ms(0), chunk);
                first = first.or(m.look(ms(0)));
            }
            m.close();
            first = first.or(m.look(ms(0)));
            assert_eq!(first.map(|m| m.id), Some(winner), "{patterns:?}");
        }
    }
}

#[test]
fn anchors_are_line_ends_also_before_crlf() {
    for bytes in [&b"one\r\ntwo\r\nthree"[..], b"one\ntwo\nthree", b"one\rtwo\rthree"] {
        let mut m = armed(&["/^two$/"]);
        m.push(ms(0), bytes);
        assert_eq!(texts(m.look(ms(0))), Some(hit(0, &["two"])), "{bytes:?}");
    }
    let mut m = matcher_with(CONFIG, &[("/^two$/", View::Raw)]);
    m.arm(&[0]);
    m.push(ms(0), b"one\r\ntwo\r\nthree");
    assert_eq!(texts(m.look(ms(0))), Some(hit(0, &["two"])));
}

#[test]
fn the_cursor_is_no_beginning_of_a_line() {
    let mut m = armed(&["/^ab?/"]);
    m.push(ms(0), b"aa\nab\n");
    assert_eq!(m.look(ms(0)).map(|m| (m.start, m.end)), Some((0, 1)));
    assert_eq!(m.look(ms(0)).map(|m| (m.start, m.end)), Some((3, 5)));
    assert_eq!(m.look(ms(0)), None);
}

#[test]
fn dots_stay_on_a_line_unless_told() {
    let mut m = armed(&["/a.*b/", "/c(.*)d/s"]);
    m.push(ms(0), b"a\nb c\nd\n");
    m.close();
    assert_eq!(texts(m.look(ms(0))), Some(hit(1, &["c\\nd", "\\n"])));
}

#[test]
fn named_groups_and_groups_that_took_no_part() {
    let mut m = armed(&["/(?<user>\\w+)@(?<host>\\w+)(:(?<port>\\d+))?;/"]);
    m.push(ms(0), b"-- al@db1;");
    let found = m.look(ms(0)).unwrap();
    let names: Vec<(&str, Option<&[u8]>)> =
        found.names.iter().map(|(n, t)| (n.as_str(), t.as_deref())).collect();
    assert_eq!(names, [("user", Some(&b"al"[..])), ("host", Some(b"db1")), ("port", None)]);
    assert_eq!(found.groups.len(), 5);
    assert_eq!(found.before, b"-- ");
}

#[test]
fn text_that_is_there_is_searched_when_it_is_armed() {
    let mut m = matcher_with(CONFIG, &[("a", View::Text), ("b", View::Text)]);
    m.push(ms(0), b"xaxbx");
    assert_eq!(m.look(ms(0)), None);
    m.arm(&[0]);
    assert_eq!(m.deadline(), Some(ms(0)), "there is something to poll for");
    assert_eq!(m.look(ms(99)).map(|m| m.end), Some(2));
    m.arm(&[1]);
    assert_eq!(m.look(ms(99)).map(|m| (m.start, m.before)), Some((3, b"x".to_vec())));
    m.arm(&[0]);
    assert_eq!(m.look(ms(99)), None);
}

#[test]
fn watches_see_everything_once_and_consume_nothing() {
    let mut m = armed(&["error", "/err/"]);
    m.watch(&[0]);
    m.arm(&[1]);
    m.push(ms(0), b"error error");
    let order: Vec<(usize, bool, u64)> =
        std::iter::from_fn(|| m.look(ms(0))).map(|m| (m.id, m.is_watch, m.end)).collect();
    assert_eq!(order, [(1, false, 3), (0, true, 5), (1, false, 9), (0, true, 11)]);
}

#[test]
fn a_watch_judges_first_where_the_same_byte_decides_both() {
    let mut m = armed(&["error", "error"]);
    m.watch(&[1]);
    m.arm(&[0]);
    m.push(ms(0), b"error");
    assert_eq!(m.look(ms(0)).map(|m| (m.id, m.is_watch)), Some((1, true)));
    assert_eq!(m.look(ms(0)).map(|m| (m.id, m.is_watch)), Some((0, false)));
}

/// What an armed pattern and a watch found, in order, of output that came at once and of the same byte by byte.
fn orders(config: MatcherConfig, patterns: &[(&str, View)], text: &[u8]) -> [Vec<(bool, u64)>; 2] {
    [text.len(), 1].map(|chunk| {
        let mut m = matcher_with(config, patterns);
        m.watch(&[0]);
        m.arm(&[1]);
        let mut order = Vec::new();
        for chunk in text.chunks(chunk) {
            m.push(ms(0), chunk);
            order.extend(std::iter::from_fn(|| m.look(ms(0))).map(|m| (m.is_watch, m.end)));
        }
        order
    })
}

#[test]
fn what_is_found_after_a_loss_was_not_known_before_it() {
    // That `abcde` does not fit into the window is known with its last byte: then `cd` counts.
    let config = MatcherConfig { window: 2, ..CONFIG };
    let patterns = [("/abcde|cd/", View::Text), ("d", View::Text)];
    let expected = vec![(false, 4), (true, 4)];
    assert_eq!(orders(config, &patterns, b"abcde"), [expected.clone(), expected]);
}

#[test]
fn what_the_text_shows_late_is_decided_late() {
    for (text, late) in [(&b".\rb"[..], "/\\r/"), (b".\xc2b", r"/(?-u:\xc2)/")] {
        let patterns = [(late, View::Text), (late, View::Raw)];
        let expected = vec![(false, 2), (true, 2)];
        assert_eq!(orders(CONFIG, &patterns, text), [expected.clone(), expected], "{late}");
    }
}

#[test]
fn a_held_watch_is_decided_by_the_pause() {
    let mut m = armed(&["/^WARNING: (?<text>.*)$/"]);
    m.arm(&[]);
    m.watch(&[0]);
    m.push(ms(0), b"x\r\nWARNING: low");
    assert_eq!(m.look(ms(0)), None);
    assert_eq!(m.deadline(), Some(ms(50)));
    assert_eq!(texts(m.look(ms(50))), Some(hit(0, &["WARNING: low", "low"])));
    m.push(ms(60), b" disk\r\n");
    assert_eq!(m.look(ms(200)), None);
}

#[test]
fn an_empty_match_is_no_match() {
    let mut m = armed(&["/a*/", "/(b|)/"]);
    m.push(ms(0), b"xxaaxb.");
    let all: Vec<(usize, u64, u64)> =
        std::iter::from_fn(|| m.look(ms(99))).map(|m| (m.id, m.start, m.end)).collect();
    assert_eq!(all, [(0, 2, 4), (1, 5, 6)]);
}

#[test]
fn our_echo_is_not_output() {
    let mut m = armed(&["ready"]);
    m.expect_echo(b"ready\r");
    m.push(ms(0), b"$ ready\r\n");
    assert_eq!(m.look(ms(99)), None);
    m.push(ms(100), b"ready\r\n");
    assert_eq!(m.look(ms(100)).map(|m| (m.start, m.end)), Some((9, 14)));
}

#[test]
fn what_only_begins_like_our_echo_is_output_after_a_pause() {
    let mut m = armed(&["yes or no?"]);
    m.expect_echo(b"yes or what\r");
    m.push(ms(0), b"yes or ");
    assert_eq!(m.look(ms(0)), None);
    assert_eq!(m.deadline(), Some(ms(50)));
    m.push(ms(10), b"no?");
    assert_eq!(m.look(ms(10)).map(|m| (m.start, m.end)), Some((0, 10)));

    let mut m = armed(&["y"]);
    m.expect_echo(b"yes\r");
    m.push(ms(0), b"y");
    assert_eq!(m.look(ms(0)), None);
    assert_eq!(m.look(ms(50)).map(|m| (m.start, m.end)), Some((0, 1)));
}

#[test]
fn utf8_cut_in_two_and_bytes_that_are_none() {
    let mut m = armed(&["é", "/caf(.)/", "/(?-u:\\xff)/"]);
    for byte in "caf\u{e9}".as_bytes() {
        m.push(ms(0), std::slice::from_ref(byte));
    }
    assert_eq!(texts(m.look(ms(0))), Some(hit(1, &["caf\\xc3\\xa9", "\\xc3\\xa9"])));
    m.push(ms(0), b"\xe9\xff\xfe\x80");
    assert_eq!(texts(m.look(ms(0))), Some(hit(2, &["\\xff"])));
}

#[test]
fn nul_is_gone_from_the_text_and_there_in_the_raw() {
    let mut m = matcher_with(CONFIG, &[("ab", View::Text), (r"/a\x00b/", View::Raw)]);
    m.arm(&[0]);
    m.push(ms(0), b"a\0b.");
    assert_eq!(m.look(ms(0)).map(|m| (m.start, m.end)), Some((0, 3)));
    m.arm(&[1]);
    m.push(ms(0), b"a\0b.");
    assert_eq!(m.look(ms(0)).map(|m| (m.start, m.end)), Some((4, 7)));
}

#[test]
fn views_share_the_cursor() {
    let mut m = matcher_with(CONFIG, &[("red", View::Text), ("\x1b[1m", View::Raw)]);
    m.arm(&[0, 1]);
    m.push(ms(0), b"\x1b[1mred\x1b[0m \x1b[1mred");
    let all: Vec<(usize, u64, u64)> =
        std::iter::from_fn(|| m.look(ms(0))).map(|m| (m.id, m.start, m.end)).collect();
    assert_eq!(all, [(1, 0, 4), (0, 4, 7), (1, 12, 16), (0, 16, 19)]);
}

#[test]
fn a_crlf_in_a_pattern_is_a_line_end_of_the_text() {
    let mut m = armed(&["=one\r\ntwo", r"/three\r\nfour/"]);
    m.push(ms(0), b"one\r\ntwo three\r\nfour.");
    assert_eq!(m.look(ms(0)).map(|m| m.id), Some(0));
    assert_eq!(m.look(ms(0)).map(|m| m.id), Some(1));
}

#[test]
fn a_match_as_long_as_the_window_is_found_and_a_longer_one_is_told() {
    let config = MatcherConfig { window: 1000, ..CONFIG };
    for chunk in [1, 7, 5000] {
        for (gap, fits) in [(995, true), (996, false)] {
            let mut m = matcher_with(config, &[("/<(?s:.)*?END>/", View::Text)]);
            m.arm(&[0]);
            let text = [b"..<", &vec![b'x'; gap][..], b"END>"].concat();
            let mut found = None;
            for chunk in text.chunks(chunk) {
                m.push(ms(0), chunk);
                found = found.or(m.look(ms(0)));
            }
            assert_eq!(found.is_some(), fits, "{chunk} {gap}");
            assert_eq!(m.take_loss().is_some(), !fits);
            assert_eq!(m.dropped() > 0, !fits);
        }
    }
}

#[test]
fn a_match_that_never_ends_is_held_for_a_window_at_most() {
    let config = MatcherConfig { window: 100, ..CONFIG };
    for chunk in [1, 7, 1000] {
        let mut m = matcher_with(config, &[("/a.*/", View::Text)]);
        m.arm(&[0]);
        let mut found = None;
        for chunk in [b'a'; 500].chunks(chunk) {
            m.push(ms(0), chunk);
            found = found.or_else(|| m.look(ms(0)));
        }
        assert_eq!(found.map(|m| (m.start, m.end)), Some((0, 100)), "{chunk}");
    }
}

#[test]
fn text_cut_before_it_was_armed_is_counted() {
    let config = MatcherConfig { window: 100, ..CONFIG };
    let mut m = matcher_with(config, &[("a", View::Text)]);
    m.push(ms(0), b"a");
    m.push(ms(0), &[b'.'; 300]);
    assert_eq!(m.look(ms(0)), None);
    assert_eq!(m.dropped(), 0);
    m.arm(&[0]);
    assert_eq!(m.look(ms(0)), None);
    assert_eq!(m.dropped(), 201);
}

#[test]
fn memory_is_bounded_by_the_window() {
    let config = MatcherConfig { window: 1000, ..CONFIG };
    let mut m =
        matcher_with(config, &[("/START(?s:.*)END/", View::Text), ("/a[^x]*b/", View::Raw)]);
    m.arm(&[0]);
    m.watch(&[1]);
    m.push(ms(0), b"START a");
    for _ in 0..1000 {
        m.push(ms(0), b"\x1b[1mlong line\x1b[m ");
        assert_eq!(m.look(ms(0)), None);
        assert!(m.retained(View::Text).0.len() < 4200);
        assert!(m.retained(View::Raw).0.len() < 4200);
    }
}

#[test]
fn what_was_passed_over_and_what_is_left() {
    let mut m = armed(&["two"]);
    m.push(ms(0), b"one \x1b[mtwo three");
    assert!(m.look(ms(0)).is_some());
    assert_eq!(m.retained(View::Text), (&b"one two three"[..], 7));
    let (raw, cursor) = m.retained(View::Raw);
    assert_eq!(&raw[cursor..], b" three");
    assert_eq!(m.total(), 16);
}

#[test]
fn a_screen_is_looked_at_in_a_pause_and_fires_once_for_what_it_shows() {
    let mut m = matcher_with(CONFIG, &[("/^> (\\w+)$/", View::Screen), ("> two", View::Screen)]);
    m.arm(&[0]);
    m.push(ms(0), b"\x1b[2J\x1b[2;1H> one\x1b[1;1Hmenu");
    assert_eq!(m.look(ms(0)), None);
    assert_eq!(m.deadline(), Some(ms(50)));
    let found = m.look(ms(50));
    assert_eq!(found.as_ref().map(|m| m.end), Some(m.total()));
    assert_eq!(texts(found), Some(hit(0, &["> one", "one"])));
    assert_eq!(m.look(ms(50)), None);
    assert_eq!(m.deadline(), None);
    m.push(ms(60), b"\x1b[4;1Hstatus");
    assert_eq!(m.look(ms(200)), None, "it still shows the same");
    m.arm(&[1, 0]);
    m.push(ms(210), b"\x1b[2;3Htwo");
    assert_eq!(texts(m.look(ms(300))), Some(hit(1, &["> two"])));
    assert_eq!(texts(m.look(ms(300))), Some(hit(0, &["> two", "two"])));
    assert_eq!(m.look(ms(300)), None);
}

#[test]
fn a_screen_is_looked_at_while_output_goes_on() {
    let mut m = matcher_with(CONFIG, &[("busy", View::Screen)]);
    m.watch(&[0]);
    for chunk in 0..5000_u64 {
        m.push(ms(chunk), b"\x1b[1;1Hbusy");
        if let Some(found) = m.look(ms(chunk)) {
            assert_eq!((found.end, found.is_watch), (16384, true));
            return;
        }
    }
    panic!("it was never looked at");
}

#[test]
fn events_have_an_id_and_never_match() {
    let mut m = armed(&["@eof", "x"]);
    m.push(ms(0), b"@eof x");
    assert_eq!(m.look(ms(99)).map(|m| m.id), Some(1));
}

#[test]
fn a_screen_is_looked_at_in_the_same_places_however_the_output_comes() {
    let patterns =
        [("/row (\\d+)/", View::Screen), ("/x(\\d+);/", View::Text), ("row", View::Screen)];
    let mut output = Vec::new();
    for n in 0..3000 {
        output.extend_from_slice(
            format!("\x1b[1;1Hrow {n} x{n};{}", "\r\n".repeat(n % 3)).as_bytes(),
        );
    }
    let run = |chunk: usize| {
        let mut m = matcher_with(CONFIG, &patterns);
        m.watch(&[2]);
        let mut order = [vec![1], vec![0, 1], vec![0]].into_iter().cycle();
        m.arm(&order.next().unwrap());
        let mut all = Vec::new();
        let mut drain = |m: &mut Matcher| {
            while let Some(found) = m.look(ms(0)) {
                if !found.is_watch {
                    m.arm(&order.next().unwrap());
                }
                all.push((found.id, found.end, found.groups));
            }
        };
        for chunk in output.chunks(chunk) {
            m.push(ms(0), chunk);
            drain(&mut m);
        }
        m.close();
        drain(&mut m);
        all
    };
    let whole = run(output.len());
    assert!(whole.iter().any(|m| m.0 == 0) && whole.iter().any(|m| m.0 == 2), "{whole:?}");
    for chunk in [1, 77, 4096] {
        assert_eq!(run(chunk), whole, "{chunk}");
    }
}

#[test]
fn a_hundred_watches_stay_behind_and_miss_nothing() {
    let config = MatcherConfig { window: 20_000, ..CONFIG };
    let patterns: Vec<String> = (0..100).map(|n| format!("/<{n:02}(?s:.*?){n:02}>/")).collect();
    let viewed: Vec<(&str, View)> = patterns.iter().map(|p| (p.as_str(), View::Text)).collect();
    let mut m = matcher_with(config, &viewed);
    m.watch(&(0..100).collect::<Vec<_>>());
    let mut ends = Vec::new();
    let mut feed = |m: &mut Matcher, bytes: &[u8]| {
        m.push(ms(0), bytes);
        while let Some(found) = m.look(ms(0)) {
            ends.push((found.id, found.end - found.start));
        }
    };
    feed(&mut m, b"<77 ");
    for _ in 0..190 {
        feed(&mut m, &[b'.'; 100]);
    }
    feed(&mut m, b"77> <05 ");
    for _ in 0..300 {
        feed(&mut m, &[b'.'; 100]);
    }
    feed(&mut m, b"05> <06 06>");
    assert_eq!(ends, [(77, 19_007), (6, 7)]);
    let loss = m.take_loss().unwrap();
    assert_eq!((loss.id, m.take_loss()), (5, None));
}

#[test]
fn a_prompt_on_a_screen_keeps_its_blank() {
    let mut m = matcher_with(CONFIG, &[(r"/\$ $/", View::Screen)]);
    m.arm(&[0]);
    m.push(ms(0), b"motd\r\n\x1b[32mme\x1b[m$ ");
    assert_eq!(texts(m.look(ms(50))), Some(hit(0, &["$ "])));
    assert_eq!(m.retained(View::Screen).0, b"motd\nme$ ");
}

/// A pattern that is another one costs what it costs itself: the others keep what is known of them, and a stream with
/// the same patterns has them from the first.
#[test]
fn what_does_not_change_is_not_compiled_again() {
    let pattern = |source: &str| Pattern::parse(source).expect("a pattern");
    let texts = ["k1", r"/\pL{250}!/", "/screen/"];
    let views = [View::Text, View::Text, View::Screen];
    let patterns: Vec<_> = texts.map(pattern).into_iter().zip(views).collect();
    let config =
        MatcherConfig { window: 1 << 20, before: BEFORE, settle: Duration::ZERO, size: (80, 24) };
    let mut first = Matcher::new(&patterns, config).expect("sound patterns");
    let mut second = first.twin();
    assert!(Rc::ptr_eq(first.text.patterns(), second.text.patterns()));
    let (before, raw) = (Rc::clone(first.text.patterns()), Rc::clone(first.raw.patterns()));
    first.replace(&[(0, pattern("k2")), (2, pattern("/drawn/"))]).expect("sound patterns");
    second.follow(&first);
    assert!(Rc::ptr_eq(&first.text.patterns().each[1], &before.each[1]));
    assert!(!Rc::ptr_eq(&first.text.patterns().each[0], &before.each[0]));
    assert!(Rc::ptr_eq(first.raw.patterns(), &raw));
    for matcher in [&mut first, &mut second] {
        for id in [0, 2] {
            matcher.arm(&[id]);
            matcher.push(Duration::ZERO, b"k1 screen k2 drawn ");
            matcher.push(Duration::ZERO, b"\n");
            assert_eq!(matcher.look(Duration::from_secs(1)).map(|found| found.id), Some(id));
        }
    }
    assert!(first.replace(&[(0, pattern(r"/\pL{9000}/"))]).is_err());
    first.arm(&[0]);
    first.push(Duration::ZERO, b"k2");
    assert!(first.look(Duration::from_secs(2)).is_some());
}
