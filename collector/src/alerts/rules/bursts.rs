//! How often something happened lately, by the clocks of those who wrote it.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Period;

/// Counts that are kept; beyond, the one that was quiet longest is forgotten.
const KEPT: usize = 20_000;

/// The name of a rule, and what it counts apart by.
pub(crate) type Key = (String, String);

/// Counts of all rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bursts {
    /// Microseconds since 1970, in the order of their coming.
    times: HashMap<Key, VecDeque<i64>>,
    changed: HashSet<Key>,
}

impl Bursts {
    /// What was kept before.
    pub(crate) fn restored(kept: impl IntoIterator<Item = (Key, Vec<i64>)>) -> Self {
        let times = kept.into_iter().map(|(key, times)| (key, times.into()));
        Self {
            times: times.collect(),
            changed: HashSet::new(),
        }
    }

    /// Counts one at `time`; whether it is the `count`th within the period. Then counting begins anew.
    pub(crate) fn count(
        &mut self,
        rule: &str,
        by: &str,
        time: i64,
        within: Period,
        count: usize,
    ) -> bool {
        let key = (rule.to_owned(), by.to_owned());
        if self.times.len() >= KEPT && !self.times.contains_key(&key) {
            self.forget_oldest();
        }
        let times = self.times.entry(key.clone()).or_default();
        times.push_back(time);
        // Lines of one journal are in order; a burst over several may not be.
        let newest = times.iter().copied().max().unwrap_or(time);
        times.retain(|time| newest.saturating_sub(*time) <= within.micros());
        let is_full = times.len() >= count;
        if is_full {
            times.clear();
        }
        self.changed.insert(key);
        is_full
    }

    /// What has changed since this was last asked, to be kept; no times mean that there is nothing to keep.
    pub(crate) fn changes(&mut self) -> Vec<(Key, Vec<i64>)> {
        let changed = std::mem::take(&mut self.changed);
        let changes = changed
            .into_iter()
            .map(|key| {
                let times = self
                    .times
                    .get(&key)
                    .map(|times| times.iter().copied().collect());
                (key, times.unwrap_or_default())
            })
            .collect();
        self.times.retain(|_, times| !times.is_empty());
        changes
    }

    fn forget_oldest(&mut self) {
        let oldest = self
            .times
            .iter()
            .min_by_key(|(_, times)| times.back().copied())
            .map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.times.remove(&key);
            self.changed.insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn count(bursts: &mut Bursts, by: &str, second: i64) -> bool {
        bursts.count("rule", by, second * SECOND, Period::minutes(1), 3)
    }

    #[test]
    fn the_third_within_a_minute_is_a_burst_and_counting_begins_anew() {
        let mut bursts = Bursts::default();
        let found: Vec<_> = [0, 10, 71, 80, 81, 90, 100]
            .map(|second| count(&mut bursts, "a", second))
            .into();
        assert_eq!(found, [false, false, false, false, true, false, false]);
        assert!(!count(&mut bursts, "b", 100), "another count");
    }

    #[test]
    fn what_is_kept_goes_on() {
        let mut bursts = Bursts::default();
        count(&mut bursts, "a", 0);
        count(&mut bursts, "a", 1);
        let kept = bursts.changes();
        assert_eq!(
            kept,
            [(("rule".to_owned(), "a".to_owned()), vec![0, SECOND])]
        );
        assert!(bursts.changes().is_empty());
        let mut bursts = Bursts::restored(kept);
        assert!(count(&mut bursts, "a", 2));
        assert!(bursts.changes()[0].1.is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let mut bursts = Bursts::default();
        for number in 0..KEPT + 10 {
            count(
                &mut bursts,
                &number.to_string(),
                i64::try_from(number).unwrap(),
            );
        }
        assert_eq!(bursts.times.len(), KEPT);
    }
}
