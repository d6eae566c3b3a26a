
use builtin;
use str;

set edit:completion:arg-completer[heeler] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'heeler'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'heeler'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand run 'Supervise a command'
            cand list 'List live runs and orphans'
            cand ps 'List live runs and orphans'
            cand reap 'End what was left behind'
            cand check 'Check scripts without running anything'
            cand inspect 'Print everything known of a run, as JSON'
            cand logs 'Print the output of a detached run'
            cand attach 'Give our terminal to a detached run'
            cand send 'Type to a detached run'
            cand expect 'Wait for output of a detached run'
            cand wait 'Wait for the end of a run, and exit as it did'
            cand run-script 'Run a script''s dialogue with a detached run'
            cand signal 'Send a signal to every process of a detached run'
            cand resize 'Give the terminal of a detached run another size'
            cand screen 'Print what the terminal of a detached run shows'
            cand learn 'Watch a person do it once, and write the script'
            cand replay 'Play a recording in the terminal'
            cand doctor 'Say what this machine allows, and how to get what it does not'
            cand completions 'Print shell completions'
            cand man 'Print a man page, or write all of them'
            cand schema 'Print the JSON Schema of a format'
            cand help 'Explain a command or a topic'
        }
        &'heeler;run'= {
            cand --detach-keys 'Let these keys leave it running in the background: ctrl-p,ctrl-q'
            cand -C 'Start it in DIR, which has to exist'
            cand --cwd 'Start it in DIR, which has to exist'
            cand -e 'Set a variable; K alone passes ours on, for use after --env-clear'
            cand --env 'Set a variable; K alone passes ours on, for use after --env-clear'
            cand --env-file 'Set variables from a file of K=V lines; -e wins over it'
            cand --unset 'Remove a variable'
            cand --stdin 'Where its input comes from: inherit, null, or a file'
            cand --input 'Feed it TEXT, as it is, then end of file'
            cand --size 'Terminal size; without it ours, else 80x24'
            cand --term 'TERM of its terminal'
            cand --nice 'Priority: -20 to 19, or minimal (15), low (5), normal (0), high (-5)'
            cand --umask 'Its file mode mask, octal'
            cand --rlimit 'Limit a resource, hard and soft: nofile=256, as=1GiB, core=0, cpu=60, fsize=unlimited ...'
            cand --ignore-signal 'Start it with this signal ignored, as nohup does with HUP'
            cand --log-max 'With -d or --detach-keys: how much output is kept for heeler logs; 0 is none [default: 8MiB]'
            cand --stdout 'Copy its stdout to FILE (with a terminal: all of its output)'
            cand --stderr 'Copy its stderr to FILE; asks for pipes, since a terminal has one stream'
            cand --output 'Copy all of its output to FILE, in order of arrival'
            cand --report 'Write the report to FILE; - is stdout, and output then passes to stderr'
            cand --report-fd 'Write the report to the open descriptor N'
            cand --events 'Write the run as JSON lines to FILE while it happens; - is stderr'
            cand --record 'Record it as asciicast v2, for any asciinema player'
            cand --tail 'How much of each stream''s end goes into the report [default: 4KiB]'
            cand --expect 'Wait for P, then do what the action flags after it say'
            cand --on 'Answer P whenever it appears, with the action flags after it'
            cand --send 'Action: type TEXT, C escapes such as \n and \x1b replaced'
            cand --line 'Action: type TEXT as it is, then Enter'
            cand --key 'Action: press a key: ctrl-c, up, f1, enter, eof ...'
            cand --send-secret 'Action: type a --secret, then Enter, once the terminal does not echo'
            cand --do 'Action: pass, fail[:WHY], interrupt, terminate, kill, next'
            cand --pace 'Action: from here on type with this pause between characters'
            cand --within 'The limit of the --expect before it, instead of --expect-timeout'
            cand --max 'How often the --on before it may fire; once more fails the dialogue'
            cand --stream 'Listen only to stdout or stderr; asks for pipes'
            cand --view 'What the pattern before it looks at: text (escapes removed), raw, or screen'
            cand --fail-on 'Fail as soon as P appears; may stand anywhere'
            cand --until 'The job is done when P appears: stop it, success; may stand anywhere'
            cand --secret 'Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask'
            cand --expect-timeout 'The limit of each --expect [default: 30s]'
            cand --settle 'The pause in the output after which an undecided match is decided [default: 50ms]'
            cand --window 'How much output of a stream is kept for matching [default: 1MiB]'
            cand --script 'Read the dialogue, and maybe the command, from FILE (TOML); - is stdin'
            cand --script-json 'The same as JSON'
            cand --set 'Set a param of the script'
            cand --timeout 'Stop an attempt after D'
            cand --idle-timeout 'Stop it when nothing has been active for D'
            cand --total-timeout 'Stop after D, all attempts and the pauses between them together'
            cand --ttl 'With -d or --detach-keys: stop it when it is older than D'
            cand --owner 'With -d or --detach-keys: stop it when the process PID has ended'
            cand --max-output 'Stop it when it has written more than so much'
            cand --until-idle 'Its job is done when it has been idle for D: stop it, success'
            cand --stop 'Signals that end the whole tree [default: TERM:10s,KILL]'
            cand --strays 'Processes left behind: reap[:GRACE], wait, leave, release, fail'
            cand --drain 'How long output that strays hold open is read after it exits [default: 500ms]'
            cand --containment 'What holds the process tree: auto (a cgroup where one can be made), subreaper'
            cand --ok-exit 'Exit codes that count as success besides 0, such as 3,10-19'
            cand --retries 'Try again up to N times after a failure'
            cand --retry-delay 'Pause before the second attempt [default: 1s]'
            cand --retry-backoff 'Each pause is so many times the one before [default: 2]'
            cand --retry-max-delay 'No pause is longer [default: 1m]'
            cand --retry-jitter 'Shorten each pause at random by up to this share, 0 to 1 [default: 0]'
            cand --retry-on 'When: exit, exit:75,69, signal, timeout, idle, dialogue, match:P'
            cand --name 'A name for list, inspect and reap'
            cand --tag 'A tag for list and reap; may be repeated'
            cand --track 'Whether it is recorded: auto, require, off [default: auto]'
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand -d 'Leave it running in the background, and print its id'
            cand --detach 'Leave it running in the background, and print its id'
            cand -t 'Give it a terminal of its own'
            cand --pty 'Give it a terminal of its own'
            cand --pipe 'Give it pipes: stdout and stderr apart, byte for byte'
            cand --inherit 'Give it our own stdin, stdout and stderr, and read nothing'
            cand --isolate 'With --inherit: a process group of its own, so that Ctrl-C reaches only heeler'
            cand -c 'COMMAND is one string for `sh -c` (never a login shell)'
            cand --shell 'COMMAND is one string for `sh -c` (never a login shell)'
            cand --env-clear 'Start from an empty environment'
            cand --no-echo 'Its terminal starts with echo off'
            cand --dry-run 'Print the resolved plan as JSON and start nothing'
            cand -q 'Let nothing pass through'
            cand --quiet 'Let nothing pass through'
            cand --merge 'Pipes only: stderr into stdout through one pipe, in write order'
            cand --timestamps 'Prefix each line that passes through with the elapsed time'
            cand --record-input 'Record what is typed too, but nothing that the terminal does not show'
            cand --echo-ok 'Type the --send-secret before it even while the terminal echoes'
            cand --emit 'Print the flags as a script, and start nothing'
            cand --guard 'End the tree even if heeler itself is killed'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;list'= {
            cand --tag 'Only runs with this tag; repeated: with all of them'
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand --json 'Print a JSON array (heeler schema list)'
            cand -a 'List ended runs too'
            cand --all 'List ended runs too'
            cand -w 'Show a live table, with keys to attach to a run, stop it and reap it; ? explains them'
            cand --watch 'Show a live table, with keys to attach to a run, stop it and reap it; ? explains them'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;ps'= {
            cand --tag 'Only runs with this tag; repeated: with all of them'
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand --json 'Print a JSON array (heeler schema list)'
            cand -a 'List ended runs too'
            cand --all 'List ended runs too'
            cand -w 'Show a live table, with keys to attach to a run, stop it and reap it; ? explains them'
            cand --watch 'Show a live table, with keys to attach to a run, stop it and reap it; ? explains them'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;reap'= {
            cand --older-than 'Only runs that were started longer than D ago'
            cand --tag 'Only runs with this tag; repeated: with all of them'
            cand --grace 'How long processes have between TERM and KILL, and a run''s own ladder before all is killed [default: 2s; a ladder as long as it takes]'
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand -a 'End live runs too, not only orphans'
            cand --all 'End live runs too, not only orphans'
            cand -n 'Say what would be ended, and end nothing'
            cand --dry-run 'Say what would be ended, and end nothing'
            cand --json 'Print JSON'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;check'= {
            cand --against 'Play the script against a recording, in no time and without the command'
            cand --set 'Check with this param, instead of a stand-in'
            cand --json 'Print the findings as JSON'
            cand --strict 'Exit 1 when there are warnings'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;inspect'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;logs'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand --tail 'Only the last N lines'
            cand --since 'Only from this offset on, as send and expect count'
            cand -f 'Go on until the run ends'
            cand --follow 'Go on until the run ends'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;attach'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand --detach-keys 'The keys that leave it: ctrl-X or single characters, with commas between them; none for none'
            cand --size-from 'Who gives its terminal the size when several are attached, from now on'
            cand --until 'Leave it when P appears in its output'
            cand --read-only 'Only look on: type nothing, and give it no size'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;send'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand --send 'Type TEXT, C escapes such as \n and \x1b replaced'
            cand --line 'Type TEXT as it is, then Enter'
            cand --key 'Press a key: ctrl-c, up, f1, enter, eof ...'
            cand --send-secret 'Type a --secret, then Enter, once the terminal does not echo'
            cand --file 'Type what is in a file; - is our stdin'
            cand --secret 'Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask'
            cand --timeout 'How long a command that does not read, or a terminal that echoes, is waited for; 0 is for ever [default: 30s]'
            cand --echo-ok 'Type the --send-secret before it even while the terminal echoes'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;expect'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand --on 'A pattern, and what its match is called; the label may be left out'
            cand --timeout 'For how long; 0 is for ever [default: 30s]'
            cand --since 'Only output from this offset on, as send printed it'
            cand --print 'Print only this of the match: label, before, offset, or a group by number or name [default: all, as JSON]'
            cand --view 'What the patterns look at: text (escapes removed), raw, or screen'
            cand --stream 'Listen only to stdout or stderr'
            cand --peek 'Leave the text for the next expect'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;wait'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand --timeout 'For how long [default: for ever]'
            cand --json 'Print how it ended as JSON'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;run-script'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand --set 'Set a param of the script'
            cand --secret 'Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask'
            cand --json 'Print what the dialogue did as JSON, as the report has it'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;signal'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;resize'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;screen'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand --json 'Print JSON: text, colours and cursor (heeler schema screen)'
            cand --svg 'Print a picture'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;learn'= {
            cand -o 'Write the script to SCRIPT'
            cand --out 'Write the script to SCRIPT'
            cand --cast 'Keep the recording in FILE, for `heeler check SCRIPT --against FILE`'
            cand --force 'Replace files that exist'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;replay'= {
            cand --speed 'Play F times as fast'
            cand --idle-limit 'Shorten every pause to D'
            cand --instant 'Print everything at once'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;doctor'= {
            cand --db 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]'
            cand --json 'Print JSON'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;completions'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'heeler;man'= {
            cand --out 'Write every man page into DIR, which is made if need be'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'heeler;schema'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'heeler;help'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
    ]
    $completions[$command]
}
