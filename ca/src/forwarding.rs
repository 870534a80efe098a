//! The CA forwards its own journal to the collectors that its state names, as hosts do theirs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use daypass_forward::{
    ClientError, Contact, Contradiction, Forwarder, Notice, Owner, Setup, Status,
};
use daypass_protocol::enrolment::CA_HOST;
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::state::Collector;
use daypass_protocol::token::CaUrl;
use daypass_transport::client::{Client, ClientIdentity};
use daypass_transport::request::SigningRequest;

use crate::authority::{AnnounceError, Authority};
use crate::ledger::LedgerError;

/// At a stop, what was written last gets out if the collector answers within this.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The forwarder of the CA's journal.
pub struct Forwarding {
    forwarder: Forwarder,
}

/// Why it does not forward, or not to the collectors that the state names.
#[derive(Debug, thiserror::Error)]
pub enum ForwardingError {
    /// Which collectors there are.
    #[error(transparent)]
    Named(#[from] AnnounceError),
    /// The journal does not declare them.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No thread to be had.
    #[error("the system refused a thread")]
    Thread(#[source] io::Error),
}

impl Forwarding {
    /// Starts forwarding.
    ///
    /// # Errors
    /// When the collectors cannot be read or declared, or there is no thread to be had.
    pub fn start(authority: &Arc<Authority>) -> Result<Self, ForwardingError> {
        let collectors = declared(authority)?;
        let setup = Setup {
            journal: authority.ledger().directory().to_owned(),
            origin: authority.origin(),
            record: authority.own_record().clone(),
            horizon: authority.ledger().horizon(),
            owner: Box::new(Own {
                authority: Arc::clone(authority),
            }),
        };
        let forwarder = Forwarder::start(setup, collectors).map_err(ForwardingError::Thread)?;
        Ok(Self { forwarder })
    }

    /// Follows the newest state.
    ///
    /// # Errors
    /// When the journal cannot declare its collectors: then nothing changes.
    pub fn follow(&self, authority: &Authority) -> Result<(), ForwardingError> {
        self.forwarder.collectors(&declared(authority)?);
        Ok(())
    }

    /// How the journal's forwarding fares.
    pub fn status(&self) -> Status {
        self.forwarder.link().status()
    }

    /// Stops, after the journal was closed.
    pub fn stop(self) {
        self.forwarder.stop(LAST_WORDS);
    }
}

/// The collectors that the state names, after the journal has declared their keys: nothing is sent to others.
fn declared(authority: &Authority) -> Result<Vec<Collector>, ForwardingError> {
    let collectors = authority.named_collectors()?;
    let mut witnesses: Vec<String> = collectors
        .iter()
        .flat_map(Collector::witnesses)
        .map(str::to_owned)
        .collect();
    witnesses.dedup();
    authority.ledger().declare(&witnesses)?;
    Ok(collectors)
}

/// One line about a link, for the log and for `daypass-ca status`.
pub fn in_words(status: &Status) -> String {
    let Status {
        contact,
        sealed,
        cosigned,
        ..
    } = status;
    let standing = format!("{cosigned} of {sealed} entries cosigned");
    match contact {
        Contact::Nobody => "no collector is named".to_owned(),
        Contact::Away { trouble: None } => format!("not connected yet, {standing}"),
        Contact::Away {
            trouble: Some(trouble),
        } => format!("not connected, {standing}: {trouble}"),
        Contact::Connected { url } => format!("to {url}, {standing}"),
        Contact::Stopped { found } => format!("STOPPED, {standing}: {found}"),
    }
}

/// What the forwarder asks of this CA.
struct Own {
    authority: Arc<Authority>,
}

impl Owner for Own {
    /// Under a certificate of its own making, for this connection.
    fn client(&self, url: &CaUrl) -> Result<Client, ClientError> {
        let x509 = self.authority.x509();
        let SigningRequest { key, csr } = SigningRequest::create(CA_HOST)?;
        let certificate = x509.issue_host(&csr, CA_HOST, self.authority.now().into())?;
        let identity = ClientIdentity {
            certificate: &certificate,
            key: &key,
        };
        Ok(Client::lasting(
            &url.join(""),
            &self.authority.x509_roots().concat(),
            Some(identity),
        )?)
    }

    fn keep(&self, note: &str) -> Result<(), daypass_journal::Error> {
        self.authority.ledger().keep_cosignature(note)
    }

    fn tell(&self, notice: &Notice<'_>) {
        let event = event_of(notice);
        if let Notice::Contradicted { url, found } = notice {
            tracing::error!(collector = %url, %found, "ALARM: the CA's own journal is not forwarded any more");
        } else {
            tracing::info!(?notice, "the CA's own journal");
        }
        if let Err(error) = self.authority.note(&event) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "what became of the link could not be journalled");
        }
    }

    fn changed(&self, status: &Status) {
        // systemctl status shows it; nobody listens outside systemd.
        let text = format!("forwards its journal: {}", in_words(status));
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Status(&text)]);
    }
}

fn event_of(notice: &Notice<'_>) -> Event {
    match notice {
        Notice::Connected { url, held, ours } => Event::new(Action::LinkUp)
            .outcome(Outcome::Done)
            .detail("collector", url.to_string())
            .detail("held", *held)
            .detail("size", *ours),
        Notice::Away { url, trouble } => Event::new(Action::LinkDown)
            .outcome(Outcome::Failed)
            .because(trouble.code(), trouble.to_string())
            .detail("collector", url.to_string()),
        Notice::Contradicted { url, found } => Event::new(alarm(found))
            .because(found.code(), found.to_string())
            .detail("collector", url.to_string())
            .detail("seq", found.seq()),
    }
}

fn alarm(found: &Contradiction) -> Action {
    match found.code() {
        "rolled-back" => Action::AlarmRollback,
        "not-proven" => Action::AlarmTampered,
        _ => Action::AlarmFork,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contradiction_is_an_alarm_that_names_collector_and_entry() {
        let url = "https://log.example:7444".parse().unwrap();
        for (found, action) in [
            (
                Contradiction::RolledBack { ours: 12, held: 40 },
                "alarm.rollback",
            ),
            (Contradiction::Diverged { size: 13 }, "alarm.fork"),
        ] {
            let notice = Notice::Contradicted {
                url: &url,
                found: &found,
            };
            let event = serde_json::to_value(event_of(&notice)).unwrap();
            assert_eq!(event["action"], action);
            assert_eq!(event["detail"]["collector"], "https://log.example:7444");
            assert_eq!(event["detail"]["seq"], 12);
        }
    }

    #[test]
    fn the_standing_is_said_in_one_line() {
        let status = |contact| Status {
            contact,
            sealed: 9,
            cosigned: 7,
            time: None,
        };
        let away = Contact::Away {
            trouble: Some("it cannot be reached".to_owned()),
        };
        assert_eq!(
            in_words(&status(away)),
            "not connected, 7 of 9 entries cosigned: it cannot be reached"
        );
        let connected = Contact::Connected {
            url: "https://log:7444".to_owned(),
        };
        assert_eq!(
            in_words(&status(connected)),
            "to https://log:7444, 7 of 9 entries cosigned"
        );
    }
}
