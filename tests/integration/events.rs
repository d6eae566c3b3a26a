//! `--events`: the run as JSON lines while it happens.

use serde_json::Value;

use crate::harness::Test;

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

fn of<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

#[test]
fn start_output_exit() {
    let t = Test::new();
    t.run(["--pipe", "--events", "e", "-c", "echo hi; exit 3"]).out("hi\n").exit(3).check();
    let events = events(&t.read("e"));
    assert_eq!(names(&events), ["start", "output", "exit"]);
    assert_eq!(of(&events, "start")[0]["attempt"], 1);
    assert!(of(&events, "start")[0]["pid"].as_i64().unwrap() > 1);
    assert_eq!(of(&events, "output")[0]["stream"], "stdout");
    assert_eq!(of(&events, "output")[0]["text"], "hi\n");
    assert_eq!(of(&events, "exit")[0]["exit_code"], 3);
    let at: Vec<u64> = events.iter().map(|event| event["at_ms"].as_u64().unwrap()).collect();
    assert!(at.is_sorted());
}

/// They come while it happens, not at the end.
#[test]
fn they_come_as_it_happens() {
    let t = Test::new();
    t.fifo("go");
    let run =
        t.run(["--pipe", "--events", "e", "-c", "echo ready; read x < go; kill -TERM $$"]).start();
    t.wait_file("e", |events| events.contains("ready"));
    std::fs::write(t.path("go"), "go\n").unwrap();
    run.out("ready\n").exit(143).check();
    let events = events(&t.read("e"));
    assert_eq!(names(&events), ["start", "output", "exit"]);
    assert_eq!(of(&events, "exit")[0]["signal"], "SIGTERM");
}

/// Signals, both streams, several attempts.
#[test]
fn everything_that_happens() {
    let t = Test::new();
    let script = "echo $HEELER_ATTEMPT >&2; [ $HEELER_ATTEMPT = 1 ] && exit 1; sleep 1000";
    let args = [
        "--pipe",
        "--events",
        "e",
        "--timeout",
        "1s",
        "--retries",
        "1",
        "--retry-delay",
        "0",
        "-c",
        script,
    ];
    t.run(args).exit(124).any_err().check();
    let events = events(&t.read("e"));
    assert_eq!(names(&events), ["start", "output", "exit", "start", "output", "signal", "exit"]);
    assert_eq!(of(&events, "start")[1]["attempt"], 2);
    assert_eq!(of(&events, "output")[1]["stream"], "stderr");
    assert_eq!(of(&events, "signal")[0]["signal"], "SIGTERM");
    assert_eq!(of(&events, "exit")[1]["signal"], "SIGTERM");
    // One clock, that of the run: an attempt does not begin anew.
    let at: Vec<u64> = events.iter().map(|event| event["at_ms"].as_u64().unwrap()).collect();
    assert!(at.is_sorted(), "{at:?}");
}

/// On a terminal there is one stream; `-` is stderr.
#[test]
fn on_a_terminal_and_on_stderr() {
    let t = Test::new();
    let done = t.run(["--pty", "--events", "-", "-c", "echo hi"]).out("hi\r\n").any_err().check();
    let events = events(&done.err_text());
    assert_eq!(names(&events), ["start", "output", "exit"]);
    assert_eq!(of(&events, "output")[0]["stream"], "terminal");
}

/// All output is told before the exit, however it is read: a reader of events has it by then.
#[test]
fn the_exit_comes_last() {
    let t = Test::new();
    for mode in ["--pipe", "--pty"] {
        for _ in 0..20 {
            let line = "head -c 60000 /dev/zero | tr '\\0' x; echo end >&2";
            t.run([mode, "-q", "--events", "e", "-c", line]).check();
            let events = events(&t.read("e"));
            assert_eq!(names(&events).last(), Some(&"exit"), "{mode}");
            assert_eq!(of(&events, "exit").len(), 1);
        }
    }
}
