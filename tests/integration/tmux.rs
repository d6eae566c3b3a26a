//! A real terminal for tests: a shell in tmux.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Test, wait_gone, wait_until};

/// A terminal that a person looks at: a shell in tmux.
pub struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    /// Nothing where there is no tmux.
    pub fn start(t: &Test, columns: u16, rows: u16) -> Option<Tmux> {
        let tmux = Path::new("/usr/bin/tmux");
        if !tmux.exists() {
            eprintln!("left out: there is no tmux here");
            return None;
        }
        let tmux = Tmux { socket: t.path("tmux") };
        let heeler = Path::new(env!("CARGO_BIN_EXE_heeler")).parent().unwrap().display();
        let (dir, db, home) = (t.dir().display(), t.db(), t.path(".home"));
        let shell = format!(
            "cd {dir}; exec env -i PATH={heeler}:/usr/bin:/bin HEELER_DB={} HOME={} LC_ALL=C.UTF-8 \
             TERM=screen PS1='sh> ' bash --norc -i",
            db.display(),
            home.display()
        );
        let size = [columns.to_string(), rows.to_string()];
        tmux.tell(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &size[0],
            "-y",
            &size[1],
            &shell,
        ]);
        tmux.wait("sh>");
        Some(tmux)
    }

    pub fn tell(&self, args: &[&str]) -> String {
        let mut command = Command::new("/usr/bin/tmux");
        let done = command.arg("-S").arg(&self.socket).args(args).output().unwrap();
        assert!(done.status.success(), "tmux {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// The pid of its shell.
    pub fn shell(&self) -> String {
        self.tell(&["display-message", "-p", "#{pane_pid}"]).trim().to_owned()
    }

    /// Types a line.
    pub fn line(&self, text: &str) {
        self.tell(&["send-keys", "-l", "--", text]);
        self.keys(&["Enter"]);
    }

    pub fn keys(&self, keys: &[&str]) {
        self.tell(&[&["send-keys"], keys].concat());
    }

    /// What it shows, and where the cursor is.
    pub fn screen(&self) -> String {
        let cursor = "cursor #{cursor_x},#{cursor_y} #{alternate_on} #{cursor_flag} #{keypad_cursor_flag} #{mouse_any_flag}";
        let shown = self.tell(&["capture-pane", "-p", "-e"]);
        lines_drawn(&shown) + &self.tell(&["display-message", "-p", cursor])
    }

    #[track_caller]
    pub fn wait(&self, text: &str) -> String {
        self.until(text, true)
    }

    #[track_caller]
    pub fn wait_without(&self, text: &str) -> String {
        self.until(text, false)
    }

    #[track_caller]
    fn until(&self, text: &str, there: bool) -> String {
        let until = std::time::Instant::now() + crate::harness::PATIENCE;
        loop {
            let screen = self.screen();
            if screen.contains(text) == there {
                return screen;
            }
            let late = std::time::Instant::now() > until;
            assert!(!late, "{text:?} on the screen is not {there}:\n{screen}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Waits until the screen does not change any more.
    pub fn still(&self) -> String {
        let mut last = self.screen();
        wait_until("a screen that stands still", || {
            std::thread::sleep(std::time::Duration::from_millis(100));
            let now = self.screen();
            std::mem::replace(&mut last, now.clone()) == now
        });
        last
    }
}

/// tmux tells how lines were drawn, by the set for that or as characters; they look the same.
fn lines_drawn(shown: &str) -> String {
    let mut set = false;
    let draw = |c: char| match c {
        'l' => '┌',
        'k' => '┐',
        'm' => '└',
        'j' => '┘',
        'q' => '─',
        'x' => '│',
        c => c,
    };
    let (mut out, mut escape) = (String::new(), false);
    for c in shown.chars() {
        match c {
            '\x0e' | '\x0f' => set = c == '\x0e',
            c => out.push(if set && !escape { draw(c) } else { c }),
        }
        escape = c == '\x1b' || escape && !c.is_ascii_alphabetic();
    }
    out
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let shell = self.shell().parse().unwrap_or(0);
        self.tell(&["kill-server"]);
        wait_gone(shell);
    }
}
