//! Runs in the background: their start, their clients, their end.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Signal, Test, gone_within, is_dead, proc_status, wait_gone, wait_until};

/// Starts a run with these flags; gives its id.
pub fn detached(t: &Test, flags: &[&str]) -> String {
    let mut args = vec!["run", "-d"];
    args.extend(flags);
    let done = t.heeler(args).any_out().check();
    let out = done.out_text();
    assert_eq!(out.lines().count(), 1, "the id and nothing else: {out:?}");
    out.trim().to_owned()
}

fn listed(t: &Test) -> Vec<Value> {
    let done = t.heeler(["list", "--json", "--all"]).any_out().check();
    serde_json::from_slice(&done.out).unwrap()
}

fn state(t: &Test, run: &str) -> String {
    let runs = listed(t);
    let row =
        runs.iter().find(|row| row["run"] == run).unwrap_or_else(|| panic!("{run}: {runs:?}"));
    row["state"].as_str().unwrap().to_owned()
}

pub fn supervisor(t: &Test, run: &str) -> i32 {
    let runs = listed(t);
    let row = runs.iter().find(|row| row["run"] == run).unwrap();
    row["supervisor_pid"].as_i64().unwrap() as i32
}

fn expect(t: &Test, run: &str, pattern: &str) -> Value {
    let done = t.heeler(["expect", run, "--on", pattern]).any_out().check();
    serde_json::from_slice(&done.out).unwrap()
}

/// Ends a run, and waits until its heeler is gone.
pub fn end(t: &Test, run: &str) {
    let pid = supervisor(t, run);
    t.heeler(["reap", run]).any_out().any_err().check();
    wait_gone(pid);
}

/// The run is over and answered for; its heeler is about to leave.
pub fn all_gone(t: &Test) {
    t.wait_alone();
}

pub fn socket(t: &Test, run: &str) -> PathBuf {
    t.path(format!(".db/heeler.db-runs/{run}.sock"))
}

/// A client of the protocol.
pub struct Client {
    lines: BufReader<UnixStream>,
}

impl Client {
    pub fn raw(t: &Test, run: &str) -> Client {
        Client { lines: BufReader::new(UnixStream::connect(socket(t, run)).unwrap()) }
    }

    pub fn new(t: &Test, run: &str) -> Client {
        let mut client = Client::raw(t, run);
        let hello = client.ask(&json!({ "op": "hello", "protocols": ["heeler.control/1"] }));
        assert_eq!(hello["reply"], "hello");
        assert_eq!(hello["run"], run);
        client
    }

    pub fn stream(&mut self) -> &mut UnixStream {
        self.lines.get_mut()
    }

    pub fn send(&mut self, request: &Value) {
        self.lines.get_mut().write_all(format!("{request}\n").as_bytes()).unwrap();
    }

    pub fn reply(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it hung up");
        serde_json::from_str(&line).unwrap()
    }

    pub fn ask(&mut self, request: &Value) -> Value {
        self.send(request);
        self.reply()
    }

    /// Waits until so many are connected, this one included: nothing tells of others but an answer.
    #[track_caller]
    pub fn wait_clients(&mut self, count: usize) {
        wait_until(&format!("{count} clients"), || {
            self.ask(&json!({ "op": "status" }))["clients"] == count
        });
    }
}

#[test]
fn it_returns_the_id_once_the_command_runs() {
    let t = Test::new();
    // A pipe to a reader that waits for its end: whoever kept it open would hang this.
    let script = "id=$(heeler run -d --name web -- sh -c 'echo up; sleep 1000'); heeler expect $id --on up --print label; echo $id";
    let done = t.sh(script).any_out().check();
    let out = done.out_text();
    let run = out.strip_prefix("up\n").unwrap().trim();
    assert_eq!(run.len(), 12);
    let row = listed(&t)[0].clone();
    assert_eq!((row["run"].as_str(), row["state"].as_str()), (Some(run), Some("running")));
    assert_eq!((row["name"].as_str(), row["mode"].as_str()), (Some("web"), Some("pipe")));
    t.heeler(["signal", "web", "KILL"]).check();
    t.heeler(["wait", "web"]).exit(137).check();
    let done = t.heeler(["inspect", run]).any_out().check();
    let inspected: Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!(inspected["report"]["detached"], true);
    assert_eq!(inspected["report"]["child"]["signal_name"], "SIGKILL");
    all_gone(&t);
}

#[test]
fn a_start_that_fails_is_told_as_it_would_be_without_d() {
    let t = Test::new();
    t.script("plain", "no program");
    std::fs::set_permissions(t.path("plain"), std::fs::Permissions::from_mode(0o644)).unwrap();
    for (args, code, why) in [
        (vec!["run", "-d", "--", "nosuch"], 127, "not found in PATH"),
        (vec!["run", "-d", "--", "./plain"], 126, "not executable"),
        (vec!["run", "-d", "-C", "nosuch", "--", "true"], 125, "--cwd"),
        (vec!["run", "-d", "--inherit", "--", "true"], 125, "(-d)"),
        (vec!["run", "-d", "--track", "off", "--", "true"], 125, "(-d)"),
        (vec!["run", "-d", "--report", "-", "--", "true"], 125, "(-d)"),
        (vec!["run", "-d", "--expect", "/(/", "--", "true"], 125, "/(/"),
        (vec!["run", "-d", "--", "/dev/null"], 126, "/dev/null"),
    ] {
        t.heeler(args).any_out().err_has(why).exit(code).check();
    }
    let left = std::fs::read_dir(t.path(".db/heeler.db-runs")).unwrap().flatten();
    let left: Vec<_> = left
        .map(|entry| entry.file_name())
        .filter(|n| n.to_string_lossy().ends_with(".sock"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    all_gone(&t);
}

/// S131, S132: a shell script holds a conversation, by id, prefix and name.
#[test]
fn a_conversation_in_a_terminal() {
    let t = Test::new();
    let script = "printf 'name? '; read n; echo \"hi $n\"; printf 'pw: '; stty -echo; read p; stty echo; echo; echo \"it was $p\"; exit 7";
    let run = detached(&t, &["--pty", "--name", "talk", "--", "sh", "-c", script]);
    assert_eq!(expect(&t, "talk", "p=name? ")["label"], "p");
    let sent = t.heeler(["send", "talk", "--line", "bob"]).any_out().check();
    let offset = sent.out_text().trim().to_owned();
    t.heeler([
        "expect",
        &run[..8],
        "--since",
        &offset,
        "--on",
        r"g=/hi (?<who>\w+)/",
        "--print",
        "who",
    ])
    .out("bob\n")
    .check();
    t.heeler(["send", &run, "--secret", "pw=env:PW", "--send-secret", "pw"])
        .env("PW", "hunter2")
        .any_out()
        .check();
    t.heeler(["wait", &run]).exit(7).check();
    let matched = expect(&t, &run, "/it was (.*)/");
    assert_eq!(matched["captures"]["1"], "***", "{matched}");
    let done = t.heeler(["expect", &run, "--on", "never"]).any_out().exit(122).check();
    let ended: Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!((&ended["outcome"], &ended["run"]["exit_code"]), (&json!("ended"), &json!(7)));
    t.heeler(["logs", &run]).out("name? bob\r\nhi bob\r\npw: \r\nit was ***\r\n").check();
    t.heeler(["screen", &run]).out("name? bob\nhi bob\npw: \nit was ***\n").check();
    for file in ["log", "rest"] {
        let text = t.read_bytes(format!(".db/heeler.db-logs/{run}.{file}").as_str());
        assert!(crate::harness::find(&text, b"hunter2").is_none());
    }
    all_gone(&t);
}

/// What the help shows is what works.
#[test]
fn the_conversation_of_the_help() {
    let t = Test::new();
    let help = t.heeler(["help", "detached"]).any_out().check().out_text();
    let block = help.split("\n\n").nth(1).unwrap();
    let done = t.sh(&format!("set -e\n{block}\ntest -s now.svg")).any_out().check();
    assert!(done.out_text().starts_with("n\n42\n"), "{}", done.out_text());
    all_gone(&t);
}

#[test]
fn expect_tells_the_limit_from_the_end() {
    let t = Test::new();
    let run = detached(&t, &["--", "sh", "-c", "echo waiting; read x; echo bye; exit 3"]);
    let done = t
        .heeler(["expect", &run, "--on", "nothing", "--timeout", "50ms"])
        .any_out()
        .exit(124)
        .check();
    let limit: Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!(limit["outcome"], "limit");
    assert_eq!(limit["last_lines"], json!(["waiting"]));
    t.heeler(["expect", &run, "--on", "/(/"]).err_has("/(/").exit(125).check();
    t.heeler(["expect", "nosuch", "--on", "x"]).err_has("no run").exit(125).check();
    let waiting = t.heeler(["expect", &run, "--on", "never", "--print", "label"]).start();
    let client = &mut Client::new(&t, &run);
    client.wait_clients(2);
    t.heeler(["send", &run, "--line", ""]).any_out().check();
    waiting.err_has("the run ended").err_has("bye").exit(122).check();
    t.heeler(["wait", &run, "--json"])
        .out("{\"exit_code\":3,\"outcome\":\"exited\"}\n")
        .exit(3)
        .check();
    t.heeler(["send", &run, "--line", "late"]).err_has("it has ended").exit(125).check();
    all_gone(&t);
}

#[test]
fn its_streams_stay_apart_and_its_input_open() {
    let t = Test::new();
    let script = "echo out; echo err >&2; while read x; do echo \"got $x\"; done; echo bye";
    let run = detached(&t, &["--", "sh", "-c", script]);
    let matched = expect(&t, &run, "e=err");
    assert_eq!(matched["stream"], "stderr");
    t.heeler(["send", &run, "--line", "one", "--send", r"tw\x6f\n", "--key", "eof"])
        .any_out()
        .check();
    t.heeler(["wait", &run]).check();
    t.heeler(["logs", &run]).out("out\ngot one\ngot two\nbye\n").err("err\n").check();
    t.heeler(["logs", "--tail", "1", &run]).out("bye\n").check();
    t.heeler(["logs", "--since", "8", &run]).out("got one\ngot two\nbye\n").check();
    let null = detached(&t, &["--stdin", "null", "--", "cat"]);
    t.heeler(["wait", &null]).check();
    all_gone(&t);
}

#[test]
fn everything_is_private() {
    let t = Test::new();
    let run = detached(&t, &["--", "sleep", "1000"]);
    for (name, mode) in [
        (".db/heeler.db-runs".to_owned(), 0o700),
        (".db/heeler.db-logs".to_owned(), 0o700),
        (format!(".db/heeler.db-runs/{run}.sock"), 0o600),
        (format!(".db/heeler.db-logs/{run}.log"), 0o600),
    ] {
        let mode_of = std::fs::metadata(t.path(&name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode_of, mode, "{name}");
    }
    end(&t, &run);
    assert!(!socket(&t, &run).exists());
    all_gone(&t);
}

/// A path beyond the 108 bytes of a socket address.
#[test]
fn the_database_may_be_deep() {
    let t = Test::new();
    let db = t.path("deep/".to_owned() + &"directory/".repeat(12) + "h.db");
    let db = db.to_str().unwrap();
    let run = t.heeler(["run", "-d", "--db", db, "--", "cat"]).any_out().check().out_text();
    t.heeler(["send", "--db", db, run.trim(), "--line", "x", "--key", "eof"]).any_out().check();
    t.heeler(["wait", "--db", db, run.trim()]).check();
    t.heeler(["logs", "--db", db, run.trim()]).out("x\n").check();
    all_gone(&t);
}

/// The terminal that started it goes, and nothing of the caller's is kept.
#[test]
fn it_holds_nothing_of_its_caller() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let mut shell = t.program("sh", ["-i"]).terminal(80, 24).start();
    shell.type_in("exec 7>life; heeler run -d --name far -- sh -c 'trap \"\" HUP; exec 7>&-; sleep 1000'; echo do''ne\r");
    shell.wait_out("done");
    let run = listed(&t)[0]["run"].as_str().unwrap().to_owned();
    let pid = supervisor(&t, &run);
    for (pid, what) in [(pid, "heeler")] {
        let fds: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten().collect();
        for fd in fds {
            let to = std::fs::read_link(fd.path()).unwrap_or_default();
            let to = to.display().to_string();
            let own = ["/dev/null", "socket:", "pipe:", "anon_inode:"]
                .iter()
                .any(|own| to.starts_with(own));
            let ours = to.contains("heeler.db") || to.contains("/sys/fs/cgroup");
            assert!(own || ours, "{what} holds {to}");
        }
        assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), PathBuf::from("/"));
    }
    // SIGHUP goes to the shell's session as its terminal closes.
    shell.type_in("exit\r");
    drop(shell.any_out().any_status().check());
    life.wait_gone();
    assert_eq!(state(&t, &run), "running");
    end(&t, &run);
    all_gone(&t);
}

/// seeds 107, S91: what a killed heeler leaves is told as it is.
#[test]
fn a_killed_heeler_leaves_the_truth() {
    let t = Test::new();
    let run = detached(&t, &["--name", "lost", "--", "sh", "-c", "echo up; sleep 1000"]);
    expect(&t, "lost", "up");
    let pid = supervisor(&t, &run);
    let waiting = t.heeler(["wait", "lost"]).start();
    let client = &mut Client::new(&t, &run);
    client.wait_clients(2);
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    waiting.any_err().exit(125).check();
    assert_eq!(state(&t, &run), "orphaned");
    for verb in ["send", "expect", "signal"] {
        let args: &[&str] = match verb {
            "send" => &["--line", "x"],
            "expect" => &["--on", "x"],
            _ => &["TERM"],
        };
        t.heeler([verb, "lost"].iter().chain(args)).err_has("killed").exit(125).check();
    }
    t.heeler(["logs", "lost"]).out("up\n").check();
    t.heeler(["reap"]).any_out().any_err().check();
    assert_eq!(state(&t, &run), "gone");
    t.heeler(["wait", "lost"]).any_err().exit(125).check();
    assert!(!socket(&t, &run).exists(), "it is cleared away");
    all_gone(&t);
}

#[test]
fn a_killed_client_is_forgotten() {
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let waiting = t.heeler(["expect", &run, "--on", "never"]).start();
    let client = &mut Client::new(&t, &run);
    client.wait_clients(2);
    waiting.signal(Signal::KILL);
    drop(waiting.signaled(9).check());
    client.wait_clients(1);
    end(&t, &run);
    all_gone(&t);
}

/// A hundred clients come and go, and none leaves a descriptor behind.
#[test]
fn clients_leak_nothing() {
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let pid = supervisor(&t, &run);
    let open = || std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let client = &mut Client::new(&t, &run);
    let before = open();
    let mut all: Vec<Client> = (0..100).map(|_| Client::new(&t, &run)).collect();
    for (n, one) in all.iter_mut().enumerate() {
        one.send(&json!({ "op": "expect", "on": [{ "label": "x", "pattern": format!("<{n}>") }] }));
    }
    assert_eq!(client.ask(&json!({ "op": "status" }))["clients"], 101);
    let lines = (0..50).map(|n| format!("<{n}>")).collect::<Vec<_>>().concat();
    client.ask(&json!({ "op": "send", "actions": [{ "line": lines }] }));
    for (n, one) in all.iter_mut().take(50).enumerate() {
        let reply = one.reply();
        assert_eq!(
            (&reply["reply"], &reply["label"]),
            (&json!("matched"), &json!("x")),
            "{n}: {reply}"
        );
    }
    drop(all);
    client.wait_clients(1);
    assert_eq!(open(), before);
    end(&t, &run);
    all_gone(&t);
}

/// A client that does not read gets less, by count; the run goes on, and its memory is bounded.
#[test]
fn a_stuck_client_slows_nothing() {
    let t = Test::new();
    let script = "read go; head -c 8000000 /dev/zero; echo; echo flood over; sleep 1000";
    let run = detached(&t, &["--", "sh", "-c", script]);
    let pid = supervisor(&t, &run);
    let mut stuck = Client::new(&t, &run);
    assert_eq!(stuck.ask(&json!({ "op": "attach" }))["reply"], "attached");
    let mut follower = Client::new(&t, &run);
    follower.send(&json!({ "op": "follow" }));
    t.heeler(["send", &run, "--line", ""]).any_out().check();
    expect(&t, &run, "flood over");
    let peak: u64 = proc_status(pid, "VmHWM").unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(peak < 60_000, "{peak} kB");
    // Now it reads: what is there, then how much is not.
    t.heeler(["signal", &run, "TERM"]).check();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut stuck.lines, &mut bytes).unwrap();
    let (mut got, mut lost, mut rest) = (0_u64, 0, bytes.as_slice());
    while let [kind, a, b, c, d, more @ ..] = rest {
        let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        let (content, after) = more.split_at(length);
        match kind {
            b'o' | b'e' => got += length as u64,
            b'l' => lost += u64::from_le_bytes(content.try_into().unwrap()),
            b'x' => {}
            other => panic!("{other}"),
        }
        rest = after;
    }
    assert!(lost > 0);
    assert_eq!(got + lost, 8_000_012, "{got} and {lost}");
    t.heeler(["wait", &run]).exit(143).check();
    all_gone(&t);
}

#[test]
fn what_makes_no_sense_is_refused_and_harms_nobody() {
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let mut client = Client::raw(&t, &run);
    let reply = client.ask(&json!({ "op": "status" }));
    assert_eq!((&reply["reply"], &reply["kind"]), (&json!("error"), &json!("request")));
    let mut client = Client::raw(&t, &run);
    let reply = client.ask(&json!({ "op": "hello", "protocols": ["heeler.control/9"] }));
    assert_eq!(
        (&reply["kind"], &reply["protocols"]),
        (&json!("version"), &json!(["heeler.control/1"]))
    );
    let mut client = Client::new(&t, &run);
    for bad in [json!({ "op": "dance" }), json!([]), json!({ "op": "signal", "signal": "NOSUCH" })]
    {
        assert_eq!(client.ask(&bad)["kind"], "request", "{bad}");
    }
    assert_eq!(client.ask(&json!({ "op": "screen" }))["kind"], "no_terminal");
    let bad = json!({ "op": "expect", "on": [{ "label": "x", "pattern": "/(/" }] });
    assert_eq!(client.ask(&bad)["kind"], "pattern");
    assert_eq!(client.ask(&json!({ "op": "status" }))["reply"], "status", "it goes on");
    // A line without end; the server hangs up, so writing may fail.
    let long = vec![b'x'; 3 << 20];
    let _ = client.lines.get_mut().write_all(&long);
    let mut text = String::new();
    let _ = std::io::Read::read_to_string(&mut client.lines, &mut text);
    assert!(text.is_empty() || text.contains("too_long"), "{text}");
    let mut client = Client::new(&t, &run);
    assert_eq!(client.ask(&json!({ "op": "status" }))["reply"], "status");
    end(&t, &run);
    all_gone(&t);
}

#[test]
fn what_the_command_does_not_read_ends_at_its_limit() {
    let t = Test::new();
    let run = detached(&t, &["--", "sh", "-c", "echo up; sleep 1000"]);
    expect(&t, &run, "up");
    let big = t.write("big", vec![b'x'; 3 << 20]);
    t.heeler(["send", &run, "--timeout", "100ms", "--file", big.to_str().unwrap()])
        .err_has("did not take the input")
        .exit(124)
        .check();
    assert_eq!(state(&t, &run), "running");
    end(&t, &run);
    all_gone(&t);
}

/// S89, S90: one that nobody looks after ends by itself.
#[test]
fn it_does_not_live_for_ever() {
    let t = Test::new();
    let old = detached(&t, &["--ttl", "200ms", "--", "sleep", "1000"]);
    let idle = detached(&t, &["--idle-timeout", "200ms", "--", "cat"]);
    for (run, outcome) in [(old, "total_timeout"), (idle, "idle")] {
        let done = t.heeler(["wait", "--json", &run]).any_out().exit(124).check();
        let ended: Value = serde_json::from_slice(&done.out).unwrap();
        assert_eq!(ended["outcome"], outcome);
    }
    all_gone(&t);
}

#[test]
fn it_lives_across_attempts() {
    let t = Test::new();
    let script = "echo attempt $HEELER_ATTEMPT; read x; exit $x";
    let run = detached(&t, &["--retries", "1", "--retry-delay", "0", "--", "sh", "-c", script]);
    expect(&t, &run, "attempt 1");
    t.heeler(["send", &run, "--line", "5"]).any_out().check();
    expect(&t, &run, "attempt 2");
    t.heeler(["send", &run, "--line", "0"]).any_out().check();
    t.heeler(["wait", &run]).check();
    let done = t.heeler(["inspect", &run]).any_out().check();
    let inspected: Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!(inspected["report"]["flaky"], true);
    all_gone(&t);
}

#[test]
fn a_terminal_can_be_resized_and_looked_at() {
    let t = Test::new();
    let script = "trap 'stty size' WINCH; echo up; while :; do read x; done";
    let run = detached(&t, &["--pty", "--size", "100x30", "--", "sh", "-c", script]);
    expect(&t, &run, "up");
    t.heeler(["resize", &run, "70x20"]).check();
    expect(&t, &run, "20 70");
    let done = t.heeler(["screen", "--json", &run]).any_out().check();
    let screen: Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!((&screen["columns"], &screen["rows"]), (&json!(70), &json!(20)));
    assert_eq!(screen["lines"], json!(["up", "20 70"]));
    end(&t, &run);
    all_gone(&t);
}

/// Clients work without standard descriptors, which sexpect's does not.
#[test]
fn clients_need_no_standard_descriptors() {
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let script =
        "heeler send $1 --line x <&- >&- 2>&-; heeler expect $1 --on x <&- >&- 2>&-; echo $?";
    t.sh(script).arg(&run).out("0\n").check();
    end(&t, &run);
    all_gone(&t);
}

/// S147: many at once, none of them awake, whatever they wait for and whoever waits for them.
#[test]
fn idle_runs_do_not_wake_up() {
    let t = Test::new();
    let me = std::process::id().to_string();
    let kinds: [&[&str]; 5] = [
        &[],
        &["--pty"],
        &["--ttl", "1h", "--idle-timeout", "1h", "--retries", "1"],
        &["--owner", &me, "--guard"],
        &["--on", "never", "--line", "x", "--log-max", "0"],
    ];
    let run = |n: usize| detached(&t, &[kinds[n % 5], &["--", "cat"]].concat());
    let runs: Vec<String> = (0..10).map(run).collect();
    // The first five have somebody who waits for them.
    let never = json!([{ "label": "x", "pattern": "never" }]);
    let mut waiting: Vec<Client> = runs[..5].iter().map(|run| Client::new(&t, run)).collect();
    for (n, client) in waiting.iter_mut().enumerate() {
        client.send(&match n {
            0 => json!({ "op": "expect", "on": never }),
            1 => json!({ "op": "attach", "size": [80, 24] }),
            2 => json!({ "op": "wait", "limit_ms": 3_600_000 }),
            _ => json!({ "op": "follow" }),
        });
    }
    let pids: Vec<i32> = runs.iter().map(|run| supervisor(&t, run)).collect();
    let switches =
        |pid: i32| -> u64 { proc_status(pid, "voluntary_ctxt_switches").unwrap().parse().unwrap() };
    // The row of a run is written when it has lasted for a moment; after that there is nothing to do.
    t.wait_db(|| {
        let args: [std::path::PathBuf; 3] =
            ["-readonly".into(), t.db(), "select count(*) from runs".into()];
        t.program("sqlite3", args).any_status().any_out().any_err().finish().out == b"10\n"
    });
    wait_until("each sleeps", || {
        pids.iter().all(|pid| proc_status(*pid, "State").unwrap().starts_with('S'))
    });
    let before: Vec<u64> = pids.iter().map(|pid| switches(*pid)).collect();
    assert!(!gone_within(pids[0], std::time::Duration::from_millis(500)), "nothing ends it");
    let after: Vec<u64> = pids.iter().map(|pid| switches(*pid)).collect();
    assert_eq!(before, after);
    // It would have been seen.
    Client::new(&t, &runs[0]);
    wait_until("it woke up for somebody", || switches(pids[0]) > before[0]);
    t.heeler(["reap", "--all"]).any_out().any_err().check();
    for pid in pids {
        wait_gone(pid);
        assert!(is_dead(pid));
    }
    all_gone(&t);
}

/// A script takes over a conversation that is under way, prompt and all.
#[test]
fn a_script_talks_to_a_run_that_lives() {
    let t = Test::new();
    let program = "printf 'name? '; read n; echo \"hi $n\"; printf 'pw: '; stty -echo; read p; stty echo; echo; \
                   echo \"it was $p, $n\"; read last; exit 4";
    let run = detached(&t, &["--pty", "--", "sh", "-c", program]);
    expect(&t, &run, "name");
    t.write(
        "talk.toml",
        "version = 1\n[params.who]\nrequired = true\n[secrets.pw]\nenv = \"PW\"\n\
         [[step]]\nexpect = \"? \"\nline = \"${who}\"\n\
         [[step]]\nexpect = \"pw: \"\nsecret = \"pw\"\n\
         [[step]]\nexpect = '/it was (?<what>.*), (?<user>\\w+)/'\n",
    );
    let args = ["run-script", &run, "talk.toml", "--set", "who=bob", "--json"];
    let done = t.heeler(args).env("PW", "hunter2").any_out().check();
    let told: Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!(told["captures"], json!({ "what": "***", "user": "bob" }), "{told}");
    t.write(
        "fails.toml",
        "version = 1\n[[step]]\nline = \"\"\n[[step]]\nexpect = \"never\"\nwithin = \"50ms\"\n",
    );
    t.heeler(["run-script", &run, "fails.toml"]).err_has("never").exit(122).check();
    t.heeler(["wait", &run]).exit(4).check();
    t.heeler(["run-script", &run, "fails.toml"]).err_has("it has ended").exit(125).check();
    t.write("wrong.toml", "version = 1\n[[step]]\nexpct = \"x\"\n");
    t.heeler(["run-script", &run, "wrong.toml"]).err_has("expect").exit(125).check();
    all_gone(&t);
}

/// A script that waits for the end knows how it was.
#[test]
fn a_script_waits_for_the_exit_of_a_run_that_lives() {
    let t = Test::new();
    t.write("right.toml", "version = 1\n[[step]]\nline = \"\"\n[[step]]\nwait_exit = [0, 3]\n");
    t.write("wrong.toml", "version = 1\n[[step]]\nline = \"\"\n[[step]]\nwait_exit = 3\n");
    let scripts = |command: &str, right: i32, wrong: i32, why: &str| {
        for (script, code) in [("right.toml", right), ("wrong.toml", wrong)] {
            let run = detached(&t, &["-c", command]);
            let done = t.heeler(["run-script", &run, script]).any_err().exit(code).check();
            assert_eq!(done.err_text().contains(why), code != 0, "{script}: {}", done.err_text());
        }
    };
    scripts("read x; exit 3", 0, 0, "the command");
    scripts("read x", 0, 122, "the command exited with 0, not with 3");
    scripts("read x; kill -USR1 $$", 122, 122, "the command was ended by signal 10, not with");
    all_gone(&t);
}

/// S125, S131, S132: several at once, one of them inside another, each with its result in a file.
#[test]
fn several_at_once_keep_out_of_each_others_way() {
    let t = Test::new();
    let job = |n: i32| {
        let report = t.path(format!("{n}.json"));
        let script = format!("for i in 1 2 3; do echo job {n} step $i; done; read x; exit {n}");
        detached(&t, &["--report", report.to_str().unwrap(), "--", "sh", "-c", &script])
    };
    let runs: Vec<String> = (1..=3).map(job).collect();
    // The status lines can be looked back at.
    for (run, n) in runs.iter().zip(1..) {
        expect(&t, run, "step 3");
        let args = ["expect", run, "--since", "0", "--on", "/job (.) step 2/", "--print", "1"];
        t.heeler(args).out(format!("{n}\n")).check();
        t.heeler(["send", run, "--line", ""]).any_out().check();
    }
    for (run, n) in runs.iter().zip(1..) {
        t.heeler(["wait", run]).exit(n).check();
        let report: Value = serde_json::from_str(&t.read(&format!("{n}.json"))).unwrap();
        assert_eq!((&report["run"], &report["exit_code"]), (&json!(run), &json!(n)));
    }
    let nest = "id=$(heeler run -d -- cat); heeler send $id --line inner >/dev/null; \
                heeler expect $id --on inner --print label; heeler send $id --key eof >/dev/null; \
                heeler wait $id; echo inner $?";
    let outer = detached(&t, &["--", "sh", "-c", nest]);
    t.heeler(["wait", &outer]).check();
    t.heeler(["logs", &outer]).out("inner\ninner 0\n").check();
    all_gone(&t);
}

/// S126, S127: who comes back sees what came since; a second viewer looks on and types nothing.
#[test]
fn viewers_see_what_they_missed_and_only_look() {
    let t = Test::new();
    let run =
        detached(&t, &["--", "sh", "-c", "echo before; while read x; do echo \"got $x\"; done"]);
    expect(&t, &run, "before");
    let offset = t.heeler(["send", &run, "--line", "meanwhile"]).any_out().check().out_text();
    expect(&t, &run, "got meanwhile");
    let since: u64 = offset.trim().parse().unwrap();
    let mut viewer = Client::new(&t, &run);
    let attached = viewer.ask(&json!({ "op": "attach", "since": since, "read_only": true }));
    assert_eq!((&attached["reply"], &attached["offset"]), (&json!("attached"), &json!(since)));
    viewer.lines.get_mut().write_all(b"i\x06\0\0\0sneak\n").unwrap();
    viewer.lines.get_mut().write_all(b"j\x0d\0\0\0{\"op\":\"stop\"}").unwrap();
    t.heeler(["send", &run, "--line", "seen", "--key", "eof"]).any_out().check();
    t.heeler(["wait", &run]).check();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut viewer.lines, &mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("got meanwhile\n") && text.contains("got seen\n"), "{text}");
    assert!(
        text.contains("read-only") && !text.contains("sneak") && !text.contains("before"),
        "{text}"
    );
    all_gone(&t);
}
