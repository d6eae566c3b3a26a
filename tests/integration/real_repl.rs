//! Interpreters and shells with a prompt: python3, sqlite3, bc, gdb.

use crate::harness::{Cmd, Test};
use crate::real::{need, words};

/// python3 as a person has it, without its banner; newer versions are asked for the plain prompt.
fn python<'t>(t: &'t Test, dialogue: &str) -> Cmd<'t> {
    need("python3");
    t.run(words(&format!("--pty {dialogue} -- python3 -q"))).env("PYTHON_BASIC_REPL", "1").report()
}

/// S115.
#[test]
fn python_computes_and_the_result_is_captured() {
    let t = Test::new();
    let done = python(
        &t,
        r"--expect '>>> ' --line 'print(6 * 7)'
          --expect '/^(?<answer>\d+)$/'
          --expect '>>> ' --key eof
          --expect @eof",
    )
    .any_out()
    .check();
    done.has("/dialogue/captures/answer", "42").has("/child/exit_code", 0);
}

/// S115, S116: a block wants an empty line; the continuation prompt is a prompt like any other.
#[test]
fn python_takes_a_block_throws_and_exits_with_a_code() {
    let t = Test::new();
    let done = python(
        &t,
        r"--expect '>>> ' --line 'def half(n):'
          --expect '... ' --line '    return n / 0'
          --expect '... ' --line ''
          --expect '>>> ' --line 'half(3)'
          --expect '/^(?<error>\w+Error): (?<why>.*)$/'
          --expect '>>> ' --line 'raise SystemExit(3)'",
    )
    .any_out()
    .exit(3)
    .check();
    done.has("/dialogue/captures/error", "ZeroDivisionError")
        .has("/dialogue/captures/why", "division by zero")
        .has("/outcome", "exited")
        .has("/child/exit_code", 3);
}

/// S116: what was typed is incomplete; Ctrl-C brings the prompt back, and the interpreter is usable. Python prints its
/// prompt, then waits in a select(2); a SIGINT in between only sets a flag (strace shows it), and is lost until the next
/// key. So the Ctrl-C waits until it rests, as a person does.
#[test]
fn python_is_interrupted_out_of_a_continuation() {
    let t = Test::new();
    let done = python(
        &t,
        r"--expect '>>> ' --line 'sum([1,'
          --expect '... ' --expect @idle:100ms --key ctrl-c
          --expect KeyboardInterrupt
          --expect '>>> ' --line 'raise SystemExit(len(str(12345)))'",
    )
    .any_out()
    .exit(5)
    .check();
    done.has("/outcome", "exited");
}

/// S27: an error ends the run at once, whatever the step waits for.
#[test]
fn python_throws_and_the_run_fails_on_it() {
    let t = Test::new();
    let done = python(
        &t,
        r"--fail-on '/^\w+Error: .*$/'
          --expect '>>> ' --line 'open(chr(120))'
          --expect never",
    )
    .any_out()
    .exit(122)
    .err_has("FileNotFoundError")
    .check();
    done.has("/outcome", "dialogue_failed").has("/dialogue/failure/reason", "fail");
}

/// S139.
#[test]
fn sqlite_answers_queries_and_continues_lines() {
    need("sqlite3");
    let t = Test::new();
    let done = t
        .run(words(
            r#"--pty
            --expect 'sqlite> ' --line 'create table fruit(id, name);'
            --expect 'sqlite> ' --line "insert into fruit values (1, 'apple'), (2, 'pear');"
            --expect 'sqlite> ' --line 'select id, name'
            --expect '   ...> ' --line 'from fruit order by id;'
            --expect '/^1\|(?<first>\w+)\n2\|(?<second>\w+)$/'
            --expect 'sqlite> ' --line .quit
            --expect @eof
            -- sqlite3 fruit.db"#,
        ))
        .report()
        .any_out()
        .check();
    done.has("/dialogue/captures/first", "apple").has("/dialogue/captures/second", "pear");
    assert!(t.path("fruit.db").is_file());
}

/// S139: the shell goes on after an error, and so may we. What it exits with then is its version's business.
#[test]
fn sqlite_says_what_is_wrong_with_a_query() {
    need("sqlite3");
    let t = Test::new();
    let done = t
        .run(words(
            r"--pty
            --expect 'sqlite> ' --line 'select * from missing_table;'
            --expect '/no such table: (?<missing>\w+)/'
            --expect 'sqlite> ' --line .quit
            --expect @eof
            -- sqlite3",
        ))
        .report()
        .any_out()
        .any_status()
        .check();
    done.has("/outcome", "exited").has("/dialogue/captures/missing", "missing_table");
}

/// S115 over pipes: no terminal, no prompt, no echo; the end of its input ends it.
#[test]
fn bc_over_pipes() {
    need("bc");
    let t = Test::new();
    let power = "1267650600228229401496703205376";
    let done = t
        .run(words(r"--pipe --line '2 ^ 100' --expect '/^(?<power>\d{20,})$/' --key eof -- bc -q"))
        .report()
        .out(format!("{power}\n"))
        .check();
    done.has("/dialogue/captures/power", power);
}

/// S130: a loop in the program's own language, on a terminal that echoes what we type.
#[test]
fn bc_on_a_terminal() {
    need("bc");
    let t = Test::new();
    let done = t
        .run(words(
            r"--pty --line 's = 0; for (i = 1; i <= 100; i++) s += i; s'
            --expect '/^(?<sum>\d+)$/' --line quit
            --expect @eof
            -- bc -q",
        ))
        .report()
        .any_out()
        .check();
    done.has("/dialogue/captures/sum", "5050");
}

/// S115.
#[test]
fn gdb_stops_at_a_breakpoint_and_shows_the_stack() {
    need("gdb");
    need("cc");
    let t = Test::new();
    t.write(
        "twice.c",
        "#include <stdio.h>\n\
         static int inner(int depth) { return depth * 2; }\n\
         static int outer(int n) { return inner(n + 1); }\n\
         int main(void) { printf(\"%d\\n\", outer(20)); return 0; }\n",
    );
    t.program("cc", ["-g", "-O0", "-o", "twice", "twice.c"]).check();
    let done = t
        .run(words(
            r"--pty
            --expect '(gdb) ' --line 'break inner'
            --expect '/Breakpoint 1 at (?<address>0x[0-9a-f]+)/'
            --expect '(gdb) ' --line run
            --expect '/Breakpoint 1, inner \(depth=(?<depth>\d+)\)/'
            --expect '(gdb) ' --line backtrace
            --expect '/^#1 .*outer \(n=(?<n>\d+)\)/'
            --expect '/^#2 .*main \(\)/'
            --expect '(gdb) ' --line continue
            --expect 'exited normally'
            --expect '(gdb) ' --line quit
            --expect @eof
            -- gdb -q -nx -iex 'set debuginfod enabled off' -iex 'set disable-randomization off'
            ./twice",
        ))
        .report()
        .any_out()
        .check();
    done.has("/dialogue/captures/depth", "21").has("/dialogue/captures/n", "20");
    assert!(done.at("/dialogue/captures/address").as_str().is_some_and(|at| at.starts_with("0x")));
}

/// A script gives the terminal another size, sends a signal, and lets rules listen and not listen.
#[test]
fn bash_is_resized_signalled_and_ruled() {
    let t = Test::new();
    t.write(
        "s.toml",
        r#"
version = 1
[command]
argv = ["bash", "--norc", "--noprofile"]
pty = true
env = { PS1 = "> " }
size = "80x24"
[[rule]]
name = "yes"
on = "sure? "
line = "y"
enabled = false
[[step]]
expect = "> "
resize = "101x33"
line = "stty size"
[[step]]
expect = '/^33 101$/'
[[step]]
expect = "> "
line = "trap 'echo got usr1' USR1; echo trapped"
[[step]]
expect = '/^trapped$/'
signal = "USR1"
# At its prompt bash does what a trap says only behind the next command.
line = "true"
[[step]]
expect = "got usr1"
enable = "yes"
# bash draws what is typed: the question is written so that the drawing is not taken for it.
line = "read -p 'sure'\"? \" a; echo a=$a"
[[step]]
expect = "a=y"
disable = "yes"
line = "read -t 0.2 -p 'sure'\"? \" b; echo \"b=[$b]\""
[[step]]
expect = "b=[]"
line = "exit 7"
"#,
    );
    need("bash");
    t.run(words("--script s.toml")).report().any_out().exit(7).check();
}
