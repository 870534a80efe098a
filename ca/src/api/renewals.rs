//! `POST /v1/hosts/renew`

use daypass_protocol::api::{Renewal, Renewed};
use daypass_protocol::event::{Action, Outcome, Resource};
use daypass_protocol::time::Time;

use super::call::{Call, Caller, Reply};
use super::enrolment::{check_host_keys, papers, taken_meanwhile};
use super::hosts::{names, texts};
use super::refusal::Refusal;
use crate::authority::Authority;
use crate::hosts::{CERTIFICATE_LIFE, Place};

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
    check_host_keys(&asked.host_keys)?;
    let now = authority.now();
    // By what it showed: the name may be another machine's by now.
    let host = authority
        .store()
        .read(|tx| tx.host_with_certificate(certificate))?
        .filter(|host| host.certificate == *certificate)
        .ok_or_else(|| taken_meanwhile(name.as_str()))?;
    if authority
        .revoked()
        .names_host(name, Time::from_unix(host.enrolled))
    {
        return Err(Refusal::forbidden(
            "host-revoked",
            format!(
                "the host {name} was revoked; it can be enrolled anew with a token of: daypass host token {name} --replace"
            ),
        ));
    }
    let place = Place {
        host: name.clone(),
        aliases: names(&host.aliases)?,
        groups: names(&host.groups)?,
    };
    let papers = papers(authority, &place, &asked.csr, &asked.host_keys, now)?;
    let keys = texts(&asked.host_keys);
    let event = call
        .event(Action::HostEnrolled, Outcome::Done)
        .on(Resource {
            host: Some(name.clone()),
            ..Resource::default()
        })
        .detail("renewed", true)
        .detail("host_keys", keys.clone());
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
