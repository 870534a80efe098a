//! `POST /v1/hosts/renew`, and how every renewal ends.

use daypass_protocol::api::{Renewal, Renewed};
use daypass_protocol::event::{Action, Event, Outcome, Resource};
use daypass_protocol::name::HostName;
use daypass_protocol::time::Time;

use super::call::{Call, Caller, Reply};
use super::enrolment::{papers, taken_meanwhile};
use super::hosts::{names, texts};
use super::refusal::Refusal;
use crate::authority::Authority;
use crate::hosts::{CERTIFICATE_LIFE, Place, check_host_keys};
use crate::store::EnrolledHost;

/// Renews the certificates of an enrolled host. Names and groups stay; the client certificate of before counts until
/// the new one is first used, so that an answer that is lost locks no host out.
pub(super) fn take(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let asked: Renewal = call.read()?;
    let Caller::Host { name, certificate } = &call.caller else {
        return Err(Refusal::unauthenticated(
            "no-identity",
            "this route answers enrolled hosts",
        ));
    };
    let proven = check_host_keys(
        (authority.pin(), name),
        &asked.csr,
        &asked.host_keys,
        &asked.proofs,
    );
    let resource = Resource {
        host: Some(name.clone()),
        ..Resource::default()
    };
    if let Err(refused) = proven {
        // A host that is known here wants to be taken for another machine, or its package is of before.
        let event = call
            .event(Action::HostRefused, Outcome::Denied)
            .because(refused.code(), refused.to_string())
            .on(resource);
        authority.note(&event)?;
        return Err(refused.into());
    }
    // By what it showed: the name may be another machine's by now.
    let host = authority
        .store()
        .read(|tx| tx.host_with_certificate(certificate))?
        .filter(|host| host.certificate == *certificate)
        .ok_or_else(|| taken_meanwhile(name.as_str()))?;
    is_not_revoked(authority, name, &host)?;
    let event = call
        .event(Action::HostEnrolled, Outcome::Done)
        .on(resource)
        .detail("renewed", true);
    renew(authority, name, host, &asked, event)
}

/// That nobody revoked the host as it is enrolled.
pub(super) fn is_not_revoked(
    authority: &Authority,
    name: &HostName,
    host: &EnrolledHost,
) -> Result<(), Refusal> {
    let enrolled = Time::from_unix(host.enrolled);
    if !authority.revoked().names_host(name, enrolled) {
        return Ok(());
    }
    Err(Refusal::forbidden(
        "host-revoked",
        format!(
            "the host {name} was revoked; it can be enrolled anew with a token of: daypass host token {name} --replace"
        ),
    ))
}

/// Gives an enrolled host that has shown who it is other certificates, and journals `event` of it.
pub(super) fn renew(
    authority: &Authority,
    name: &HostName,
    host: EnrolledHost,
    asked: &Renewal,
    event: Event,
) -> Result<Reply, Refusal> {
    let place = Place {
        host: name.clone(),
        aliases: names(&host.aliases)?,
        groups: names(&host.groups)?,
    };
    let now = authority.now();
    let papers = papers(authority, &place, &asked.csr, &asked.host_keys, now)?;
    let keys = texts(&asked.host_keys);
    let event = event.detail("host_keys", keys.clone());
    let (fingerprint, expires) = (papers.fingerprint, now.plus(CERTIFICATE_LIFE).unix());
    let _alone = authority.deciding();
    authority.decide(move |tx| {
        if !tx.renew_host(&host, &keys, &fingerprint, expires)? {
            return Err(taken_meanwhile(&host.name));
        }
        Ok(((), event))
    })?;
    Reply::of(&Renewed {
        client_certificate: papers.client_certificate,
        host_certificates: papers.host_certificates,
    })
}
