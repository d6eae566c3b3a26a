//! heeler killed with SIGKILL at any moment: `heeler reap` ends what is left, and nobody else is touched.

use crate::fault::{can_unshare, has_cgroup, is_root, leaves_of};
use crate::harness::Test;

/// One batch of runs that are killed, in a pen of its own. $1 heeler, $2 seed, $3 how many, $4 whether there
/// are cgroups. Prints a line for each thing that is wrong.
const CRASHES: &str = r#"
import ctypes, os, random, sys, time
heeler, seed, count, cgroups = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == '1'
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
null = os.open('/dev/null', os.O_RDWR)
def start(args):
    pid = os.fork()
    if pid == 0:
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.execv(heeler, [heeler] + args)
    return pid
def children():
    with open('/proc/self/task/%d/children' % os.getpid()) as file:
        return [int(word) for word in file.read().split()]
# Each holds the lifeline.
KINDS = [
    'exec 9>life; sleep 1000',
    'exec 9>life; exit 0',
    'exec 9>life; setsid sleep 1000 & sleep 1000',
    'exec 9>life; (setsid sleep 1000 &); exit 0',
    "trap '' TERM; exec 9>life; sleep 1000; sleep 1000",
    'exec 9>life; kill -STOP $$; sleep 1000',
]
# Those leave no trace but their cgroup: no environment, no session, and a parent that ends at any moment (on a
# terminal with heeler itself). Without a cgroup nobody can say whose they are once heeler is dead.
TRACELESS = [
    'exec 9>life; env -i setsid sleep 1000 & sleep 1000',
    'exec 9>life; (env -i setsid sleep 1000 &); sleep 1000',
]
if cgroups:
    KINDS += TRACELESS
# How long a whole run takes here and now.
os.close(os.open('life', os.O_RDWR))
took = []
for _ in range(3):
    began = time.monotonic()
    os.waitpid(start(['run', '--', 'true']), 0)
    took.append(time.monotonic() - began)
took = sorted(took)[1]
for n in range(count):
    rnd = random.Random(seed * 1000 + n)
    kind = rnd.choice(KINDS)
    # Before the spawn, during it, while the row is written, at the end.
    delay = took * rnd.choice([rnd.uniform(0, 0.5), rnd.uniform(0.3, 1), rnd.uniform(0.8, 2.5)])
    args = ['run', rnd.choice(['--pipe', '--pty', '--inherit'])]
    if kind not in TRACELESS:
        args += ['--containment', rnd.choice(['auto', 'subreaper'])]
    args += ['--strays', rnd.choice(['wait', 'leave', 'reap:0'])]
    grace = rnd.choice(['0', '30ms'])
    what = 'seed %d/%d: %s -- %s, killed after %.4f, reap --grace %s' % (seed, n, args, kind, delay, grace)
    pid = start(args + ['--', 'sh', '-c', kind])
    end = time.monotonic() + delay
    while time.monotonic() < end:
        pass
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    pid = start(['reap', '--grace', grace])
    _, status = os.waitpid(pid, 0)
    if status != 0:
        print('%s: reap ended with %d' % (what, status), flush=True)
    # Dead ones are collected; whoever has been killed may take a moment to be gone.
    try:
        until = time.monotonic() + 0.5
        while True:
            ended, _ = os.waitpid(-1, os.WNOHANG)
            if ended == 0:
                if time.monotonic() < until:
                    time.sleep(0.001)
                    continue
                for child in children():
                    try:
                        with open('/proc/%d/cmdline' % child) as file:
                            print('%s: alive: %s' % (what, file.read().replace('\0', ' ')), flush=True)
                        os.kill(child, 9)
                    except OSError:
                        pass
                until = time.monotonic() + 0.5
    except ChildProcessError:
        pass
print('done', flush=True)
"#;

/// Looks like a member in all that means nothing: the same command line, a process group and session of its
/// own, a cookie that begins like one. Notes every signal it gets in the file $1.
const LOOKALIKE: &str = r"
import os, signal, sys
os.setsid()
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def note(number, frame):
    os.write(log, b'%d\n' % number)
for number in range(1, 32):
    if number not in (9, 19):
        signal.signal(number, note)
print('ready', flush=True)
while True:
    signal.pause()
";

/// 200 moments, from before the lock file to after the report. supervisors 67, 84; seeds 106; traps 1, 24.
#[test]
fn at_200_moments() {
    const BATCHES: u64 = 8;
    let seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    println!("seeds {seed} to {}", seed + BATCHES - 1);
    let t = Test::new();
    let lookalike = "exec -a sleep python3 -S -E -c \"$1\" \"$2\" 1000";
    let lookalike = ["-c", lookalike, "bash", LOOKALIKE, "signals"];
    let lookalike = t.program("bash", lookalike).env("HEELER_RUN", "0123456789ab").start();
    lookalike.wait_out("ready\n");
    // Two at a time: the machine has to be busy, but not only with this.
    let failures: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                scope.spawn(move || {
                    let batches = (0..BATCHES).filter(move |batch| batch % 2 == worker);
                    batches.filter_map(|batch| killed_25_times(seed + batch)).collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(!lookalike.has_ended(), "the lookalike was killed");
    assert_eq!(t.read("signals"), "", "the lookalike was signalled");
    drop(lookalike);
}

/// One batch with a database of its own; what was wrong, with all that is needed to see it again.
fn killed_25_times(seed: u64) -> Option<String> {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let seed = seed.to_string();
    let cgroups = if has_cgroup() { "1" } else { "0" };
    let args = ["-S", "-E", "-c", CRASHES, env!("CARGO_BIN_EXE_heeler"), &seed, "25", cgroups];
    let done = t.program("python3", args).any_out().any_err().any_status().start().finish();
    let text = format!("{}{}", done.out_text(), done.err_text());
    if text != "done\n" {
        return Some(text);
    }
    // Some run got as far as opening it.
    life.wait_gone();
    let list = t.heeler(["list", "--json"]).any_out().check().out_text();
    if list.trim() != "[]" {
        return Some(format!("seed {seed}: still listed: {list}"));
    }
    let all = t.heeler(["list", "--all", "--json"]).any_out().check().out_text();
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    for row in all.as_array().unwrap() {
        let run = row["run"].as_str().unwrap();
        if !leaves_of(run).is_empty() {
            return Some(format!("seed {seed}: a cgroup is left of {run}"));
        }
    }
    let locks = std::fs::read_dir(t.path(".db/heeler.db-runs")).unwrap().flatten();
    let locks: Vec<_> = locks
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.rsplit('.').next() == Some("lock"))
        .collect();
    if !locks.is_empty() {
        return Some(format!("seed {seed}: lock files are left: {locks:?}"));
    }
    let again = t.heeler(["reap"]).any_out().check().out_text();
    (again != "nothing to reap\n").then(|| format!("seed {seed}: reaped again: {again}"))
}

/// The number of the leader is given to somebody else, who then leads a session and a group of that number
/// with a child in both. supervisors 85; seeds 109; traps 1, 2, 10.
#[test]
fn a_number_that_was_given_again() {
    let t = Test::new();
    if !can_unshare(&t, &["--pid", "--fork", "--mount-proc"]) {
        return;
    }
    // The next number can be chosen in a PID namespace of one's own; else there is no forcing it.
    let script = r"
import os, signal, subprocess, sys, time
heeler = sys.argv[1]
def numbers(pid):
    with open('/proc/%d/stat' % pid) as file:
        rest = file.read().rsplit(')', 1)[1].split()
    return [int(rest[i]) for i in (1, 2, 3)]
read, write = os.pipe()
os.set_inheritable(write, True)
run = os.fork()
if run == 0:
    os.execv(heeler, [heeler, 'run', '--pty', '--', 'sh', '-c', 'echo $$ >&%d; sleep 1000' % write])
os.close(write)
leader = int(os.read(read, 100))
group = numbers(leader)
assert group[1:] == [leader, leader], group
os.kill(run, 9)
os.waitpid(run, 0)
# As the init of this namespace we get all of them; once they are collected the numbers are free.
for entry in os.listdir('/proc'):
    if entry.isdigit() and numbers(int(entry))[2] == leader:
        os.kill(int(entry), 9)
try:
    while True:
        os.waitpid(-1, 0)
except ChildProcessError:
    pass
assert not os.path.exists('/proc/%d' % leader)
with open('/proc/sys/kernel/ns_last_pid', 'w') as file:
    file.write(str(leader - 1))
ready, tell = os.pipe()
other = os.fork()
if other == 0:
    log = os.open('signals', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    def note(number, frame):
        os.write(log, b'%d\n' % number)
    for number in (1, 2, 3, 15, 18):
        signal.signal(number, note)
    os.setsid()
    if os.fork() == 0:
        os.write(tell, b'child\n')
    while True:
        signal.pause()
assert other == leader, (other, leader)
os.read(ready, 10)
print(subprocess.run([heeler, 'list', '--all'], capture_output=True, text=True).stdout)
reap = subprocess.run([heeler, 'reap', '--grace', '0', '--json'], capture_output=True, text=True)
print('reap', reap.returncode, reap.stdout, reap.stderr)
print('alive', numbers(leader)[1:] == [leader, leader], os.waitpid(-1, os.WNOHANG))
print('signals', repr(open('signals').read()))
";
    assert!(is_root());
    let args =
        ["--pid", "--fork", "--mount-proc", "python3", "-c", script, env!("CARGO_BIN_EXE_heeler")];
    let done = t.program("unshare", args).any_out().any_err().check();
    let text = done.out_text();
    assert!(text.contains(" gone "), "{text}{}", done.err_text());
    assert!(text.contains("reap 0 "), "{text}");
    assert!(text.contains("\"signals\":[]"), "{text}");
    assert!(text.contains("alive True (0, 0)\nsignals ''\n"), "{text}");
}

/// A populated cgroup is proof that someone is there, although no look at /proc finds anybody; and reap's last
/// rung reaches them. traps 6, 7.
#[test]
fn who_hides_by_forking_is_found_by_the_cgroup() {
    if !has_cgroup() {
        eprintln!("left out: no cgroup can be made here");
        return;
    }
    let t = Test::new();
    t.leaves_processes();
    let mut life = t.lifeline("life");
    let mut args = vec!["--pipe", "--strays", "wait"];
    let forker = crate::children::REFORKER.replace("range(20000)", "range(1000000)");
    let forker =
        format!("{}\n", forker.replace("import os, sys", "import os, sys\nos.environ.clear()"));
    let forker = ["--", "env", "-i", "python3", "-S", "-E", "-c", &forker, "life"];
    args.extend(forker);
    let run = t.run(args).start();
    life.wait("beat 200\n");
    run.signal(crate::harness::Signal::KILL);
    let run = run.finish();
    let list = t.heeler(["list"]).any_out().check().out_text();
    assert!(list.contains("orphaned"), "{list}{}", run.err_text());
    t.heeler(["reap", "--grace", "0"]).any_out().check();
    life.wait_gone();
    t.heeler(["reap"]).out("nothing to reap\n").check();
}

/// heeler is never inside what it kills: who runs `reap` as a member of the run is told so.
#[test]
fn a_member_cannot_reap_its_own_run() {
    let t = Test::new();
    let script =
        "heeler reap --all; echo $?; env -u HEELER_RUN heeler reap --all --grace 0; echo $?";
    let done = t.run(["--pipe", "--", "sh", "-c", script]).any_out().any_err().check();
    let text = done.out_text();
    assert!(text.matches("we are part of it ourselves").count() >= 1, "{text}");
}
