//! What matches, where, and what is captured.

use super::*;

#[test]
fn s1_cat_gives_back_a_line_and_the_end_of_file_ends_it() {
    let t = Test::new();
    let done = pty(&t, "--line 'hello world' --expect '/hello world\\n/' --key eof -- cat").check();
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
    t.run(["--pipe", "--expect", ".", "--", "cat", "signs"]).any_out().any_err().exit(122).check();
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
    done.has("/dialogue/captures/rest", "hijklmnopqrstuvwx").has("/dialogue/steps/3/offset", 26);
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
    let done = pipe(&t, &format!("--window 16KiB {find} -- {command}")).exit(122).any_err().check();
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
        let done =
            t.run(["--pipe", "--expect", pattern, "--", "echo", line]).report().any_out().check();
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
    pty(&t, "--output copy --expect 'user@host$ ' --line ls --expect 'ran ls' -- ./prompt").check();
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
