//! Letters: one alert for one destination, until it is delivered or given up.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Addressees, Store, StoreError, Told, failed, json};
use daypass_protocol::alert::Alert;

/// Dead letters that are kept of one destination; the oldest go first.
const DEAD: u64 = 10_000;
const TOO_MANY: &str = "too many letters wait for this destination";

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

/// Letters that are dead at once.
#[derive(Debug)]
pub(super) struct Overflow {
    /// So many may wait for one destination.
    room: u64,
    /// By destination.
    dead: BTreeMap<String, u64>,
}

impl Overflow {
    /// None so far, where there is room for so many.
    pub(super) fn of(room: u64) -> Self {
        Self {
            room,
            dead: BTreeMap::new(),
        }
    }

    /// Once for each destination, however many there are: a flood is not to become one of our own journal.
    pub(super) fn tell<E>(self, told: &mut impl FnMut(Told<'_>) -> Result<(), E>) -> Result<(), E> {
        self.dead.iter().try_for_each(|(destination, letters)| {
            told(Told::Overflown {
                destination,
                letters: *letters,
            })
        })
    }
}

pub(super) fn write(
    transaction: &Transaction<'_>,
    number: u64,
    alert: &Alert,
    addressees: &Addressees<'_>,
    now: i64,
    overflow: &mut Overflow,
) -> Result<(), StoreError> {
    let body = serde_json::to_string(alert).map_err(json("write a letter"))?;
    let severity = alert.severity as u8;
    for destination in (addressees.of)(alert.severity) {
        let failed = failed("write a letter");
        let room = overflow.room;
        let makes_room =
            has_room(transaction, &destination, severity, now, room).map_err(&failed)?;
        if makes_room != Room::Free {
            *overflow.dead.entry(destination.clone()).or_default() += 1;
        }
        let (state, error) = match makes_room {
            Room::Free | Room::Made => ("waiting", None),
            Room::None => ("dead", Some(TOO_MANY)),
        };
        transaction
            .prepare_cached(
                "INSERT INTO letters (alert, destination, body, state, queued, due, attempts, changed, error, severity) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0, ?5, ?6, ?7)",
            )
            .and_then(|mut insert| {
                insert.execute(params![number, destination, body, state, now, error, severity])
            })
            .and_then(|_| bury(transaction, &destination))
            .map_err(&failed)?;
    }
    Ok(())
}

/// Whether one more letter can wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Room {
    Free,
    /// One that was less severe is dead instead.
    Made,
    None,
}

fn has_room(
    transaction: &Transaction<'_>,
    destination: &str,
    severity: u8,
    now: i64,
    most: u64,
) -> rusqlite::Result<Room> {
    let waiting: u64 = transaction
        .prepare_cached(
            "SELECT count(*) FROM letters WHERE destination = ?1 AND state = 'waiting'",
        )?
        .query_row([destination], |row| row.get(0))?;
    if waiting < most {
        return Ok(Room::Free);
    }
    let least: Option<u64> = transaction
        .prepare_cached(
            "SELECT number FROM letters WHERE destination = ?1 AND state = 'waiting' AND severity < ?2 \
             ORDER BY severity, due DESC LIMIT 1",
        )?
        .query_row(params![destination, severity], |row| row.get(0))
        .optional()?;
    let Some(least) = least else {
        return Ok(Room::None);
    };
    transaction
        .prepare_cached(
            "UPDATE letters SET state = 'dead', changed = ?2, error = ?3 WHERE number = ?1",
        )?
        .execute(params![least, now, TOO_MANY])?;
    Ok(Room::Made)
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
    /// Of the letters that are due, the most severe, and of those the one that waits longest; when the next one will be if none
    /// is now.
    pub(crate) fn due(
        &self,
        destination: &str,
        now: i64,
    ) -> Result<Result<Letter, Option<i64>>, StoreError> {
        let connection = self.lock();
        let row = connection
            .prepare_cached(
                "SELECT number, body, attempts, queued FROM letters \
                 WHERE destination = ?1 AND state = 'waiting' AND due <= ?2 ORDER BY severity DESC, due, number LIMIT 1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![destination, now], |row| {
                        Ok(Letter {
                            number: row.get(0)?,
                            body: row.get(1)?,
                            attempts: row.get(2)?,
                            queued: row.get(3)?,
                        })
                    })
                    .optional()
            })
            .map_err(failed("find a letter"))?;
        if let Some(letter) = row {
            return Ok(Ok(letter));
        }
        let next = connection
            .prepare_cached(
                "SELECT min(due) FROM letters WHERE destination = ?1 AND state = 'waiting'",
            )
            .and_then(|mut statement| statement.query_row([destination], |row| row.get(0)))
            .map_err(failed("find a letter"))?;
        Ok(Err(next))
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
