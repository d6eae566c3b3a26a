//! A command of the script's own (`exec`): beside the run's tree, in a group of its own, read in the same
//! loop. It never outlives its step: what is left of its group is killed when it ends or is stopped.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::core::supervisor::KILL;
use crate::expect::dialogue::ExecEnd;
use crate::expect::mask::Mask;
use crate::runtime::launch::search;
use crate::sys::fdio;
use crate::sys::pidfd::PidFd;
use crate::sys::signals::Inherited;
use crate::sys::spawn::{Command, Group, c_string, spawn};
use crate::sys::wait::{self, Status};

/// How much of its output is kept.
const OUTPUT: usize = 1 << 20;

/// A command that runs beside the tree.
#[derive(Debug)]
pub struct Helper {
    pid: i32,
    pidfd: PidFd,
    stdout: Option<OwnedFd>,
    got: Vec<u8>,
}

/// What is to be run.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The program and its arguments.
    pub argv: &'a [Vec<u8>],
    /// Variables on top of our environment.
    pub env: Vec<(OsString, OsString)>,
    /// Whether its stdout is wanted; else it goes to our stderr, where it cannot be taken for the command's.
    pub capture: bool,
    /// Whether its stderr goes with that, rather than to ours.
    pub merge: bool,
    /// What must not be in its environment.
    pub mask: &'a Mask,
    /// The caller's signals.
    pub inherited: &'a Inherited,
}

impl Helper {
    /// Starts it. An error is for people.
    pub fn start(wanted: &Wanted<'_>) -> Result<Helper, String> {
        let name = wanted.argv.first().map(|name| OsStr::from_bytes(name)).unwrap_or_default();
        Helper::try_start(wanted, name)
            .map_err(|error| format!("cannot run {}: {error}", name.display()))
    }

    fn try_start(wanted: &Wanted<'_>, name: &OsStr) -> io::Result<Helper> {
        let env = environment(wanted);
        let path = env.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.as_os_str());
        let c_strings = |texts: Vec<OsString>| {
            texts.iter().map(|text| c_string(text)).collect::<io::Result<Vec<CString>>>()
        };
        let joined = |(mut key, value): (OsString, OsString)| {
            key.push("=");
            key.push(value);
            key
        };
        let (read, write) = fdio::pipe()?;
        fdio::set_nonblocking(read.as_fd(), true)?;
        let null = fdio::null()?;
        let ours = fdio::standard(2).as_raw_fd();
        let stdout = if wanted.capture { write.as_raw_fd() } else { ours };
        let stderr = if wanted.merge { stdout } else { ours };
        let candidates = c_strings(search(name, path))?;
        let argv = wanted.argv.iter().map(|word| OsString::from_vec(word.clone())).collect();
        let command = Command {
            candidates,
            argv: c_strings(argv)?,
            env: c_strings(env.into_iter().map(joined).collect())?,
            cwd: None,
            stdio: [null.as_raw_fd(), stdout, stderr],
            group: Group::Own { foreground: None },
            nice: None,
            umask: None,
            rlimits: Vec::new(),
            ignore: Vec::new(),
            leaf: None,
            inherited: wanted.inherited,
            announce: None,
            // It is nobody's member, so nobody would end it if we were killed.
            death_signal: Some(crate::core::supervisor::KILL),
        };
        let pid = spawn(&command).map_err(|error| io::Error::from_raw_os_error(error.errno))?.pid;
        match PidFd::open(pid) {
            Ok(Some(pidfd)) => {
                let stdout = wanted.capture.then_some(read);
                Ok(Helper { pid, pidfd, stdout, got: Vec::new() })
            }
            // No descriptor is left to hold it by.
            otherwise => {
                wait::kill_group(pid);
                Err(otherwise.err().unwrap_or_else(|| io::ErrorKind::NotFound.into()))
            }
        }
    }

    /// Its process id, which is also its group.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// To poll for its end.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// To poll for its output.
    pub fn stdout(&self) -> Option<BorrowedFd<'_>> {
        self.stdout.as_ref().map(AsFd::as_fd)
    }

    /// Reads what it printed; what is more than can be kept is read and forgotten, so that it does not stall.
    pub fn read(&mut self) {
        let mut buffer = [0; 16 << 10];
        while let Some(stdout) = &self.stdout {
            match fdio::read(stdout.as_fd(), &mut buffer) {
                Ok(Some(count)) if count > 0 => {
                    let room = OUTPUT - self.got.len();
                    self.got.extend_from_slice(&buffer[..count.min(room)]);
                }
                Ok(None) => return,
                Ok(Some(_)) | Err(_) => self.stdout = None,
            }
        }
    }

    /// Whether it has ended, and how. It stays a zombie, which keeps its group's number from being reused.
    pub fn ended(&mut self) -> Option<ExecEnd> {
        let status = match wait::peek(self.pidfd.as_fd()) {
            Ok(Some(Status::Exited(code))) => Some(code),
            Ok(Some(Status::Signaled(signal, _))) => Some(128 + signal),
            Ok(Some(Status::Stopped(_)) | None) => return None,
            Err(_) => None,
        };
        self.read();
        Some(ExecEnd { status, stdout: std::mem::take(&mut self.got), why: None })
    }

    /// Kills it and collects it. Whoever else is in its group has to be killed before: see
    /// [`super::tree::Tree::end_apart`].
    pub fn end(self) {
        let _ = self.pidfd.signal(KILL);
        // A process that has been killed ends at once, unless the kernel itself waits for a device.
        let wants = [(self.pidfd.as_fd(), crate::sys::poll::Want::Read)];
        let patience = Some(crate::core::ladder::LAST_WAIT);
        let _ = crate::sys::poll::poll(&wants, patience, &mut Vec::new());
        let _ = wait::reap(self.pid);
    }
}

/// Our environment and what is put on top, without anything that holds a secret.
fn environment(wanted: &Wanted<'_>) -> Vec<(OsString, OsString)> {
    #[expect(clippy::disallowed_methods, reason = "a command of the script's own gets ours")]
    let ours = std::env::vars_os();
    let added = |key: &OsString| wanted.env.iter().any(|(other, _)| other == key);
    let is_clean = |value: &OsString| {
        wanted.mask.is_empty() || wanted.mask.bytes(value.as_bytes()) == value.as_bytes()
    };
    ours.filter(|(key, value)| !added(key) && is_clean(value)).chain(wanted.env.clone()).collect()
}
