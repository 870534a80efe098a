//! The record of every certificate: kept before it leaves, never removed.

use rusqlite::params;

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
}
