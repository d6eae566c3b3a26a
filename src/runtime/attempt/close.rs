//! The end of an attempt: the proof that its tree is empty, and what is told of it.

use std::time::Duration;

use super::{Attempt, Running};
use crate::core::ladder::LAST_WAIT;
use crate::core::outcome::Cause;
use crate::core::supervisor::{Event, KILL};
use crate::expect::dialogue::Dialogue;
use crate::runtime::fault;
use crate::runtime::tree::Member;
use crate::sys::cgroup::Leaf;
use crate::sys::poll::{self, Want};
use crate::sys::signals;

impl Running<'_, '_> {
    /// heeler failed: the tree is killed, and nothing more is read.
    pub(super) fn give_up(&mut self) {
        self.launched.tree.signal(KILL);
        let now = self.now();
        self.supervisor.step(now, Event::Spawned);
        // What it says is to be done is done already.
        self.supervisor.step(now, Event::Verdict { cause: Cause::Internal, kill: true });
    }

    /// The attempt is over: proves that the tree is empty where that was to be, and gathers what is told.
    pub(super) fn close(mut self, n: u32, began_wall: Duration) -> Attempt {
        let took = self.now();
        fault::point("close");
        self.end_asides();
        self.tell_exit();
        // A fault has killed everyone.
        let keeps =
            self.shared.plan.stop.strays.stay() && self.supervisor.cause() != Some(Cause::Internal);
        let unkillable = self.supervisor.unkillable();
        // With strays that are left alone, a look is all there is.
        let strays_left = keeps && self.launched.tree.sweep() > 0 && !unkillable;
        if strays_left {
            self.strays = self.launched.tree.members();
        }
        let oom_kills = self.launched.tree.leaf().and_then(Leaf::oom_kills);
        // Kills what is left, collects the leader, and removes the leaf: so the leaf is asked before, and
        // whoever spends time in it while it is being killed is not counted.
        let cpu = self.launched.tree.leaf().and_then(Leaf::cpu);
        // Who counts kills knows the peak too.
        let leaf = self.launched.tree.leaf().filter(|_| oom_kills.is_some());
        let memory_peak = leaf.and_then(Leaf::memory_peak);
        let verified = !strays_left && !unkillable && self.prove_empty();
        let left = self.leftovers(!unkillable && (verified || strays_left));
        self.launched.tree.collect();
        let in_doubt = verified && self.is_in_doubt();
        if !verified && !strays_left && left.is_empty() {
            self.shared.warnings.push(self.unproven().to_owned());
        }
        self.launched.tree.let_go();
        if strays_left {
            self.shared.strangers.leave(n, &self.strays);
        }
        self.strays.iter_mut().for_each(Member::read_name);
        Attempt {
            n,
            began: self.began,
            took,
            began_wall,
            pid: Some(self.launched.tree.leader()),
            error: None,
            ended: self.supervisor.ended().or(self.launched.tree.ended()),
            cause: self.supervisor.cause(),
            signals: self.supervisor.signals().to_vec(),
            requests: self.supervisor.requests().to_vec(),
            streams: std::mem::take(&mut self.launched.streams),
            dialogue: self.dialogue.as_ref().map(Dialogue::record),
            advice: (self.dialogue.as_ref().map(Dialogue::advice).or(self.question.take()))
                .unwrap_or_default(),
            strays: std::mem::take(&mut self.strays),
            strays_left,
            unkillable: left,
            verified,
            in_doubt,
            in_cgroup: self.launched.tree.leaf().is_some(),
            no_cgroup: self.launched.no_leaf.take(),
            oom_kills,
            cpu,
            memory_peak,
            had_terminal: self.launched.lent.is_some() || self.shared.raw.is_some(),
            interrupted: false,
        }
    }

    /// Members that could not be ended, and why; where the others are `ended`, those that could not be signalled.
    fn leftovers(&self, ended: bool) -> Vec<(Member, String)> {
        let mut left = self.launched.tree.refused().to_vec();
        if ended && left.is_empty() {
            return left;
        }
        let members = self.launched.tree.members();
        left.retain(|(known, _)| members.iter().any(|member| member.is(known)));
        for member in members.into_iter().filter(|_| !ended) {
            if !left.iter().any(|(known, _)| known.is(&member)) {
                left.push((member, "still alive after KILL".to_owned()));
            }
        }
        left
    }

    /// Whether somebody lives who may be of the tree, or not; that is said.
    fn is_in_doubt(&mut self) -> bool {
        let doubted = self.launched.tree.in_doubt();
        let Some(member) = doubted.first() else { return false };
        self.shared.warnings.push(format!(
            "process {} ({}) has lost its parent and may be the command's; it was left alone, as heeler \
             had children before it, or is PID 1, and nothing shows whose it is",
            member.pid,
            member.comm.escape_debug()
        ));
        true
    }

    fn unproven(&self) -> &'static str {
        if self.launched.tree.is_blind() {
            "processes were left behind: /proc cannot be read, so who left the command's process group was \
             not found and not ended (mount /proc, or let heeler make a cgroup)"
        } else {
            "it is not proven that no process was left behind"
        }
    }

    /// Collects the leader once it has ended; ECHILD is then the proof. A member that slipped between two looks (it forked
    /// and ended meanwhile) is killed now, for a bounded time.
    pub(super) fn prove_empty(&mut self) -> bool {
        let until = self.now() + LAST_WAIT;
        let mut ready = Vec::new();
        loop {
            // It cannot fail for a child of ours.
            let _ = self.launched.tree.peek();
            if self.launched.tree.collect() {
                return true;
            }
            let left = until.saturating_sub(self.now());
            if left.is_zero() || self.launched.tree.is_beyond_proof() {
                return false;
            }
            self.launched.tree.signal(KILL);
            let wants = [(self.shared.signals.fd(), Want::Read)];
            if poll::poll(&wants, Some(left), &mut ready).is_err() {
                return false;
            }
            for received in self.shared.signals.read() {
                if signals::asks_to_stop(received.signal) {
                    // For what comes after this attempt; here everything has been asked for.
                    let now = self.now();
                    self.supervisor.step(now, Event::StopRequest { signal: received.signal });
                }
            }
        }
    }
}
