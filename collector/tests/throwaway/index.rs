//! A second, throwaway [`Index`]: a list, filtered and sorted anew for each query.

use std::sync::{Arc, Mutex};

use daypass_protocol::forwarding::Ending;

use daypass_collector::index::cursor::Cursor;
use daypass_collector::index::query::{Order, Query};
use daypass_collector::index::record::Record;
use daypass_collector::index::session::{Change, End, Place, Session, Wanted};
use daypass_collector::index::story::Story;
use daypass_collector::index::{Found, Index, IndexError, Page};
use daypass_collector::origin::Origin;

/// Clones share what they hold.
#[derive(Clone, Default)]
pub(crate) struct MemoryIndex(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    taken: u64,
    records: Vec<(u64, Record)>,
    sessions: Vec<Session>,
}

impl State {
    fn apply(&mut self, log: &Origin, change: &Change) {
        let is_this = |session: &Session, id: &str| session.log == *log && session.id == *id;
        match change {
            Change::Opened(session) => {
                if !self
                    .sessions
                    .iter()
                    .any(|known| is_this(known, &session.id))
                {
                    self.sessions.push((**session).clone());
                }
            }
            Change::Extended { id, closes } => {
                let of_id = |session: &&mut Session| is_this(session, id);
                if let Some(session) = self.sessions.iter_mut().find(of_id) {
                    session.closes = Some(*closes);
                }
            }
            Change::Over { id, service, end } => {
                for session in &mut self.sessions {
                    let says = end.how == Ending::Ended || session.service == *service;
                    if is_this(session, id) && session.end.is_none() && says {
                        session.end = Some(*end);
                    }
                }
            }
            Change::Begun { boot, seq, time } => {
                for session in &mut self.sessions {
                    let how = match session.boot == *boot {
                        false => Ending::Restarted,
                        true if session.window.is_empty() => Ending::Untracked,
                        true => continue,
                    };
                    if session.log == *log && session.end.is_none() {
                        let (seq, time) = (*seq, *time);
                        session.end = Some(End { how, seq, time });
                    }
                }
            }
        }
    }
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
                for record in records {
                    if let Some(change) = &record.change {
                        state.apply(&record.log, change);
                    }
                }
                state
                    .records
                    .extend(records.iter().map(|record| (number, record.clone())));
            }
        }
        Ok(())
    }

    fn forget(&self, segment: u64, runs: &[(u64, u64)]) -> Result<(), IndexError> {
        let mut state = self.0.lock().unwrap();
        let State {
            records, sessions, ..
        } = &mut *state;
        let is_in = |seq: u64| {
            runs.iter()
                .any(|(first, last)| (*first..=*last).contains(&seq))
        };
        records.retain(|(number, record)| {
            let goes = *number == segment && is_in(record.seq);
            if goes {
                sessions.retain(|session| session.log != record.log || session.seq != record.seq);
            }
            !goes
        });
        Ok(())
    }

    fn search(&self, query: &Query) -> Result<Page, IndexError> {
        self.page(query, |record| query.admits(record))
    }

    fn sessions(&self, wanted: &Wanted) -> Result<Vec<Session>, IndexError> {
        let state = self.0.lock().unwrap();
        let admitted = state
            .sessions
            .iter()
            .filter(|session| wanted.admits(session));
        let mut found: Vec<Session> = admitted.cloned().collect();
        found.sort_by_key(Place::of);
        found.truncate(wanted.limit);
        Ok(found)
    }

    fn story(&self, story: &Story) -> Result<Page, IndexError> {
        self.page(&story.query(), |record| story.admits(record))
    }
}

impl MemoryIndex {
    fn page(&self, query: &Query, admits: impl Fn(&Record) -> bool) -> Result<Page, IndexError> {
        let state = self.0.lock().unwrap();
        let mut found: Vec<_> = state
            .records
            .iter()
            .filter(|(_, record)| admits(record))
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
