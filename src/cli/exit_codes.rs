//! The exit codes as users read them: one table for help, man page and tests.

/// Code and when it happens, as documented.
pub const TABLE: &[(&str, &str)] = &[
    ("the command's", "it exited by itself; 0 where --ok-exit says so"),
    ("0", "--until, --until-idle or a pass ended it: its job was done"),
    ("128+n", "it died of signal n"),
    ("122", "the dialogue failed"),
    ("123", "processes were left behind, with --strays fail"),
    ("124", "a limit ended it, whatever it took"),
    ("125", "heeler failed, or could not start: usage, pattern, missing directory"),
    ("126", "the command was found but could not be executed"),
    ("127", "the command was not found, or its interpreter was not"),
];

/// What the table does not say.
pub const NOTES: &str = "\
When a signal cancels a run, heeler ends the tree, writes the report, and dies of the same signal.
A command can exit with any of these codes itself; the report (--report) always tells them apart.
A report or output that cannot be written is a warning: it never changes the exit code.
reap exits 1 when something survived, or with --dry-run when there is something to reap.";

/// The table, for a terminal.
pub fn text() -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for (code, when) in TABLE {
        let _ = writeln!(text, "  {code:<14} {when}");
    }
    text
}
