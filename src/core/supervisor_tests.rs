//! The table of the automaton, cell by cell, and random orders of events.

use proptest::prelude::*;

use super::*;

const INT: i32 = 2;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn config() -> Config {
    Config {
        limits: Limits::default(),
        ladder: Ladder::new(vec![
            Rung { signal: TERM, grace: ms(100) },
            Rung { signal: KILL, grace: Duration::ZERO },
        ])
        .unwrap(),
        strays: StraysPolicy::Reap(ms(20)),
        drain: ms(50),
        hang_up: None,
        cleanup: None,
        streams: true,
    }
}

fn running(config: Config) -> Supervisor {
    let mut supervisor = Supervisor::new(config);
    assert_eq!(supervisor.step(ms(0), Event::Spawned), []);
    supervisor
}

fn exited(others: usize) -> Event {
    Event::LeaderExited { ended: Ended::Exited(0), others }
}

#[test]
fn exit_then_end_of_file() {
    let mut s = running(config());
    assert_eq!(s.step(ms(5), exited(0)), []);
    assert!(!s.is_finished(), "exit is not end of file");
    assert_eq!(s.step(ms(6), Event::StreamsEnded), [Action::Finish]);
    assert_eq!(s.cause(), None);
}

#[test]
fn end_of_file_then_exit() {
    let mut s = running(config());
    assert_eq!(s.step(ms(5), Event::StreamsEnded), []);
    assert!(!s.is_finished(), "end of file is not exit");
    assert_eq!(s.step(ms(6), exited(0)), [Action::Finish]);
}

#[test]
fn a_spawn_failure_finishes() {
    let mut s = Supervisor::new(config());
    assert_eq!(s.step(ms(0), Event::SpawnFailed), [Action::Finish]);
    assert!(s.is_finished());
}

#[test]
fn held_streams_are_given_up_after_the_drain() {
    let mut s = running(config());
    s.step(ms(5), exited(0));
    assert_eq!(s.next_deadline(), Some(ms(55)));
    assert_eq!(s.step(ms(54), Event::Tick), []);
    assert_eq!(s.step(ms(55), Event::Tick), [Action::CloseStreams]);
    assert_eq!(s.step(ms(55), Event::StreamsEnded), [Action::Finish]);
}

#[test]
fn the_drain_waits_for_a_stalled_reader_but_not_after_a_limit() {
    let mut s = running(config());
    s.step(ms(1), Event::Stalled);
    s.step(ms(5), exited(0));
    assert_eq!(s.next_deadline(), None);
    s.step(ms(900), Event::Flows);
    assert_eq!(s.next_deadline(), Some(ms(950)));

    let limits = Limits { timeout: Some(ms(10)), ..Limits::default() };
    let mut s = running(Config { limits, ..config() });
    s.step(ms(1), Event::Stalled);
    s.step(ms(10), Event::Tick);
    s.step(ms(12), exited(0));
    assert_eq!(s.next_deadline(), Some(ms(62)));
}

#[test]
fn a_timeout_climbs_the_ladder_and_the_grace_belongs_to_the_tree() {
    let limits = Limits { timeout: Some(ms(10)), ..Limits::default() };
    let mut s = running(Config { limits, ..config() });
    assert_eq!(s.next_deadline(), Some(ms(10)));
    assert_eq!(s.step(ms(10), Event::Tick), [Action::Signal(TERM)]);
    // The leader obeys, its child does not.
    assert_eq!(s.step(ms(12), exited(1)), []);
    assert_eq!(s.step(ms(13), Event::Tree(1)), []);
    assert_eq!(s.step(ms(110), Event::Tick), [Action::Signal(KILL)]);
    assert_eq!(s.step(ms(111), Event::Tree(0)), []);
    assert_eq!(s.step(ms(112), Event::StreamsEnded), [Action::Finish]);
    assert_eq!(s.cause(), Some(Cause::Timeout));
    assert_eq!(s.signals().iter().map(|s| s.signal).collect::<Vec<_>>(), [TERM, KILL]);
}

#[test]
fn what_survives_kill_is_unkillable_after_a_bounded_wait() {
    let limits = Limits { timeout: Some(ms(10)), ..Limits::default() };
    let mut s = running(Config { limits, ..config() });
    s.step(ms(10), Event::Tick);
    s.step(ms(110), Event::Tick);
    assert_eq!(s.next_deadline(), Some(ms(110) + LAST_WAIT));
    assert_eq!(s.step(ms(110) + LAST_WAIT, Event::Tick), []);
    assert!(s.unkillable());
    let drained = s.next_deadline().unwrap();
    assert_eq!(s.step(drained, Event::Tick), [Action::CloseStreams]);
}

#[test]
fn a_tree_is_not_over_before_its_leader() {
    let limits = Limits { timeout: Some(ms(10)), ..Limits::default() };
    let mut s = running(Config { limits, ..config() });
    s.step(ms(10), Event::Tick);
    assert_eq!(s.step(ms(11), Event::Tree(0)), []);
    assert!(s.is_terminating());
}

#[test]
fn strays_are_reaped_waited_for_or_left() {
    let mut s = running(config());
    assert_eq!(s.step(ms(5), exited(2)), []);
    assert_eq!(s.step(ms(55), Event::Tick), [Action::Signal(TERM)]);
    assert_eq!((s.cause(), s.had_strays()), (Some(Cause::Strays), true));
    assert_eq!(s.step(ms(75), Event::Tick), [Action::Signal(KILL)]);

    let mut s = running(Config { strays: StraysPolicy::Wait, ..config() });
    assert_eq!(s.step(ms(5), exited(2)), []);
    assert_eq!(s.step(ms(900), Event::Tree(1)), []);
    s.step(ms(901), Event::StreamsEnded);
    assert_eq!(s.step(ms(950), Event::Tree(0)), [Action::Finish]);
    assert_eq!(s.cause(), None);

    let mut s = running(Config { strays: StraysPolicy::Leave, ..config() });
    assert_eq!(s.step(ms(5), exited(2)), []);
    assert_eq!(s.step(ms(55), Event::Tick), [Action::CloseStreams]);
}

#[test]
fn members_that_end_by_themselves_in_the_drain_time_are_no_strays() {
    let mut s = running(config());
    s.step(ms(5), exited(1));
    assert_eq!(s.step(ms(30), Event::Tree(0)), []);
    assert_eq!(s.step(ms(31), Event::StreamsEnded), [Action::Finish]);
    assert_eq!((s.cause(), s.had_strays()), (None, false));
}

#[test]
fn members_that_hold_no_stream_are_strays_after_a_moment() {
    let long = Config { drain: ms(5000), ..config() };
    let mut s = running(long.clone());
    s.step(ms(5), exited(1));
    assert_eq!(s.step(ms(6), Event::StreamsEnded), []);
    assert_eq!(s.next_deadline(), Some(ms(6) + LEAVING));
    assert_eq!(s.step(ms(6) + LEAVING, Event::Tick), [Action::Signal(TERM)]);

    let mut s = running(long.clone());
    s.step(ms(4), Event::StreamsEnded);
    assert_eq!(s.step(ms(5), exited(1)), []);
    assert_eq!(s.next_deadline(), Some(ms(5) + LEAVING));

    // They were only about to be gone.
    let mut s = running(long);
    s.step(ms(5), exited(1));
    s.step(ms(6), Event::StreamsEnded);
    assert_eq!(s.step(ms(7), Event::Tree(0)), [Action::Finish]);
    assert_eq!((s.cause(), s.had_strays()), (None, false));
}

#[test]
fn without_streams_of_ours_members_have_the_drain_time() {
    let mut s = running(Config { streams: false, ..config() });
    s.step(ms(0), Event::StreamsEnded);
    assert_eq!(s.step(ms(5), exited(1)), []);
    assert_eq!(s.next_deadline(), Some(ms(55)));
}

#[test]
fn limits_go_on_while_waiting_for_strays() {
    let limits = Limits { timeout: Some(ms(100)), ..Limits::default() };
    let mut s = running(Config { limits, strays: StraysPolicy::Wait, ..config() });
    s.step(ms(5), exited(1));
    assert_eq!(s.next_deadline(), Some(ms(100)));
    assert_eq!(s.step(ms(100), Event::Tick), [Action::Signal(TERM)]);
    assert_eq!(s.cause(), Some(Cause::Timeout));
}

#[test]
fn a_request_forwards_its_own_signal_and_a_second_one_kills() {
    let mut s = running(config());
    assert_eq!(s.step(ms(5), Event::StopRequest { signal: INT }), [Action::Signal(INT)]);
    assert_eq!(s.cause(), Some(Cause::Cancelled));
    assert_eq!(s.step(ms(6), Event::StopRequest { signal: INT }), [Action::Signal(KILL)]);
    assert_eq!(s.requests(), [INT, INT]);
}

#[test]
fn who_ignores_the_request_gets_the_ladders_own_signal_and_nobody_else_does() {
    let mut supervisor = running(config());
    assert_eq!(supervisor.for_the_deaf(INT), None, "nobody asked");
    supervisor.step(ms(5), Event::StopRequest { signal: INT });
    assert_eq!(supervisor.for_the_deaf(INT), Some(TERM));
    supervisor.also_sent(ms(5), TERM);
    assert_eq!(supervisor.for_the_deaf(INT), None, "only the first rung");
    let mut supervisor = running(config());
    supervisor.step(ms(5), Event::StopRequest { signal: TERM });
    assert_eq!(supervisor.for_the_deaf(TERM), None, "it is the ladder's own");
    let rungs = [(TERM, 10_000), (KILL, 0)];
    let ladder = rungs.map(|(signal, grace)| Rung { signal, grace: ms(grace) }).to_vec();
    let ladder = Ladder::new(ladder).unwrap();
    let mut supervisor = running(Config { ladder, hang_up: Some(HUP), ..config() });
    supervisor.step(ms(5), Event::StopRequest { signal: TERM });
    assert_eq!(supervisor.for_the_deaf(TERM), Some(HUP), "nobody said how");
    supervisor.also_sent(ms(5), HUP);
    assert_eq!(supervisor.for_the_deaf(TERM), None, "once");
    // Who only noted it gets it again, ever later, as long as somebody is there who ignores TERM.
    assert_eq!(supervisor.next_deadline(), Some(ms(105)));
    assert_eq!(supervisor.step(ms(104), Event::Tick), []);
    let again = [Action::SignalDeaf(TERM, HUP)];
    assert_eq!(supervisor.step(ms(105), Event::Tick), again);
    supervisor.also_sent(ms(105), HUP);
    assert_eq!(supervisor.next_deadline(), Some(ms(505)));
    assert_eq!(supervisor.step(ms(505), Event::Tick), again);
    assert_eq!(supervisor.next_deadline(), Some(ms(10_005)), "nobody took it");
    assert_eq!(supervisor.step(ms(10_005), Event::Tick), [Action::Signal(KILL)]);
}

#[test]
fn the_first_request_in_the_grace_of_a_limit_does_not_kill() {
    let limits = Limits { timeout: Some(ms(10)), ..Limits::default() };
    let mut s = running(Config { limits, ..config() });
    s.step(ms(10), Event::Tick);
    assert_eq!(s.step(ms(11), Event::StopRequest { signal: TERM }), []);
    assert_eq!(s.cause(), Some(Cause::Cancelled));
    assert_eq!(s.step(ms(12), Event::StopRequest { signal: TERM }), [Action::Signal(KILL)]);
}

#[test]
fn a_request_while_draining_keeps_the_verdict() {
    let mut s = running(config());
    s.step(ms(5), exited(0));
    let actions = s.step(ms(6), Event::StopRequest { signal: INT });
    assert_eq!(actions, [Action::CloseStreams]);
    assert_eq!(s.cause(), None);
}

#[test]
fn a_milder_cause_does_not_replace_a_graver_one() {
    let mut s = running(config());
    s.step(ms(5), Event::Verdict { cause: Cause::DialogueFailed, kill: false });
    s.step(ms(6), Event::Verdict { cause: Cause::Until, kill: false });
    assert_eq!(s.cause(), Some(Cause::DialogueFailed));
}

#[test]
fn do_kill_skips_the_ladder() {
    let mut s = running(config());
    let actions = s.step(ms(5), Event::Verdict { cause: Cause::Dialogue, kill: true });
    assert_eq!(actions, [Action::Signal(KILL)]);
    assert_eq!(s.cause(), Some(Cause::Dialogue));
}

/// Whatever asks for it again, and however often, KILL was sent, and the wait after it is over when it was to be.
#[test]
fn kill_is_sent_once_and_its_wait_is_not_put_off() {
    let kill = Event::Verdict { cause: Cause::Dialogue, kill: true };
    let request = Event::StopRequest { signal: INT };
    for again in [kill, request] {
        let mut s = running(config());
        s.step(ms(5), request);
        assert_eq!(s.step(ms(6), again), [Action::Signal(KILL)]);
        let due = s.next_deadline();
        for at in 7..1000 {
            assert_eq!(s.step(ms(at), again), []);
        }
        assert_eq!((s.next_deadline(), s.signals().len()), (due, 2));
    }
    // A ladder may wait for longer after its own, which who asks cuts short.
    let rungs = vec![Rung { signal: KILL, grace: ms(3_600_000) }];
    let mut s = running(Config { ladder: Ladder::new(rungs).unwrap(), ..config() });
    assert_eq!(s.step(ms(5), request), [Action::Signal(KILL)]);
    assert_eq!(s.step(ms(6), request), []);
    assert_eq!(s.next_deadline(), Some(ms(6) + LAST_WAIT));
}

#[test]
fn a_limit_reached_while_draining_is_no_timeout() {
    let limits = Limits { timeout: Some(ms(10)), ..Limits::default() };
    let mut s = running(Config { limits, ..config() });
    s.step(ms(5), exited(0));
    assert_eq!(s.step(ms(20), Event::Tick), []);
    assert_eq!(s.step(ms(20), Event::Output(3)), []);
    assert_eq!(s.cause(), None);
}

#[test]
fn a_flood_ends_the_run_at_once() {
    let limits = Limits { max_output: Some(100), ..Limits::default() };
    let mut s = running(Config { limits, ..config() });
    assert_eq!(s.step(ms(1), Event::Output(100)), []);
    assert_eq!(s.step(ms(1), Event::Output(1)), [Action::Signal(TERM)]);
    assert_eq!(s.cause(), Some(Cause::OutputLimit));
}

fn cleaning() -> Supervisor {
    running(Config { cleanup: Some(ms(40)), ..config() })
}

#[test]
fn the_cleanup_comes_before_the_ladder_and_is_bounded() {
    let verdict = Event::Verdict { cause: Cause::Until, kill: false };
    let mut s = cleaning();
    assert_eq!(s.step(ms(5), verdict), [Action::Cleanup]);
    assert_eq!(s.next_deadline(), Some(ms(45)));
    assert_eq!(s.step(ms(6), Event::CleanedUp), [Action::Signal(TERM)]);
    assert_eq!(s.step(ms(7), Event::CleanedUp), [], "it is told once");

    let mut s = cleaning();
    s.step(ms(5), verdict);
    assert_eq!(s.step(ms(44), Event::Tick), []);
    assert_eq!(s.step(ms(45), Event::Tick), [Action::Signal(TERM)]);
    assert_eq!(s.cause(), Some(Cause::Until));

    let mut s = cleaning();
    s.step(ms(5), verdict);
    assert_eq!(s.step(ms(6), exited(0)), [], "it went by itself");
    assert_eq!(s.step(ms(7), Event::StreamsEnded), [Action::Finish]);
    let mut s = cleaning();
    s.step(ms(5), verdict);
    assert_eq!(s.step(ms(6), exited(1)), [Action::Signal(TERM)]);
}

#[test]
fn a_limit_and_a_request_have_a_cleanup_and_a_kill_has_none() {
    let limits = Limits { timeout: Some(ms(10)), ..Limits::default() };
    let mut s = running(Config { limits, cleanup: Some(ms(40)), ..config() });
    assert_eq!(s.step(ms(10), Event::Tick), [Action::Cleanup]);
    assert_eq!(s.cause(), Some(Cause::Timeout));
    let mut s = cleaning();
    assert_eq!(s.step(ms(5), Event::StopRequest { signal: INT }), [Action::Cleanup]);
    assert_eq!(s.step(ms(6), Event::CleanedUp), [Action::Signal(INT)], "that signal first");
    let mut s = cleaning();
    let kill = Event::Verdict { cause: Cause::Dialogue, kill: true };
    assert_eq!(s.step(ms(5), kill), [Action::Signal(KILL)]);
    let mut s = cleaning();
    s.step(ms(5), exited(1));
    assert_eq!(s.step(ms(6), Event::Verdict { cause: Cause::Until, kill: false }), []);
}

#[test]
fn a_second_request_skips_the_cleanup_and_a_third_the_ladder() {
    let mut s = cleaning();
    s.step(ms(5), Event::StopRequest { signal: INT });
    assert_eq!(s.step(ms(6), Event::StopRequest { signal: TERM }), [Action::Signal(TERM)]);
    assert_eq!(s.step(ms(7), Event::StopRequest { signal: TERM }), [Action::Signal(KILL)]);
}

#[test]
fn a_hangup_is_no_second_request() {
    for first in [HUP, TERM] {
        let mut s = running(config());
        assert_eq!(s.step(ms(5), Event::StopRequest { signal: first }), [Action::Signal(first)]);
        assert_eq!(s.step(ms(6), Event::StopRequest { signal: HUP }), []);
        assert_eq!(s.step(ms(7), Event::StopRequest { signal: TERM }), [Action::Signal(KILL)]);
        assert_eq!(s.requests(), [first, TERM]);
    }
}

#[test]
fn a_flood_that_is_read_after_the_exit_is_one_too() {
    let limits = Limits { max_output: Some(100), ..Limits::default() };
    for others in [0, 1] {
        let mut s = running(Config { limits: limits.clone(), ..config() });
        s.step(ms(1), exited(others));
        assert_eq!(s.step(ms(2), Event::Output(101)), []);
        assert_eq!(s.cause(), Some(Cause::OutputLimit), "{others} others");
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Spawned),
        (0usize..3).prop_map(exited),
        (0usize..3).prop_map(Event::Tree),
        Just(Event::StreamsEnded),
        (0u64..200).prop_map(Event::Output),
        Just(Event::Active),
        Just(Event::Stalled),
        Just(Event::Flows),
        Just(Event::Verdict { cause: Cause::Until, kill: false }),
        Just(Event::Verdict { cause: Cause::DialogueFailed, kill: true }),
        Just(Event::StopRequest { signal: TERM }),
        Just(Event::CleanedUp),
        Just(Event::Tick),
    ]
}

proptest! {
    /// Whatever the order of events: it finishes at most once, nothing is done after it, the verdict never
    /// gets milder, and once the leader has exited a finite number of ticks at its own deadlines ends it
    /// (unless strays are waited for or our reader stalls without any limit).
    #[test]
    fn random_orders(
        events in prop::collection::vec((any_event(), 0u64..60), 0..40),
        cleanup in prop::option::of(Just(ms(40))),
    ) {
        let limits = Limits { timeout: Some(ms(500)), max_output: Some(1000), ..Limits::default() };
        let mut s = Supervisor::new(Config { limits, cleanup, ..config() });
        s.step(ms(0), Event::Spawned);
        let mut now = 0;
        let mut finishes = 0;
        let mut cause = None;
        for (event, later) in events {
            now += later;
            let before = s.is_finished();
            let actions = s.step(ms(now), event);
            prop_assert!(!before || actions.is_empty());
            finishes += actions.iter().filter(|a| **a == Action::Finish).count();
            prop_assert!(s.cause() >= cause);
            cause = s.cause();
        }
        s.step(ms(now), exited(1));
        for _ in 0..12 {
            let Some(deadline) = s.next_deadline() else { break };
            now = now.max(deadline.as_millis() as u64 + 1);
            finishes += s.step(ms(now), Event::Tick).iter().filter(|a| **a == Action::Finish).count();
        }
        finishes += s.step(ms(now), Event::StreamsEnded).iter().filter(|a| **a == Action::Finish).count();
        prop_assert!(s.is_finished());
        prop_assert_eq!(finishes, 1);
    }
}

#[test]
fn an_owner_that_is_gone_stops_what_runs_and_leaves_a_verdict_alone() {
    let mut s = running(config());
    assert_eq!(s.step(ms(10), Event::OwnerGone), [Action::Signal(TERM)]);
    assert_eq!(s.cause(), Some(Cause::OwnerGone));

    let mut s = running(Config { strays: StraysPolicy::Wait, ..config() });
    s.step(ms(5), exited(1));
    assert_eq!(s.step(ms(10), Event::OwnerGone), [Action::Signal(TERM)]);

    let mut settling = running(config());
    settling.step(ms(5), exited(1));
    let mut draining = running(config());
    draining.step(ms(5), exited(0));
    for mut s in [settling, draining] {
        assert_eq!(s.step(ms(10), Event::OwnerGone), []);
        assert_eq!(s.cause(), None, "it has ended by itself");
    }

    let mut s = running(Config { cleanup: Some(ms(50)), ..config() });
    assert_eq!(s.step(ms(10), Event::OwnerGone), [Action::Cleanup]);
    let limits = Limits { timeout: Some(ms(5)), ..Limits::default() };
    let mut s = running(Config { limits, ..config() });
    s.step(ms(5), Event::Tick);
    assert_eq!(s.step(ms(6), Event::OwnerGone), []);
    assert_eq!(s.cause(), Some(Cause::Timeout));
}
