//! What the command starts with.

use crate::children::{FDS, python, sh};
use crate::harness::Test;

/// -C
#[test]
fn the_directory() {
    let t = Test::new();
    std::fs::create_dir(t.path("sub")).unwrap();
    let sub = std::fs::canonicalize(t.path("sub")).unwrap();
    for mode in ["--pipe", "--inherit", "--pty"] {
        let done = t.run([mode, "-C", "sub", "--", "pwd", "-P"]).any_out().report().check();
        assert_eq!(done.out_text().trim_end(), sub.to_str().unwrap(), "{mode}");
        let own = t.run([mode, "--", "pwd", "-P"]).any_out().check();
        let dir = std::fs::canonicalize(t.dir()).unwrap();
        assert_eq!(
            own.out_text().trim_end(),
            dir.to_str().unwrap(),
            "{mode}: not the home directory"
        );
    }
}

/// seeds 21
#[test]
fn variables() {
    let t = Test::new();
    t.write("file", "# comment\n\nA=file\nB=b = c\nOURS\n");
    let show = "echo \"$A|$B|$OURS|${GONE-unset}|${EMPTY-unset}\"";
    t.run(["--env-file", "file", "-e", "A=flag", "--unset", "GONE", "-e", "EMPTY=", "-c", show])
        .env("OURS", "ours")
        .env("GONE", "here")
        .out("flag|b = c|ours|unset|\n")
        .check();
    // Nothing but what was asked for, and what finds the process again.
    let done = t.run(["--env-clear", "-e", "A=1", "-e", "OURS", "--", "/usr/bin/env"]);
    let done = done.env("OURS", "ours").any_out().check();
    let text = done.out_text();
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["A", "HEELER_ATTEMPT", "HEELER_RUN", "OURS"]);
    t.run(["-e", "=x", "--", "true"]).exit(125).any_err().check();
}

/// supervisors 75, 18: nested runs carry both ids, the last is its own.
#[test]
fn the_run_is_in_the_environment() {
    let t = Test::new();
    let done = t.run(["-c", "echo $HEELER_RUN $HEELER_ATTEMPT"]).report().any_out().check();
    let run = done.at("/run").as_str().unwrap().to_owned();
    assert_eq!(done.out_text(), format!("{run} 1\n"));
    let done = t.run(["-c", "heeler run -c 'echo $HEELER_RUN'"]).report().any_out().check();
    let outer = done.at("/run").as_str().unwrap().to_owned();
    let text = done.out_text();
    let (first, inner) = text.trim_end().split_once(':').unwrap();
    assert_eq!(first, outer);
    assert!(!inner.is_empty() && inner != outer, "{text}");
}

/// The environment is handed on as bytes.
#[test]
fn variables_are_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let t = Test::new();
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe odd");
    t.run(["-c", "printf %s \"$ODD\""]).env("ODD", odd).out(b"\xff\xfe odd").check();
}

/// seeds 26
#[test]
fn nice() {
    let t = Test::new();
    let ours: i32 = t.program("nice", [""; 0]).any_out().check().out_text().trim().parse().unwrap();
    for (value, nice) in [("5", 5), ("low", 5), ("minimal", 15), ("19", 19)] {
        let done = t.run(["--nice", value, "--", "nice"]).any_out().check();
        assert_eq!(done.out_text().trim().parse(), Ok(nice), "{value}");
    }
    t.run(["--", "nice"]).out(format!("{ours}\n")).check();
    t.run(["--nice", "urgent", "--", "nice"]).exit(125).any_err().check();
}

#[test]
fn umask() {
    let t = Test::new();
    t.run(["--umask", "027", "-c", "umask; touch f; stat -c %a f"]).out("0027\n640\n").check();
    let ours = t.sh("umask").any_out().check().out_text();
    t.run(["-c", "umask"]).out(ours).check();
}

/// seeds 29; supervisors 63: limits are the command's, not ours, and ours are not its.
#[test]
fn resource_limits() {
    let t = Test::new();
    t.run(["--rlimit", "nofile=123", "-c", "ulimit -n; ulimit -Hn"]).out("123\n123\n").check();
    let ours = t.sh("ulimit -a").any_out().check().out_text();
    t.run(["-c", "ulimit -a"]).out(ours).check();
    let alloc = "x = bytearray(600 << 20)";
    let mut args = vec!["--rlimit", "as=400MiB"];
    args.extend(python(alloc, &[]));
    t.run(args).exit(1).err_has("MemoryError").check();
    t.run(["--rlimit", "beauty=1", "--", "true"]).exit(125).any_err().check();
}

/// As nohup does it.
#[test]
fn ignored_signals() {
    let t = Test::new();
    t.run(["--ignore-signal", "HUP", "-c", "kill -HUP $$; echo alive"]).out("alive\n").check();
    t.run(["-c", "kill -HUP $$; echo alive"]).exit(129).check();
    t.run(["--ignore-signal", "KILL", "--", "true"]).exit(125).any_err().check();
}

/// seeds 27, 116: what is open above 2 is inherited, and nothing of ours is.
#[test]
fn descriptors() {
    let t = Test::new();
    t.write("fds.py", FDS);
    let list = "python3 -S -E fds.py 7>seven 8<fds.py";
    let direct = t.sh(list).any_out().check().out_text();
    assert!(direct.contains("7 ") && direct.contains("/seven"), "{direct}");
    for mode in
        ["", "--inherit", "--pipe", "--pty", "--pipe --report r --events e --record c --output o"]
    {
        let done = t.sh(&format!("heeler run {mode} -- {list}")).any_out().check();
        assert_eq!(done.out_text().replace("\r\n", "\n"), direct, "{mode}");
    }
    // Closed descriptors stay closed, and one that is written to is the caller's.
    t.sh("heeler run --pipe -- sh -c 'echo seven >&7' 7>seven; cat seven").out("seven\n").check();
    t.sh("heeler run --pipe -- sh -c 'echo seven >&7' 7>&-").exit(2).any_err().check();
}

/// A jobserver's pipe works through us: every job gets its token.
#[test]
fn a_jobserver() {
    let t = Test::new();
    t.write("makefile", "all: a b c d\na b c d:\n\t@sleep 0.01; echo $@ >> done\n");
    t.write("outer.mk", "all:\n\t+heeler run --pipe -- $(MAKE) --no-print-directory -f makefile\n");
    if !std::path::Path::new("/usr/bin/make").exists() {
        return;
    }
    t.program("make", ["--no-print-directory", "-s", "-j2", "-f", "outer.mk"]).check();
    let mut lines: Vec<String> = t.read("done").lines().map(str::to_owned).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a", "b", "c", "d"]);
}

/// The command's name is what was typed, whatever file it is.
#[test]
fn argument_zero() {
    let t = Test::new();
    t.run(sh("echo $0 $1", &["x"])).out("sh x\n").check();
    t.run([
        "--",
        "python3",
        "-S",
        "-E",
        "-c",
        "print(open('/proc/self/cmdline').read().split('\\0')[0])",
    ])
    .out("python3\n")
    .check();
}
