//! `POST /v1/collectors/renew` and `POST /v1/collectors/witness`

use daypass_protocol::collector::{Renewal, Renewed};
use daypass_protocol::witness_key::SignedWitnessSuccession;

use super::call::{Call, Caller, Reply};
use super::refusal::Refusal;
use crate::authority::{Authority, CollectorError};
use crate::store::AdmittedCollector;

/// A new certificate for a collector's new key; names and address stay.
pub(super) fn renew(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let asked: Renewal = call.read()?;
    let certificate = authority
        .renew_collector(caller(call)?, &asked.csr)
        .map_err(refusal)?;
    Reply::of(&Renewed { certificate })
}

/// What a collector says of its witness key and the one after it.
pub(super) fn renew_witness(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let said: SignedWitnessSuccession = call.read()?;
    let keys = authority
        .renew_witness(caller(call)?, &said)
        .map_err(refusal)?;
    Reply::of(&keys)
}

fn caller(call: &Call) -> Result<&AdmittedCollector, Refusal> {
    match &call.caller {
        Caller::Collector(collector) => Ok(collector),
        _ => Err(Refusal::unauthenticated(
            "no-identity",
            "this route answers collectors",
        )),
    }
}

fn refusal(error: CollectorError) -> Refusal {
    match error {
        CollectorError::Refused(refusal) => Refusal::malformed(refusal.code(), refusal.to_string()),
        error => Refusal::failure(&error),
    }
}
