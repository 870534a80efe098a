//! The collectors that were admitted.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{StoreError, Tx, list, unlist};

/// A collector as it was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmittedCollector {
    /// Where it answers.
    pub url: String,
    /// The names in its certificate.
    pub names: Vec<String>,
    /// The key that it cosigns with, as a C2SP vkey.
    pub witness: String,
    /// The key that comes after it, with which it cosigns too, while that is being renewed.
    pub heir: Option<String>,
    /// SHA-256 of its current certificate's DER: no other one is taken.
    pub certificate: [u8; 32],
    /// Seconds since 1970.
    pub added: i64,
    /// When its certificate ends, in seconds since 1970.
    pub expires: i64,
}

/// A key that a collector cosigned with once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerWitness {
    /// The key, as a C2SP vkey.
    pub witness: String,
    /// Where that collector answered.
    pub url: String,
    /// The key that came after it; none where the collector was removed.
    pub heir: Option<String>,
}

impl AdmittedCollector {
    /// Every key that its cosignatures may be by.
    pub fn witnesses(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.witness.as_str()).chain(self.heir.as_deref())
    }
}

const COLUMNS: &str = "url, names, witness, certificate, added, expires, heir";

type CollectorRow = (String, String, String, [u8; 32], i64, i64, Option<String>);

impl Tx<'_> {
    /// Admits a collector, or gives the one at this address its new certificate; its witness keys stay those that are known.
    pub(crate) fn put_collector(&self, collector: &AdmittedCollector) -> Result<(), StoreError> {
        self.0.execute(
            &format!(
                "INSERT INTO collectors ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (url) DO UPDATE
                 SET names = ?2, certificate = ?4, renewed = NULL, expires = ?6"
            ),
            params![
                collector.url,
                list(&collector.names)?,
                collector.witness,
                collector.certificate,
                collector.added,
                collector.expires,
                collector.heir
            ],
        )?;
        Ok(())
    }

    /// Every collector, by address.
    pub(crate) fn collectors(&self) -> Result<Vec<AdmittedCollector>, StoreError> {
        let mut statement = self
            .0
            .prepare_cached(&format!("SELECT {COLUMNS} FROM collectors ORDER BY url"))?;
        let rows = statement.query_map([], from_row)?;
        rows.map(|row| collector(row?)).collect()
    }

    /// The collector at this address.
    pub(crate) fn collector(&self, url: &str) -> Result<Option<AdmittedCollector>, StoreError> {
        self.one("url = ?1", url)
    }

    /// The collector whose certificate, the current or the renewed one, hashes to `certificate`.
    pub(crate) fn collector_with_certificate(
        &self,
        certificate: &[u8; 32],
    ) -> Result<Option<AdmittedCollector>, StoreError> {
        self.one("certificate = ?1 OR renewed = ?1", certificate)
    }

    /// Keeps a renewed certificate beside the current one, until it is used. False where the collector has another current
    /// one than `known` by now: it was removed, or admitted anew.
    pub(crate) fn renew_collector(
        &self,
        known: &AdmittedCollector,
        certificate: &[u8; 32],
        expires: i64,
    ) -> Result<bool, StoreError> {
        let changed = self.0.execute(
            "UPDATE collectors SET renewed = ?3, expires = ?4 WHERE url = ?1 AND certificate = ?2",
            params![known.url, known.certificate, certificate, expires],
        )?;
        Ok(changed == 1)
    }

    /// The renewed certificate was used: the one before counts no more.
    pub(crate) fn use_renewed_collector(&self, certificate: &[u8; 32]) -> Result<(), StoreError> {
        self.0.execute(
            "UPDATE collectors SET certificate = renewed, renewed = NULL WHERE renewed = ?1",
            [certificate],
        )?;
        Ok(())
    }

    /// Names the key that comes after a collector's own.
    pub(crate) fn name_heir(&self, url: &str, heir: &str) -> Result<(), StoreError> {
        self.0.execute(
            "UPDATE collectors SET heir = ?2 WHERE url = ?1",
            params![url, heir],
        )?;
        Ok(())
    }

    /// The key that comes after a collector's own takes its place.
    pub(crate) fn take_heir(&self, url: &str) -> Result<(), StoreError> {
        self.0.execute(
            "INSERT INTO former_witnesses (witness, url, heir)
             SELECT witness, url, heir FROM collectors WHERE url = ?1 AND heir IS NOT NULL
             ON CONFLICT (witness) DO UPDATE SET url = excluded.url, heir = excluded.heir",
            [url],
        )?;
        self.0.execute(
            "UPDATE collectors SET witness = heir, heir = NULL WHERE url = ?1 AND heir IS NOT NULL",
            [url],
        )?;
        Ok(())
    }

    /// The keys that collectors cosigned with once, by address.
    pub(crate) fn former_witnesses(&self) -> Result<Vec<FormerWitness>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT witness, url, heir FROM former_witnesses ORDER BY url, witness",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(FormerWitness {
                witness: row.get(0)?,
                url: row.get(1)?,
                heir: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets a collector, but for the keys that it cosigned with.
    pub(crate) fn remove_collector(&self, url: &str) -> Result<(), StoreError> {
        for key in ["witness", "heir"] {
            self.0.execute(
                &format!(
                    "INSERT INTO former_witnesses (witness, url)
                     SELECT {key}, url FROM collectors WHERE url = ?1 AND {key} IS NOT NULL
                     ON CONFLICT (witness) DO UPDATE SET url = excluded.url, heir = NULL"
                ),
                [url],
            )?;
        }
        self.0
            .execute("DELETE FROM collectors WHERE url = ?1", [url])?;
        Ok(())
    }

    fn one(
        &self,
        condition: &'static str,
        value: impl rusqlite::ToSql,
    ) -> Result<Option<AdmittedCollector>, StoreError> {
        self.0
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM collectors WHERE {condition}"
            ))?
            .query_row([value], from_row)
            .optional()?
            .map(collector)
            .transpose()
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<CollectorRow> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
    ))
}

fn collector(row: CollectorRow) -> Result<AdmittedCollector, StoreError> {
    let (url, names, witness, certificate, added, expires, heir) = row;
    Ok(AdmittedCollector {
        url,
        names: unlist(&names, "names of a collector")?,
        witness,
        heir,
        certificate,
        added,
        expires,
    })
}
