//! What a terminal shows, as a picture: one SVG that needs no font but a monospaced one.
//!
//! Every stretch of plain characters says how wide it is, so that columns stand under each other whatever
//! the font; a character that a font may draw wider or narrower stands alone at its place.

use std::fmt::Write as _;

use super::screen::{Colour, Style};
use crate::expect::view::emulator::Emulator;

const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
/// From the top of a row to the line on which its letters stand.
const BASE: f32 = 13.5;
const FONT: f32 = 14.0;
const MARGIN: f32 = 8.0;

const FOREGROUND: &str = "#e5e5e5";
const BACKGROUND: &str = "#1a1a1a";

/// The first sixteen of the palette, as xterm has them; the others are made from their number.
const NAMED: [&str; 16] = [
    "#000000", "#cd0000", "#00cd00", "#cdcd00", "#3465d9", "#cd00cd", "#00cdcd", "#e5e5e5",
    "#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c8cff", "#ff00ff", "#00ffff", "#ffffff",
];

/// The picture.
pub fn svg(emulator: &Emulator) -> String {
    let (columns, rows) = emulator.size();
    let (width, height) =
        (f32::from(columns) * WIDTH + 2.0 * MARGIN, f32::from(rows) * HEIGHT + 2.0 * MARGIN);
    let mut out = String::new();
    // A string takes all that is written, here and below.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" \
         width=\"{width:.1}\" height=\"{height:.1}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', \
         Menlo, Consolas, monospace\" font-size=\"{FONT}\" fill=\"{FOREGROUND}\">"
    );
    if !emulator.title().is_empty() {
        let _ = writeln!(out, "<title>{}</title>", escaped(emulator.title()));
    }
    let _ = writeln!(out, "<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{BACKGROUND}\"/>");
    let cells: Vec<Vec<Cell>> = (0..rows).map(|row| cells(emulator, row)).collect();
    for (row, cells) in cells.iter().enumerate() {
        backgrounds(&mut out, row, cells);
    }
    for (row, cells) in cells.iter().enumerate() {
        texts(&mut out, row, cells);
    }
    out.push_str("</svg>\n");
    out
}

struct Cell {
    column: u16,
    width: u16,
    text: String,
    style: Style,
}

impl Cell {
    /// Foreground and background, as they are seen.
    fn colours(&self) -> (String, Option<String>) {
        let bright = |colour: &Colour| match colour {
            // Bold has always meant bright for the first eight.
            Colour::Palette(number @ 0..8) if self.style.bold => Colour::Palette(number + 8),
            colour => colour.clone(),
        };
        let text = self.style.foreground.as_ref().map(|colour| rgb(&bright(colour)));
        let behind = self.style.background.as_ref().map(rgb);
        if self.style.inverse {
            let text = text.unwrap_or_else(|| FOREGROUND.to_owned());
            return (behind.unwrap_or_else(|| BACKGROUND.to_owned()), Some(text));
        }
        (text.unwrap_or_else(|| FOREGROUND.to_owned()), behind)
    }

    /// Whether every monospaced font draws it as wide as its column.
    fn is_plain(&self) -> bool {
        self.text.len() == 1
    }
}

fn cells(emulator: &Emulator, row: u16) -> Vec<Cell> {
    let screen = emulator.screen();
    let cursor = (!screen.hide_cursor()).then(|| screen.cursor_position());
    let mut cells = Vec::new();
    for column in 0..emulator.size().0 {
        let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation())
        else {
            continue;
        };
        let mut style = Style::of(cell);
        style.inverse ^= cursor == Some((row, column));
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let width = if cell.is_wide() { 2 } else { 1 };
        cells.push(Cell { column, width, text: text.to_owned(), style });
    }
    cells
}

fn backgrounds(out: &mut String, row: usize, cells: &[Cell]) {
    for run in cells.chunk_by(|a, b| a.colours().1 == b.colours().1) {
        let Some(colour) = run[0].colours().1 else { continue };
        let width: u16 = run.iter().map(|cell| cell.width).sum();
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{HEIGHT}\" fill=\"{colour}\"/>",
            x(run[0].column),
            y(row),
            f32::from(width) * WIDTH
        );
    }
}

fn texts(out: &mut String, row: usize, cells: &[Cell]) {
    let alike = |a: &Cell, b: &Cell| a.style == b.style && a.is_plain() && b.is_plain();
    for run in cells.chunk_by(alike) {
        let text: String = run.iter().map(|cell| cell.text.as_str()).collect();
        let style = &run[0].style;
        if text.trim().is_empty() && !style.underline {
            continue;
        }
        let width: u16 = run.iter().map(|cell| cell.width).sum();
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
             xml:space=\"preserve\"",
            x(run[0].column),
            y(row) + BASE,
            f32::from(width) * WIDTH
        );
        let colour = run[0].colours().0;
        let attributes = [
            (colour != FOREGROUND, format!(" fill=\"{colour}\"")),
            (style.bold, " font-weight=\"bold\"".to_owned()),
            (style.italic, " font-style=\"italic\"".to_owned()),
            (style.underline, " text-decoration=\"underline\"".to_owned()),
            (style.dim, " opacity=\"0.6\"".to_owned()),
        ];
        out.extend(attributes.into_iter().filter_map(|(on, text)| on.then_some(text)));
        let _ = writeln!(out, ">{}</text>", escaped(&text));
    }
}

fn x(column: u16) -> f32 {
    MARGIN + f32::from(column) * WIDTH
}

fn y(row: usize) -> f32 {
    MARGIN + row as f32 * HEIGHT
}

fn rgb(colour: &Colour) -> String {
    match colour {
        Colour::Rgb(text) => text.clone(),
        Colour::Palette(number @ 0..16) => NAMED[usize::from(*number)].to_owned(),
        Colour::Palette(number @ 16..232) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = number - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        Colour::Palette(number) => {
            let grey = 8 + 10 * (number - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}

/// As XML takes it; what XML has no word for is shown as unknown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_what_the_screen_has() {
        let mut emulator = Emulator::new((20, 3), 0);
        emulator.push(
            "\x1b]2;<t>\x07a<b>&c \x1b[1;31mred\x1b[0m\r\n\x1b[4;48;5;196m日\x1b[0m\r\n".as_bytes(),
        );
        let picture = svg(&emulator);
        for part in [
            "<title>&lt;t&gt;</title>",
            "a&lt;b&gt;&amp;c ",
            "fill=\"#ff0000\" font-weight=\"bold\">red</text>",
            "textLength=\"16.8\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" text-decoration=\"underline\">日</text>",
            "width=\"16.8\" height=\"18\" fill=\"#ff0000\"/>",
            // The cursor.
            "<rect x=\"8.0\" y=\"44.0\" width=\"8.4\" height=\"18\" fill=\"#e5e5e5\"/>",
        ] {
            assert!(picture.contains(part), "{part}\n{picture}");
        }
        emulator.push(b"\x1b[?25l");
        assert!(!svg(&emulator).contains("y=\"44.0\""));
    }

    #[test]
    fn the_palette_is_xterms() {
        for (number, colour) in
            [(1, "#cd0000"), (16, "#000000"), (196, "#ff0000"), (255, "#eeeeee")]
        {
            assert_eq!(rgb(&Colour::Palette(number)), colour);
        }
    }
}
