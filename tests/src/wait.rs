//! Waiting for a condition that announces itself by no event.

use std::time::{Duration, Instant};

use crate::{Error, Result};

/// A condition is looked at this often at most.
const LOOK: Duration = Duration::from_millis(20);
/// So many times longer than a look took is the rest after it: a look may be a program that reads all of a journal, and
/// what is waited for needs the machine as well.
const REST: u32 = 3;

/// Looks at `probe` until it is true; after `deadline` an error names `what` was waited for.
///
/// Where the kernel or a program announces the event (a process' end, a line of output, a cgroup
/// frozen), this crate waits for that; this is for the rest.
pub fn until(
    what: &str,
    deadline: Duration,
    mut probe: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let start = Instant::now();
    loop {
        let looked = Instant::now();
        if probe()? {
            return Ok(());
        }
        let rest = LOOK.max(REST * looked.elapsed());
        if start.elapsed() >= deadline {
            return Err(Error::Deadline {
                what: what.to_owned(),
                after: deadline,
                seen: String::new(),
            });
        }
        std::thread::park_timeout(rest.min(deadline.saturating_sub(start.elapsed())));
    }
}
