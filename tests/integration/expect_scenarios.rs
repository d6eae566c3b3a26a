//! The scenarios S1 to S150 of the expect family's test suites, manuals and examples, as far as flags say
//! them. Those about real programs are in the modules `real_*`.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Cmd, PATIENCE, Signal, Test, find};
use crate::real::{need, words};

/// On a terminal, with a report; whatever passes through.
fn pty<'t>(t: &'t Test, flags: &str) -> Cmd<'t> {
    t.run(words(&format!("--pty {flags}"))).report().any_out()
}

/// Over pipes, with a report; whatever passes through.
fn pipe<'t>(t: &'t Test, flags: &str) -> Cmd<'t> {
    t.run(words(&format!("--pipe {flags}"))).report().any_out()
}

const AT_LEAST_A_LITTLE: Duration = Duration::from_millis(1);

mod matching {
    use super::*;

    #[test]
    fn s1_cat_gives_back_a_line_and_the_end_of_file_ends_it() {
        let t = Test::new();
        let done =
            pty(&t, "--line 'hello world' --expect '/hello world\\n/' --key eof -- cat").check();
        assert_eq!(done.out_text(), "hello world\r\nhello world\r\n");
        // What matched is cat's line, not the terminal's echo of ours.
        done.has("/dialogue/steps/0/offset", 26).has("/outcome", "exited");
    }

    #[test]
    fn s2_several_lines_are_waited_for_in_order_and_none_is_skipped() {
        let t = Test::new();
        let done = pty(
            &t,
            "--line one --expect one --line two --expect two --line one --expect one
             --line three --expect three --key eof --expect @eof -- cat",
        )
        .check();
        assert_eq!(done.out_text(), "one\r\none\r\ntwo\r\ntwo\r\none\r\none\r\nthree\r\nthree\r\n");
        done.has("/dialogue/steps/4/state", "matched");
    }

    #[test]
    fn s4_literal_text_may_be_full_of_signs() {
        let t = Test::new();
        let text = r".?[](){}*+^$|\";
        t.write("signs", format!("{text}\n"));
        t.run(["--pipe", "--expect", text, "--", "cat", "signs"]).any_out().check();
        t.write("signs", "x\n");
        t.run(["--pipe", "--expect", ".", "--", "cat", "signs"])
            .any_out()
            .any_err()
            .exit(122)
            .check();
    }

    #[test]
    fn s5_literal_and_regex_waits_consume_one_after_another() {
        let t = Test::new();
        let done = pipe(
            &t,
            "--expect abc --expect '/^?[d-f]+/' --expect '/g(?<rest>.*)y/' --expect z
             -- echo abcdefghijklmnopqrstuvwxyz",
        )
        .check();
        done.has("/dialogue/captures/rest", "hijklmnopqrstuvwx")
            .has("/dialogue/steps/3/offset", 26);
    }

    #[test]
    fn s6_letter_case_matters_unless_it_is_told_not_to() {
        let t = Test::new();
        pipe(&t, "--expect /login:/i -- echo 'LogIn:'").check();
        let done = pipe(&t, "--expect login: -- echo 'LogIn:'").exit(122).any_err().check();
        assert!(done.err_text().contains("`/login:/i`"), "no hint: {}", done.err_text());
    }

    #[test]
    fn s10_the_match_that_starts_first_wins() {
        let t = Test::new();
        let flags = "--on bcd --do fail:later --expect abcd -- echo abcd";
        pipe(&t, flags).check();
    }

    #[test]
    fn s11_of_two_that_start_together_the_step_and_then_the_first_rule_wins() {
        let t = Test::new();
        pipe(&t, "--on abcd --do fail:rule --expect abc -- echo abcd").check();
        let rules = "--on abcd --do fail:first --on abc --do fail:second -- echo abcd";
        let done = pipe(&t, rules).exit(122).any_err().check();
        assert!(done.at("/dialogue/failure/message").as_str().unwrap().contains("first"));
    }

    #[test]
    fn s12_the_next_wait_starts_right_behind_the_last_match() {
        let t = Test::new();
        let flags = r"--expect 50 --expect '/(?<next>\d+)/' --expect 99 --expect '/\s(?<last>\d+)/'
                      -- seq 100";
        let done = pipe(&t, flags).check();
        done.has("/dialogue/captures/next", "51").has("/dialogue/captures/last", "100");
    }

    #[test]
    fn s15_what_has_left_the_window_is_not_found_and_the_report_says_so() {
        let t = Test::new();
        let command = "sh -c 'echo MARK; head -c 200000 /dev/zero | tr \"\\0\" .; echo; echo END'";
        let find = "--expect '/MARK(?s:.*)END/'";
        pipe(&t, &format!("{find} -- {command}")).check();
        let done =
            pipe(&t, &format!("--window 16KiB {find} -- {command}")).exit(122).any_err().check();
        assert!(done.at("/dialogue/window_dropped_bytes").as_u64().unwrap() > 100_000);
    }

    #[test]
    fn s16_a_match_may_be_as_long_as_the_window() {
        let t = Test::new();
        for (size, window, code) in [
            ("6000", "1MiB", 0),
            ("100000", "1MiB", 0),
            ("5000000", "8MiB", 0),
            ("5000000", "1MiB", 122),
        ] {
            let flags = format!(
                "-q --window {window} --expect '/START(?s:.*)FINISH/'
                 -- sh -c 'echo START; head -c {size} /dev/zero | tr \"\\0\" .; echo FINISH'"
            );
            let done = pipe(&t, &flags).exit(code).any_err().check();
            let dropped = done.at("/dialogue/window_dropped_bytes");
            assert_eq!(dropped == Value::Null, code == 0, "{size} in {window}: {dropped}");
        }
    }

    /// The digits come in two parts; the pause between them is shorter than --settle.
    #[test]
    fn s19_a_number_is_never_captured_in_half() {
        let t = Test::new();
        t.script("count", "#!/bin/sh\nprintf 12\nread -r go\nprintf '34 done\\n'\n");
        let mut run = t
            .run(words(r"--pipe --stdin inherit --settle 50s --expect '/(?<n>\d+)/' -- ./count"))
            .report()
            .out("1234 done\n")
            .input_open()
            .start();
        run.wait_out("12");
        run.type_in("\n");
        run.check().has("/dialogue/captures/n", "1234");
    }

    #[test]
    fn s20_a_prompt_at_the_end_of_the_output_is_met_after_a_pause() {
        let t = Test::new();
        let done = pty(
            &t,
            r#"--expect '/^Password: ?$/' --line open --expect opened
            -- sh -c 'echo "Password: is what I will ask for"; printf "Password: "; read x; echo opened'"#,
        )
        .check();
        done.has("/dialogue/steps/0/offset", 44);
    }

    #[test]
    fn s21_s22_lines_begin_and_end_at_line_ends_and_a_dot_stays_within() {
        let t = Test::new();
        let two = r"--expect '/^two$/' -- printf 'one\r\ntwo\r\nthree\r\n'";
        pipe(&t, two).check();
        pty(&t, two).check();
        pipe(&t, r"--expect '/one.*two/' -- printf 'one\ntwo\n'").exit(122).any_err().check();
        pipe(&t, r"--expect '/one.*two/s' -- printf 'one\ntwo\n'").check();
    }

    #[test]
    fn s24_named_groups_of_alternatives() {
        let t = Test::new();
        let pattern = r"/up (?:(?<days>\d+) days?, )?(?:(?<hours>\d+):(?<minutes>\d+)|(?<min>\d+) min), +(?<users>\d+) users?/";
        for (line, days, hours, min) in [
            (" 10:1 up 3 days, 4:05, 2 users", Value::from("3"), Value::from("4"), Value::Null),
            (" 10:1 up 12 min, 1 user", Value::Null, Value::Null, Value::from("12")),
        ] {
            let done = t
                .run(["--pipe", "--expect", pattern, "--", "echo", line])
                .report()
                .any_out()
                .check();
            done.has("/dialogue/captures/days", days)
                .has("/dialogue/captures/hours", hours)
                .has("/dialogue/captures/min", min);
        }
    }

    #[test]
    fn s27_a_failure_pattern_fails_the_run_at_once() {
        let t = Test::new();
        let done = pipe(
            &t,
            "--fail-on '/^ERROR.*$/' --expect done -- sh -c 'echo ERROR 17: no disk; exec sleep 1000'",
        )
        .exit(122)
        .any_err()
        .check();
        assert!(done.err_text().contains("ERROR 17: no disk"), "{}", done.err_text());
        done.has("/dialogue/failure/reason", "fail").took_between(AT_LEAST_A_LITTLE, PATIENCE / 2);
    }

    #[test]
    fn s30_another_exit_code_may_be_the_right_one() {
        let t = Test::new();
        pipe(&t, "--ok-exit 3 -- sh -c 'exit 3'").exit(0).check().has("/child/exit_code", 3);
        pipe(&t, "--ok-exit 3 -- sh -c 'exit 4'").exit(4).check().has("/success", false);
    }

    /// The questions come in any order, each may be asked twice.
    #[test]
    fn s31_questions_in_unknown_order_are_answered_so_often() {
        let t = Test::new();
        t.script(
            "ask",
            "#!/bin/sh\nfor q in \"$@\"; do printf '%s? ' \"$q\"; read -r a; done; echo done\n",
        );
        let rules = "--on 'name? ' --line me --max 2 --on 'age? ' --line 42 --max 2";
        for order in ["name age", "age name age", "name name age age"] {
            pty(&t, &format!("{rules} --expect done -- ./ask {order}")).check();
        }
        let done = pty(&t, &format!("{rules} --expect done -- ./ask age name age age"))
            .exit(122)
            .any_err()
            .check();
        done.has("/dialogue/failure/reason", "rule_exhausted").has("/dialogue/rules/1/fired", 2);
    }

    #[test]
    fn s36_the_banner_talks_of_passwords_too() {
        let t = Test::new();
        let done = pty(
            &t,
            r#"--on '/^password: $/i' --line swordfish --max 1 --expect welcome
            -- sh -c 'echo "Your password: never tell it to anybody"; printf "Password: "; read p; echo welcome'"#,
        )
        .check();
        done.has("/dialogue/rules/0/fired", 1);
    }

    #[test]
    fn s37_what_we_typed_ourselves_is_not_the_answer() {
        let t = Test::new();
        let done = pty(&t, "--line marker --expect marker -- sh -c 'read x; echo ready; exit 0'")
            .exit(122)
            .any_err()
            .check();
        done.has("/dialogue/steps/0/state", "failed").has("/dialogue/failure/reason", "eof");
    }

    #[test]
    fn s39_colours_titles_and_paste_marks_do_not_hide_a_prompt() {
        let t = Test::new();
        t.script(
            "prompt",
            "#!/bin/sh\nprintf '\\033]0;title\\007\\033[?2004h\\033[1;32muser\\033[0m@\\033[34mhost\\033[0m$ '\n\
             read -r line\necho \"ran $line\"\n",
        );
        pty(&t, "--output copy --expect 'user@host$ ' --line ls --expect 'ran ls' -- ./prompt")
            .check();
        assert!(t.read("copy").starts_with("\x1b]0;title\x07\x1b[?2004h\x1b[1;32muser"));
    }

    /// A line editor echoes by itself, in lines as wide as the terminal: the answer is told by its own line.
    #[test]
    fn s40_a_long_command_in_a_line_editor() {
        need("bash");
        let t = Test::new();
        let text = "x".repeat(110);
        let flags = format!(
            "--size 80x24 -e 'PS1=ready> ' --expect 'ready> ' --line 'echo out: {text}'
             --expect '/^out: (?<text>x+)$/' --expect 'ready> ' --line 'exit 5'
             -- bash --norc --noprofile -i"
        );
        pty(&t, &flags).exit(5).check().has("/dialogue/captures/text", text);
    }

    #[test]
    fn s41_nul_bytes_pass_through_and_do_not_hide_text() {
        let t = Test::new();
        t.write("nul", b"a\0b\n");
        t.run(words("--pipe --expect ab -- cat nul")).out(b"a\0b\n").check();
        t.run(words(r"--pipe --expect '/a\x00b/' --view raw -- cat nul")).out(b"a\0b\n").check();
    }

    /// Each read brings one half: the second is printed when the first has passed through.
    #[test]
    fn s42_s44_letters_and_escapes_may_come_in_two_reads() {
        let t = Test::new();
        for (name, first, second, pattern, out) in [
            ("letter", r"caf\303", r"\251 noir", "café noir", "café noir".as_bytes()),
            ("escape", r"a\033[3", r"1mb", "ab", b"a\x1b[31mb".as_slice()),
            ("cursor", r"a\033", r"[Kb", "ab", b"a\x1b[Kb".as_slice()),
        ] {
            t.script(name, format!("#!/bin/sh\nprintf '{first}'\nread -r go\nprintf '{second}'\n"));
            let flags = ["--pipe", "--stdin", "inherit", "--expect", pattern, "--"];
            let program = format!("./{name}");
            let mut run =
                t.run(flags.into_iter().chain([program.as_str()])).out(out).input_open().start();
            run.wait_out(if name == "letter" { "caf" } else { "a" });
            run.type_in("\n");
            run.check();
        }
    }
}

mod sending {
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
            let flags =
                format!("--expect ready --line {text} -- sh -c 'echo ready; head -n 1 >got'");
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
}

mod time {
    use super::*;

    const EVER: &str = "-- sh -c 'while :; do echo tick; sleep 0.05; done'";

    #[test]
    fn s64_output_for_ever_does_not_put_off_a_limit() {
        let t = Test::new();
        let done =
            pipe(&t, &format!("-q --expect never --within 1s {EVER}")).exit(122).any_err().check();
        done.has("/dialogue/failure/reason", "step_timeout")
            .took_between(Duration::from_secs(1), Duration::from_secs(20));
    }

    #[test]
    fn s65_silence_is_measured_from_the_last_output() {
        let t = Test::new();
        let command = "-- sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 0.2; done; exec sleep 1000'";
        let done =
            pipe(&t, &format!("-q --idle-timeout 800ms {command}")).exit(124).any_err().check();
        done.has("/outcome", "idle").has("/streams/stdout/lines", 5);
        done.took_between(Duration::from_millis(1600), PATIENCE);
    }

    #[test]
    fn s66_s67_a_busy_command_ends_at_its_limit_and_its_tree_with_it() {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let done = pipe(
            &t,
            "-q --idle-timeout 20s --timeout 1s
             -- sh -c 'exec 9>life; (while :; do echo tick; sleep 0.05; done) & wait'",
        )
        .exit(124)
        .any_err()
        .check();
        done.has("/outcome", "timeout").has("/containment/verified", true);
        life.wait_gone();
    }

    #[test]
    fn s69_zero_is_no_limit() {
        let t = Test::new();
        pipe(&t, "--timeout 0 --idle-timeout 0 --expect-timeout 0 --expect b -- sh -c 'sleep 0.1; echo b'")
            .check();
    }

    #[test]
    fn s70_signals_to_us_do_not_stretch_a_limit() {
        let t = Test::new();
        let run = t
            .run(words("--pipe --timeout 1s -- sh -c 'echo ready; exec sleep 1000'"))
            .out("ready\n")
            .any_err()
            .exit(124)
            .start();
        run.wait_out("ready");
        while !run.has_ended() {
            run.signal(Signal::WINCH);
            run.signal(Signal::CONT);
            std::thread::sleep(Duration::from_millis(5));
        }
        run.check().took_between(Duration::from_secs(1), Duration::from_secs(20));
    }

    /// The limit of a step is over with the step.
    #[test]
    fn s71_long_silent_work_after_the_last_answer_is_not_cut_off() {
        let t = Test::new();
        let done = pipe(
            &t,
            "--expect-timeout 200ms --on '[y/N]' --line y --expect ready
             -- sh -c 'echo \"[y/N]\"; read x; echo ready; sleep 1; echo done'",
        )
        .check();
        assert!(done.out_text().ends_with("done\n"));
    }
}

mod ends {
    use super::*;

    #[test]
    fn s74_s75_s97_every_death_has_its_name_and_number() {
        let t = Test::new();
        for (name, number) in [
            ("HUP", 1),
            ("INT", 2),
            ("KILL", 9),
            ("SEGV", 11),
            ("ALRM", 14),
            ("TERM", 15),
            ("USR1", 10),
        ] {
            let done = pty(&t, &format!("-- sh -c 'ulimit -c 0; kill -{name} $$'"))
                .exit(128 + number)
                .check();
            done.has("/outcome", "signaled")
                .has("/child/signal", number)
                .has("/child/signal_name", format!("SIG{name}"));
        }
    }

    #[test]
    fn s77_a_ladder_is_climbed_to_its_end() {
        let t = Test::new();
        let done = pipe(
            &t,
            "--timeout 300ms --stop HUP:100ms,INT:100ms,TERM:100ms,KILL
             -- sh -c 'trap \"\" HUP INT TERM; while :; do sleep 1000; done'",
        )
        .exit(124)
        .any_err()
        .check();
        let signals = done.at("/stop/signals");
        let names: Vec<&str> =
            signals.as_array().unwrap().iter().filter_map(|sent| sent["signal"].as_str()).collect();
        assert_eq!(names, ["SIGHUP", "SIGINT", "SIGTERM", "SIGKILL"]);
        done.has("/child/signal_name", "SIGKILL").has("/containment/verified", true);
    }

    #[test]
    fn s79_output_that_a_grandchild_holds_open_does_not_hold_us() {
        let t = Test::new();
        let command = "-- sh -c 'sleep 1000 & echo here'";
        let run = |flags: &str| {
            let done = pipe(&t, &format!("--drain 100ms {flags} {command}")).any_err().check();
            assert_eq!(done.out_text(), "here\n");
            done.has("/containment/strays/0/comm", "sleep").has("/child/exit_code", 0);
            done.at("/streams/stdout/held_open_by_strays")
        };
        // Who is ended lets go; who is left holds on.
        assert_eq!(run(""), false);
        t.leaves_processes();
        assert_eq!(run("--strays leave"), true);
    }

    #[test]
    fn s80_what_was_written_right_before_the_exit_is_all_there() {
        let t = Test::new();
        for mode in ["--pty", "--pipe"] {
            let done = t
                .run(words(&format!("{mode} --on x --line y -- head -c 60000 /dev/zero")))
                .report()
                .out(vec![0; 60000])
                .check();
            let stream = if mode == "--pty" { "terminal" } else { "stdout" };
            done.has(&format!("/streams/{stream}/bytes"), 60000);
        }
    }

    #[test]
    fn s81_one_line_and_an_exit_are_never_lost() {
        let t = Test::new();
        let script = "i=0; while [ $i -lt 100 ]; do
            heeler run --pty --track off --expect line -- echo line; i=$((i + 1)); done";
        t.sh(script).out("line\r\n".repeat(100)).check();
    }

    #[test]
    fn s82_the_end_stays_the_end() {
        let t = Test::new();
        pipe(&t, "--expect @eof --expect @eof --expect @exit --expect @eof -- echo x").check();
    }

    #[test]
    fn s84_what_cannot_be_started() {
        let t = Test::new();
        t.write("plain", "echo no\n");
        let missing = pty(&t, "--expect x -- no-such-program").exit(127).any_err().check();
        missing
            .has("/outcome", "spawn_failed")
            .has("/error/kind", "not_found")
            .has("/error/errno", "ENOENT");
        let plain = pty(&t, "--expect x -- ./plain").exit(126).any_err().check();
        plain.has("/error/kind", "not_executable").has("/error/errno", "EACCES");
    }

    #[test]
    fn s85_no_exit_code_is_taken_for_anything_else() {
        let t = Test::new();
        for code in [122, 123, 124, 125, 126, 127, 206, 207, 255] {
            let done =
                pipe(&t, &format!("--timeout 50s -- sh -c 'exit {code}'")).exit(code).check();
            done.has("/outcome", "exited").has("/child/exit_code", code);
        }
    }

    #[test]
    fn s86_s144_twenty_megabytes_and_a_wait_at_their_end() {
        let t = Test::new();
        let text =
            "yes 'a line that says nothing at all' | head -c 20000000; echo; echo THE END; exit 7";
        let done = t.run(["--pipe", "-q", "-c", "--", text]).report().exit(7).check();
        done.has("/streams/stdout/bytes", 20_000_009);
        let wait = ["--pipe", "-q", "-c", "--expect", "/THE (?<end>END)/", "--", text];
        let done = t.run(wait).report().exit(7).check();
        done.has("/dialogue/captures/end", "END");
        assert!(done.at("/usage/max_rss_bytes").is_number());
    }

    #[test]
    fn s92_a_signal_to_us_ends_the_dialogue_and_the_report_is_written() {
        let t = Test::new();
        let run = t
            .run(words("--pty --expect never -- sh -c 'echo ready; exec sleep 1000'"))
            .report()
            .any_out()
            .any_err()
            .start();
        run.wait_out("ready");
        run.signal(Signal::TERM);
        let done = run.signaled(15).check();
        done.has("/outcome", "cancelled")
            .has("/stop/by_caller", true)
            .has("/containment/verified", true);
    }

    #[test]
    fn s94_our_own_descriptors_may_be_closed() {
        let t = Test::new();
        for closed in ["<&-", "<&- >&-", "<&- >&- 2>&-", ">&-"] {
            for mode in ["--pty", "--pipe"] {
                let script = format!(
                    "heeler run {mode} --report r -q --expect hi -- sh -c 'echo hi; exit 4' {closed}"
                );
                t.sh(&script).exit(4).check();
                let report: Value = serde_json::from_str(&t.read("r")).unwrap();
                assert_eq!(report["dialogue"]["steps"][0]["state"], "matched", "{mode} {closed}");
            }
        }
    }

    #[test]
    fn s95_two_at_once_know_their_own_children() {
        let t = Test::new();
        t.sh("heeler run --pty --report a -- sh -c 'exit 3' & a=$!
              heeler run --pty --report b -- sh -c 'exit 4' & b=$!
              wait $a; echo $?; wait $b; echo $?")
            .out("3\n4\n")
            .check();
        let pid = |name: &str| {
            let report: Value = serde_json::from_str(&t.read(name)).unwrap();
            report["child"]["pid"].as_i64().unwrap()
        };
        assert_ne!(pid("a"), pid("b"));
    }

    /// What unbuffer is for: a program in a pipeline that thinks it writes to a terminal.
    #[test]
    fn s96_a_pipeline_into_a_program_on_a_terminal() {
        let t = Test::new();
        t.sh("printf 'b\\na\\n' | heeler run --pty --no-echo -- sh -c 'test -t 1 && sort; exit 9'; echo $?")
            .out("a\r\nb\r\n9\n")
            .check();
    }
}

mod terminals {
    use super::*;

    #[test]
    fn s99_a_terminal_is_one_and_a_pipe_is_none() {
        let t = Test::new();
        let look = "-- sh -c 'for fd in 0 1 2; do test -t $fd && echo $fd; done; exit 0'";
        t.run(words(&format!("--pty {look}"))).out("0\r\n1\r\n2\r\n").check();
        t.run(words(&format!("--pipe {look}"))).check();
    }

    #[test]
    fn s100_the_terminal_is_set_up_before_the_command_starts() {
        let t = Test::new();
        let done = pty(&t, "--no-echo --size 91x17 -- stty -a").check();
        let text = done.out_text();
        assert!(text.contains("rows 17; columns 91"), "{text}");
        assert!(text.contains("-echo "), "{text}");
    }

    #[test]
    fn s101_directory_environment_and_search_path() {
        let t = Test::new();
        std::fs::create_dir_all(t.path("deep/bin")).unwrap();
        t.script("deep/bin/mine", "#!/bin/sh\necho \"$PWD $GREETING\"\n");
        let path = format!("PATH={}:/usr/bin:/bin", t.path("deep/bin").display());
        let flags =
            ["--pipe", "-C", "deep", "-e", "GREETING=hello there", "-e", &path, "--", "mine"];
        let here = t.path("deep").canonicalize().unwrap();
        t.run(flags).out(format!("{} hello there\n", here.display())).check();
    }

    #[test]
    fn s102_arguments_arrive_as_they_were() {
        let t = Test::new();
        let args = ["", "a b", "'\"`$x\\", "two\nlines", "*", "-n", "--", "é"];
        let all = ["--pipe", "--", "printf", "%s|"].into_iter().chain(args);
        t.run(all).out(args.map(|arg| format!("{arg}|")).concat()).check();
    }

    #[test]
    fn s104_a_file_goes_through_the_matcher() {
        let t = Test::new();
        t.write("log", "one\nerror: disk full\nthree\n");
        let flags = "-q --expect '/error: (?<what>.*)/' --expect @eof --stdin log -- cat";
        pipe(&t, flags).check().has("/dialogue/captures/what", "disk full");
    }
}

mod dialogues {
    use super::*;

    /// A server's replies by number: 250 goes on, 550 is a failure with its text.
    #[test]
    fn s112_s117_replies_are_judged_by_their_number() {
        let t = Test::new();
        t.script(
            "smtp",
            "#!/bin/sh\necho '220 ready'\nwhile read -r verb name; do case $name in\n\
             alice) echo '250 Alice <alice@example.org>';; *) echo \"550 no such user: $name\";; esac; done\n",
        );
        let rules = r"--on '/^550 (?<why>.*)$/' --do 'fail:unknown user'";
        let ask = |name: &str| {
            let flags = format!(
                r"{rules} --expect '220 ' --line 'VRFY {name}' --expect '/^250 (?<who>.*)$/' --key eof -- ./smtp"
            );
            pipe(&t, &flags)
        };
        ask("alice").check().has("/dialogue/captures/who", "Alice <alice@example.org>");
        let done = ask("bob").exit(122).err_has("unknown user").check();
        done.has("/dialogue/captures/why", "no such user: bob");
    }

    /// fsck: each question has its own answer, whatever the order.
    #[test]
    fn s114_s136_a_table_of_questions_and_answers() {
        let t = Test::new();
        t.script(
            "fsck",
            "#!/bin/sh\nfor q in CLEAR RECONNECT CLEAR SALVAGE; do\n\
             printf '%s? [yn] ' $q; read -r a; echo \"$q=$a\" >>answers; done\n",
        );
        pty(
            &t,
            "--on 'CLEAR? [yn] ' --line n --on 'RECONNECT? [yn] ' --line y --on 'SALVAGE? [yn] ' --line y
             -- ./fsck",
        )
        .check();
        assert_eq!(t.read("answers"), "CLEAR=n\nRECONNECT=y\nCLEAR=n\nSALVAGE=y\n");
    }

    #[test]
    fn s135_a_recording_holds_every_byte() {
        let t = Test::new();
        let done = pty(&t, "--record demo.cast -- seq 1000").check();
        let recorded: usize = t
            .read("demo.cast")
            .lines()
            .skip(1)
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|event| event[1] == "o")
            .map(|event| event[2].as_str().unwrap().len())
            .sum();
        assert_eq!(recorded, done.out.len());
        done.has("/streams/terminal/bytes", recorded);
    }

    /// The cursor goes up and a word is replaced: only the screen shows what a person sees.
    #[test]
    fn s142_the_screen_is_what_a_person_sees() {
        let t = Test::new();
        let command = r"-- printf 'state: busy\r\nwait\r\033[1A\033[8Gdone\033[K\n'";
        pty(&t, &format!("--expect 'state: done' --view screen --expect-timeout 5s {command}"))
            .check();
        pty(&t, &format!("--expect 'state: done' {command}")).exit(122).any_err().check();
    }
}

mod scale {
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
        t.sh("{ heeler run --pipe --timeout 1s --report r -- yes; echo $? >code; : >over; } | cat over")
            .any_err()
            .check();
        assert_eq!(t.read("code"), "124\n");
        let report: Value = serde_json::from_str(&t.read("r")).unwrap();
        assert_eq!(report["outcome"], "timeout");
    }
}
