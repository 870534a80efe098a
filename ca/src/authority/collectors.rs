//! Admitting collectors, renewing their certificates and witness keys, and telling hosts of them no longer.

use daypass_protocol::collector::{Admission, Request};
use daypass_protocol::event::{Action, Event, Identity, Outcome};
use daypass_protocol::version::Version;
use daypass_protocol::witness_key::{SignedWitnessSuccession, WitnessKeys, WitnessSuccession};
use daypass_transport::authority::SERVER_LIFETIME;

use super::{AnnounceError, Authority};
use crate::collectors::succession::{self, Change};
use crate::collectors::{self, CollectorRefusal};
use crate::ledger::LedgerError;
use crate::store::{AdmittedCollector, StoreError};
use crate::tls;

/// Why nothing was done about a collector.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// It may not be done.
    #[error(transparent)]
    Refused(#[from] CollectorRefusal),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The state that would tell of it.
    #[error(transparent)]
    Announce(Box<AnnounceError>),
    /// The X.509 root.
    #[error("the collector's certificate could not be made")]
    X509(#[source] daypass_transport::authority::Error),
    /// What the root made.
    #[error("the collector's certificate cannot be read back")]
    Unreadable(#[from] rustls::pki_types::pem::Error),
}

impl From<AnnounceError> for CollectorError {
    fn from(error: AnnounceError) -> Self {
        Self::Announce(Box::new(error))
    }
}

impl Authority {
    /// Admits a collector, by whoever speaks for this machine. A refusal is journalled too.
    ///
    /// # Errors
    /// When the request does not hold, or cannot stand beside the collectors that there are.
    pub fn admit_collector(
        &self,
        request: &Request,
        by: Identity,
    ) -> Result<Admission, CollectorError> {
        let admitted = self.try_admit(request, by.clone());
        if let Err(CollectorError::Refused(refusal)) = &admitted {
            let event = Event::new(Action::CollectorRefused)
                .outcome(Outcome::Denied)
                .because(refusal.code(), refusal.to_string())
                .by(by)
                .detail("url", request.url.to_string());
            self.note(&event)?;
        }
        admitted
    }

    fn try_admit(&self, request: &Request, by: Identity) -> Result<Admission, CollectorError> {
        collectors::check(request, self.pin)?;
        let (certificate, row) = self.certify(&request.csr, |certificate, added, expires| {
            AdmittedCollector {
                url: request.url.to_string(),
                names: request.names.clone(),
                witness: request.witness.clone(),
                heir: None,
                certificate,
                added,
                expires,
            }
        })?;
        let event = Event::new(Action::CollectorAdded)
            .outcome(Outcome::Done)
            .by(by)
            .detail("url", row.url.clone())
            .detail("names", row.names.clone());
        let wanted = request.clone();
        {
            let _alone = self.deciding();
            self.decide(move |tx| {
                collectors::fits(&wanted, &tx.collectors()?, &tx.former_witnesses()?)?;
                tx.put_collector(&row)?;
                // Of a collector that is known already, it may be another one than it showed.
                let witness = tx.collector(&row.url)?.map(|known| known.witness);
                let event = event.detail("witness", witness.unwrap_or(row.witness));
                Ok::<_, CollectorError>(((), event))
            })?;
        }
        self.announce()?;
        Ok(Admission {
            v: Version,
            certificate,
            root: self.x509.certificate().to_owned(),
        })
    }

    /// Makes the certificate, and the row that knows it.
    fn certify(
        &self,
        csr: &str,
        row: impl FnOnce([u8; 32], i64, i64) -> AdmittedCollector,
    ) -> Result<(String, AdmittedCollector), CollectorError> {
        let now = self.now();
        let expires = now.plus(SERVER_LIFETIME.as_secs());
        let mut row = row([0; 32], now.unix(), expires.unix());
        let certificate = self
            .x509
            .issue_collector(csr, &row.names, now.into())
            .map_err(refused_or_failed)?;
        row.certificate = tls::fingerprint(&certificate)?;
        Ok((certificate, row))
    }

    /// A new certificate for an admitted collector's new key.
    ///
    /// # Errors
    /// When the request cannot be used.
    pub fn renew_collector(
        &self,
        known: &AdmittedCollector,
        csr: &str,
    ) -> Result<String, CollectorError> {
        let (certificate, row) =
            self.certify(csr, |certificate, _, expires| AdmittedCollector {
                certificate,
                expires,
                ..known.clone()
            })?;
        let event = Event::new(Action::CollectorAdded)
            .outcome(Outcome::Done)
            .detail("renewed", true)
            .detail("url", row.url.clone())
            .detail("witness", row.witness.clone());
        let known = known.clone();
        let _alone = self.deciding();
        self.decide(move |tx| {
            if !tx.renew_collector(&known, &row.certificate, row.expires)? {
                return Err(CollectorRefusal::Unknown { url: known.url }.into());
            }
            Ok::<_, CollectorError>(((), event))
        })?;
        Ok(certificate)
    }

    /// Takes what a collector says of its witness key and the one after it. A refusal is journalled too.
    ///
    /// # Errors
    /// When the keys have not signed it, or it does not follow from those that are known.
    pub fn renew_witness(
        &self,
        caller: &AdmittedCollector,
        signed: &SignedWitnessSuccession,
    ) -> Result<WitnessKeys, CollectorError> {
        let renewed = self.try_renew_witness(caller, signed);
        if let Err(CollectorError::Refused(refusal)) = &renewed {
            let event = Event::new(Action::CollectorRefused)
                .outcome(Outcome::Denied)
                .because(refusal.code(), refusal.to_string())
                .detail("url", caller.url.clone())
                .detail("witness", caller.witness.clone());
            self.note(&event)?;
        }
        renewed
    }

    fn try_renew_witness(
        &self,
        caller: &AdmittedCollector,
        signed: &SignedWitnessSuccession,
    ) -> Result<WitnessKeys, CollectorError> {
        let said = succession::check(signed, self.pin, caller)?;
        let change = {
            let _alone = self.deciding();
            let (known, former) = self
                .store
                .read(|tx| Ok::<_, StoreError>((tx.collectors()?, tx.former_witnesses()?)))?;
            let change = succession::judge(&said, &known, &former)?;
            if change != Change::Nothing {
                let (url, heir) = (caller.url.clone(), said.heir.clone());
                let event = renewal(&said, signed);
                self.decide(move |tx| {
                    match change {
                        Change::Begins => tx.name_heir(&url, &heir)?,
                        Change::Ends => tx.take_heir(&url)?,
                        Change::Nothing => {}
                    }
                    Ok::<_, CollectorError>(((), event))
                })?;
            }
            change
        };
        if change != Change::Nothing {
            self.announce()?;
        }
        let url = caller.url.clone();
        let now = self.store.read(|tx| tx.collector(&url))?;
        let now = now.ok_or(CollectorRefusal::Unknown { url })?;
        Ok(WitnessKeys {
            witness: now.witness,
            heir: now.heir,
        })
    }

    /// Tells of a collector no longer; its certificate is nobody's from now on.
    ///
    /// # Errors
    /// When there is none at this address.
    pub fn remove_collector(&self, url: &str, by: Identity) -> Result<(), CollectorError> {
        let url = url.to_owned();
        {
            let _alone = self.deciding();
            self.decide(move |tx| {
                let known = tx
                    .collector(&url)?
                    .ok_or_else(|| CollectorRefusal::Unknown { url: url.clone() })?;
                tx.remove_collector(&url)?;
                let event = Event::new(Action::CollectorRemoved)
                    .outcome(Outcome::Done)
                    .by(by)
                    .detail("url", known.url)
                    .detail("witness", known.witness);
                Ok::<_, CollectorError>(((), event))
            })?;
        }
        Ok(self.announce()?)
    }

    /// Every admitted collector.
    ///
    /// # Errors
    /// When the database fails.
    pub fn collectors(&self) -> Result<Vec<AdmittedCollector>, StoreError> {
        self.store.read(|tx| tx.collectors())
    }
}

/// The entry of a step, with what the keys signed: whoever reads it years later checks it without us.
fn renewal(said: &WitnessSuccession, signed: &SignedWitnessSuccession) -> Event {
    Event::new(Action::CollectorWitnessKey)
        .outcome(Outcome::Done)
        .detail("url", said.url.to_string())
        .detail("step", said.step.as_str())
        .detail("witness", said.witness.clone())
        .detail("heir", said.heir.clone())
        .detail("reason", said.reason.as_str())
        .detail("succession", signed.succession.clone())
        .detail("signature", signed.signature.clone())
}

fn refused_or_failed(error: daypass_transport::authority::Error) -> CollectorError {
    use daypass_transport::authority::Error;
    match error {
        Error::Request(_) | Error::RequestTooLong(_) | Error::Name { .. } => {
            CollectorRefusal::Certificate(error.to_string()).into()
        }
        error => CollectorError::X509(error),
    }
}
