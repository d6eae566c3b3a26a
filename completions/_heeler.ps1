
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'heeler' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'heeler'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'heeler' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Supervise a command')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List live runs and orphans')
            [CompletionResult]::new('ps', 'ps', [CompletionResultType]::ParameterValue, 'List live runs and orphans')
            [CompletionResult]::new('reap', 'reap', [CompletionResultType]::ParameterValue, 'End what was left behind')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check scripts without running anything')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Print everything known of a run, as JSON')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Print the output of a detached run')
            [CompletionResult]::new('attach', 'attach', [CompletionResultType]::ParameterValue, 'Give our terminal to a detached run')
            [CompletionResult]::new('send', 'send', [CompletionResultType]::ParameterValue, 'Type to a detached run')
            [CompletionResult]::new('expect', 'expect', [CompletionResultType]::ParameterValue, 'Wait for output of a detached run')
            [CompletionResult]::new('wait', 'wait', [CompletionResultType]::ParameterValue, 'Wait for the end of a run, and exit as it did')
            [CompletionResult]::new('run-script', 'run-script', [CompletionResultType]::ParameterValue, 'Run a script''s dialogue with a detached run')
            [CompletionResult]::new('signal', 'signal', [CompletionResultType]::ParameterValue, 'Send a signal to every process of a detached run')
            [CompletionResult]::new('resize', 'resize', [CompletionResultType]::ParameterValue, 'Give the terminal of a detached run another size')
            [CompletionResult]::new('screen', 'screen', [CompletionResultType]::ParameterValue, 'Print what the terminal of a detached run shows')
            [CompletionResult]::new('learn', 'learn', [CompletionResultType]::ParameterValue, 'Watch a person do it once, and write the script')
            [CompletionResult]::new('replay', 'replay', [CompletionResultType]::ParameterValue, 'Play a recording in the terminal')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Say what this machine allows, and how to get what it does not')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print shell completions')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a man page, or write all of them')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of a format')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Explain a command or a topic')
            break
        }
        'heeler;run' {
            [CompletionResult]::new('--detach-keys', '--detach-keys', [CompletionResultType]::ParameterName, 'Let these keys leave it running in the background: ctrl-p,ctrl-q')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'Start it in DIR, which has to exist')
            [CompletionResult]::new('--cwd', '--cwd', [CompletionResultType]::ParameterName, 'Start it in DIR, which has to exist')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Set a variable; K alone passes ours on, for use after --env-clear')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Set a variable; K alone passes ours on, for use after --env-clear')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'Set variables from a file of K=V lines; -e wins over it')
            [CompletionResult]::new('--unset', '--unset', [CompletionResultType]::ParameterName, 'Remove a variable')
            [CompletionResult]::new('--stdin', '--stdin', [CompletionResultType]::ParameterName, 'Where its input comes from: inherit, null, or a file')
            [CompletionResult]::new('--input', '--input', [CompletionResultType]::ParameterName, 'Feed it TEXT, as it is, then end of file')
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'Terminal size; without it ours, else 80x24')
            [CompletionResult]::new('--term', '--term', [CompletionResultType]::ParameterName, 'TERM of its terminal')
            [CompletionResult]::new('--nice', '--nice', [CompletionResultType]::ParameterName, 'Priority: -20 to 19, or minimal (15), low (5), normal (0), high (-5)')
            [CompletionResult]::new('--umask', '--umask', [CompletionResultType]::ParameterName, 'Its file mode mask, octal')
            [CompletionResult]::new('--rlimit', '--rlimit', [CompletionResultType]::ParameterName, 'Limit a resource, hard and soft: nofile=256, as=1GiB, core=0, cpu=60, fsize=unlimited ...')
            [CompletionResult]::new('--ignore-signal', '--ignore-signal', [CompletionResultType]::ParameterName, 'Start it with this signal ignored, as nohup does with HUP')
            [CompletionResult]::new('--log-max', '--log-max', [CompletionResultType]::ParameterName, 'With -d or --detach-keys: how much output is kept for heeler logs; 0 is none [default: 8MiB]')
            [CompletionResult]::new('--stdout', '--stdout', [CompletionResultType]::ParameterName, 'Copy its stdout to FILE (with a terminal: all of its output)')
            [CompletionResult]::new('--stderr', '--stderr', [CompletionResultType]::ParameterName, 'Copy its stderr to FILE; asks for pipes, since a terminal has one stream')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Copy all of its output to FILE, in order of arrival')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write the report to FILE; - is stdout, and output then passes to stderr')
            [CompletionResult]::new('--report-fd', '--report-fd', [CompletionResultType]::ParameterName, 'Write the report to the open descriptor N')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Write the run as JSON lines to FILE while it happens; - is stderr')
            [CompletionResult]::new('--record', '--record', [CompletionResultType]::ParameterName, 'Record it as asciicast v2, for any asciinema player')
            [CompletionResult]::new('--tail', '--tail', [CompletionResultType]::ParameterName, 'How much of each stream''s end goes into the report [default: 4KiB]')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Wait for P, then do what the action flags after it say')
            [CompletionResult]::new('--on', '--on', [CompletionResultType]::ParameterName, 'Answer P whenever it appears, with the action flags after it')
            [CompletionResult]::new('--send', '--send', [CompletionResultType]::ParameterName, 'Action: type TEXT, C escapes such as \n and \x1b replaced')
            [CompletionResult]::new('--line', '--line', [CompletionResultType]::ParameterName, 'Action: type TEXT as it is, then Enter')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Action: press a key: ctrl-c, up, f1, enter, eof ...')
            [CompletionResult]::new('--send-secret', '--send-secret', [CompletionResultType]::ParameterName, 'Action: type a --secret, then Enter, once the terminal does not echo')
            [CompletionResult]::new('--do', '--do', [CompletionResultType]::ParameterName, 'Action: pass, fail[:WHY], interrupt, terminate, kill, next')
            [CompletionResult]::new('--pace', '--pace', [CompletionResultType]::ParameterName, 'Action: from here on type with this pause between characters')
            [CompletionResult]::new('--within', '--within', [CompletionResultType]::ParameterName, 'The limit of the --expect before it, instead of --expect-timeout')
            [CompletionResult]::new('--max', '--max', [CompletionResultType]::ParameterName, 'How often the --on before it may fire; once more fails the dialogue')
            [CompletionResult]::new('--stream', '--stream', [CompletionResultType]::ParameterName, 'Listen only to stdout or stderr; asks for pipes')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'What the pattern before it looks at: text (escapes removed), raw, or screen')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Fail as soon as P appears; may stand anywhere')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'The job is done when P appears: stop it, success; may stand anywhere')
            [CompletionResult]::new('--secret', '--secret', [CompletionResultType]::ParameterName, 'Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask')
            [CompletionResult]::new('--expect-timeout', '--expect-timeout', [CompletionResultType]::ParameterName, 'The limit of each --expect [default: 30s]')
            [CompletionResult]::new('--settle', '--settle', [CompletionResultType]::ParameterName, 'The pause in the output after which an undecided match is decided [default: 50ms]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'How much output of a stream is kept for matching [default: 1MiB]')
            [CompletionResult]::new('--script', '--script', [CompletionResultType]::ParameterName, 'Read the dialogue, and maybe the command, from FILE (TOML); - is stdin')
            [CompletionResult]::new('--script-json', '--script-json', [CompletionResultType]::ParameterName, 'The same as JSON')
            [CompletionResult]::new('--set', '--set', [CompletionResultType]::ParameterName, 'Set a param of the script')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Stop an attempt after D')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'Stop it when nothing has been active for D')
            [CompletionResult]::new('--total-timeout', '--total-timeout', [CompletionResultType]::ParameterName, 'Stop after D, all attempts and the pauses between them together')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'With -d or --detach-keys: stop it when it is older than D')
            [CompletionResult]::new('--owner', '--owner', [CompletionResultType]::ParameterName, 'With -d or --detach-keys: stop it when the process PID has ended')
            [CompletionResult]::new('--max-output', '--max-output', [CompletionResultType]::ParameterName, 'Stop it when it has written more than so much')
            [CompletionResult]::new('--until-idle', '--until-idle', [CompletionResultType]::ParameterName, 'Its job is done when it has been idle for D: stop it, success')
            [CompletionResult]::new('--stop', '--stop', [CompletionResultType]::ParameterName, 'Signals that end the whole tree [default: TERM:10s,KILL]')
            [CompletionResult]::new('--strays', '--strays', [CompletionResultType]::ParameterName, 'Processes left behind: reap[:GRACE], wait, leave, release, fail')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'How long output that strays hold open is read after it exits [default: 500ms]')
            [CompletionResult]::new('--containment', '--containment', [CompletionResultType]::ParameterName, 'What holds the process tree: auto (a cgroup where one can be made), subreaper')
            [CompletionResult]::new('--ok-exit', '--ok-exit', [CompletionResultType]::ParameterName, 'Exit codes that count as success besides 0, such as 3,10-19')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Try again up to N times after a failure')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Pause before the second attempt [default: 1s]')
            [CompletionResult]::new('--retry-backoff', '--retry-backoff', [CompletionResultType]::ParameterName, 'Each pause is so many times the one before [default: 2]')
            [CompletionResult]::new('--retry-max-delay', '--retry-max-delay', [CompletionResultType]::ParameterName, 'No pause is longer [default: 1m]')
            [CompletionResult]::new('--retry-jitter', '--retry-jitter', [CompletionResultType]::ParameterName, 'Shorten each pause at random by up to this share, 0 to 1 [default: 0]')
            [CompletionResult]::new('--retry-on', '--retry-on', [CompletionResultType]::ParameterName, 'When: exit, exit:75,69, signal, timeout, idle, dialogue, match:P')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'A name for list, inspect and reap')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'A tag for list and reap; may be repeated')
            [CompletionResult]::new('--track', '--track', [CompletionResultType]::ParameterName, 'Whether it is recorded: auto, require, off [default: auto]')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Leave it running in the background, and print its id')
            [CompletionResult]::new('--detach', '--detach', [CompletionResultType]::ParameterName, 'Leave it running in the background, and print its id')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Give it a terminal of its own')
            [CompletionResult]::new('--pty', '--pty', [CompletionResultType]::ParameterName, 'Give it a terminal of its own')
            [CompletionResult]::new('--pipe', '--pipe', [CompletionResultType]::ParameterName, 'Give it pipes: stdout and stderr apart, byte for byte')
            [CompletionResult]::new('--inherit', '--inherit', [CompletionResultType]::ParameterName, 'Give it our own stdin, stdout and stderr, and read nothing')
            [CompletionResult]::new('--isolate', '--isolate', [CompletionResultType]::ParameterName, 'With --inherit: a process group of its own, so that Ctrl-C reaches only heeler')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'COMMAND is one string for `sh -c` (never a login shell)')
            [CompletionResult]::new('--shell', '--shell', [CompletionResultType]::ParameterName, 'COMMAND is one string for `sh -c` (never a login shell)')
            [CompletionResult]::new('--env-clear', '--env-clear', [CompletionResultType]::ParameterName, 'Start from an empty environment')
            [CompletionResult]::new('--no-echo', '--no-echo', [CompletionResultType]::ParameterName, 'Its terminal starts with echo off')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the resolved plan as JSON and start nothing')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Let nothing pass through')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Let nothing pass through')
            [CompletionResult]::new('--merge', '--merge', [CompletionResultType]::ParameterName, 'Pipes only: stderr into stdout through one pipe, in write order')
            [CompletionResult]::new('--timestamps', '--timestamps', [CompletionResultType]::ParameterName, 'Prefix each line that passes through with the elapsed time')
            [CompletionResult]::new('--record-input', '--record-input', [CompletionResultType]::ParameterName, 'Record what is typed too, but nothing that the terminal does not show')
            [CompletionResult]::new('--echo-ok', '--echo-ok', [CompletionResultType]::ParameterName, 'Type the --send-secret before it even while the terminal echoes')
            [CompletionResult]::new('--emit', '--emit', [CompletionResultType]::ParameterName, 'Print the flags as a script, and start nothing')
            [CompletionResult]::new('--guard', '--guard', [CompletionResultType]::ParameterName, 'End the tree even if heeler itself is killed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;list' {
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Only runs with this tag; repeated: with all of them')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print a JSON array (heeler schema list)')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'List ended runs too')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'List ended runs too')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Show a live table, with keys to attach to a run, stop it and reap it; ? explains them')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Show a live table, with keys to attach to a run, stop it and reap it; ? explains them')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;ps' {
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Only runs with this tag; repeated: with all of them')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print a JSON array (heeler schema list)')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'List ended runs too')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'List ended runs too')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Show a live table, with keys to attach to a run, stop it and reap it; ? explains them')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Show a live table, with keys to attach to a run, stop it and reap it; ? explains them')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;reap' {
            [CompletionResult]::new('--older-than', '--older-than', [CompletionResultType]::ParameterName, 'Only runs that were started longer than D ago')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Only runs with this tag; repeated: with all of them')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'How long processes have between TERM and KILL, and a run''s own ladder before all is killed [default: 2s; a ladder as long as it takes]')
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'End live runs too, not only orphans')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'End live runs too, not only orphans')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Say what would be ended, and end nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say what would be ended, and end nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;check' {
            [CompletionResult]::new('--against', '--against', [CompletionResultType]::ParameterName, 'Play the script against a recording, in no time and without the command')
            [CompletionResult]::new('--set', '--set', [CompletionResultType]::ParameterName, 'Check with this param, instead of a stand-in')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the findings as JSON')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Exit 1 when there are warnings')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;inspect' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;logs' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('--tail', '--tail', [CompletionResultType]::ParameterName, 'Only the last N lines')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only from this offset on, as send and expect count')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Go on until the run ends')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Go on until the run ends')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;attach' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('--detach-keys', '--detach-keys', [CompletionResultType]::ParameterName, 'The keys that leave it: ctrl-X or single characters, with commas between them; none for none')
            [CompletionResult]::new('--size-from', '--size-from', [CompletionResultType]::ParameterName, 'Who gives its terminal the size when several are attached, from now on')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Leave it when P appears in its output')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Only look on: type nothing, and give it no size')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;send' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('--send', '--send', [CompletionResultType]::ParameterName, 'Type TEXT, C escapes such as \n and \x1b replaced')
            [CompletionResult]::new('--line', '--line', [CompletionResultType]::ParameterName, 'Type TEXT as it is, then Enter')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Press a key: ctrl-c, up, f1, enter, eof ...')
            [CompletionResult]::new('--send-secret', '--send-secret', [CompletionResultType]::ParameterName, 'Type a --secret, then Enter, once the terminal does not echo')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Type what is in a file; - is our stdin')
            [CompletionResult]::new('--secret', '--secret', [CompletionResultType]::ParameterName, 'Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long a command that does not read, or a terminal that echoes, is waited for; 0 is for ever [default: 30s]')
            [CompletionResult]::new('--echo-ok', '--echo-ok', [CompletionResultType]::ParameterName, 'Type the --send-secret before it even while the terminal echoes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;expect' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('--on', '--on', [CompletionResultType]::ParameterName, 'A pattern, and what its match is called; the label may be left out')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For how long; 0 is for ever [default: 30s]')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only output from this offset on, as send printed it')
            [CompletionResult]::new('--print', '--print', [CompletionResultType]::ParameterName, 'Print only this of the match: label, before, offset, or a group by number or name [default: all, as JSON]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'What the patterns look at: text (escapes removed), raw, or screen')
            [CompletionResult]::new('--stream', '--stream', [CompletionResultType]::ParameterName, 'Listen only to stdout or stderr')
            [CompletionResult]::new('--peek', '--peek', [CompletionResultType]::ParameterName, 'Leave the text for the next expect')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;wait' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For how long [default: for ever]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print how it ended as JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;run-script' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('--set', '--set', [CompletionResultType]::ParameterName, 'Set a param of the script')
            [CompletionResult]::new('--secret', '--secret', [CompletionResultType]::ParameterName, 'Name a secret: env:VAR, file:PATH, fd:N, cmd:COMMAND or ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print what the dialogue did as JSON, as the report has it')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;signal' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;resize' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;screen' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON: text, colours and cursor (heeler schema screen)')
            [CompletionResult]::new('--svg', '--svg', [CompletionResultType]::ParameterName, 'Print a picture')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;learn' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the script to SCRIPT')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write the script to SCRIPT')
            [CompletionResult]::new('--cast', '--cast', [CompletionResultType]::ParameterName, 'Keep the recording in FILE, for `heeler check SCRIPT --against FILE`')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace files that exist')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;replay' {
            [CompletionResult]::new('--speed', '--speed', [CompletionResultType]::ParameterName, 'Play F times as fast')
            [CompletionResult]::new('--idle-limit', '--idle-limit', [CompletionResultType]::ParameterName, 'Shorten every pause to D')
            [CompletionResult]::new('--instant', '--instant', [CompletionResultType]::ParameterName, 'Print everything at once')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;doctor' {
            [CompletionResult]::new('--db', '--db', [CompletionResultType]::ParameterName, 'The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'heeler;man' {
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write every man page into DIR, which is made if need be')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'heeler;schema' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'heeler;help' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
