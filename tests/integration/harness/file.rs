//! Waits for what others write: the kernel tells of each change (inotify).

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::process::readable;
use super::{PATIENCE, Test};

/// News of a file, or of the files in a directory.
pub struct Watch(OwnedFd);

impl Watch {
    /// From now on.
    pub fn new(path: &Path) -> Watch {
        let news = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::MOVED_TO;
        let watch = inotify::init(CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&watch, path, news)
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Watch(watch)
    }

    /// Looks, and looks again at each piece of news, until something is found; nothing if time is over.
    pub fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            if !readable(&self.0, until) {
                return None;
            }
            rustix::io::read(&self.0, &mut [0; 4096]).unwrap();
        }
    }
}

impl Test {
    /// Waits until the database is `right`: each write to it, or to its log, is told.
    #[track_caller]
    pub fn wait_db(&self, mut right: impl FnMut() -> bool) {
        let watch = Watch::new(self.db().parent().unwrap());
        assert!(watch.until(|| right().then_some(())).is_some(), "{}", self.listing());
    }

    /// Waits until the file `name` is there and its text is `right`; gives the text.
    #[track_caller]
    pub fn wait_file(&self, name: &str, right: impl Fn(&str) -> bool) -> String {
        let path = self.path(name);
        // The directory's: the file may not be there yet.
        let watch = Watch::new(path.parent().unwrap());
        let text = || Some(String::from_utf8_lossy(&std::fs::read(&path).ok()?).into_owned());
        let found = watch.until(|| text().filter(|text| right(text)));
        found.unwrap_or_else(|| panic!("{name} holds {:?}\n{}", text(), self.listing()))
    }
}

/// Whether a file's text has come to the end of a line.
pub fn whole(text: &str) -> bool {
    text.ends_with('\n')
}
