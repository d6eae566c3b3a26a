//! What is written down of a run, in the database and in its lock file alike: the input of `list` and
//! `reap`. Values only; nothing in here has been compared with the living yet.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::identity::{Reach, Scope, Sighting};

/// A run that ends within this is a short one: it opens no database.
pub const SHORT: Duration = Duration::from_millis(100);

/// The environment variable that every member of a run carries: the ids of the runs around it, outermost
/// first, separated by colons.
pub const COOKIE: &str = "HEELER_RUN";

/// The variable that tells it the number of its attempt.
pub const ATTEMPT: &str = "HEELER_ATTEMPT";

/// The cookie of the members of `run`, started by a process whose own cookie is `outer`.
pub fn cookie(outer: Option<&str>, run: &str) -> String {
    match outer {
        Some(outer) if !outer.is_empty() => format!("{outer}:{run}"),
        _ => run.to_owned(),
    }
}

/// The runs that a cookie names, outermost first; its last is the carrier's own.
pub fn cookie_runs(value: &[u8]) -> impl DoubleEndedIterator<Item = &str> {
    value
        .split(|&b| b == b':')
        .filter_map(|id| std::str::from_utf8(id).ok())
        .filter(|id| !id.is_empty())
}

/// What is known of a run before its command is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Its id.
    pub run: String,
    /// The run around it, from heeler's own cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// `--name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `--tag K=V`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Where its numbers mean something.
    pub scope: Scope,
    /// Whose it is.
    pub uid: u32,
    /// Its heeler.
    pub supervisor: Sighting,
    /// The command and its arguments; bytes that are not UTF-8 became U+FFFD.
    pub command: Vec<String>,
    /// The command's working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// `pty`, `pipe` or `inherit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Wall clock, milliseconds since 1970.
    pub started_ms: i64,
}

/// The leader of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leader {
    /// 1 for the first.
    pub attempt: u32,
    /// Who it is.
    #[serde(flatten)]
    pub seen: Sighting,
    /// Its process group: its own number where it leads one.
    pub pgid: i32,
    /// Its session: its own number where it leads one.
    pub sid: i32,
    /// Wall clock, milliseconds since 1970.
    pub started_ms: i64,
    /// The cgroup that holds the tree, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Leaf>,
}

/// A cgroup directory that heeler made for one tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Its path in the cgroup file system.
    pub path: String,
    /// Its inode: a directory made later under the same name is another one.
    pub ino: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Wall clock, milliseconds since 1970.
    pub ended_ms: i64,
    /// The report's word; absent when nobody saw the end and `reap` closed the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// heeler's exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Whether members were left behind on purpose (`--strays leave`) or could not be ended.
    pub left: bool,
}

/// Everything written down of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was known before the start.
    pub facts: RunFacts,
    /// The leaders, in order of their attempts.
    pub leaders: Vec<Leader>,
    /// Other members that were seen: those left at the end, those that an earlier `reap` found.
    pub sightings: Vec<Sighting>,
    /// Its end, once there is one.
    pub end: Option<End>,
}

impl Record {
    /// Whether nothing of it can be alive, by its own heeler's or an earlier `reap`'s proof.
    pub fn closed(&self) -> bool {
        self.end.as_ref().is_some_and(|end| !end.left)
    }

    /// Whether something of it may be alive where it could be looked at from `here`.
    pub fn reachable(&self, here: &Scope) -> bool {
        !self.closed() && here.reach(&self.facts.scope) == Reach::Here
    }

    /// The leader of the last attempt.
    pub fn leader(&self) -> Option<&Leader> {
        self.leaders.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_a_list_and_its_last_element_is_the_carriers_own() {
        assert_eq!(cookie(None, "b"), "b");
        assert_eq!(cookie(Some(""), "b"), "b");
        assert_eq!(cookie(Some("a"), "b"), "a:b");
        assert_eq!(cookie_runs(b"a:b").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(cookie_runs(b"a:b").next_back(), Some("b"));
        assert_eq!(cookie_runs(b"").next_back(), None);
        assert_eq!(cookie_runs(b":\xff:b:").collect::<Vec<_>>(), ["b"]);
    }
}
