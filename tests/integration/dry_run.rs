//! `--dry-run`: the plan, and nothing started.

use serde_json::Value;

use crate::harness::Test;

fn plan(t: &Test, args: &[&str]) -> Value {
    let mut all = vec!["--dry-run"];
    all.extend(args);
    let done = t.run(all).any_out().check();
    serde_json::from_slice(&done.out).unwrap()
}

/// seeds 114
#[test]
fn nothing_is_started() {
    let t = Test::new();
    let plan = plan(&t, &["--pty", "--timeout", "3", "--", "touch", "started"]);
    assert_eq!(plan["schema"], "heeler.plan/1");
    assert_eq!(plan["argv"], serde_json::json!(["touch", "started"]));
    assert_eq!(plan["limits"]["timeout_ms"], 3000);
    assert!(!t.path("started").exists());
    assert!(!t.db().exists(), "and nothing is recorded");
}

/// seeds 114
#[test]
fn each_mode_says_what_it_does() {
    let t = Test::new();
    for (flags, mode, pty, group) in [
        (&["--pty"][..], "pty", true, "session"),
        (&["--pipe"], "pipe", false, "own"),
        (&["--inherit", "--isolate"], "inherit", false, "own"),
    ] {
        let mut args = flags.to_vec();
        args.extend(["--", "true"]);
        let plan = plan(&t, &args);
        assert_eq!(plan["mode"], mode);
        assert_eq!(plan["uses_pty"], pty);
        assert_eq!(plan["process_group"], group, "{mode}");
        assert!(plan["ctrl_c_owner"].is_string() && plan["restore_terminal"].is_boolean());
    }
}

/// The mode that is chosen is the mode that is used.
#[test]
fn auto() {
    for flags in [
        &[][..],
        &["--tail", "10"],
        &["--until", "x"],
        &["--timeout", "50"],
        &["--max-output", "1M"],
        &["--stderr", "e"],
    ] {
        for terminal in [false, true] {
            let t = Test::new();
            let run = |first: &str| {
                let mut args = vec![first];
                args.extend(flags);
                args.extend(["--", "sh", "-c", "test -t 1 && echo tty || echo no"]);
                let cmd = t.run(args);
                let cmd = if terminal { cmd.terminal(80, 24) } else { cmd };
                cmd.any_out().any_err().check()
            };
            let plan: Value = serde_json::from_slice(&run("--dry-run").out).unwrap();
            let used = run("--track=auto").out_text();
            let mode = plan["mode"].as_str().unwrap();
            let sees = if used.contains("tty") { "tty" } else { "no" };
            let expected = match mode {
                "pty" => "tty",
                "inherit" if terminal => "tty",
                _ => "no",
            };
            assert_eq!(sees, expected, "{flags:?}, terminal {terminal}, {mode}");
            // It sees a terminal exactly when it would have seen one without heeler.
            if flags != ["--stderr", "e"] {
                assert_eq!(sees == "tty", terminal, "{flags:?}, {mode}");
            }
        }
    }
}

/// What is refused in a run is refused in a dry run.
#[test]
fn mistakes_are_found() {
    let t = Test::new();
    t.run(["--dry-run", "-C", "nowhere", "--", "true"]).exit(125).any_err().check();
    t.run(["--dry-run", "--pty", "--merge", "--", "true"]).exit(125).any_err().check();
    // A secret is not in it.
    let done = t.run([
        "--dry-run",
        "--secret",
        "pw=env:PW",
        "--expect",
        "x",
        "--send-secret",
        "pw",
        "--",
        "true",
    ]);
    let done = done.env("PW", "hunter2").any_out().check();
    assert!(!done.out_text().contains("hunter2"));
}
