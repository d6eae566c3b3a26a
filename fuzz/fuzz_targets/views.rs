//! Any bytes, cut anywhere, give the same text and the same output without our echo.
//! `cargo +nightly fuzz run views`

#![no_main]

use heeler::expect::view::echo::Echo;
use heeler::expect::view::text::TextView;
use heeler::expect::window::Window;
use libfuzzer_sys::fuzz_target;

fn text(typed: &[u8], chunks: &[&[u8]]) -> (Vec<u8>, Vec<u64>) {
    let (mut echo, mut view, mut window) =
        (Echo::default(), TextView::default(), Window::new(true));
    echo.expect(typed);
    let mut offset = 0;
    let mut out = |at: u64, bytes: &[u8]| view.push(at, bytes, &mut window);
    for chunk in chunks {
        echo.push(offset, chunk, &mut out);
        offset += chunk.len() as u64;
    }
    echo.release(offset, &mut out);
    view.close(&mut window);
    let offsets = (0..window.end()).map(|position| window.offset_of(position)).collect();
    (window.bytes().to_vec(), offsets)
}

fuzz_target!(|input: (&[u8], usize, &[u8])| {
    let (typed, cut, bytes) = input;
    let whole = text(typed, &[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(text(typed, &single), whole);
    let cut = cut % (bytes.len() + 1);
    assert_eq!(text(typed, &[&bytes[..cut], &bytes[cut..]]), whole);
    assert!(whole.1.windows(2).all(|pair| pair[0] < pair[1]));
});
