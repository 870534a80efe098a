//! How often something happened lately.
//!
//! Each journal is counted apart: what one host writes neither adds to another's count nor pushes it out. Times are those
//! of the writers, as far as they are believed, since many entries of one upload come at the same moment.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Period;
use super::period::LONGEST;

/// Counts that are kept; beyond, whoever has most loses those that were quiet longest.
const KEPT: usize = 20_000;
/// So many of them go at once, so that not every entry looks through all.
const AT_ONCE: usize = KEPT / 64;

/// The name of a rule, and what it counts apart by: the writer, a line break, the fields.
pub(crate) type Key = (String, String);

/// What is counted apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct By<'a> {
    /// Whose journal it is.
    pub(super) writer: &'a str,
    /// What the rule's fields say; in one line.
    pub(super) fields: &'a str,
}

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
    pub(super) fn count(
        &mut self,
        rule: &str,
        by: By<'_>,
        time: i64,
        within: Period,
        count: usize,
    ) -> bool {
        let key = (rule.to_owned(), format!("{}\n{}", by.writer, by.fields));
        if self.times.len() >= KEPT && !self.times.contains_key(&key) {
            self.make_room();
        }
        let times = self.times.entry(key.clone()).or_default();
        times.push_back(time);
        // A writer's clock may have gone back.
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

    /// Forgets what is too old for any rule at `now`.
    pub(crate) fn expire(&mut self, now: i64) {
        let longest = i64::try_from(LONGEST).unwrap_or(i64::MAX);
        let oldest = now.saturating_sub(longest.saturating_mul(1_000_000));
        let is_over = |times: &VecDeque<i64>| times.iter().all(|time| *time < oldest);
        self.drop_where(|_, times| is_over(times));
    }

    /// Forgets what was counted of a person.
    pub(crate) fn forget(&mut self, person: &str) {
        self.drop_where(|(_, counted), _| is_of(counted, person));
    }

    /// How many counts there are.
    #[cfg(test)]
    pub(crate) fn count_all(&self) -> usize {
        self.times.len()
    }

    fn drop_where(&mut self, goes: impl Fn(&Key, &VecDeque<i64>) -> bool) {
        let Self { times, changed } = self;
        times.retain(|key, kept| {
            let goes = goes(key, kept);
            if goes {
                changed.insert(key.clone());
            }
            !goes
        });
    }

    /// Whoever fills the memory makes room in it.
    fn make_room(&mut self) {
        let mut shares: HashMap<&str, usize> = HashMap::new();
        for key in self.times.keys() {
            *shares.entry(writer(key)).or_default() += 1;
        }
        // Of several that have as many, one by its name, so that the same is forgotten each time.
        let largest = shares
            .into_iter()
            .max_by_key(|(name, share)| (*share, *name));
        let Some((largest, _)) = largest else {
            return;
        };
        let mut oldest: Vec<(Option<i64>, Key)> = self
            .times
            .iter()
            .filter(|(key, _)| writer(key) == largest)
            .map(|(key, times)| (times.back().copied(), key.clone()))
            .collect();
        oldest.sort_unstable();
        // Of one that has no more than that many some are left.
        let many = AT_ONCE.min(oldest.len().div_ceil(2));
        for (_, key) in oldest.into_iter().take(many) {
            self.times.remove(&key);
            self.changed.insert(key);
        }
    }
}

/// Whether this was counted apart for a person.
pub(crate) fn is_of(counted: &str, person: &str) -> bool {
    let fields = counted
        .split_once('\n')
        .map_or(counted, |(_, fields)| fields);
    fields
        .split(' ')
        .any(|field| field.strip_prefix("person=") == Some(person))
}

/// Whose count it is.
fn writer((_, counted): &Key) -> &str {
    counted.split_once('\n').map_or("", |(writer, _)| writer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn count(bursts: &mut Bursts, fields: &str, second: i64) -> bool {
        count_of(bursts, "db1", fields, second)
    }

    fn count_of(bursts: &mut Bursts, writer: &str, fields: &str, second: i64) -> bool {
        let by = By { writer, fields };
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
            [(("rule".to_owned(), "db1\na".to_owned()), vec![0, SECOND])]
        );
        assert!(bursts.changes().is_empty());
        let mut bursts = Bursts::restored(kept);
        assert!(count(&mut bursts, "a", 2));
        assert!(bursts.changes()[0].1.is_empty());
    }

    #[test]
    fn what_is_too_old_or_a_forgotten_persons_goes() {
        let mut bursts = Bursts::default();
        count(&mut bursts, "person=carol host=db1", 0);
        count(&mut bursts, "person=caroline host=db1", 40 * 24 * 3600);
        count(&mut bursts, "person=dave", 40 * 24 * 3600);
        bursts.forget("dave");
        bursts.expire(40 * 24 * 3600 * SECOND);
        let mut changes = bursts.changes();
        changes.sort();
        let left: Vec<_> = changes
            .iter()
            .map(|((_, counted), times)| (counted.as_str(), times.len()))
            .collect();
        assert_eq!(
            left,
            [
                ("db1\nperson=carol host=db1", 0),
                ("db1\nperson=caroline host=db1", 1),
                ("db1\nperson=dave", 0)
            ]
        );
    }

    #[test]
    fn each_journal_is_counted_apart() {
        let mut bursts = Bursts::default();
        for second in 0..2 {
            assert!(!count_of(&mut bursts, "db1", "a", second));
            assert!(!count_of(&mut bursts, "db2", "a", second));
        }
        assert!(count_of(&mut bursts, "db2", "a", 2));
    }

    #[test]
    fn memory_is_bounded_and_who_fills_it_loses_its_own() {
        let mut bursts = Bursts::default();
        count_of(&mut bursts, "db2", "a", 0);
        count_of(&mut bursts, "db2", "a", 1);
        for number in 0..2 * KEPT {
            let second = i64::try_from(number).unwrap();
            count_of(&mut bursts, "db1", &number.to_string(), second);
            assert!(bursts.times.len() <= KEPT);
        }
        let newest = (2 * KEPT - 1).to_string();
        let is_there = |fields: &str| {
            let key = ("rule".to_owned(), format!("db1\n{fields}"));
            bursts.times.contains_key(&key)
        };
        assert!(is_there(&newest) && !is_there("0"));
        assert!(count_of(&mut bursts, "db2", "a", 2), "the other's is whole");
    }
}
