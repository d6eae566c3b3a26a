//! Full-screen programs: less, vim, whiptail. They draw, so patterns look at the screen where the order of
//! the bytes says nothing.

use crate::harness::{Cmd, Test};
use crate::real::{need, words};

/// On a terminal of 80 by 24, whatever the tests run in.
fn screen<'t>(t: &'t Test, flags: &str) -> Cmd<'t> {
    t.run(words(&format!("--pty --size 80x24 {flags}"))).report().any_out()
}

#[test]
fn less_pages_searches_and_quits() {
    need("less");
    let t = Test::new();
    let lines = (1..=200).map(|n| format!("line {n} of 200\n")).collect::<Vec<_>>().concat();
    t.write("long.txt", lines);
    let done = screen(
        &t,
        r"--expect 'line 23 of 200' --view screen --key space
          --expect 'line 46 of 200' --view screen --send '/line 150\n'
          --expect '/^line 150 of 200 *\n(?<next>line \d+)/' --view screen --send q
          --expect @eof
          -- less long.txt",
    )
    .check();
    done.has("/dialogue/captures/next", "line 151");
}

#[test]
fn vim_writes_a_file() {
    need("vim");
    let t = Test::new();
    screen(
        &t,
        r"--expect '[New File]' --view screen --send 'ifirst line\rsecond line\x1b'
          --expect '/^second line *$/' --view screen --line ':wq'
          --expect @eof
          -- vim -u NONE -i NONE new.txt",
    )
    .check();
    assert_eq!(t.read("new.txt"), "first line\nsecond line\n");
}

/// Leaves insert mode, searches, replaces, and looks at the cursor's line on the screen.
#[test]
fn vim_replaces_in_a_file() {
    need("vim");
    let t = Test::new();
    t.write("poem.txt", "roses are red\nviolets are red\n");
    screen(
        &t,
        r"--expect 'roses are red' --view screen --send '/violets\r'
          --expect '/^\/violets|violets/' --view screen --line ':s/red/blue/'
          --expect 'violets are blue' --view screen --line ':wq'
          --expect @eof
          -- vim -u NONE -i NONE poem.txt",
    )
    .check();
    assert_eq!(t.read("poem.txt"), "roses are red\nviolets are blue\n");
}

/// whiptail says what was chosen on stderr, which is not its screen: exit codes 0, 1 and 255.
#[test]
fn whiptail_yes_no_and_escape() {
    need("whiptail");
    let t = Test::new();
    let ask = |keys: &str| {
        let flags = format!(
            "--expect '<No>' --view screen {keys} --expect @eof -- whiptail --yesno 'Go on?' 10 40"
        );
        screen(&t, &flags)
    };
    ask("--key enter").exit(0).check();
    ask("--key tab --key enter").exit(1).check();
    let escaped = ask("--key escape").exit(255).check();
    escaped.has("/child/exit_code", 255);
}

#[test]
fn whiptail_input_box() {
    need("whiptail");
    let t = Test::new();
    screen(
        &t,
        r#"--expect '<Ok>' --view screen --send alice
           --expect alice --view screen --key enter
           --expect @eof
           -- sh -c 'whiptail --inputbox "Your name?" 10 40 2>name'"#,
    )
    .check();
    assert_eq!(t.read("name"), "alice");
}

#[test]
fn whiptail_menu() {
    need("whiptail");
    let t = Test::new();
    let choose = |keys: &str| {
        let flags = format!(
            r#"--expect cherry --view screen {keys} --expect @eof
            -- sh -c 'whiptail --menu "Pick one" 14 40 3 a apple b banana c cherry 2>choice'"#
        );
        screen(&t, &flags)
    };
    choose("--key down --key enter").exit(0).check();
    assert_eq!(t.read("choice"), "b");
    choose("--key down --key down --key up --key tab --key tab --key enter").exit(1).check();
    assert_eq!(t.read("choice"), "");
}
