//! The records of certificates: the journal is the first, and the only one that is waited for; the database follows it.
//!
//! A certificate's entry is durable before the certificate leaves, and has all that the row has. The row is written by the
//! database's own thread, after it, in whatever commit comes next. A mark says up to which entry the rows are known to be
//! durable; what comes after it is held against the table at each start. So a lone login waits for one `fdatasync`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use daypass_journal::retention::Policy;
use daypass_journal::writer::Retired;
use daypass_protocol::event::Event;

use super::Authority;
use crate::ledger::{Ledger, LedgerError};
use crate::store::{IssuedCertificate, Settled, Store, StoreError};

/// Certificates whose row the database may lack, at most: beyond it none is made until the database keeps up again.
const MOST_UNDER_WAY: usize = 65_536;

/// Rows that are written again in one commit.
const AGAIN_AT_ONCE: usize = 1000;

/// Serials whose row is not known to be there.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<BTreeMap<u64, OnTheWay>>);

/// One of them.
#[derive(Debug)]
struct OnTheWay {
    /// A number that its entry's is not below.
    from: u64,
    row: Row,
}

#[derive(Debug)]
enum Row {
    /// There is no entry yet.
    Reserved,
    /// Its entry is durable, and the row waits to be written.
    Queued(Box<IssuedCertificate>),
    /// The same, and the database refused it.
    Refused(Box<IssuedCertificate>),
}

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, OnTheWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn first(&self) -> Option<u64> {
        self.lock().values().map(|record| record.from).min()
    }

    fn is_issued(&self, serial: u64) -> bool {
        let records = self.lock();
        let record = records.get(&serial);
        record.is_some_and(|record| !matches!(record.row, Row::Reserved))
    }

    fn refused(&self) -> Vec<IssuedCertificate> {
        let records = self.lock();
        let refused = records.values().filter_map(|record| match &record.row {
            Row::Refused(certificate) => Some((**certificate).clone()),
            _ => None,
        });
        refused.take(AGAIN_AT_ONCE).collect()
    }
}

/// A row on its way to the database. Whatever becomes of the job, it is told.
struct Queued {
    under_way: Arc<UnderWay>,
    serial: u64,
    is_there: bool,
}

impl Queued {
    fn settle(mut self, settled: Settled) {
        self.is_there = settled == Settled::Committed;
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        let mut records = self.under_way.lock();
        if self.is_there {
            records.remove(&self.serial);
        } else if let Some(record) = records.get_mut(&self.serial)
            && let Row::Queued(certificate) = &record.row
        {
            record.row = Row::Refused(certificate.clone());
        }
    }
}

impl Authority {
    /// Keeps a serial for one certificate; false when another has it.
    ///
    /// # Errors
    /// When the database fails, or lacks as many rows as it may.
    pub(crate) fn reserve_serial(&self, serial: u64) -> Result<bool, StoreError> {
        let next = self.ledger.reached();
        if self.has_issued(serial)? {
            return Ok(false);
        }
        // Two that draw the same number at the same time: one of them is first.
        let mut records = self.under_way.lock();
        if records.contains_key(&serial) {
            return Ok(false);
        }
        if records.len() >= MOST_UNDER_WAY {
            return Err(StoreError::Behind {
                rows: records.len(),
            });
        }
        let record = OnTheWay {
            from: next,
            row: Row::Reserved,
        };
        records.insert(serial, record);
        Ok(true)
    }

    /// Whether the CA has made a certificate with this serial, be its row there yet or not.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn has_issued(&self, serial: u64) -> Result<bool, StoreError> {
        // In this order: a row that arrives between the two looks is seen by the second.
        Ok(self.under_way.is_issued(serial) || self.store.read(|tx| tx.has_certificate(serial))?)
    }

    /// The way to have a certificate recorded on any thread.
    pub(crate) fn records(&self) -> Records {
        Records {
            store: Arc::clone(&self.store),
            ledger: Arc::clone(&self.ledger),
            under_way: Arc::clone(&self.under_way),
        }
    }

    /// Writes rows again that the database refused, then moves the mark up to the first entry whose row may not be there yet.
    /// What is before the mark, which is returned, is durable.
    ///
    /// # Errors
    /// When the database fails; then the mark stands where it was.
    pub fn mark_records(&self) -> Result<u64, StoreError> {
        self.write_again();
        // Read first: whatever is journalled before this and not in the table is under way by now.
        let sealed = self.ledger.sealed();
        let first = self.under_way.first();
        let mark = first.map_or(sealed, |first| first.min(sealed));
        self.store.write(move |tx| tx.mark_journalled(mark))?;
        Ok(mark)
    }

    /// Retires old segments of the journal as `policy` says. Those that alone tell of a certificate stay.
    ///
    /// # Errors
    /// When the database fails, segments cannot be archived, or the disk refuses.
    pub fn retire(&self, policy: &Policy) -> Result<Option<Retired>, RetireError> {
        let keep_from = self.mark_records()?;
        Ok(self.ledger.retire(policy, keep_from)?)
    }

    fn write_again(&self) {
        loop {
            let refused = self.under_way.refused();
            if refused.is_empty() {
                return;
            }
            let serials: Vec<u64> = refused.iter().map(|row| row.serial).collect();
            let written = self.store.write(move |tx| {
                refused
                    .iter()
                    .try_for_each(|row| tx.add_certificate(row).map(drop))
            });
            if let Err(error) = written {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    rows = serials.len(),
                    "certificates that the journal tells of are not in the database yet"
                );
                return;
            }
            let mut records = self.under_way.lock();
            for serial in serials {
                records.remove(&serial);
            }
        }
    }
}

/// Where certificates are recorded.
pub(crate) struct Records {
    store: Arc<Store>,
    ledger: Arc<Ledger>,
    under_way: Arc<UnderWay>,
}

impl Records {
    /// Records the certificate whose serial was reserved; returns when its entry is durable, and it may leave.
    ///
    /// # Errors
    /// When it does not become durable; then the certificate must not leave.
    pub(crate) fn record(
        &self,
        certificate: IssuedCertificate,
        event: &Event,
    ) -> Result<(), LedgerError> {
        let serial = certificate.serial;
        let noted = serde_json::to_value(event)
            .map_err(LedgerError::from)
            .and_then(|event| self.ledger.record(&event));
        if let Err(error) = noted {
            self.under_way.lock().remove(&serial);
            return Err(error);
        }
        if let Some(record) = self.under_way.lock().get_mut(&serial) {
            record.row = Row::Queued(Box::new(certificate.clone()));
        }
        let queued = Queued {
            under_way: Arc::clone(&self.under_way),
            serial,
            is_there: false,
        };
        self.store.write_behind(
            move |tx| tx.add_certificate(&certificate).map(drop),
            move |settled| queued.settle(settled),
        );
        Ok(())
    }
}

/// Why old segments stay.
#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    /// The database does not say what it has.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
