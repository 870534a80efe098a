//! What time it is, by two clocks: the one that can be set, and the one that cannot.

use chrono::{DateTime, SecondsFormat, Utc};
use nix::time::{ClockId, clock_gettime};

use crate::durable::{self, DiskError};

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Wall clock.
    pub(crate) time: DateTime<Utc>,
    /// Microseconds since the machine started, suspension included.
    pub(crate) mono: u64,
}

impl Stamp {
    /// Reads both clocks; a clock that cannot be read shows as zero.
    pub(crate) fn now() -> Self {
        let mono = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |time| {
            let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
            let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
            seconds * 1_000_000 + nanos / 1_000
        });
        Self {
            time: Utc::now(),
            mono,
        }
    }

    /// RFC 3339 in UTC with six decimals: always 27 bytes until the year 10000.
    pub(crate) fn text(&self) -> String {
        self.time.to_rfc3339_opts(SecondsFormat::Micros, true)
    }
}

/// The kernel's identifier of this boot: 32 hexadecimal digits.
pub(crate) fn boot_id() -> Result<String, DiskError> {
    const SOURCE: &str = "/proc/sys/kernel/random/boot_id";
    let text = durable::read_small(SOURCE.as_ref())?;
    Ok(text.chars().filter(char::is_ascii_hexdigit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_27_bytes() {
        assert_eq!(Stamp::now().text().len(), 27);
    }

    #[test]
    fn the_boot_has_32_digits() {
        assert_eq!(boot_id().unwrap().len(), 32);
    }
}
