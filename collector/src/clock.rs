//! What time it is, in the two forms that are used here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daypass_protocol::time::Time;

/// An instant of the system's clock.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Now(SystemTime);

impl Now {
    /// Reads the clock.
    pub fn read() -> Self {
        Self(SystemTime::now())
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    /// The instant so many microseconds after 1970.
    pub fn of_micros(micros: i64) -> Self {
        let since = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
        Self(UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH))
    }

    /// Seconds since 1970.
    pub fn seconds(self) -> u64 {
        self.0
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
    }

    /// As documents write it.
    pub fn time(self) -> Time {
        self.0.into()
    }
}

impl From<SystemTime> for Now {
    fn from(time: SystemTime) -> Self {
        Self(time)
    }
}
