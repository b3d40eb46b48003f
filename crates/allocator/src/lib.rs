//! Where the program's memory comes from: mimalloc, told to keep what is freed, and the kernel, told to give it in small
//! pages.
//!
//! A router makes and drops many small things and half a megabyte of bytes for every record, in bursts. What an
//! allocator gives back to the system between two of them, the kernel has to zero and map again, which on a virtual
//! machine costs the host too. Kept for a minute, it is mapped once: 3,600 page faults instead of 113,000 in
//! `simpang bench --quick --part core --part rates`, and 8 % less processor time.
//!
//! mimalloc would take pages of 2 MB. The kernel zeroes such a page while its thread waits, on a virtual machine for 5 to
//! 8 ms, and whatever the thread was to carry waits too: with small pages the slowest of a thousand messages from a door
//! to an agent's stream took 14 to 18 ms at 2,000 a second instead of 20 to 30, and no rate was lower.
//!
//! The only crate with `unsafe`: the allocator's settings are a C interface.

use std::ffi::{c_int, c_long};
use std::time::Duration;

pub use mimalloc::MiMalloc;

/// How long memory that nothing uses stays with the process: a burst's memory serves the next one, and goes back to the
/// system when none comes.
pub const KEPT_FOR: Duration = Duration::from_secs(60);

/// `mi_option_purge_delay`: milliseconds until free memory goes back.
const PURGE_DELAY: c_int = 15;

/// Variable of the environment: 1 leaves large pages to the allocator.
const LARGE_PAGES: &str = "MIMALLOC_ALLOW_THP";

/// Lets the process keep what it frees for [`KEPT_FOR`], unless the variable of the environment `MIMALLOC_PURGE_DELAY`
/// says otherwise, and take no large pages, unless `MIMALLOC_ALLOW_THP` does. To be called when it begins.
pub fn settle() {
    let delay = c_long::try_from(KEPT_FOR.as_millis()).unwrap_or(c_long::MAX);
    // SAFETY: settings are read and written atomically, and this is one of this version (see the test).
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, delay) }
    // Where the kernel knows no large pages, there is nothing to turn off.
    #[cfg(target_os = "linux")]
    if std::env::var_os(LARGE_PAGES).is_none() {
        let _ = rustix::thread::disable_transparent_huge_pages(true);
    }
}

/// Gives all memory back that nothing uses, so that what a process holds tells what it needs.
pub fn give_back() {
    // SAFETY: may be called at any time from any thread.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

#[cfg(test)]
mod tests {
    use super::{PURGE_DELAY, give_back, settle};

    fn delay() -> i64 {
        // SAFETY: as above.
        unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) }
    }

    #[test]
    fn the_setting_is_the_one_that_its_number_means_and_takes_effect() {
        // Of all settings only this is a thousand when nobody said anything: another version that numbers them
        // otherwise is seen here.
        assert_eq!(delay(), 1_000, "what mimalloc does by itself");
        settle();
        assert_eq!(delay(), 60_000);
        // A kernel that knows of no large pages says so, and gives none.
        #[cfg(target_os = "linux")]
        if let Ok(small_only) = rustix::thread::transparent_huge_pages_are_disabled() {
            assert!(small_only || std::env::var_os(super::LARGE_PAGES).is_some());
        }
        give_back();
    }
}
