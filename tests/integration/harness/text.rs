//! What was printed: gathered, searched, and shown where it is not what was expected.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::PATIENCE;

/// What a reader thread has read so far.
#[derive(Clone, Default)]
pub(super) struct Collector(Arc<(Mutex<Collected>, Condvar)>);

#[derive(Default)]
struct Collected {
    bytes: Vec<u8>,
    ended: bool,
}

impl Collector {
    /// Collects from here on what comes from `from`, to its end.
    pub(super) fn read(&self, mut from: File) -> Collector {
        let shared = Arc::clone(&self.0);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            loop {
                // EIO is how a terminal ends.
                let count = from.read(&mut buffer).unwrap_or(0);
                let mut collected = shared.0.lock().unwrap();
                collected.bytes.extend_from_slice(&buffer[..count]);
                collected.ended = count == 0;
                shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        self.clone()
    }

    /// Whether it has come to its end, at `until` at the latest.
    pub(super) fn ends_by(&self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let collected = self.0.0.lock().unwrap();
        self.0.1.wait_timeout_while(collected, left, |it| !it.ended).unwrap().0.ended
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.0.lock().unwrap().bytes.clone()
    }

    /// Waits until something is found in it.
    pub(super) fn wait<T>(&self, look: impl Fn(&[u8]) -> Option<T>) -> Result<T, &'static str> {
        let until = Instant::now() + PATIENCE;
        let mut collected = self.0.0.lock().unwrap();
        loop {
            if let Some(found) = look(&collected.bytes) {
                return Ok(found);
            }
            if collected.ended {
                return Err("it ended");
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err("time is over");
            }
            collected = self.0.1.wait_timeout(collected, left).unwrap().0;
        }
    }
}

pub(super) fn listing(dir: &Path) -> String {
    let mut text = String::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let size = entry.metadata().map(|meta| meta.len()).unwrap_or_default();
            let _ = writeln!(
                text,
                "  {size:>10} {}",
                path.strip_prefix(dir).unwrap_or(&path).display()
            );
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            }
        }
    }
    text
}

pub(super) fn show(name: &str, bytes: &[u8]) -> String {
    const MOST: usize = 6000;
    let mut text = format!("{name} ({} bytes):\n", bytes.len());
    let cut = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes).escape_debug().to_string().replace("\\n", "\\n\n    ")
    };
    if bytes.len() > MOST {
        let _ =
            writeln!(text, "    {}\n    … {} bytes …", cut(&bytes[..MOST / 2]), bytes.len() - MOST);
        let _ = writeln!(text, "    {}", cut(&bytes[bytes.len() - MOST / 2..]));
    } else {
        let _ = writeln!(text, "    {}", cut(bytes));
    }
    text
}

pub(super) fn difference(name: &str, expected: &[u8], got: &[u8]) -> String {
    let at = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        let from = at.saturating_sub(40).min(bytes.len());
        let to = (at + 160).min(bytes.len());
        String::from_utf8_lossy(&bytes[from..to]).escape_debug().to_string()
    };
    format!(
        "{name} differs at byte {at} ({} bytes expected, {} came):\n  expected: {}\n  came:     {}",
        expected.len(),
        got.len(),
        around(expected),
        around(got)
    )
}

/// One line for each number, made by `line`.
pub fn lines(numbers: impl IntoIterator<Item = i32>, line: impl Fn(i32) -> String) -> String {
    let lines: Vec<String> = numbers.into_iter().map(|number| line(number) + "\n").collect();
    lines.concat()
}

/// Where `needle` begins in `hay`.
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(hay, needle)
}

/// How often `needle` is in `hay`.
pub fn count(hay: &[u8], needle: &str) -> usize {
    memchr::memmem::find_iter(hay, needle).count()
}
