//! The table of certificates: it follows the journal, which records each before it leaves. Never removed.

use rusqlite::{OptionalExtension as _, params};

use super::{StoreError, Tx};

/// What is known about a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// 63 random bits, not 0.
    pub serial: u64,
    /// The window it is for.
    pub window: String,
    /// The person it is for.
    pub person: String,
    /// The fingerprint of the key in it.
    pub key: String,
    /// The host that was asked for.
    pub host: String,
    /// The account that was asked for.
    pub account: String,
    /// Seconds since 1970.
    pub valid_after: i64,
    /// Seconds since 1970.
    pub valid_before: i64,
    /// Seconds since 1970.
    pub issued: i64,
}

impl Tx<'_> {
    /// Whether a certificate has this serial.
    pub(crate) fn has_certificate(&self, serial: u64) -> Result<bool, StoreError> {
        Ok(self
            .0
            .prepare_cached("SELECT 1 FROM certificates WHERE serial = ?1")?
            .exists([serial])?)
    }

    /// Records a certificate; false when its serial is taken.
    pub(crate) fn add_certificate(
        &self,
        certificate: &IssuedCertificate,
    ) -> Result<bool, StoreError> {
        let added = self
            .0
            .prepare_cached(
                "INSERT INTO certificates
                 (serial, \"window\", person, key, host, account, valid_after, valid_before, issued)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (serial) DO NOTHING",
            )?
            .execute(params![
                certificate.serial,
                certificate.window,
                certificate.person,
                certificate.key,
                certificate.host,
                certificate.account,
                certificate.valid_after,
                certificate.valid_before,
                certificate.issued
            ])?;
        Ok(added == 1)
    }

    /// Records a certificate that the journal tells of and the table may lack; nothing happens where it does not, or where its
    /// window is in no database any more, as after a restore.
    pub(crate) fn make_up(&self, certificate: &IssuedCertificate) -> Result<(), StoreError> {
        let has_window = self
            .0
            .prepare_cached("SELECT 1 FROM windows WHERE id = ?1")?
            .exists([&certificate.window])?;
        if has_window {
            self.add_certificate(certificate)?;
        }
        Ok(())
    }

    /// Up to which entry of the journal the table is known to have every certificate.
    pub(crate) fn journalled(&self) -> Result<u64, StoreError> {
        let up_to: Option<u64> = self
            .0
            .query_row("SELECT up_to FROM journalled", [], |row| row.get(0))
            .optional()?;
        Ok(up_to.unwrap_or(0))
    }

    /// Moves that mark.
    pub(crate) fn mark_journalled(&self, up_to: u64) -> Result<(), StoreError> {
        self.0
            .prepare_cached(
                "INSERT INTO journalled (only, up_to) VALUES (1, ?1)
                 ON CONFLICT (only) DO UPDATE SET up_to = ?1",
            )?
            .execute([up_to])?;
        Ok(())
    }
}
