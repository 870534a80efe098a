//! How often something happened lately.
//!
//! Each journal is counted apart: what one host writes neither adds to another's count nor pushes it out. Times are those
//! of the writers, as far as they are believed, since many entries of one upload come at the same moment. How long a count is
//! kept goes by our own clock: a writer whose clock is behind is counted like any other.

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

/// When it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// By its writer, as far as that is believed, in microseconds since 1970.
    pub(super) written: i64,
    /// By our own clock, as it came in.
    pub(super) came: i64,
}

/// One count.
#[derive(Clone, Debug, Default)]
struct Counted {
    /// Microseconds since 1970 by the writer, in the order of their coming.
    times: VecDeque<i64>,
    /// When the last came in; what was kept before this start came when it is first looked at.
    came: Option<i64>,
}

/// Counts of all rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bursts {
    counts: HashMap<Key, Counted>,
    changed: HashSet<Key>,
}

impl Bursts {
    /// What was kept before.
    pub(crate) fn restored(kept: impl IntoIterator<Item = (Key, Vec<i64>)>) -> Self {
        let counts = kept.into_iter().map(|(key, times)| {
            let (times, came) = (times.into(), None);
            (key, Counted { times, came })
        });
        Self {
            counts: counts.collect(),
            changed: HashSet::new(),
        }
    }

    /// Counts one; whether it is the `count`th within the period. Then counting begins anew.
    pub(super) fn count(
        &mut self,
        rule: &str,
        by: By<'_>,
        when: When,
        within: Period,
        count: usize,
    ) -> bool {
        let key = (rule.to_owned(), format!("{}\n{}", by.writer, by.fields));
        if self.counts.len() >= KEPT && !self.counts.contains_key(&key) {
            self.make_room();
        }
        let Counted { times, came } = self.counts.entry(key.clone()).or_default();
        *came = Some(when.came);
        times.push_back(when.written);
        // A writer's clock may have gone back.
        let newest = times.iter().copied().max().unwrap_or(when.written);
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
                let counted = self.counts.get(&key);
                let times = counted.map(|counted| counted.times.iter().copied().collect());
                (key, times.unwrap_or_default())
            })
            .collect();
        self.counts.retain(|_, counted| !counted.times.is_empty());
        changes
    }

    /// Forgets of what nothing came for longer than any rule counts.
    pub(crate) fn expire(&mut self, now: i64) {
        let longest = i64::try_from(LONGEST).unwrap_or(i64::MAX);
        let oldest = now.saturating_sub(longest.saturating_mul(1_000_000));
        for counted in self.counts.values_mut() {
            counted.came.get_or_insert(now);
        }
        self.drop_where(|_, counted| counted.came.is_some_and(|came| came < oldest));
    }

    /// Forgets what was counted of a person.
    pub(crate) fn forget(&mut self, person: &str) {
        self.drop_where(|(_, fields), _| is_of(fields, person));
    }

    /// How many counts there are.
    #[cfg(test)]
    pub(crate) fn count_all(&self) -> usize {
        self.counts.len()
    }

    fn drop_where(&mut self, goes: impl Fn(&Key, &Counted) -> bool) {
        let Self { counts, changed } = self;
        counts.retain(|key, kept| {
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
        for key in self.counts.keys() {
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
            .counts
            .iter()
            .filter(|(key, _)| writer(key) == largest)
            .map(|(key, counted)| (counted.came, key.clone()))
            .collect();
        oldest.sort_unstable();
        // Of one that has no more than that many some are left.
        let many = AT_ONCE.min(oldest.len().div_ceil(2));
        for (_, key) in oldest.into_iter().take(many) {
            self.counts.remove(&key);
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
        let (written, came) = (second * SECOND, second * SECOND);
        count_when(bursts, writer, fields, When { written, came })
    }

    fn count_when(bursts: &mut Bursts, writer: &str, fields: &str, when: When) -> bool {
        let by = By { writer, fields };
        bursts.count("rule", by, when, Period::minutes(1), 3)
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
    fn a_clock_that_is_months_behind_hides_no_burst() {
        let mut bursts = Bursts::default();
        let day = 24 * 3600 * SECOND;
        let mut fired = |seconds: i64| {
            let (written, came) = (seconds * SECOND, 200 * day + seconds * SECOND);
            let fired = count_when(&mut bursts, "db1", "a", When { written, came });
            bursts.expire(came);
            // As over a restart.
            bursts = Bursts::restored(bursts.changes());
            bursts.expire(came);
            fired
        };
        assert_eq!([0, 1, 2].map(&mut fired), [false, false, true]);
        fired(3);
        bursts.expire(300 * day);
        assert_eq!(bursts.count_all(), 0, "nothing came for long");
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
            assert!(bursts.counts.len() <= KEPT);
        }
        let newest = (2 * KEPT - 1).to_string();
        let is_there = |fields: &str| {
            let key = ("rule".to_owned(), format!("db1\n{fields}"));
            bursts.counts.contains_key(&key)
        };
        assert!(is_there(&newest) && !is_there("0"));
        assert!(count_of(&mut bursts, "db2", "a", 2), "the other's is whole");
    }
}
