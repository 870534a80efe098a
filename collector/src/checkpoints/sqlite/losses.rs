//! Lost segments, and what is owed to them, as rows.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{SqliteCheckpoints, failed, lock};
use crate::checkpoints::CheckpointError;
use crate::checkpoints::losses::{Debt, How, Loss, Losses};

/// Columns of a loss, as [`loss_columns`] reads them.
const LOSS: &str = "SELECT number, name, code, told FROM lost";

impl Losses for SqliteCheckpoints {
    fn lose(&self, loss: &Loss) -> Result<(), CheckpointError> {
        self.write("remember a lost segment", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO lost (number, name, code, told) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![loss.number, loss.name.to_string(), loss.how.code(), loss.told])
                .map(drop)
        })
    }

    fn loss(&self, number: u64) -> Result<Option<Loss>, CheckpointError> {
        let reader = lock(&self.reader);
        let columns = (|| {
            reader
                .prepare_cached(&format!("{LOSS} WHERE number = ?1"))?
                .query_row([number], loss_columns)
                .optional()
        })()
        .map_err(|source| failed("look for a lost segment", source))?;
        columns.map(loss_of).transpose()
    }

    fn after(&self, after: u64, limit: usize) -> Result<Vec<Loss>, CheckpointError> {
        let reader = lock(&self.reader);
        let columns = (|| {
            reader
                .prepare_cached(&format!(
                    "{LOSS} WHERE number > ?1 ORDER BY number LIMIT ?2"
                ))?
                .query_map(params![after, limit], loss_columns)?
                .collect::<rusqlite::Result<Vec<LossColumns>>>()
        })()
        .map_err(|source| failed("list lost segments", source))?;
        columns.into_iter().map(loss_of).collect()
    }

    fn found(&self, number: u64) -> Result<(), CheckpointError> {
        self.write("forget a lost segment", |transaction| {
            transaction
                .prepare_cached("DELETE FROM lost WHERE number = ?1")?
                .execute([number])
                .map(drop)
        })
    }

    fn owe(&self, number: u64, debts: &[Debt]) -> Result<(), CheckpointError> {
        let debts = texts(debts)?;
        self.write("remember what is owed", |transaction| {
            let mut insert = transaction
                .prepare_cached("INSERT OR IGNORE INTO owed (number, debt) VALUES (?1, ?2)")?;
            for debt in &debts {
                insert.execute(params![number, debt])?;
            }
            Ok(())
        })
    }

    fn owed(&self, number: u64) -> Result<Vec<Debt>, CheckpointError> {
        let reader = lock(&self.reader);
        let texts = (|| {
            reader
                .prepare_cached("SELECT debt FROM owed WHERE number = ?1 ORDER BY debt")?
                .query_map([number], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<String>>>()
        })()
        .map_err(|source| failed("look for what is owed", source))?;
        texts.iter().map(|text| debt_of(text)).collect()
    }

    fn debts(&self) -> Result<Vec<(u64, Debt)>, CheckpointError> {
        let reader = lock(&self.reader);
        let rows = (|| {
            reader
                .prepare_cached("SELECT number, debt FROM owed ORDER BY number, debt")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<Vec<(u64, String)>>>()
        })()
        .map_err(|source| failed("list what is owed", source))?;
        rows.iter()
            .map(|(number, text)| Ok((*number, debt_of(text)?)))
            .collect()
    }

    fn paid(&self, number: u64, debts: &[Debt]) -> Result<(), CheckpointError> {
        let debts = texts(debts)?;
        self.write("forget what was owed", |transaction| {
            let mut delete =
                transaction.prepare_cached("DELETE FROM owed WHERE number = ?1 AND debt = ?2")?;
            for debt in &debts {
                delete.execute(params![number, debt])?;
            }
            Ok(())
        })
    }
}

/// As [`LOSS`] has them.
type LossColumns = (u64, String, String, bool);

fn loss_columns(row: &Row<'_>) -> rusqlite::Result<LossColumns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn loss_of((number, name, code, told): LossColumns) -> Result<Loss, CheckpointError> {
    let malformed = || CheckpointError::Malformed { what: "loss" };
    Ok(Loss {
        number,
        name: name.parse().map_err(|_| malformed())?,
        how: How::of_code(&code).ok_or_else(malformed)?,
        told,
    })
}

fn texts(debts: &[Debt]) -> Result<Vec<String>, CheckpointError> {
    let texts = debts.iter().map(serde_json::to_string);
    texts
        .collect::<Result<_, _>>()
        .map_err(|_| CheckpointError::Malformed { what: "debt" })
}

fn debt_of(text: &str) -> Result<Debt, CheckpointError> {
    serde_json::from_str(text).map_err(|_| CheckpointError::Malformed { what: "debt" })
}
