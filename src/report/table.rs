//! Columns for people, as `docker ps` has them: a head, two blanks between columns, no lines.
//!
//! Written here rather than taken from a table crate: those bring borders, wrapping and a terminal library,
//! and what is needed is to pad by display width and to cut the last column at the terminal's edge.

use std::borrow::Cow;
use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::output::{Style, escape};

/// A line at a time would be a system call each.
const BUFFER: usize = 64 << 10;

/// Writes `rows` under `head`. Text is escaped here; the last column is cut where the terminal ends.
pub fn write<const N: usize>(
    out: &mut dyn Write,
    style: Style,
    head: [&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(BUFFER, out);
    // Each text with its width, which is asked for twice.
    let measured = |cell: &str| {
        let cell = escape(cell);
        (cell.width(), cell)
    };
    let mut lines = vec![head.map(measured)];
    lines.extend(rows.iter().map(|row| row.each_ref().map(|cell| measured(cell))));
    let mut widths = [0; N];
    for line in &lines {
        for (width, (cell, _)) in widths.iter_mut().zip(line) {
            *width = (*width).max(*cell);
        }
    }
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        text.clear();
        let mut used = 0;
        for (column, (width, cell)) in line.iter().enumerate() {
            if column + 1 == N {
                let room = style.width.map(|width| width.saturating_sub(used));
                text.push_str(&cut(cell, *width, room));
            } else {
                text.push_str(cell);
                text.extend(std::iter::repeat_n(' ', widths[column] - width + 2));
                used += widths[column] + 2;
            }
        }
        let text = text.trim_end();
        if number == 0 && style.colour {
            writeln!(out, "\x1b[1m{text}\x1b[0m")?;
        } else {
            writeln!(out, "{text}")?;
        }
    }
    out.flush()
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
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    command.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<usize>) -> String {
        let rows = [
            ["a".to_owned(), "日本".to_owned(), "sleep 1000".to_owned()],
            ["bcd".to_owned(), String::new(), "x\ny".to_owned()],
        ];
        let mut out = Vec::new();
        write(&mut out, Style { colour: false, width }, ["ID", "NAME", "COMMAND"], &rows).unwrap();
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
