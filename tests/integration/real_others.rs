//! What README.md says of timeout, expect, pexpect and script: shown on them and on heeler, side by side.

use crate::harness::Test;
use crate::real::need;

/// Starts a daemon in a session of its own, says so, and stays.
const DAEMON: &str = "#!/bin/sh
mkfifo alive
setsid sh -c 'exec 9>life; echo up >&9; : >alive; exec sleep 1000' </dev/null >/dev/null 2>&1 &
read -r _ <alive
echo started
exec sleep 1000
";

/// Whether the daemon is still there when COMMAND has ended.
fn outlives(command: &str) -> bool {
    let t = Test::new();
    let mut life = t.lifeline("life");
    t.script("start", DAEMON);
    t.leaves_processes();
    // expect hands a copy of its stdout down to whatever it spawns: into a file with it.
    t.sh(&format!("{command} >out 2>&1")).any_status().check();
    life.wait("up\n");
    // A killed process lets go a moment after the kill; one that was not signalled never does. heeler
    // itself has waited for the end of its tree, so for it there is nothing to wait for.
    !life.is_gone()
}

#[test]
fn a_daemon_outlives_timeout_expect_and_script_but_not_heeler() {
    for program in ["timeout", "expect", "script"] {
        need(program);
    }
    assert!(outlives("timeout 1 ./start"), "timeout");
    assert!(outlives("expect -c 'spawn ./start; expect started; close; wait'"), "expect");
    assert!(outlives("timeout 1 script -qec ./start /dev/null </dev/null"), "script");
    assert!(!outlives("heeler run --timeout 1s -- ./start"), "heeler");
    assert!(!outlives("heeler run --pty --until started -- ./start"), "heeler, on a terminal");
}

#[test]
fn a_daemon_outlives_pexpect() {
    let t = Test::new();
    t.program("/usr/bin/python3", ["-c", "import pexpect"]).check();
    let program =
        "import pexpect; c = pexpect.spawn('./start'); c.expect('started'); c.close(force=True)";
    assert!(outlives(&format!("/usr/bin/python3 -c \"{program}\"")));
}

/// The number comes in two parts, the second when the first was seen.
#[test]
fn expect_and_pexpect_capture_half_a_number_and_heeler_does_not() {
    need("expect");
    let t = Test::new();
    t.script(
        "count",
        "#!/bin/sh\nstty -echo; printf 12; head -n 1 >/dev/null; printf '34 done\\n'\n",
    );
    t.write(
        "half.exp",
        "log_user 0\nspawn ./count\nexpect -re {(\\d+)}\nputs \"<$expect_out(1,string)>\"\nsend \"go\\r\"\n\
         expect eof\n",
    );
    t.write(
        "half.py",
        "import pexpect\nc = pexpect.spawn('./count')\nc.expect(r'(\\d+)')\n\
         print('<%s>' % c.match.group(1).decode())\nc.sendline('go')\nc.expect(pexpect.EOF)\n",
    );
    t.program("expect", ["half.exp"]).out("<12>\n").check();
    t.program("/usr/bin/python3", ["half.py"]).out("<12>\n").check();
    let flags = ["--pipe", "--stdin", "inherit", "--settle", "50s", "--expect", r"/(?<n>\d+)/"];
    t.script("count", "#!/bin/sh\nprintf 12; head -n 1 >/dev/null; printf '34 done\\n'\n");
    let mut run = t
        .run(flags.into_iter().chain(["--", "./count"]))
        .report()
        .out("1234 done\n")
        .input_open()
        .start();
    run.wait_out("12");
    run.type_in("go\n");
    run.check().has("/dialogue/captures/n", "1234");
}

/// 124 is a timeout, or what the command said; the report knows.
#[test]
fn timeout_does_not_tell_its_124_from_the_commands() {
    let t = Test::new();
    t.sh("timeout 50 sh -c 'exit 124'").exit(124).check();
    t.sh("timeout 0.1 sleep 1000").exit(124).check();
    let own = t.run(["--timeout", "50s", "--", "sh", "-c", "exit 124"]).report().exit(124).check();
    own.has("/outcome", "exited");
    let limit =
        t.run(["--timeout", "100ms", "--", "sleep", "1000"]).report().any_err().exit(124).check();
    limit.has("/outcome", "timeout");
}
