//! `POST /v1/collectors/renew`

use daypass_protocol::collector::{Renewal, Renewed};

use super::call::{Call, Caller, Reply};
use super::refusal::Refusal;
use crate::authority::{Authority, CollectorError};

/// A new certificate for a collector's new key; names and address stay.
pub(super) fn renew(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let asked: Renewal = call.read()?;
    let Caller::Collector(collector) = &call.caller else {
        return Err(Refusal::unauthenticated(
            "no-identity",
            "this route answers collectors",
        ));
    };
    let certificate =
        authority
            .renew_collector(collector, &asked.csr)
            .map_err(|error| match error {
                CollectorError::Refused(refusal) => {
                    Refusal::malformed(refusal.code(), refusal.to_string())
                }
                error => Refusal::failure(&error),
            })?;
    Reply::of(&Renewed { certificate })
}
