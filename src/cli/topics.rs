//! Help on topics, and the long parts of the help on commands.

use super::exit_codes;

/// The end of `heeler -h`.
pub fn short() -> String {
    format!("heeler run --help explains running; heeler help {} the rest.", NAMES.join("|"))
}

/// The end of `heeler --help`.
pub fn root() -> String {
    format!(
        "Exit codes of run:\n{}\n{}\n\nTopics: heeler help {}",
        exit_codes::text(),
        exit_codes::NOTES,
        NAMES.join("|")
    )
}

/// The end of `heeler run --help`.
pub const RUN: &str = "\
Examples:
  Hold a build to ten minutes, and to two minutes of silence:
    heeler run --timeout 10m --idle-timeout 2m -- make -j4

  Log in, answering whatever comes on the way:
    heeler run --pty --timeout 2m \\
      --on 'Are you sure you want to continue connecting' --line yes \\
      --expect 'login: ' --line alice \\
      --expect 'Password: ' --send-secret pw \\
      --expect '/last login: (?<when>.+)/i' --within 5s \\
      --secret pw=env:DEPLOY_PW -- telnet host

  See whether a server comes up (it is stopped then), and keep what it wrote:
    heeler run --expect 'listening on' --do pass --fail-on '/error|panic/i' --output server.log -- ./server

  Try a flaky test three times more, and report how it went:
    heeler run --retries 3 --retry-on exit,timeout --timeout 5m --report result.json -- ./test

  Run a dialogue from a file, with a param; look for mistakes in it:
    heeler run --script login.toml --set host=db1
    heeler check login.toml

  Ask politely before KILL, and see the plan without starting anything:
    heeler run --stop INT:5s,TERM:10s,KILL --dry-run -- ./service

Exit codes: the command's own; 122 dialogue failed, 123 strays, 124 limit, 125 heeler's own
failure, 126 not executable, 127 not found, 128+n signal n. More: heeler help exit-codes";

const PATTERNS: &str = "\
A pattern is the same everywhere:
  login:             this text, literally
  /^user (\\w+)/i     a regex (Rust syntax); flags i (case), s (. matches line ends), x (spaced out);
                     ^ and $ are the ends of lines; (?<name>...) is reported as a capture
  @eof               the end of the output
  @exit              the command has exited
  @idle:2s           no output for two seconds
  =/etc/             a leading = takes the rest literally

It looks at the output with terminal escapes removed and CR LF as LF; --view raw and --view screen change
that. A match that more output could still extend or displace is held until it is decided, or until the
output has paused for --settle.
";

const DIALOGUE: &str = "\
Dialogue flags are read in order, as a little program:
  --expect P         the next step: wait for P, then do what follows
  --on P             a rule: whenever P appears, do what follows
  --fail-on P        a watch: fail as soon as P appears
  --until P          a watch: the job is done when P appears

Actions belong to the step or rule before them; before the first, to the start:
  --send TEXT        type it, C escapes replaced        --line TEXT    type it, then Enter
  --key NAME         ctrl-c, up, f1, enter, eof ...     --send-secret NAME
  --do WHAT          pass, fail[:WHY], interrupt, terminate, kill; in a rule also next

Modifiers belong to what is before them:
  --within D         the limit of a step                --max N        how often a rule may fire
  --stream, --view   where a pattern listens            --echo-ok      of a --send-secret

A watch does not end the step or rule it stands in: actions after it still belong to that step or rule. Only
a --stream or --view directly after a watch is the watch's own.
";

/// The format of scripts; also a section of heeler-run(1).
pub const SCRIPT: &str = include_str!("topics/script.txt");

const VALUES: &str = "\
How values are written:
  durations          500ms, 10s, 2m, 1h30m, 1d; a bare number is seconds (0.5); 0 is off
  sizes              4096, 64KiB, 10M, 1GiB (K, M, G are powers of 1024; KB, MB, GB of 1000)
  signals            TERM, SIGTERM, 15, RTMIN+1
  ladders            TERM:10s,KILL
  exit codes         0,3,10-19
  terminal sizes     80x24
  secrets            NAME=env:VAR, NAME=file:PATH, NAME=fd:N, NAME=cmd:COMMAND, NAME=ask;
                     NAME=optional:env:VAR, NAME=optional:file:PATH
";

const SECRETS: &str = "\
A secret has a name, and a source that is not its value:
  --secret pw=env:DB_PASSWORD        a variable        --secret pw=fd:3         a descriptor
  --secret pw=file:/run/secrets/db   a file            --secret pw=cmd:'pass db'  what a command prints
  --secret pw=ask                    the person at our terminal; optional:env:VAR may be missing

  heeler run --pty --expect 'Password: ' --send-secret pw --secret pw=env:DB_PASSWORD -- psql

--send-secret waits until the terminal does not echo, as long as the step may take, and fails the dialogue when it
never does; --echo-ok behind it types all the same. Over pipes nothing echoes. The value is in no command line,
environment of the command, report, event, recording, log or message: where the command prints it, *** is written
in its place, on our stdout too. In a script: [secrets.pw] with env, file, fd, cmd or ask, and secret = \"pw\" in a step.
";

const REPORT: &str = "\
--report FILE (- is stdout, --report-fd N a descriptor) writes one line of JSON however a run ends. A field that does
not apply is absent. Some of them; heeler schema report has all, heeler man run what they mean:
  outcome            exited, signaled, timeout, idle, total_timeout, owner_gone, output_limit, until,
                     dialogue_failed, strays_failed, cancelled, spawn_failed, invalid, internal_error
  success, exit_code whether that is one; heeler's own exit code
  child              pid, exit_code or signal and signal_name, summary in words
  stop               reason, and signals: each with signal and at_ms
  dialogue           steps, rules, captures by name, failure: reason, message, last_lines
  streams            stdout and stderr, or terminal: bytes, lines, tail
  containment        verified: the tree is proven to be gone; strays, unkillable
  attempts, flaky    with --retries: each of them; it passed after a failure
  usage, warnings    of the whole tree; what went wrong beside

  heeler run --report r.json --timeout 1m -- ./test; jq -r '.outcome, .child.summary' r.json
";

/// A test runs its first block.
const DETACHED: &str = "\
run -d leaves a run in the background and prints its id. RUN is that id, its beginning, or the --name.

  run=$(heeler run -d --pty --owner $$ -- bc -q)     # it ends with this script, however that ends
  at=$(heeler send $run --line '6 * 7')              # types it; prints the place in the output
  heeler expect $run --since $at --on 'n=/^\\d+$/' --on 'bad=/error/' --print label
                                                     # waits for what comes behind it: n or bad
  heeler expect $run --since $at --on '/^(\\d+)$/' --print 1
                                                     # the group: 42; without --print all, as JSON
  heeler send $run --key ctrl-d                      # also --send 'C escapes', --send-secret NAME
  heeler wait $run                                   # exits as the run did, also long after
  heeler logs -f $run                                # its output so far, and what comes
  heeler screen $run --svg > now.svg                 # what its terminal shows; --json, or text

  heeler attach RUN             at a terminal: its screen, your keys; Ctrl-P Ctrl-Q leaves it running
  heeler run --detach-keys ctrl-p,ctrl-q -- vim x    the same, attached from the start
  heeler list --watch           all runs, with keys for them
  heeler reap RUN               stops it, and all of its processes

Exit codes: send, expect 0 done, 124 not in time (--timeout), 125 cannot; expect 122 the run ended first.
wait, attach: the run's; attach 0 when it was left. --ttl, --idle-timeout, --owner end what is forgotten.
";

/// The names of all topics.
pub const NAMES: &[&str] =
    &["exit-codes", "patterns", "dialogue", "script", "secrets", "report", "detached", "values"];

/// The text on a topic.
pub fn find(name: &str) -> Option<String> {
    match name {
        "exit-codes" => {
            Some(format!("Exit codes of run:\n{}\n{}\n", exit_codes::text(), exit_codes::NOTES))
        }
        "patterns" => Some(PATTERNS.to_owned()),
        "dialogue" => Some(DIALOGUE.to_owned()),
        "script" => Some(SCRIPT.to_owned()),
        "secrets" => Some(SECRETS.to_owned()),
        "report" => Some(REPORT.to_owned()),
        "detached" => Some(DETACHED.to_owned()),
        "values" => Some(VALUES.to_owned()),
        _ => None,
    }
}
