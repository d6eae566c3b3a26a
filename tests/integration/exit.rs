//! What heeler exits with.

use crate::harness::Test;

#[test]
fn a_command_that_succeeds() {
    Test::new().run(["--", "sh", "-c", "echo out; echo err >&2"]).out("out\n").err("err\n").check();
}

#[test]
fn on_a_terminal_of_our_own() {
    let t = Test::new();
    let mut run = t
        .run(["--", "sh", "-c", "test -t 0 && echo ready; read line; echo got $line"])
        .terminal(80, 24)
        .start();
    run.wait_out("ready\r\n");
    run.type_in("x\r");
    let done = run.out("ready\r\nx\r\ngot x\r\n").check();
    assert!(done.modes.is_some());
    let done = t.run(["--", "sh", "-c", "exit 9"]).report().exit(9).check();
    done.has("/child/exit_code", 9).has("/mode", "pipe");
}
