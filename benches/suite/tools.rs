//! What the suite measures with: the heeler that cargo has just built, the C programs, a place for files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where cargo has the loader look for libraries first: a dozen failing calls for each library of each
/// program, which is not what programs cost elsewhere.
pub const CARGOS: &str = "LD_LIBRARY_PATH";

/// What there is in `benches/c`.
const PROGRAMS: [&str; 10] =
    ["measure", "gen", "copy", "limit", "prompt", "answer", "trips", "keys", "steps", "end"];

/// One measured run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// From before the fork to after the wait, and until all output was read.
    pub wall_ns: u64,
    /// CPU time of the command and of those it waited for, in user mode.
    pub user_us: u64,
    /// The same in the kernel.
    pub system_us: u64,
    /// The largest resident set of the command and of those it waited for.
    pub rss_kib: u64,
}

/// What a contender's stdout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// The null device.
    Null,
    /// A 1 MiB pipe that is read as fast as it can be.
    Pipe,
    /// A file.
    File,
}

/// Paths of everything.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The program this is about, in the release profile.
    pub heeler: String,
    /// Where the C programs are, and peers that are built.
    pub bin: PathBuf,
    /// For files of ours, emptied at each start.
    pub scratch: PathBuf,
}

impl Tools {
    /// Compiles the C programs.
    pub fn prepare() -> Result<Tools, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("suite");
        let (bin, scratch) = (home.join("bin"), home.join("scratch"));
        let _ = std::fs::remove_dir_all(&scratch);
        for dir in [&bin, &scratch] {
            std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        }
        let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        for name in PROGRAMS {
            let source = root.join("benches/c").join(name).with_extension("c");
            // Statically where that can be: loading a library is most of what a small program costs.
            let compile = |flags: &[&str], said: Stdio| {
                Command::new(&cc)
                    .args(flags)
                    .args(["-O2", "-Wall", "-Wextra", "-o"])
                    .args([&bin.join(name), &source])
                    .stderr(said)
                    .status()
                    .map_err(|error| format!("{}: {error} (CC names another)", cc.display()))
            };
            if !compile(&["-static"], Stdio::null())?.success()
                && !compile(&[], Stdio::inherit())?.success()
            {
                return Err(format!("{} does not compile", source.display()));
            }
        }
        let heeler = env!("CARGO_BIN_EXE_heeler").to_owned();
        Ok(Tools { heeler, bin, scratch })
    }

    /// The path of one of the C programs.
    pub fn c(&self, name: &str) -> String {
        self.bin.join(name).display().to_string()
    }

    /// A file of ours.
    pub fn file(&self, name: &str) -> String {
        self.scratch.join(name).display().to_string()
    }

    /// Runs `command` once; `feed` is bytes and kind of what it gets on its stdin.
    pub fn measure(
        &self,
        command: &[String],
        sink: Sink,
        feed: Option<&(u64, &'static str)>,
        exit_code: i32,
    ) -> Result<Sample, String> {
        let log_path = self.scratch.join("stderr");
        let log = std::fs::File::create(&log_path).map_err(|e| e.to_string())?;
        let mut measure = Command::new(self.c("measure"));
        match sink {
            Sink::Null => {}
            Sink::Pipe => drop(measure.args(["--sink", "pipe"])),
            Sink::File => drop(measure.args(["--sink", &self.file("sink")])),
        }
        if let Some((bytes, kind)) = feed {
            measure.args(["--feed", &self.c("gen"), &bytes.to_string(), kind]);
        }
        let output = measure
            .arg("--")
            .args(command)
            .stdin(Stdio::null())
            .stderr(log)
            // The database of whoever measures is not to be filled, nor a run that we are in to be named.
            .env("HEELER_DB", self.file("runs.db"))
            .env_remove("HEELER_RUN")
            .env_remove(CARGOS)
            .output()
            .map_err(|error| format!("measure: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [wall_ns, user_us, system_us, rss_kib, status] = numbers[..] else {
            return Err(format!("measure did not answer: {text:?}"));
        };
        if status != (exit_code as u64) << 8 {
            let log = std::fs::read_to_string(&log_path).unwrap_or_default();
            return Err(format!("{} ended with wait status {status:#x}\n{log}", command.join(" ")));
        }
        Ok(Sample { wall_ns, user_us, system_us, rss_kib })
    }
}
