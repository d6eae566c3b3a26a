//! `list --watch`: the table of runs that is drawn again and again, and what its keys mean. The terminal
//! itself is the caller's business.

use std::io::Write as _;

use crossterm::cursor::{Hide, MoveTo};
use crossterm::queue;
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{Clear, ClearType};
use unicode_width::UnicodeWidthStr;

use super::output::escape;
use super::table::{age, cut};

/// A run, as the table has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveRow {
    /// Its id.
    pub run: String,
    /// Its name; empty when it has none.
    pub name: String,
    /// As in `list`.
    pub state: &'static str,
    /// Since when it runs.
    pub age_ms: i64,
    /// Since when it says nothing; absent where nobody can tell.
    pub silent_ms: Option<i64>,
    /// The last line of its output; absent where nobody can tell.
    pub last: Option<String>,
    /// The command.
    pub command: String,
    /// Whether it can be attached to.
    pub detached: bool,
}

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To leave.
    Quit,
    /// To leave, as Ctrl-C means it.
    Interrupt,
    /// To stop the table, as Ctrl-Z means it.
    Suspend,
    /// To see what is new now.
    Refresh,
    /// To have this run's terminal.
    Attach(String),
    /// The end of this run, by its own ladder.
    Stop(String),
    /// The end of what is left of this run.
    Reap(String),
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character, or a control character.
    Byte(u8),
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first row.
    Home,
    /// To the last row.
    End,
}

/// The keys in what was read.
pub fn keys(bytes: &[u8]) -> Vec<Key> {
    const LONG: &[(&[u8], Key)] = &[
        (b"\x1b[A", Key::Up),
        (b"\x1bOA", Key::Up),
        (b"\x1b[B", Key::Down),
        (b"\x1bOB", Key::Down),
        (b"\x1b[5~", Key::PageUp),
        (b"\x1b[6~", Key::PageDown),
        (b"\x1b[H", Key::Home),
        (b"\x1b[1~", Key::Home),
        (b"\x1b[F", Key::End),
        (b"\x1b[4~", Key::End),
    ];
    let (mut keys, mut rest) = (Vec::new(), bytes);
    while let [first, others @ ..] = rest {
        if let Some((bytes, key)) = LONG.iter().find(|(bytes, _)| rest.starts_with(bytes)) {
            keys.push(*key);
            rest = &rest[bytes.len()..];
        } else {
            keys.push(Key::Byte(*first));
            rest = others;
        }
    }
    keys
}

/// What fits in 40 columns; what matters most is first, for few rows.
const HELP: &[&str] = &[
    "j k, arrows  choose a run",
    "a, Enter     attach to it: then Ctrl-P",
    "             Ctrl-Q comes back here",
    "s            stop it, by its own ladder",
    "r            reap it: its heeler is gone",
    "q, Ctrl-C    leave this table",
    "g G, pages   the first, the last, more",
    "Space        look now, not in a second",
    "Ctrl-Z       stop this table: fg",
];
/// The same in a row, from what says most to what fits anywhere.
const KEYS: [&str; 3] = [
    "j/k choose  a attach  s stop  r reap  ? help  q quit",
    "a attach  s stop  r reap  ? help  q quit",
    "? help  q quit",
];

/// From so many columns on a run has a column for its id and one for its name.
const WIDE: usize = 64;

/// The table.
#[derive(Debug, Default)]
pub struct Live {
    rows: Vec<LiveRow>,
    chosen: usize,
    /// The first row that is shown.
    top: usize,
    asking: Option<Wish>,
    message: String,
    help: bool,
    page: usize,
}

impl Live {
    /// What there is now; the chosen run stays chosen.
    pub fn set_rows(&mut self, rows: Vec<LiveRow>) {
        let before = self.chosen().map(|row| row.run.clone());
        let found = rows.iter().position(|row| Some(&row.run) == before.as_ref());
        self.chosen = found.unwrap_or(self.chosen).min(rows.len().saturating_sub(1));
        self.rows = rows;
    }

    /// Says something in the last row, until the next key.
    pub fn say(&mut self, message: &str) {
        self.message = escape(message.trim_end());
    }

    fn chosen(&self) -> Option<&LiveRow> {
        self.rows.get(self.chosen)
    }

    /// A key was pressed.
    pub fn key(&mut self, key: Key) -> Option<Wish> {
        match key {
            Key::Byte(0x03) => return Some(Wish::Interrupt),
            Key::Byte(0x1a) => return Some(Wish::Suspend),
            _ => {}
        }
        self.message.clear();
        if std::mem::take(&mut self.help) {
            return None;
        }
        if let Some(wish) = self.asking.take() {
            return matches!(key, Key::Byte(b'y' | b'Y')).then_some(wish);
        }
        let last = self.rows.len().saturating_sub(1);
        match key {
            Key::Up | Key::Byte(b'k') => self.chosen = self.chosen.saturating_sub(1),
            Key::Down | Key::Byte(b'j') => self.chosen = (self.chosen + 1).min(last),
            Key::PageUp => self.chosen = self.chosen.saturating_sub(self.page),
            Key::PageDown => self.chosen = (self.chosen + self.page).min(last),
            Key::Home | Key::Byte(b'g') => self.chosen = 0,
            Key::End | Key::Byte(b'G') => self.chosen = last,
            Key::Byte(b'?' | b'h') => self.help = true,
            Key::Byte(b' ' | 0x0c) => return Some(Wish::Refresh),
            Key::Byte(b'q' | b'Q') => return Some(Wish::Quit),
            Key::Byte(action @ (b'a' | b'\r' | b's' | b'r')) => return self.act(action),
            Key::Byte(_) => {}
        }
        None
    }

    /// What needs a run; what ends one is asked first.
    fn act(&mut self, action: u8) -> Option<Wish> {
        let Some(row) = self.chosen() else {
            "there is no run".clone_into(&mut self.message);
            return None;
        };
        let run = row.run.clone();
        match (action, row.state) {
            (b's', "running") => self.asking = Some(Wish::Stop(run)),
            (b'r', "orphaned") => self.asking = Some(Wish::Reap(run)),
            (b'a' | b'\r', "running") if row.detached => return Some(Wish::Attach(run)),
            (b'a' | b'\r', "running") => {
                self.message =
                    format!("{run} was not started with -d: there is nothing to attach to");
            }
            (b's', "orphaned") => {
                self.message = format!("{run} has no heeler that could stop it: r reaps it");
            }
            (b'r', "running") => {
                self.message = format!("{run} has a heeler: s stops it");
            }
            (_, state) => self.message = format!("{run} is {state}"),
        }
        None
    }

    /// Everything, for a terminal of `size` columns and rows.
    pub fn draw(&mut self, (columns, rows): (u16, u16), colour: bool) -> Vec<u8> {
        let mut canvas = Canvas { out: Vec::new(), row: 0, columns: columns.into(), colour };
        let _ = queue!(canvas.out, Hide);
        let table_rows = usize::from(rows).saturating_sub(4).max(1);
        self.page = table_rows;
        self.top = self.top.min(self.chosen).max((self.chosen + 1).saturating_sub(table_rows));
        let count = |state| self.rows.iter().filter(|row| row.state == state).count();
        let (running, orphaned) = (count("running"), count("orphaned"));
        let (all, last) = (self.rows.len(), (self.top + table_rows).min(self.rows.len()));
        let place = format!(" {}-{last} of {all}", self.top + 1);
        let place = if all > table_rows { place } else { String::new() };
        let title = format!("{running} running, {orphaned} orphaned");
        let room = canvas.columns.saturating_sub(place.len());
        let name = if "heeler: ".len() + title.len() <= room { "heeler: " } else { "" };
        canvas.line(&(pad(&format!("{name}{title}"), room) + &place), Look::Plain);
        if self.help {
            for line in HELP.iter().take(table_rows + 1) {
                canvas.line(line, Look::Plain);
            }
        } else {
            self.table(&mut canvas, table_rows);
        }
        while canvas.row + 2 < rows {
            canvas.line("", Look::Plain);
        }
        if rows > 3 {
            let command = self.chosen().map(|row| escape(&row.command)).unwrap_or_default();
            canvas.line(&command, Look::Plain);
        }
        let last = match &self.asking {
            Some(Wish::Stop(run)) => format!("stop {run}? y for yes"),
            Some(Wish::Reap(run)) => format!("reap {run}? y for yes"),
            _ if !self.message.is_empty() => self.message.clone(),
            _ if self.help => "any key goes back to the table".to_owned(),
            _ => {
                let fits = |keys: &&&str| keys.len() <= canvas.columns;
                KEYS.iter().find(fits).unwrap_or(&KEYS[2]).to_string()
            }
        };
        canvas.row = rows.saturating_sub(1);
        canvas.line(&last, Look::Bold);
        canvas.out
    }

    fn table(&self, canvas: &mut Canvas, table_rows: usize) {
        let shown = self.rows.iter().skip(self.top).take(table_rows);
        let wide = canvas.columns >= WIDE;
        let name = self.rows.iter().map(|row| escape(&row.name).width()).max().unwrap_or(0);
        let name = if wide { name.clamp(4, 16) } else { 12 };
        let line = |run: &str, named: &str, state: &str, age: &str, silent: &str, last: &str| {
            let named = pad(&cut_to(&escape(named), name), name);
            let last = escape(last);
            if wide {
                format!("{run:<12}  {named}  {state:<8}  {age:>4}  {silent:>6}  {last}")
            } else {
                format!("{named} {state:<8} {age:>4} {last}")
            }
        };
        let named = if wide { "NAME" } else { "RUN" };
        canvas.line(&line("RUN", named, "STATE", "AGE", "SILENT", "LAST LINE"), Look::Bold);
        for (index, row) in shown.enumerate() {
            let silent = row.silent_ms.map_or("-".to_owned(), age);
            let last = row.last.as_deref().unwrap_or("-");
            let named = if wide || !row.name.is_empty() { &row.name } else { &row.run };
            let text = line(&row.run, named, row.state, &age(row.age_ms), &silent, last);
            let look = match row.state {
                _ if self.top + index == self.chosen => Look::Chosen,
                "orphaned" => Look::Alarm,
                _ => Look::Plain,
            };
            canvas.line(&text, look);
        }
        if self.rows.is_empty() {
            canvas.line("no runs", Look::Plain);
        }
    }
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Plain,
    Bold,
    Chosen,
    Alarm,
}

struct Canvas {
    out: Vec<u8>,
    row: u16,
    columns: usize,
    colour: bool,
}

impl Canvas {
    /// The next row. Nothing is cleared before it is written: that would flicker.
    fn line(&mut self, text: &str, look: Look) {
        let text = cut_to(text, self.columns);
        let chosen = if look == Look::Chosen { pad(&text, self.columns) } else { text };
        // A vector takes all that is written.
        let _ = queue!(self.out, MoveTo(0, self.row));
        let _ = match look {
            Look::Bold => queue!(self.out, SetAttribute(Attribute::Bold)),
            Look::Chosen => queue!(self.out, SetAttribute(Attribute::Reverse)),
            Look::Alarm if self.colour => queue!(self.out, SetForegroundColor(Color::Red)),
            Look::Alarm | Look::Plain => self.out.flush(),
        };
        let _ = queue!(self.out, Print(chosen), ResetColor, SetAttribute(Attribute::Reset));
        let _ = queue!(self.out, Clear(ClearType::UntilNewLine));
        self.row += 1;
    }
}

fn cut_to(text: &str, room: usize) -> String {
    cut(text, text.width(), Some(room)).into_owned()
}

#[cfg(test)]
mod tests;
