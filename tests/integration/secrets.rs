//! Where the value of a secret must not be: neither whole nor in part.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::harness::{Cmd, Done, Test, find};
use crate::real::words;

const SECRET: &str = "hunter2-secret";

fn run<'t>(t: &'t Test, flags: &str) -> Cmd<'t> {
    let flags = format!("--secret pw=env:PW {flags}");
    t.run(words(&flags)).env("PW", SECRET).report().any_out().any_err()
}

/// Everything that a run has left behind, by name.
fn traces(t: &Test, done: &Done) -> Vec<(String, Vec<u8>)> {
    let mut all =
        vec![("stdout".to_owned(), done.out.clone()), ("stderr".to_owned(), done.err.clone())];
    let mut folders = vec![t.dir().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_file() => {
                    all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
                }
                _ => {}
            }
        }
    }
    all
}

fn assert_nowhere(t: &Test, done: &Done, text: &str) {
    let traces = traces(t, done);
    assert!(traces.len() > 2, "{:?}", traces.iter().map(|(name, _)| name).collect::<Vec<_>>());
    for (name, bytes) in traces {
        assert!(find(&bytes, text.as_bytes()).is_none(), "{text} is in {name}");
    }
}

const SINKS: &str = "--output copy --events events --record cast";

/// A capture, or the text before a match, that was cut out of a secret shows nothing of it.
#[test]
fn a_capture_of_a_part_shows_nothing() {
    let t = Test::new();
    // Not on the command line: the report has that.
    t.write("say", "printf pw=hunter2-se; printf 'cret ok again hunter2-secret'");
    let done = run(
        &t,
        &format!(
            "{SINKS} --pipe -q --expect '/(?<begin>pw=.{{6}})/' --expect '/(?<end>.{{4}} ok)/'
             --expect '/again ...(?<middle>[a-z0-9]+)-/' -- sh say"
        ),
    )
    .check();
    std::fs::remove_file(t.path("say")).unwrap();
    let captures = done.at("/dialogue/captures");
    assert_eq!(captures["begin"], "pw=***", "{captures}");
    assert_eq!(captures["end"], "*** ok", "{captures}");
    assert_eq!(captures["middle"], "***", "{captures}");
    for part in ["hunt", "ter2", "cret"] {
        assert_nowhere(&t, &done, part);
    }
}

/// So does what a script makes of such a capture: its log, its lists, its reasons, its commands.
#[test]
fn what_a_script_makes_of_a_part_shows_nothing() {
    let t = Test::new();
    t.write(
        "s.toml",
        r#"
version = 1
[secrets.pw]
env = "PW"
[[step]]
expect = '/pw=(?<part>hunter2)/'
log = "it is ${part}"
append = "parts"
[[step]]
exec = { shell = 'echo "$part" >said' }
[[step]]
expect = "-secret"
fail = "it was ${part}, before it ${before}"
"#,
    );
    let words = ["--script", "s.toml", "--pipe", "--", "sh", "-c", "echo pw=hunter2-secret; cat"];
    let done = t.run(words).env("PW", SECRET).report().any_out().any_err().exit(122).check();
    done.has("/dialogue/captures/parts/0", "***").has("/dialogue/captures/part", "***");
    assert!(done.err_text().contains("it is ***"), "{}", done.err_text());
    assert!(done.err_text().contains("it was ***"), "{}", done.err_text());
    assert_eq!(t.read("said"), "***\n");
    std::fs::remove_file(t.path("s.toml")).unwrap();
    assert_nowhere(&t, &done, "hunter2");
}

/// A secret that a limit cuts off in its middle is masked as far as it has come.
#[test]
fn a_secret_that_is_cut_off_is_masked() {
    for (limit, say) in [
        ("--timeout 300ms", "printf 'pw: hunter2-'; sleep 1000"),
        ("--max-output 12", "printf 'pw: hunter2-secret is it'; sleep 1000"),
    ] {
        let t = Test::new();
        t.write("say", say);
        let flags = format!("{SINKS} --pipe {limit} --expect never -- sh say");
        let done = run(&t, &flags).exit(124).check();
        std::fs::remove_file(t.path("say")).unwrap();
        done.has("/streams/stdout/tail", "pw: ***");
        assert_eq!(t.read("copy"), "pw: ***");
        assert_nowhere(&t, &done, "hunt");
    }
}

/// What goes wrong before and after the start is told without it, the dry run too.
#[test]
fn no_message_has_it() {
    let t = Test::new();
    let nope = t.path(format!("no/{SECRET}"));
    let nope = nope.display();
    for (flags, code) in [
        (format!("--cwd {nope} -- true"), 125),
        (format!("--output {nope} -- true"), 125),
        (format!("--env-file {nope} -- true"), 125),
        (format!("--script {nope} -- true"), 125),
        (format!("--expect '/{SECRET}(/' -- true"), 125),
        (format!("--pipe -- {nope}"), 127),
        (format!("--pipe --name {SECRET} --tag a={SECRET} -- cat {nope}"), 1),
        (format!("--pipe --fail-on ready -- sh -c 'echo ready {SECRET}'"), 122),
        (format!("--pipe --expect '{SECRET} never' -- sh -c 'echo {SECRET}'"), 122),
    ] {
        let done = run(&t, &flags).exit(code).check();
        assert!(find(&done.out, SECRET.as_bytes()).is_none(), "{flags}: {}", done.out_text());
        assert_nowhere(&t, &done, SECRET);
    }
    let dry = format!("--secret pw=env:PW --dry-run --cwd / -e A={SECRET} -- echo {SECRET}");
    let done = t.run(words(&dry)).env("PW", SECRET).any_out().check();
    assert!(
        done.out_text().contains("***") && !done.out_text().contains(SECRET),
        "{}",
        done.out_text()
    );
}

/// The files of `/proc` of heeler, of its keeper, and of the command.
fn looked_at(t: &Test) -> Vec<(PathBuf, Vec<u8>)> {
    let files = t.processes().into_iter().flat_map(|pid: i32| {
        ["environ", "cmdline", "comm"].map(|file| PathBuf::from(format!("/proc/{pid}/{file}")))
    });
    files.map(|file| (file.clone(), std::fs::read(&file).unwrap())).collect()
}

/// Not in any environment and on no command line, that of heeler itself included; unless the command is to
/// have it.
#[test]
fn proc_does_not_show_it() {
    let t = Test::new();
    let mut running = run(
        &t,
        "--pipe --stdin inherit --guard --expect ready --send-secret pw -- sh -c 'echo ready; cat'",
    )
    .input_open()
    .start();
    running.wait_out("***");
    let seen = looked_at(&t);
    assert!(seen.len() >= 9, "{seen:?}");
    for (file, bytes) in seen {
        assert!(find(&bytes, SECRET.as_bytes()).is_none(), "it is in {}", file.display());
    }
    running.close_input();
    running.check();
    // Without a secret that comes from it, the variable is there: the test looks at the right place.
    let mut plain = t
        .run(words("--pipe -- sh -c 'echo ready; cat'"))
        .env("PW", SECRET)
        .any_out()
        .input_open()
        .start();
    plain.wait_out("ready");
    let found =
        looked_at(&t).into_iter().filter(|(_, bytes)| find(bytes, SECRET.as_bytes()).is_some());
    assert!(found.count() >= 2, "heeler and its command have it");
    plain.close_input();
    plain.check();
    // Asked for by name, the command gets it.
    let line = "--secret pw=env:PW -e PW --pipe -- sh -c 'test \"$PW\" = hunter2-secret'";
    t.run(words(line)).env("PW", SECRET).check();
}

/// The memory of a heeler that holds a secret belongs to root in `/proc`: no debugger of the same user gets
/// at it, and it dumps no core.
#[test]
fn no_debugger_and_no_core_gets_at_it() {
    let t = Test::new();
    let owner = |flags: &str| {
        let nobody = 65534;
        let folder = t.path(flags.split_whitespace().next().unwrap().trim_matches('-'));
        std::fs::create_dir(&folder).unwrap();
        // A user who is not root, where the tests are run as root: that one may read anything.
        let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        let heeler = folder.join("heeler");
        // By a process of its own: a file that is open for writing, also in what another test has just
        // forked, cannot be executed.
        t.program("cp", [env!("CARGO_BIN_EXE_heeler"), &heeler.display().to_string()]).check();
        let mut line = vec!["setpriv".to_owned()];
        if is_root {
            line.extend(words(&format!("--reuid={nobody} --regid={nobody} --clear-groups")));
        }
        line.push(heeler.display().to_string());
        line.extend(words(&format!("run --track off {flags} -- sh -c 'echo ready; cat'")));
        let mut running = t
            .program(&line[0], &line[1..])
            .env("PW", SECRET)
            .cwd("/")
            .any_out()
            .input_open()
            .start();
        running.wait_out("ready");
        let mem = Path::new("/proc").join(running.pid().to_string()).join("mem");
        let owner = std::fs::metadata(mem).unwrap().uid();
        running.close_input();
        running.check();
        owner
    };
    for path in t.dir().ancestors() {
        use std::os::unix::fs::PermissionsExt;
        // What is above our own folder is for all already.
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755));
        if path == t.dir() {
            break;
        }
    }
    assert_ne!(owner("--pipe"), 0, "without a secret it is its user's");
    assert_eq!(owner("--secret pw=env:PW --pipe"), 0);
}

/// An optional secret is missed where it is about to be typed, and nowhere else.
#[test]
fn an_optional_one_may_be_missing() {
    let script = r#"
version = 1
command = { argv = ["sh", "-c", "printf 'Password: '; stty -echo; read x; echo"], pty = true }
params.go = { default = "yes" }
secrets.pw = { env = "PW", optional = true }
step = [
  { expect = "Password: ", line = "x", when = "go == \"no\"" },
  { name = "login", expect = "Password: ", secret = "pw", when = "go == \"yes\"" },
]
"#;
    let t = Test::new();
    t.write("s.toml", script);
    let run = |go: &str| {
        let go = format!("go={go}");
        t.run(["--script", "s.toml", "--set", &go]).env_remove("PW").report().any_out()
    };
    run("no").check();
    let why = "step login: the secret `pw` is not there: the variable PW is not set";
    let done = run("yes").exit(122).err_has(why).check();
    done.has("/dialogue/failure/reason", "secret_missing").has("/dialogue/failure/step", "login");
    run("yes").env("PW", SECRET).check();
    // Without `optional` nothing is started, even where it would never be typed.
    t.write("s.toml", script.replace(", optional = true", ""));
    run("no").exit(125).err_has("from the variable PW: it is not set").check();
    t.write("s.toml", script.replace("env = \"PW\"", "ask = true"));
    run("no").exit(125).err_has("`optional` goes with `env` or `file`").check();
}
