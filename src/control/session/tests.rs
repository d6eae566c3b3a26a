//! Sessions and waits, with a made-up clock.

use super::*;
use crate::control::protocol::On;

const SETTLE: Duration = Duration::from_millis(50);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn session(streams: &[StreamId]) -> Session {
    Session::new(Setup {
        streams: streams.to_vec(),
        window: 1 << 16,
        settle: SETTLE,
        size: (80, 24),
    })
}

fn pipes() -> Session {
    session(&[StreamId::Stdout, StreamId::Stderr])
}

fn on(patterns: &[(&str, &str)]) -> Expect {
    let on = |(label, pattern): &(&str, &str)| On {
        label: (*label).to_owned(),
        pattern: (*pattern).to_owned(),
        view: View::Text,
        stream: None,
    };
    Expect { on: patterns.iter().map(on).collect(), ..Expect::default() }
}

fn out(session: &mut Session, at: u64, text: &str) {
    session.output(ms(at), session.lanes[0].stream, text.as_bytes());
}

/// Waits, and gives the label and the offset of what matched at once.
fn at_once(session: &mut Session, at: u64, expect: &Expect) -> Option<(String, u64)> {
    session.wait(ms(at), 1, expect).unwrap();
    let answer = session.poll(ms(at)).pop();
    session.forget(1);
    match answer {
        Some((1, Answer::Matched(matched))) => Some((matched.label, matched.offset)),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn calls_in_a_row_read_the_output_once() {
    let mut session = pipes();
    out(&mut session, 0, "one two one\n");
    let one = on(&[("a", "one")]);
    assert_eq!(at_once(&mut session, 1, &one), Some(("a".to_owned(), 3)));
    assert_eq!(at_once(&mut session, 2, &one), Some(("a".to_owned(), 11)));
    assert_eq!(at_once(&mut session, 3, &one), None);
    out(&mut session, 4, "one");
    assert_eq!(at_once(&mut session, 5, &one), Some(("a".to_owned(), 15)));
}

#[test]
fn a_peek_leaves_it_and_since_looks_elsewhere() {
    let mut session = pipes();
    out(&mut session, 0, "one two one\n");
    let peek = Expect { peek: true, ..on(&[("a", "one")]) };
    assert_eq!(at_once(&mut session, 1, &peek), Some(("a".to_owned(), 3)));
    assert_eq!(at_once(&mut session, 1, &peek), Some(("a".to_owned(), 3)));
    let since = Expect { since: Some(4), ..on(&[("a", "one")]) };
    assert_eq!(at_once(&mut session, 2, &since), Some(("a".to_owned(), 11)));
    assert_eq!(at_once(&mut session, 3, &on(&[("b", "two")])), None, "the cursor has passed it");
    let back = Expect { since: Some(0), peek: true, ..on(&[("b", "two")]) };
    assert_eq!(at_once(&mut session, 4, &back), Some(("b".to_owned(), 7)));
}

#[test]
fn waits_do_not_take_text_from_each_other() {
    let mut session = pipes();
    session.wait(ms(0), 1, &on(&[("a", "ready")])).unwrap();
    session.wait(ms(0), 2, &on(&[("b", "ready"), ("c", "read")])).unwrap();
    assert!(session.poll(ms(0)).is_empty());
    out(&mut session, 5, "ready");
    let mut answers = session.poll(ms(5));
    answers.sort_by_key(|(token, _)| *token);
    let labels: Vec<_> = answers
        .iter()
        .map(|(token, answer)| match answer {
            Answer::Matched(matched) => (*token, matched.label.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(labels, [(1, "a"), (2, "b")]);
}

#[test]
fn a_match_that_may_grow_is_held_for_the_pause_and_decided_by_the_limit() {
    let mut session = pipes();
    let number = on(&[("n", r"/(\d+)/")]);
    session.wait(ms(0), 1, &number).unwrap();
    out(&mut session, 10, "12");
    assert!(session.poll(ms(10)).is_empty());
    assert_eq!(session.next_deadline(), Some(ms(60)));
    out(&mut session, 20, "34");
    assert!(session.poll(ms(60)).is_empty());
    let [(1, Answer::Matched(matched))] = &session.poll(ms(70))[..] else { panic!() };
    assert_eq!(matched.captures["1"].as_deref(), Some("1234"));

    session.wait(ms(100), 2, &Expect { limit_ms: Some(20), ..number }).unwrap();
    assert!(session.poll(ms(100)).is_empty());
    out(&mut session, 110, "5");
    assert_eq!(session.next_deadline(), Some(ms(110)));
    assert!(session.poll(ms(110)).is_empty());
    assert_eq!(session.next_deadline(), Some(ms(120)));
    let [(2, Answer::Matched(matched))] = &session.poll(ms(120))[..] else { panic!() };
    assert_eq!(matched.captures["1"].as_deref(), Some("5"));
}

#[test]
fn a_limit_tells_the_last_lines() {
    let mut session = pipes();
    out(&mut session, 0, "a\nb\x1b[1mc\n");
    session.wait(ms(1), 1, &Expect { limit_ms: Some(9), ..on(&[("x", "x")]) }).unwrap();
    assert!(session.poll(ms(9)).is_empty());
    let lines = vec!["a".to_owned(), "bc".to_owned()];
    assert_eq!(session.poll(ms(10)), [(1, Answer::Limit(lines))]);
    assert_eq!(session.next_deadline(), None);
}

#[test]
fn a_wait_knows_whether_it_stands_at_the_start_of_a_line() {
    let mut session = pipes();
    out(&mut session, 0, "name: bob\nnext");
    assert_eq!(at_once(&mut session, 100, &on(&[("a", "name: ")])), Some(("a".to_owned(), 6)));
    assert_eq!(at_once(&mut session, 100, &on(&[("a", "/^b/")])), None);
    assert_eq!(at_once(&mut session, 100, &on(&[("a", "/^n/")])), Some(("a".to_owned(), 11)));
}

#[test]
fn our_own_echo_is_no_output_for_a_wait_that_comes_later() {
    let mut session = session(&[StreamId::Terminal]);
    session.typed(b"exit\r");
    out(&mut session, 1, "exit\r\nlogout\r\n");
    assert_eq!(at_once(&mut session, 100, &on(&[("a", "exit")])), None);
    assert_eq!(at_once(&mut session, 100, &on(&[("a", "logout")])), Some(("a".to_owned(), 12)));
}

#[test]
fn what_may_be_echo_is_output_after_a_pause() {
    let mut session = session(&[StreamId::Terminal]);
    session.typed(b"ab\r");
    session.wait(ms(0), 1, &on(&[("x", "a")])).unwrap();
    out(&mut session, 1, "a");
    assert!(session.poll(ms(1)).is_empty());
    assert_eq!(session.next_deadline(), Some(ms(51)));
    assert_eq!(session.poll(ms(51)).len(), 1);
}

#[test]
fn streams_have_their_own_text_and_cursor() {
    let mut session = pipes();
    session.output(ms(0), StreamId::Stderr, b"warning ");
    session.output(ms(0), StreamId::Stdout, b"result ");
    session.output(ms(0), StreamId::Stderr, b"again ");
    assert_eq!(at_once(&mut session, 1, &on(&[("a", "result")])), Some(("a".to_owned(), 14)));
    assert_eq!(
        at_once(&mut session, 1, &on(&[("a", "warning again")])),
        Some(("a".to_owned(), 20))
    );
    let mut only = on(&[("a", "result")]);
    only.since = Some(0);
    only.on[0].stream = Some(Stream::Stderr);
    assert_eq!(at_once(&mut session, 1, &only), None);
}

#[test]
fn events_are_waited_for_like_text() {
    let mut session = pipes();
    let events = on(&[("late", "@exit"), ("eof", "@eof"), ("quiet", "@idle:2s")]);
    session.wait(ms(0), 1, &events).unwrap();
    out(&mut session, 500, "x");
    assert!(session.poll(ms(500)).is_empty());
    assert_eq!(session.next_deadline(), Some(ms(2500)));
    let [(1, Answer::Matched(matched))] = &session.poll(ms(2500))[..] else { panic!() };
    assert_eq!((matched.label.as_str(), matched.offset), ("quiet", 1));
    session.wait(ms(3000), 2, &on(&[("exit", "@exit"), ("text", "last words")])).unwrap();
    session.exited();
    assert!(session.poll(ms(3000)).is_empty(), "its output may still come");
    out(&mut session, 3001, "last words");
    let [(2, Answer::Matched(matched))] = &session.poll(ms(3001))[..] else { panic!() };
    assert_eq!(matched.label, "text");
    session.stream_ended(StreamId::Stdout);
    session.stream_ended(StreamId::Stderr);
    assert_eq!(
        at_once(&mut session, 3002, &on(&[("exit", "@exit")])),
        Some(("exit".to_owned(), 11))
    );
    session.started();
    assert_eq!(at_once(&mut session, 3002, &on(&[("exit", "@exit")])), None, "another attempt");
}

#[test]
fn the_end_decides() {
    let mut session = pipes();
    session.wait(ms(0), 1, &on(&[("n", r"/\d+/")])).unwrap();
    session.wait(ms(0), 2, &on(&[("x", "x")])).unwrap();
    out(&mut session, 1, "12");
    assert!(session.poll(ms(1)).is_empty());
    session.close(ms(2));
    let answers = session.poll(ms(2));
    assert!(matches!(&answers[0], (1, Answer::Matched(matched)) if matched.offset == 2));
    assert_eq!(answers[1], (2, Answer::Ended(vec!["12".to_owned()])));
}

#[test]
fn what_was_dropped_is_told() {
    let mut session = pipes();
    session.setup.window = 1024;
    for _ in 0..100 {
        out(&mut session, 0, &"x".repeat(100));
    }
    out(&mut session, 0, "end");
    session.wait(ms(1), 1, &on(&[("a", "end")])).unwrap();
    let [(1, Answer::Matched(matched))] = &session.poll(ms(1))[..] else { panic!() };
    assert_eq!(matched.offset, 10_003);
    assert!(matched.dropped > 8000 && matched.dropped < 9000, "{}", matched.dropped);
    assert!(session.lanes[0].window.bytes().len() < 3 * 1024);
}

#[test]
fn the_screen_is_looked_at_as_it_is() {
    let mut session = session(&[StreamId::Terminal]);
    out(&mut session, 0, "\x1b[2J\x1b[5;10Hmenu\x1b[6;10Hquit");
    let mut expect = on(&[("m", r"/menu\n +quit/")]);
    expect.on[0].view = View::Screen;
    let found = at_once(&mut session, 100, &expect);
    assert_eq!(found.map(|(label, _)| label), Some("m".to_owned()));
    let screen = session.screen().unwrap();
    assert_eq!(screen.lines[4], "         menu");
    let mut piped = pipes();
    assert_eq!(piped.wait(ms(0), 1, &expect), Err(Refused::NoTerminal));
    assert!(matches!(
        piped.wait(ms(0), 1, &on(&[("a", "/(/")])),
        Err(Refused::Pattern(why)) if why.contains("/(/")
    ));
}

#[test]
fn what_nobody_consumed_survives_the_end() {
    let mut session = session(&[StreamId::Terminal]);
    session.typed(b"quit\r");
    out(&mut session, 0, "welcome\r\nquit\r\nbye 7\r\n");
    assert_eq!(at_once(&mut session, 1, &on(&[("a", "welcome")])), Some(("a".to_owned(), 7)));
    session.close(ms(2));
    let text = serde_json::to_string(&session.rest()).unwrap();
    let mut after = Session::after(&serde_json::from_str(&text).unwrap(), 1 << 16);
    assert_eq!(after.offset(), 22);
    assert_eq!(
        at_once(&mut after, 0, &on(&[("w", "welcome"), ("b", "bye")])),
        Some(("b".to_owned(), 18))
    );
    let text = serde_json::to_string(&after.rest()).unwrap();
    let mut again = Session::after(&serde_json::from_str(&text).unwrap(), 1 << 16);
    again.wait(ms(0), 3, &on(&[("b", "bye")])).unwrap();
    assert!(matches!(again.poll(ms(0))[..], [(3, Answer::Ended(_))]));
    assert_eq!(at_once(&mut again, 0, &on(&[("n", r"/\d/")])), Some(("n".to_owned(), 20)));
    assert_eq!(again.screen().unwrap().lines, ["welcome", "quit", "bye 7"]);
}
