//! The harness of the behaviour tests.
//!
//! ```ignore
//! let t = Test::new();                                 // its own directory (the cwd), HOME and database
//! t.run(["--pipe", "--", "sh", "-c", "echo hi; exit 3"])  // `heeler run …`; `t.heeler([…])` for others
//!     .out("hi\n")                                     // stdout, exactly; empty unless said
//!     .exit(3)                                         // 0 unless said; .signaled(15) for a death
//!     .check();                                        // stderr has to be empty unless .err() or .any_err()
//!
//! let done = t.run(["--", "true"]).report().check();   // --report into a file of its own …
//! assert_eq!(done.at("/child/exit_code"), 0);          // … read by JSON pointer
//!
//! let mut run = t.run(["--", "cat"]).input_open().start();  // alive
//! run.wait_out("ready\n");                             // waits for text on stdout; never sleep
//! run.signal(Signal::TERM);
//! run.finish().signaled(15).check();                   // expectations may come at the end
//!
//! let mut run = t.run(["--pty", "--", "sh"]).terminal(80, 24).start();  // heeler on a terminal of its own
//! run.type_in("exit\r");
//!
//! let life = t.lifeline("life");                       // who has it open is alive:
//! t.run(["--", "sh", "-c", "exec 9>life; setsid sleep 100 &"])…
//! life.wait_gone();                                    // … all of them are gone (a fact, not a guess)
//! t.wait_alone();                                      // all that belong to this test are
//! t.wait_file("peak", whole);                          // somebody has written a line into this file
//! t.sh("heeler run -- true | head -1")…                // heeler inside a shell; `heeler` is in PATH
//! ```
//!
//! What it promises: no test hangs (everything waits at most [`PATIENCE`], then fails and says what it saw);
//! no test leaks processes (the test process is a child subreaper; at the end of a test whatever still
//! belongs to its directory is killed, and was a failure unless [`Test::leaves_processes`] said so).

#![expect(dead_code, reason = "a harness offers more than each build of the tests uses")]

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use rustix::fs::FileType;
use rustix::process::Pid;

pub use rustix::process::Signal;

/// How long anything may take before the test fails. Generous: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Nobody may fork while a file is open for writing that is about to be executed (ETXTBSY), so writing a
/// script and starting a process exclude each other.
static FORK: Mutex<()> = Mutex::new(());

/// One test: a directory, a database, an environment.
pub struct Test {
    root: tempfile::TempDir,
    leaves: std::cell::Cell<bool>,
}

impl Test {
    /// A fresh directory with nothing in it but `.home`.
    pub fn new() -> Test {
        static SUBREAPER: Once = Once::new();
        SUBREAPER.call_once(|| {
            rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
        });
        let root = tempfile::Builder::new().prefix("heeler-test-").tempdir().unwrap();
        std::fs::create_dir(root.path().join(".home")).unwrap();
        Test { root, leaves: std::cell::Cell::new(false) }
    }

    /// The test's directory, which is also the working directory.
    pub fn dir(&self) -> &Path {
        self.root.path()
    }

    /// A path in the test's directory.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir().join(name)
    }

    /// Its database (`HEELER_DB`).
    pub fn db(&self) -> PathBuf {
        self.path(".db/heeler.db")
    }

    /// `heeler run ARGS`.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd<'_> {
        let mut all = vec![OsString::from("run")];
        all.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self.heeler(all)
    }

    /// `heeler ARGS`.
    pub fn heeler<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd<'_> {
        self.program(env!("CARGO_BIN_EXE_heeler"), args)
    }

    /// `sh -c SCRIPT`, in which `heeler` is the binary under test; ARGS are $1 and on.
    pub fn sh(&self, script: &str) -> Cmd<'_> {
        self.program("sh", ["-c", script, "sh"])
    }

    /// Any program, in the test's directory and environment.
    pub fn program<S: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Cmd<'_> {
        Cmd {
            test: self,
            program: program.into(),
            args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
            env: self.environment(),
            cwd: self.dir().to_owned(),
            input: Input::Null,
            stdout: None,
            stderr: None,
            terminal: None,
            report: None,
            expected: Expected::default(),
        }
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).unwrap();
        }
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Writes an executable file; gives its path.
    pub fn script(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let _no_fork = FORK.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let path = self.write(name, content);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Reads a file as text.
    pub fn read(&self, name: &str) -> String {
        String::from_utf8(self.read_bytes(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Reads a file.
    pub fn read_bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}\n{}", self.listing()))
    }

    /// Makes a FIFO.
    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, mode, 0).unwrap();
        path
    }

    /// A FIFO that tells whether anyone of those who opened it for writing is still alive, and what they
    /// wrote (ready lines of processes whose stdout goes elsewhere).
    pub fn lifeline(&self, name: &str) -> Lifeline {
        Lifeline::new(self.fifo(name))
    }

    /// This test may end with living processes of its own; they are killed without a complaint.
    pub fn leaves_processes(&self) {
        self.leaves.set(true);
    }

    /// The living processes that belong to this test: by their environment or their directory.
    pub fn processes(&self) -> Vec<i32> {
        let dir = self.dir().as_os_str().as_encoded_bytes();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            let here = cwd.starts_with(self.dir());
            if (here || find(&environ, dir).is_some()) && !is_dead(pid) {
                found.push(pid);
            }
        }
        found
    }

    /// The files of this test and their sizes.
    pub fn listing(&self) -> String {
        listing(self.dir())
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let heeler = Path::new(env!("CARGO_BIN_EXE_heeler"));
        let mut path = vec![heeler.parent().unwrap().to_owned()];
        // The system's own directories first: version managers put slow wrappers before them.
        path.extend(["/usr/bin", "/bin"].map(PathBuf::from));
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let mut env: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), std::env::join_paths(path).unwrap()),
            ("HOME".into(), self.path(".home").into()),
            ("TMPDIR".into(), self.dir().into()),
            ("HEELER_DB".into(), self.db().into()),
            ("LC_ALL".into(), "C.UTF-8".into()),
        ];
        // Coverage builds write their profile where they are told.
        if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
            env.push(("LLVM_PROFILE_FILE".into(), profile));
        }
        env
    }
}

impl Drop for Test {
    fn drop(&mut self) {
        let mut left = Vec::new();
        // Whoever forks while we look is found by the next look.
        for _ in 0..100 {
            let now = self.processes();
            if now.is_empty() {
                break;
            }
            for pid in now {
                if !left.iter().any(|(known, _)| *known == pid) {
                    left.push((pid, command_line(pid)));
                }
                if let Some(pid) = Pid::from_raw(pid) {
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                }
                wait_gone(pid);
            }
        }
        let fine = left.is_empty() || self.leaves.get() || std::thread::panicking();
        assert!(fine, "processes were left behind: {left:#?}");
    }
}

enum Input {
    Null,
    Bytes(Vec<u8>),
    Open,
    From(Stdio),
}

#[derive(Default)]
struct Expected {
    out: Vec<u8>,
    any_out: bool,
    err: Vec<u8>,
    any_err: bool,
    err_parts: Vec<String>,
    code: i32,
    signal: Option<i32>,
    any_status: bool,
}

/// A command about to be run, and what is expected of it.
pub struct Cmd<'t> {
    test: &'t Test,
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: PathBuf,
    input: Input,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
    terminal: Option<(u16, u16)>,
    report: Option<PathBuf>,
    expected: Expected,
}

/// Expectations, the same before the start and after the end.
macro_rules! expectations {
    () => {
        /// stdout is exactly this (default: empty).
        pub fn out(mut self, bytes: impl AsRef<[u8]>) -> Self {
            self.expected.out = bytes.as_ref().to_vec();
            self.expected.any_out = false;
            self
        }

        /// stdout may be anything.
        pub fn any_out(mut self) -> Self {
            self.expected.any_out = true;
            self
        }

        /// stderr is exactly this (default: empty).
        pub fn err(mut self, bytes: impl AsRef<[u8]>) -> Self {
            self.expected.err = bytes.as_ref().to_vec();
            self.expected.any_err = false;
            self
        }

        /// stderr may be anything.
        pub fn any_err(mut self) -> Self {
            self.expected.any_err = true;
            self
        }

        /// stderr contains this; may be said several times.
        pub fn err_has(mut self, part: impl Into<String>) -> Self {
            self.expected.any_err = true;
            self.expected.err_parts.push(part.into());
            self
        }

        /// The exit code (default: 0).
        pub fn exit(mut self, code: i32) -> Self {
            self.expected.code = code;
            self.expected.signal = None;
            self
        }

        /// It dies of this signal.
        pub fn signaled(mut self, signal: i32) -> Self {
            self.expected.signal = Some(signal);
            self
        }

        /// It may end as it likes.
        pub fn any_status(mut self) -> Self {
            self.expected.any_status = true;
            self
        }
    };
}

mod done;
mod file;
mod lifeline;
mod process;
mod terminal;
mod text;

pub use done::Done;
pub use file::{Watch, whole};
pub use lifeline::Lifeline;
pub use process::{
    command_line, gone_within, is_dead, proc_state, proc_status, wait_gone, wait_until,
};
pub use terminal::open_terminal;
use terminal::window;
use text::{Collector, listing, show};
pub use text::{count, find, lines};

impl Cmd<'_> {
    expectations!();

    /// One more argument at the end.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Sets a variable.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self = self.env_remove(key.as_ref());
        self.env.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Removes a variable.
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(known, _)| known != key.as_ref());
        self
    }

    /// Starts it elsewhere.
    pub fn cwd(mut self, dir: impl Into<PathBuf>) -> Self {
        self.cwd = dir.into();
        self
    }

    /// Its stdin is a pipe with these bytes (default: the null device).
    pub fn input(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.input = Input::Bytes(bytes.as_ref().to_vec());
        self
    }

    /// Its stdin is a pipe that stays open, for [`Running::type_in`].
    pub fn input_open(mut self) -> Self {
        self.input = Input::Open;
        self
    }

    /// Its stdin is this.
    pub fn input_from(mut self, from: impl Into<Stdio>) -> Self {
        self.input = Input::From(from.into());
        self
    }

    /// Its stdout is this, and not looked at.
    pub fn stdout_to(mut self, to: impl Into<Stdio>) -> Self {
        self.stdout = Some(to.into());
        self
    }

    /// Its stderr is this, and not looked at.
    pub fn stderr_to(mut self, to: impl Into<Stdio>) -> Self {
        self.stderr = Some(to.into());
        self
    }

    /// It has a controlling terminal of its own as stdin, stdout and stderr, in whose foreground it is; all
    /// output then counts as stdout, with CR LF.
    pub fn terminal(mut self, columns: u16, rows: u16) -> Self {
        self.terminal = Some((columns, rows));
        self
    }

    /// Asks for a report (`run --report FILE`); [`Done::at`] reads it.
    pub fn report(mut self) -> Self {
        let path = self.test.path(format!(".report-{}.json", unique()));
        assert_eq!(self.args.first().map(OsString::as_os_str), Some(OsStr::new("run")));
        self.args.splice(1..1, [OsString::from("--report"), path.clone().into()]);
        self.report = Some(path);
        self
    }

    /// Runs it to its end and compares everything with what was expected.
    pub fn check(self) -> Done {
        self.finish().check()
    }

    /// Runs it to its end.
    pub fn finish(self) -> Done {
        self.start().finish()
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        let mut command = Command::new(&self.program);
        let mut master = None;
        if let Some(size) = self.terminal {
            let (ours, theirs) = open_terminal(size);
            // setsid(1) makes stdin the controlling terminal and becomes the program: the pid stays.
            command = Command::new("setsid");
            command.arg("--ctty").arg(&self.program);
            self.input = Input::From(theirs.try_clone().unwrap().into());
            self.stdout = Some(theirs.try_clone().unwrap().into());
            self.stderr = Some(theirs.into());
            master = Some(ours);
        }
        command.args(&self.args).env_clear().envs(self.env.iter().cloned()).current_dir(&self.cwd);
        let bytes = match std::mem::replace(&mut self.input, Input::Null) {
            Input::Null => {
                command.stdin(Stdio::null());
                None
            }
            Input::Bytes(bytes) => {
                command.stdin(Stdio::piped());
                Some(bytes)
            }
            Input::Open => {
                command.stdin(Stdio::piped());
                None
            }
            Input::From(from) => {
                command.stdin(from);
                None
            }
        };
        command.stdout(self.stdout.take().unwrap_or_else(Stdio::piped));
        command.stderr(self.stderr.take().unwrap_or_else(Stdio::piped));
        let started = Instant::now();
        let mut child = {
            let _no_fork = FORK.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            command.spawn().unwrap_or_else(|e| panic!("{}: {e}", self.program.display()))
        };
        // The terminal's slave lives on only in the child.
        drop(command);
        let mut stdin = child.stdin.take().map(|stdin| File::from(OwnedFd::from(stdin)));
        let has_bytes = bytes.is_some();
        if let (Some(bytes), Some(mut pipe)) = (bytes, stdin.take_if(|_| has_bytes)) {
            // Whoever does not read its input is allowed to.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        let out = Collector::default();
        let err = Collector::default();
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(out.read(File::from(OwnedFd::from(stdout))));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(err.read(File::from(OwnedFd::from(stderr))));
        }
        if let Some(master) = master {
            readers.push(out.read(master.try_clone().unwrap()));
            stdin = Some(master);
        }
        Running {
            what: self.describe(),
            dir: self.test.dir().to_owned(),
            pid: child.id().cast_signed(),
            child: Some(child),
            stdin,
            out,
            err,
            readers,
            on_terminal: self.terminal.is_some(),
            report: self.report.take(),
            expected: std::mem::take(&mut self.expected),
            started,
        }
    }

    fn describe(&self) -> String {
        let mut text = self.program.display().to_string();
        for arg in &self.args {
            let arg = arg.display().to_string();
            let _ = write!(
                text,
                " {}",
                if arg.contains([' ', '\n']) { format!("{arg:?}") } else { arg }
            );
        }
        format!("command: {text}\ncwd:     {}", self.cwd.display())
    }
}

/// A process that runs.
pub struct Running {
    what: String,
    dir: PathBuf,
    pid: i32,
    child: Option<Child>,
    stdin: Option<File>,
    out: Collector,
    err: Collector,
    readers: Vec<Collector>,
    on_terminal: bool,
    report: Option<PathBuf>,
    expected: Expected,
    started: Instant,
}

impl Running {
    expectations!();

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits until it is stopped, which the kernel tells its parent: us.
    #[track_caller]
    pub fn wait_stopped(&self) {
        process::wait_stopped(self.pid);
    }

    /// Waits until stdout contains `text`; gives everything up to its end.
    pub fn wait_out(&self, text: &str) -> String {
        self.wait_for(&self.out, "stdout", text)
    }

    /// Waits until what stdout has brought is right.
    pub fn wait_out_that(&self, what: &str, right: impl Fn(&[u8]) -> bool) {
        let found = self.out.wait(|bytes| right(bytes).then_some(()));
        found.unwrap_or_else(|why| self.fail(&format!("in vain on stdout: {what}: {why}")));
    }

    /// Waits until stderr contains `text`; gives everything up to its end.
    pub fn wait_err(&self, text: &str) -> String {
        self.wait_for(&self.err, "stderr", text)
    }

    /// What stdout has brought so far.
    pub fn out_so_far(&self) -> Vec<u8> {
        self.out.bytes()
    }

    /// What stderr has brought so far.
    pub fn err_so_far(&self) -> Vec<u8> {
        self.err.bytes()
    }

    /// Writes to its stdin (with `input_open`) or types on its terminal.
    pub fn type_in(&mut self, bytes: impl AsRef<[u8]>) {
        let result = self.stdin.as_mut().expect("no open input").write_all(bytes.as_ref());
        if let Err(error) = result {
            self.fail(&format!("could not type: {error}"));
        }
    }

    /// Closes its stdin.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Changes the size of its terminal, with SIGWINCH to its foreground.
    pub fn resize(&self, columns: u16, rows: u16) {
        let master = self.stdin.as_ref().expect("no terminal");
        rustix::termios::tcsetwinsize(master, window(columns, rows)).unwrap();
    }

    /// The modes of its terminal, now.
    pub fn modes(&self) -> rustix::termios::Termios {
        rustix::termios::tcgetattr(self.stdin.as_ref().expect("no terminal")).unwrap()
    }

    /// Sends a signal to it (not to what it started).
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        is_dead(self.pid())
    }

    /// Whether it ends before `patience` is over; waits no longer than that.
    pub fn ends_within(&self, patience: Duration) -> bool {
        gone_within(self.pid(), patience)
    }

    /// Waits for its end and for the end of its output.
    pub fn finish(mut self) -> Done {
        let pid = self.pid;
        // Nobody types any more; a terminal is still read through its reader's own descriptor.
        let master = self.stdin.take().filter(|_| self.on_terminal);
        if !gone_within(pid, PATIENCE) {
            self.fail("it did not end in time");
        }
        let took = self.started.elapsed();
        let status = self.child.take().unwrap().wait().unwrap();
        let until = Instant::now() + PATIENCE;
        if !self.readers.iter().all(|reader| reader.ends_by(until)) {
            self.fail("it ended, but someone holds its output open");
        }
        Done {
            what: std::mem::take(&mut self.what),
            dir: self.dir.clone(),
            status,
            out: self.out.bytes(),
            err: self.err.bytes(),
            report: self.report.as_ref().map(|path| std::fs::read(path).unwrap_or_default()),
            modes: master.and_then(|master| rustix::termios::tcgetattr(&master).ok()),
            took,
            expected: std::mem::take(&mut self.expected),
        }
    }

    /// [`Running::finish`], then [`Done::check`].
    pub fn check(self) -> Done {
        self.finish().check()
    }

    fn wait_for(&self, collector: &Collector, name: &str, text: &str) -> String {
        let found = collector.wait(|bytes| {
            let end = find(bytes, text.as_bytes())? + text.len();
            Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
        });
        found.unwrap_or_else(|why| self.fail(&format!("{text:?} did not come on {name}: {why}")))
    }

    #[track_caller]
    fn fail(&self, why: &str) -> ! {
        panic!(
            "{why}\n{}\npid:     {} {:?}\n{}{}files:\n{}",
            self.what,
            self.pid(),
            proc_state(self.pid()),
            show("stdout", &self.out.bytes()),
            show("stderr", &self.err.bytes()),
            listing(&self.dir)
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn unique() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
