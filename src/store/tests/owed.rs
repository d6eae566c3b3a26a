//! Runs that leave their rows to others, and those who take them in.

use super::*;

#[test]
fn a_short_run_leaves_its_row_to_others() {
    let place = place();
    whole_run(&place.db);
    open(&place.db);
    let read = |run: &str| {
        let store = open(&place.db);
        let attempts = store.attempts(run).unwrap();
        (store.record(run).unwrap().unwrap(), attempts.len(), store.report(run).unwrap())
    };
    let (run, warnings) = whole_run(&place.db);
    assert_eq!(warnings, Vec::<String>::new());
    let store = Store::open_existing(&place.db, SECOND).unwrap().unwrap();
    assert_eq!(store.record(&run).unwrap(), None, "the database was not touched");
    let found = let_go(&place.db, &run);
    lockfile::remove_stale(&place.db, &run).unwrap();
    assert_eq!(owed(&place.db), 1, "what is owed is not stale");
    let taken = read(&run);
    assert_eq!(found.record.as_ref(), Some(&taken.0), "both tell the same");
    assert_eq!((taken.1, taken.2), (1, Some(end(false).report_json)));
    assert_eq!(owed(&place.db), 0);

    for _ in 0..5 {
        let_go(&place.db, &whole_run(&place.db).0);
    }
    assert_eq!(owed(&place.db), 5);
    let last = RunStart { run: "abcdefgh1230".into(), ..start() };
    let (_, warnings) = a_run(&place.db, Policy::Auto, last, &end(false));
    assert_eq!((owed(&place.db), warnings), (0, Vec::new()), "now and then a run takes all in");
    assert_eq!(everything(&store).len(), 8);
}

/// Its row is there, and open; its end is owed, and who takes it in completes the row.
#[test]
fn a_run_that_lasted_leaves_its_end_to_others() {
    let place = place();
    whole_run(&place.db);
    let store = open(&place.db);
    let start = RunStart { run: "abcdefgh1231".into(), ..start() };
    let (mut tracker, _) = Tracker::begin(&place.db, Policy::Auto, &start).unwrap();
    let mut warnings = Vec::new();
    let blocker = rusqlite::Connection::open(&place.db).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!((tracker.spawned(&leader()), tracker.lasting(&mut warnings)), (None, false));
    assert!(store.record(&start.run).unwrap().is_none(), "it waits for nobody");
    blocker.execute_batch("COMMIT").unwrap();
    assert!(tracker.lasting(&mut warnings) && warnings.is_empty());
    let row = || store.record(&start.run).unwrap().expect("the row of a run that lasts");
    assert!(row().end.is_none());
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(tracker.finished(&end(false)), None, "the end waits for nobody");
    blocker.execute_batch("COMMIT").unwrap();
    assert_eq!((row().closed(), owed(&place.db)), (false, 1));
    let found = let_go(&place.db, &start.run);
    assert!(found.record.is_some_and(|record| record.closed()));
    lockfile::remove_stale(&place.db, &start.run).unwrap();
    open(&place.db);
    assert_eq!((row().closed(), owed(&place.db)), (true, 0));
    assert_eq!(store.report(&start.run).unwrap(), Some(end(false).report_json));

    let start = RunStart { run: "abcdefgh1232".into(), ..start };
    let (mut tracker, _) = Tracker::begin(&place.db, Policy::Require, &start).unwrap();
    tracker.spawned(&leader());
    tracker.finished(&end(false));
    assert!(store.record(&start.run).unwrap().is_some_and(|record| record.closed()), "required");
}

#[test]
fn a_run_that_is_over_comes_once_with_all_its_leaders() {
    let place = place();
    let mut expected = Vec::new();
    for attempts in [2, 0, 3] {
        let start = start();
        let (mut tracker, _) = Tracker::begin(&place.db, Policy::Require, &start).unwrap();
        for attempt in 1..=attempts {
            tracker.spawned(&LeaderFacts { attempt, ..leader() });
        }
        tracker.finished(&end(false));
        expected.push((start.run, (1..=attempts).collect::<Vec<_>>()));
    }
    // Neither this, ...
    Tracker::begin(&place.db, Policy::Require, &start()).unwrap();
    // ... nor this.
    a_run(&place.db, Policy::Require, start(), &end(true));
    let mut over = Vec::new();
    let attempts = |record: &Record| record.leaders.iter().map(|l| l.attempt).collect();
    open(&place.db)
        .over(|record| over.push((record.facts.run.clone(), attempts(&record))))
        .unwrap();
    assert_eq!(over, expected);
}

/// Killed between the row and the removal of the file, whoever takes in leaves it to be taken in again.
#[test]
fn taken_in_twice_is_the_same_as_once() {
    let place = place();
    whole_run(&place.db);
    open(&place.db);
    let (run, _) = whole_run(&place.db);
    let file = place::runs_dir(&place.db).join(format!("{run}.lock"));
    let text = std::fs::read(&file).unwrap();
    let once = everything(&open(&place.db));
    std::fs::write(&file, &text).unwrap();
    let store = open(&place.db);
    assert_eq!(everything(&store), once);
    assert_eq!(store.attempts(&run).unwrap().len(), 1);
    assert!(!file.exists());
    // A line that is cut anywhere is no end.
    let end_at = text.iter().rposition(|&b| b == b'\n').unwrap();
    for cut in [end_at, end_at - 1, end_at - 200] {
        std::fs::write(&file, &text[..cut]).unwrap();
        let found = lockfile::look(&place.db, &run).unwrap();
        assert_eq!((found.finish, found.record.unwrap().end), (None, None));
    }
}

#[test]
fn several_who_take_in_at_once_lose_nothing() {
    let place = place();
    let runs: Vec<String> = (0..300).map(|_| whole_run(&place.db).0).collect();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| open(&place.db));
        }
    });
    let known = open(&place.db).known(&runs.iter().cloned().collect()).unwrap();
    assert_eq!((known.len(), owed(&place.db)), (300, 0));
}

/// Files of runs whose heeler was killed stay. However many there are, others are taken in, and no more than was said.
#[test]
fn who_is_dead_stops_nobody_from_being_taken_in() {
    const LIMIT: usize = 10;
    let place = place();
    let store = Store::open(&place.db, SECOND).unwrap();
    let run = |first: &str, n: usize| format!("{first}{n:0width$}", width = id::LEN - first.len());
    for n in 0..4 * LIMIT {
        let dead = RunStart { run: run("0", n), ..start() };
        lockfile::LockFile::create(&place.db, &tracker::facts(&dead)).unwrap();
    }
    for run in (0..3 * LIMIT).map(|n| run("a", 10 * n + 1)) {
        a_run(&place.db, Policy::Auto, RunStart { run, ..start() }, &end(false));
    }
    // From below, nobody alive is in reach; from the middle, as many as are asked for; from the end, it begins anew.
    for (from, left) in [("", 30), (&run("a", 101), 20), (&run("a", 201), 10), ("z", 10)] {
        store.take_in(from, LIMIT).unwrap();
        assert_eq!(owed(&place.db), left, "from {from:?}");
    }
    store.take_in(&run("a", 0), LIMIT).unwrap();
    assert_eq!((owed(&place.db), lockfile::scan(&place.db).unwrap().len()), (0, 4 * LIMIT));
}
