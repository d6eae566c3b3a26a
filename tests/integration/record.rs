//! `--record`: asciicast version 2.

use serde_json::Value;

use crate::harness::Test;

#[test]
fn a_recording() {
    let t = Test::new();
    let script = "printf 'a\\303'; sleep 0.05; printf '\\244\\033[1mb\\n'";
    t.run(["--pty", "--size", "70x20", "--term", "vt220", "--record", "c.cast", "-c", script])
        .any_out()
        .check();
    let text = t.read("c.cast");
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    assert_eq!(header["version"], 2);
    assert_eq!((&header["width"], &header["height"]), (&70.into(), &20.into()));
    assert_eq!(header["env"]["TERM"], "vt220");
    assert!(header["timestamp"].as_u64().unwrap() > 1_600_000_000);
    let mut output = String::new();
    let mut last = 0.0;
    for event in lines {
        let at = event[0].as_f64().unwrap();
        assert!(at >= last);
        last = at;
        if event[1] == "x" {
            assert_eq!(event[2], "0");
            continue;
        }
        assert_eq!(event[1], "o");
        output.push_str(event[2].as_str().unwrap());
    }
    assert_eq!(output, "aä\u{1b}[1mb\r\n");
}

/// Pipes can be recorded as well; changes of the size are noted.
#[test]
fn pipes_and_sizes() {
    let t = Test::new();
    t.run(["--pipe", "--record", "c.cast", "-c", "echo out; echo err >&2"])
        .out("out\n")
        .err("err\n")
        .check();
    let text = t.read("c.cast");
    assert!(text.contains("out") && text.contains("err"), "{text}");
    let mut run = t
        .run(["--pty", "--record", "d.cast", "-c", "echo ready; read x; read x"])
        .terminal(80, 24)
        .start();
    run.wait_out("ready");
    run.type_in("1\r");
    run.wait_out("1\r\n");
    run.resize(100, 30);
    t.wait_file("d.cast", |cast| cast.contains("100x30"));
    run.type_in("2\r");
    run.any_out().check();
    assert!(t.read("d.cast").contains("\"r\",\"100x30\""), "{}", t.read("d.cast"));
}

/// Attempts are told apart by markers, the exit is noted, and the lines of a pipe end as players want it.
#[test]
fn attempts_and_exits() {
    let t = Test::new();
    let script = "echo $HEELER_ATTEMPT; [ $HEELER_ATTEMPT = 2 ]";
    t.run(["--pipe", "--record", "c.cast", "--retries", "1", "--retry-delay", "0", "-c", script])
        .out("1\n2\n")
        .any_err()
        .check();
    let lines: Vec<Value> =
        t.read("c.cast").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["heeler"]["mode"], "pipe");
    let events: Vec<String> =
        lines[1..].iter().map(|event| format!("{} {}", event[1], event[2])).collect();
    let wanted =
        [r#""o" "1\r\n""#, r#""x" "1""#, r#""m" "attempt 2""#, r#""o" "2\r\n""#, r#""x" "0""#];
    assert_eq!(events, wanted);
    t.heeler(["replay", "c.cast"]).out("1\n2\n").check();
}

/// What is typed is recorded when asked for, and never what the terminal did not show.
#[test]
fn input_that_could_be_seen() {
    let t = Test::new();
    let script = "printf 'Name: '; read n; stty -echo; printf 'Password: '; read p; stty echo; echo; echo $p $n";
    let mut run = t
        .run(["--pty", "--record", "c.cast", "--record-input", "-c", script])
        .terminal(80, 24)
        .start();
    run.wait_out("Name: ");
    run.type_in("bob\r");
    run.wait_out("Password: ");
    run.type_in("other\r");
    run.any_out().check();
    let text = t.read("c.cast");
    assert!(text.contains(r#""i","bob\r""#), "{text}");
    let inputs: Vec<&str> = text.lines().filter(|line| line.contains(r#","i","#)).collect();
    assert_eq!(inputs.len(), 2, "{text}");
    assert!(inputs[1].ends_with(r#","i","\r"]"#), "{text}");
}

/// A secret is masked in a recording however it was cut, and what the dialogue types is recorded too.
#[test]
fn secrets_of_the_dialogue() {
    let t = Test::new();
    let script =
        "stty -echo; printf 'Password: '; read p; printf hun; sleep 0.1; echo ter2; echo $p";
    let flags = ["--pty", "--record", "c.cast", "--record-input", "--secret", "pw=env:PW"];
    t.run(flags)
        .arg("--expect=Password: ")
        .arg("--send-secret=pw")
        .arg("-c")
        .arg(script)
        .env("PW", "hunter2")
        .any_out()
        .check();
    let text = t.read("c.cast");
    let (_, events) = text.split_once('\n').unwrap();
    assert!(!events.contains("hun") && events.contains("***"), "{text}");
    assert!(text.contains(r#""i","\r""#), "{text}");
}

/// A disk that is full costs the recording, one warning, and nothing else.
#[test]
fn a_full_disk() {
    let t = Test::new();
    let done = t
        .run(["--pipe", "--record", "/dev/full", "-c", "echo 1; echo 2; exit 3"])
        .out("1\n2\n")
        .any_err()
        .exit(3)
        .check();
    assert_eq!(done.err_text().matches("/dev/full").count(), 1, "{}", done.err_text());
}
