//! The records of certificates: the journal is the first, and the only one that is waited for; the database follows it.
//!
//! A certificate's entry is durable before the certificate is made, and has all that the row has. The row is written by the
//! database's own thread, after it, in whatever commit comes next. A mark says up to which entry the rows are known to be
//! durable; what comes after it is held against the table at each start. So a lone login waits for one `fdatasync`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use daypass_protocol::event::Event;

use super::Authority;
use crate::ledger::LedgerError;
use crate::store::{IssuedCertificate, Settled, StoreError};

/// Serials whose row is not known to be there, each with an entry's number that its own is not before.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<BTreeMap<u64, u64>>);

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authority {
    /// Keeps a serial for one certificate; false when another has it.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn reserve_serial(&self, serial: u64) -> Result<bool, StoreError> {
        let next = self.ledger.reached();
        if self.under_way.lock().contains_key(&serial)
            || self.store.read(|tx| tx.has_certificate(serial))?
        {
            return Ok(false);
        }
        // Two that draw the same number at the same time: one of them is first.
        Ok(self.under_way.lock().insert(serial, next).is_none())
    }

    /// Records the certificate whose serial was reserved; returns when its entry is durable, and it may leave.
    ///
    /// # Errors
    /// When it does not become durable; then the certificate must not be made.
    pub(crate) fn record_certificate(
        &self,
        certificate: IssuedCertificate,
        event: &Event,
    ) -> Result<(), LedgerError> {
        let serial = certificate.serial;
        if let Err(error) = self.note(event) {
            self.under_way.lock().remove(&serial);
            return Err(error);
        }
        let under_way = Arc::clone(&self.under_way);
        self.store.write_behind(
            move |tx| tx.add_certificate(&certificate).map(drop),
            move |settled| {
                // What was not written is written at the next start: the mark stays before its entry.
                if settled == Settled::Committed {
                    under_way.lock().remove(&serial);
                }
            },
        );
        Ok(())
    }

    /// Moves the mark up to the first entry whose row may not be there yet; what is before it is durable when this returns.
    ///
    /// # Errors
    /// When the database fails; then the mark stands where it was.
    pub fn mark_records(&self) -> Result<(), StoreError> {
        // Read first: whatever is journalled before this and not in the table is under way by now.
        let reached = self.ledger.reached();
        let first = self.under_way.lock().values().min().copied();
        let mark = first.map_or(reached, |first| first.min(reached));
        self.store.write(move |tx| tx.mark_journalled(mark))
    }
}
