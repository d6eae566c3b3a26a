use super::*;
use crate::expect::view::emulator::Emulator;
use crate::report::screen::text;

fn row(run: &str, state: &'static str) -> LiveRow {
    LiveRow { run: run.to_owned(), state, age_ms: 65_000, ..LiveRow::default() }
}

fn live() -> Live {
    let mut live = Live::default();
    let mut first = row("aaaaaaaaaaaa", "running");
    first.name = "web".to_owned();
    first.silent_ms = Some(3_000);
    first.last = Some("GET /\x1b[2J 日本".to_owned());
    first.command = "./server --port 80".to_owned();
    first.detached = true;
    live.set_rows(vec![first, row("bbbbbbbbbbbb", "orphaned"), row("cccccccccccc", "foreign")]);
    live
}

fn shown(live: &mut Live, size: (u16, u16)) -> String {
    let mut emulator = Emulator::new(size, 0);
    // Over what was there before.
    emulator.push("x".repeat(usize::from(size.0) * usize::from(size.1)).as_bytes());
    emulator.push(&live.draw(size, true));
    // The chosen row is marked up to the edge.
    text(&emulator).lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

#[test]
fn the_table_on_80_by_24() {
    let text = shown(&mut live(), (80, 24));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "heeler: 1 running, 1 orphaned");
    assert_eq!(lines[1], "RUN           NAME  STATE      AGE  SILENT  LAST LINE");
    assert_eq!(lines[2], "aaaaaaaaaaaa  web   running    65s      3s  GET /\\x1b[2J 日本");
    assert_eq!(lines[3], "bbbbbbbbbbbb        orphaned   65s       -  -");
    assert_eq!(lines[22..], ["./server --port 80", KEYS[0]]);
    assert!(lines[5..22].iter().all(|line| line.is_empty()));
}

/// Where there is little room a run has one name, and the keys that fit are told.
#[test]
fn the_table_on_40_by_10() {
    let text = shown(&mut live(), (40, 10));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "RUN          STATE     AGE LAST LINE");
    assert_eq!(lines[2], "web          running   65s GET /\\x1b[2J…");
    assert_eq!(lines[3], "bbbbbbbbbbbb orphaned  65s -");
    assert_eq!(lines[8..], ["./server --port 80", KEYS[1]]);
    let mut live = live();
    live.key(Key::Byte(b'?'));
    let text = shown(&mut live, (40, 24));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1..=HELP.len()], *HELP, "it is not cut");
    assert_eq!(lines[23], "any key goes back to the table");
    let many = (0..30).map(|n| row(&format!("run{n:03}"), "running")).collect();
    live.set_rows(many);
    live.key(Key::Byte(b'x'));
    live.key(Key::End);
    let text = shown(&mut live, (80, 14));
    let wanted = "heeler: 30 running, 0 orphaned".to_owned() + &" ".repeat(39) + "21-30 of 30";
    assert_eq!(text.lines().next(), Some(wanted.as_str()));
}

/// No size makes it write beyond the edge, which would scroll.
#[test]
fn any_size_is_kept() {
    for columns in [1, 5, 20, 79, 200] {
        for rows in [1, 2, 3, 4, 5, 24] {
            for key in [b'j', b'?', b's'] {
                let mut live = live();
                live.key(Key::Byte(key));
                let mut emulator = Emulator::new((columns, rows), 100);
                emulator.push(&live.draw((columns, rows), false));
                assert_eq!(emulator.screen().scrollback_len(), 0, "{columns}x{rows}");
                let lines = text(&emulator).lines().count();
                assert!(lines <= usize::from(rows), "{columns}x{rows}");
            }
        }
    }
}

#[test]
fn the_chosen_run_is_always_shown_and_stays_chosen() {
    let mut live = Live::default();
    let rows = |from: u32| (from..100).map(|n| row(&format!("run{n:03}"), "running")).collect();
    live.set_rows(rows(0));
    for key in [Key::End, Key::PageUp, Key::Up, Key::Home, Key::PageDown, Key::Down] {
        live.key(key);
        let chosen = live.chosen().unwrap().run.clone();
        assert!(shown(&mut live, (80, 10)).contains(&chosen), "{key:?}");
        live.set_rows(rows(1));
        live.set_rows(rows(0));
    }
    live.key(Key::Home);
    live.key(Key::Down);
    live.set_rows(rows(1));
    assert_eq!(live.chosen().unwrap().run, "run001");
    live.set_rows(Vec::new());
    assert!(shown(&mut live, (80, 10)).contains("no runs"));
    assert_eq!(live.key(Key::Byte(b's')), None);
}

#[test]
fn what_ends_a_run_is_asked_first() {
    let mut live = live();
    assert_eq!(live.key(Key::Byte(b's')), None);
    assert!(shown(&mut live, (80, 24)).ends_with("stop aaaaaaaaaaaa? y for yes\n"));
    assert_eq!(live.key(Key::Byte(b'n')), None);
    assert_eq!(live.key(Key::Byte(b'y')), None);
    live.key(Key::Byte(b's'));
    assert_eq!(live.key(Key::Byte(b'y')), Some(Wish::Stop("aaaaaaaaaaaa".to_owned())));
    // Not what cannot be done.
    assert_eq!(live.key(Key::Byte(b'r')), None);
    assert!(shown(&mut live, (80, 24)).ends_with("aaaaaaaaaaaa has a heeler: s stops it\n"));
    assert_eq!(live.key(Key::Byte(b'a')), Some(Wish::Attach("aaaaaaaaaaaa".to_owned())));
    let mut foreground = row("dddddddddddd", "running");
    foreground.name = "mine".to_owned();
    let mut other = Live::default();
    other.set_rows(vec![foreground]);
    assert_eq!(other.key(Key::Byte(b'a')), None);
    let told = "dddddddddddd was not started with -d: there is nothing to attach to\n";
    assert!(shown(&mut other, (80, 24)).ends_with(told));
    live.key(Key::Down);
    live.key(Key::Byte(b'r'));
    assert_eq!(live.key(Key::Byte(b'y')), Some(Wish::Reap("bbbbbbbbbbbb".to_owned())));
    live.key(Key::Down);
    assert_eq!(live.key(Key::Byte(b'a')), None);
    assert_eq!(live.key(Key::Byte(3)), Some(Wish::Interrupt));
    assert_eq!(live.key(Key::Byte(b'q')), Some(Wish::Quit));
}

#[test]
fn keys_are_read() {
    let wanted = [Key::Up, Key::Byte(b'j'), Key::Down, Key::PageUp, Key::End, Key::Byte(0x1b)];
    assert_eq!(keys(b"\x1b[Aj\x1bOB\x1b[5~\x1b[F\x1b"), wanted);
}
