//! The program's memory: an area of its own for what is small, in front of the C library's heap.
//!
//! Reading a command line allocates thousands of small pieces, and the start of a run is most of a short run.
//! A piece from the area costs a dozen instructions, from glibc's heap a hundred, from musl's a system call now
//! and then. (Measured on a run of `true`: 30 % of all its instructions.) What is given back is kept for the
//! next piece of its class; when the area is used up, the C library has the rest. A run that lasts has done its
//! allocating long before that. (Having the kernel make its first pages at once, with MADV_POPULATE_WRITE, saves
//! forty page faults and no time.)

#![expect(clippy::cast_ptr_alignment, reason = "pieces are aligned to `STEP`")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr;

/// How much there is. Pages that nobody has touched cost nothing.
const AREA: usize = 1 << 20;
/// Sizes up to this have a class for every step ...
const FINE: usize = 1024;
const STEP: usize = 16;
/// ... and from there on for every power of two up to this.
const LARGEST: usize = 128 << 10;
const CLASSES: usize = FINE / STEP + (LARGEST / FINE).ilog2() as usize;

#[repr(align(4096))]
struct Area(UnsafeCell<[u8; AREA]>);
// SAFETY: its bytes belong to whoever was given them; `State` says to whom.
unsafe impl Sync for Area {}

static SPACE: Area = Area(UnsafeCell::new([0; AREA]));

/// What small pieces are cut from.
const CHUNK: usize = 64 << 10;

struct State {
    /// What is behind this in the area was never given out.
    used: Cell<usize>,
    /// Where small pieces are cut, and how much is left there.
    cut: Cell<(*mut u8, usize)>,
    /// What was given back, by class: a list whose links are in the pieces themselves.
    free: [Cell<*mut u8>; CLASSES],
}

struct Shared(State);
// SAFETY: touched by the one thread that has `MINE` set.
unsafe impl Sync for Shared {}

static STATE: Shared = Shared(State {
    used: Cell::new(0),
    cut: Cell::new((ptr::null_mut(), 0)),
    free: [const { Cell::new(ptr::null_mut()) }; CLASSES],
});

thread_local! {
    /// Whether this thread is the one that takes from the area and gives back to it.
    static MINE: Cell<bool> = const { Cell::new(false) };
}

/// The allocator.
#[derive(Debug)]
pub struct Heap;

impl Heap {
    /// From here on this thread, and no other, uses the area.
    ///
    /// # Safety
    /// To be called by one thread of the process.
    pub(super) unsafe fn begin() {
        MINE.set(true);
    }
}

/// The class that holds `size` bytes, and how long its pieces are.
fn class(size: usize) -> (usize, usize) {
    if size <= FINE {
        let class = size.saturating_sub(1) / STEP;
        return (class, (class + 1) * STEP);
    }
    let length = size.next_power_of_two();
    (FINE / STEP + (length / FINE).ilog2() as usize - 1, length)
}

fn fits(layout: Layout) -> bool {
    layout.size() <= LARGEST && layout.align() <= STEP && MINE.get()
}

/// How far behind the area's beginning it is.
fn place(piece: *mut u8) -> usize {
    piece.addr().wrapping_sub(SPACE.0.get().addr())
}

fn is_ours(piece: *mut u8) -> bool {
    place(piece) < AREA
}

/// A piece for `size` bytes, while there is one.
fn take(size: usize) -> Option<*mut u8> {
    let (class, length) = class(size);
    if let Some(piece) = reuse(class) {
        return Some(piece);
    }
    if length > FINE {
        return unused(length);
    }
    let (mut at, mut left) = STATE.0.cut.get();
    if left < length {
        STATE.0.cut.set((ptr::null_mut(), 0));
        if left > 0 {
            give_back(at, left);
        }
        (at, left) = chunk()?;
    }
    // SAFETY: what is left is longer.
    STATE.0.cut.set((unsafe { at.add(length) }, left - length));
    Some(at)
}

/// The last piece of `class` that was given back.
fn reuse(class: usize) -> Option<*mut u8> {
    let list = &STATE.0.free[class];
    let piece = list.get();
    if piece.is_null() {
        return None;
    }
    // SAFETY: a piece in a list begins with the next one; pieces are aligned and long enough for it.
    list.set(unsafe { piece.cast::<*mut u8>().read() });
    Some(piece)
}

/// What was never given out.
fn unused(length: usize) -> Option<*mut u8> {
    let at = STATE.0.used.get();
    if AREA - at < length {
        return None;
    }
    STATE.0.used.set(at + length);
    // SAFETY: inside the area.
    Some(unsafe { SPACE.0.get().cast::<u8>().add(at) })
}

/// Makes a large piece longer where it is, which can be done with the last that was given out.
fn extend(piece: *mut u8, from: usize, to: usize) -> bool {
    let (from, to) = (class(from).1, class(to).1);
    let used = STATE.0.used.get();
    let end = place(piece) + from;
    let fits = from > FINE && from < to && end == used && to - from <= AREA - used;
    if fits {
        STATE.0.used.set(used + (to - from));
    }
    fits
}

/// Something to cut small pieces from: a large one that was given back, since its pages are there already (a
/// vector that grew has left a row of them).
fn chunk() -> Option<(*mut u8, usize)> {
    let used = (FINE / STEP..CLASSES)
        .find_map(|class| reuse(class).map(|piece| (piece, FINE << (class + 1 - FINE / STEP))));
    used.or_else(|| unused(CHUNK).map(|piece| (piece, CHUNK)))
}

fn give_back(piece: *mut u8, size: usize) {
    let list = &STATE.0.free[class(size).0];
    // SAFETY: it is long enough and aligned, and nobody else has it any more.
    unsafe { piece.cast::<*mut u8>().write(list.get()) };
    list.set(piece);
}

// SAFETY: pieces do not overlap, are as long and as aligned as was asked for, and stay where they are until they
// are given back. Other threads are served by the C library; what they give back of ours is not used again.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if fits(layout)
            && let Some(piece) = take(layout.size())
        {
            // For the test that counts allocations: a call that does nothing, which a preloaded library sees.
            #[cfg(debug_assertions)]
            // SAFETY: null is allowed.
            unsafe {
                libc::malloc_usable_size(ptr::null_mut());
            }
            return piece;
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    /// What was never given out is zero, and stays a page that nobody has touched.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !fits(layout) {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let used = STATE.0.used.get();
        // SAFETY: the caller's promise; what comes is as long as was asked for.
        unsafe {
            let piece = self.alloc(layout);
            if !piece.is_null() && !(used..AREA).contains(&place(piece)) {
                piece.write_bytes(0, layout.size());
            }
            piece
        }
    }

    #[inline]
    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if !is_ours(piece) {
            // SAFETY: then it is the C library's.
            unsafe { System.dealloc(piece, layout) };
        } else if MINE.get() {
            give_back(piece, layout.size());
        }
    }

    #[inline]
    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_ours(piece) {
            // SAFETY: the caller's promise.
            return unsafe { System.realloc(piece, layout, size) };
        }
        if size <= LARGEST
            && MINE.get()
            && (class(size) == class(layout.size()) || extend(piece, layout.size(), size))
        {
            return piece;
        }
        // SAFETY: the caller promises that the size is valid for the alignment; the new piece is another one.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(piece, new, layout.size().min(size));
                self.dealloc(piece, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_a_class_that_holds_it() {
        let mut before = (0, 0);
        for size in 1..=LARGEST {
            let now = class(size);
            assert!(
                now.1 >= size && now.1.is_multiple_of(STEP) && now.0 < CLASSES,
                "{size}: {now:?}"
            );
            assert!(now == before || now.0 == before.0 + 1 || size == 1, "{size}: {now:?}");
            before = now;
        }
        assert_eq!(before, (CLASSES - 1, LARGEST));
        assert_eq!(class(0), class(1));
        assert_eq!(class(FINE + 1), (FINE / STEP, 2 * FINE), "as `chunk` has it");
    }

    /// Pieces keep what is in them, whatever happens around them, also when the area is used up.
    #[test]
    fn pieces_are_their_owners() {
        // SAFETY: the one test that uses it, and what it allocates it gives back.
        unsafe { Heap::begin() };
        let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let mut random = 1u32;
        for step in 0..60_000u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // The last third is small pieces only, until there are no more.
            let most = if step < 40_000 { [64, 3000, 200_000][step as usize % 3] } else { 800 };
            let size = 1 + (random >> 8) as usize % most;
            let layout = Layout::from_size_align(size, [1, 8, 16, 64][step as usize % 4]).unwrap();
            let mark = step as u8;
            // SAFETY: layouts of a size; each piece is used and given back with the layout that it has.
            unsafe {
                match random >> 28 {
                    0..=6 => {
                        let zeroed = step % 5 == 0;
                        let piece =
                            if zeroed { Heap.alloc_zeroed(layout) } else { Heap.alloc(layout) };
                        assert_eq!(piece.addr() % layout.align(), 0);
                        if zeroed {
                            let bytes = std::slice::from_raw_parts(piece, size);
                            assert!(bytes.iter().all(|byte| *byte == 0), "{step}");
                        }
                        piece.write_bytes(mark, size);
                        held.push((piece, layout, mark));
                    }
                    7..=11 if !held.is_empty() => {
                        let at = random as usize % held.len();
                        let (piece, old, mark) = held[at];
                        let piece = Heap.realloc(piece, old, size);
                        let kept = std::slice::from_raw_parts(piece, size.min(old.size()));
                        assert!(kept.iter().all(|byte| *byte == mark), "{step}");
                        piece.write_bytes(mark, size);
                        let layout = Layout::from_size_align(size, old.align()).unwrap();
                        held[at] = (piece, layout, mark);
                    }
                    _ if !held.is_empty() => {
                        let (piece, layout, mark) = held.swap_remove(random as usize % held.len());
                        let bytes = std::slice::from_raw_parts(piece, layout.size());
                        assert!(bytes.iter().all(|byte| *byte == mark), "{step}");
                        Heap.dealloc(piece, layout);
                    }
                    _ => {}
                }
            }
        }
        for (piece, layout, _) in held {
            // SAFETY: as above.
            unsafe { Heap.dealloc(piece, layout) };
        }
        MINE.set(false);
    }
}
