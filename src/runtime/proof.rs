//! The proof that a number means a member, and the handle that its signals go through.
//!
//! Numbers come from lists of the kernel: our children, a member's children, the processes of the cgroup. By
//! the time that one is used it may be another's, so the handle comes first, and then it is asked who is
//! behind it. A member is
//!
//! - our child (whoever loses its parent becomes one), but for a helper of our own and for [`Strangers`],
//! - in the tree's cgroup or below it,
//! - the child of one. A parent is found by its number, too, and its handle proven in the same way; when the
//!   child then still names that number, it was the parent's all the time: whose parent ends is given
//!   another, and a number is free only after that.

use std::cell::OnceCell;
use std::io;

use super::strangers::Strangers;
use crate::sys::cgroup::Leaf;
use crate::sys::ids;
use crate::sys::pidfd::{About, PidFd};

/// Where members are.
#[derive(Clone, Copy, Debug)]
pub struct Kin<'a> {
    /// The process that everyone else descends from.
    pub leader: i32,
    /// The cgroup that holds them.
    pub leaf: Option<&'a Leaf>,
    /// A child of ours that we started and that is none.
    pub apart: Option<i32>,
    /// Children of ours that we did not start.
    pub strangers: &'a Strangers,
}

/// What members are proven by.
#[derive(Debug)]
pub struct Proof<'a> {
    us: i32,
    kin: Kin<'a>,
    cgroups: OnceCell<Vec<u64>>,
    /// A member whose children are being looked at: most of these need not be traced up to us.
    parent: Option<(i32, PidFd)>,
}

impl<'a> Proof<'a> {
    /// Proves members in the cgroup and below us; not who stands apart or is a stranger, and not what descends
    /// from them.
    pub fn new(kin: Kin<'a>) -> Proof<'a> {
        Proof { us: ids::pid(), kin, cgroups: OnceCell::new(), parent: None }
    }

    /// The children of this member are next.
    pub fn at(&mut self, pid: i32, handle: PidFd) {
        self.parent = Some((pid, handle));
    }

    /// Keeps no handle.
    pub fn forget(&mut self) {
        self.parent = None;
    }

    /// A handle on `pid` if that is a member. It may have ended.
    pub fn pin(&mut self, pid: i32) -> io::Result<Option<PidFd>> {
        Ok(self.pin_child(pid)?.map(|(handle, _)| handle))
    }

    /// The same, and its parent.
    pub fn pin_child(&mut self, pid: i32) -> io::Result<Option<(PidFd, i32)>> {
        if Some(pid) == self.kin.apart || self.kin.strangers.has(pid) {
            return Ok(None);
        }
        let Some(handle) = PidFd::open(pid)? else { return Ok(None) };
        let Some(parent) = self.holds(pid, &handle)? else { return Ok(None) };
        self.kin.strangers.remember(pid);
        Ok(Some((handle, parent)))
    }

    /// The parent of this one if it is a member.
    fn holds(&mut self, pid: i32, handle: &PidFd) -> io::Result<Option<i32>> {
        // Its parent may end while it is traced, which makes it ours, or another's.
        for _ in 0..2 {
            let Some(about) = handle.about(pid)? else { return Ok(None) };
            if self.knows(pid, about)? || self.descends(pid, handle, about)? {
                return Ok(Some(about.parent));
            }
            // Where the kernel does not tell the cgroup of a handle: it is listed, now that its number is pinned.
            let listed = |leaf: &Leaf| leaf.processes().contains(&pid);
            if about.cgroup.is_none() && self.kin.leaf.is_some_and(listed) && !handle.exited()? {
                return Ok(Some(about.parent));
            }
        }
        Ok(None)
    }

    fn knows(&self, pid: i32, About { parent, cgroup }: About) -> io::Result<bool> {
        let cgroups = || self.kin.leaf.map(Leaf::inodes).unwrap_or_default();
        let inside = |cgroup| self.cgroups.get_or_init(cgroups).contains(&cgroup);
        let ours = || self.kin.strangers.admits(pid, self.kin.leader);
        if parent == self.us && ours() || cgroup.is_some_and(inside) {
            return Ok(true);
        }
        match &self.parent {
            Some((known, handle)) if *known == parent => Ok(!handle.exited()?),
            _ => Ok(false),
        }
    }

    /// Whether one of its ancestors is known; then its parent is the next to be.
    fn descends(&mut self, pid: i32, handle: &PidFd, about: About) -> io::Result<bool> {
        let mut first: Option<(i32, PidFd)> = None;
        let mut above: Option<(i32, PidFd)> = None;
        let mut about = about;
        loop {
            let (number, child) = match above.as_ref().or(first.as_ref()) {
                Some((number, child)) => (*number, child),
                None => (pid, handle),
            };
            let parent = about.parent;
            if parent <= 1 || parent == self.us || Some(parent) == self.kin.apart {
                return Ok(false);
            }
            let Some(found) = PidFd::open(parent)? else { return Ok(false) };
            if child.about(number)?.is_none_or(|again| again.parent != parent) {
                return Ok(false);
            }
            let Some(next) = found.about(parent)? else { return Ok(false) };
            let known = self.knows(parent, next)?;
            let place = if first.is_none() { &mut first } else { &mut above };
            *place = Some((parent, found));
            if known {
                self.parent = first;
                return Ok(true);
            }
            about = next;
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests need real processes")]
mod tests {
    use super::*;
    use crate::core::supervisor::KILL;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    /// A child of ours, and a child of that.
    fn family() -> (Child, i32) {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 1000 >/dev/null & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (child, line.trim().parse().unwrap())
    }

    fn is_member(apart: Option<i32>, pid: i32) -> bool {
        let strangers = Strangers::default();
        Proof::new(kin(apart, &strangers)).pin(pid).unwrap().is_some()
    }

    fn kin(apart: Option<i32>, strangers: &Strangers) -> Kin<'_> {
        Kin { leader: 0, leaf: None, apart, strangers }
    }

    #[test]
    fn who_descends_from_us_is_a_member_and_nobody_else() {
        let (mut child, grandchild) = family();
        let pid = child.id() as i32;
        assert!(is_member(None, pid));
        assert!(is_member(None, grandchild), "traced up to us");
        let strangers = Strangers::default();
        let mut proof = Proof::new(kin(None, &strangers));
        let parent = proof.pin(pid).unwrap().expect("our child");
        proof.at(pid, parent);
        assert!(proof.pin(grandchild).unwrap().is_some(), "known by its parent");
        let above = rustix::process::getppid().unwrap().as_raw_pid();
        for stranger in [1, above, ids::pid(), i32::MAX] {
            assert!(!is_member(None, stranger), "{stranger}");
        }
        assert!(!is_member(Some(pid), pid), "it stands apart");
        assert!(!is_member(Some(pid), grandchild), "and so does what is below it");

        // The parent that was a member has ended, and we are nobody's reaper here: the number that was listed as
        // its child's is another's child now.
        let handle = PidFd::open(grandchild).unwrap().expect("it lives");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(proof.pin(grandchild).unwrap().is_none());
        handle.signal(KILL).unwrap();
    }
}
