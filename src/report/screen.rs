//! What a terminal shows, as text, as `heeler.screen/1`, and as a picture ([`super::svg`]).

use serde::Serialize;
use vt100::Color;

use crate::expect::view::emulator::Emulator;

/// A screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "heeler.screen/1"))]
pub struct Screen {
    /// `heeler.screen/1`.
    pub schema: &'static str,
    /// How much output it is made of, as send and expect count; absent where that is not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many columns it has.
    pub columns: u16,
    /// How many rows it has.
    pub rows: u16,
    /// Where the cursor is.
    pub cursor: Cursor,
    /// What the window is called; absent when nothing has said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Whether it is the other screen, that of full-screen programs.
    pub alternate: bool,
    /// The rows as text, empty ones at the bottom left out.
    pub lines: Vec<String>,
    /// What does not look plain, from the top left.
    pub styles: Vec<Run>,
}

/// Rows and columns count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cursor {
    /// Its row.
    pub row: u16,
    /// Its column; the number of columns when it waits behind the last one.
    pub column: u16,
    /// Whether it is shown.
    pub visible: bool,
}

/// Cells of one row that look the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Run {
    /// Their row, from 0.
    pub row: u16,
    /// The first one's column, from 0.
    pub column: u16,
    /// How many they are.
    pub width: u16,
    /// How they look.
    #[serde(flatten)]
    pub style: Style,
}

/// How a cell looks; what is absent is plain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Style {
    /// The colour of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreground: Option<Colour>,
    /// The colour behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<Colour>,
    /// Bold.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bold: bool,
    /// Faint.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dim: bool,
    /// Italic.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub italic: bool,
    /// Underlined.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub underline: bool,
    /// Foreground and background exchanged.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inverse: bool,
}

/// A colour: a number of the terminal's palette (0 to 255), or `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Colour {
    /// Of the palette.
    Palette(u8),
    /// Itself.
    Rgb(String),
}

impl Style {
    pub(super) fn of(cell: &vt100::Cell) -> Style {
        let colour = |colour| match colour {
            Color::Default => None,
            Color::Idx(number) => Some(Colour::Palette(number)),
            Color::Rgb(r, g, b) => Some(Colour::Rgb(format!("#{r:02x}{g:02x}{b:02x}"))),
        };
        Style {
            foreground: colour(cell.fgcolor()),
            background: colour(cell.bgcolor()),
            bold: cell.bold(),
            dim: cell.dim(),
            italic: cell.italic(),
            underline: cell.underline(),
            inverse: cell.inverse(),
        }
    }
}

/// The rows, a line end after each.
pub fn text(emulator: &Emulator) -> String {
    lines(emulator).iter().flat_map(|line| [line, "\n"]).collect()
}

impl From<&Emulator> for Screen {
    fn from(emulator: &Emulator) -> Screen {
        let (columns, rows) = emulator.size();
        let screen = emulator.screen();
        let (row, column) = screen.cursor_position();
        Screen {
            schema: "heeler.screen/1",
            offset: None,
            columns,
            rows,
            cursor: Cursor { row, column, visible: !screen.hide_cursor() },
            title: emulator.title().to_owned(),
            alternate: screen.alternate_screen(),
            lines: lines(emulator),
            styles: (0..rows).flat_map(|row| runs(emulator, row)).collect(),
        }
    }
}

/// The rows as they are, a prompt's blank included; empty ones at the bottom left out.
fn lines(emulator: &Emulator) -> Vec<String> {
    let mut lines: Vec<String> = emulator.screen().rows(0, emulator.size().0).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// What does not look plain in a row.
pub(super) fn runs(emulator: &Emulator, row: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..emulator.size().0 {
        let Some(cell) = emulator.screen().cell(row, column) else { break };
        let style = Style::of(cell);
        match runs.last_mut() {
            // The second half of a wide character looks as the first.
            Some(last) if cell.is_wide_continuation() && last.column + last.width == column => {
                last.width += 1;
            }
            Some(last) if last.column + last.width == column && last.style == style => {
                last.width += 1;
            }
            _ if style == Style::default() => {}
            _ => runs.push(Run { row, column, width: 1, style }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_text_and_as_json() {
        let mut emulator = Emulator::new((12, 4), 0);
        let output = "\x1b]2;top\x07plain \x1b[1;31mred\x1b[0m\r\n\x1b[7m 日本 \x1b[0m.\r\n\x1b[38;2;1;2;3mx";
        emulator.push(output.as_bytes());
        assert_eq!(text(&emulator), "plain red\n 日本 .\nx\n");
        let wanted = concat!(
            r#"{"schema":"heeler.screen/1","columns":12,"rows":4,"#,
            r#""cursor":{"row":2,"column":1,"visible":true},"title":"top","alternate":false,"#,
            r#""lines":["plain red"," 日本 .","x"],"styles":["#,
            r#"{"row":0,"column":6,"width":3,"foreground":1,"bold":true},"#,
            r#"{"row":1,"column":0,"width":6,"inverse":true},"#,
            r##"{"row":2,"column":0,"width":1,"foreground":"#010203"}]}"##
        );
        assert_eq!(serde_json::to_string(&Screen::from(&emulator)).unwrap(), wanted);
        assert_eq!(text(&Emulator::new((3, 2), 0)), "");
    }
}
