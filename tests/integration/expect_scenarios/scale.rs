//! Much output, byte by byte, and readers that stall.

use super::*;

#[test]
fn s145_a_hundred_rules_and_a_hundred_thousand_lines() {
    let t = Test::new();
    let mut flags = words("--pipe -q");
    for n in 0..100 {
        flags.extend(words(&format!("--on '/^rule {n} of (?<it>.*)$/' --do fail")));
    }
    flags.extend(words("--expect 100000 --expect @eof -- seq 100000"));
    t.run(flags).report().check().has("/streams/stdout/lines", 100_000);
}

/// The same dialogue with every byte in a write of its own.
#[test]
fn s146_bytes_that_come_one_by_one_make_the_same_dialogue() {
    need("python3");
    let t = Test::new();
    t.write(
        "slow.py",
        "import os, sys\nstep = int(sys.argv[1])\n\
         text = b'Name? \\r\\n\\x1b[32mcaf\\xc3\\xa9\\x1b[0m 1234 rows\\r\\nlogin: '\n\
         for at in range(0, len(text), step): os.write(1, text[at:at + step])\n\
         sys.stdin.readline()\n",
    );
    let run = |step: u32| {
        let flags = format!(
            r"--on '/caf. (?<n>\d+)/' --do next --expect 'Name? ' --expect 'rows'
              --expect '/^login: $/' --line x -- python3 slow.py {step}"
        );
        let mut report = pty(&t, &flags).check().at("/dialogue");
        for step in report["steps"].as_array_mut().unwrap() {
            for time in ["at_ms", "waited_ms"] {
                step.as_object_mut().unwrap().remove(time);
            }
        }
        report
    };
    let whole = run(1000);
    assert_eq!(whole["captures"]["n"], "1234");
    for step in [1, 2, 7] {
        assert_eq!(run(step), whole, "in pieces of {step}");
    }
}

#[test]
fn s149_a_copy_that_cannot_be_written_is_a_warning() {
    let t = Test::new();
    let done =
        pipe(&t, "--output /dev/full --expect two -- printf 'one\\ntwo\\n'").any_err().check();
    assert_eq!(done.out_text(), "one\ntwo\n");
    let warnings = done.at("/warnings");
    assert!(warnings.to_string().contains("/dev/full"), "{warnings}");
}

/// Nobody takes our output: the command waits, and its limit holds.
#[test]
fn s150_a_reader_that_stalls_does_not_stop_the_clock() {
    let t = Test::new();
    t.fifo("over");
    t.sh(
        "{ heeler run --pipe --timeout 1s --report r -- yes; echo $? >code; : >over; } | cat over",
    )
    .any_err()
    .check();
    assert_eq!(t.read("code"), "124\n");
    let report: Value = serde_json::from_str(&t.read("r")).unwrap();
    assert_eq!(report["outcome"], "timeout");
}

/// The most memory that heeler may have used (a debug build, 12 MiB of it code).
const MEMORY: u64 = 32 << 20;

/// A command that prints so many of `x` at once, then the most memory that heeler has used, to `peak`.
fn many(count: u32, then: &str) -> [String; 3] {
    let script = format!(
        "head -c {count} /dev/zero | tr '\\0' x; {then}; grep VmHWM /proc/$PPID/status >peak"
    );
    ["sh".to_owned(), "-c".to_owned(), script]
}

fn peak(t: &Test) -> u64 {
    let line = t.read("peak");
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// A read may hold as many matches as it has bytes: what they want is done in parts.
#[test]
fn a_flood_of_matches_takes_no_memory_to_speak_of() {
    let t = Test::new();
    t.write("count.toml", "version = 1\n[[watch]]\non = \"x\"\ncount = \"n\"\n");
    let mut flags = words("--pipe -q --script count.toml --");
    flags.extend(many(400_000, ":"));
    t.run(flags).report().check().has("/streams/stdout/bytes", 400_000);
    assert!(peak(&t) < MEMORY, "{}", t.read("peak"));
}

/// What is typed leads on, and so does that: one after the other, not from within one another.
#[test]
fn a_flood_of_prompts_for_a_secret_is_answered() {
    let t = Test::new();
    let mut flags = words("--pipe -q --secret pw=env:PW --on x --send-secret pw --");
    flags.extend(many(30_000, "head -c 60000 >/dev/null"));
    t.run(flags).env("PW", "z").report().check();
    // Where nobody reads any more, either.
    let mut flags = words("--pipe -q --secret pw=env:PW --on x --send-secret pw --");
    flags
        .extend(["sh", "-c", "exec <&-; head -c 300000 /dev/zero | tr '\\0' x"].map(str::to_owned));
    t.run(flags).env("PW", "z").report().check();
}

/// What is answered to a command that does not read is bounded.
#[test]
fn a_command_that_asks_on_and_on_and_does_not_read_fails_the_dialogue() {
    let t = Test::new();
    t.script(
        "asks",
        "#!/bin/sh\nyes 'Continue?' & trap 'grep VmHWM /proc/$PPID/status >peak; kill $!' TERM\nwait\n",
    );
    let done = pipe(&t, "-q --on 'Continue?' --line y -- ./asks");
    let done = done.exit(122).err_has("an answer was not typed").err_has("--max").check();
    done.has("/dialogue/failure/reason", "send");
    assert!(peak(&t) < MEMORY, "{}", t.read("peak"));
}

/// What a script types at once may be as long as it is, whenever that is read.
#[test]
fn much_that_is_typed_at_once_waits_for_its_reader() {
    let t = Test::new();
    let part = format!("[[step]]\nsend = \"{}\"\n", "y".repeat(100_000));
    let script = format!("version = 1\n{}[[step]]\nkey = \"eof\"\n", part.repeat(40));
    t.write("much.toml", script);
    let done = pipe(&t, "--script much.toml -- wc -c").check();
    assert_eq!(done.out_text(), "4000000\n");
}

/// A loop may go round as often as it likes, also where what it does fails at once.
#[test]
fn a_long_loop_of_commands_that_are_not_there_ends() {
    let t = Test::new();
    t.write(
        "exec.toml",
        "version = 1\n[limits]\nsteps = 100000\n[[step]]\n\
         loop = { times = 10000, step = [{ exec = [\"/nonexistent\"], optional = true }] }\n",
    );
    pipe(&t, "-q --script exec.toml -- true").check();
}
