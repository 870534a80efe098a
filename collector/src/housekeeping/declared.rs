//! Erasures that journals declare. Whoever owns a host can declare one, an intruder too: so it is told at once, and followed
//! only after a while, in which somebody can look.

use std::collections::BTreeMap;

use daypass_journal::erasure::MOST_RUNS;
use daypass_journal::remains;
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Now;
use crate::collector::{Collector, CollectorError};
use crate::config::FollowErasures;
use crate::erasure::{self, EraseError, Why};
use crate::index::IndexError;
use crate::index::cursor::{Cursor, InvalidCursor};
use crate::index::query::{LIMIT, Order, Query};
use crate::origin::{InvalidOrigin, Origin, Owner};

/// Characters of who and why that are kept.
const TEXT: usize = 300;

/// What was declared, and is not followed yet.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Declared {
    /// Up to where declarations were looked for: a cursor in the order of arrival.
    cursor: Option<String>,
    /// By journal and number of the declaring entry.
    waiting: BTreeMap<String, Declaration>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    log: String,
    seq: u64,
    entries: Vec<(u64, u64)>,
    by: String,
    why: String,
    /// When it was first seen here, in microseconds since 1970.
    seen: i64,
}

/// Why declarations are not followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("a remembered place is none: {0}")]
    Cursor(#[from] InvalidCursor),
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    #[error(transparent)]
    Collector(#[from] CollectorError),
    #[error(transparent)]
    Erase(#[from] EraseError),
}

impl Declared {
    /// Whether something waits for its time.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Looks for new ones and tells of them, and follows those that have waited long enough.
    pub(super) fn follow(
        &mut self,
        collector: &Collector,
        patience: FollowErasures,
        now: Now,
    ) -> Result<(), FollowError> {
        self.look(collector, patience, now)?;
        let FollowErasures::AfterDays(days) = patience else {
            return Ok(());
        };
        let ripe = |one: &Declaration| one.seen.saturating_add(micros(days)) <= now.micros();
        while let Some((key, one)) = self.waiting.iter().find(|(_, one)| ripe(one)) {
            let why = Why {
                by: one.by.clone(),
                reason: format!("its journal declares it, entry {}: {}", one.seq, one.why),
            };
            let log = one.log.parse()?;
            for runs in one.entries.chunks(MOST_RUNS) {
                erasure::erase_runs(collector, &log, runs, &why)?;
            }
            let key = key.clone();
            self.waiting.remove(&key);
        }
        Ok(())
    }

    fn look(
        &mut self,
        collector: &Collector,
        patience: FollowErasures,
        now: Now,
    ) -> Result<(), FollowError> {
        let after: Option<Cursor> = self.cursor.as_deref().map(str::parse).transpose()?;
        let mut query = Query {
            actions: vec!["journal.erased".to_owned()],
            after,
            limit: LIMIT,
            ..Query::all(Order::Arrival)
        };
        loop {
            let page = collector.index().search(&query)?;
            let is_last = page.entries.len() < LIMIT;
            for found in page.entries {
                let seq = serde_json::from_str::<serde_json::Value>(&found.entry)
                    .ok()
                    .and_then(|entry| entry.get("seq")?.as_u64());
                let declared = remains::declared(found.entry.as_bytes());
                let (Some(seq), Some(declared)) = (seq, declared) else {
                    continue;
                };
                // Ours are carried out where they are made.
                if *found.origin.parse::<Origin>()?.owner() == Owner::Collector {
                    continue;
                }
                // Our own entries about it are as bounded as others are.
                let cut = |text: &str| text.chars().take(TEXT).collect();
                let declaration = Declaration {
                    log: found.origin,
                    seq,
                    entries: declared.entries,
                    by: cut(&declared.by),
                    why: cut(&declared.reason),
                    seen: now.micros(),
                };
                tell(collector, &declaration, patience, now)?;
                let key = format!("{} {seq}", declaration.log);
                self.waiting.insert(key, declaration);
            }
            self.cursor = page.next.as_ref().map(ToString::to_string);
            query.after = page.next;
            if is_last {
                return Ok(());
            }
        }
    }
}

fn tell(
    collector: &Collector,
    one: &Declaration,
    patience: FollowErasures,
    now: Now,
) -> Result<(), CollectorError> {
    let event = Event::new(Action::LogErasureDeclared)
        .outcome(Outcome::Done)
        .detail("log", one.log.as_str())
        .detail("seq", one.seq)
        .detail(
            "entries",
            json!(one.entries.get(..MOST_RUNS).unwrap_or(&one.entries)),
        )
        .detail("by", one.by.as_str())
        .detail("why", one.why.as_str());
    let event = match patience {
        FollowErasures::AfterDays(days) => {
            let follows = now.micros().saturating_add(micros(days));
            let follows = Time::from_unix(follows.div_euclid(1_000_000));
            event.detail("follows", follows.to_string())
        }
        FollowErasures::Never => event,
    };
    collector.record(&event)
}

fn micros(days: u16) -> i64 {
    i64::from(days) * 24 * 60 * 60 * 1_000_000
}
