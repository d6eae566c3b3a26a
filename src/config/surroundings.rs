//! What of the world around us decides what the flags mean. Looked at once, so that a test can make one up.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use zeroize::Zeroize;

use crate::core::foreground::Front;
use crate::sys::{fdio, ids, tty};

/// What of the world around us decides what the flags mean.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Our environment.
    pub env: BTreeMap<OsString, OsString>,
    /// Whether our stdin, stdout and stderr are terminals.
    pub terminals: [bool; 3],
    /// Our terminal's columns and rows, where we have one.
    pub size: Option<(u16, u16)>,
    /// Our terminal's foreground, where our group has it; looked at for a dry run only.
    pub front: Option<Front>,
    /// Our working directory, unless it is gone.
    pub cwd: Option<PathBuf>,
}

impl Surroundings {
    /// Looks around.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where a run's environment is read"
    )]
    pub fn look() -> Surroundings {
        let terminals = [
            std::io::stdin().is_terminal(),
            std::io::stdout().is_terminal(),
            std::io::stderr().is_terminal(),
        ];
        Surroundings {
            env: std::env::vars_os().collect(),
            terminals,
            size: [1, 2, 0]
                .into_iter()
                .filter(|fd| terminals[*fd])
                .find_map(|fd| tty::size(fdio::standard(fd as i32))),
            front: None,
            cwd: std::env::current_dir().ok(),
        }
    }

    /// Looks who has our terminal's foreground.
    pub fn look_at_foreground(&mut self) {
        let front = |_| Front { leads: ids::leads_group(), piped: fdio::any_piped() };
        self.front = tty::controlling().map(front);
    }

    /// A variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.env.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Forgets these variables, here and where the kernel shows them.
    pub fn forget(&mut self, names: &[String]) {
        for name in names {
            if let Some(value) = self.env.remove(OsStr::new(name)) {
                value.into_encoded_bytes().zeroize();
            }
        }
        crate::sys::environ::forget(names.iter().map(String::as_str));
    }

    /// A path as it is from our working directory.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.cwd.as_ref().map_or_else(|| path.to_owned(), |cwd| cwd.join(path))
    }
}
