//! Whole dialogues.

use super::*;

/// A server's replies by number: 250 goes on, 550 is a failure with its text.
#[test]
fn s112_s117_replies_are_judged_by_their_number() {
    let t = Test::new();
    t.script(
        "smtp",
        "#!/bin/sh\necho '220 ready'\nwhile read -r verb name; do case $name in\n\
         alice) echo '250 Alice <alice@example.org>';; *) echo \"550 no such user: $name\";; esac; done\n",
    );
    let rules = r"--on '/^550 (?<why>.*)$/' --do 'fail:unknown user'";
    let ask = |name: &str| {
        let flags = format!(
            r"{rules} --expect '220 ' --line 'VRFY {name}' --expect '/^250 (?<who>.*)$/' --key eof -- ./smtp"
        );
        pipe(&t, &flags)
    };
    ask("alice").check().has("/dialogue/captures/who", "Alice <alice@example.org>");
    let done = ask("bob").exit(122).err_has("unknown user").check();
    done.has("/dialogue/captures/why", "no such user: bob");
}

/// fsck: each question has its own answer, whatever the order.
#[test]
fn s114_s136_a_table_of_questions_and_answers() {
    let t = Test::new();
    t.script(
        "fsck",
        "#!/bin/sh\nfor q in CLEAR RECONNECT CLEAR SALVAGE; do\n\
         printf '%s? [yn] ' $q; read -r a; echo \"$q=$a\" >>answers; done\n",
    );
    pty(
        &t,
        "--on 'CLEAR? [yn] ' --line n --on 'RECONNECT? [yn] ' --line y --on 'SALVAGE? [yn] ' --line y
         -- ./fsck",
    )
    .check();
    assert_eq!(t.read("answers"), "CLEAR=n\nRECONNECT=y\nCLEAR=n\nSALVAGE=y\n");
}

#[test]
fn s135_a_recording_holds_every_byte() {
    let t = Test::new();
    let done = pty(&t, "--record demo.cast -- seq 1000").check();
    let recorded: usize = t
        .read("demo.cast")
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event[1] == "o")
        .map(|event| event[2].as_str().unwrap().len())
        .sum();
    assert_eq!(recorded, done.out.len());
    done.has("/streams/terminal/bytes", recorded);
}

/// The cursor goes up and a word is replaced: only the screen shows what a person sees.
#[test]
fn s142_the_screen_is_what_a_person_sees() {
    let t = Test::new();
    let command = r"-- printf 'state: busy\r\nwait\r\033[1A\033[8Gdone\033[K\n'";
    pty(&t, &format!("--expect 'state: done' --view screen --expect-timeout 5s {command}")).check();
    pty(&t, &format!("--expect 'state: done' {command}")).exit(122).any_err().check();
}
