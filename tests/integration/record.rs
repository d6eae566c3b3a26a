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
    crate::harness::wait_until("the size is noted", || t.read("d.cast").contains("100x30"));
    run.type_in("2\r");
    run.any_out().check();
    assert!(t.read("d.cast").contains("\"r\",\"100x30\""), "{}", t.read("d.cast"));
}
