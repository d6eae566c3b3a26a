//! Job control, in a real shell in a real terminal (tmux): who has the terminal, and what Ctrl-Z, `fg`, `bg` and
//! Ctrl-C bring to the command.

use crate::attach::{detached, end};
use crate::harness::{Lifeline, Signal, Test, proc_state, wait_gone, wait_until, whole};
use crate::tmux::Tmux;

/// Says on the lifeline $1 who it is, and counts the CONT and INT that it gets; ends at the second INT.
const COUNTER: &str = r"
import os, signal, sys
life = os.open(sys.argv[1], os.O_WRONLY)
counts = {'cont': 0, 'int': 0}
def counted(name):
    def note(number, frame):
        counts[name] += 1
        os.write(life, b'%s %d.\n' % (name.encode(), counts[name]))
        if counts['int'] == 2:
            sys.exit(0)
    return note
signal.signal(signal.SIGCONT, counted('cont'))
signal.signal(signal.SIGINT, counted('int'))
os.write(life, b'who %d %d.\n' % (os.getpid(), os.getppid()))
while True:
    signal.pause()
";

/// An interactive shell in a terminal.
pub struct Shell<'t> {
    pub tmux: Tmux<'t>,
    pub pid: i32,
}

impl<'t> Shell<'t> {
    fn start(t: &'t Test) -> Option<Shell<'t>> {
        let tmux = Tmux::start(t, 80, 24)?;
        let shell = Shell { pid: tmux.shell, tmux };
        shell.has_terminal();
        Some(shell)
    }

    /// One of this kind.
    pub fn of(t: &'t Test, shell: &str) -> Option<Shell<'t>> {
        let it = Shell::start(t)?;
        if shell != "bash" {
            it.line(&format!("exec {shell} -i"));
            // What is typed before would be lost with the first one's line editor.
            let comm = format!("/proc/{}/comm", it.pid);
            wait_until(shell, || std::fs::read_to_string(&comm).unwrap().trim() == shell);
        }
        Some(it)
    }

    pub fn line(&self, line: &str) {
        self.tmux.line(line);
    }

    /// The group that has the foreground of the terminal.
    pub fn foreground(&self) -> i32 {
        stat(self.pid, 5)
    }

    /// The modes of the terminal, as it has them.
    pub fn modes(&self) -> String {
        format!("{:?}", self.attributes())
    }

    pub fn attributes(&self) -> rustix::termios::Termios {
        let terminal = std::fs::File::open(format!("/proc/{}/fd/0", self.pid)).unwrap();
        rustix::termios::tcgetattr(terminal).unwrap()
    }

    pub fn has_terminal(&self) {
        wait_until("the shell has the terminal", || self.foreground() == self.pid);
    }
}

/// A field of /proc/PID/stat, counted from the state on.
pub fn stat(pid: i32, field: usize) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').nth(field).unwrap().parse().unwrap()
}

/// A shell in which heeler runs the counter.
struct Counting<'t> {
    t: &'t Test,
    shell: Shell<'t>,
    life: Lifeline,
    command: i32,
    heeler: i32,
}

impl<'t> Counting<'t> {
    /// Types this, with heeler and the counter in place of `RUN`.
    fn start(t: &'t Test, typed: &str, mode: &str) -> Option<Counting<'t>> {
        let mut life = t.lifeline("life");
        t.write("counter", COUNTER);
        let shell = Shell::start(t)?;
        shell.line("COUNTER=$(cat counter)");
        let run = format!(
            "heeler run {mode} --report report --timeout 60s -- python3 -S -E -c \"$COUNTER\" life"
        );
        shell.line(&typed.replace("RUN", &run));
        let said = life.wait(".\n");
        let mut who = said.trim_end_matches(".\n").split(' ').skip(1).map(|n| n.parse().unwrap());
        let (command, heeler) = (who.next().unwrap(), who.next().unwrap());
        Some(Counting { t, shell, life, command, heeler })
    }

    fn both_stopped(&self) {
        wait_until("both are stopped", || {
            [self.heeler, self.command].iter().all(|pid| proc_state(*pid) == Some('T'))
        });
    }

    /// Stopped by `stop` and continued by `fg`, so often; two Ctrl-C end it. Gives what the counter said.
    fn cycles(&mut self, count: usize, stop: impl Fn(&Counting)) -> String {
        // The command has our terminal, or one of its own.
        let here = stat(self.command, 4) == stat(self.shell.pid, 4);
        let owner = stat(if here { self.command } else { self.heeler }, 2);
        let has_terminal =
            |shell: &Shell| wait_until("it has the terminal", || shell.foreground() == owner);
        for cycle in 1..=count {
            has_terminal(&self.shell);
            stop(self);
            self.shell.has_terminal();
            self.both_stopped();
            self.shell.line("fg; echo $? > code");
            self.life.wait(&format!("cont {cycle}.\n"));
        }
        has_terminal(&self.shell);
        for count in 1..=2 {
            self.shell.tmux.keys(&["C-c"]);
            self.life.wait(&format!("int {count}.\n"));
        }
        let said = self.life.wait_gone();
        self.shell.has_terminal();
        self.t.wait_file("code", |code| code == "0\n");
        let report = report(self.t);
        assert_eq!(report["outcome"], "exited", "{report}");
        assert!(report["active_ms"].as_u64() < report["duration_ms"].as_u64(), "{report}");
        said
    }
}

/// The report, when it is there.
pub fn report(t: &Test) -> serde_json::Value {
    serde_json::from_str(&t.wait_file("report", whole)).unwrap()
}

/// supervisors 65, 66; traps 46, 48, 49, 53: two hundred times stopped and continued, and nothing got lost or
/// came twice.
#[test]
fn two_hundred_times_ctrl_z_and_fg() {
    for mode in ["--inherit", "--pty"] {
        let t = Test::new();
        let Some(mut counting) = Counting::start(&t, "RUN", mode) else { return };
        let said = counting.cycles(200, |it| {
            if mode == "--inherit" {
                it.shell.tmux.keys(&["C-z"]);
            } else {
                // In a terminal of its own Ctrl-Z is the command's affair, so it comes from elsewhere.
                signal(it.heeler, Signal::TSTP);
            }
        });
        assert!(!said.contains("cont 201"), "{mode}: one each");
    }
}

/// supervisors 64; traps 46: in the background the terminal is not ours to lend.
#[test]
fn in_the_background_the_terminal_stays_the_shells() {
    let t = Test::new();
    let Some(Counting { shell, mut life, .. }) = Counting::start(&t, "RUN &", "--inherit") else {
        return;
    };
    assert_eq!(shell.foreground(), shell.pid);
    shell.line("kill -INT %1; echo $? > told");
    t.wait_file("told", whole);
    shell.line("kill %1; kill -CONT %1");
    life.wait_gone();
    assert_eq!(shell.foreground(), shell.pid);
}

pub fn signal(pid: i32, signal: Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Asks on the terminal, whatever its stdin is, and says what it got in the file $1.
const ASKS: &str = r#"printf 'word? ' >/dev/tty; read -r word </dev/tty; echo "$word" >"$1""#;

/// Who opens the terminal by itself has it, whatever its stdin is, in every place of a pipeline: the command, and who
/// is beside heeler.
#[test]
fn a_pipeline_has_the_terminal_as_without_us() {
    let t = Test::new();
    t.fifo("asked");
    let Some(shell) = Shell::start(&t) else { return };
    // Asks while its neighbour lives, and ends it.
    let beside = "sh -c 'sh asks got; echo >asked'";
    let held = "sh -c 'echo; read -r x <asked'";
    for (n, line) in [
        "heeler run -- sh asks got </dev/null".to_owned(),
        "heeler run --pipe -- sh asks got </dev/null".to_owned(),
        "heeler run --retries 1 --timeout 60s -- sh asks got".to_owned(),
        "echo | heeler run -- sh asks got".to_owned(),
        "echo | heeler run --inherit -- sh -c 'sh asks got; true' | cat".to_owned(),
        "heeler run -- sh asks got | cat".to_owned(),
        format!("heeler run -- {held} | {beside}"),
        format!("{beside} | heeler run -- {held}"),
        format!("heeler run -- {held} | heeler run -- {beside}"),
        "sh -c 'heeler run -- sh asks got; true'".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        // Each question is another: what is typed before it is asked would be the shell's.
        let question = format!("word{n}?");
        t.write("asks", ASKS.replace("word?", &question));
        shell.line(&format!("clear; {line}; echo done >over"));
        shell
            .tmux
            .wait_that("it asks", |screen| screen.lines().any(|line| line.trim_end() == question));
        shell.line(&format!("word{n}"));
        t.wait_file("over", whole);
        assert_eq!(t.read("got"), format!("word{n}\n"), "{line}");
        shell.has_terminal();
        for file in ["over", "got"] {
            std::fs::remove_file(t.path(file)).unwrap();
        }
    }
}

/// A command in our own group is stopped, continued and interrupted by its terminal, once each; we are no second one
/// who does that.
#[test]
fn a_pipeline_gets_each_key_once() {
    let t = Test::new();
    let Some(mut counting) = Counting::start(&t, "echo | RUN", "--inherit") else { return };
    let said = counting.cycles(20, |it| it.shell.tmux.keys(&["C-z"]));
    assert!(!said.contains("cont 21") && !said.contains("int 3"), "one each: {said}");
}

/// Who stops heeler alone stops the command that is in its group, too, and whoever continues heeler that.
#[test]
fn a_stop_of_heeler_stops_what_is_in_its_group() {
    let t = Test::new();
    let Some(mut it) = Counting::start(&t, "echo | RUN", "--inherit") else { return };
    signal(it.heeler, Signal::TSTP);
    it.both_stopped();
    signal(it.heeler, Signal::CONT);
    it.life.wait("cont 1.\n");
    // From somebody else it is a request, as ever.
    signal(it.heeler, Signal::INT);
    it.life.wait("int 1.\n");
    signal(it.heeler, Signal::INT);
    it.life.wait_gone();
    it.shell.has_terminal();
    let report = report(&t);
    assert_eq!(report["outcome"], "cancelled", "{report}");
    assert_eq!(report["stop"]["interrupts"], 2, "{report}");
}

/// Ctrl-C that a command dies of cancels its run: nothing is tried again, and the shell's loop ends.
#[test]
fn ctrl_c_ends_the_attempts_too() {
    let t = Test::new();
    let Some(shell) = Shell::start(&t) else { return };
    for (script, outcome) in [
        ("echo $HEELER_ATTEMPT >>tries; exec sleep 1000", "cancelled"),
        ("trap 'exit 7' INT; echo $HEELER_ATTEMPT >>tries; while :; do sleep 0.01; done", "exited"),
    ] {
        shell.line(
            &format!("heeler run --inherit --retries 3 --report report -- sh -c \"{script}\"")
                .replace('$', "\\$"),
        );
        t.wait_file("tries", |tries| tries == "1\n");
        shell.tmux.keys(&["C-c"]);
        let report = report(&t);
        assert_eq!(report["outcome"], outcome, "{report}");
        assert_eq!(report["attempts"].as_array().map_or(1, Vec::len), 1, "{report}");
        assert_eq!(t.read("tries"), "1\n");
        shell.has_terminal();
        for file in ["tries", "report"] {
            std::fs::remove_file(t.path(file)).unwrap();
        }
    }
}

/// Who goes on after Ctrl-C for longer than a stop may take has not failed of it, and is tried again.
#[test]
fn ctrl_c_that_is_survived_ends_no_attempts() {
    let t = Test::new();
    let Some(shell) = Shell::start(&t) else { return };
    let fails = "trap 'echo >keys' INT; echo $HEELER_ATTEMPT >>tries; \
                 until [ -e keys ]; do sleep 0.01; done; sleep 0.5; exit $((2 - HEELER_ATTEMPT))";
    t.write("fails", fails);
    shell.line("heeler run --inherit --retries 3 --retry-delay 0 --stop INT:100ms,KILL --report report -- sh fails");
    t.wait_file("tries", |tries| tries == "1\n");
    shell.tmux.keys(&["C-c"]);
    let report = report(&t);
    assert_eq!(report["outcome"], "exited", "{report}");
    assert_eq!(report["flaky"], true, "{report}");
    assert_eq!(t.read("tries"), "1\n2\n");
}

/// The key is no more the command's once that is being ended, by its cleanup too.
#[test]
fn ctrl_c_ends_a_cleanup() {
    let t = Test::new();
    let Some(shell) = Shell::start(&t) else { return };
    t.write("s.toml", "version = 1\n[[cleanup]]\nline = \"x\"\n[[cleanup]]\nexpect = \"never\"\n");
    t.write("stays", "trap '' INT; read x; echo >begun; while :; do sleep 0.01; done");
    shell.line(
        "heeler run --pipe --timeout 100ms --stop KILL --script s.toml --report report -- sh stays",
    );
    t.wait_file("begun", whole);
    shell.tmux.keys(&["C-c"]);
    let report = report(&t);
    assert_eq!(report["outcome"], "cancelled", "{report}");
}

/// A command that signals its own group, which is ours as well, means itself.
#[test]
fn a_command_that_ends_its_group_does_not_cancel_its_run() {
    let t = Test::new();
    let Some(shell) = Shell::start(&t) else { return };
    shell.line("echo | heeler run --report report -- sh -c 'trap \"\" TERM; kill 0; exit 3'");
    let report = report(&t);
    assert_eq!(report["outcome"], "exited", "{report}");
    assert_eq!(report["exit_code"], 3, "{report}");
}

/// Asks on the terminal.
const QUESTION: &str = r#"
version = 1
[[step]]
ask = { prompt = "Key: ", into = "key", kind = "key" }
"#;

/// Who is stopped, and needs the terminal to go on, does what it is asked for all the same; and when the terminal is
/// the shell's by then, it stays as it is.
#[test]
fn who_is_stopped_takes_what_ends_it() {
    let t = Test::new();
    t.write("s.toml", QUESTION);
    let Some(shell) = Shell::start(&t) else { return };
    detached(&t, "it", &["sh", "-c", "echo ready; read x"]);
    let lines = [
        ("run --pty --report report -- sh -c \"echo rea''dy; read x\"", "ready"),
        ("run --pty --report report --script s.toml -- cat", "Key:"),
        ("attach it", "ready"),
        ("list --watch", "q quit"),
    ];
    for ((line, ready), stop) in
        lines.iter().flat_map(|line| [(line, Signal::TSTP), (line, Signal::STOP)])
    {
        // What it waits for on the screen is not there from before.
        shell.line("clear");
        shell.tmux.wait_without("Stopped");
        shell.line(&format!("heeler {line}; echo $? >code"));
        shell.tmux.wait(ready);
        let heeler = shell.foreground();
        signal(heeler, stop);
        shell.has_terminal();
        shell.tmux.wait_that("a prompt", |screen| {
            screen.split_once("Stopped").is_some_and(|(_, after)| after.contains("sh>"))
        });
        let modes = shell.modes();
        signal(heeler, Signal::TERM);
        signal(heeler, Signal::CONT);
        wait_gone(heeler);
        assert_eq!(shell.modes(), modes, "{line}");
        assert_eq!(shell.foreground(), shell.pid, "{line}");
        shell.line("wait %1; echo $? >code");
        t.wait_file("code", |code| code == "143\n");
        if line.starts_with("run") {
            let report = report(&t);
            assert_eq!(report["outcome"], "cancelled", "{report}");
            assert_eq!(report["containment"]["verified"], true, "{report}");
            std::fs::remove_file(t.path("report")).unwrap();
        }
        std::fs::remove_file(t.path("code")).unwrap();
    }
    end(&t, "it");
    drop(shell);
    t.wait_alone();
}

/// A terminal that is gone is not waited for: who is stopped ends of HUP, and goes on where that is ignored.
#[test]
fn who_is_stopped_survives_its_terminal() {
    let asks = "--script s.toml -- sleep 1000";
    for (line, outcome) in [
        (format!("heeler run --pipe --report report {asks}"), "cancelled"),
        (format!("heeler run --pty --report report {asks}"), "cancelled"),
        (
            format!("(trap '' HUP TERM; exec heeler run --pty --stop KILL --report report {asks})"),
            "dialogue_failed",
        ),
    ] {
        let t = Test::new();
        t.write("s.toml", QUESTION);
        let Some(shell) = Shell::start(&t) else { return };
        shell.line(&line);
        shell.tmux.wait("Key:");
        let heeler = shell.foreground();
        shell.tmux.keys(&["C-z"]);
        shell.has_terminal();
        wait_until("it is stopped", || proc_state(heeler) == Some('T'));
        shell.tmux.tell(&["respawn-pane", "-k", "exec cat"]);
        let report = report(&t);
        assert_eq!(report["outcome"], outcome, "{line}: {report}");
        drop(shell);
        t.wait_alone();
    }
}

/// What a person types is typed on to a command that a rule may type to as well: then we read the terminal.
#[test]
fn a_person_types_beside_a_rule_over_pipes() {
    let t = Test::new();
    let args = ["--pipe", "--on", "never", "--line", "x", "--", "sh", "-c", "read a; echo got $a"];
    let mut run = t.run(args).terminal(80, 24).start();
    run.type_in("word\r");
    run.out("word\r\ngot word\r\n").check();
}

/// Says on the lifeline $1 how often it has had HUP; CONT, which comes with the ladder's, ends it.
const HANGUPS: &str = r"
import os, signal, sys
life = os.open(sys.argv[1], os.O_WRONLY)
count = 0
def hup(number, frame):
    global count
    count += 1
    os.write(life, b'hup %d.\n' % count)
signal.signal(signal.SIGHUP, hup)
signal.signal(signal.SIGCONT, lambda *_: sys.exit(0))
os.write(life, b'up.\n')
while True:
    signal.pause()
";

/// When a session ends the kernel sends HUP to the group that has its terminal, heeler and the command alike: once is
/// enough. Who has left the group has it from heeler.
#[test]
fn a_hangup_of_the_terminal_comes_once() {
    let t = Test::new();
    t.write("hangups", HANGUPS);
    let (mut here, mut apart) = (t.lifeline("here"), t.lifeline("apart"));
    let script = r#"heeler run --pipe --report report -- sh -c '
        setsid python3 -S -E -c "$(cat hangups)" apart & exec python3 -S -E -c "$(cat hangups)" here'; true"#;
    let session = t.sh(script).terminal(80, 24).start();
    here.wait("up.\n");
    apart.wait("up.\n");
    let shell = session.pid();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    let heeler = children.trim().parse().unwrap();
    // So that the one from the kernel has been counted before another comes.
    signal(heeler, Signal::STOP);
    wait_until("it is stopped", || proc_state(heeler) == Some('T'));
    session.signal(Signal::KILL);
    here.wait("hup 1.\n");
    signal(heeler, Signal::CONT);
    for life in [&mut here, &mut apart] {
        assert_eq!(life.wait_gone(), "up.\nhup 1.\n");
    }
    let report = report(&t);
    assert_eq!(report["stop"]["caller_signal"], "SIGHUP", "{report}");
    assert_eq!(report["stop"]["interrupts"], 1, "{report}");
    session.any_out().signaled(9).check();
}
