//! Where the program's memory comes from: mimalloc, told to keep what is freed.
//!
//! A router makes and drops many small things and half a megabyte of bytes for every record, in bursts. An allocator
//! that gives free memory back at once has every page of it zeroed and mapped again by the kernel a moment later; on a
//! virtual machine, where the host has its part in that, this was more than half of what a routed message cost.
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
/// `mi_option_allow_thp`: 2 gives memory back in whole huge pages only, so that none is broken up for a part of it.
const ALLOW_THP: c_int = 43;
const WHOLE_HUGE_PAGES: c_long = 2;

/// Lets the process keep what it frees for [`KEPT_FOR`], and huge pages whole. The variables of the environment
/// `MIMALLOC_PURGE_DELAY` and `MIMALLOC_ALLOW_THP` have precedence.
pub fn keep_freed_memory() {
    set_default(PURGE_DELAY, c_long::try_from(KEPT_FOR.as_millis()).unwrap_or(c_long::MAX));
    set_default(ALLOW_THP, WHOLE_HUGE_PAGES);
}

/// Gives all memory back that nothing uses, so that what a process holds tells what it needs.
pub fn give_back() {
    // SAFETY: may be called at any time from any thread.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

fn set_default(option: c_int, value: c_long) {
    // SAFETY: settings are read and written atomically; both numbers are settings of this version (see the test).
    unsafe { libmimalloc_sys::mi_option_set_default(option, value) }
}

#[cfg(test)]
mod tests {
    use super::{ALLOW_THP, PURGE_DELAY, WHOLE_HUGE_PAGES, give_back, keep_freed_memory};

    fn get(option: i32) -> i64 {
        // SAFETY: as above.
        unsafe { libmimalloc_sys::mi_option_get(option) }
    }

    #[test]
    fn the_settings_are_those_that_their_numbers_mean_and_take_effect() {
        // Of all settings only the first is a thousand when nobody said anything: another version that numbers them
        // otherwise is seen here.
        assert_eq!((get(PURGE_DELAY), get(ALLOW_THP)), (1_000, 1), "what mimalloc does by itself");
        keep_freed_memory();
        assert_eq!((get(PURGE_DELAY), get(ALLOW_THP)), (60_000, WHOLE_HUGE_PAGES));
        give_back();
    }
}
