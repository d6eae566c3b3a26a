//! What cannot be started: told apart, and the same in every mode.

use std::os::unix::ffi::OsStringExt;

use crate::fault::leaves_of;
use crate::harness::{Done, Test};

const MODES: [&str; 3] = ["--pipe", "--pty", "--inherit"];

fn refused(t: &Test, mode: &str, args: &[&str], code: i32, kind: &str) -> Done {
    let done = t.run([mode].iter().chain(args)).report().exit(code).any_err().check();
    done.has("/outcome", "spawn_failed").has("/exit_code", code).has("/success", false);
    done.has("/error/kind", kind).has("/child", ());
    let message = done.at("/error/message").as_str().unwrap().to_owned();
    assert_eq!(done.err_text(), format!("heeler: {message}\n"));
    done
}

/// seeds 25; supervisors 7
#[test]
fn a_program_that_is_not_there_is_127() {
    for mode in MODES {
        let t = Test::new();
        let done = refused(&t, mode, &["--", "no-such-program"], 127, "not_found");
        assert!(done.err_text().contains("no-such-program"), "{}", done.err_text());
        done.has("/error/errno", "ENOENT");
        refused(&t, mode, &["--", "./no-such-program"], 127, "not_found");
        refused(&t, mode, &["--", "/no/such/directory/program"], 127, "not_found");
    }
}

/// seeds 25
#[test]
fn a_file_that_may_not_be_executed_is_126() {
    for mode in MODES {
        let t = Test::new();
        t.write("plain", "#!/bin/sh\necho started\n");
        let done = refused(&t, mode, &["--", "./plain"], 126, "not_executable");
        done.has("/error/errno", "EACCES");
        assert!(done.err_text().contains("./plain"));
        // A directory is found, and cannot be executed.
        std::fs::create_dir(t.path("folder")).unwrap();
        refused(&t, mode, &["--", "./folder"], 126, "not_executable");
        // Found in PATH, but not executable.
        t.write("bin/tool", "#!/bin/sh\n");
        let path = format!("PATH={}", t.path("bin").display());
        refused(&t, mode, &["-e", &path, "--", "tool"], 126, "not_executable");
    }
}

/// seeds 25
#[test]
fn a_file_that_is_no_program_is_126() {
    for mode in MODES {
        let t = Test::new();
        t.script("garbage", b"\x7fNOT-A-PROGRAM\x00\x01\x02");
        let done = refused(&t, mode, &["--", "./garbage"], 126, "not_executable");
        done.has("/error/errno", "ENOEXEC");
        t.script("empty", b"");
        refused(&t, mode, &["--", "./empty"], 126, "not_executable");
    }
}

/// supervisors 9, 62: the kernel says ENOENT for the interpreter as for the script.
#[test]
fn a_missing_interpreter_is_named() {
    for mode in MODES {
        let t = Test::new();
        t.script("script", "#!/no/such/interpreter -x\necho started\n");
        let done = refused(&t, mode, &["--", "./script"], 127, "bad_interpreter");
        assert!(done.err_text().contains("/no/such/interpreter"), "{}", done.err_text());
        assert!(done.err_text().contains("./script"), "{}", done.err_text());
        // Found through PATH, too.
        let path = format!("PATH={}", t.dir().display());
        refused(&t, mode, &["-e", &path, "--", "script"], 127, "bad_interpreter");
    }
}

/// seeds 24; supervisors 10: not "command not found", and not the home directory instead.
#[test]
fn a_missing_directory_is_125() {
    for mode in MODES {
        let t = Test::new();
        let done = refused(
            &t,
            mode,
            &["-C", "no-such-directory", "--", "touch", "started"],
            125,
            "bad_directory",
        );
        assert!(done.err_text().contains("no-such-directory"), "{}", done.err_text());
        assert!(!t.path("started").exists() && !t.path(".home/started").exists());
        t.write("file", "");
        refused(&t, mode, &["-C", "file", "--", "true"], 125, "bad_directory");
    }
}

/// An argument cannot hold a NUL byte, and none arrives through exec; an environment file can hold one.
#[test]
fn a_nul_byte_is_refused() {
    for mode in MODES {
        let t = Test::new();
        t.write("env", b"KEY=a\0b\n");
        let done = t
            .run([mode, "--env-file", "env", "--", "touch", "started"])
            .report()
            .exit(125)
            .any_err()
            .check();
        assert!(done.err_text().contains("NUL"), "{}", done.err_text());
        done.has("/child", ());
        assert!(!t.path("started").exists());
    }
}

/// A script can write one down, and no cgroup is left behind for what was not started.
#[test]
fn a_nul_byte_of_a_script_leaves_no_cgroup() {
    for command in [r#"argv = ["true", "a\u0000b"]"#, "argv = ['true']\nenv.KEY = \"a\\u0000b\""] {
        let t = Test::new();
        t.write("s.toml", format!("version = 1\n[command]\n{command}\n"));
        let done = t.run(["--script", "s.toml"]).report().exit(125).any_err().check();
        assert!(done.err_text().contains("NUL"), "{}", done.err_text());
        let run = done.at("/run");
        assert_eq!(leaves_of(run.as_str().unwrap()), Vec::<std::path::PathBuf>::new());
    }
}

/// Names that are not UTF-8 are started as they are.
#[test]
fn arguments_are_bytes() {
    let t = Test::new();
    let odd = std::ffi::OsString::from_vec(b"odd-\xff\xfe".to_vec());
    let out = [b"<odd-\xff\xfe>\n".as_slice(), b"<>\n", b"<a b>\n", b"<*>\n"].concat();
    let done = t
        .run(["--pipe", "--", "printf", "<%s>\\n"])
        .arg(&odd)
        .arg("")
        .arg("a b")
        .arg("*")
        .out(out)
        .report()
        .check();
    done.has("/command/2", "odd-\u{fffd}\u{fffd}");
}

/// An empty name is not found; it is not the current directory.
#[test]
fn an_empty_name_is_not_found() {
    let t = Test::new();
    for mode in MODES {
        refused(&t, mode, &["--", ""], 127, "not_found");
    }
}

/// As execvp does it: what cannot be executed is passed over when a later directory has it.
#[test]
fn the_search_goes_on_behind_what_may_not_be_executed() {
    let t = Test::new();
    t.write("one/tool", "");
    t.script("two/tool", "#!/bin/sh\necho two\n");
    let path = format!("PATH={}:{}", t.path("one").display(), t.path("two").display());
    t.run(["-e", &path, "--", "tool"]).out("two\n").check();
}

/// The command's own PATH is searched, not heeler's (seeds 21).
#[test]
fn the_commands_path_is_searched() {
    let t = Test::new();
    t.script("bin/mine", "#!/bin/sh\necho mine\n");
    t.run(["--", "mine"]).exit(127).any_err().check();
    let path = format!("PATH={}", t.path("bin").display());
    t.run(["-e", &path, "--", "mine"]).out("mine\n").check();
    t.run(["-e", &path, "--", "touch", "x"]).exit(127).any_err().check();
}

/// supervisors 7: nothing is left in the way of the next run, and no process either.
#[test]
fn what_was_not_started_leaves_nothing_running() {
    let t = Test::new();
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do heeler run --pty -- no-such-program 2>/dev/null; done; echo $?";
    t.sh(script).out("127\n").check();
    assert_eq!(t.processes(), Vec::<i32>::new());
}

/// --shell is sh -c and no login shell (seeds 22).
#[test]
fn a_shell_string() {
    let t = Test::new();
    t.write(".home/.profile", "echo profile\n");
    t.run(["-c", "--", "echo \"$A\" | tr a-z A-Z; exit 4"])
        .env("A", "xyz")
        .out("XYZ\n")
        .exit(4)
        .check();
    let path = "/usr/bin:/bin:/strange/place";
    t.run(["-c", "echo $PATH"]).env("PATH", path).out(format!("{path}\n")).check();
}
