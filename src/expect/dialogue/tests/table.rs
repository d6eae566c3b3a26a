//! The table of states and events, cell by cell; each state is one function, each line a cell.

use super::*;

fn program() -> Program {
    Program {
        rules: vec![rule("r", vec![line("rule")])],
        watches: vec![watch("boom", Verdict::Fail(None))],
        ..steps(vec![within(1000, step("p", vec![secret("pw"), line("behind")]))])
    }
}

fn unbegun() -> Bed {
    Bed::with(program(), &[PTY], &[("pw", "hunter2")])
}

fn waiting() -> Bed {
    Bed::new(program())
}

fn typing() -> Bed {
    let mut bed = waiting();
    assert_eq!(bed.output(0, "p"), [wanted(Some(1000))]);
    bed
}

fn met() -> Bed {
    let mut bed = typing();
    assert_eq!(bed.secret_sent(0), [typed("behind\r")]);
    bed
}

fn over() -> Bed {
    let mut bed = waiting();
    assert_eq!(reason(&bed.output(0, "boom")), "fail");
    bed
}

#[test]
fn not_begun() {
    assert_eq!(unbegun().start(), []);
    let mut bed = unbegun();
    assert_eq!(bed.output(0, "r p"), []);
    assert_eq!(bed.start(), [typed("rule\r"), wanted(Some(1000))], "output is kept");
    let mut bed = unbegun();
    assert_eq!((bed.eof(0), bed.exited(0)), (vec![], vec![]));
    assert_eq!(reason(&bed.start()), "eof");
    let mut bed = unbegun();
    assert_eq!(bed.finish(0), []);
    assert_eq!(reason(&bed.start()), "exit");
    let mut bed = unbegun();
    assert_eq!(bed.deadline(), None);
    assert_eq!(bed.tick(1_000_000), []);
    assert_eq!(bed.secret_sent(0), []);
    assert_eq!(bed.send_failed(0, &SendError::InputClosed), []);
    assert_eq!(reason(&bed.send_failed(0, &SendError::Other("x".to_owned()))), "send");
    let mut bed = unbegun();
    bed.dialogue.resize(100, 40);
    assert_eq!(bed.start(), []);
}

#[test]
fn while_typing() {
    assert_eq!(typing().start(), []);
    let mut bed = typing();
    assert_eq!(bed.output(1, "r"), []);
    assert_eq!(bed.secret_sent(2), [typed("behind\r"), typed("rule\r")], "output is kept");
    assert_eq!(reason(&typing().output(1, "boom")), "fail");
    let mut bed = typing();
    assert_eq!((bed.eof(1), bed.exited(1)), (vec![], vec![]));
    assert_eq!(reason(&bed.finish(1)), "eof");
    let mut bed = typing();
    assert_eq!(reason(&bed.finish(1)), "exit");
    let mut bed = typing();
    assert_eq!(bed.tick(999), []);
    assert_eq!(reason(&bed.tick(1000)), "secret_echo");
    assert_eq!(typing().secret_sent(1), [typed("behind\r")]);
    assert_eq!(
        typing().send_failed(1, &SendError::InputClosed),
        [Effect::DropSecret, typed("behind\r")]
    );
    assert_eq!(reason(&typing().send_failed(1, &SendError::Other("x".to_owned()))), "send");
}

#[test]
fn while_waiting() {
    assert_eq!(waiting().start(), []);
    assert_eq!(waiting().output(1, "r p"), [typed("rule\r"), wanted(Some(1000))]);
    assert_eq!(reason(&waiting().eof(1)), "eof");
    assert_eq!(waiting().exited(1), []);
    assert_eq!(reason(&waiting().finish(1)), "exit");
    let mut bed = waiting();
    assert_eq!(bed.tick(999), []);
    assert_eq!(reason(&bed.tick(1000)), "step_timeout");
    assert_eq!(waiting().secret_sent(1), []);
    assert_eq!(waiting().send_failed(1, &SendError::InputClosed), []);
    assert_eq!(reason(&waiting().send_failed(1, &SendError::Other("x".to_owned()))), "send");
}

#[test]
fn when_met() {
    assert_eq!(met().start(), []);
    assert_eq!(met().output(1, "r p"), [typed("rule\r")]);
    assert_eq!(reason(&met().output(1, "boom")), "fail");
    let mut bed = met();
    assert_eq!((bed.eof(1), bed.exited(1), bed.finish(1)), (vec![], vec![], vec![]));
    assert!(bed.dialogue.is_done());
    let mut bed = met();
    assert_eq!(bed.deadline(), None);
    assert_eq!(bed.tick(1_000_000), []);
    assert_eq!(bed.secret_sent(1), []);
    assert_eq!(bed.send_failed(1, &SendError::InputClosed), []);
    assert_eq!(reason(&bed.send_failed(1, &SendError::Other("x".to_owned()))), "send");
}

#[test]
fn when_over() {
    let mut bed = over();
    let before = bed.dialogue.record();
    assert_eq!(bed.start(), []);
    assert_eq!(bed.output(1, "r p boom"), []);
    assert_eq!(bed.eof(1), []);
    assert_eq!(bed.exited(1), []);
    assert_eq!(bed.finish(1), []);
    assert_eq!(bed.deadline(), None);
    assert_eq!(bed.tick(1_000_000), []);
    assert_eq!(bed.secret_sent(1), []);
    assert_eq!(bed.send_failed(1, &SendError::Other("x".to_owned())), []);
    assert!(bed.dialogue.is_over());
    assert_eq!(bed.dialogue.record(), before, "exactly one failure, and nothing after it");
}

#[test]
fn echo_is_discounted_in_every_state() {
    let mut bed =
        Bed::new(steps(vec![step("go", vec![line("yes")]), step("yes", vec![line("!")])]));
    assert_eq!(bed.output(0, "go"), [typed("yes\r")]);
    bed.dialogue.sent(PTY, b"yes\r", true);
    assert_eq!(bed.output(1, "yes\r\n"), [], "our own echo is no output");
    assert_eq!(bed.tick(500), []);
    assert_eq!(bed.output(501, "yes\r\n"), [typed("!\r")]);
    let mut bed =
        Bed::new(steps(vec![step("go", vec![line("yes")]), step("yes", vec![line("!")])]));
    bed.output(0, "go");
    bed.dialogue.sent(PTY, b"yes\r", false);
    assert_eq!(bed.output(1, "yes\r\n"), [typed("!\r")]);
}
