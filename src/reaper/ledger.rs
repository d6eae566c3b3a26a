//! What a reap writes down while it goes on: runs that only a lock file knew, members that were seen, every
//! signal, and the end of records of which nothing is left. A failure to write is a warning: it keeps nobody
//! alive.

use std::collections::BTreeSet;

use super::{Reaped, key, wall_ms};
use crate::core::identity::Sighting;
use crate::core::members::Member;
use crate::core::reap::{Deed, Item, Subject};
use crate::reaper::survey::{Survey, leaves};
use crate::store::{Store, StoreError, lockfile, place};

/// The records, and the report of what is done.
pub(super) struct Ledger<'a> {
    survey: &'a Survey,
    pub(super) store: Option<Store>,
    pub(super) done: Reaped,
    /// Processes whose sighting is written down.
    seen: BTreeSet<(i32, Option<u64>)>,
}

impl<'a> Ledger<'a> {
    /// An empty report over `store`.
    pub(super) fn new(survey: &'a Survey, store: Option<Store>) -> Ledger<'a> {
        Ledger { survey, store, done: Reaped::default(), seen: BTreeSet::new() }
    }

    /// Keeps what was found for the report, and completes the records of what is over.
    pub(super) fn note(&mut self, subjects: &[Subject], items: &[Item]) {
        for item in items {
            let Some(subject) = subjects.iter().find(|s| s.record.facts.run == item.run) else {
                continue;
            };
            match self.done.items.iter_mut().find(|known| known.run == item.run) {
                None => self.done.items.push(item.clone()),
                // A run that was told to stop can leave members behind.
                Some(known) if item.deed.ends_something() => match (&mut known.deed, &item.deed) {
                    (Deed::End(all), Deed::End(more)) => {
                        for member in more {
                            if !all.iter().any(|m| m.identity == member.identity) {
                                all.push(member.clone());
                            }
                        }
                    }
                    (deed @ (Deed::Close | Deed::Leave(_)), more) => *deed = more.clone(),
                    _ => {}
                },
                Some(_) => {}
            }
            let written = match &item.deed {
                Deed::Close => self.close(subject),
                Deed::End(members) => self.sighted(subject, members),
                Deed::Stop(_) => self.adopt(subject),
                Deed::Leave(_) => Ok(()),
            };
            if let Err(error) = written {
                self.warn(&error);
            }
        }
    }

    pub(super) fn warn(&mut self, error: &StoreError) {
        let text = error.to_string();
        if !self.done.warnings.contains(&text) {
            self.done.warnings.push(text);
        }
    }

    fn writer(&mut self) -> Option<&mut Store> {
        self.store.as_mut().filter(|store| store.writable())
    }

    fn adopt(&mut self, subject: &Subject) -> Result<(), StoreError> {
        match self.writer() {
            Some(store) => store.adopt(&subject.record.facts, &subject.record.leaders),
            None => Ok(()),
        }
    }

    fn sighted(&mut self, subject: &Subject, members: &[Member]) -> Result<(), StoreError> {
        let new: Vec<Sighting> = members
            .iter()
            .map(|member| member.identity.sighting())
            .filter(|seen| self.seen.insert(key(*seen)))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        self.adopt(subject)?;
        match self.writer() {
            Some(store) => store.sighted(&subject.record.facts.run, &new, wall_ms()),
            None => Ok(()),
        }
    }

    fn close(&mut self, subject: &Subject) -> Result<(), StoreError> {
        self.adopt(subject)?;
        let run = &subject.record.facts.run;
        if let Some(store) = self.writer() {
            store.close(run, wall_ms())?;
        }
        for leaf in leaves(&subject.record) {
            // Refused while someone is alive in it.
            leaf.remove();
        }
        lockfile::remove_stale(&self.survey.db, run)
            .map_err(|source| StoreError::Place { path: place::runs_dir(&self.survey.db), source })
    }

    /// Writes down the signals from the `from`th on.
    pub(super) fn audit(&mut self, from: usize) {
        let actions = self.done.actions[from..].to_vec();
        if actions.is_empty() {
            return;
        }
        if let Some(Err(error)) = self.writer().map(|store| store.audit(&actions)) {
            self.warn(&error);
        }
    }
}
