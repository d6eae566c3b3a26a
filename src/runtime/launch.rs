//! From a plan to a running command: descriptors, terminal, environment, and errors that say which of
//! directory, program and interpreter was missing.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

use crate::config::plan::{Launch, Stdin};
use crate::core::foreground::{Front, Place, place};
use crate::core::outcome::{EXIT_HEELER, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND};
use crate::expect::program::StreamId;
use crate::report::model::Mode;
use crate::runtime::input::{Input, Target};
use crate::runtime::strangers::Strangers;
use crate::runtime::stream::Stream;
use crate::runtime::terminal::{Lent, Shared};
use crate::runtime::tree::Tree;
use crate::sys::cgroup::Leaf;
use crate::sys::pty::{self, Pty};
use crate::sys::signals::Inherited;
use crate::sys::spawn::{
    Announce, Announced, Command, Group, SpawnError, Spawned, Stage, c_string, spawn,
};
use crate::sys::{errnos, fdio, ids, proc, tty};

/// A command that runs.
#[derive(Debug)]
pub struct Launched {
    /// Its processes.
    pub tree: Tree,
    /// What its leader wrote down about itself.
    pub announced: Option<Announced>,
    /// What is read from it.
    pub streams: Vec<Stream>,
    /// What is typed to it.
    pub input: Input,
    /// Its terminal, in PTY mode.
    pub pty: Option<Pty>,
    /// Our terminal's foreground, lent to it.
    pub lent: Option<Lent>,
    /// The same, where it is one of our group.
    pub shared: Option<Shared>,
    /// Why there is no cgroup leaf, where one was wanted.
    pub no_leaf: Option<String>,
}

/// Why a command could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchError {
    /// For programs, as in the report.
    pub kind: &'static str,
    /// For people.
    pub message: String,
    /// The system's name for it.
    pub errno: Option<String>,
    /// heeler's exit code: 125, 126 or 127.
    pub exit_code: i32,
}

impl LaunchError {
    /// heeler itself failed.
    pub fn internal(message: String) -> LaunchError {
        LaunchError { kind: "internal", message, errno: None, exit_code: EXIT_HEELER }
    }
}

/// What differs between attempts and runs, beside the plan's launch.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Variables on top of the plan's environment.
    pub extra_env: Vec<(OsString, OsString)>,
    /// Whether stderr goes into stdout's pipe.
    pub merge: bool,
    /// How much of each stream's end is kept.
    pub tail: usize,
    /// Whether the dialogue types, so that input must be a pipe of ours.
    pub types: bool,
    /// The terminal's size now.
    pub size: (u16, u16),
    /// What the caller had set.
    pub inherited: &'a Inherited,
    /// What the cgroup leaf is to be called; absent where none is wanted.
    pub leaf: Option<String>,
    /// Children of ours that are not the command's.
    pub strangers: Rc<Strangers>,
    /// What the command gets from the kernel when heeler dies.
    pub death_signal: Option<i32>,
}

/// Descriptors for the child, and our ends of them.
struct Wiring {
    stdio: [OwnedFd; 3],
    streams: Vec<Stream>,
    input: Input,
    pty: Option<Pty>,
    group: Group,
    lend: Option<OwnedFd>,
    shared: Option<Shared>,
}

/// Starts the command. `announce` says what it is to write about itself before its first instruction, given
/// its cgroup and whether it is in our group.
pub fn launch(
    launch: &Launch,
    context: &Context<'_>,
    announce: &mut dyn FnMut(Option<&Leaf>, bool) -> Option<Announce>,
) -> Result<Launched, LaunchError> {
    let wiring = match launch.mode {
        Mode::Pty => wire_pty(launch, context),
        Mode::Pipe => wire_pipes(launch, context),
        Mode::Inherit => wire_inherit(launch, context),
    }
    .map_err(|error| resource("connect the command's streams", &error))?;
    let saved = wiring.lend.as_ref().and_then(|fd| tty::attributes(fd.as_fd()).ok());
    // Whatever these refuse: no cgroup is there yet that would be left behind.
    let candidates = candidates(launch)?;
    let argv = c_strings(launch.argv.iter().map(OsString::as_os_str), "argument")?;
    let env = environment(launch, context)?;
    let cwd = c_strings([launch.cwd.as_os_str()].into_iter(), "--cwd")?.pop();
    let (leaf, mut no_leaf) = match context.leaf.as_deref().map(Leaf::create) {
        Some(Ok(leaf)) => (Some(leaf), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, None),
    };
    let mut command = Command {
        candidates,
        argv,
        env,
        cwd,
        stdio: [0, 1, 2].map(|i: usize| wiring.stdio[i].as_raw_fd()),
        group: wiring.group,
        nice: launch.nice,
        umask: launch.umask,
        rlimits: launch.rlimits.clone(),
        ignore: launch.ignore_signals.clone(),
        inherited: context.inherited,
        leaf: leaf.as_ref(),
        announce: announce(leaf.as_ref(), wiring.shared.is_some()),
        death_signal: context.death_signal,
    };
    // What it takes to hold a process and to signal its members, so that there are no descriptors too few once
    // there is a command.
    let room = [(); 3].map(|()| fdio::duplicate(wiring.stdio[0].as_fd()));
    if let Some(Err(error)) = room.iter().find(|held| held.is_err()) {
        leaf.as_ref().map(Leaf::remove);
        return Err(resource("hold a new process", error));
    }
    let mut spawned = spawn(&command);
    if let (Err(SpawnError { stage: Stage::Fork, errno }), Some(leaf)) = (&spawned, &leaf) {
        // EACCES and EOPNOTSUPP of a cgroup that may be made but not entered, ENOSYS of a sandbox: without.
        no_leaf = Some(format!(
            "cannot start in {}: {}",
            leaf.path().display(),
            io::Error::from_raw_os_error(*errno)
        ));
        command.leaf = None;
        command.announce = announce(None, wiring.shared.is_some());
        spawned = spawn(&command);
    }
    let in_leaf = command.leaf.is_some();
    if let Some(leaf) = leaf.as_ref().filter(|_| spawned.is_err() || !in_leaf) {
        leaf.remove();
    }
    let Spawned { pid, announced } = spawned.map_err(|error| {
        if let (Some(fd), Some(saved)) = (&wiring.lend, &saved) {
            // The child may have taken the terminal before its exec failed.
            let _ = tty::set_foreground(fd.as_fd(), tty::own_group());
            let _ = tty::set_attributes(fd.as_fd(), saved);
        }
        explain(launch, &error)
    })?;
    drop(room);
    let tree = Tree::new(pid, leaf.filter(|_| in_leaf), Rc::clone(&context.strangers))
        .map_err(|error| resource("hold the new process", &error))?;
    let lent = wiring.lend.map(|fd| Lent::to(fd, pid, saved));
    let Wiring { streams, input, pty, shared, .. } = wiring;
    Ok(Launched { tree, announced, streams, input, pty, lent, shared, no_leaf })
}

fn wire_pty(launch: &Launch, context: &Context<'_>) -> io::Result<Wiring> {
    let (pty, slave) = pty::open(context.size)?;
    if launch.no_echo {
        let attributes = tty::attributes(slave.as_fd())?;
        tty::set_attributes(slave.as_fd(), &tty::with_echo(&attributes, false))?;
    }
    let duplicate = || fdio::duplicate(pty.fd());
    let mut input = Input::new(Some(Target::Terminal(duplicate()?)));
    match &launch.stdin {
        // As with `< /dev/null`, or a command that reads would wait for ever.
        Stdin::Null if !context.types => input.end(),
        Stdin::Null | Stdin::Open => {}
        Stdin::Inherit => input.relay(fdio::own_input()?, true),
        Stdin::File(path) => input.relay(fdio::open_read(path)?, !context.types),
        Stdin::Bytes(bytes) => input.preload(bytes, !context.types),
    }
    let streams = vec![Stream::new(StreamId::Terminal, duplicate()?, context.tail)];
    let stdio = [fdio::duplicate(slave.as_fd())?, fdio::duplicate(slave.as_fd())?, slave];
    let group = Group::Terminal;
    Ok(Wiring { stdio, streams, input, pty: Some(pty), group, lend: None, shared: None })
}

fn wire_pipes(launch: &Launch, context: &Context<'_>) -> io::Result<Wiring> {
    let (stdin, input) = wire_stdin(launch, context)?;
    let mut streams = Vec::new();
    let mut output = |id| -> io::Result<OwnedFd> {
        let (read, write) = fdio::pipe()?;
        fdio::set_nonblocking(read.as_fd(), true)?;
        streams.push(Stream::new(id, read, context.tail));
        Ok(write)
    };
    let stdout = output(StreamId::Stdout)?;
    let stderr =
        if context.merge { fdio::duplicate(stdout.as_fd())? } else { output(StreamId::Stderr)? };
    let (group, lend, shared) = place_in(launch, &input);
    Ok(Wiring { stdio: [stdin, stdout, stderr], streams, input, pty: None, group, lend, shared })
}

fn wire_inherit(launch: &Launch, context: &Context<'_>) -> io::Result<Wiring> {
    let (stdin, input) = wire_stdin(launch, context)?;
    let (group, lend, shared) = place_in(launch, &input);
    let [stdout, stderr] = [fdio::standard(1), fdio::standard(2)].map(fdio::duplicate);
    Ok(Wiring {
        stdio: [stdin, stdout?, stderr?],
        streams: Vec::new(),
        input,
        pty: None,
        group,
        lend,
        shared,
    })
}

/// The command's input without a terminal: what it can read without our help, or a pipe that we type into.
fn wire_stdin(launch: &Launch, context: &Context<'_>) -> io::Result<(OwnedFd, Input)> {
    if !context.types && !matches!(launch.stdin, Stdin::Bytes(_)) {
        let stdin = match &launch.stdin {
            Stdin::Inherit => fdio::duplicate(fdio::standard(0)),
            Stdin::File(path) => fdio::open_read(path),
            Stdin::Null | Stdin::Open | Stdin::Bytes(_) => fdio::null(),
        };
        return Ok((stdin?, Input::new(None)));
    }
    let (read, write) = fdio::pipe()?;
    fdio::set_nonblocking(write.as_fd(), true)?;
    let mut input = Input::new(Some(Target::Pipe(write)));
    match &launch.stdin {
        Stdin::Null | Stdin::Open => {}
        Stdin::Inherit => input.relay(fdio::own_input()?, true),
        Stdin::File(path) => input.relay(fdio::open_read(path)?, false),
        Stdin::Bytes(bytes) => input.preload(bytes, !context.types),
    }
    Ok((read, input))
}

/// The command's group, and what it has of our terminal: where that is ours, Ctrl-C is the command's own business,
/// as under a shell.
fn place_in(launch: &Launch, input: &Input) -> (Group, Option<OwnedFd>, Option<Shared>) {
    let apart = (Group::Own { foreground: None }, None, None);
    let Some(terminal) = tty::controlling() else { return apart };
    let front = Front { leads: ids::leads_group(), piped: fdio::any_piped() };
    let stdin = fdio::standard(0);
    // What we relay, we have to read, in the foreground.
    let reads = launch.stdin == Stdin::Inherit && input.source().is_none();
    match place(Some(front), launch.isolate, reads && tty::in_foreground(stdin)) {
        Place::Lent => (Group::Own { foreground: Some(stdin.as_raw_fd()) }, Some(terminal), None),
        // Without /proc a group of its own is all that its processes are known by.
        Place::Ours if proc::is_there() => {
            (Group::Ours, None, Some(Shared::with(terminal, front.piped)))
        }
        Place::Ours | Place::Apart => apart,
    }
}

/// Where the program may be: itself when its name has a slash, else every directory of the command's PATH.
fn candidates(launch: &Launch) -> Result<Vec<CString>, LaunchError> {
    let name = &launch.argv[0];
    if name.as_bytes().contains(&b'/') || name.is_empty() {
        return c_strings([name.as_os_str()].into_iter(), "command");
    }
    let path = launch.env.iter().rev().find(|(key, _)| key == "PATH").map(|(_, value)| value);
    let names = search(name, path.map(OsString::as_os_str));
    c_strings(names.iter().map(OsString::as_os_str), "command")
}

/// The places where a program may be.
pub(super) fn search(name: &OsStr, path: Option<&OsStr>) -> Vec<OsString> {
    if name.as_bytes().contains(&b'/') || name.is_empty() {
        return vec![name.to_owned()];
    }
    // The default of confstr(_CS_PATH), as execvp has it when there is no PATH.
    let path = path.unwrap_or(OsStr::new("/bin:/usr/bin"));
    let dirs = path.as_bytes().split(|byte| *byte == b':');
    dirs.map(|dir| {
        let dir = if dir.is_empty() { b"." } else { dir };
        let mut full = OsStr::from_bytes(dir).to_owned();
        full.push("/");
        full.push(name);
        full
    })
    .collect()
}

fn environment(launch: &Launch, context: &Context<'_>) -> Result<Vec<CString>, LaunchError> {
    let joined: Vec<OsString> = launch
        .env
        .iter()
        .filter(|(key, _)| !context.extra_env.iter().any(|(extra, _)| extra == key))
        .chain(&context.extra_env)
        .map(|(key, value)| {
            let mut joined = key.clone();
            joined.push("=");
            joined.push(value);
            joined
        })
        .collect();
    c_strings(joined.iter().map(OsString::as_os_str), "environment")
}

fn c_strings<'a>(
    texts: impl Iterator<Item = &'a OsStr>,
    what: &str,
) -> Result<Vec<CString>, LaunchError> {
    texts
        .map(|text| {
            c_string(text).map_err(|_| LaunchError {
                kind: "usage",
                message: format!("the {what} {} contains a NUL byte", text.display()),
                errno: None,
                exit_code: EXIT_HEELER,
            })
        })
        .collect()
}

fn resource(doing: &str, error: &io::Error) -> LaunchError {
    LaunchError {
        kind: "resource",
        message: format!("cannot {doing}: {error}"),
        errno: error.raw_os_error().and_then(errnos::errno_name),
        exit_code: EXIT_HEELER,
    }
}

/// Says which of the many things behind an error number it was.
fn explain(launch: &Launch, error: &SpawnError) -> LaunchError {
    let system = io::Error::from_raw_os_error(error.errno);
    let name = launch.argv[0].display();
    let (kind, exit_code, message) = match error.stage {
        Stage::Chdir => (
            "bad_directory",
            EXIT_HEELER,
            format!("cannot enter the directory {} (--cwd): {system}", launch.cwd.display()),
        ),
        Stage::Exec if error.errno == errnos::ENOENT => match interpreter(launch) {
            Some(interpreter) => (
                "bad_interpreter",
                EXIT_NOT_FOUND,
                format!("cannot run {name}: its interpreter {interpreter} does not exist"),
            ),
            None if launch.argv[0].as_bytes().contains(&b'/') => {
                ("not_found", EXIT_NOT_FOUND, format!("cannot run {name}: no such file"))
            }
            None if launch.argv[0].is_empty() => (
                "not_found",
                EXIT_NOT_FOUND,
                "cannot run '': the command's name is empty (an unset variable?)".to_owned(),
            ),
            None => ("not_found", EXIT_NOT_FOUND, format!("cannot run {name}: not found in PATH")),
        },
        Stage::Exec if error.errno == errnos::ENOEXEC => (
            "not_executable",
            EXIT_NOT_EXECUTABLE,
            format!("cannot run {name}: {system}; a script needs a #! line, or run it with sh"),
        ),
        Stage::Exec if error.errno == errnos::EACCES && is_directory(launch) => (
            "not_executable",
            EXIT_NOT_EXECUTABLE,
            format!("cannot run {name}: it is a directory (--cwd starts a command in one)"),
        ),
        Stage::Exec if error.errno == errnos::EACCES && is_out_of_reach(launch) => (
            "not_executable",
            EXIT_NOT_EXECUTABLE,
            format!("cannot run {name}: a directory on the way to it may not be entered"),
        ),
        Stage::Exec if error.errno == errnos::EACCES => (
            "not_executable",
            EXIT_NOT_EXECUTABLE,
            format!("cannot run {name}: it is not executable (chmod +x makes a file so)"),
        ),
        Stage::Exec => {
            ("not_executable", EXIT_NOT_EXECUTABLE, format!("cannot run {name}: {system}"))
        }
        Stage::Fork => ("resource", EXIT_HEELER, format!("cannot start a process: {system}")),
        Stage::Group => ("resource", EXIT_HEELER, format!("cannot make a session: {system}")),
        Stage::Stdio => {
            ("resource", EXIT_HEELER, format!("cannot connect the command's streams: {system}"))
        }
        Stage::Rlimit => {
            ("resource", EXIT_HEELER, format!("cannot set a resource limit (--rlimit): {system}"))
        }
        Stage::Nice => {
            ("resource", EXIT_HEELER, format!("cannot set the priority (--nice): {system}"))
        }
    };
    LaunchError { kind, message, errno: errnos::errno_name(error.errno), exit_code }
}

fn is_directory(launch: &Launch) -> bool {
    launch.argv[0].as_bytes().contains(&b'/') && launch.cwd.join(&launch.argv[0]).is_dir()
}

/// Whether none of the places where the program may be can even be looked at.
fn is_out_of_reach(launch: &Launch) -> bool {
    let seen = |place: &CString| {
        launch.cwd.join(OsStr::from_bytes(place.as_bytes())).symlink_metadata().is_ok()
    };
    candidates(launch).is_ok_and(|places| !places.iter().any(seen))
}

/// The interpreter that a script names, when the script is there and the interpreter is not: the kernel
/// says ENOENT for both.
fn interpreter(launch: &Launch) -> Option<String> {
    let candidates = candidates(launch).ok()?;
    let path = candidates.iter().find_map(|candidate| {
        let relative = std::path::Path::new(OsStr::from_bytes(candidate.as_bytes()));
        let path = launch.cwd.join(relative);
        path.is_file().then_some(path)
    })?;
    let file = fdio::open_read(&path).ok()?;
    let mut head = [0; 256];
    let count = fdio::read(file.as_fd(), &mut head).ok()??;
    let line = head[..count].strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let first = line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?;
    Some(String::from_utf8_lossy(first).escape_debug().to_string())
}
