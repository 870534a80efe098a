//! What the outer machine's kernel lets all hosts have together.

use std::fs;
use std::path::Path;

use crate::outside::write;
use crate::{Error, Result};

/// The inotify instances that one user may have. Every host's root is the outer machine's, and a host needs some seven of
/// them; the kernel's own limit of 128 is used up by a dozen and a half, whose services then fail one by one.
const INOTIFY: &str = "/proc/sys/fs/inotify/max_user_instances";
/// Enough for as many hosts as this machine can run.
const ENOUGH: u32 = 8192;

/// Raises what is too low, until the machine's next boot; what is higher stays. Where nobody may raise it, the tests are
/// played all the same: a dozen hosts fit.
pub(crate) fn raise() -> Result<()> {
    let limit = Path::new(INOTIFY);
    let now = fs::read_to_string(limit).map_err(Error::path("read", limit))?;
    let is_enough = now.trim().parse::<u32>().is_ok_and(|now| now >= ENOUGH);
    if !is_enough {
        let _ = write(limit, ENOUGH.to_string());
    }
    Ok(())
}
