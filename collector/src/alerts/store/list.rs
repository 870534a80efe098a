//! Alerts and dead letters, for people to see.

use daypass_protocol::alert::{Alert, DeadLetter, LetterState, Listed};
use daypass_protocol::time::Time;
use rusqlite::params;
use rusqlite::types::Type;

use super::{Store, StoreError, failed};
use crate::alerts::rules::Severity;

impl Store {
    /// Newest first, of at least this severity, before `before`.
    pub(crate) fn list(
        &self,
        severity: Severity,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let failed = failed("list alerts");
        let connection = self.lock();
        let mut statement = connection
            .prepare_cached(
                "SELECT number, document, count, last FROM alerts WHERE severity >= ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3",
            )
            .map_err(&failed)?;
        let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
        let rows = statement
            .query_map(params![severity as u8, before, limit as u64], |row| {
                let document: String = row.get(1)?;
                Ok(Listed {
                    number: row.get(0)?,
                    alert: read(&document)?,
                    count: row.get(2)?,
                    last: time(row.get(3)?),
                    letters: Vec::new(),
                })
            })
            .map_err(&failed)?;
        let mut listed = rows
            .collect::<rusqlite::Result<Vec<_>>>()
            .map_err(&failed)?;
        let mut letters = connection
            .prepare_cached(
                "SELECT destination, state FROM letters WHERE alert = ?1 ORDER BY number",
            )
            .map_err(&failed)?;
        for one in &mut listed {
            let rows = letters
                .query_map([one.number], |row| {
                    Ok(LetterState {
                        destination: row.get(0)?,
                        state: row.get(1)?,
                    })
                })
                .map_err(&failed)?;
            one.letters = rows.collect::<rusqlite::Result<_>>().map_err(&failed)?;
        }
        Ok(listed)
    }

    /// Dead letters, newest first.
    pub(crate) fn dead(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let failed = failed("list dead letters");
        let connection = self.lock();
        let mut statement = connection
            .prepare_cached(
                "SELECT number, destination, body, attempts, changed, error FROM letters \
                 WHERE state = 'dead' AND number < ?1 ORDER BY number DESC LIMIT ?2",
            )
            .map_err(&failed)?;
        let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
        let rows = statement
            .query_map(params![before, limit as u64], |row| {
                let body: String = row.get(2)?;
                Ok(DeadLetter {
                    letter: row.get(0)?,
                    destination: row.get(1)?,
                    alert: read(&body)?,
                    attempts: row.get(3)?,
                    since: time(row.get(4)?),
                    error: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
                })
            })
            .map_err(&failed)?;
        rows.collect::<rusqlite::Result<_>>().map_err(failed)
    }
}

fn time(micros: i64) -> Time {
    Time::from_unix(micros.div_euclid(1_000_000))
}

/// What this program wrote down.
fn read(document: &str) -> rusqlite::Result<Alert> {
    serde_json::from_str(document)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, Type::Text, error.into()))
}
