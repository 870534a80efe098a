//! Asks the CA what it says now: the rosters, and the state that names its keys.

use daypass_protocol::api::Rosters;
use daypass_protocol::state::SignedState;
use daypass_transport::client::{Client, ClientIdentity, Error, Request, SetupError};

use crate::authority::{Authority, Word, WordError};

/// A connection to the CA, as this collector.
pub struct Refresh {
    client: Client,
}

/// Why nothing new was taken over; what was known stays.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The CA did not answer, or not as asked.
    #[error("the CA could not be asked")]
    Client(#[from] Error),
    /// What it says does not follow from what is known.
    #[error(transparent)]
    Word(#[from] WordError),
}

impl Refresh {
    /// Asks the CA at `url` under `root` (PEM), with our own certificate and key (PEM).
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn new(url: &str, root: &str, certificate: &str, key: &str) -> Result<Self, SetupError> {
        let identity = ClientIdentity { certificate, key };
        let client = Client::new(url, root, Some(identity))?;
        Ok(Self { client })
    }

    /// Asks once. Blocks as long as the client does.
    ///
    /// # Errors
    /// When the CA cannot be asked, or says what does not hold.
    pub fn ask(&self, authority: &Authority) -> Result<(), RefreshError> {
        let Rosters { chain } = self.client.call(&Request::get("/v1/roster"))?;
        let state: SignedState = self.client.call(&Request::get("/v1/state"))?;
        Ok(authority.follow(&Word { chain, state })?)
    }
}
