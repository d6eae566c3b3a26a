//! Difficult children: small programs that behave badly in one way each. They say when they are ready, so
//! that no test has to guess.
//!
//! Those in Python are run as `python3 -c TEXT ARG…`, those for sh as `sh -c TEXT sh ARG…`; [`python`] and
//! [`sh`] make the argument list. A path that ends in `life` is a [`crate::harness::Lifeline`].

/// `python3 -c TEXT ARGS…`; -S -E: without site packages, which take longer than the test.
pub fn python<'a>(text: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    ["--", "python3", "-S", "-E", "-c", text].iter().chain(args).copied().collect()
}

/// `sh -c TEXT sh ARGS…`.
pub fn sh<'a>(text: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    ["--", "sh", "-c", text, "sh"].iter().chain(args).copied().collect()
}

/// Forks and exits every few hundred microseconds, in a new session each time, so that no scan of /proc
/// catches it. Holds the lifeline $1 and writes `beat` lines to it, at most 20,000.
pub const REFORKER: &str = r"
import os, sys
life = os.open(sys.argv[1], os.O_WRONLY)
print('ready', flush=True)
if os.fork():
    os._exit(0)
null = os.open('/dev/null', os.O_RDWR)
for fd in (0, 1, 2):
    os.dup2(null, fd)
for beat in range(20000):
    if os.fork():
        os._exit(0)
    os.setsid()
    if beat % 50 == 0:
        os.write(life, b'beat %d\n' % beat)
";

/// Leaves a double-forked daemon in a session of its own; it holds the lifeline $1.
pub const DAEMON: &str = r"
import os, sys
life = os.open(sys.argv[1], os.O_WRONLY)
if os.fork():
    os.wait()
    print('left', flush=True)
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
null = os.open('/dev/null', os.O_RDWR)
for fd in (0, 1, 2):
    os.dup2(null, fd)
os.write(life, b'daemon %d\n' % os.getpid())
import signal
signal.pause()
";

/// $1 children in sessions of their own, all holding the lifeline $2; waits until all are there.
pub const MANY_SESSIONS: &str = r"
import os, sys, signal
life = os.open(sys.argv[2], os.O_WRONLY)
read, write = os.pipe()
count = int(sys.argv[1])
for i in range(count):
    if os.fork() == 0:
        os.setsid()
        os.close(read)
        os.write(write, b'x')
        os.close(write)
        null = os.open('/dev/null', os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        signal.pause()
os.close(write)
seen = 0
while seen < count:
    seen += len(os.read(read, 65536))
print('ready', flush=True)
";

/// Ignores TERM, INT and HUP, and says so; holds the lifeline $1 where given.
pub const STUBBORN: &str = r#"
trap '' TERM INT HUP
[ $# -gt 0 ] && exec 9>"$1"
echo ready
while :; do sleep 1000; done
"#;

/// Its leader ends at TERM; its child ignores TERM, and HUP, which the end of a terminal brings, and holds the lifeline $1.
pub const STUBBORN_CHILD: &str = r#"
exec 9>"$1"
(trap '' TERM HUP; echo child >&9; while :; do sleep 1000; done) &
trap 'exit 0' TERM
read line < "$2"
echo ready
while :; do wait; done
"#;

/// Stops itself and says so on the lifeline $1 before.
pub const STOPPER: &str = r#"
exec 9>"$1"
echo $$ >&9
kill -STOP $$
echo continued
sleep 1000
"#;

/// Leaves a process in a session of its own that holds the lifeline $1, says `hi` and exits with $2. It waits
/// until the other is there: the end of a terminal would end it before it has a session of its own.
pub const LEAVER: &str = r#"
exec 9>"$1"
mkfifo up.$$
setsid sh -c ': > "$1"; echo up >&9; exec sleep 1000' sh up.$$ &
read x < up.$$
rm up.$$
echo hi
exit "${2:-0}"
"#;

/// Exits 0 at once; what it leaves behind holds our pipes and the lifeline $1.
pub const PIPE_HOLDER: &str = r#"
exec 9>"$1"
sleep 1000 &
echo hi
"#;

/// Lists its open descriptors, but for the one of the listing itself.
pub const FDS: &str = r"
import os
fds = []
for fd in os.listdir('/proc/self/fd'):
    try:
        fds.append((int(fd), os.readlink('/proc/self/fd/' + fd)))
    except OSError:
        pass
for fd, target in sorted(fds):
    print(fd, target if fd > 2 else '')
";

/// Prints its blocked and ignored signals, as the kernel has them.
pub const SIGNAL_STATE: &str = "grep -E '^Sig(Blk|Ign)' /proc/self/status";

/// Counts the signal $1; prints how often it came once a line is read from $2.
pub const COUNT_SIGNAL: &str = r"
import os, signal, sys
count = 0
def note(number, frame):
    global count
    count += 1
    if count == 1:
        os.write(1, b'first\n')
signal.signal(getattr(signal, sys.argv[1]), note)
print('ready', flush=True)
with open(sys.argv[2]) as go:
    go.readline()
print('count', count, flush=True)
";

/// Writes $1 bytes without a line end to stdout.
pub const FLOOD: &str = r"
import os, sys
left = int(sys.argv[1])
chunk = bytes(range(256)).replace(b'\n', b'N') * 256
while left > 0:
    n = os.write(1, chunk[:left])
    left -= n
";
