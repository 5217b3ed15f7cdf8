//! An allocator that notes the largest request: hostile lengths must not become memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that one byte of a file may become in memory: the shortest timing record has 2 bytes and becomes 128.
const EXPANSION: usize = 80;
/// What needs memory however short the file is.
const BASE: usize = 16 << 10;

/// Runs `check` on `data` and fails when it asked for more memory at once than the bytes present can need.
pub fn bounded(data: &[u8], check: impl FnOnce(&[u8])) {
    LARGEST.store(0, Ordering::Relaxed);
    check(data);
    let largest = LARGEST.load(Ordering::Relaxed);
    let most = BASE + EXPANSION * data.len();
    assert!(
        largest <= most,
        "{largest} bytes were asked for at once, {} are present",
        data.len()
    );
}
