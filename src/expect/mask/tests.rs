use proptest::prelude::*;

use super::*;

fn masked(secrets: &[&str], text: &str) -> String {
    Mask::new(secrets).text(text.as_bytes())
}

fn in_chunks(mask: &Mask, chunks: &[&[u8]]) -> Vec<u8> {
    let mut masker = Masker::new(mask.clone());
    let mut out = Vec::new();
    for chunk in chunks {
        masker.mask(chunk, &mut out);
    }
    masker.finish(&mut out);
    assert_eq!(masker.held(), 0);
    out
}

#[test]
fn every_occurrence_becomes_three_stars() {
    assert_eq!(masked(&["hunter2"], "a hunter2 b hunter2hunter2 c"), "a *** b ****** c");
    assert_eq!(masked(&["x"], "axbxx"), "a***b******");
    assert_eq!(masked(&["a-long-secret-value"], "a-long-secret-value"), "***");
}

#[test]
fn line_ends_inside_are_looked_through() {
    for echoed in ["hun\r\nter2", "hunter\n2", "h\r\r\nunter2"] {
        assert_eq!(masked(&["hunter2"], &format!("[{echoed}]")), "[***]", "{echoed:?}");
    }
    assert_eq!(masked(&["two\n\nlines\n"], "two\r\n\r\nlines\r\n."), "***\r\n.");
    assert_eq!(masked(&["two\r\nlines"], "two\nlines"), "***");
    assert_eq!(masked(&["hunter2"], "hun\n\n\n\nter2"), "hun\n\n\n\nter2");
}

#[test]
fn overlapping_secrets_leave_nothing_between_them() {
    assert_eq!(masked(&["aba"], "xababay"), "x***y");
    assert_eq!(masked(&["bc", "abcd"], "abcd abc"), "*** a***");
    assert_eq!(masked(&["abcd", "cdef"], "abcdef."), "***.");
    assert_eq!(masked(&["aaaa"], "aaaaaaaaa."), "***.");
}

#[test]
fn a_part_is_masked_as_what_it_is_a_part_of() {
    let mask = Mask::new(["one\ntwo", "x"]);
    let whole = b"a one\r\ntwo b x c";
    let part = |range| String::from_utf8(mask.part(whole, range)).unwrap();
    assert_eq!(part(0..16), "a *** b *** c");
    assert_eq!(part(7..16), "*** b *** c");
    assert_eq!(part(0..4), "a ***");
    assert_eq!(part(8..9), "***");
    assert_eq!(part(10..13), " b ");
    assert_eq!(part(11..11), "");
    assert_eq!(Mask::default().part(whole, 2..5), b"one");
}

#[test]
fn a_secret_without_content_masks_nothing() {
    assert_eq!(masked(&["", "\n"], "a\nb"), "a\nb");
    assert!(Mask::new(["\r\n"]).is_empty());
    assert!(Mask::default().is_empty());
}

#[test]
fn bytes_that_are_not_utf_8_are_masked_too() {
    assert_eq!(Mask::new([b"\xff\xfe"]).text(b"a\xff\xfeb\xff"), "a***b\u{fffd}");
}

#[test]
fn at_most_the_longest_part_is_held_back() {
    let mut masker = Masker::new(Mask::new(["hunter2", "the"]));
    let mut out = Vec::new();
    masker.mask(b"in th", &mut out);
    assert_eq!((out.as_slice(), masker.held()), (b"in ".as_slice(), 2));
    masker.mask(b"unter", &mut out);
    assert_eq!((out.as_slice(), masker.held()), (b"in t".as_slice(), 6));
    masker.mask(b"3", &mut out);
    assert_eq!((out.as_slice(), masker.held()), (b"in thunter3".as_slice(), 0));
    masker.mask(b"hunter", &mut out);
    masker.finish(&mut out);
    assert_eq!(out, b"in thunter3***");
}

#[test]
fn a_pause_lets_a_short_part_go_and_masks_the_rest() {
    let mut masker = Masker::new(Mask::new(["secret-value"]));
    let mut out = Vec::new();
    masker.mask(b"listing files\r\n", &mut out);
    assert_eq!(out, b"listing file");
    masker.pause(&mut out);
    assert_eq!((out.as_slice(), masker.held()), (b"listing files\r\n".as_slice(), 0));
    masker.mask(b"se", &mut out);
    masker.pause(&mut out);
    masker.mask(b"c", &mut out);
    masker.pause(&mut out);
    assert_eq!(out, b"listing files\r\nse", "three characters are too many");
    masker.mask(b"ret-value. s", &mut out);
    masker.pause(&mut out);
    masker.mask(b"ecret-value", &mut out);
    masker.finish(&mut out);
    assert_eq!(out, b"listing files\r\nse***. s***");
}

#[test]
fn at_the_end_a_beginning_that_tells_much_is_masked() {
    let mask = Mask::new(["hunter2", "correct horse battery"]);
    for (text, shown) in [
        ("pw: hunter", "pw: ***"),
        ("pw: hunt\r\n", "pw: ***\r\n"),
        ("pw: hun", "pw: hun"),
        ("pw: correct", "pw: ***"),
        ("pw: corr", "pw: corr"),
        ("pw: hunt.", "pw: hunt."),
    ] {
        assert_eq!(in_chunks(&mask, &[text.as_bytes()]), shown.as_bytes(), "{text:?}");
        let whole = mask.part(text.as_bytes(), 0..text.len());
        assert_eq!(whole, shown.as_bytes(), "{text:?}");
        assert_eq!(mask.text(text.as_bytes()), text, "a value is complete");
    }
    assert_eq!(in_chunks(&Mask::new(["ok12"]), &[b"ok\n"]), b"ok\n", "a word of its own");
    assert_eq!(in_chunks(&Mask::new(["ok1"]), &[b"ok\n"]), b"***\n");
}

#[test]
fn what_was_cut_out_of_a_secret_is_found() {
    let mask = Mask::new(["hunter2!", "other"]);
    let found = |around: &str, value: &str| -> Vec<String> {
        let found = mask.fragments(around.as_bytes(), &[value.as_bytes()]);
        found.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect()
    };
    assert_eq!(found("pw=hunter2! ok", "pw=hunt"), ["hunt"]);
    assert_eq!(found("pw=hunter2! ok", "er2! ok"), ["er2!"]);
    assert_eq!(found("pw=hunter2! ok", "unte"), ["unte"]);
    assert_eq!(found("pw=hun\r\nter2! ok", "=hun\r\nt"), ["hunt"]);
    // It may still become one.
    assert_eq!(found("pw=hunte", "pw=hunte"), ["hunte"]);
    assert!(found("pw=hunter2! ok", "pw=hu").is_empty(), "two characters tell little");
    assert!(found("a hunter ran", "a hunter").is_empty(), "no secret is there");
    assert!(found("pw=hunter2!", "pw=hunter2!").is_empty(), "the whole is masked as it is");
}

#[test]
fn nothing_of_a_secret_is_in_a_debug_print() {
    let mask = Mask::new(["hunter2"]);
    let masker = Masker::new(mask.clone());
    assert_eq!(format!("{mask:?} {masker:?}"), "Mask(..) Masker(..)");
}

#[test]
fn an_endless_self_overlapping_stream_holds_no_more_than_the_secret() {
    let mut masker = Masker::new(Mask::new(["aaaa"]));
    let mut out = Vec::new();
    for _ in 0..1000 {
        masker.mask(b"aaaaaaa", &mut out);
        assert!(masker.held() <= 4);
    }
    masker.finish(&mut out);
    assert_eq!(out, b"***");
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same(
        secrets in proptest::collection::vec("[ab\n]{1,4}", 1..4),
        text in "[abc\r\n]{0,40}",
        cuts in proptest::collection::vec(0usize..41, 0..6),
    ) {
        let mask = Mask::new(&secrets);
        let mut cuts: Vec<usize> =
            cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut at = 0;
        for cut in cuts.into_iter().chain([text.len()]) {
            chunks.push(&text.as_bytes()[at..cut]);
            at = cut;
        }
        prop_assert_eq!(in_chunks(&mask, &chunks), in_chunks(&mask, &[text.as_bytes()]));
    }

    #[test]
    fn no_secret_survives(
        secret in "[abc]{1,5}",
        before in "[abcd ]{0,10}",
        after in "[abcd ]{0,10}",
    ) {
        let text = format!("{before}{secret}{after}");
        prop_assert!(!masked(&[&secret], &text).contains(&secret));
        let mut masker = Masker::new(Mask::new([&secret, "ab\nc"]));
        let mut out = Vec::new();
        for byte in text.bytes() {
            masker.mask(&[byte], &mut out);
            masker.pause(&mut out);
        }
        masker.finish(&mut out);
        prop_assert!(!String::from_utf8(out).unwrap().contains(&secret));
    }
}

#[test]
fn a_masker_goes_on_with_more_secrets() {
    let mask = Mask::new(["hunter2"]);
    let mut masker = Masker::new(mask.clone());
    let mut out = Vec::new();
    masker.mask(b"a hunt", &mut out);
    masker.renew(mask.with(["sesame"]));
    masker.mask(b"er2 b sesame c", &mut out);
    masker.finish(&mut out);
    assert_eq!(out, b"a *** b *** c");
}
