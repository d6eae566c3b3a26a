//! What is typed: keys, long lines, secrets.

use super::*;

#[test]
fn s45_every_byte_goes_through_a_raw_terminal() {
    let t = Test::new();
    let all = (0..=255).map(|byte| format!(r"\x{byte:02x}")).collect::<Vec<_>>().concat();
    let flags = format!(
        "--expect ready --send '{all}' -- sh -c 'stty raw -echo; echo ready; head -c 256 >got'"
    );
    pty(&t, &flags).check();
    assert_eq!(t.read_bytes("got"), (0..=255).collect::<Vec<u8>>());
}

#[test]
fn s46_ctrl_c_interrupts_and_end_of_file_ends() {
    let t = Test::new();
    let done = pty(&t, "--expect ready --key ctrl-c -- sh -c 'echo ready; exec sleep 1000'")
        .exit(130)
        .check();
    done.has("/outcome", "signaled").has("/child/signal_name", "SIGINT");
    pty(&t, "--key eof -- cat").exit(0).check();
}

#[test]
fn s47_a_canonical_terminal_takes_so_long_a_line_and_no_longer() {
    let t = Test::new();
    let line = |length: usize| {
        let text = "x".repeat(length);
        let flags = format!("--expect ready --line {text} -- sh -c 'echo ready; head -n 1 >got'");
        pty(&t, &flags)
    };
    line(4095).check();
    assert_eq!(t.read_bytes("got").len(), 4096);
    let done = line(4096).exit(122).err_has("4096 bytes was not sent").check();
    done.has("/dialogue/failure/reason", "canonical_limit");
}

#[test]
fn s49_ten_megabytes_both_ways_at_once() {
    let t = Test::new();
    let text: Vec<u8> = (0..10_000_000_u32).map(|n| (n % 251) as u8).collect();
    let done = t
        .run(words("--pipe --stdin inherit --on never --line x -- cat"))
        .input(&text)
        .any_out()
        .check();
    assert!(done.out == text, "{} bytes came back", done.out.len());
}

#[test]
fn s50_a_secret_comes_from_anywhere_and_is_not_on_the_command_line() {
    let t = Test::new();
    t.write("file", "hush hush\n");
    // The child looks for the value in the arguments of its parent, heeler, and in its own environment.
    t.script(
        "ask",
        "#!/bin/sh\nstty -echo; printf 'pw: '; read -r pw; stty echo; printf '%s' \"$pw\" >got\n\
         tr '\\0' ' ' </proc/$PPID/cmdline >args; env >environment\n",
    );
    for source in ["env:PW", "file:file", "fd:5", "cmd:'cat file'"] {
        let flags = format!(
            "exec heeler run --pty -q --secret pw={source} --expect 'pw: ' --send-secret pw -- ./ask 5<file"
        );
        let run = t.sh(&flags);
        if source.starts_with("env:") { run.env("PW", "hush hush") } else { run }.check();
        assert_eq!(t.read("got"), "hush hush", "{source}");
        for place in ["args", "environment"] {
            assert!(!t.read(place).contains("hush hush"), "{source}: it is in {place}");
        }
    }
}

#[test]
fn s51_escapes_of_c_become_bytes() {
    let t = Test::new();
    let flags = r"--expect ready --send 'a\tb\x1b\033\u{e9}\\z\r'
                  -- sh -c 'stty raw -echo; echo ready; head -c 10 >got'";
    pty(&t, flags).check();
    assert_eq!(t.read_bytes("got"), b"a\tb\x1b\x1b\xc3\xa9\\z\r");
}

/// The echo goes off a while after the prompt, as getpass does it.
#[test]
fn s55_a_secret_waits_until_the_echo_is_off() {
    let t = Test::new();
    let done = pty(
        &t,
        "--secret pw=env:PW --expect 'Password: ' --send-secret pw --expect 'length 6'
         -- sh -c 'printf \"Password: \"; sleep 0.2; stty -echo; read -r p; stty echo; echo; echo length ${#p}'",
    )
    .env("PW", "secret")
    .check();
    assert_eq!(done.out_text(), "Password: \r\nlength 6\r\n");
}

#[test]
fn s56_a_terminal_that_keeps_echoing_gets_no_secret() {
    let t = Test::new();
    let flags = "--secret pw=env:PW --expect 'Password: ' --within 300ms --send-secret pw";
    let command = "-- sh -c 'printf \"Password: \"; read -r p; echo got $p'";
    let done =
        pty(&t, &format!("{flags} {command}")).env("PW", "geheim").exit(122).any_err().check();
    done.has("/dialogue/failure/reason", "secret_echo");
    assert!(done.err_text().contains("--echo-ok"));
    let waived = pty(&t, &format!("{flags} --echo-ok {command}")).env("PW", "geheim").check();
    assert!(find(&waived.out, b"geheim").is_none(), "{}", waived.out_text());
}

#[test]
fn s59_on_a_pipe_a_line_ends_with_a_line_feed_and_the_input_can_be_closed() {
    let t = Test::new();
    t.run(words("--pipe --line one --send two --key eof -- od -An -c"))
        .out("   o   n   e  \\n   t   w   o\n")
        .check();
}

/// It comes back in two writes, and with a line end in it.
#[test]
fn s60_a_secret_is_masked_wherever_it_comes_back() {
    let t = Test::new();
    t.script("leak", "#!/bin/sh\nread -r a\nread -r b\nprintf 'first'\nread -r go\nprintf 'part\\r\\nsecond half.\\n'\n");
    let mut run = t
        .run(words(
            "--pipe --stdin inherit --secret two=env:TWO --output copy --events events --record cast
             --send-secret two --expect never -- ./leak",
        ))
        .env("TWO", "firstpart\nsecond half")
        .report()
        .any_out()
        .any_err()
        .exit(122)
        .input_open()
        .start();
    run.type_in("go\n");
    run.close_input();
    let done = run.check();
    let told = [
        ("stdout", done.out.clone()),
        ("stderr", done.err.clone()),
        ("report", done.report().to_string().into_bytes()),
        ("copy", t.read_bytes("copy")),
        ("events", t.read_bytes("events")),
        ("cast", t.read_bytes("cast")),
    ];
    for (name, bytes) in told {
        for part in ["firstpart", "second half"] {
            assert!(find(&bytes, part.as_bytes()).is_none(), "{part} is in {name}");
        }
    }
    assert_eq!(done.out_text(), "***.\n");
}
