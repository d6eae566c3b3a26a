//! A group's first figure as a picture: a bar for the median of each contender, a line for its range.

use std::fmt::Write as _;

use crate::figures::number;
use crate::group::Outcome;

const ROW: f64 = 24.0;
const LEFT: f64 = 210.0;
const WIDE: f64 = 420.0;
const TOP: f64 = 34.0;

/// As SVG, for light and dark pages alike.
pub fn svg(outcome: &Outcome) -> String {
    let Some(table) = outcome.tables.first() else { return String::new() };
    let most = table.columns.iter().map(|column| column.spread().max).fold(0.0, f64::max);
    let scale = if most > 0.0 { WIDE / most } else { 0.0 };
    let height = TOP + ROW * table.columns.len() as f64 + 8.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{height}\" viewBox=\"0 0 {0} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"20\" font-weight=\"bold\">{1}: {2}</text>\n",
        LEFT + WIDE + 90.0,
        escaped(&table.figure.title),
        table.figure.unit.name(),
    );
    for (row, column) in table.columns.iter().enumerate() {
        let spread = column.spread();
        let (y, middle) = (TOP + ROW * row as f64, TOP + ROW * row as f64 + ROW / 2.0);
        let colour = if column.ours { "#2a78b8" } else { "#b0b0b0" };
        let x = |value: f64| LEFT + (value * scale).max(0.0);
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LEFT}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"/>\n\
             <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"#333\"/>\n\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            LEFT - 8.0,
            middle + 4.0,
            escaped(&column.name),
            y + 4.0,
            x(spread.median) - LEFT,
            ROW - 8.0,
            x(spread.min),
            x(spread.max),
            x(spread.max) + 8.0,
            middle + 4.0,
            number(spread.median),
        );
    }
    text.push_str("</svg>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
