//! Waiting for a condition that announces itself by no event.

use std::time::{Duration, Instant};

use crate::{Error, Result};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

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
        if probe()? {
            return Ok(());
        }
        if start.elapsed() >= deadline {
            return Err(Error::Deadline {
                what: what.to_owned(),
                after: deadline,
                seen: String::new(),
            });
        }
        std::thread::park_timeout(LOOK);
    }
}
