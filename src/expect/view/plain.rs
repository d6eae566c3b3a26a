//! A stretch of output as the text view shows it, for those who have it whole.

use super::text::TextView;
use crate::expect::window::Window;

/// The text of `bytes`; of an end that is cut inside an escape or a character, what is there.
pub fn text(bytes: &[u8]) -> Vec<u8> {
    let mut window = Window::new(true);
    let mut view = TextView::default();
    view.push(0, bytes, &mut window);
    view.close(&mut window);
    window.bytes().to_vec()
}
