//! A second, throwaway [`Index`]: a list, filtered and sorted anew for each query.

use std::sync::{Arc, Mutex};

use super::cursor::Cursor;
use super::query::{Order, Query};
use super::record::Record;
use super::{Found, Index, IndexError, Page};

/// Clones share what they hold.
#[derive(Clone, Default)]
pub(crate) struct MemoryIndex(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    taken: u64,
    records: Vec<(u64, Record)>,
}

impl Index for MemoryIndex {
    fn taken(&self) -> Result<u64, IndexError> {
        Ok(self.0.lock().unwrap().taken)
    }

    fn take(&self, first: u64, segments: &[Vec<Record>]) -> Result<(), IndexError> {
        let mut state = self.0.lock().unwrap();
        let taken = state.taken;
        if first > taken + 1 {
            return Err(IndexError::OutOfTurn {
                taken,
                given: first,
            });
        }
        for (number, records) in (first..).zip(segments) {
            if number > taken {
                state.taken = number;
                state
                    .records
                    .extend(records.iter().map(|record| (number, record.clone())));
            }
        }
        Ok(())
    }

    fn search(&self, query: &Query) -> Result<Page, IndexError> {
        let state = self.0.lock().unwrap();
        let mut found: Vec<_> = state
            .records
            .iter()
            .filter(|(_, record)| query.admits(record))
            .collect();
        let by_time = |record: &Record| (record.time, record.log.to_string(), record.seq);
        match query.order {
            Order::Arrival => {}
            Order::Oldest => found.sort_by_key(|(_, record)| by_time(record)),
            Order::Newest => found.sort_by_key(|(_, record)| std::cmp::Reverse(by_time(record))),
        }
        if let Some(after) = &query.after {
            found.retain(|(number, record)| match after {
                Cursor::Arrival { segment, seq } => (*number, record.seq) > (*segment, *seq),
                Cursor::Time { time, log, seq } => {
                    let last = (*time, log.to_string(), *seq);
                    match query.order {
                        Order::Newest => by_time(record) < last,
                        _ => by_time(record) > last,
                    }
                }
            });
        }
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = match (query.order, found.last()) {
            (Order::Arrival, Some((number, record))) => Some(Cursor::Arrival {
                segment: *number,
                seq: record.seq,
            }),
            (Order::Arrival, None) => Some(
                query
                    .after
                    .clone()
                    .unwrap_or(Cursor::Arrival { segment: 0, seq: 0 }),
            ),
            (_, Some((_, record))) if more => Some(Cursor::Time {
                time: record.time,
                log: record.log.clone(),
                seq: record.seq,
            }),
            _ => None,
        };
        let entries = found.into_iter().map(|(_, record)| Found {
            origin: record.log.to_string(),
            entry: record.line.clone(),
        });
        Ok(Page {
            entries: entries.collect(),
            next,
        })
    }
}

#[test]
fn an_index_in_memory_keeps_the_contract() {
    let index = MemoryIndex::default();
    super::contract::holds_for(|| index.clone());
}
