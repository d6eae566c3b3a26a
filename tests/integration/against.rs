//! `heeler check SCRIPT --against CAST`.

use serde_json::Value;

use crate::harness::{Cmd, Test};

const LOGIN: &str = "printf 'login: '; read n; stty -echo; printf 'Password: '; read p; stty echo; echo; \
                     echo welcome $n; printf '$ '; read c";

const SCRIPT: &str = "version = 1\n[params.user]\ndefault = \"alice\"\n[secrets.pw]\nenv = \"PW\"\n\
    [[step]]\nexpect = \"login: \"\nline = \"${user}\"\n\
    [[step]]\nexpect = \"Password: \"\nsecret = \"pw\"\n\
    [[step]]\nexpect = '/welcome (?<who>\\w+)/'\n\
    [[step]]\nexpect = '/\\$ $/'\nline = \"exit\"\n";

/// A recording of the script's own run.
fn recorded(t: &Test) {
    t.write("s.toml", SCRIPT);
    t.run(["--script", "s.toml", "--pty", "--record", "c.cast", "--", "sh", "-c", LOGIN])
        .env("PW", "hunter2")
        .any_out()
        .check();
}

fn against<'t>(t: &'t Test, script: &str) -> Cmd<'t> {
    t.write("t.toml", script);
    t.heeler(["check", "t.toml", "--against", "c.cast"])
}

#[test]
fn a_script_meets_its_own_recording() {
    let t = Test::new();
    recorded(&t);
    let done = t.heeler(["check", "s.toml", "--against", "c.cast"]).any_out().check();
    assert!(
        done.out_text().starts_with("s.toml meets c.cast: 4 steps, 2 inputs"),
        "{}",
        done.out_text()
    );
    let json = t.heeler(["check", "s.toml", "--against", "c.cast", "--json"]).any_out().check();
    let json: Value = serde_json::from_str(&json.out_text()).unwrap();
    assert_eq!(json["success"], true);
    assert_eq!(json["dialogue"]["captures"]["who"], "alice");
    assert_eq!(json["dialogue"]["steps"][3]["state"], "matched");
    let stdin = t.heeler(["check", "s.toml", "--against", "-"]).input(t.read_bytes("c.cast"));
    stdin.any_out().check();
}

#[test]
fn failures_are_those_of_a_live_run() {
    let t = Test::new();
    recorded(&t);
    let other = SCRIPT.replace("Password: ", "password: ");
    against(&t, &other).err_has("step 2").err_has("/i`").err_has("| Password: ").exit(122).check();
    let typed = t.heeler(["check", "s.toml", "--against", "c.cast", "--set", "user=bob"]);
    typed
        .err_has("step 1: the script types `bob\\r`, and the recording shows `alice`")
        .exit(122)
        .check();
    let more = format!("{SCRIPT}[[step]]\nexpect = \"never\"\n");
    let json = against(&t, &more).arg("--json").any_out().exit(122).check();
    let json: Value = serde_json::from_str(&json.out_text()).unwrap();
    assert_eq!(json["failure"]["reason"], "eof");
    let judged = format!("{SCRIPT}[[watch]]\non = \"welcome\"\nfail = \"not welcome\"\n");
    against(&t, &judged).err_has("not welcome").exit(122).check();
    let coded = format!("{SCRIPT}[[step]]\nwait_exit = 7\n");
    against(&t, &coded).err_has("exit").exit(122).check();
    let fine = format!("{SCRIPT}[[step]]\nwait_exit = 0\n");
    against(&t, &fine).any_out().check();
}

/// A limit fires on the recorded time, at once.
#[test]
fn a_recorded_hour_takes_no_time() {
    let t = Test::new();
    let header = "{\"version\":2,\"width\":80,\"height\":24}\n";
    t.write("c.cast", format!("{header}[0,\"o\",\"start\\r\\n\"]\n[3600,\"o\",\"ready\\r\\n\"]\n"));
    let script = "version = 1\n[[step]]\nexpect = \"ready\"\n";
    against(&t, script).err_has("`ready` did not appear within 30s").exit(122).check();
    let done = against(&t, &format!("{script}within = \"2h\"\n")).any_out().check();
    assert!(done.out_text().ends_with("after 1h\n"), "{}", done.out_text());
}

#[test]
fn what_cannot_be_played_is_refused() {
    let t = Test::new();
    recorded(&t);
    against(&t, "version = 1\n[[stepp]]\n").err_has("t.toml:2").exit(125).check();
    t.heeler(["check", "s.toml", "--against", "gone.cast"]).err_has("gone.cast").exit(125).check();
    t.write("broken.cast", "{}\n");
    let broken = t.heeler(["check", "s.toml", "--against", "broken.cast"]);
    broken.err_has("broken.cast: line 1").exit(125).check();
    t.heeler(["check", "s.toml", "s.toml", "--against", "c.cast"])
        .err_has("one script")
        .exit(125)
        .check();
}

#[test]
fn a_recording_that_is_not_there() {
    let t = Test::new();
    t.write("s.toml", "version = 1\n[[step]]\nexpect = 'x'\n");
    let err = "heeler: cannot read the recording no.cast: no such file or directory\n";
    t.heeler(["check", "s.toml", "--against", "no.cast"]).exit(125).err(err).check();
}

/// Each step leads on to the next one at once, and none of them from within another.
#[test]
fn a_script_of_very_many_steps() {
    let t = Test::new();
    t.write("c.cast", "{\"version\": 2, \"width\": 80, \"height\": 24}\n[0.1, \"o\", \"$ \"]\n");
    let steps = "[[step]]\nexec = \"true\"\n".repeat(20_000);
    let script = format!("version = 1\n[limits]\nsteps = 30000\n{steps}");
    let done = against(&t, &script).any_out().any_err().check();
    assert!(done.out_text().contains("20000 steps, 0 inputs"), "{}", done.out_text());
    let one = against(&t, "version = 1\n[[step]]\nexpect = \"$ \"\n").any_out().check();
    assert!(one.out_text().contains(": 1 step, 0 inputs"), "{}", one.out_text());
}
