//! What must survive a power cut: how far entries were judged, what was counted, which alerts there are, and the letters
//! that are still to be delivered. One SQLite database; every commit reaches the disk.

mod letters;
mod list;
mod rows;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use rusqlite_migration::{M, Migrations};

pub(crate) use letters::Letter;
use letters::Overflow;
use rows::{count, forget, insert, keep_count, keep_place};

use super::document;
use super::rules::{Bursts, Severity};
use crate::database;
use crate::feed::Place;
use daypass_protocol::alert::Alert;

/// Every migration ever shipped, oldest first; what is listed here is never edited.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../migrations/alerts-1.sql")),
    M::up(include_str!("../../migrations/alerts-2.sql")),
];

/// Alerts that are kept; the oldest go first, with their letters.
const KEPT: u64 = 100_000;
/// Letters that wait for one destination; with one more, the least severe is dead.
const WAITING: u64 = 10_000;

/// The database.
pub(crate) struct Store {
    connection: Mutex<Connection>,
    /// Letters that wait for one destination, at most.
    room: u64,
    /// People who were forgotten here, and may still stand in what is counted in memory.
    forgotten: Mutex<Vec<String>>,
}

/// Why it could not.
#[derive(Debug, thiserror::Error)]
#[error("the database of alerts could not {doing}")]
pub struct StoreError {
    /// What was being done.
    doing: &'static str,
    /// What SQLite, or JSON, said.
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// An alert that a rule raises, and how long the same is only counted.
pub(crate) struct Raised {
    pub(crate) alert: Alert,
    /// Microseconds.
    pub(crate) period: i64,
}

/// Where an alert of some severity goes.
pub(crate) struct Addressees<'a> {
    pub(crate) of: &'a dyn Fn(Severity) -> Vec<String>,
}

/// What our own journal is told before it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told<'a> {
    /// An alert that is new.
    Raised(&'a Alert),
    /// So many letters to a destination are dead at once, since too many wait for it.
    Overflown { destination: &'a str, letters: u64 },
}

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self, database::OpenError> {
        Self::with_room(path, WAITING)
    }

    fn with_room(path: &Path, room: u64) -> Result<Self, database::OpenError> {
        let migrations = Migrations::from_slice(MIGRATIONS);
        let connection = database::open(path, database::Commits::ReachTheDisk, &migrations)?;
        Ok(Self {
            connection: Mutex::new(connection),
            room,
            forgotten: Mutex::default(),
        })
    }

    /// How far entries were judged; `None` before the first time.
    pub(crate) fn place(&self) -> Result<Option<Place>, StoreError> {
        self.lock()
            .query_row("SELECT segment, seq FROM place", [], |row| {
                Ok(Place {
                    segment: row.get(0)?,
                    seq: row.get(1)?,
                })
            })
            .optional()
            .map_err(failed("say how far it is"))
    }

    /// What rules that count have counted.
    pub(crate) fn bursts(&self) -> Result<Bursts, StoreError> {
        let failed = failed("read what was counted");
        let connection = self.lock();
        let mut statement = connection
            .prepare("SELECT rule, counted, times FROM bursts")
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| {
                let times: String = row.get(2)?;
                Ok((
                    (row.get(0)?, row.get(1)?),
                    serde_json::from_str(&times).unwrap_or_default(),
                ))
            })
            .map_err(&failed)?;
        let kept = rows
            .collect::<rusqlite::Result<Vec<_>>>()
            .map_err(&failed)?;
        Ok(Bursts::restored(kept))
    }

    /// Takes what came of some entries, with how far judging is: all of it, or nothing. `told` is called before anything of it
    /// counts.
    pub(crate) fn commit<E: From<StoreError>>(
        &self,
        raised: &[Raised],
        place: Place,
        bursts: &mut Bursts,
        addressees: &Addressees<'_>,
        now: i64,
        mut told: impl FnMut(Told<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let failed = failed("take an alert");
        let mut connection = self.lock();
        for person in self.no_longer_known().drain(..) {
            bursts.forget(&person);
        }
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let (mut new, mut overflow) = (0, Overflow::of(self.room));
        for Raised { alert, period } in raised {
            if count(&transaction, alert, now).map_err(&failed)? {
                continue;
            }
            told(Told::Raised(alert))?;
            let number = insert(&transaction, alert, *period, now)?;
            letters::write(&transaction, number, alert, addressees, now, &mut overflow)?;
            new += 1;
        }
        overflow.tell(&mut told)?;
        keep_place(&transaction, place).map_err(&failed)?;
        for ((rule, counted), times) in bursts.changes() {
            keep_count(&transaction, &rule, &counted, &times).map_err(&failed)?;
        }
        if new > 0 {
            forget(&transaction).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        Ok(new)
    }

    /// Writes letters about alerts that came again in their quiet time, once that is over; how many there were.
    pub(crate) fn repeat<E: From<StoreError>>(
        &self,
        addressees: &Addressees<'_>,
        now: i64,
        mut told: impl FnMut(Told<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let failed = failed("repeat an alert");
        let mut connection = self.lock();
        let due: Vec<(u64, u64, String)> = {
            let mut statement = connection
                .prepare_cached("SELECT number, count, document FROM alerts WHERE count > told AND quiet <= ?1 LIMIT 100")
                .map_err(&failed)?;
            let rows = statement
                .query_map([now], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .map_err(&failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(&failed)?
        };
        if due.is_empty() {
            return Ok(0);
        }
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let mut overflow = Overflow::of(self.room);
        for (number, count, document) in &due {
            let alert: Alert = serde_json::from_str(document).map_err(json("repeat an alert"))?;
            let alert = document::again(alert, *count);
            letters::write(
                &transaction,
                *number,
                &alert,
                addressees,
                now,
                &mut overflow,
            )?;
            transaction
                .execute(
                    "UPDATE alerts SET told = ?2 WHERE number = ?1",
                    params![number, count],
                )
                .map_err(&failed)?;
        }
        overflow.tell(&mut told)?;
        transaction.commit().map_err(&failed)?;
        Ok(due.len())
    }

    /// Forgets alerts about these entries of a journal, and their letters; how many alerts those were.
    pub(crate) fn erase(&self, origin: &str, first: u64, last: u64) -> Result<u64, StoreError> {
        let failed = failed("erase alerts");
        let connection = self.lock();
        // Nothing of them stays in pages that are free.
        connection
            .pragma_update(None, "secure_delete", true)
            .map_err(&failed)?;
        connection
            .execute(
                "DELETE FROM alerts WHERE json_extract(document, '$.entry.origin') = ?1 \
                 AND json_extract(document, '$.entry.seq') BETWEEN ?2 AND ?3",
                params![origin, first, last],
            )
            .map(|count| count as u64)
            .map_err(&failed)
    }

    /// Forgets what was counted of a person.
    pub(crate) fn forget_person(&self, person: &str) -> Result<(), StoreError> {
        let failed = failed("forget what was counted");
        let connection = self.lock();
        // Under the same lock as every commit: none comes in between.
        self.no_longer_known().push(person.to_owned());
        connection
            .pragma_update(None, "secure_delete", true)
            .map_err(&failed)?;
        rows::forget_person(&connection, person).map_err(&failed)
    }

    fn no_longer_known(&self) -> MutexGuard<'_, Vec<String>> {
        self.forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Has nothing of what was erased stand in the database's log either.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        self.lock()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(failed("write down what was erased"))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError {
        doing,
        source: source.into(),
    }
}

fn json(doing: &'static str) -> impl Fn(serde_json::Error) -> StoreError {
    move |source| StoreError {
        doing,
        source: source.into(),
    }
}

#[cfg(test)]
mod tests;
