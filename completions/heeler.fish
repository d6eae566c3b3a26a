# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_heeler_global_optspecs
    string join \n h/help V/version
end

function __fish_heeler_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_heeler_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_heeler_using_subcommand
    set -l cmd (__fish_heeler_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c heeler -n "__fish_heeler_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_needs_command" -s V -l version -d 'Print version'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "run" -d 'Supervise a command'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "list" -d 'List live runs and orphans'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "ps" -d 'List live runs and orphans'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "reap" -d 'End what was left behind'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "check" -d 'Check scripts without running anything'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "inspect" -d 'Print everything known of a run, as JSON'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "logs" -d 'Print the output of a detached run'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "attach" -d 'Give our terminal to a detached run'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "send" -d 'Type to a detached run'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "expect" -d 'Wait for output of a detached run'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "wait" -d 'Wait for the end of a run, and exit as it did'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "run-script" -d 'Run a script\'s dialogue with a detached run'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "signal" -d 'Send a signal to every process of a detached run'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "resize" -d 'Give the terminal of a detached run another size'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "screen" -d 'Print what the terminal of a detached run shows'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "learn" -d 'Watch a person do it once, and write the script'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "replay" -d 'Play a recording in the terminal'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "doctor" -d 'Say what this machine allows, and how to get what it does not'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "completions" -d 'Print shell completions'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "man" -d 'Print a man page, or write all of them'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "schema" -d 'Print the JSON Schema of a format'
complete -c heeler -n "__fish_heeler_needs_command" -f -a "help" -d 'Explain a command or a topic'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l detach-keys -d 'Let these keys leave it running in the background: ctrl-p,ctrl-q' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -s C -l cwd -d 'Start it in DIR, which has to exist' -r -f -a "(__fish_complete_directories)"
complete -c heeler -n "__fish_heeler_using_subcommand run" -s e -l env -d 'Set a variable; K alone passes ours on, for use after --env-clear' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l env-file -d 'Set variables from a file of K=V lines; -e wins over it' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -l unset -d 'Remove a variable' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l stdin -d 'Where its input comes from: inherit, null, or a file' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -l input -d 'Feed it TEXT, as it is, then end of file' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l size -d 'Terminal size; without it ours, else 80x24' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l term -d 'TERM of its terminal' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l nice -d 'Priority: -20 to 19, or minimal (15), low (5), normal (0), high (-5)' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l umask -d 'Its file mode mask, octal' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l rlimit -d 'Limit a resource, hard and soft: nofile=256, as=1GiB, core=0, cpu=60, fsize=unlimited ...' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l ignore-signal -d 'Start it with this signal ignored, as nohup does with HUP' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l log-max -d 'With -d or --detach-keys: how much output is kept for heeler logs; 0 is none [default: 8MiB]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l stdout -d 'Copy its stdout to FILE (with a terminal: all of its output)' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -l stderr -d 'Copy its stderr to FILE; asks for pipes, since a terminal has one stream' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -l output -d 'Copy all of its output to FILE, in order of arrival' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -l report -d 'Write the report to FILE; - is stdout, and output then passes to stderr' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -l report-fd -d 'Write the report to the open descriptor N' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l events -d 'Write the run as JSON lines to FILE while it happens; - is stderr' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -l record -d 'Record it as asciicast v2, for any asciinema player' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -l tail -d 'How much of each stream\'s end goes into the report [default: 4KiB]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l expect -d 'Wait for P, then do what the action flags after it say' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l on -d 'Answer P whenever it appears, with the action flags after it' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l send -d 'Action: type TEXT, C escapes such as \\n and \\x1b replaced' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l line -d 'Action: type TEXT as it is, then Enter' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l key -d 'Action: press a key: ctrl-c, up, f1, enter, eof ...' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l send-secret -d 'Action: type a --secret, then Enter, once the terminal does not echo' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l do -d 'Action: pass, fail[:WHY], interrupt, terminate, kill, next' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l pace -d 'Action: from here on type with this pause between characters' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l within -d 'The limit of the --expect before it, instead of --expect-timeout' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l max -d 'How often the --on before it may fire; once more fails the dialogue' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l stream -d 'Listen only to stdout or stderr; asks for pipes' -r -f -a "stdout\t'Only stdout'
stderr\t'Only stderr'"
complete -c heeler -n "__fish_heeler_using_subcommand run" -l view -d 'What the pattern before it looks at: text (escapes removed), raw, or screen' -r -f -a "text\t'Terminal escapes removed, CR LF to LF'
raw\t'The bytes as they came'
screen\t'The rendered screen'"
complete -c heeler -n "__fish_heeler_using_subcommand run" -l fail-on -d 'Fail as soon as P appears; may stand anywhere' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l until -d 'The job is done when P appears: stop it, success; may stand anywhere' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l secret -d 'Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l expect-timeout -d 'The limit of each --expect [default: 30s]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l settle -d 'The pause in the output after which an undecided match is decided [default: 50ms]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l window -d 'How much output of a stream is kept for matching [default: 1MiB]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l script -d 'Read the dialogue, and maybe the command, from FILE (TOML); - is stdin' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -l script-json -d 'The same as JSON' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -l set -d 'Set a param of the script' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l timeout -d 'Stop an attempt after D' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l idle-timeout -d 'Stop it when nothing has been active for D' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l total-timeout -d 'Stop after D, all attempts and the pauses between them together' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l ttl -d 'With -d or --detach-keys: stop it when it is older than D' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l owner -d 'With -d or --detach-keys: stop it when the process PID has ended' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l max-output -d 'Stop it when it has written more than so much' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l until-idle -d 'Its job is done when it has been idle for D: stop it, success' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l stop -d 'Signals that end the whole tree [default: TERM:10s,KILL]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l strays -d 'Processes left behind: reap[:GRACE], wait, leave, release, fail' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l drain -d 'How long output that strays hold open is read after it exits [default: 500ms]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l containment -d 'What holds the process tree: auto (a cgroup where one can be made), subreaper' -r -f -a "auto\t'A cgroup where one can be made'
subreaper\t'The child subreaper alone'"
complete -c heeler -n "__fish_heeler_using_subcommand run" -l ok-exit -d 'Exit codes that count as success besides 0, such as 3,10-19' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l retries -d 'Try again up to N times after a failure' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l retry-delay -d 'Pause before the second attempt [default: 1s]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l retry-backoff -d 'Each pause is so many times the one before [default: 2]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l retry-max-delay -d 'No pause is longer [default: 1m]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l retry-jitter -d 'Shorten each pause at random by up to this share, 0 to 1 [default: 0]' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l retry-on -d 'When: exit, exit:75,69, signal, timeout, idle, dialogue, match:P' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l name -d 'A name for list, inspect and reap' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l tag -d 'A tag for list and reap; may be repeated' -r
complete -c heeler -n "__fish_heeler_using_subcommand run" -l track -d 'Whether it is recorded: auto, require, off [default: auto]' -r -f -a "auto\t'As far as it can be; a failure is a warning, on stderr and in the report'
require\t'A failure to record is a failure to start'
off\t'Not at all'"
complete -c heeler -n "__fish_heeler_using_subcommand run" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run" -s d -l detach -d 'Leave it running in the background, and print its id'
complete -c heeler -n "__fish_heeler_using_subcommand run" -s t -l pty -d 'Give it a terminal of its own'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l pipe -d 'Give it pipes: stdout and stderr apart, byte for byte'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l inherit -d 'Give it our own stdin, stdout and stderr, and read nothing'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l isolate -d 'With --inherit: a process group of its own, so that Ctrl-C reaches only heeler'
complete -c heeler -n "__fish_heeler_using_subcommand run" -s c -l shell -d 'COMMAND is one string for `sh -c` (never a login shell)'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l env-clear -d 'Start from an empty environment'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l no-echo -d 'Its terminal starts with echo off'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l dry-run -d 'Print the resolved plan as JSON and start nothing'
complete -c heeler -n "__fish_heeler_using_subcommand run" -s q -l quiet -d 'Let nothing pass through'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l merge -d 'Pipes only: stderr into stdout through one pipe, in write order'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l timestamps -d 'Prefix each line that passes through with the elapsed time'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l record-input -d 'Record what is typed too, but nothing that the terminal does not show'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l echo-ok -d 'Type the --send-secret before it even while the terminal echoes'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l emit -d 'Print the flags as a script, and start nothing'
complete -c heeler -n "__fish_heeler_using_subcommand run" -l guard -d 'End the tree even if heeler itself is killed'
complete -c heeler -n "__fish_heeler_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand list" -l tag -d 'Only runs with this tag; repeated: with all of them' -r
complete -c heeler -n "__fish_heeler_using_subcommand list" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand list" -l json -d 'Print a JSON array (heeler schema list)'
complete -c heeler -n "__fish_heeler_using_subcommand list" -s a -l all -d 'List ended runs too'
complete -c heeler -n "__fish_heeler_using_subcommand list" -s w -l watch -d 'Show a live table, with keys to attach to a run, stop it and reap it; ? explains them'
complete -c heeler -n "__fish_heeler_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand ps" -l tag -d 'Only runs with this tag; repeated: with all of them' -r
complete -c heeler -n "__fish_heeler_using_subcommand ps" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand ps" -l json -d 'Print a JSON array (heeler schema list)'
complete -c heeler -n "__fish_heeler_using_subcommand ps" -s a -l all -d 'List ended runs too'
complete -c heeler -n "__fish_heeler_using_subcommand ps" -s w -l watch -d 'Show a live table, with keys to attach to a run, stop it and reap it; ? explains them'
complete -c heeler -n "__fish_heeler_using_subcommand ps" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand reap" -l older-than -d 'Only runs that were started longer than D ago' -r
complete -c heeler -n "__fish_heeler_using_subcommand reap" -l tag -d 'Only runs with this tag; repeated: with all of them' -r
complete -c heeler -n "__fish_heeler_using_subcommand reap" -l grace -d 'How long processes have between TERM and KILL, and a run\'s own ladder before all is killed [default: 2s; a ladder as long as it takes]' -r
complete -c heeler -n "__fish_heeler_using_subcommand reap" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand reap" -s a -l all -d 'End live runs too, not only orphans'
complete -c heeler -n "__fish_heeler_using_subcommand reap" -s n -l dry-run -d 'Say what would be ended, and end nothing'
complete -c heeler -n "__fish_heeler_using_subcommand reap" -l json -d 'Print JSON'
complete -c heeler -n "__fish_heeler_using_subcommand reap" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand check" -l against -d 'Play the script against a recording, in no time and without the command' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand check" -l set -d 'Check with this param, instead of a stand-in' -r
complete -c heeler -n "__fish_heeler_using_subcommand check" -l json -d 'Print the findings as JSON'
complete -c heeler -n "__fish_heeler_using_subcommand check" -l strict -d 'Exit 1 when there are warnings'
complete -c heeler -n "__fish_heeler_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand inspect" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand logs" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand logs" -l tail -d 'Only the last N lines' -r
complete -c heeler -n "__fish_heeler_using_subcommand logs" -l since -d 'Only from this offset on, as send and expect count' -r
complete -c heeler -n "__fish_heeler_using_subcommand logs" -s f -l follow -d 'Go on until the run ends'
complete -c heeler -n "__fish_heeler_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand attach" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand attach" -l detach-keys -d 'The keys that leave it: ctrl-X or single characters, with commas between them; none for none' -r
complete -c heeler -n "__fish_heeler_using_subcommand attach" -l size-from -d 'Who gives its terminal the size when several are attached, from now on' -r -f -a "smallest\t'The smallest, so that everybody sees all of it (as it begins)'
latest\t'That of who came, typed or changed their size last'"
complete -c heeler -n "__fish_heeler_using_subcommand attach" -l until -d 'Leave it when P appears in its output' -r
complete -c heeler -n "__fish_heeler_using_subcommand attach" -l read-only -d 'Only look on: type nothing, and give it no size'
complete -c heeler -n "__fish_heeler_using_subcommand attach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand send" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand send" -l send -d 'Type TEXT, C escapes such as \\n and \\x1b replaced' -r
complete -c heeler -n "__fish_heeler_using_subcommand send" -l line -d 'Type TEXT as it is, then Enter' -r
complete -c heeler -n "__fish_heeler_using_subcommand send" -l key -d 'Press a key: ctrl-c, up, f1, enter, eof ...' -r
complete -c heeler -n "__fish_heeler_using_subcommand send" -l send-secret -d 'Type a --secret, then Enter, once the terminal does not echo' -r
complete -c heeler -n "__fish_heeler_using_subcommand send" -l file -d 'Type what is in a file; - is our stdin' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand send" -l secret -d 'Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask' -r
complete -c heeler -n "__fish_heeler_using_subcommand send" -l timeout -d 'How long a command that does not read, or a terminal that echoes, is waited for; 0 is for ever [default: 30s]' -r
complete -c heeler -n "__fish_heeler_using_subcommand send" -l echo-ok -d 'Type the --send-secret before it even while the terminal echoes'
complete -c heeler -n "__fish_heeler_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand expect" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand expect" -l on -d 'A pattern, and what its match is called; the label may be left out' -r
complete -c heeler -n "__fish_heeler_using_subcommand expect" -l timeout -d 'For how long; 0 is for ever [default: 30s]' -r
complete -c heeler -n "__fish_heeler_using_subcommand expect" -l since -d 'Only output from this offset on, as send printed it' -r
complete -c heeler -n "__fish_heeler_using_subcommand expect" -l print -d 'Print only this of the match: label, before, offset, or a group by number or name [default: all, as JSON]' -r
complete -c heeler -n "__fish_heeler_using_subcommand expect" -l view -d 'What the patterns look at: text (escapes removed), raw, or screen' -r -f -a "text\t'Terminal escapes removed, CR LF to LF'
raw\t'The bytes as they came'
screen\t'The rendered screen'"
complete -c heeler -n "__fish_heeler_using_subcommand expect" -l stream -d 'Listen only to stdout or stderr' -r -f -a "stdout\t'Only stdout'
stderr\t'Only stderr'"
complete -c heeler -n "__fish_heeler_using_subcommand expect" -l peek -d 'Leave the text for the next expect'
complete -c heeler -n "__fish_heeler_using_subcommand expect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand wait" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand wait" -l timeout -d 'For how long [default: for ever]' -r
complete -c heeler -n "__fish_heeler_using_subcommand wait" -l json -d 'Print how it ended as JSON'
complete -c heeler -n "__fish_heeler_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand run-script" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand run-script" -l set -d 'Set a param of the script' -r
complete -c heeler -n "__fish_heeler_using_subcommand run-script" -l secret -d 'Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask' -r
complete -c heeler -n "__fish_heeler_using_subcommand run-script" -l json -d 'Print what the dialogue did as JSON, as the report has it'
complete -c heeler -n "__fish_heeler_using_subcommand run-script" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand signal" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand signal" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand resize" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand resize" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand screen" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand screen" -l json -d 'Print JSON: text, colours and cursor (heeler schema screen)'
complete -c heeler -n "__fish_heeler_using_subcommand screen" -l svg -d 'Print a picture'
complete -c heeler -n "__fish_heeler_using_subcommand screen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand learn" -s o -l out -d 'Write the script to SCRIPT' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand learn" -l cast -d 'Keep the recording in FILE, for `heeler check SCRIPT --against FILE`' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand learn" -l force -d 'Replace files that exist'
complete -c heeler -n "__fish_heeler_using_subcommand learn" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand replay" -l speed -d 'Play F times as fast' -r
complete -c heeler -n "__fish_heeler_using_subcommand replay" -l idle-limit -d 'Shorten every pause to D' -r
complete -c heeler -n "__fish_heeler_using_subcommand replay" -l instant -d 'Print everything at once'
complete -c heeler -n "__fish_heeler_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand doctor" -l db -d 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]' -r -F
complete -c heeler -n "__fish_heeler_using_subcommand doctor" -l json -d 'Print JSON'
complete -c heeler -n "__fish_heeler_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand completions" -s h -l help -d 'Print help'
complete -c heeler -n "__fish_heeler_using_subcommand man" -l out -d 'Write every man page into DIR, which is made if need be' -r -f -a "(__fish_complete_directories)"
complete -c heeler -n "__fish_heeler_using_subcommand man" -s h -l help -d 'Print help'
complete -c heeler -n "__fish_heeler_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c heeler -n "__fish_heeler_using_subcommand help" -s h -l help -d 'Print help'
