//! Carries over what an older schema held: its lines are read anew, as they would be if they came in today.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::super::record::Record;
use super::pairs::Pairs;
use super::rows;
use crate::origin::Origin;

/// Rows carried over in one commit. A stop in between goes on at the next start.
const AT_ONCE: u32 = 4096;

/// Moves everything out of `carried`, if there is such a table.
pub(super) fn over(writer: &mut Connection) -> rusqlite::Result<()> {
    if !is_left(writer)? {
        return Ok(());
    }
    tracing::info!("the index is brought to this version's form; this may take a while");
    rows::Overwritten::Everywhere.apply_to(writer)?;
    while some(writer)? {}
    writer.execute_batch("DROP TABLE carried")?;
    rows::Overwritten::InPages.apply_to(writer)
}

fn is_left(connection: &Connection) -> rusqlite::Result<bool> {
    let found: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'carried'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.is_some())
}

/// Moves the next rows; whether there were any.
fn some(writer: &mut Connection) -> rusqlite::Result<bool> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let rows = {
        let mut statement = transaction.prepare_cached(
            "SELECT segment, seq, origin, line FROM carried ORDER BY segment, seq LIMIT ?1",
        )?;
        let rows = statement.query_map([AT_ONCE], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        rows.collect::<rusqlite::Result<Vec<(u64, u64, String, String)>>>()?
    };
    let Some((last_segment, last_seq)) = rows.last().map(|(segment, seq, ..)| (*segment, *seq))
    else {
        return Ok(false);
    };
    let mut pairs = Pairs::default();
    for (segment, seq, origin, line) in rows {
        // We wrote it; a database that was meddled with is made anew by a reindex.
        if let Ok(log) = origin.parse::<Origin>() {
            let record = Record::of(&log, seq, &line);
            rows::insert(&transaction, segment, &[record], &mut pairs)?;
        }
    }
    pairs.write(&transaction)?;
    transaction.execute(
        "DELETE FROM carried WHERE (segment, seq) <= (?1, ?2)",
        params![last_segment, last_seq],
    )?;
    transaction.commit()?;
    Ok(true)
}
