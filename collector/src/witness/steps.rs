//! The single steps of a renewal, each of which may be taken again.

use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::state;
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_protocol::witness_key::{
    Reason, SignedWitnessSuccession, Step, WitnessKeys, WitnessSuccession,
};
use daypass_transport::client::{self, Client, Request};

use super::{Named, WitnessError};
use crate::authority::Authority;
use crate::collector::{Collector, CollectorError};
use crate::origin::{InvalidOrigin, Origin};

/// So long both cosign, in seconds: thirty days.
const OVERLAP: u64 = 30 * 86_400;

/// When the heir is to cosign alone, unless somebody has it do so before.
#[must_use]
pub fn stands_alone(said: &WitnessSuccession) -> Time {
    said.time.plus(OVERLAP)
}

/// Why the witness key is not renewed, or no further.
#[derive(Debug, thiserror::Error)]
pub(super) enum RenewalError {
    /// Nobody would take our word.
    #[error(
        "the CA's state names no collector with the witness key that is here: hosts take no cosignature of it; see \
         daypass-collector(8), WITNESS KEY"
    )]
    NotNamed,
    /// These are the keys of another time.
    #[error(
        "the key {heir}, which the CA names to come after this collector's witness key, is not here: the keys are those of \
         before a renewal; see daypass-collector(8), WITNESS KEY"
    )]
    HeirLost {
        /// The key that is missing.
        heir: String,
    },
    /// A file of the keys.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The CA does not answer, or refuses.
    #[error("the CA could not be told of the witness key")]
    Call(#[from] client::Error),
    /// The CA names other keys than it was told.
    #[error("the CA was told that the witness key {told} stands alone, and names {named}")]
    OtherNamed {
        /// Ours.
        told: String,
        /// The CA's.
        named: String,
    },
    /// Our own journal.
    #[error(transparent)]
    Journal(#[from] daypass_journal::Error),
    /// The same, in writing.
    #[error(transparent)]
    Collector(#[from] Box<CollectorError>),
    /// The name of our own journal.
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
}

impl From<CollectorError> for RenewalError {
    fn from(error: CollectorError) -> Self {
        Self::Collector(Box::new(error))
    }
}

/// What was said of the heir, where there is one.
pub(super) fn under_way(collector: &Collector) -> Option<Named> {
    let witness = collector.witness();
    witness.heir().and_then(|_| witness.named())
}

/// How the CA's state names us, if it does, after the heir has taken over where it is named alone there.
pub(super) fn settled(collector: &Collector) -> Result<Option<state::Collector>, RenewalError> {
    let witness = collector.witness();
    let Some(own) = collector.authority().named_by(&witness.vkeys()) else {
        return Ok(None);
    };
    match (under_way(collector), &own.heir) {
        (Some(named), _) if own.witness == named.said.heir => {
            take_over(collector, &named.said)?;
        }
        (None, Some(heir)) if own.witness == witness.vkey() => {
            return Err(RenewalError::HeirLost { heir: heir.clone() });
        }
        _ => {}
    }
    Ok(Some(own))
}

/// Tells the CA what its state does not say yet, or any more: it may be one that was restored.
pub(super) fn tell_what_is_owed(
    collector: &Collector,
    ca: &Client,
    now: Time,
) -> Result<(), RenewalError> {
    let (witness, authority) = (collector.witness(), collector.authority());
    let own = authority.named_by(&witness.vkeys());
    let Some(named) = witness.named() else {
        return own.map(drop).ok_or(RenewalError::NotNamed);
    };
    let is_told = own.is_some_and(|own| own.heir.as_ref() == Some(&named.said.heir));
    let is_under_way = witness.heir().is_some();
    let is_over = stands_alone(&named.said) <= now;
    match (is_told, is_under_way) {
        (true, true) if is_over => end(collector, ca, Reason::Age, now),
        (true, true) => Ok(()),
        (true, false) => end(collector, ca, named.said.reason, now),
        (false, true) => tell(ca, &named.signed).map(drop),
        (false, false) if authority.named_by(&witness.vkeys()).is_some() => Ok(()),
        // It names the key of before, which we have no more: what that said of this one still counts.
        (false, false) if is_named(authority, &named.said.witness) => {
            tell(ca, &named.signed).map(drop)
        }
        (false, false) => Err(RenewalError::NotNamed),
    }
}

fn is_named(authority: &Authority, witness: &str) -> bool {
    let keys = [witness.to_owned()];
    authority.named_by(&keys).is_some()
}

pub(super) fn name_heir(
    collector: &Collector,
    own: &state::Collector,
    reason: Reason,
    time: Time,
) -> Result<(), RenewalError> {
    let ca = collector.authority().pin();
    collector
        .witness()
        .name_heir(|witness, heir| WitnessSuccession {
            v: Version,
            ca,
            url: own.url.clone(),
            step: Step::Begins,
            witness,
            heir,
            reason,
            time,
        })?;
    if let Some(Named { said, .. }) = under_way(collector) {
        collector.record(&event(&said, Step::Begins).detail("reason", reason.as_str()))?;
        tracing::info!(heir = said.heir, "another witness key cosigns, too");
    }
    Ok(())
}

/// Tells the CA. It names what it was told before, whoever tells it again.
pub(super) fn tell(
    ca: &Client,
    signed: &SignedWitnessSuccession,
) -> Result<WitnessKeys, RenewalError> {
    // Two texts: this cannot fail.
    let body = serde_json::to_vec(signed).unwrap_or_default();
    Ok(ca.call(&Request::post("/v1/collectors/witness", &body))?)
}

/// Tells the CA that the heir stands alone. Not before it names it so, the key of before is forgotten.
pub(super) fn end(
    collector: &Collector,
    ca: &Client,
    reason: Reason,
    time: Time,
) -> Result<(), RenewalError> {
    let witness = collector.witness();
    let (Some(last), Some(Named { said, .. })) = (witness.last_word(reason, time), witness.named())
    else {
        return Ok(());
    };
    let named = tell(ca, &last)?.witness;
    if named != said.heir {
        return Err(RenewalError::OtherNamed {
            told: said.heir,
            named,
        });
    }
    match witness.heir() {
        Some(_) => take_over(collector, &said),
        None => Ok(()),
    }
}

fn take_over(collector: &Collector, said: &WitnessSuccession) -> Result<(), RenewalError> {
    collector.witness().take_over()?;
    tracing::info!(witness = said.heir, "the next witness key cosigns alone");
    Ok(collector.record(&event(said, Step::Ends))?)
}

fn event(said: &WitnessSuccession, step: Step) -> Event {
    Event::new(Action::CollectorWitnessKey)
        .outcome(Outcome::Done)
        .detail("url", said.url.to_string())
        .detail("step", step.as_str())
        .detail("witness", said.witness.clone())
        .detail("heir", said.heir.clone())
}

/// When this collector began its journal, and with it its first witness key.
pub(super) fn born(collector: &Collector) -> Result<Time, RenewalError> {
    let origin: Origin = collector.ledger().identity()?.origin().parse()?;
    Ok(collector.record_of(&origin)?.time)
}
