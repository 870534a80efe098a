//! Sets of entry numbers, kept as runs.

use std::collections::BTreeMap;

/// Runs of numbers that neither overlap nor touch: first to last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs(BTreeMap<u64, u64>);

impl Runs {
    /// Adds a number.
    pub(crate) fn insert(&mut self, number: u64) {
        if self.contains(number) {
            return;
        }
        let last = self.0.remove(&(number.wrapping_add(1))).unwrap_or(number);
        match self.0.range_mut(..number).next_back() {
            Some((_, end)) if *end + 1 == number => *end = last,
            _ => {
                self.0.insert(number, last);
            }
        }
    }

    /// Adds the numbers from `first` to `last`.
    pub(crate) fn insert_run(&mut self, first: u64, last: u64) {
        self.remove(first, last);
        let last = self.0.remove(&last.wrapping_add(1)).unwrap_or(last);
        match self.0.range_mut(..first).next_back() {
            Some((_, end)) if *end + 1 == first => *end = last,
            _ => {
                self.0.insert(first, last);
            }
        }
    }

    /// The end of the run that `number` is in.
    pub(crate) fn end_of(&self, number: u64) -> Option<u64> {
        let (_, end) = self.0.range(..=number).next_back()?;
        (*end >= number).then_some(*end)
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        self.end_of(number).is_some()
    }

    /// Takes the numbers from `first` to `last` out.
    pub(crate) fn remove(&mut self, first: u64, last: u64) {
        let overlapping: Vec<_> = self
            .0
            .range(..=last)
            .rev()
            .take_while(|(_, end)| **end >= first)
            .map(|(start, end)| (*start, *end))
            .collect();
        for (start, end) in overlapping {
            self.0.remove(&start);
            if start < first {
                self.0.insert(start, first - 1);
            }
            if end > last {
                self.0.insert(last + 1, end);
            }
        }
    }

    /// The smallest number in.
    pub(crate) fn first(&self) -> Option<u64> {
        self.0.first_key_value().map(|(first, _)| *first)
    }

    /// The runs in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(first, last)| (*first, *last))
    }
}

impl FromIterator<u64> for Runs {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut runs = Self::default();
        numbers.into_iter().for_each(|number| runs.insert(number));
        runs
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_behave_like_a_set(steps in proptest::collection::vec((0_u8..3, 0_u64..40, 0_u64..9), 0..60)) {
            let (mut runs, mut set) = (Runs::default(), BTreeSet::new());
            for (step, number, width) in steps {
                match step {
                    0 => {
                        runs.insert(number);
                        set.insert(number);
                    }
                    1 => {
                        runs.insert_run(number, number + width);
                        set.extend(number..=number + width);
                    }
                    _ => {
                        runs.remove(number, number + width);
                        set.retain(|kept| !(number..=number + width).contains(kept));
                    }
                }
                let listed: Vec<_> = runs.iter().flat_map(|(first, last)| first..=last).collect();
                prop_assert_eq!(&listed, &set.iter().copied().collect::<Vec<_>>());
                let touching = runs.iter().zip(runs.iter().skip(1)).any(|(one, other)| one.1 + 1 >= other.0);
                prop_assert!(!touching);
                prop_assert_eq!(runs.contains(number), set.contains(&number));
                let end = (number..).take_while(|n| set.contains(n)).last();
                prop_assert_eq!(runs.end_of(number), end);
                prop_assert_eq!(runs.first(), set.first().copied());
            }
        }
    }
}
