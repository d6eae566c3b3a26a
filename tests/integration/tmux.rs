//! A real terminal for tests: a shell in tmux.

use std::cell::RefCell;
use std::path::Path;
use std::time::Instant;

use crate::harness::{Lifeline, PATIENCE, Test, wait_gone};

/// A terminal that a person looks at: a shell in tmux.
pub struct Tmux<'t> {
    t: &'t Test,
    /// What is written to it. tmux passes it on in the turn in which it draws it, so that whoever has got a piece sees
    /// it on the screen.
    news: RefCell<Lifeline>,
    /// The pid of its shell.
    pub shell: i32,
    others: [i32; 2],
}

impl<'t> Tmux<'t> {
    /// Nothing where there is no tmux.
    pub fn start(t: &'t Test, columns: u16, rows: u16) -> Option<Tmux<'t>> {
        if !Path::new("/usr/bin/tmux").exists() {
            eprintln!("left out: there is no tmux here");
            return None;
        }
        let size = [columns.to_string(), rows.to_string()];
        let shell = "exec env -u TMUX PS1='sh> ' bash --norc -i";
        tell(t, &["new-session", "-d", "-x", &size[0], "-y", &size[1], shell]);
        let mut news = t.lifeline("tmux.news");
        tell(t, &["pipe-pane", "exec >tmux.news; echo $$; exec cat"]);
        let copier = news.wait("\n").trim().parse().unwrap();
        let pid = |of: &str| tell(t, &["display-message", "-p", of]).trim().parse().unwrap();
        let (shell, others) = (pid("#{pane_pid}"), [pid("#{pid}"), copier]);
        let tmux = Tmux { t, news: RefCell::new(news), shell, others };
        tmux.wait("sh>");
        Some(tmux)
    }

    pub fn tell(&self, args: &[&str]) -> String {
        tell(self.t, args)
    }

    /// Types a line.
    pub fn line(&self, text: &str) {
        self.tell(&["send-keys", "-l", "--", text, ";", "send-keys", "Enter"]);
    }

    pub fn keys(&self, keys: &[&str]) {
        self.tell(&[&["send-keys"], keys].concat());
    }

    /// What it shows, and where the cursor is.
    pub fn screen(&self) -> String {
        let cursor = "cursor #{cursor_x},#{cursor_y} #{alternate_on} #{cursor_flag} #{keypad_cursor_flag} #{mouse_any_flag}";
        lines_drawn(&self.tell(&["capture-pane", "-p", "-e", ";", "display-message", "-p", cursor]))
    }

    #[track_caller]
    pub fn wait(&self, text: &str) -> String {
        self.wait_that(&format!("{text:?} on the screen"), |screen| screen.contains(text))
    }

    #[track_caller]
    pub fn wait_without(&self, text: &str) -> String {
        self.wait_that(&format!("a screen without {text:?}"), |screen| !screen.contains(text))
    }

    /// Waits until what it shows is right; gives it.
    #[track_caller]
    pub fn wait_that(&self, what: &str, right: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if right(&screen) {
                return screen;
            }
            assert!(self.news.borrow_mut().more_by(until), "in vain: {what}:\n{screen}");
        }
    }
}

fn tell(t: &Test, args: &[&str]) -> String {
    let args = ["-S", "tmux", "-f", "/dev/null"].iter().chain(args);
    t.program("/usr/bin/tmux", args).any_out().check().out_text()
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

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.tell(&["kill-server"]);
        for pid in [&self.others[..], &[self.shell]].concat() {
            wait_gone(pid);
        }
    }
}
