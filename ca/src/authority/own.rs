//! The CA towards the collectors: its own journal has an enrolment record, as a host's has.

use daypass_journal::identity::Identity;
use daypass_protocol::digest::{Incarnation, Pin};
use daypass_protocol::enrolment::{CA_HOST, Record, SignedRecord, ca_origin};
use daypass_protocol::name::InvalidName;
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;

use crate::keys::Keys;
use crate::layout::Layout;
use crate::store::{Store, StoreError};

/// Why the CA's journal has no record.
#[derive(Debug, thiserror::Error)]
pub enum OwnRecordError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal's keys.
    #[error("the keys of the CA's own journal cannot be read")]
    Journal(#[from] daypass_journal::Error),
    /// The name that stands for us.
    #[error("the CA's own name is none")]
    Name(#[from] InvalidName),
    /// The state key.
    #[error("the state key could not sign")]
    Sign(#[from] ssh_key::Error),
    /// A stored signature that is none.
    #[error("the enrolment record of the CA's own journal is damaged in the database")]
    Damaged(#[from] daypass_protocol::sshsig::Error),
}

/// The record as it was made first: collectors know it by its bytes, so it is made once.
pub(super) fn record(
    store: &Store,
    layout: &Layout,
    keys: &Keys,
    (ca, incarnation): (Pin, Incarnation),
    now: Time,
) -> Result<SignedRecord, OwnRecordError> {
    if let Some((record, signature)) = store.read(|tx| tx.own_record())? {
        return Ok(SignedRecord {
            record,
            signature: signature.parse()?,
        });
    }
    let identity = Identity::open(&layout.journal_keys())?;
    let signed = Record {
        v: Version,
        ca,
        host: CA_HOST.parse()?,
        aliases: Vec::new(),
        groups: Vec::new(),
        incarnation,
        origin: ca_origin(ca, incarnation),
        log_key: identity.log_vkey(),
        epoch_key: identity.epoch_vkey(),
        time: now,
        ephemeral: false,
    }
    .sign(|namespace, message| keys.sign_by_state_key(namespace, message))?;
    let (record, signature) = (signed.record.clone(), signed.signature.to_string());
    store.write::<_, StoreError>(move |tx| tx.keep_own_record(&record, &signature))?;
    Ok(signed)
}
