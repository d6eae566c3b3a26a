//! Which machine, boot, PID namespace, user and process we are, and random bytes.

use std::io;
use std::os::unix::fs::MetadataExt;

use super::proc::slurp;

/// Which machine: the machine id, else the host name (containers often have an empty machine id, and their
/// host name is their own).
pub fn host_id() -> String {
    let machine = slurp("/etc/machine-id")
        .ok()
        .and_then(|text| String::from_utf8(text).ok())
        .map(|text| text.trim().to_owned())
        .unwrap_or_default();
    if !machine.is_empty() && machine != "uninitialized" {
        return machine;
    }
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Which boot: a random UUID that the kernel makes anew each time.
pub fn boot_id() -> io::Result<String> {
    let text = slurp("/proc/sys/kernel/random/boot_id")?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

/// Which PID namespace: its inode. Numbers of processes mean nothing outside theirs.
pub fn pid_namespace() -> io::Result<u64> {
    Ok(std::fs::metadata("/proc/self/ns/pid")?.ino())
}

/// Keeps our memory out of core dumps, and from other processes of the same user: it holds secrets. What
/// we exec is as it would be otherwise.
pub fn keep_out_of_cores() {
    // Cannot fail with this value.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Our process id.
pub fn pid() -> i32 {
    rustix::process::getpid().as_raw_pid()
}

/// Our process group; 0 where its leader is outside our PID namespace (as for the init of one). Not through
/// rustix, which takes it for granted that there is a number.
pub fn group() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getpgrp() }
}

/// Whether we lead our process group, as who is a shell's job, or the first of it, does.
pub fn leads_group() -> bool {
    pid() == group()
}

/// Our session; 0 where its leader is outside our PID namespace.
pub fn session() -> i32 {
    // SAFETY: asks for a number; 0 is ourselves. It cannot fail for that.
    unsafe { libc::getsid(0) }
}

/// Our effective user.
pub fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Fills `buffer` with random bytes of the kernel.
pub fn random(buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match rustix::rand::getrandom(&mut buffer[filled..], rustix::rand::GetRandomFlags::empty())
        {
            Ok(n) => filled += n,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_know_where_we_are() {
        assert!(!host_id().is_empty());
        assert_eq!(boot_id().unwrap().len(), 36);
        assert!(pid_namespace().unwrap() > 0);
        assert_eq!(pid(), std::process::id() as i32);
    }

    #[test]
    fn random_bytes_differ() {
        let (mut a, mut b) = ([0; 16], [0; 16]);
        random(&mut a).unwrap();
        random(&mut b).unwrap();
        assert_ne!(a, b);
    }
}
