//! What becomes of what was left behind: the state of each run, which run is meant, and what to do about it.
//! From records and sightings to a plan with reasons; a dry run prints the same plan that a real one carries
//! out.

use super::identity::{Identity, Reach, Same, Scope};
use super::members::Member;
use super::record::Record;

/// Whether a run's heeler lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervisor {
    /// It holds the lock.
    Lives,
    /// Nobody holds the lock.
    Gone,
    /// It could not be asked.
    Unknown,
}

/// A run: what is written, and what was seen just now.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What is written down.
    pub record: Record,
    /// Whether its heeler lives.
    pub supervisor: Supervisor,
    /// Its heeler, when that is proven to be the recorded process.
    pub supervisor_process: Option<Identity>,
    /// What is alive of it.
    pub members: Vec<Member>,
    /// Whether someone is alive in a cgroup of it. Members that fork and exit can hide from a look at
    /// `/proc`, but not from this.
    pub populated: bool,
    /// Whether we are in a cgroup of it ourselves.
    pub around_us: bool,
}

/// What a run is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its heeler lives.
    Running,
    /// Members live, its heeler does not.
    Orphaned,
    /// It is over, and its end is known.
    Exited,
    /// It is over, and nobody saw its end.
    Gone,
    /// Nothing can be said or done about it from here.
    Foreign,
}

impl State {
    /// The word for JSON and for people.
    pub fn word(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Orphaned => "orphaned",
            State::Exited => "exited",
            State::Gone => "gone",
            State::Foreign => "foreign",
        }
    }

    /// Whether something of it lives as far as we can tell.
    pub fn living(self) -> bool {
        matches!(self, State::Running | State::Orphaned)
    }
}

impl Subject {
    /// A run that was written down and not looked at, because it is over, or elsewhere. One that is neither would be
    /// shown as foreign, which it is not.
    pub fn unseen(record: Record, here: &Scope) -> Subject {
        debug_assert!(!record.reachable(here), "{} has to be looked at", record.facts.run);
        Subject {
            record,
            supervisor: Supervisor::Unknown,
            supervisor_process: None,
            members: Vec::new(),
            populated: false,
            around_us: false,
        }
    }

    /// What it is, and why where that is not plain.
    pub fn state(&self, here: &Scope) -> (State, Option<&'static str>) {
        let over = |why| match self.record.end.as_ref().and_then(|end| end.outcome.as_ref()) {
            Some(_) => (State::Exited, None),
            None => (State::Gone, Some(why)),
        };
        if self.record.closed() {
            return over("nobody saw its end, or could record it");
        }
        match here.reach(&self.record.facts.scope) {
            Reach::OtherHost => return (State::Foreign, Some("it is of another host")),
            Reach::OtherNamespace => {
                return (State::Foreign, Some("it is of another PID namespace"));
            }
            Reach::Rebooted => return over("the machine was restarted since"),
            Reach::Here => {}
        }
        match self.supervisor {
            Supervisor::Lives => return (State::Running, None),
            Supervisor::Unknown => {
                return (State::Foreign, Some("it cannot be told whether its heeler lives"));
            }
            Supervisor::Gone => {}
        }
        if self.populated || self.members.iter().any(|member| member.same == Same::Yes) {
            (State::Orphaned, None)
        } else if self.members.is_empty() {
            over("nothing of it is left: its heeler was killed, or a disk was full when it ended")
        } else {
            (State::Foreign, Some("a process may be of it, and that cannot be proven"))
        }
    }
}

/// Why a word on the command line means no run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// Nothing fits.
    None,
    /// Several fit: their ids.
    Several(Vec<String>),
}

/// The run that `word` means among `subjects` (oldest first): an id; else a name, of which the living one, or
/// the newest when none lives; else the beginning of exactly one id. Names come before beginnings, because a
/// name is given by someone and an id's beginning is chance.
pub fn resolve<'a>(
    word: &str,
    subjects: &'a [Subject],
    here: &Scope,
) -> Result<&'a Subject, Unresolved> {
    if let Some(subject) = subjects.iter().find(|subject| subject.record.facts.run == word) {
        return Ok(subject);
    }
    let ids = |fitting: &[&Subject]| {
        Unresolved::Several(fitting.iter().map(|s| s.record.facts.run.clone()).collect())
    };
    let named: Vec<_> = subjects
        .iter()
        .filter(|subject| subject.record.facts.name.as_deref() == Some(word))
        .collect();
    let living: Vec<_> =
        named.iter().copied().filter(|subject| subject.state(here).0.living()).collect();
    match (living.as_slice(), named.last()) {
        ([one], _) => return Ok(one),
        ([_, _, ..], _) => return Err(ids(&living)),
        ([], Some(newest)) => return Ok(newest),
        ([], None) => {}
    }
    let begun: Vec<_> = subjects
        .iter()
        .filter(|subject| !word.is_empty() && subject.record.facts.run.starts_with(word))
        .collect();
    match begun.as_slice() {
        [] => Err(Unresolved::None),
        [one] => Ok(one),
        _ => Err(ids(&begun)),
    }
}

/// Which runs are to be reaped.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// These runs, by id; absent: this user's orphans.
    pub runs: Option<Vec<String>>,
    /// Running ones too.
    pub all: bool,
    /// Only those that started so long ago.
    pub older_than_ms: Option<i64>,
    /// Only those that have all of these.
    pub tags: Vec<(String, String)>,
    /// Whose, unless runs are named.
    pub uid: u32,
    /// The runs that we are part of ourselves.
    pub around_us: Vec<String>,
}

/// What to do about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// End these members.
    End(Vec<Member>),
    /// Tell its heeler to stop.
    Stop(Identity),
    /// Nothing lives: complete its record.
    Close,
    /// Nothing, for this reason.
    Leave(&'static str),
}

impl Deed {
    /// Whether it ends something that lives.
    pub fn ends_something(&self) -> bool {
        matches!(self, Deed::End(_) | Deed::Stop(_))
    }
}

/// One run of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub run: String,
    /// Its name.
    pub name: Option<String>,
    /// What it is.
    pub state: State,
    /// Why, where that is not plain.
    pub why: Option<&'static str>,
    /// What to do.
    pub deed: Deed,
    /// Processes that may be of it, and are spared because that cannot be proven.
    pub spared: Vec<Member>,
    /// Whether it was asked for by name: then leaving it is a failure.
    pub named: bool,
    /// Whether its cgroup says that someone is alive in it.
    pub populated: bool,
}

/// What to do about `subjects`, in their order. Runs that were not asked for are not in it.
pub fn plan(subjects: &[Subject], here: &Scope, selection: &Selection, now_ms: i64) -> Vec<Item> {
    subjects.iter().filter_map(|subject| item(subject, here, selection, now_ms)).collect()
}

fn item(subject: &Subject, here: &Scope, selection: &Selection, now_ms: i64) -> Option<Item> {
    let facts = &subject.record.facts;
    let (state, why) = subject.state(here);
    let named = match &selection.runs {
        Some(runs) if runs.contains(&facts.run) => true,
        Some(_) => return None,
        None if facts.uid != selection.uid => return None,
        None => false,
    };
    let old_enough =
        selection.older_than_ms.is_none_or(|age| now_ms.saturating_sub(facts.started_ms) >= age);
    let tagged = selection.tags.iter().all(|(key, value)| facts.tags.get(key) == Some(value));
    if !old_enough || !tagged {
        return None;
    }
    let (proven, spared): (Vec<_>, Vec<_>) =
        subject.members.iter().cloned().partition(|member| member.same == Same::Yes);
    let deed = match state {
        State::Running | State::Orphaned
            if subject.around_us || selection.around_us.contains(&facts.run) =>
        {
            Deed::Leave("we are part of it ourselves")
        }
        State::Running if !named && !selection.all => return None,
        State::Running => match &subject.supervisor_process {
            Some(heeler) => Deed::Stop(heeler.clone()),
            None => Deed::Leave("its heeler cannot be proven to be the recorded process"),
        },
        State::Orphaned => Deed::End(proven),
        // A record that is closed already is only worth a word when it was asked for.
        State::Gone if subject.record.closed() && !named => return None,
        State::Gone if subject.record.closed() => Deed::Leave("it is over"),
        State::Gone => Deed::Close,
        State::Exited if !subject.record.closed() => Deed::Close,
        State::Exited | State::Foreign if !named => return None,
        State::Exited => Deed::Leave("it is over"),
        State::Foreign => Deed::Leave(why.unwrap_or("it is foreign")),
    };
    Some(Item {
        run: facts.run.clone(),
        name: facts.name.clone(),
        state,
        why,
        deed,
        spared,
        named,
        populated: subject.populated,
    })
}

impl Item {
    /// Whether something of it is left that a reap was asked to end and did not.
    pub fn left(&self) -> bool {
        match self.deed {
            Deed::End(_) | Deed::Stop(_) => true,
            Deed::Leave(_) => self.named && !matches!(self.state, State::Exited | State::Gone),
            Deed::Close => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::identity::{Ours, Sighting};
    use crate::core::members::How;
    use crate::core::record::{End, RunFacts};

    const OURS: Ours = Ours { pid: 900, group: 901, session: 902 };
    const DAY: i64 = 86_400_000;

    fn here() -> Scope {
        Scope { host: "h".into(), boot: "b".into(), pidns: 1 }
    }

    fn identity(pid: i32) -> Identity {
        let seen = Sighting { pid, start_ticks: Some(5), pidfs_ino: None };
        Identity::new(&here(), seen, &OURS).expect("not ours")
    }

    fn member(pid: i32, same: Same) -> Member {
        Member { identity: identity(pid), comm: "m".into(), how: How::Cookie, same }
    }

    /// An open record of user 7, a day old, whose heeler is gone and of which nothing lives.
    fn subject(run: &str) -> Subject {
        let facts = RunFacts {
            run: run.into(),
            parent: None,
            name: Some("db".into()),
            tags: [("job".to_owned(), "42".to_owned())].into(),
            scope: here(),
            uid: 7,
            supervisor: identity(80).sighting(),
            command: vec!["x".into()],
            cwd: None,
            mode: None,
            started_ms: 0,
        };
        Subject {
            record: Record { facts, leaders: Vec::new(), sightings: Vec::new(), end: None },
            supervisor: Supervisor::Gone,
            supervisor_process: None,
            members: Vec::new(),
            populated: false,
            around_us: false,
        }
    }

    fn orphan(run: &str) -> Subject {
        Subject { members: vec![member(100, Same::Yes)], ..subject(run) }
    }

    fn running(run: &str) -> Subject {
        Subject {
            supervisor: Supervisor::Lives,
            supervisor_process: Some(identity(80)),
            ..orphan(run)
        }
    }

    fn ended(run: &str, left: bool) -> Subject {
        let mut subject = subject(run);
        let outcome = Some("exited".to_owned());
        subject.record.end = Some(End { ended_ms: 1, outcome, exit_code: Some(0), left });
        subject
    }

    fn with(mut subject: Subject, change: impl FnOnce(&mut Subject)) -> Subject {
        change(&mut subject);
        subject
    }

    #[test]
    fn states_cell_by_cell() {
        use State::{Exited, Foreign, Gone, Orphaned, Running};
        let alive = |s: &mut Subject| s.members = vec![member(100, Same::Yes)];
        let table = [
            ("nothing lives", subject("a"), Gone),
            ("members live", orphan("a"), Orphaned),
            ("its heeler lives", running("a"), Running),
            ("its heeler lives, no member yet", with(running("a"), |s| s.members.clear()), Running),
            ("ended", ended("a", false), Exited),
            ("ended, and its number lives on", with(ended("a", false), alive), Exited),
            ("ended, members left", with(ended("a", true), alive), Orphaned),
            ("ended, members left and gone since", ended("a", true), Exited),
            ("another boot", with(orphan("a"), |s| s.record.facts.scope.boot = "c".into()), Gone),
            (
                "another boot, ended",
                with(ended("a", true), |s| s.record.facts.scope.boot = "c".into()),
                Exited,
            ),
            (
                "nobody seen, but its cgroup is populated",
                with(subject("a"), |s| s.populated = true),
                Orphaned,
            ),
            (
                "ended, and its cgroup is populated",
                with(ended("a", false), |s| s.populated = true),
                Exited,
            ),
            (
                "another host",
                with(running("a"), |s| s.record.facts.scope.host = "i".into()),
                Foreign,
            ),
            ("another namespace", with(orphan("a"), |s| s.record.facts.scope.pidns = 2), Foreign),
            (
                "start unknown",
                with(orphan("a"), |s| s.members = vec![member(100, Same::Unknown)]),
                Foreign,
            ),
            (
                "no word of its heeler",
                with(orphan("a"), |s| s.supervisor = Supervisor::Unknown),
                Foreign,
            ),
            (
                "closed unseen",
                with(ended("a", false), |s| {
                    if let Some(end) = s.record.end.as_mut() {
                        end.outcome = None;
                    }
                }),
                Gone,
            ),
        ];
        for (what, subject, state) in table {
            assert_eq!(subject.state(&here()).0, state, "{what}");
        }
    }

    /// Only here can a process be looked at, and only an open record has one that may live.
    #[test]
    fn what_can_be_looked_at_is_not_taken_as_unseen() {
        let (over, open) = (ended("a", false).record, subject("a").record);
        let elsewhere = Record {
            facts: RunFacts { scope: Scope { pidns: 2, ..here() }, ..open.facts.clone() },
            ..open.clone()
        };
        assert_eq!(Subject::unseen(over, &here()).state(&here()).0, State::Exited);
        assert_eq!(Subject::unseen(elsewhere, &here()).state(&here()).0, State::Foreign);
        let refused = std::panic::catch_unwind(|| Subject::unseen(open, &here()));
        assert_eq!(refused.is_err(), cfg!(debug_assertions));
    }

    fn deeds(subjects: &[Subject], selection: &Selection) -> Vec<(String, Deed)> {
        plan(subjects, &here(), selection, DAY).into_iter().map(|i| (i.run, i.deed)).collect()
    }

    fn default_selection() -> Selection {
        Selection { uid: 7, ..Selection::default() }
    }

    fn end(pid: i32) -> Deed {
        Deed::End(vec![member(pid, Same::Yes)])
    }

    #[test]
    fn without_arguments_it_is_this_users_orphans() {
        let subjects = [
            orphan("a"),
            running("b"),
            ended("c", false),
            subject("d"),
            with(orphan("e"), |s| s.record.facts.uid = 8),
            with(orphan("f"), |s| s.record.facts.scope.host = "i".into()),
        ];
        let planned = deeds(&subjects, &default_selection());
        assert_eq!(planned, [("a".to_owned(), end(100)), ("d".to_owned(), Deed::Close)]);
    }

    #[test]
    fn all_stops_running_ones_through_their_heeler() {
        let selection = Selection { all: true, ..default_selection() };
        assert_eq!(
            deeds(&[running("a")], &selection),
            [("a".to_owned(), Deed::Stop(identity(80)))]
        );
        let unproven = with(running("a"), |s| s.supervisor_process = None);
        assert!(matches!(deeds(&[unproven], &selection)[0].1, Deed::Leave(_)));
    }

    #[test]
    fn what_we_are_part_of_is_left_even_when_it_is_named() {
        for all in [false, true] {
            let selection = Selection {
                runs: Some(vec!["a".into()]),
                all,
                around_us: vec!["a".into()],
                ..default_selection()
            };
            let inside = with(orphan("a"), |s| s.around_us = true);
            let elsewhere = Selection { around_us: Vec::new(), ..selection.clone() };
            assert!(matches!(deeds(&[inside], &elsewhere)[0].1, Deed::Leave(_)));
            for subject in [running("a"), orphan("a")] {
                assert!(matches!(deeds(&[subject], &selection)[0].1, Deed::Leave(_)));
            }
        }
    }

    #[test]
    fn age_and_tags_narrow() {
        let subjects = [with(orphan("a"), |s| s.record.facts.started_ms = DAY - 1000), orphan("b")];
        let older = Selection { older_than_ms: Some(2000), ..default_selection() };
        assert_eq!(deeds(&subjects, &older), [("b".to_owned(), end(100))]);
        let tag = |value: &str| Selection {
            tags: vec![("job".into(), value.into())],
            ..default_selection()
        };
        assert_eq!(deeds(&subjects, &tag("42")).len(), 2);
        assert_eq!(deeds(&subjects, &tag("43")), []);
    }

    #[test]
    fn unproven_members_are_spared_and_said() {
        let both = with(orphan("a"), |s| s.members.push(member(101, Same::Unknown)));
        let items = plan(&[both], &here(), &default_selection(), DAY);
        assert_eq!(items[0].deed, end(100));
        assert_eq!(items[0].spared, [member(101, Same::Unknown)]);
    }

    #[test]
    fn a_named_foreign_run_is_refused_and_counts_as_left() {
        let foreign = with(orphan("a"), |s| s.record.facts.scope.host = "i".into());
        let selection = Selection { runs: Some(vec!["a".into()]), ..default_selection() };
        let items = plan(&[foreign], &here(), &selection, DAY);
        assert_eq!(items[0].deed, Deed::Leave("it is of another host"));
        assert!(items[0].left());
        let items = plan(&[ended("a", false)], &here(), &selection, DAY);
        assert!(!items[0].left(), "what is over is not left");
    }

    #[test]
    fn a_word_means_an_id_then_a_name_then_a_beginning() {
        let named =
            |run: &str, name: &str| with(subject(run), |s| s.record.facts.name = Some(name.into()));
        let subjects =
            [named("aab", "x"), named("aac", "aab"), named("b00", "x"), named("c", "bb")];
        let run = |word: &str| {
            resolve(word, &subjects, &here()).map(|s| s.record.facts.run.as_str().to_owned())
        };
        assert_eq!(run("aab").as_deref(), Ok("aab"), "an id before a name");
        assert_eq!(run("x").as_deref(), Ok("b00"), "the newest of that name");
        assert_eq!(run("b").as_deref(), Ok("b00"), "the beginning of one id");
        assert_eq!(run("bb").as_deref(), Ok("c"), "a name");
        assert_eq!(run("aa"), Err(Unresolved::Several(vec!["aab".into(), "aac".into()])));
        assert_eq!(run("zz"), Err(Unresolved::None));
        assert_eq!(run(""), Err(Unresolved::None));
    }

    #[test]
    fn the_living_one_of_a_name_is_meant_and_two_are_an_error() {
        let one = [orphan("a"), subject("b")];
        assert_eq!(resolve("db", &one, &here()).map(|s| &*s.record.facts.run), Ok("a"));
        let two = [orphan("a"), running("b"), subject("c")];
        assert_eq!(
            resolve("db", &two, &here()).map(|s| &*s.record.facts.run),
            Err(Unresolved::Several(vec!["a".into(), "b".into()]))
        );
    }
}
