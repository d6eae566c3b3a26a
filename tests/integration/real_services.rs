//! Programs that run for others: flaky commands, servers, daemons that get away, ssh.

use serde_json::Value;

use crate::harness::{Cmd, Test};
use crate::real::{need, words};

/// S129: fails twice, then passes; the report has every attempt.
#[test]
fn a_flaky_command_is_tried_until_it_passes() {
    let t = Test::new();
    t.script(
        "flaky",
        "#!/bin/sh\necho try >>tries\ntest \"$(wc -l <tries)\" -ge 3 || { echo no luck >&2; exit 75; }\n\
         echo passed\n",
    );
    let done = t
        .run(words(
            "--retries 5 --retry-delay 10ms --retry-backoff 1 --retry-on exit:75 -- ./flaky",
        ))
        .report()
        .out("passed\n")
        .err(
            "no luck\nheeler: attempt 1 of 6 exited with 75; the next in 10ms\n\
             no luck\nheeler: attempt 2 of 6 exited with 75; the next in 10ms\n",
        )
        .check();
    done.has("/flaky", true).has("/success", true).has("/attempts/0/child/exit_code", 75);
    assert_eq!(done.at("/attempts").as_array().map(Vec::len), Some(3));
    assert_eq!(t.read("tries"), "try\n".repeat(3));
}

/// A failure of another kind is not tried again.
#[test]
fn only_the_failures_that_were_named_are_tried_again() {
    let t = Test::new();
    let done = t
        .run(words("--retries 5 --retry-on exit:75 -- sh -c 'echo x >>tries; exit 1'"))
        .report()
        .exit(1)
        .check();
    assert_eq!(t.read("tries"), "x\n");
    done.has("/flaky", Value::Null);
}

const SERVER: &str = r#"
import socket, sys, time
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
sys.stderr.write("warming up\n")
if "never" not in sys.argv:
    sys.stdout.write("listening on port %d\n" % server.getsockname()[1])
    sys.stdout.flush()
server.accept()
"#;

fn server<'t>(t: &'t Test, flags: &str) -> Cmd<'t> {
    need("python3");
    t.write("server.py", SERVER);
    t.run(words(flags)).report()
}

#[test]
fn a_server_becomes_ready_and_is_stopped() {
    let t = Test::new();
    let ready = "--until '/listening on port (?<port>\\d+)/' --timeout 50s -- python3 server.py";
    let done = server(&t, ready).any_out().err("warming up\n").check();
    done.has("/outcome", "until").has("/success", true).has("/stop/reason", "until");
    done.has("/child/signal_name", "SIGTERM").has("/containment/verified", true);
    assert!(done.at("/dialogue/captures/port").is_string(), "{}", done.at("/dialogue"));
}

#[test]
fn a_server_never_becomes_ready() {
    let t = Test::new();
    let done = server(&t, "--until 'listening on' --timeout 500ms -- python3 server.py never")
        .exit(124)
        .any_err()
        .check();
    done.has("/outcome", "timeout").has("/success", false);
    assert!(done.err_text().contains("(--timeout)"));
}

/// It dies before it is ready: that is its own exit, and no success.
#[test]
fn a_server_dies_before_it_is_ready() {
    let t = Test::new();
    t.run(words("--until 'listening on' --timeout 50s -- sh -c 'echo no such port >&2; exit 3'"))
        .err("no such port\nheeler: warning: `listening on` (--until) had not appeared\n")
        .exit(3)
        .check();
}

/// S87: a daemon in a session of its own that lets go of every stream. It is ended and named.
#[test]
fn a_daemon_is_ended_with_its_command() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let done = t.run(words("-- ./start")).report();
    t.script("start", DAEMON);
    let done = done.out("started\n").err_has("ended what the command left behind: ").check();
    done.has("/outcome", "exited").has("/child/exit_code", 0).has("/containment/verified", true);
    done.has("/containment/strays/0/fate", "ended");
    assert_eq!(life.wait_gone(), "alive\n");
}

/// Starts a daemon, waits until it lives, ends.
const DAEMON: &str = "#!/bin/sh
mkfifo alive
setsid sh -c 'exec 9>life; echo alive >&9; : >alive; exec sleep 1000' </dev/null >/dev/null 2>&1 &
read -r _ <alive
echo started
";

#[test]
fn a_daemon_is_left_alone_when_told_so() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    t.script("start", DAEMON);
    let done = t
        .run(words("--strays leave -- ./start"))
        .report()
        .out("started\n")
        .err_has("left running: ")
        .err_has("`heeler reap` ends them")
        .check();
    done.has("/containment/strays/0/fate", "left");
    life.wait("alive\n");
    assert!(!life.is_gone());
    t.leaves_processes();
}

#[test]
fn a_daemon_is_a_failure_when_told_so() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    t.script("start", DAEMON);
    let done = t
        .run(words("--strays fail -- ./start"))
        .report()
        .out("started\n")
        .any_err()
        .exit(123)
        .check();
    done.has("/outcome", "strays_failed").has("/child/exit_code", 0);
    life.wait_gone();
}

/// S109: a new host key, a passphrase, a remote command on a remote terminal, its exit code. The server is
/// sshd itself, one process for one connection on its stdin: no port is needed.
#[test]
fn ssh_logs_in_and_the_remote_exit_code_comes_through() {
    need("ssh");
    need("ssh-keygen");
    let sshd = need("sshd");
    let t = Test::new();
    let keygen = |name: &str, passphrase: &str| {
        t.program("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", name]).check();
    };
    keygen("host_key", "");
    keygen("user_key", "open sesame");
    t.write("authorized", t.read("user_key.pub"));
    let dir = t.dir().display();
    t.write(
        "sshd.conf",
        format!(
            "HostKey {dir}/host_key\nAuthorizedKeysFile {dir}/authorized\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\nPrintMotd no\n"
        ),
    );
    if let Err(error) = std::fs::create_dir_all("/run/sshd") {
        assert!(std::path::Path::new("/run/sshd").is_dir(), "sshd needs /run/sshd: {error}");
    }
    let sshd = sshd.display();
    let login = format!(
        r#"--pty --secret pw=env:KEY_PASS
        --expect 'continue connecting (yes/no' --line yes
        --expect "Enter passphrase for key" --send-secret pw
        --expect '/^terminal (?<tty>\/dev\/\S+) size (?<size>\d+ \d+)/'
        --size 90x30
        -- ssh -F none -tt -i user_key -o IdentitiesOnly=yes -o IdentityAgent=none
           -o UserKnownHostsFile={dir}/known -o GlobalKnownHostsFile=none
           -o "ProxyCommand={sshd} -i -f {dir}/sshd.conf -E {dir}/sshd.log"
           server.example
           'echo terminal $(tty) size $(stty size); exit 7'"#
    );
    let run = || t.run(words(&login)).env("KEY_PASS", "open sesame").report().any_out();
    // Whether sshd is gone before ssh or is ended after it, is chance.
    let done = run().exit(7).any_err().check();
    done.has("/dialogue/captures/size", "30 90").has("/child/exit_code", 7);
    assert!(t.read("known").starts_with("server.example ssh-ed25519 "));
    assert!(!done.report().to_string().contains("open sesame"));
}
