//! A terminal that nobody looks at: the grid of the emulator crate, and what the crate leaves out.
//!
//! In front of it stands a filter ([`Dialect`]) that turns what the crate does not know into what it does: the
//! line-drawing character set, and the older names of a few sequences. Beside it, [`Modes`] follows what has
//! to be switched on again in another terminal, and the title and the questions that programs ask are kept.

use std::num::NonZeroU16;

use vt100::{Callbacks, Screen};

use super::dialect::Dialect;
use super::modes::Modes;
use super::query::Query;

/// The most cells that a grid has. Clearing one is the price of a few bytes of output, so a grid of any size
/// could take any time; and each cell takes 32 bytes, twice.
pub const MOST_CELLS: u32 = 1_000_000;

/// The most columns or rows: the crate counts them in 16 bits, and adds to them.
pub const MOST_SIDE: u16 = 10_000;

/// Whether a grid can have this size.
pub fn fits((cols, rows): (u16, u16)) -> bool {
    cols.max(rows) <= MOST_SIDE && cells((cols, rows)) <= MOST_CELLS
}

/// How many cells a grid of this size has.
pub fn cells((cols, rows): (u16, u16)) -> u32 {
    u32::from(cols) * u32::from(rows)
}

/// How many questions are kept until they are answered.
const QUERIES: usize = 64;
/// How much of a title is kept.
const TITLE: usize = 1024;

/// A terminal that follows output.
pub struct Emulator {
    parser: vt100::Parser<Heard>,
    dialect: Dialect,
    modes: Modes,
}

/// What the crate hands on.
#[derive(Debug, Default)]
struct Heard {
    title: String,
    queries: Vec<Query>,
}

impl Callbacks for Heard {
    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        let title = &title[..title.len().min(TITLE)];
        self.title = String::from_utf8_lossy(title).chars().filter(|c| !c.is_control()).collect();
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        second: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        let number = params.first().and_then(|param| param.first()).copied().unwrap_or(0);
        let found = Query::of(first, second, number, last, screen.cursor_position());
        if self.queries.len() < QUERIES {
            self.queries.extend(found);
        }
    }
}

impl Emulator {
    /// A terminal of `size` columns and rows; of `scrollback` rows is known when it grows.
    pub fn new(size: (u16, u16), scrollback: usize) -> Emulator {
        let (cols, rows) = bounded(size);
        let mut emulator = Emulator {
            parser: vt100::Parser::new_with_callbacks(rows, cols, scrollback, Heard::default()),
            dialect: Dialect::default(),
            modes: Modes::default(),
        };
        emulator.dialect.set_cells(cells(emulator.size()));
        emulator
    }

    /// Takes output.
    pub fn push(&mut self, bytes: &[u8]) {
        self.modes.push(bytes);
        let parser = &mut self.parser;
        self.dialect.push(bytes, &mut |bytes| parser.process(bytes));
    }

    /// Another size.
    pub fn resize(&mut self, size: (u16, u16)) {
        let (cols, rows) = bounded(size);
        if self.screen().size() == (rows, cols) {
            return;
        }
        self.parser.set_size(rows, cols);
        self.dialect.set_cells(cells(self.size()));
        self.modes.resized();
    }

    /// What it shows.
    pub fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        let (rows, cols) = self.screen().size();
        (cols.get(), rows.get())
    }

    /// What its window is called; empty when nothing has said.
    pub fn title(&self) -> &str {
        &self.parser.callbacks().title
    }

    /// What programs have asked since the last call.
    pub fn take_queries(&mut self) -> Vec<Query> {
        std::mem::take(&mut self.parser.callbacks_mut().queries)
    }

    /// Output that makes a terminal as it was just opened, of this size or a larger one, show the same and
    /// mind the same.
    pub fn repaint(&self) -> Vec<u8> {
        let screen = self.screen();
        let mut out = String::new();
        if screen.alternate_screen() {
            // What the program returns to is under it.
            out.push_str(&self.primary().contents_formatted());
            out.push_str("\x1b[m\x1b[?1049h");
        }
        out.push_str(&screen.contents_formatted());
        out.push_str(&self.modes.region());
        // Setting a region moves the cursor; moving it may draw the last cell of a row anew.
        out.push_str(&screen.cursor_state_formatted());
        out.push_str(&screen.attributes_formatted());
        out.push_str(&screen.input_mode_formatted());
        out.push_str(&self.modes.again());
        out.push_str(&self.dialect.charsets());
        if !self.title().is_empty() {
            out.extend(["\x1b]2;", self.title(), "\x07"]);
        }
        out.into_bytes()
    }

    fn primary(&self) -> Screen {
        let (rows, cols) = self.screen().size();
        let mut other = vt100::Parser::new(rows, cols, 0);
        *other.screen_mut() = self.screen().clone();
        other.process(b"\x1b[?47l");
        other.screen().clone()
    }
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emulator").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// A size that a grid can have: at least one cell, and not too many; rows are left out rather than columns.
fn bounded((cols, rows): (u16, u16)) -> (NonZeroU16, NonZeroU16) {
    let cols = cols.clamp(1, MOST_SIDE);
    let most = u16::try_from(MOST_CELLS / u32::from(cols)).unwrap_or(MOST_SIDE);
    let rows = rows.clamp(1, most.min(MOST_SIDE));
    let number = |n| NonZeroU16::new(n).unwrap_or(NonZeroU16::MIN);
    (number(cols), number(rows))
}

#[cfg(test)]
mod tests;
