//! Whether this host's clock can be believed.
//!
//! The CA's word is remembered together with the time since boot, which nobody can set; from the
//! two follows what the clock ought to show now.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use nix::time::{ClockId, clock_gettime};

/// More than any slewing between two looks.
const STEP: TimeDelta = TimeDelta::seconds(2);

/// The clock, held against what the CA last said.
#[derive(Debug, Default)]
pub struct Clock {
    reference: Mutex<Option<Reference>>,
}

#[derive(Clone, Copy, Debug)]
struct Reference {
    said: DateTime<Utc>,
    since_boot: Duration,
}

impl Clock {
    /// Remembers what the CA said the time is, just now.
    pub fn heard(&self, said: DateTime<Utc>) {
        self.heard_at(said, since_boot());
    }

    /// By how much this host's clock is off: ours minus what it ought to show; `None` while
    /// nobody has told us since the start.
    #[must_use]
    pub fn offset(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.offset_at(now, since_boot())
    }

    fn heard_at(&self, said: DateTime<Utc>, since_boot: Duration) {
        *self.lock() = Some(Reference { said, since_boot });
    }

    fn offset_at(&self, now: DateTime<Utc>, since_boot: Duration) -> Option<TimeDelta> {
        let reference = (*self.lock())?;
        let passed = since_boot.saturating_sub(reference.since_boot);
        let expected = reference.said + TimeDelta::from_std(passed).ok()?;
        Some(now - expected)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Reference>> {
        self.reference
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notices when somebody sets the clock; the little by which NTP draws it along does not count.
#[derive(Debug, Default)]
pub struct StepWatch {
    booted: Option<DateTime<Utc>>,
}

impl StepWatch {
    /// By how much the clock was set since the last look.
    pub fn look(&mut self) -> Option<TimeDelta> {
        self.look_at(Utc::now(), since_boot())
    }

    fn look_at(&mut self, now: DateTime<Utc>, since_boot: Duration) -> Option<TimeDelta> {
        let booted = now - TimeDelta::from_std(since_boot).ok()?;
        let step = booted - self.booted.replace(booted)?;
        (step.abs() > STEP).then_some(step)
    }
}

#[cfg(test)]
impl StepWatch {
    /// One that looked before the clock was set by so much.
    pub(crate) fn after(step: TimeDelta) -> Self {
        let mut watch = Self::default();
        let _ = watch.look_at(Utc::now() - step, since_boot());
        watch
    }
}

/// Time since boot, sleep included.
fn since_boot() -> Duration {
    // CLOCK_BOOTTIME exists since Linux 2.6.39; a kernel without it starts no agent of ours.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn an_unheard_clock_is_not_off() {
        assert_eq!(Clock::default().offset(at(0)), None);
    }

    #[test]
    fn time_that_passes_is_no_offset_and_a_step_is() {
        let clock = Clock::default();
        clock.heard_at(at(0), Duration::from_secs(100));
        let later = Duration::from_secs(700);
        assert_eq!(clock.offset_at(at(600), later), Some(TimeDelta::zero()));
        assert_eq!(
            clock.offset_at(at(200), later),
            Some(TimeDelta::seconds(-400))
        );
    }

    #[test]
    fn a_clock_that_was_set_is_noticed_once() {
        let mut watch = StepWatch::default();
        let second = Duration::from_secs;
        assert_eq!(watch.look_at(at(0), second(100)), None);
        assert_eq!(watch.look_at(at(10), second(110)), None);
        let back = TimeDelta::seconds(-3600);
        assert_eq!(watch.look_at(at(20) + back, second(120)), Some(back));
        assert_eq!(watch.look_at(at(30) + back, second(130)), None);
    }
}
