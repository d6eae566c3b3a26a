//! Copies of the output, and what of it passes through.

use crate::harness::Test;

#[test]
fn copies() {
    let t = Test::new();
    let script = "echo out; echo err >&2; printf 'x\\r\\n\\377'";
    let args = ["--pipe", "--stdout", "o", "--stderr", "e", "--output", "b", "-c", script];
    t.run(args).out(b"out\nx\r\n\xff").err("err\n").check();
    assert_eq!(t.read_bytes("o"), b"out\nx\r\n\xff");
    assert_eq!(t.read_bytes("e"), b"err\n");
    let mut both = t.read_bytes("b");
    both.sort_unstable();
    let mut expected = b"out\nx\r\n\xfferr\n".to_vec();
    expected.sort_unstable();
    assert_eq!(both, expected);
    // On a terminal.
    t.run(["--pty", "--output", "b", "-c", "echo out; echo err >&2"]).out("out\r\nerr\r\n").check();
    assert_eq!(t.read("b"), "out\r\nerr\r\n", "an older copy is replaced");
    t.run(["--pty", "--stdout", "o", "-c", "echo out"]).out("out\r\n").check();
    assert_eq!(t.read("o"), "out\r\n");
}

#[test]
fn quiet() {
    for mode in ["--pipe", "--pty"] {
        let t = Test::new();
        let args = [mode, "-q", "--output", "o", "-c", "echo out; echo err >&2; exit 3"];
        t.run(args).exit(3).check();
        assert_eq!(t.read("o").len(), if mode == "--pty" { 10 } else { 8 });
    }
}

/// A copy that cannot be written is a warning; the rest goes on.
#[test]
fn a_copy_on_a_full_disk() {
    let t = Test::new();
    let args = ["--pipe", "--output", "/dev/full", "-c", "seq 1000 | tail -1; exit 4"];
    let done = t.run(args).report().out("1000\n").any_err().exit(4).check();
    assert_eq!(done.at("/warnings").as_array().unwrap().len(), 1);
    assert_eq!(done.err_text().lines().count(), 1);
    assert!(done.err_text().contains("/dev/full"), "{}", done.err_text());
}

#[test]
fn timestamps() {
    let t = Test::new();
    let done = t
        .run(["--pipe", "--timestamps", "-c", "echo a; printf b; sleep 0.05; echo c; echo"])
        .any_out()
        .check();
    let text = done.out_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, rest) in lines.iter().zip(["a", "bc", ""]) {
        let (stamp, text) = line.split_at(15);
        assert_eq!(text, rest);
        assert!(stamp.starts_with("[00:00:0") && stamp.ends_with("] "), "{line}");
    }
    // Copies are the bytes themselves.
    t.run(["--pipe", "--timestamps", "--output", "o", "-c", "echo a"]).any_out().check();
    assert_eq!(t.read("o"), "a\n");
}

#[test]
fn the_tail() {
    let t = Test::new();
    for (tail, expected, cut) in [
        ("4", "789\n", true),
        ("11", "0123456789\n", false),
        ("0", "", true),
        ("1KiB", "0123456789\n", false),
    ] {
        let done = t.run(["--pipe", "--tail", tail, "--", "echo", "0123456789"]).report();
        let done = done.out("0123456789\n").check();
        done.has("/streams/stdout/tail", expected).has("/streams/stdout/truncated", cut);
    }
    // What is not UTF-8 is marked.
    let done = t.run(["--pipe", "--", "printf", "a\\377"]).report().out(b"a\xff").check();
    done.has("/streams/stdout/tail", "a\u{fffd}").has("/streams/stdout/lossy", true);
}

/// Two writers of one file are refused before anything starts.
#[test]
fn one_file_for_two_copies_is_refused() {
    let t = Test::new();
    t.run(["--pipe", "--stdout", "x", "--stderr", "x", "--", "touch", "started"])
        .exit(125)
        .any_err()
        .check();
    assert!(!t.path("started").exists());
}

/// seeds 76: what is masked is masked everywhere.
#[test]
fn a_secret_is_shown_nowhere() {
    let t = Test::new();
    let secret = "hunter2-très";
    let script = "printf 'Password: '; read p; echo \"you said $p\"; printf 'hunt'; sleep 0.05; printf 'er2-tr'; sleep 0.05; echo 'ès'; env";
    let args = [
        "--pipe",
        "--output",
        "copy",
        "--events",
        "events",
        "--record",
        "cast",
        "--secret",
        "pw=env:PW",
        "--expect",
        "Password: ",
        "--send-secret",
        "pw",
        "-c",
        script,
    ];
    let done = t.run(args).env("PW", secret).report().any_out().check();
    assert!(done.out_text().contains("you said "), "{}", done.out_text());
    let mut places =
        vec![done.out.clone(), done.err.clone(), done.report().to_string().into_bytes()];
    for file in ["copy", "events", "cast", ".db/heeler.db", ".db/heeler.db-wal"] {
        places.push(std::fs::read(t.path(file)).unwrap_or_default());
    }
    for place in places {
        assert_eq!(
            crate::harness::find(&place, secret.as_bytes()),
            None,
            "{}",
            String::from_utf8_lossy(&place)
        );
        assert_eq!(
            crate::harness::find(&place, b"hunter2"),
            None,
            "{}",
            String::from_utf8_lossy(&place)
        );
    }
}
