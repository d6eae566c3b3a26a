//! Programs that ask: ssh-keygen, getpass, `read -s`, `select`, `git add -p`, an installer.

use crate::harness::{Cmd, Done, Test, find};
use crate::real::{need, words};

const SECRET: &str = "correct horse";

/// The secret is in none of what a run leaves behind.
fn assert_secret_nowhere(t: &Test, done: &Done, files: &[&str]) {
    let files = files.iter().map(|name| (*name, t.read_bytes(name)));
    let told = [
        ("stdout", done.out.clone()),
        ("stderr", done.err.clone()),
        ("report", done.report().to_string().into_bytes()),
    ];
    for (name, bytes) in files.chain(told) {
        assert!(!bytes.is_empty() || name == "stderr", "{name} is empty");
        assert!(find(&bytes, SECRET.as_bytes()).is_none(), "the secret is in {name}");
    }
}

fn keygen<'t>(t: &'t Test, dialogue: &str) -> Cmd<'t> {
    need("ssh-keygen");
    let flags =
        format!("--pty --secret pw=env:KEY_PASS {dialogue} -- ssh-keygen -t ed25519 -f key");
    t.run(words(&flags)).env("KEY_PASS", SECRET).report().any_out()
}

/// What `key` opens with.
fn opens_with(t: &Test, passphrase: &str) {
    t.program("ssh-keygen", ["-y", "-P", passphrase, "-f", "key"]).any_out().check();
}

/// S106, S122, S60: the same passphrase twice, typed only while the terminal does not echo.
#[test]
fn ssh_keygen_takes_a_passphrase_that_nobody_sees() {
    let t = Test::new();
    let done = keygen(
        &t,
        r"--expect 'Enter passphrase' --send-secret pw
          --expect 'Enter same passphrase again: ' --send-secret pw
          --expect '/SHA256:(?<print>\S+)/'
          --events events.jsonl --record keygen.cast --output copy.txt",
    )
    .check();
    assert!(done.at("/dialogue/captures/print").is_string());
    assert_secret_nowhere(&t, &done, &["events.jsonl", "keygen.cast", "copy.txt", ".db/heeler.db"]);
    opens_with(&t, SECRET);
}

/// S106: the program says that the two differ and asks anew.
#[test]
fn ssh_keygen_asks_again_after_a_wrong_repetition() {
    let t = Test::new();
    let done = keygen(
        &t,
        r"--secret typo=env:TYPO
          --expect 'Enter passphrase' --send-secret pw
          --expect 'again: ' --send-secret typo
          --expect 'do not match'
          --expect 'Enter passphrase' --send-secret pw
          --expect 'again: ' --send-secret pw
          --expect @eof",
    )
    .env("TYPO", "corect horse")
    .check();
    done.has("/dialogue/steps/5/state", "matched");
    opens_with(&t, SECRET);
}

/// S106: the same, told as a failure of the run.
#[test]
fn ssh_keygen_fails_the_run_on_a_wrong_repetition() {
    let t = Test::new();
    let done = keygen(
        &t,
        r"--secret typo=env:TYPO --fail-on 'do not match'
          --expect 'Enter passphrase' --send-secret pw
          --expect 'again: ' --send-secret typo
          --expect @eof",
    )
    .env("TYPO", "corect horse")
    .exit(122)
    .err_has("`do not match` appeared (--fail-on)")
    .check();
    done.has("/dialogue/failure/reason", "fail");
    assert!(!t.path("key").exists());
}

/// S114: a question before the ones that one came for; it may or may not be asked.
#[test]
fn ssh_keygen_overwrites_or_not_as_told() {
    let t = Test::new();
    let rules = r"--on '/passphrase.*: $/' --line ''";
    keygen(&t, rules).check();
    let first = t.read("key.pub");
    keygen(&t, &format!("{rules} --on 'Overwrite (y/n)? ' --line n")).exit(1).check();
    assert_eq!(t.read("key.pub"), first);
    let done = keygen(&t, &format!("{rules} --on 'Overwrite (y/n)? ' --line y")).check();
    assert_ne!(t.read("key.pub"), first);
    done.has("/dialogue/rules/0/fired", 2).has("/dialogue/rules/1/fired", 1);
}

/// sudo's dialogue: three tries, then it gives up.
const SUDO: &str = r#"
import getpass, sys
for attempt in range(3):
    if getpass.getpass("[sudo] password for alice: ") == "correct horse":
        print("root shell")
        sys.exit(0)
    if attempt < 2:
        print("Sorry, try again.")
sys.exit("sudo: 3 incorrect password attempts")
"#;

fn sudo<'t>(t: &'t Test, password: &str, dialogue: &str) -> Cmd<'t> {
    need("python3");
    t.write("sudo.py", SUDO);
    let rule = "--pty --secret pw=env:PASSWORD --on '[sudo] password for alice: ' --send-secret pw";
    let flags = format!("{rule} {dialogue} -- python3 sudo.py");
    t.run(words(&flags)).env("PASSWORD", password).report()
}

/// S57: getpass prompts, turns echo off and throws away what was typed before; nothing is lost.
#[test]
fn sudo_gets_the_right_password() {
    let t = Test::new();
    let done = sudo(&t, SECRET, "").out("[sudo] password for alice: \r\nroot shell\r\n").check();
    done.has("/dialogue/rules/0/fired", 1);
}

#[test]
fn sudo_gives_up_after_three_wrong_passwords() {
    let t = Test::new();
    let done = sudo(&t, "wrong", "").any_out().exit(1).check();
    done.has("/dialogue/rules/0/fired", 3).has("/outcome", "exited");
    assert!(done.out_text().ends_with("sudo: 3 incorrect password attempts\r\n"));
}

/// S31: a rule that may answer once does not answer a second time: an account is not locked by a robot.
#[test]
fn sudo_is_answered_no_more_often_than_allowed() {
    let t = Test::new();
    let done = sudo(&t, "wrong", "--max 1")
        .any_out()
        .exit(122)
        .err_has(
            "`[sudo] password for alice: ` appeared again after it was answered once (--max 1)",
        )
        .check();
    done.has("/dialogue/failure/reason", "rule_exhausted").has("/dialogue/rules/0/fired", 1);
}

/// S55, S60: what `read -s` takes is typed without an echo, and masked where the command prints it.
#[test]
fn bash_reads_a_secret() {
    need("bash");
    let t = Test::new();
    let done = t
        .run(words(
            r#"--pty --secret pin=env:PIN
            --expect 'PIN: ' --send-secret pin
            --expect 'got 13'
            -- bash -c 'read -rs -p "PIN: " pin; echo; echo "got ${#pin}: $pin"'"#,
        ))
        .env("PIN", SECRET)
        .report()
        .out("PIN: \r\ngot 13: ***\r\n")
        .check();
    assert!(find(done.report().to_string().as_bytes(), SECRET.as_bytes()).is_none());
}

/// S31: a menu; the number is looked up in what was printed, not known before.
#[test]
fn bash_select_menu() {
    need("bash");
    let t = Test::new();
    t.run(words(
        r#"--pty
        --expect '2) banana'
        --expect '#? ' --line 9
        --expect 'no such thing'
        --expect '#? ' --line 2
        -- bash -c 'select fruit in apple banana; do
             if [ -n "$fruit" ]; then echo "you chose $fruit"; break; fi
             echo "no such thing"
           done'"#,
    ))
    .out("1) apple\r\n2) banana\r\n#? 9\r\nno such thing\r\n#? 2\r\nyou chose banana\r\n")
    .check();
}

/// S114: hunk by hunk, each question answered in turn.
#[test]
fn git_add_patch_takes_one_hunk_of_two() {
    need("git");
    let t = Test::new();
    let lines = |third: &str, last: &str| {
        (1..=40)
            .map(|n| match n {
                3 => format!("{third}\n"),
                38 => format!("{last}\n"),
                _ => format!("{n}\n"),
            })
            .collect::<String>()
    };
    t.write("numbers", lines("3", "38"));
    t.sh("git init -q . && git add numbers && git -c user.name=n -c user.email=m commit -q -m one")
        .check();
    t.write("numbers", lines("three", "thirty-eight"));
    let done = t
        .run(words(
            r"--pty
            --expect '/\(1\/2\) Stage this hunk .*\? /' --line y
            --expect '/\(2\/2\) Stage this hunk .*\? /' --line n
            --expect @eof
            -- git add -p",
        ))
        .report()
        .any_out()
        .check();
    done.has("/dialogue/steps/1/state", "matched");
    let staged = t.program("git", ["diff", "--cached"]).any_out().check().out_text();
    assert!(staged.contains("+three\n") && !staged.contains("thirty-eight"), "{staged}");
}

/// What apt and dpkg ask, with a progress bar that rewrites its line.
const APT: &str = r#"
echo 'Reading package lists... Done'
printf 'Do you want to continue? [Y/n] '
read -r answer
case $answer in '' | y | Y) ;; *) echo 'Abort.'; exit 1 ;; esac
percent=0
while [ $percent -le 100 ]; do printf '\rProgress: [%3d%%]' $percent; percent=$((percent + 1)); done
printf '\r\033[K'
if [ "$1" = conf ]; then
    printf '*** hello.conf (Y/I/N/O/D/Z) [default=N] ? '
    read -r answer
fi
echo "Setting up hello (${answer:-N}) ..."
"#;

fn apt<'t>(t: &'t Test, dialogue: &str, command: &str) -> Cmd<'t> {
    t.write("apt.sh", APT);
    t.run(words(&format!("--pty {dialogue} -- {command}"))).report().any_out()
}

/// S137: which questions come is not known; rules answer those that do.
#[test]
fn an_installer_is_answered_and_its_progress_bar_confuses_nobody() {
    let t = Test::new();
    let rules = r"--on '[Y/n] ' --line '' --on '/\(Y\/I\/N.*\? /' --line N
        --expect '/^Setting up (?<package>\w+) \((?<answer>.*)\)/'";
    let plain = apt(&t, rules, "sh apt.sh").check();
    plain.has("/dialogue/captures/package", "hello").has("/dialogue/rules/0/fired", 1);
    plain.has("/dialogue/rules/1", serde_json::Value::Null);
    let asked = apt(&t, rules, "sh apt.sh conf").check();
    asked.has("/dialogue/captures/answer", "N").has("/dialogue/rules/1/fired", 1);
}

/// S30: a no is an answer too, and its exit code comes through.
#[test]
fn an_installer_is_told_no() {
    let t = Test::new();
    let done = apt(&t, "--on '[Y/n] ' --line n", "sh apt.sh").exit(1).check();
    assert!(done.out_text().ends_with("[Y/n] n\r\nAbort.\r\n"));
}

/// S137: a progress bar is activity; only real silence is idle.
#[test]
fn a_question_that_nobody_answers_is_silence() {
    let t = Test::new();
    let done = apt(&t, "--idle-timeout 300ms --on 'no such question' --line y", "sh apt.sh")
        .exit(124)
        .err(concat!(
            "heeler: silent for 300ms (--idle-timeout)\n",
            "  the last line looks like a prompt: `Do you want to continue? [Y/n] `; ",
            "answer it with `--on 'Do you want to continue? [Y/n]' --line …`\n"
        ))
        .check();
    done.has("/outcome", "idle").has("/stop/reason", "idle");
}
