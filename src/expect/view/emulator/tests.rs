use proptest::prelude::*;

use super::*;

fn showing(size: (u16, u16), output: &[u8]) -> Emulator {
    let mut emulator = Emulator::new(size, 0);
    emulator.push(output);
    emulator
}

/// A terminal as it was just opened, after a repaint.
fn repainted(emulator: &Emulator) -> Emulator {
    showing(emulator.size(), &emulator.repaint())
}

/// All that can be told of a terminal.
fn all(emulator: &Emulator) -> (String, String, String, String, String) {
    let screen = emulator.screen();
    (
        screen.state_formatted(),
        format!("{:?} {}", screen.cursor_position(), screen.alternate_screen()),
        emulator.modes.again() + &emulator.modes.region(),
        emulator.dialect.charsets(),
        emulator.title().to_owned(),
    )
}

#[test]
fn a_repaint_shows_and_minds_the_same() {
    let table: &[&[u8]] = &[
        b"",
        b"$ ls\r\na  b  c\r\n$ ",
        "größer 日本 e\u{301} 🙂\r\n".as_bytes(),
        b"\x1b[1;31mred\x1b[0m \x1b[7minverse\x1b[m \x1b[38;5;200mpink\x1b[48;2;1;2;3mdeep",
        // The cursor behind the last column, in the middle of the screen.
        b"\x1b[3;1H01234567890123456789",
        b"\x1b[?1049h\x1b[2J\x1b[5;5Hother\x1b[?25l\x1b[?1h\x1b=",
        b"before\r\n\x1b[?1049hover\x1b[?2004h\x1b[?1000;1006h",
        b"\x1b[2;4r\x1b[4;3Hhere\x1b[?1004h\x1b[?7l",
        b"\x1b(0lqqk\r\nx  x\r\n",
        b"\x1b]0;a title\x07text\x1b[5 q",
        b"\n\n\n\n\n\n\n\n\nscrolled\r\n\r\n",
    ];
    for output in table {
        let emulator = showing((20, 6), output);
        assert_eq!(all(&repainted(&emulator)), all(&emulator), "{}", output.escape_ascii());
    }
}

/// What a full-screen program returns to is painted under it.
#[test]
fn what_is_under_the_other_screen_is_there_again() {
    let emulator = showing((20, 6), b"$ vi file\r\n\x1b[?1049h\x1b[2J\x1b[3;3Hvi");
    let mut again = repainted(&emulator);
    again.push(b"\x1b[?1049l$ ");
    assert_eq!(again.screen().contents(), "$ vi file\n$ ");
}

#[test]
fn lines_are_drawn() {
    let emulator = showing((10, 3), b"\x1b(0lqk\x1b(B\r\n\x1b)0\x0ex\x0f x");
    assert_eq!(emulator.screen().contents(), "┌─┐\n│ x");
}

#[test]
fn a_grid_is_never_larger_than_can_be_cleared() {
    for size in [(65535, 65535), (65535, 1), (1, 65535), (0, 0), (1000, 1000)] {
        let got = Emulator::new(size, 0).size();
        assert!(fits(got) && got.0 >= 1 && got.1 >= 1, "{size:?}: {got:?}");
        assert_eq!(got == size, fits(size) && size != (0, 0), "{size:?}: {got:?}");
    }
}

proptest! {
    /// Whatever came, and however it was cut; also after another size. (A combining mark that was put on an
    /// empty cell by moving the cursor there is beyond the crate.)
    #[test]
    fn a_repaint_of_anything(
        parts in proptest::collection::vec(
            prop_oneof![
                "(\x1b\\[[0-9;?]{0,4}[A-HJ-MPSTXdfhlmr@`]|\x1b[78DEM=>]|\x1b[()][0B]|[abq\u{4e00}\r\n\t\x08]){0,20}"
                    .prop_map(String::into_bytes),
                Just(b"\x1b[?1049h".to_vec()),
                Just(b"\x1b[?1049l".to_vec()),
            ],
            0..6,
        ),
        cols in 2_u16..12,
        rows in 2_u16..6,
    ) {
        let mut emulator = showing((7, 4), &parts.concat());
        let mut cut = Emulator::new((7, 4), 0);
        parts.concat().chunks(3).for_each(|part| cut.push(part));
        prop_assert_eq!(all(&cut), all(&emulator));
        let shown = |emulator: &Emulator| {
            (emulator.screen().contents(), emulator.screen().cursor_position())
        };
        prop_assert_eq!(shown(&repainted(&emulator)), shown(&emulator));
        emulator.resize((cols, rows));
        prop_assert_eq!(shown(&repainted(&emulator)), shown(&emulator));
    }
}
