//! The clock by which the kernel stamps files. It goes in steps behind the system's clock, by a tick as a rule and by any
//! time on a machine that is kept from running: what is changed now is stamped no earlier than this clock says now, and
//! no later than the system's does when it is done.

use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Between two looks at it: a short tick.
const STEP: Duration = Duration::from_millis(1);
/// A clock that was set back is not waited for.
const LONGEST: Duration = Duration::from_secs(2);

/// Milliseconds since 1970, by that clock.
#[must_use]
pub fn stamp_now() -> i64 {
    let time = clock_gettime(ClockId::RealtimeCoarse);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

/// Waits until whatever changes from then on is stamped later than `at`, in milliseconds since 1970.
pub fn pass_stamp(at: i64) {
    let begun = Instant::now();
    while stamp_now() <= at && begun.elapsed() < LONGEST {
        thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    /// Milliseconds since 1970, by the system's clock.
    fn system_now() -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(now.as_millis()).unwrap()
    }

    #[test]
    fn a_file_is_stamped_between_the_two_clocks_and_later_than_a_time_that_was_passed() {
        let folder = tempfile::tempdir().unwrap();
        let mut passed = 0;
        for number in 0..200 {
            let path = folder.path().join(number.to_string());
            let before = stamp_now();
            fs::write(&path, "x").unwrap();
            let about = fs::metadata(&path).unwrap();
            let changed = about.ctime() * 1000 + about.ctime_nsec() / 1_000_000;
            let after = system_now();
            assert!((before..=after).contains(&changed), "{number}");
            assert!(changed > passed, "{number}");
            passed = after;
            pass_stamp(passed);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_is_not_waited_for_without_end() {
        let begun = Instant::now();
        pass_stamp(i64::MAX);
        assert!(begun.elapsed() >= LONGEST);
    }
}
