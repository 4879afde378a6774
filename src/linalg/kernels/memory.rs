//! Memory for large tables.

/// `len` zeros. A table of several megabytes asks the system for huge pages: reads and gathers that
/// jump through it then miss the address cache less often. Where the system has none, nothing changes.
#[must_use]
pub fn zeros(len: usize) -> Vec<f32> {
    // Fresh memory comes zeroed and untouched, so that the advice is in time for its first use.
    let mut values = vec![0.0; len];
    advise(&mut values);
    values
}

/// Size of a huge page on x86-64 and most others, in bytes.
const PAGE: usize = 2 << 20;

/// `len` values of a buffer that is used again and again, and only grows: from the first one on that may begin a huge
/// page. Packed factors that lie scattered over small pages get into each other's way in the second cache, in some
/// runs and not in others; a product then takes up to a quarter longer.
pub fn at_least(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    const VALUES: usize = PAGE / size_of::<f32>();
    if buffer.len() < len + VALUES {
        *buffer = zeros(len.next_multiple_of(VALUES) + VALUES);
    }
    let start = buffer.as_ptr().align_offset(PAGE);
    &mut buffer[start..][..len]
}

#[cfg(target_os = "linux")]
fn advise(values: &mut [f32]) {
    use rustix::mm::{Advice, madvise};
    let range = values.as_mut_ptr_range();
    let start = (range.start as usize).next_multiple_of(PAGE);
    let end = range.end as usize / PAGE * PAGE;
    if start < end {
        // SAFETY: whole pages within one live allocation; the advice does not change what they hold.
        // That it fails where the kernel knows no huge pages is of no consequence.
        let _ = unsafe { madvise(start as *mut _, end - start, Advice::LinuxHugepage) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise(_: &mut [f32]) {}
