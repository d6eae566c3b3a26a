//! Members that are born while their tree is being ended: what a handler starts is left to its work; those whose
//! parents are gone get the signal that is being sent, wherever they are and whatever number they have. Without it
//! they would wait for KILL.

use std::path::PathBuf;

use crate::children::python;
use crate::fault::{CONTAINMENTS, can_unshare, is_root, own_cgroup, penned, penned_run, report};
use crate::harness::{Test, Watch};

/// What both trees have. Each waits for TERM with TERM blocked, and the newcomer is born when heeler has looked for
/// members and sleeps, which nothing announces but its state: only the end of a child of its own, which is deaf, has it look again.
const FAMILY: &str = r"
import os, signal, sys, time
life, heeler = os.open(sys.argv[1], os.O_WRONLY), os.getppid()
TERM = {signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, TERM)
def fork(live):
    pid = os.fork()
    if pid == 0:
        live()
        os._exit(0)
    return pid
def end_by_term():
    signal.sigwait(TERM)
    os.write(life, b'TERM %d\n' % os.getpid())
def until_heeler_sleeps():
    while True:
        with open('/proc/%d/stat' % heeler) as stat:
            if stat.read().rsplit(')', 1)[1].split()[0] == 'S':
                return
        time.sleep(0.001)
read, write = os.pipe()
def orphan():
    os.write(write, b'%d\n' % fork(lambda: time.sleep(1000)))
os.waitpid(fork(orphan), 0)
deaf = int(os.read(read, 20))
def look():
    os.kill(deaf, 9)
    while os.path.exists('/proc/%d' % deaf):
        time.sleep(0.001)
    until_heeler_sleeps()
def bear(number=None):
    lives, held = os.pipe()
    def parent():
        if number:
            with open('/proc/sys/kernel/ns_last_pid', 'w') as last:
                last.write(str(number - 1))
        os.write(life, b'newcomer %d\n' % fork(end_by_term))
    os.waitpid(fork(parent), 0)
    os.close(held)
    look()
    os.read(lives, 1)
";

/// Who starts the newcomer is in the cgroup $2.
const OUTSIDE: &str = r"
def leave():
    with open(sys.argv[2] + '/cgroup.procs', 'w') as procs:
        procs.write(str(os.getpid()))
    os.write(write, b'x')
    signal.sigwait(TERM)
    until_heeler_sleeps()
    bear()
outside = fork(leave)
os.read(read, 1)
print('ready', flush=True)
os.waitpid(outside, 0)
";

/// The newcomer has the number of one that TERM has ended.
const SAME_NUMBER: &str = r"
def die():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TERM)
    os.write(write, b'x')
    time.sleep(1000)
first = fork(die)
os.read(read, 1)
for later in range(5):
    os.waitpid(fork(lambda: None), 0)
print('ready', flush=True)
signal.sigwait(TERM)
os.waitpid(first, 0)
until_heeler_sleeps()
os.write(life, b'first %d\n' % first)
bear(first)
";

/// The parent of the newcomer is one itself, and dies of TERM before anybody has read who its children are.
const BELOW_A_NEWCOMER: &str = r"
lives, held = os.pipe()
def parent():
    newcomer = fork(end_by_term)
    os.write(life, b'newcomer %d\n' % newcomer)
    os.write(write, b'x')
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TERM)
    time.sleep(1000)
print('ready', flush=True)
signal.sigwait(TERM)
until_heeler_sleeps()
os.waitpid(fork(lambda: fork(parent)), 0)
os.close(held)
os.read(read, 1)
os.kill(deaf, 9)
os.read(lives, 1)
";

/// What a handler starts is at work while heeler looks; its exit code is told.
const HANDLER: &str = r"
def work():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TERM)
    go, done = os.pipe()
    def worker():
        os.close(done)
        os.read(go, 1)
        os._exit(3)
    started = fork(worker)
    look()
    os.close(done)
    os.write(life, b'worker %d\n' % os.waitstatus_to_exitcode(os.waitpid(started, 0)[1]))
print('ready', flush=True)
signal.sigwait(TERM)
until_heeler_sleeps()
signal.signal(signal.SIGTERM, signal.SIG_DFL)
work()
";

/// A cgroup beside those that heeler makes.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new() -> Option<Cgroup> {
        let dir = own_cgroup()?.join(format!("newcomers-{}", std::process::id()));
        let made = is_root() && std::fs::create_dir(&dir).is_ok();
        if !made {
            eprintln!("left out: no cgroup can be made here");
        }
        made.then_some(Cgroup(dir))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let events = self.0.join("cgroup.events");
        let is_empty = || std::fs::read_to_string(&events).unwrap().contains("populated 0");
        // The kernel tells of the end of the last member as of a change of this file.
        Watch::new(&events).until(|| is_empty().then_some(()));
        std::fs::remove_dir(&self.0).unwrap();
    }
}

/// Runs `before… heeler run … family` until it is ready, and sees its newcomer end by TERM, the only signal.
fn ends_by_term(t: &Test, before: &[&str], containment: &str, family: &[&str]) {
    let mut life = t.lifeline("life");
    let heeler = [env!("CARGO_BIN_EXE_heeler"), "run", "--report", "report", "--pipe"];
    let flags = ["--containment", containment, "--until", "ready", "--stop", "TERM:10s,KILL"];
    let all = [before, &heeler, &flags, family].concat();
    penned(t, all[0], &all[1..]).out("ready\n").any_err().check();
    let said = life.wait_gone();
    let number = |what: &str| {
        let rest = said.lines().find_map(|line| line.strip_prefix(what));
        rest.map(str::to_owned)
    };
    let signals = report(t)["stop"]["signals"].clone();
    assert_eq!(signals.as_array().map(Vec::len), Some(1), "{containment}: {signals} {said}");
    assert!(number("newcomer ").is_some(), "{containment}: {said}");
    assert_eq!(number("TERM "), number("newcomer "), "{containment}: {said}");
    if let Some(first) = number("first ") {
        assert_eq!(number("newcomer "), Some(first), "{containment}: the number is given again");
    }
}

#[test]
fn below_one_that_left_the_cgroup() {
    for containment in CONTAINMENTS {
        let Some(outside) = Cgroup::new() else { return };
        let t = Test::new();
        let text = [FAMILY, OUTSIDE].concat();
        let outside = outside.0.display().to_string();
        ends_by_term(&t, &[], containment, &python(&text, &["life", &outside]));
    }
}

/// In a namespace of its own nobody else takes the number.
#[test]
fn under_the_number_of_one_that_has_had_it() {
    for containment in CONTAINMENTS {
        let t = Test::new();
        if !can_unshare(&t, &["-p", "-f", "--mount-proc"]) {
            return;
        }
        let text = [FAMILY, SAME_NUMBER].concat();
        let inside = ["unshare", "-p", "-f", "--mount-proc", "sh", "-c", "\"$@\"; exit $?", "sh"];
        ends_by_term(&t, &inside, containment, &python(&text, &["life"]));
    }
}

#[test]
fn below_a_newcomer_that_dies_of_it() {
    for containment in CONTAINMENTS {
        let t = Test::new();
        let text = [FAMILY, BELOW_A_NEWCOMER].concat();
        let slow = "inject=pidfd_send_signal:delay_exit=20000";
        let traced = ["strace", "-e", "trace=pidfd_send_signal", "-e", slow, "-o", "calls", "--"];
        ends_by_term(&t, &traced, containment, &python(&text, &["life"]));
    }
}

/// As a shell's trap does, which runs `rm` and waits for it.
#[test]
fn of_a_handler_is_left_to_its_work() {
    for containment in CONTAINMENTS {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let mut args = vec!["--pipe", "--containment", containment, "--until", "ready"];
        args.extend(["--stop", "TERM:60s,KILL"]);
        let text = [FAMILY, HANDLER].concat();
        args.extend(python(&text, &["life"]));
        penned_run(&t, &args).out("ready\n").any_err().start().finish();
        let said = life.wait_gone();
        assert_eq!(said, "worker 3\n", "{containment}: {}", report(&t));
    }
}
