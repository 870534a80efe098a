//! Asks the CA what it says now: the rosters, and the state that names its keys.

use std::path::Path;
use std::time::Duration;

use daypass_protocol::api::Rosters;
use daypass_protocol::digest::Pin;
use daypass_protocol::event::Event;
use daypass_protocol::state::SignedState;
use daypass_transport::client::{Client, ClientIdentity, Error, Request, SetupError};

use crate::authority::{Authority, Word, WordError};
use crate::collector::CollectorError;

/// How long the CA holds an answer back that says nothing new; a stop has to wait as long.
const WAIT: Duration = Duration::from_secs(2);

/// A connection to the CA, as this collector.
pub struct Refresh {
    client: Client,
}

/// Why nothing new was taken over; what was known stays.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Nobody has signed the first roster.
    #[error(
        "the CA's first roster is not signed yet; its first admin does that with: daypass roster sign"
    )]
    Unsigned,
    /// Our certificate ended, its root was retired, or we were removed.
    #[error(
        "the CA takes this collector's certificate no more: it ended, its root was retired, or the collector was removed; \
         admit it again as daypass-collector(8), ADMITTING AGAIN, says"
    )]
    NotAdmitted(#[source] Error),
    /// The CA's X.509 root changed while we were away, or somebody else answers.
    #[error(
        "the CA answers under an X.509 root that this collector never heard of; if the root was changed while the collector \
         was away, admit it again as daypass-collector(8), ADMITTING AGAIN, says"
    )]
    OtherRoot(#[source] Error),
    /// The CA did not answer, or not as asked.
    #[error("the CA could not be asked")]
    Client(#[source] Error),
    /// An alarm could not be journalled.
    #[error("an alarm could not be journalled")]
    NotTold(#[from] Box<CollectorError>),
    /// What it says does not follow from what is known.
    #[error(transparent)]
    Word(#[from] WordError),
}

impl From<Error> for RefreshError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Api { code, .. } if code == "roster-unsigned" => Self::Unsigned,
            Error::Api { code, .. } if code == "certificate-unknown" => Self::NotAdmitted(error),
            Error::Untrusted { .. } => Self::OtherRoot(error),
            _ if error.is_certificate_refused() => Self::NotAdmitted(error),
            _ => Self::Client(error),
        }
    }
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

    /// The connection itself.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Asks for the first time: the rosters are checked from the pin up, the state's key is taken from the connection.
    ///
    /// # Errors
    /// When roster 1 is not signed yet, the CA cannot be asked, or says what does not hold.
    pub fn first(&self, path: &Path, pin: Pin) -> Result<(), RefreshError> {
        Authority::begin(path, pin, &self.word()?)?;
        Ok(())
    }

    /// Asks once, and waits a moment for news: what is revoked is to be here before the CA can be away. Blocks as long as
    /// the client does. What is worth an alarm is told by `tell` first; where that fails, nothing is taken over.
    ///
    /// # Errors
    /// When the CA cannot be asked, or says what does not hold, or an alarm cannot be told.
    pub fn ask(
        &self,
        authority: &Authority,
        tell: impl FnOnce(&Event) -> Result<(), CollectorError>,
    ) -> Result<(), RefreshError> {
        let known = authority.state_number();
        let path = format!("/v1/state?after={known}&wait={}", WAIT.as_secs());
        let state: SignedState = self.client.call(&Request::get(&path))?;
        if state.state == authority.state().state {
            return Ok(());
        }
        let Rosters { chain } = self.client.call(&Request::get("/v1/roster"))?;
        let word = Word { chain, state };
        if let Some(alarm) = authority.alarm_before(&word)? {
            tell(&alarm).map_err(Box::new)?;
        }
        Ok(authority.follow(&word)?)
    }

    /// The state first: while there is none, neither is a chain.
    fn word(&self) -> Result<Word, RefreshError> {
        let state: SignedState = self.client.call(&Request::get("/v1/state"))?;
        let Rosters { chain } = self.client.call(&Request::get("/v1/roster"))?;
        Ok(Word { chain, state })
    }
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, CertificateError};

    use super::*;
    use crate::diagnostic::sentence;

    fn said(error: Error) -> String {
        sentence(&RefreshError::from(error))
    }

    fn refused(code: &str) -> Error {
        Error::Api {
            status: 401,
            code: code.to_owned(),
            message: "the CA's own words".to_owned(),
        }
    }

    fn alerted(alert: AlertDescription) -> Error {
        Error::Tls {
            address: "ca.test:7443".to_owned(),
            source: rustls::Error::AlertReceived(alert),
        }
    }

    #[test]
    fn who_was_away_for_too_long_is_told_what_to_do() {
        for error in [
            refused("certificate-unknown"),
            alerted(AlertDescription::CertificateExpired),
            alerted(AlertDescription::UnknownCA),
            Error::Untrusted {
                address: "ca.test:7443".to_owned(),
                source: rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer),
            },
        ] {
            let said = said(error);
            assert!(
                said.contains("daypass-collector(8), ADMITTING AGAIN"),
                "{said}"
            );
        }
    }

    #[test]
    fn what_passes_by_itself_asks_nobody_to_do_anything() {
        for error in [
            refused("ca-failure"),
            alerted(AlertDescription::InternalError),
        ] {
            let said = said(error);
            assert!(said.starts_with("the CA could not be asked"), "{said}");
        }
    }
}
