//! Columns for people, as `docker ps` has them: a head, two blanks between columns, no lines.
//!
//! Written here rather than taken from a table crate: those bring borders, wrapping and a terminal library,
//! and what is needed is to pad by display width and to cut the last column at the terminal's edge.

use std::borrow::Cow;
use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::output::{Style, escape};
use super::timeline::Timeline;

/// A line at a time would be a system call each.
const BUFFER: usize = 64 << 10;

/// What no cell has in it: it is escaped there.
const END: u8 = b'\n';

/// Rows, oldest first when they are written.
#[derive(Debug, Default)]
pub struct Table {
    rows: Timeline,
    widths: Vec<usize>,
}

impl Table {
    /// Adds a row of the time `at`. Text is escaped here.
    pub fn add<const N: usize>(&mut self, at: i64, cells: [&str; N]) {
        self.widths.resize(N, 0);
        self.rows.add(at, |text| {
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                let from = text.len();
                if cell.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                    text.extend(cell.as_bytes());
                } else {
                    text.extend(escape(cell).as_bytes());
                }
                *width = (*width).max(columns(&text[from..]));
                text.push(END);
            }
        });
    }

    /// Writes the rows under `head`; the last column is cut where the terminal ends.
    pub fn write<const N: usize>(
        mut self,
        out: &mut dyn Write,
        style: Style,
        head: [&str; N],
    ) -> io::Result<()> {
        let mut out = io::BufWriter::with_capacity(BUFFER, out);
        let mut widths = head.map(str::len);
        for (width, cell) in widths.iter_mut().zip(&self.widths) {
            *width = (*width).max(*cell);
        }
        let mut text = Vec::new();
        lay_out(&mut text, head.iter().map(|cell| cell.as_bytes()), &widths, style.width);
        if style.colour {
            text.splice(0..0, *b"\x1b[1m");
            text.extend(b"\x1b[0m");
        }
        for row in self.rows.in_order() {
            text.push(b'\n');
            out.write_all(&text)?;
            text.clear();
            lay_out(&mut text, row.split(|&byte| byte == END).take(N), &widths, style.width);
        }
        text.push(b'\n');
        out.write_all(&text)?;
        out.flush()
    }
}

/// Lays `cells` out in `text`, without blanks at the end.
fn lay_out<'a>(
    text: &mut Vec<u8>,
    cells: impl Iterator<Item = &'a [u8]>,
    widths: &[usize],
    room: Option<usize>,
) {
    let mut used = 0;
    for (column, (cell, width)) in cells.zip(widths).enumerate() {
        let wide = columns(cell);
        if column + 1 == widths.len() {
            let room = room.map(|room| room.saturating_sub(used));
            text.extend(cut(&String::from_utf8_lossy(cell), wide, room).as_bytes());
        } else {
            text.extend(cell);
            text.resize(text.len() + width - wide + 2, b' ');
            used += width + 2;
        }
    }
    text.truncate(text.trim_ascii_end().len());
}

/// How many columns `cell` takes.
fn columns(cell: &[u8]) -> usize {
    if cell.is_ascii() { cell.len() } else { String::from_utf8_lossy(cell).width() }
}

/// `text` in at most `room` columns, with a mark where something is missing.
pub fn cut(text: &str, width: usize, room: Option<usize>) -> Cow<'_, str> {
    let Some(room) = room.filter(|&room| width > room) else { return Cow::Borrowed(text) };
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > room {
            break;
        }
        cut.push(c);
    }
    if room > 0 {
        cut.push('…');
    }
    Cow::Owned(cut)
}

/// How long, in the largest unit that leaves two figures or fewer: `7s`, `42m`, `13h`, `5d`.
pub fn age(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    match seconds {
        0..=99 => format!("{seconds}s"),
        100..=5999 => format!("{}m", seconds / 60),
        6000..=359_999 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A command as a shell would take it.
pub fn shell_words(command: &[String]) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@%+=:,./-_".contains(c);
    let mut words = String::new();
    for word in command {
        if !words.is_empty() {
            words.push(' ');
        }
        if !word.is_empty() && word.chars().all(plain) {
            words.push_str(word);
        } else {
            words.extend(["'", &word.replace('\'', "'\\''"), "'"]);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<usize>) -> String {
        let mut table = Table::default();
        table.add(2, ["bcd", "", "x\ny"]);
        table.add(1, ["a", "日本", "sleep 1000"]);
        let mut out = Vec::new();
        table.write(&mut out, Style { colour: false, width }, ["ID", "NAME", "COMMAND"]).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_they_look() {
        assert_eq!(table(None), "ID   NAME  COMMAND\na    日本  sleep 1000\nbcd        x\\ny\n");
    }

    #[test]
    fn the_last_column_ends_where_the_terminal_does() {
        assert_eq!(table(Some(17)), "ID   NAME  COMMA…\na    日本  sleep…\nbcd        x\\ny\n");
        assert_eq!(table(Some(3)).lines().next(), Some("ID   NAME"));
    }

    #[test]
    fn ages() {
        let table = [
            (-5, "0s"),
            (999, "0s"),
            (99_000, "99s"),
            (100_000, "1m"),
            (5_999_000, "99m"),
            (6_000_000, "1h"),
            (359_999_000, "99h"),
            (360_000_000, "4d"),
        ];
        for (ms, text) in table {
            assert_eq!(age(ms), text);
        }
    }

    #[test]
    fn a_command_can_be_pasted() {
        let words = ["sh", "-c", "it's $x", ""].map(str::to_owned);
        assert_eq!(shell_words(&words), r"sh -c 'it'\''s $x' ''");
    }
}
