//! The command under heeler is the command without it: the same bytes on both streams, the same end.

use std::os::unix::process::ExitStatusExt;

use crate::harness::Test;

/// Programs of many kinds; each is run directly, inherited and over pipes.
const TABLE: &[&str] = &[
    "true",
    "false",
    "exit 42",
    "echo hello",
    "printf 'no line end'",
    "printf '\\000\\001\\377\\r\\n\\r'",
    "echo out; echo err >&2; exit 3",
    "cat",
    "wc -c",
    "head -c 10",
    "sort -r",
    "seq 1 20000",
    "seq 1 20000 >&2",
    "head -c 1000000 /dev/zero | tr '\\0' 'z'",
    "ls -la /no/such/file",
    "kill -9 $$",
    "kill -TERM $$",
    "kill -INT $$",
    "kill -PIPE $$",
    "yes | head -3",
    "(exit 7) | cat; echo ${?}",
    "trap 'echo trapped; exit 9' USR1; kill -USR1 $$; sleep 1000",
    "echo $#:$0:$1",
    "umask; pwd; ulimit -n; nice",
    "test -t 0; echo $?; test -t 1; echo $?; test -t 2; echo $?",
    "env | grep -v ^HEELER_ | grep -v ^_= | sort",
    "exec 3>&1; echo three >&3",
    "exec >&-; exit 4",
    "awk 'BEGIN { printf \"%c\", 200 }'",
    "python3 -S -E -c 'import sys; sys.stdout.write(\"x\" * 70000); sys.exit(\"bye\")'",
    "read a; read b; echo \"$b $a\"",
    "sleep 0.05; echo slept",
];

/// seeds 120
#[test]
fn a_table_of_programs() {
    let input = "first line\nsecond line\n\u{e4}\u{f6}\n";
    for script in TABLE {
        let t = Test::new();
        let direct =
            t.program("sh", ["-c", script, "zero", "one"]).input(input).any_status().finish();
        // A shell calls the death of signal n 128 + n, and so does heeler.
        let code = direct.status.code().unwrap_or_else(|| 128 + direct.status.signal().unwrap());
        for mode in ["--inherit", "--pipe"] {
            let done = t.run([mode, "--", "sh", "-c", script, "zero", "one"]).input(input).finish();
            let label = format!("{mode}: {script}");
            assert_eq!(
                String::from_utf8_lossy(&done.out),
                String::from_utf8_lossy(&direct.out),
                "{label}"
            );
            assert_eq!(done.out, direct.out, "{label}");
            assert_eq!(
                String::from_utf8_lossy(&done.err),
                String::from_utf8_lossy(&direct.err),
                "{label}"
            );
            assert_eq!(done.status.code(), Some(code), "{label}");
        }
    }
}

/// The same on a terminal: directly on one, and under heeler on one, inherited and through one of its own.
#[test]
fn on_a_terminal() {
    for script in [
        "echo $TERM",
        "echo hello; exit 3",
        "stty size; stty -a | head -1",
        "test -t 0 && test -t 1 && test -t 2 && echo terminal",
        "printf 'a\\tb\\033[1mc\\033[0m\\n'",
        "kill -TERM $$",
        "ls --color=auto /",
        "seq 1 3000",
    ] {
        let t = Test::new();
        let direct = t.program("sh", ["-c", script]).env("TERM", "vt220").terminal(91, 27).finish();
        let code = direct.status.code().unwrap_or_else(|| 128 + direct.status.signal().unwrap());
        for mode in ["--inherit", "--pty"] {
            let done = t
                .run([mode, "--", "sh", "-c", script])
                .env("TERM", "vt220")
                .terminal(91, 27)
                .finish();
            assert_eq!(done.out_text(), direct.out_text(), "{mode}: {script}");
            assert_eq!(done.status.code(), Some(code), "{mode}: {script}");
        }
    }
}
