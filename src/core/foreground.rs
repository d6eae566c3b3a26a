//! What of our terminal's foreground a command gets that has no terminal of its own.
//!
//! A shell gives the foreground to a job, which is a process group: heeler's. Whoever is in another group is stopped
//! when it reads the terminal or sets its modes. So a command that may want the terminal (also one that opens it by
//! itself, as `less` and `ssh` do whatever their stdin is) has to be in the group that has the foreground: in one of
//! its own that it was lent to, or in ours. Lending takes it from everybody else in our group: the rest of a
//! pipeline, and the script that called us, which would miss its Ctrl-C.

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a group of its own, in the background as far as our terminal goes.
    Apart,
    /// In a group of its own, which has our terminal's foreground.
    Lent,
    /// In our group, as it would be without us: keys that make signals reach it and us alike.
    Ours,
}

/// What is known of our terminal's foreground where our group has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    /// We lead the group.
    pub leads: bool,
    /// One of our standard descriptors is a pipe: others of our group may use the terminal.
    pub piped: bool,
}

/// Where a command is put. `reads`: it has the terminal as its stdin.
pub fn place(front: Option<Front>, isolate: bool, reads: bool) -> Place {
    match front {
        None => Place::Apart,
        Some(_) if isolate => Place::Apart,
        Some(Front { leads: true, piped: false }) if reads => Place::Lent,
        Some(_) => Place::Ours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_foreground_is_lent_where_nobody_else_can_want_it() {
        let front = |leads, piped| Some(Front { leads, piped });
        for (found, isolate, reads, expected) in [
            (None, false, true, Place::Apart),
            (front(true, false), false, true, Place::Lent),
            // `ssh-keygen </dev/null`, --retries
            (front(true, false), false, false, Place::Ours),
            // `heeler run -- git log | less`
            (front(true, true), false, true, Place::Ours),
            // `cat x | heeler run -- less`
            (front(false, true), false, false, Place::Ours),
            // a script, make
            (front(false, false), false, true, Place::Ours),
            (front(true, false), true, true, Place::Apart),
            (front(false, true), true, false, Place::Apart),
        ] {
            assert_eq!(place(found, isolate, reads), expected, "{found:?} {isolate} {reads}");
        }
    }
}
