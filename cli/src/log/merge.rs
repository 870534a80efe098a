//! Several journals as one list.

use super::render::Row;
use super::source::Source;
use crate::diagnostic::Failure;

/// One list by time, made as it is read. Each journal keeps its own order, whatever its clock did.
pub(super) struct Merged {
    sources: Vec<std::iter::Peekable<Source>>,
}

impl Merged {
    pub(super) fn of(sources: Vec<Source>) -> Self {
        Self {
            sources: sources.into_iter().map(Iterator::peekable).collect(),
        }
    }
}

impl Iterator for Merged {
    type Item = Result<Row, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut earliest: Option<(usize, Option<jiff::Timestamp>)> = None;
        for (number, source) in self.sources.iter_mut().enumerate() {
            let time = match source.peek() {
                Some(Ok(row)) => row.time,
                // Told at once.
                Some(Err(_)) => return source.next(),
                None => continue,
            };
            if earliest.is_none_or(|(_, before)| time < before) {
                earliest = Some((number, time));
            }
        }
        self.sources.get_mut(earliest?.0)?.next()
    }
}

#[cfg(test)]
mod tests {
    use super::super::render::Shown;
    use super::*;

    fn journal(entries: &'static [(&'static str, &'static str)]) -> Source {
        Box::new(entries.iter().map(|(name, time)| {
            Ok(Row {
                time: time.parse().ok(),
                shown: Shown::Line((*name).into()),
            })
        }))
    }

    #[test]
    fn journals_are_merged_by_time_and_keep_their_own_order() {
        let one = journal(&[
            ("0", "2026-11-23T10:00:00Z"),
            ("1", "2026-11-23T09:00:00Z"),
            ("2", "2026-11-23T12:00:00Z"),
        ]);
        let other = journal(&[
            ("10", "2026-11-23T10:30:00Z"),
            ("11", "2026-11-23T11:00:00Z"),
        ]);
        let order: Vec<_> = Merged::of(vec![one, other])
            .map(|row| row.expect("a row").shown)
            .collect();
        let expected = ["0", "1", "10", "11", "2"].map(|name| Shown::Line(name.into()));
        assert_eq!(order, expected);
    }
}
