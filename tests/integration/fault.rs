//! The fault harness: commands that do everything to get away, heeler killed at any moment, and a judge that
//! cannot be deceived.
//!
//! The judge is a *pen*: a child subreaper of its own around each heeler. When heeler has ended, whoever is
//! left of what it started is a child of the pen, so ECHILD is the kernel's word that nobody is; and whoever
//! does get away is ended by the pen, so that a failure cannot leak into the next test. The second witness is
//! a [`crate::harness::Lifeline`] that every process of the tree holds open. No test looks for names.

use std::path::Path;

use crate::harness::{Cmd, Test};

/// Both ways to hold a tree.
pub const CONTAINMENTS: [&str; 2] = ["auto", "subreaper"];

/// The pen: runs $1… and mirrors how it ended (128+n for a signal); 99 and a line on stderr when a process is
/// left behind.
const PEN: &str = r"
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
def stop(number, frame):
    os.kill(pid, number)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
while True:
    ended, status = os.waitpid(-1, 0)
    if ended == pid:
        break
left = []
try:
    while True:
        ended, _ = os.waitpid(-1, os.WNOHANG)
        if ended == 0:
            if not left:
                left.append('someone is alive')
            with open('/proc/self/task/%d/children' % os.getpid()) as file:
                found = [int(word) for word in file.read().split()]
            for child in found:
                try:
                    with open('/proc/%d/cmdline' % child) as file:
                        left.append('%d %s' % (child, file.read().replace('\0', ' ')[:80]))
                    os.kill(child, 9)
                except OSError:
                    pass
            os.waitpid(-1, 0)
except ChildProcessError:
    pass
if left:
    sys.stderr.write('left behind: %s\n' % left[:5])
    os._exit(99)
os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
";

/// Runs `program ARGS` in a pen.
pub fn penned<'t>(t: &'t Test, program: &str, args: &[&str]) -> Cmd<'t> {
    let mut all = vec!["-S", "-E", "-c", PEN, program];
    all.extend(args);
    t.program("python3", all)
}

/// `heeler run ARGS` in a pen, with its report in the file `report`.
pub fn penned_run<'t>(t: &'t Test, args: &[&str]) -> Cmd<'t> {
    let mut all = vec!["run", "--report", "report"];
    all.extend(args);
    penned(t, env!("CARGO_BIN_EXE_heeler"), &all)
}

/// The report of [`penned_run`].
pub fn report(t: &Test) -> serde_json::Value {
    serde_json::from_str(&t.read("report")).expect("a report")
}

/// Whether we are root; what needs it is left out without, which the test says.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether namespaces may be made here.
pub fn can_unshare(t: &Test, what: &[&str]) -> bool {
    let can = is_root()
        && t.program("unshare", what.iter().chain(&["true"]))
            .any_out()
            .any_err()
            .any_status()
            .start()
            .finish()
            .status
            .success();
    if !can {
        eprintln!("left out: unshare {what:?} is not allowed here");
    }
    can
}

/// The cgroup v2 directory of this process, by the kernel's own word; nothing where none is mounted.
pub fn own_cgroup() -> Option<std::path::PathBuf> {
    heeler::sys::cgroup::own_cgroup()
}

/// Whether a leaf can be made here.
pub fn has_cgroup() -> bool {
    heeler::sys::probe::cgroup_leaf().is_ok()
}

/// The leaves of `run` that are there.
pub fn leaves_of(run: &str) -> Vec<std::path::PathBuf> {
    let prefix = format!("heeler-{run}-");
    let dir = own_cgroup().unwrap_or_else(|| Path::new("/nonexistent").to_owned());
    let found = std::fs::read_dir(dir).into_iter().flatten().flatten();
    found
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)))
        .map(|entry| entry.path())
        .collect()
}
