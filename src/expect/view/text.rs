//! The text view: what a person would read, as far as a stream of bytes has it.
//!
//! Every state survives the end of a chunk; the same bytes give the same text however they are cut.
//!
//! | in the stream | in the text |
//! | --- | --- |
//! | printable bytes, TAB, LF, bytes of 0x80 and above | as they are |
//! | CR LF, also CR CR LF, also with escapes between | LF |
//! | a CR that no LF follows | CR: a line boundary for `^` and `$`, as under a progress bar |
//! | VT, FF | LF |
//! | NUL, BEL, BS, DEL and the other control characters | nothing; BS takes nothing back |
//! | ESC and its final byte; CSI up to its final byte | nothing; a control character inside acts as outside |
//! | OSC, SOS, PM, APC up to BEL (OSC) or ST | nothing; a line end breaks off one that nobody closed |
//! | DCS up to ST | nothing; line ends may be in it (sixel) |
//! | CAN, SUB, ESC inside any of them | break it off |
//! | C1 controls in UTF-8 (0xC2 0x80 to 0xC2 0x9F) | as their ESC forms; a lone byte of that range is text |
//!
//! Escapes that move the cursor leave no trace: text that was placed rather than written in order wants the
//! screen view. What is undecided at the end of a chunk (a CR, half of a C1 control) is not yet shown.

use super::special::{lines, plain};
use crate::expect::window::Window;

/// The parser of the text view.
#[derive(Debug, Default)]
pub struct TextView {
    state: State,
    /// The offset of a CR that is not yet known to be alone.
    cr: Option<u64>,
    /// The offset of a 0xC2, the first half of a C1 control or of a character.
    half: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// After ESC and any intermediate bytes.
    Escape,
    Csi,
    /// OSC, ended by BEL too.
    Osc,
    /// SOS, PM, APC.
    Line,
    /// DCS.
    Data,
}

impl TextView {
    /// Takes bytes that came from `offset` on, and adds what is text to `out`.
    pub fn push(&mut self, offset: u64, bytes: &[u8], out: &mut Window) {
        let mut at = 0;
        while at < bytes.len() {
            if self.is_at_rest() {
                let plain = plain(&bytes[at..]);
                out.push(offset + at as u64, &bytes[at..at + plain]);
                at += plain;
                // A terminal ends every line so: what follows is plain again, from the LF on.
                if bytes[at..].starts_with(b"\r\n") {
                    at += 1;
                    continue;
                }
            }
            if let Some(&byte) = bytes.get(at) {
                self.byte(offset + at as u64, byte, out);
                at += 1;
            }
        }
    }

    /// How many bytes at the start are text as they stand, but for each CR, which an LF follows; what comes after
    /// them is as if they had not been there.
    pub fn lines(&self, bytes: &[u8]) -> usize {
        if self.is_at_rest() { lines(bytes) } else { 0 }
    }

    fn is_at_rest(&self) -> bool {
        self.state == State::Ground && self.cr.is_none() && self.half.is_none()
    }

    /// The stream has ended: what was undecided is text.
    pub fn close(&mut self, out: &mut Window) {
        self.emit_cr(out);
        if let Some(offset) = self.half.take() {
            out.push(offset, b"\xc2");
        }
    }

    fn byte(&mut self, offset: u64, byte: u8, out: &mut Window) {
        if let Some(first) = self.half.take() {
            match (self.state, byte) {
                (State::Ground, 0x80..=0x9f) => return self.escape(byte - 0x40),
                (State::Osc | State::Line | State::Data, 0x9c) => {
                    return self.state = State::Ground;
                }
                (State::Ground, _) => self.text(first, 0xc2, out),
                _ => {}
            }
        }
        match (self.state, byte) {
            (_, 0x1b) => self.state = State::Escape,
            (State::Osc | State::Line | State::Data | State::Ground, 0xc2) => {
                self.half = Some(offset);
            }
            (_, 0x18 | 0x1a) | (State::Osc, 0x07) | (State::Csi, 0x40..=0x7e) => {
                self.state = State::Ground;
            }
            (State::Osc | State::Line, b'\n' | b'\r') => {
                self.state = State::Ground;
                self.control(offset, byte, out);
            }
            (State::Osc | State::Line | State::Data, _)
            | (State::Csi, 0x20..=0x3f)
            | (State::Escape, 0x20..=0x2f) => {}
            (State::Escape, 0x30..=0x7e) => self.escape(byte),
            (_, 0x00..=0x1f | 0x7f) => self.control(offset, byte, out),
            (State::Csi | State::Escape | State::Ground, _) => {
                self.state = State::Ground;
                self.text(offset, byte, out);
            }
        }
    }

    /// The byte after ESC.
    fn escape(&mut self, byte: u8) {
        self.state = match byte {
            b'[' => State::Csi,
            b']' => State::Osc,
            b'P' => State::Data,
            b'X' | b'^' | b'_' => State::Line,
            _ => State::Ground,
        };
    }

    fn control(&mut self, offset: u64, byte: u8, out: &mut Window) {
        match byte {
            b'\r' => self.cr = Some(offset),
            b'\n' => {
                self.cr = None;
                out.push(offset, b"\n");
            }
            0x0b | 0x0c => {
                self.emit_cr(out);
                out.push(offset, b"\n");
            }
            b'\t' => self.text(offset, byte, out),
            _ => {}
        }
    }

    fn text(&mut self, offset: u64, byte: u8, out: &mut Window) {
        self.emit_cr(out);
        out.push(offset, &[byte]);
    }

    fn emit_cr(&mut self, out: &mut Window) {
        if let Some(offset) = self.cr.take() {
            out.push(offset, b"\r");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn view(chunks: &[&[u8]]) -> (Vec<u8>, Vec<u64>) {
        let (mut view, mut out, mut offset) = (TextView::default(), Window::default(), 0);
        for chunk in chunks {
            view.push(offset, chunk, &mut out);
            offset += chunk.len() as u64;
        }
        view.close(&mut out);
        let offsets = (0..out.end()).map(|p| out.offset_of(p)).collect();
        (out.bytes().to_vec(), offsets)
    }

    #[test]
    fn the_table() {
        let long_osc = [b"a\x1b]0;".as_slice(), &[b'x'; 9000], b"\x07b"].concat();
        let table: &[(&[u8], &[u8])] = &[
            (b"plain\ttext\n", b"plain\ttext\n"),
            (b"one\r\ntwo\r\r\nthree\r\x1b[K\nfour", b"one\ntwo\nthree\nfour"),
            (b"10%\r20%\r\x1b[2K30%", b"10%\r20%\r30%"),
            (b"end\r", b"end\r"),
            (b"a\x0bb\x0cc\r\x0bd", b"a\nb\nc\r\nd"),
            (b"a\0b\x07c\x08d\x7fe\x0ef", b"abcdef"),
            (b"\x1b[1;31mred\x1b[0m\x1b[?2004h$ ", b"red$ "),
            (b"\x1b]0;title\x07$ \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", b"$ link"),
            (b"\x1bPq#0\n#1\x1b\\after\x1b_Gf=1;AAAA\x1b\\.", b"after."),
            (b"\x1b(B\x1b=\x1b7x\x1b#8y\x1b M", b"xy"),
            (b"a\x1b[3\n1mb", b"a\nb"),
            (b"a\x1b[3\x18b\x1b]0;t\x1ac", b"abc"),
            (b"a\x1b[3\x1b[1mb", b"ab"),
            (b"\x1b]0;never closed\r\nPassword: ", b"\nPassword: "),
            (b"\xc2\x9b1mred\xc2\x9d0;t\xc2\x9cgo\xc2\x85x", b"redgox"),
            ("caf\u{e9} \u{a3} \u{20ac}".as_bytes(), "caf\u{e9} \u{a3} \u{20ac}".as_bytes()),
            (b"latin \xe9 \x9b \xff\xc2", b"latin \xe9 \x9b \xff\xc2"),
            (b"\x1b]0;\xc3\x9c title \xc2\x07x", b"x"),
            (b"a\x1b[3\xe9b", b"a\xe9b"),
            (&long_osc, b"ab"),
        ];
        for (bytes, text) in table {
            let got = view(&[bytes]).0;
            assert_eq!(got.escape_ascii().to_string(), text.escape_ascii().to_string());
        }
    }

    #[test]
    fn each_byte_of_the_text_knows_where_it_came_from() {
        let (text, offsets) = view(&[b"a\x1b[mb\r\nc\rd\xc2\x9bme"]);
        assert_eq!(text, b"ab\nc\rde");
        assert_eq!(offsets, [0, 4, 6, 7, 8, 9, 13]);
    }

    proptest! {
        #[test]
        fn the_same_text_for_every_split(
            bytes in proptest::collection::vec(
                prop_oneof![
                    proptest::sample::select(
                        b"\x1b\x1b[]PX_\\;0m\r\n\x07\x08\x18\x00\xc2\xc2\x9b\x9c\x9d\x90ab".to_vec()
                    ),
                    any::<u8>(),
                ],
                0..80,
            ),
            cut in any::<proptest::sample::Index>(),
        ) {
            let whole = view(&[&bytes]);
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(&view(&single), &whole);
            let cut = cut.index(bytes.len() + 1);
            prop_assert_eq!(&view(&[&bytes[..cut], &bytes[cut..]]), &whole);
            prop_assert!(whole.1.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
