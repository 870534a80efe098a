//! `POST /v1/hosts/retire`: an ephemeral host goes for good, and says so.

use daypass_protocol::api::{Retired, Retirement};
use daypass_protocol::event::{Action, Outcome, Resource};

use super::call::{Call, Caller, Reply};
use super::enrolment::{origin_of, taken_meanwhile};
use super::refusal::Refusal;
use crate::authority::Authority;
use crate::store::EnrolledHost;

/// Takes the host out. Only one that was enrolled to be so may: any other that is gone is missed.
pub(super) fn take(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let asked: Retirement = call.read()?;
    let Caller::Host { name, certificate } = &call.caller else {
        return Err(Refusal::unauthenticated(
            "no-identity",
            "this route answers enrolled hosts",
        ));
    };
    let certificate = *certificate;
    let host = authority
        .store()
        .read(|tx| tx.host_with_certificate(&certificate))?
        .ok_or_else(|| taken_meanwhile(name.as_str()))?;
    let event = call.event(Action::HostRetired, Outcome::Done);
    let resource = Resource {
        host: Some(name.clone()),
        ..Resource::default()
    };
    if !is_ephemeral(&host) {
        let refusal = Refusal::forbidden(
            "not-ephemeral",
            format!(
                "{name} was not enrolled as an ephemeral host, and stays; another machine takes its place with a token of: daypass host token {name} --replace"
            ),
        );
        let event = call
            .event(Action::HostRefused, Outcome::Denied)
            .because(refusal.code, &refusal.message)
            .on(resource);
        authority.note(&event)?;
        return Err(refusal);
    }
    let event = event
        .on(resource)
        .detail("origin", origin_of(&host))
        .detail("entries", asked.entries);
    let now = authority.now().unix();
    let _alone = authority.deciding();
    authority.decide(move |tx| {
        // Another machine may have its place by now.
        if tx.host_with_certificate(&certificate)?.is_none() {
            return Err(taken_meanwhile(&host.name));
        }
        tx.remove_host(&host.name, now)?;
        Ok(((), event))
    })?;
    Reply::of(&Retired { host: name.clone() })
}

/// By its enrolment record, which this CA signed.
fn is_ephemeral(host: &EnrolledHost) -> bool {
    let record: Option<serde_json::Value> = serde_json::from_str(&host.record).ok();
    record.is_some_and(|record| record["ephemeral"] == true)
}
