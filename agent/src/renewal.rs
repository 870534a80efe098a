//! Keeping this host's certificates alive: at two thirds of their lives it asks for new ones.
//!
//! The new client certificate and its key replace the old ones in one step, and the old
//! certificate counts until the new one is used: a lost answer, or a crash at any point, leaves a
//! pair that works.

mod comeback;

use std::time::{Duration, Instant, SystemTime};

use daypass_protocol::api::{Renewal as Question, Renewed};
use daypass_protocol::host_proof;
use daypass_transport::authority::{HOST_LIFETIME, expires, is_issued_by};
use daypass_transport::client::{self, Client, Request};
use daypass_transport::request::SigningRequest;

use crate::aside;
use crate::durable;
use crate::enrolment::{self, Enrolment, papers};
use crate::host_keys::{self, HostKey};
use crate::layout::Layout;
use crate::state::Known;
use crate::systemd;

/// Between two looks, and between an attempt that failed and the next.
const ROUND: Duration = Duration::from_secs(3600);

/// Before the next look, where the state is needed first.
const SOON: Duration = Duration::from_secs(60);

/// Looks from time to time whether it is time to renew.
pub struct Renewal {
    layout: Layout,
    next: Instant,
    /// When the CA may next be asked by the SSH host key, though the client certificate has not ended.
    next_comeback: Instant,
    /// The SSH host certificates that came last could not be judged by what was known then.
    again: bool,
}

/// Why the certificates are still the old ones.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Enrolment(#[from] enrolment::Error),
    #[error(transparent)]
    HostKeys(#[from] host_keys::Error),
    #[error(transparent)]
    Proof(#[from] host_keys::SignError),
    #[error(transparent)]
    Request(#[from] daypass_transport::request::Error),
    #[error(transparent)]
    Setup(#[from] client::SetupError),
    #[error(transparent)]
    Call(#[from] client::Error),
    #[error(transparent)]
    Comeback(#[from] comeback::Error),
    #[error(transparent)]
    File(#[from] durable::Error),
}

impl Renewal {
    /// Looks for the first time at once.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        Self {
            layout: layout.clone(),
            next: Instant::now(),
            next_comeback: Instant::now(),
            again: false,
        }
    }

    /// Renews the certificates if it is time, and returns the client that shows the new one.
    /// Where the CA does not know this host's certificate (`is_stranger`: it was restored from a backup of before, or
    /// has retired the root that issued it) the SSH host key asks for another. What fails is told to syslog and tried again in an hour; ten days are left for that.
    pub fn look(&mut self, known: &Known, is_stranger: bool) -> Option<Client> {
        let now = Instant::now();
        let comes_back = is_stranger && now >= self.next_comeback;
        if comes_back {
            self.next_comeback = now + ROUND;
        } else if now < self.next {
            return None;
        }
        self.next = now + ROUND;
        match self.renew(known, comes_back, SystemTime::now()) {
            Ok(client) => {
                if self.again {
                    self.next = Instant::now() + SOON;
                }
                client
            }
            Err(error) => {
                aside::tell(&format!(
                    "this host's certificates are not renewed: {error}"
                ));
                None
            }
        }
    }

    fn renew(
        &mut self,
        known: &Known,
        comes_back: bool,
        now: SystemTime,
    ) -> Result<Option<Client>, Error> {
        let mut enrolment = Enrolment::load(&self.layout)?;
        let is_due = is_due(&enrolment.client, now) || is_of_former_root(&enrolment);
        if !is_due && !self.again && !comes_back {
            return Ok(None);
        }
        self.again = false;
        let keys = host_keys::read(&self.layout)?;
        let request = SigningRequest::create(enrolment.record.host.as_str())?;
        let comes_back = comes_back || expires(&enrolment.client).is_ok_and(|end| end <= now);
        let answer = if comes_back {
            comeback::ask(&self.layout, &enrolment, &keys, request.csr, now.into())?
        } else {
            renewed(&self.layout, &enrolment, &keys, request.csr)?
        };
        let checked = host_keys::check(&keys, &answer.host_certificates, &known.state().host_ca);
        if !comes_back {
            checked?;
        } else if checked.is_err() {
            // The key that certifies hosts may be another one since: the state will say so, and then they are asked for again.
            self.again = true;
        }
        enrolment.client = papers(&answer.client_certificate, &request.key);
        // Before it is kept: a certificate that does not fit its key would be the last.
        let client = enrolment.client()?;
        enrolment.store(&self.layout)?;
        if self.again {
            return Ok(Some(client));
        }
        host_keys::store(&self.layout, &keys, &answer.host_certificates)?;
        if let Err(error) = systemd::reload_sshd() {
            aside::tell(&format!(
                "sshd still shows the old host certificates: {error}"
            ));
        }
        Ok(Some(client))
    }
}

/// Asks by the client certificate, which still counts.
fn renewed(
    layout: &Layout,
    enrolment: &Enrolment,
    keys: &[HostKey],
    csr: String,
) -> Result<Renewed, Error> {
    let claim = host_proof::text(enrolment.ca.ca, &enrolment.record.host, &csr);
    let question = Question {
        csr,
        host_keys: keys.iter().map(|key| key.key.clone()).collect(),
        proofs: host_keys::prove(layout, keys, &claim)?,
    };
    // Texts and lists of them only: this cannot fail.
    let body = serde_json::to_vec(&question).unwrap_or_default();
    let request = Request::post("/v1/hosts/renew", &body);
    Ok(enrolment.client()?.call(&request)?)
}

/// Is two thirds of the client certificate's life over? One that cannot be read is not renewed:
/// the CA would not know it either.
fn is_due(client: &str, now: SystemTime) -> bool {
    expires(client).is_ok_and(|end| now + HOST_LIFETIME / 3 >= end)
}

/// Does another root issue now? What the one before issued counts for a while only.
fn is_of_former_root(enrolment: &Enrolment) -> bool {
    is_issued_by(&enrolment.client, &enrolment.root).is_ok_and(|is_so| !is_so)
}

#[cfg(test)]
mod tests {
    use daypass_transport::authority::Authority;

    use super::*;

    #[test]
    fn certificates_are_renewed_at_two_thirds_of_their_lives() {
        let made = SystemTime::now();
        let ca = Authority::create("test", made).unwrap();
        let request = SigningRequest::create("db1").unwrap();
        let certificate = ca.issue_host(&request.csr, "db1", made).unwrap();
        let client = papers(&certificate, &request.key);
        let day = Duration::from_secs(86_400);
        assert!(!is_due(&client, made + 19 * day));
        assert!(is_due(&client, made + 20 * day));
        assert!(is_due(&client, made + 40 * day));
    }

    #[test]
    fn certificate_and_key_of_one_text_make_a_client() {
        let now = SystemTime::now();
        let ca = Authority::create("test", now).unwrap();
        let request = SigningRequest::create("db1").unwrap();
        let certificate = ca.issue_host(&request.csr, "db1", now).unwrap();
        let client = papers(&certificate, &request.key);
        let identity = client::ClientIdentity {
            certificate: &client,
            key: &client,
        };
        Client::new("https://localhost:7443", ca.certificate(), Some(identity)).unwrap();
    }

    #[test]
    fn what_is_no_certificate_is_not_renewed() {
        assert!(!is_due("", SystemTime::now()));
    }
}
