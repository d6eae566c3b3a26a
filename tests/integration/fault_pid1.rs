//! heeler as PID 1: an init. Needs root for a PID namespace; left out elsewhere, which the tests say.

use crate::children::python;
use crate::fault::{CONTAINMENTS, can_unshare, has_cgroup};
use crate::harness::{Cmd, Signal, Test, proc_status};

const NAMESPACE: [&str; 4] = ["--pid", "--fork", "--mount-proc", "--kill-child=KILL"];

/// `heeler run ARGS` as PID 1. unshare mirrors its exit code, and dies of a signal that it died of.
fn as_init<'t>(t: &'t Test, args: &[&str]) -> Cmd<'t> {
    let mut all = NAMESPACE.to_vec();
    all.extend([env!("CARGO_BIN_EXE_heeler"), "run"]);
    all.extend(args);
    t.program("unshare", all)
}

/// The process that is PID 1 in the namespace of `unshare`.
fn init_of(unshare: i32) -> Signaller {
    let path = format!("/proc/{unshare}/task/{unshare}/children");
    let children = std::fs::read_to_string(path).unwrap();
    Signaller(children.trim().parse().unwrap())
}

struct Signaller(i32);

impl Signaller {
    fn send(&self, signal: Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_raw(self.0).unwrap(), signal)
            .unwrap();
    }
}

/// supervisors 15; trap 56: the command's end is ours, a signal is 128+n because PID 1 cannot die of one.
#[test]
fn exit_codes() {
    let t = Test::new();
    if !can_unshare(&t, &NAMESPACE) {
        return;
    }
    as_init(&t, &["--", "sh", "-c", "exit 3"]).exit(3).check();
    as_init(&t, &["--", "sh", "-c", "kill -TERM $$"]).exit(143).check();
    as_init(&t, &["--timeout", "100ms", "--", "sleep", "1000"]).any_err().exit(124).check();
    as_init(&t, &["--", "/nonexistent"]).any_err().exit(127).check();
}

/// Signals that ask for the end work although PID 1 has no default actions; no re-raise.
#[test]
fn requests_to_stop() {
    let t = Test::new();
    if !can_unshare(&t, &NAMESPACE) {
        return;
    }
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::USR2, Signal::ALARM] {
        let script = "trap 'echo got; exit 5' TERM INT HUP USR2 ALRM; echo ready; while :; do sleep 0.01; done";
        let run = as_init(&t, &["--pipe", "--guard", "--", "sh", "-c", script]).start();
        run.wait_out("ready\n");
        init_of(run.pid()).send(signal);
        run.out("ready\ngot\n").any_err().exit(128 + signal.as_raw()).check();
    }
}

/// Zombies of processes that were never ours are collected, while the command runs.
#[test]
fn foreign_zombies() {
    let t = Test::new();
    if !can_unshare(&t, &NAMESPACE) {
        return;
    }
    let script = r"
import os, time
for i in range(30):
    pid = os.fork()
    if pid == 0:
        if os.fork() == 0:
            os.setsid()
        os._exit(0)
    os.waitpid(pid, 0)
until = time.monotonic() + 30
def zombies():
    found = 0
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open('/proc/%s/stat' % entry) as file:
                    found += file.read().rsplit(')', 1)[1].split()[0] == 'Z'
            except OSError:
                pass
    return found
while zombies() and time.monotonic() < until:
    time.sleep(0.001)
print('zombies', zombies())
";
    let args = ["--pipe", "--", "python3", "-S", "-E", "-c", script];
    as_init(&t, &args).out("zombies 0\n").check();
    // Without an init they stay: the same under a PID 1 that waits for nobody.
    let script = script.replace("+ 30", "+ 0.3");
    let lazy = "import os, sys\npid = os.fork()\nif pid == 0:\n    os.execvp('python3', ['python3', '-S', '-E', '-c', sys.argv[1]])\nos.waitpid(pid, 0)";
    let mut all = NAMESPACE.to_vec();
    all.extend(["python3", "-S", "-E", "-c", lazy, &script]);
    t.program("unshare", all).out("zombies 30\n").check();
}

/// Every signal that would have killed it is taken, none is left to the default.
#[test]
fn no_terminating_signal_is_left_to_chance() {
    let t = Test::new();
    t.fifo("go");
    let run = t.run(["--", "sh", "-c", "echo ready; read x < go"]).start();
    run.wait_out("ready");
    let set = |field| u64::from_str_radix(&proc_status(run.pid(), field).unwrap(), 16).unwrap();
    let held = set("SigBlk") | set("SigIgn") | set("SigCgt");
    for signal in [1, 2, 3, 10, 12, 13, 14, 15, 16, 24, 26, 27, 29, 30, 34, 50, 64] {
        assert!(held & (1 << (signal - 1)) != 0, "signal {signal}");
    }
    std::fs::write(t.path("go"), "go\n").unwrap();
    run.out("ready\n").check();
}

/// Leaves a process that says so once it is a child of PID 1, which nothing tells it, and when it gets TERM.
const STRANGER: &str = r"
import os, signal, sys, time
life = os.open(sys.argv[1], os.O_WRONLY)
if os.fork():
    os._exit(0)
null = os.open('/dev/null', os.O_RDWR)
for fd in (0, 1, 2):
    os.dup2(null, fd)
signal.signal(signal.SIGTERM, lambda *_: os.write(life, b'TERM\n'))
while os.getppid() != 1:
    time.sleep(0.001)
os.write(life, b'left\n')
while True:
    signal.pause()
";

/// Who comes to PID 1 without being of the command is collected, and otherwise left alone; what the command left
/// behind is ended all the same.
#[test]
fn a_stranger_is_no_stray() {
    for containment in CONTAINMENTS {
        let t = Test::new();
        if !can_unshare(&t, &NAMESPACE) {
            return;
        }
        let mut life = t.lifeline("life");
        t.fifo("go");
        let script = "echo ready; read x <go; setsid sleep 1000 & exit 0";
        let flags = ["--pipe", "--containment", containment, "--report", "report", "--"];
        let run = as_init(&t, &[&flags[..], &["sh", "-c", script]].concat()).start();
        run.wait_out("ready\n");
        let init = init_of(run.pid()).0.to_string();
        let mut stranger = vec!["--target", &init, "--pid"];
        stranger.extend(&python(STRANGER, &["life"])[1..]);
        t.program("nsenter", stranger).check();
        life.wait("left");
        std::fs::write(t.path("go"), "go\n").unwrap();
        let done = run.out("ready\n").any_err().check();
        // The kernel ends it with us.
        assert!(!life.wait_gone().contains("TERM"), "{containment}");
        let report: serde_json::Value = serde_json::from_str(&t.read("report")).unwrap();
        let held = &report["containment"];
        assert_eq!(held["strays"].as_array().map(Vec::len), Some(1), "{containment}: {held}");
        assert_eq!(held["strays"][0]["comm"], "sleep", "{containment}: {held}");
        let proven = containment == "auto" && has_cgroup();
        assert_eq!(held["verified"], proven, "{containment}: {}", done.err_text());
    }
}
