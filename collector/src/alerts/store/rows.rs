//! Alerts, counts and the place, as rows of one transaction.

use daypass_protocol::alert::Alert;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{KEPT, StoreError, failed, json};
use crate::alerts::rules::is_of;
use crate::alerts::subject::writer_of;
use crate::feed::Place;

/// Counts an alert that is the same as one in its quiet time, or as one that is there already; whether there is one.
pub(super) fn count(
    transaction: &Transaction<'_>,
    alert: &Alert,
    now: i64,
) -> rusqlite::Result<bool> {
    // The very same, after a crash between the entry in our journal and the commit of another transaction.
    let is_known = transaction
        .prepare_cached("SELECT 1 FROM alerts WHERE id = ?1")?
        .exists([&alert.id])?;
    if is_known {
        return Ok(true);
    }
    let same: Option<u64> = transaction
        .prepare_cached("SELECT number FROM alerts WHERE rule = ?1 AND subject = ?2 AND quiet > ?3 ORDER BY number DESC LIMIT 1")?
        .query_row(params![alert.rule, sameness(alert), now], |row| row.get(0))
        .optional()?;
    let Some(number) = same else {
        return Ok(false);
    };
    transaction
        .prepare_cached("UPDATE alerts SET count = count + 1, last = ?2 WHERE number = ?1")?
        .execute(params![number, now])?;
    Ok(true)
}

/// What makes two alerts of a rule the same: their subject, and who wrote the entries. What one writes in a journal of its own
/// must not keep quiet what another says, and least of all what is noticed here.
fn sameness(alert: &Alert) -> String {
    format!("{}\n{}", writer_of(&alert.entry.origin), alert.subject)
}

pub(super) fn insert(
    transaction: &Transaction<'_>,
    alert: &Alert,
    period: i64,
    now: i64,
) -> Result<u64, StoreError> {
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
                sameness(alert),
                alert.severity as u8,
                now,
                now.saturating_add(period),
                document
            ])
        })
        .map_err(failed("take an alert"))?;
    Ok(u64::try_from(transaction.last_insert_rowid()).unwrap_or_default())
}

pub(super) fn keep_place(transaction: &Transaction<'_>, place: Place) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO place (only, segment, seq) VALUES (1, ?1, ?2)")?
        .execute(params![place.segment, place.seq])
        .map(|_| ())
}

pub(super) fn keep_count(
    transaction: &Connection,
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

/// Takes out what was counted of a person.
pub(super) fn forget_person(connection: &Connection, person: &str) -> rusqlite::Result<()> {
    let mut find = connection.prepare("SELECT rule, counted FROM bursts")?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        let (rule, counted): (String, String) = (row.get(0)?, row.get(1)?);
        if is_of(&counted, person) {
            keep_count(connection, &rule, &counted, &[])?;
        }
    }
    Ok(())
}

/// Lets the oldest alerts go, but for those that still have to be told.
pub(super) fn forget(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM alerts WHERE number <= (SELECT max(number) FROM alerts) - ?1 \
             AND NOT EXISTS (SELECT 1 FROM letters WHERE alert = alerts.number AND state = 'waiting')",
        )?
        .execute([KEPT])
        .map(|_| ())
}
