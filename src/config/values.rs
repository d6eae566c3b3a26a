//! Values whose names are the platform's: signals and resources.

use crate::cli::value;
use crate::core::ladder::{LAST_WAIT, Ladder, Rung};
use crate::sys::names;

use super::error::ConfigError;

use std::time::Duration;

/// The grace of a rung that does not say.
const GRACE: Duration = Duration::from_secs(10);

/// A signal.
pub(super) fn signal(flag: &str, name: &str) -> Result<i32, ConfigError> {
    names::signal_number(name).ok_or_else(|| {
        ConfigError::usage(format!(
            "{flag}: there is no signal '{name}'; a signal is TERM, SIGTERM, 15 or RTMIN+1"
        ))
    })
}

/// A signal that a process can ignore.
pub(super) fn ignorable(name: &str) -> Result<i32, ConfigError> {
    let number = signal("--ignore-signal", name)?;
    if ["KILL", "STOP"].iter().any(|fixed| names::signal_number(fixed) == Some(number)) {
        return Err(ConfigError::usage(format!("--ignore-signal: nobody can ignore {name}")));
    }
    Ok(number)
}

/// The ladder. KILL is added at the end where it is missing, since a tree that nothing ends is no answer.
pub(super) fn ladder(flag: Option<&value::Ladder>) -> Result<Ladder, ConfigError> {
    let number = |name: &str| signal("--stop", name);
    let kill = number("KILL")?;
    let mut rungs = match flag {
        None => vec![Rung { signal: number("TERM")?, grace: GRACE }],
        Some(value::Ladder(typed)) => typed
            .iter()
            .map(|rung| {
                let signal = number(&rung.signal)?;
                let default = if signal == kill { LAST_WAIT } else { GRACE };
                Ok(Rung { signal, grace: rung.grace.unwrap_or(default) })
            })
            .collect::<Result<_, ConfigError>>()?,
    };
    if rungs.last().is_none_or(|last| last.signal != kill) {
        rungs.push(Rung { signal: kill, grace: LAST_WAIT });
    }
    Ladder::new(rungs).ok_or_else(|| ConfigError::usage("--stop: the ladder is empty"))
}

/// A resource limit.
pub(super) fn rlimit(name: &str, limit: Option<u64>) -> Result<(i32, u64), ConfigError> {
    let number = names::resource_number(name).ok_or_else(|| {
        let known: Vec<_> = names::RESOURCES.iter().map(|(name, _)| *name).collect();
        let known = known.join(" ");
        ConfigError::usage(format!("--rlimit: there is no resource '{name}'; there are {known}"))
    })?;
    Ok((number, limit.unwrap_or_else(names::unlimited)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rungs(text: &str) -> Vec<(i32, u64)> {
        let typed = value::ladder(text).expect("it is a ladder");
        let ladder = ladder(Some(&typed)).expect("the signals exist");
        ladder.rungs().iter().map(|rung| (rung.signal, rung.grace.as_secs())).collect()
    }

    #[test]
    fn ladders_end_with_kill() {
        assert_eq!(rungs("TERM:10s,KILL"), [(15, 10), (9, 5)]);
        assert_eq!(rungs("INT,TERM:3s"), [(2, 10), (15, 3), (9, 5)]);
        assert_eq!(rungs("KILL:1s"), [(9, 1)]);
        assert_eq!(rungs("1:0,2:0,9"), [(1, 0), (2, 0), (9, 5)]);
        let default = ladder(None).expect("it is sound");
        assert_eq!(default.rungs()[0].grace, GRACE);
        assert_eq!(default.rungs().len(), 2);
    }

    #[test]
    fn unknown_names_are_named() {
        let typed = value::ladder("TREM:1s").expect("it looks like a ladder");
        assert!(ladder(Some(&typed)).unwrap_err().message.contains("'TREM'"));
        assert!(rlimit("files", None).unwrap_err().message.contains("nofile"));
        assert!(ignorable("KILL").is_err());
        assert!(ignorable("19").is_err());
        assert_eq!(ignorable("HUP"), Ok(1));
        assert_eq!(rlimit("core", Some(0)).expect("it exists").1, 0);
    }
}
