//! What must survive a power cut: how far entries were judged, what was counted, which alerts there are, and the letters
//! that are still to be delivered. One SQLite database; every commit reaches the disk.

mod letters;
mod list;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use rusqlite_migration::{M, Migrations};

pub(crate) use letters::Letter;

use super::document;
use super::rules::{Bursts, Severity};
use crate::database;
use crate::feed::Place;
use daypass_protocol::alert::Alert;

/// Every migration ever shipped, oldest first; what is listed here is never edited.
const MIGRATIONS: &[M<'static>] = &[M::up(include_str!("../../migrations/alerts-1.sql"))];

/// Alerts that are kept; the oldest go first, with their letters.
const KEPT: u64 = 100_000;
/// Letters that wait for one destination; one more is dead at once.
pub(crate) const WAITING: u64 = if cfg!(test) { 100 } else { 10_000 };

/// The database.
pub(crate) struct Store {
    connection: Mutex<Connection>,
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

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self, database::OpenError> {
        let migrations = Migrations::from_slice(MIGRATIONS);
        let connection = database::open(path, database::Commits::ReachTheDisk, &migrations)?;
        Ok(Self {
            connection: Mutex::new(connection),
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

    /// Takes what came of some entries, with how far judging is: all of it, or nothing. `told` is called with each alert
    /// that is new, before anything of it counts.
    pub(crate) fn commit<E: From<StoreError>>(
        &self,
        raised: &[Raised],
        place: Place,
        bursts: &mut Bursts,
        addressees: &Addressees<'_>,
        now: i64,
        mut told: impl FnMut(&Alert) -> Result<(), E>,
    ) -> Result<usize, E> {
        let failed = failed("take an alert");
        let mut connection = self.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let mut new = 0;
        for Raised { alert, period } in raised {
            if count(&transaction, alert, now).map_err(&failed)? {
                continue;
            }
            told(alert)?;
            new += insert(&transaction, alert, *period, addressees, now)?;
        }
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
    pub(crate) fn repeat(
        &self,
        addressees: &Addressees<'_>,
        now: i64,
    ) -> Result<usize, StoreError> {
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
        for (number, count, document) in &due {
            let alert: Alert = serde_json::from_str(document).map_err(json("repeat an alert"))?;
            let alert = document::again(alert, *count);
            letters::write(&transaction, *number, &alert, addressees, now)?;
            transaction
                .execute(
                    "UPDATE alerts SET told = ?2 WHERE number = ?1",
                    params![number, count],
                )
                .map_err(&failed)?;
        }
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
            .map_err(failed)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts an alert that is the same as one in its quiet time, or as one that is there already; whether there is one.
fn count(transaction: &Transaction<'_>, alert: &Alert, now: i64) -> rusqlite::Result<bool> {
    // The very same, after a crash between the entry in our journal and the commit of another transaction.
    let is_known = transaction
        .prepare_cached("SELECT 1 FROM alerts WHERE id = ?1")?
        .exists([&alert.id])?;
    if is_known {
        return Ok(true);
    }
    let same: Option<u64> = transaction
        .prepare_cached("SELECT number FROM alerts WHERE rule = ?1 AND subject = ?2 AND quiet > ?3 ORDER BY number DESC LIMIT 1")?
        .query_row(params![alert.rule, alert.subject, now], |row| row.get(0))
        .optional()?;
    let Some(number) = same else {
        return Ok(false);
    };
    transaction
        .prepare_cached("UPDATE alerts SET count = count + 1, last = ?2 WHERE number = ?1")?
        .execute(params![number, now])?;
    Ok(true)
}

fn insert(
    transaction: &Transaction<'_>,
    alert: &Alert,
    period: i64,
    addressees: &Addressees<'_>,
    now: i64,
) -> Result<usize, StoreError> {
    let document = serde_json::to_string(alert).map_err(json("write an alert down"))?;
    transaction
        .prepare_cached(
            "INSERT INTO alerts (id, rule, subject, severity, raised, quiet, count, told, last, document) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, 1, ?5, ?7)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                alert.id,
                alert.rule,
                alert.subject,
                alert.severity as u8,
                now,
                now.saturating_add(period),
                document
            ])
        })
        .map_err(failed("take an alert"))?;
    let number = u64::try_from(transaction.last_insert_rowid()).unwrap_or_default();
    letters::write(transaction, number, alert, addressees, now)?;
    Ok(1)
}

fn keep_place(transaction: &Transaction<'_>, place: Place) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO place (only, segment, seq) VALUES (1, ?1, ?2)")?
        .execute(params![place.segment, place.seq])
        .map(|_| ())
}

fn keep_count(
    transaction: &Transaction<'_>,
    rule: &str,
    counted: &str,
    times: &[i64],
) -> rusqlite::Result<()> {
    if times.is_empty() {
        return transaction
            .prepare_cached("DELETE FROM bursts WHERE rule = ?1 AND counted = ?2")?
            .execute(params![rule, counted])
            .map(|_| ());
    }
    let times = format!("{times:?}");
    transaction
        .prepare_cached("INSERT OR REPLACE INTO bursts (rule, counted, times) VALUES (?1, ?2, ?3)")?
        .execute(params![rule, counted, times])
        .map(|_| ())
}

/// Lets the oldest alerts go, but for those that still have to be told.
fn forget(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM alerts WHERE number <= (SELECT max(number) FROM alerts) - ?1 \
             AND NOT EXISTS (SELECT 1 FROM letters WHERE alert = alerts.number AND state = 'waiting')",
        )?
        .execute([KEPT])
        .map(|_| ())
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
