//! `daypass-agent trust`: the keys with which this host's journal is verified elsewhere.

use daypass_journal::trust::{Trust, TrustError, TrustedLog};

use crate::enrolment::{self, Enrolment};
use crate::forward;
use crate::layout::Layout;
use crate::state::{Known, store};

/// Why there is no trust file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no journal yet.
    #[error("this host is not enrolled")]
    NotEnrolled,
    /// The papers of the enrolment.
    #[error(transparent)]
    Enrolment(#[from] enrolment::Error),
    /// What was taken over from the CA.
    #[error(transparent)]
    State(#[from] store::Error),
    /// The keys in the record are none.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// The trust file's text: the journal's keys as the CA signed them at enrolment, not as they are found today, and the
/// witness keys and the keys for certificates that the CA's state names.
///
/// # Errors
/// See [`enum@Error`].
pub fn trust(layout: &Layout) -> Result<String, Error> {
    if !Enrolment::exists(layout) {
        return Err(Error::NotEnrolled);
    }
    let record = Enrolment::load(layout)?.record;
    let known = Known::load(&layout.state(), record.ca)?;
    let witnesses = forward::witnesses(&known.state().collectors);
    let trust = Trust {
        logs: vec![TrustedLog::new(&record.log_key, &record.epoch_key)?],
        witnesses: witnesses
            .iter()
            .filter_map(|key| key.parse().ok())
            .collect(),
        pin: Some(record.ca.to_string()),
        user_ca: known
            .state()
            .user_ca
            .iter()
            .map(ToString::to_string)
            .collect(),
    };
    Ok(trust.to_string())
}
