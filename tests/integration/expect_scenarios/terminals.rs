//! What the command finds: terminal, directory, arguments.

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
    let flags = ["--pipe", "-C", "deep", "-e", "GREETING=hello there", "-e", &path, "--", "mine"];
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
