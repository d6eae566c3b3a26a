//! Runs that a shell has in the background of its terminal: they leave that alone, stop when their command wants it, and
//! have it with `fg`.

use rustix::termios::LocalModes;

use crate::harness::{Signal, Test, is_dead, proc_state, wait_gone, wait_until, whole};
use crate::jobs::{Shell, report, signal, stat};

/// Says who it is, waits until it is told to go on, and has a line of the terminal's.
const READS: &str = "echo $$ >who; read go <go; read line; echo \"$line\" >got";

/// The same, and first it sets the terminal's modes.
const SETS: &str = "echo $$ >who; read go <go; stty sane; read line; echo \"$line\" >got";

struct Job<'t> {
    t: &'t Test,
    shell: Shell<'t>,
    command: i32,
    heeler: i32,
}

impl<'t> Job<'t> {
    fn start(t: &'t Test, shell: &str, line: &str) -> Option<Job<'t>> {
        t.fifo("go");
        t.write("reads", READS);
        t.write("sets", SETS);
        let shell = Shell::of(t, shell)?;
        shell.line(line);
        let command: i32 = t.wait_file("who", whole).trim().parse().unwrap();
        Some(Job { t, shell, command, heeler: stat(command, 1) })
    }

    /// The command goes on to where it reads.
    fn go(&self) {
        std::fs::write(self.t.path("go"), "\n").unwrap();
    }

    fn is_stopped(&self, shown: &str) {
        wait_until("heeler is stopped", || proc_state(self.heeler) == Some('T'));
        assert_eq!(self.shell.foreground(), self.shell.pid);
        // A shell may look at its jobs before the kernel tells it.
        wait_until(shown, || {
            self.shell.line("jobs -l >jobs; echo >listed");
            self.t.wait_file("listed", whole);
            std::fs::remove_file(self.t.path("listed")).unwrap();
            self.t.read("jobs").contains(shown)
        });
    }

    fn reads(&self) {
        wait_until("the command has the terminal", || self.shell.foreground() == self.command);
        self.gets("word");
    }

    fn gets(&self, line: &str) {
        self.shell.line(line);
        assert_eq!(self.t.wait_file("got", whole), format!("{line}\n"));
        self.shell.has_terminal();
        assert!(!is_dead(self.shell.pid));
        wait_gone(self.heeler);
    }
}

/// Ctrl-Z, `bg`: a command that reads then stops, and heeler with it; it takes nothing from the shell.
#[test]
fn who_is_continued_behind_a_shell_leaves_it_the_terminal() {
    for shell in ["bash", "dash"] {
        let t = Test::new();
        let Some(job) = Job::start(&t, shell, "heeler run -- sh reads") else { return };
        job.shell.tmux.keys(&["C-z"]);
        job.shell.has_terminal();
        wait_until("heeler is stopped", || proc_state(job.heeler) == Some('T'));
        job.shell.line("bg; echo >told");
        t.wait_file("told", whole);
        wait_until("it goes on", || proc_state(job.command) == Some('S'));
        job.go();
        job.is_stopped("Stopped (tty input)");
        job.shell.line("bg; echo >again");
        t.wait_file("again", whole);
        job.is_stopped("Stopped (tty input)");
        job.shell.line("fg");
        job.reads();
    }
}

/// `&`: the same, and `fg` gives the command the terminal; also before it wants it, and what sets its modes.
#[test]
fn who_was_started_behind_a_shell_gets_the_terminal_with_fg() {
    for (shell, reader, shown) in [
        ("bash", "reads", "Stopped (tty input)"),
        ("dash", "reads", "Stopped (tty input)"),
        ("bash", "sets", "Stopped (tty output)"),
    ] {
        for early in [false, true] {
            let t = Test::new();
            let line = format!("heeler run -- sh {reader} &");
            let Some(job) = Job::start(&t, shell, &line) else { return };
            if early {
                job.shell.line("fg");
                wait_until("heeler is in front", || job.shell.foreground() == job.heeler);
                job.go();
            } else {
                job.go();
                job.is_stopped(shown);
                job.shell.line("fg");
            }
            job.reads();
        }
    }
}

/// A pipeline and a script stop as a whole, and have the terminal as a whole.
#[test]
fn a_pipeline_behind_a_shell_stops_as_one() {
    for line in ["heeler run -- sh reads | cat &", "sh -c 'heeler run -- sh reads; true' &"] {
        let t = Test::new();
        let Some(job) = Job::start(&t, "bash", line) else { return };
        job.go();
        job.is_stopped("Stopped");
        job.shell.line("fg");
        job.reads();
    }
}

/// What is typed to the shell is neither the command's nor the end of its input; after `fg` it is.
#[test]
fn keys_are_not_read_behind_a_shell() {
    for mode in ["--pty", "--pipe --on never --line x"] {
        let t = Test::new();
        let line = format!("heeler run {mode} -- sh reads &");
        let Some(job) = Job::start(&t, "bash", &line) else { return };
        for n in 0..20 {
            job.shell.line(&format!("echo >typed{n}"));
            t.wait_file(&format!("typed{n}"), whole);
        }
        let modes = job.shell.modes();
        job.go();
        job.shell.line("fg");
        wait_until("heeler is in front", || job.shell.foreground() == job.heeler);
        job.gets("word");
        wait_until("the modes are the shell's", || job.shell.modes() == modes);
    }
}

/// From the first line on the terminal is raw, as it is for a run that began in front.
#[test]
fn keys_are_the_commands_after_fg() {
    let t = Test::new();
    t.write("keys", "read line; stty raw -echo; echo >ready; dd bs=1 count=1 of=got 2>/dev/null");
    let keys = "sh -c 'echo $$ >who; . ./keys'";
    let Some(job) = Job::start(&t, "bash", &format!("heeler run --pty -- {keys} &")) else {
        return;
    };
    job.shell.line("fg");
    wait_until("heeler is in front", || job.shell.foreground() == job.heeler);
    job.shell.line("word");
    t.wait_file("ready", whole);
    wait_until("it is raw", || !job.shell.attributes().local_modes.contains(LocalModes::ICANON));
    job.shell.tmux.keys(&["C-c"]);
    assert_eq!(t.wait_file("got", |got| !got.is_empty()), "\x03");
    job.shell.has_terminal();
}

/// A stopped run ends when it is told to, and its limits hold where nobody would continue it.
#[test]
fn who_is_stopped_behind_a_shell_ends() {
    let t = Test::new();
    let line = "heeler run --inherit --report report -- sh reads &";
    let Some(job) = Job::start(&t, "bash", line) else { return };
    job.go();
    job.is_stopped("Stopped (tty input)");
    job.shell.line("kill %1");
    let ended = report(&t);
    assert_eq!(ended["outcome"], "cancelled", "{ended}");
    std::fs::remove_file(t.path("report")).unwrap();
    let reads = "--timeout 300ms --report report -- head -1 </dev/tty";
    job.shell.line(&format!("(heeler run --inherit {reads} &)"));
    let ended = report(&t);
    assert_eq!(ended["outcome"], "timeout", "{ended}");
    assert_eq!(job.shell.foreground(), job.shell.pid);
}

/// Who stops heeler alone takes the terminal from it; `fg` brings it back to the command.
#[test]
fn a_stop_from_elsewhere_loses_nothing() {
    let t = Test::new();
    let Some(job) = Job::start(&t, "bash", "heeler run -- sh reads") else { return };
    signal(job.heeler, Signal::STOP);
    job.shell.has_terminal();
    job.go();
    job.is_stopped("Stopped");
    job.shell.line("fg");
    job.reads();
}
