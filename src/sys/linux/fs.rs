//! Where state is kept, what kind of file system a path is on, and how much room it has.

use std::io;
use std::path::{Path, PathBuf};

/// Magic numbers of file systems whose other end is another machine or another program: shared memory and
/// byte-range locks of SQLite's write-ahead log do not reach across. From `linux/magic.h` and statfs(2).
const REMOTE: &[(u32, &str)] = &[
    (0x6969, "nfs"),
    (0x517B, "smb"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x0102_1997, "9p"),
    // Also virtiofs, sshfs, and a host's folder in most virtual machines.
    (0x6573_5546, "fuse"),
    (0x5346_414F, "afs"),
    (0x6B41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0x00C3_6400, "ceph"),
    (0x0BD0_0BD3, "lustre"),
    (0x0116_1970, "gfs2"),
    (0x7461_636F, "ocfs2"),
    (0x564C, "ncp"),
    (0x786F_4256, "vboxsf"),
    (0x4750_4653, "gpfs"),
];

/// The directory for state that outlives a program, by the XDG specification, which has a path that is not
/// absolute ignored. `var` reads the environment.
pub fn state_dir(var: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| var(name).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))
}

/// The name of the network (or otherwise remote) file system that `path` is on; nothing when it is local.
pub fn remote(path: &Path) -> io::Result<Option<&'static str>> {
    let magic = rustix::fs::statfs(path)?.f_type as u32;
    Ok(REMOTE.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name))
}

/// Whether we may write to a file, or make others in a directory. A pseudo file system may say yes and refuse.
pub fn may_write(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    Ok(accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS)?)
}

/// Whether we may write to `path`, or make it where it is not there.
pub fn may_make(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => may_write(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            may_write(parent.unwrap_or(Path::new(".")))
        }
        Err(error) => Err(error),
    }
}

/// Gives a file another name, which nobody may have yet.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(()),
        Err(errno @ rustix::io::Errno::EXIST) => return Err(errno.into()),
        // Not on every file system.
        Err(_) => {}
    }
    match std::fs::hard_link(from, to) {
        Ok(()) => std::fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Nor are hard links (FAT, some FUSE).
        Err(_) => std::fs::rename(from, to),
    }
}

/// Has `room` kept on the disk for the first bytes of a file, whose length stays.
pub fn reserve(file: &std::fs::File, room: u64) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, room)?)
}

/// Bytes that an ordinary user may still write on the file system of `path`.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_not_remote_and_a_missing_path_is_an_error() {
        assert_eq!(remote(Path::new("/proc")).unwrap(), None);
        assert!(remote(Path::new("/nonexistent/heeler")).is_err());
    }
}
