//! The socket of a run in the background, under whoever means no good: nonsense, too much of it, too many of them,
//! and those who never read. The run goes on as if nobody were there.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::detached::{Client, detached, end, socket, supervisor};
use crate::fault::is_root;
use crate::harness::{Test, proc_state, proc_status, wait_gone, wait_until};

/// What a connection says until it is closed at the other end, or for so long.
fn said(stream: &mut UnixStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut bytes = Vec::new();
    // Who was hung up on while it still wrote is told so by an error.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn kilobytes(pid: i32, field: &str) -> u64 {
    proc_status(pid, field).unwrap().split(' ').next().unwrap().parse().unwrap()
}

fn descriptors(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

fn status(client: &mut Client) -> Value {
    client.ask(&json!({ "op": "status" }))
}

/// CPU time of a process, in clock ticks.
fn ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// A line that is no request is answered with why, and the next is served; whoever does not greet is told to.
#[test]
fn nonsense_is_answered_and_forgotten() {
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let deep =
        format!("{{\"op\":\"status\",\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let hello = b"{\"op\":\"hello\",\"protocols\":[\"heeler.control/1\"]}";
    let lines: [&[u8]; 12] = [
        b"\x00\xff\xfe\x80 garbage",
        b"{\"op\":\"\xff\xfe\"}",
        b"{\"op\":\"status\"",
        b"",
        b"null",
        b"[[[[",
        deep.as_bytes(),
        b"{\"op\":\"dance\"}",
        b"{\"op\":7}",
        b"{\"op\":\"status\"} {\"op\":\"status\"}",
        b"{\"op\":\"wait\",\"limit_ms\":-1}",
        b"{\"op\":\"resize\",\"columns\":65536,\"rows\":1}",
    ];
    let client = &mut Client::new(&t, &run);
    for line in lines {
        client.stream().write_all(&[line, b"\n"].concat()).unwrap();
        let reply = client.reply();
        assert_eq!(
            (&reply["reply"], &reply["kind"]),
            (&json!("error"), &json!("request")),
            "{}: {reply}",
            String::from_utf8_lossy(&line[..line.len().min(80)]),
        );
    }
    // What a later version adds is no mistake.
    let later = json!({ "op": "status", "later": [1] });
    assert_eq!(client.ask(&later)["reply"], "status");

    // Before the greeting nothing is served, not even what makes sense.
    for (first, kind) in [
        (&b"\x16\x03\x01 GET / HTTP/1.1\r\n"[..], "request"),
        (b"{\"op\":\"signal\",\"signal\":\"KILL\"}\n", "request"),
        (b"{\"op\":\"hello\",\"protocols\":[]}\n", "version"),
        (b"{\"op\":\"hello\",\"protocols\":[\"heeler.control/2\",\"\"]}\n", "version"),
    ] {
        let mut raw = UnixStream::connect(socket(&t, &run)).unwrap();
        raw.write_all(first).unwrap();
        raw.shutdown(Shutdown::Write).unwrap();
        let answer = said(&mut raw);
        let reply: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer:?}"));
        assert_eq!(reply["kind"], kind, "{reply}");
        if kind == "version" {
            assert_eq!(reply["protocols"], json!(["heeler.control/1"]));
        }
    }
    // Half a line, and half a greeting with one behind it.
    for half in [&hello[..20], b"{"] {
        let mut raw = UnixStream::connect(socket(&t, &run)).unwrap();
        raw.write_all(half).unwrap();
    }
    client.wait_clients(1);
    end(&t, &run);
}

/// What does not end is cut off at what a line may hold, and is not kept.
#[test]
fn a_line_without_end_is_cut_off() {
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let pid = supervisor(&t, &run);
    let before = kilobytes(pid, "VmHWM");
    for greets in [false, true] {
        let mut raw = if greets { Client::new(&t, &run) } else { Client::raw(&t, &run) };
        let part = vec![b'x'; 1 << 20];
        let mut written = 0;
        for _ in 0..100 {
            match raw.stream().write(&part) {
                Ok(count) => written += count,
                Err(_) => break,
            }
        }
        // What it reads, and what the kernel holds for it.
        assert!(written < 4 << 20, "{written} bytes were taken");
        let answer = said(raw.stream());
        assert!(answer.is_empty() || answer.contains("too_long"), "{answer}");
    }
    let more = kilobytes(pid, "VmHWM") - before;
    assert!(more < 8 << 10, "{more} kB more");
    assert_eq!(status(&mut Client::new(&t, &run))["reply"], "status");
    end(&t, &run);
}

/// Many who only hold a connection are served by nobody's time; one more than there may be is told so.
#[test]
fn idle_connections_are_held_and_bounded() {
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let pid = supervisor(&t, &run);
    let before = descriptors(pid);
    let mut idle: Vec<UnixStream> =
        (0..200).map(|_| UnixStream::connect(socket(&t, &run)).unwrap()).collect();
    let client = &mut Client::new(&t, &run);
    client.wait_clients(201);
    let offset = t.heeler(["send", &run, "--line", "x"]).any_out().check().out_text();
    let args = ["expect", &run, "--on", "x", "--since", offset.trim(), "--print", "label"];
    t.heeler(args).out("x\n").check();
    idle.extend((201..300).map(|_| UnixStream::connect(socket(&t, &run)).unwrap()));
    let told = said(idle.last_mut().unwrap());
    assert!(told.contains("\"busy\"") && told.contains("too many clients"), "{told}");
    let refused = t.heeler(["send", &run, "--line", "x"]).any_err().exit(125).check();
    assert!(refused.err_text().contains("too many clients"), "{}", refused.err_text());
    drop(idle);
    client.wait_clients(1);
    assert_eq!(descriptors(pid), before + 1, "but for this client");
    end(&t, &run);
}

/// No descriptor is left for a client: it is told so, and later ones are served again. Where it cannot even be told,
/// nobody spins until something has changed.
#[test]
fn without_a_descriptor_left_a_client_is_told_so() {
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let pid = supervisor(&t, &run);
    let set = |limit: usize| {
        let limit = format!("--nofile={limit}:4096");
        t.program("prlimit", ["--pid", &pid.to_string(), &limit]).check();
    };
    let is_open = |fd: &usize| std::fs::symlink_metadata(format!("/proc/{pid}/fd/{fd}")).is_ok();
    let mut first = Client::new(&t, &run);
    first.wait_clients(1);
    let with = descriptors(pid);
    drop(first);
    wait_until("it is forgotten", || descriptors(pid) == with - 1);
    let highest = (0..1000).filter(is_open).max().unwrap();
    let free = (0..highest).filter(|fd| !is_open(fd)).count();
    let kept = 8;
    set(highest + 1 + kept);
    let clients: Vec<Client> = (0..free).map(|_| Client::new(&t, &run)).collect();
    for _ in 0..3 {
        let told = said(&mut UnixStream::connect(socket(&t, &run)).unwrap());
        assert!(told.contains("\"busy\"") && told.contains("descriptor"), "{told:?}");
    }
    // With a limit below what it has there is no way to tell. (Below what it waits for, poll fails.)
    set(highest);
    let mut waits = Client::raw(&t, &run);
    // Whoever went on asking who is there would never sleep.
    wait_until("it sleeps", || proc_state(pid) == Some('S'));
    drop(clients);
    // Nobody says when there are more.
    set(highest + 2 + kept);
    let hello = json!({ "op": "hello", "protocols": ["heeler.control/1"] });
    assert_eq!(waits.ask(&hello)["reply"], "hello");
    waits.wait_clients(1);
    end(&t, &run);
}

/// However many clients there are, the command is told to end before it is killed: that takes descriptors.
#[test]
fn clients_leave_the_descriptors_that_a_signal_takes() {
    let t = Test::new();
    let asked =
        r#"trap "echo asked >asked; exit" TERM; echo ready; while :; do sleep 1000 & wait; done"#;
    let run = detached(&t, &["--stop", "TERM:20s,KILL", "-c", asked]);
    t.heeler(["expect", &run, "--on", "ready"]).any_out().check();
    let pid = supervisor(&t, &run);
    t.program("prlimit", ["--pid", &pid.to_string(), "--nofile=40:40"]).check();
    let mut clients: Vec<UnixStream> =
        (0..40).map(|_| UnixStream::connect(socket(&t, &run)).unwrap()).collect();
    let told = said(clients.last_mut().unwrap());
    assert!(told.contains("\"busy\"") && told.contains("descriptor"), "{told:?}");
    t.program("kill", [pid.to_string()]).check();
    // Before KILL.
    t.wait_file("asked", |text| text == "asked\n");
    drop(clients);
    wait_gone(pid);
    t.heeler(["wait", &run]).any_err().exit(143).check();
}

/// Whatever a client was at when it left, nothing of it stays.
#[test]
fn who_comes_and_goes_leaves_no_descriptor() {
    let t = Test::new();
    let run = detached(&t, &["--pty", "--", "cat"]);
    let pid = supervisor(&t, &run);
    let client = &mut Client::new(&t, &run);
    let never = json!([{ "label": "x", "pattern": "never" }]);
    let before = descriptors(pid);
    for n in 0..300 {
        let mut one = if n % 6 == 0 { Client::raw(&t, &run) } else { Client::new(&t, &run) };
        match n % 6 {
            1 => one.send(&json!({ "op": "expect", "on": never })),
            2 => one.send(&json!({ "op": "follow" })),
            3 => one.send(&json!({ "op": "attach", "size": [90, n % 40 + 1] })),
            4 => one.send(&json!({ "op": "send", "actions": [{ "text": "x" }] })),
            5 => one.stream().write_all(b"{\"op\":").unwrap(),
            _ => {}
        }
    }
    client.wait_clients(1);
    assert_eq!(descriptors(pid), before);
    end(&t, &run);
}

/// Those who never read cost the run nothing: it is as quick as without them, and its memory is bounded.
#[test]
fn who_never_reads_slows_nothing() {
    let t = Test::new();
    let script = "read go; head -c 30000000 /dev/zero; echo; echo flood over; sleep 1000";
    let flood = |stuck: bool| {
        let run = detached(&t, &["--", "sh", "-c", script]);
        let pid = supervisor(&t, &run);
        let mut clients: Vec<Client> = Vec::new();
        for request in ["attach", "attach", "follow", "wait"].iter().filter(|_| stuck) {
            let mut client = Client::new(&t, &run);
            client.send(&json!({ "op": request }));
            clients.push(client);
        }
        if stuck {
            // More questions than their answers have room, which nobody takes.
            let mut asks = Client::new(&t, &run);
            asks.stream().set_nonblocking(true).unwrap();
            let questions = b"{\"op\":\"status\"}\n".repeat(10_000);
            while asks.stream().write(&questions).is_ok() {}
            clients.push(asks);
        }
        // What can be answered has been.
        wait_until("it sleeps", || proc_state(pid) == Some('S'));
        let before = ticks(pid);
        t.heeler(["send", &run, "--line", ""]).any_out().check();
        let args = ["expect", &run, "--on", "flood over", "--timeout", "60s"];
        t.heeler(args).any_out().check();
        let cost = (ticks(pid) - before, kilobytes(pid, "VmHWM"));
        end(&t, &run);
        cost
    };
    let (alone, small) = flood(false);
    let (beside, large) = flood(true);
    assert!(
        beside <= alone * 3 / 2 + 20,
        "{alone} ticks alone, {beside} with those who do not read"
    );
    assert!(large < small + (16 << 10), "{small} kB alone, {large} kB with those who do not read");
}

/// The socket is for its owner and root: by its directory, and by itself when that is opened to all.
#[test]
fn another_user_is_refused() {
    const NOBODY: u32 = 65_534;
    if !is_root() {
        eprintln!("left out: only root can be somebody else");
        return;
    }
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let path = socket(&t, &run);
    let as_nobody = || {
        let path = path.clone();
        // Only this thread changes its user.
        let connect = move || {
            let nobody = rustix::process::Uid::from_raw(NOBODY);
            rustix::thread::set_thread_uid(nobody).unwrap();
            let mut stream = UnixStream::connect(path)?;
            // Refused before it was read, the request may be thrown away with the connection.
            let _ = stream.write_all(b"{\"op\":\"hello\",\"protocols\":[\"heeler.control/1\"]}\n");
            Ok::<_, std::io::Error>(said(&mut stream))
        };
        std::thread::spawn(connect).join().unwrap()
    };
    let allow = |name: &str, mode: u32| {
        std::fs::set_permissions(t.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    allow("", 0o755);
    allow(".db", 0o755);
    assert_eq!(as_nobody().unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
    allow(".db/heeler.db-runs", 0o755);
    assert_eq!(as_nobody().unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
    allow(&format!(".db/heeler.db-runs/{run}.sock"), 0o777);
    let answer = as_nobody().unwrap();
    assert!(answer.contains("\"denied\"") && answer.contains("another user"), "{answer}");
    assert_eq!(status(&mut Client::new(&t, &run))["clients"], 1);
    end(&t, &run);
}
