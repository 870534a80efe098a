//! Letters: one alert for one destination, until it is delivered or given up.

use rusqlite::{Transaction, params};

use super::{Addressees, Store, StoreError, WAITING, failed, json};
use daypass_protocol::alert::Alert;

/// Dead letters that are kept of one destination; the oldest go first.
const DEAD: u64 = 10_000;

/// What is to be delivered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Letter {
    pub(crate) number: u64,
    /// The alert, as JSON.
    pub(crate) body: String,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// Microseconds since 1970.
    pub(crate) queued: i64,
}

/// How a destination's letters stand.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Standing {
    pub(crate) waiting: u64,
    pub(crate) dead: u64,
    pub(crate) delivered: u64,
    /// Why the letter that waits longest was not delivered.
    pub(crate) error: Option<String>,
}

pub(super) fn write(
    transaction: &Transaction<'_>,
    number: u64,
    alert: &Alert,
    addressees: &Addressees<'_>,
    now: i64,
) -> Result<(), StoreError> {
    let body = serde_json::to_string(alert).map_err(json("write a letter"))?;
    for destination in (addressees.of)(alert.severity) {
        one(transaction, number, &destination, &body, now).map_err(failed("write a letter"))?;
    }
    Ok(())
}

fn one(
    transaction: &Transaction<'_>,
    alert: u64,
    destination: &str,
    body: &str,
    now: i64,
) -> rusqlite::Result<()> {
    let waiting: u64 = transaction
        .prepare_cached(
            "SELECT count(*) FROM letters WHERE destination = ?1 AND state = 'waiting'",
        )?
        .query_row([destination], |row| row.get(0))?;
    let (state, error) = match waiting < WAITING {
        true => ("waiting", None),
        false => ("dead", Some("too many letters wait for this destination")),
    };
    transaction
        .prepare_cached(
            "INSERT INTO letters (alert, destination, body, state, queued, due, attempts, changed, error) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0, ?5, ?6)",
        )?
        .execute(params![alert, destination, body, state, now, error])?;
    bury(transaction, destination)
}

fn bury(transaction: &Transaction<'_>, destination: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM letters WHERE state = 'dead' AND destination = ?1 AND number <= \
             (SELECT number FROM letters WHERE state = 'dead' AND destination = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute(params![destination, DEAD])
        .map(|_| ())
}

impl Store {
    /// The letter that is due first, and when the next one will be if none is now.
    pub(crate) fn due(
        &self,
        destination: &str,
        now: i64,
    ) -> Result<Result<Letter, Option<i64>>, StoreError> {
        let connection = self.lock();
        let row = connection
            .prepare_cached(
                "SELECT number, body, attempts, queued, due FROM letters \
                 WHERE destination = ?1 AND state = 'waiting' ORDER BY due, number LIMIT 1",
            )
            .and_then(|mut statement| {
                let mut rows = statement.query([destination])?;
                let Some(row) = rows.next()? else {
                    return Ok(None);
                };
                let letter = Letter {
                    number: row.get(0)?,
                    body: row.get(1)?,
                    attempts: row.get(2)?,
                    queued: row.get(3)?,
                };
                Ok(Some((letter, row.get::<_, i64>(4)?)))
            })
            .map_err(failed("find a letter"))?;
        Ok(match row {
            Some((letter, due)) if due <= now => Ok(letter),
            Some((_, due)) => Err(Some(due)),
            None => Err(None),
        })
    }

    /// It was taken.
    pub(crate) fn delivered(&self, letter: u64, now: i64) -> Result<(), StoreError> {
        self.lock()
            .prepare_cached("UPDATE letters SET state = 'delivered', changed = ?2, attempts = attempts + 1, error = NULL WHERE number = ?1")
            .and_then(|mut update| update.execute(params![letter, now]))
            .map(|_| ())
            .map_err(failed("note a delivery"))
    }

    /// It was not taken, and is tried again at `due`.
    pub(crate) fn postpone(
        &self,
        letter: u64,
        due: i64,
        now: i64,
        error: &str,
    ) -> Result<(), StoreError> {
        self.lock()
            .prepare_cached("UPDATE letters SET due = ?2, changed = ?3, attempts = attempts + 1, error = ?4 WHERE number = ?1")
            .and_then(|mut update| update.execute(params![letter, due, now, error]))
            .map(|_| ())
            .map_err(failed("put a letter off"))
    }

    /// It is given up.
    pub(crate) fn give_up(&self, letter: u64, now: i64, error: &str) -> Result<(), StoreError> {
        self.lock()
            .prepare_cached("UPDATE letters SET state = 'dead', changed = ?2, attempts = attempts + 1, error = ?3 WHERE number = ?1")
            .and_then(|mut update| update.execute(params![letter, now, error]))
            .map(|_| ())
            .map_err(failed("give a letter up"))
    }

    /// Dead letters are tried again: these, or all; how many that were.
    pub(crate) fn revive(&self, letters: &[u64], now: i64) -> Result<usize, StoreError> {
        let failed = failed("try dead letters again");
        let sql = "UPDATE letters SET state = 'waiting', queued = ?1, due = ?1, changed = ?1, attempts = 0 WHERE state = 'dead'";
        let connection = self.lock();
        if letters.is_empty() {
            return connection.execute(sql, [now]).map_err(failed);
        }
        let mut count = 0;
        for letter in letters {
            count += connection
                .execute(&format!("{sql} AND number = ?2"), params![now, letter])
                .map_err(&failed)?;
        }
        Ok(count)
    }

    /// How a destination's letters stand.
    pub(crate) fn standing(&self, destination: &str) -> Result<Standing, StoreError> {
        let failed = failed("count letters");
        let connection = self.lock();
        let count = |state: &str| -> Result<u64, StoreError> {
            connection
                .prepare_cached(
                    "SELECT count(*) FROM letters WHERE destination = ?1 AND state = ?2",
                )
                .and_then(|mut statement| {
                    statement.query_row([destination, state], |row| row.get(0))
                })
                .map_err(&failed)
        };
        let error = connection
            .prepare_cached(
                "SELECT error FROM letters WHERE destination = ?1 AND state = 'waiting' AND error IS NOT NULL ORDER BY number LIMIT 1",
            )
            .and_then(|mut statement| {
                let mut rows = statement.query([destination])?;
                rows.next()?.map(|row| row.get(0)).transpose()
            })
            .map_err(&failed)?;
        Ok(Standing {
            waiting: count("waiting")?,
            dead: count("dead")?,
            delivered: count("delivered")?,
            error,
        })
    }
}
