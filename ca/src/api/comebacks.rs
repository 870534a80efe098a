//! `POST /v1/hosts/comeback`: a host whose client certificate ended while it was away renews it by its SSH host key.

use daypass_protocol::api::Renewal;
use daypass_protocol::comeback::{self, Comeback, SignedComeback};
use daypass_protocol::digest::Digest;
use daypass_protocol::event::{Action, Outcome, Resource};
use daypass_protocol::key::Key;
use daypass_protocol::time::{SKEW, Time};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use super::renewals::{is_not_revoked, renew};
use crate::authority::Authority;
use crate::hosts::check_host_keys;
use crate::store::EnrolledHost;

/// Renews the certificates of a host that shows by its SSH host key who it is. Only where its client certificate has ended, or
/// where the CA was restored since and the host has not been heard: whoever found a host's SSH key takes no place of a host
/// that is there.
pub(super) fn take(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let signed: SignedComeback = call.read()?;
    let wanted = signed
        .read_unverified()
        .map_err(|error| refusal(&error))?
        .host;
    let resource = Resource {
        host: Some(wanted),
        ..Resource::default()
    };
    let (host, asked) = match judge(authority, &signed) {
        Ok(judged) => judged,
        Err(refusal) if refusal.status.is_server_error() => return Err(refusal),
        Err(refusal) => {
            let event = call
                .event(Action::HostRefused, Outcome::Denied)
                .because(refusal.code, &refusal.message)
                .on(resource);
            if has_shown_the_key(&refusal) {
                authority.note(&event)?;
            } else {
                authority.note_stranger(event, refusal.code)?;
            }
            return Err(refusal);
        }
    };
    let event = call
        .event(Action::HostEnrolled, Outcome::Done)
        .on(resource)
        .detail("renewed", true)
        .detail("came_back", true);
    let Comeback {
        host: name,
        csr,
        host_keys,
        ..
    } = asked;
    let asked = Renewal {
        csr,
        host_keys,
        proofs: signed.proofs,
    };
    renew(authority, &name, host, &asked, event)
}

/// Whether whoever was refused so signed with the host's key: what is wrong is found out after that.
fn has_shown_the_key(refusal: &Refusal) -> bool {
    matches!(
        refusal.code,
        "host-keys" | "host-key-unproven" | "host-revoked" | "certificate-counts" | "replay"
    )
}

fn judge(
    authority: &Authority,
    signed: &SignedComeback,
) -> Result<(EnrolledHost, Comeback), Refusal> {
    let named = signed
        .read_unverified()
        .map_err(|error| refusal(&error))?
        .host;
    // The same answer for whoever is not there and whoever has another key: who asks is nobody yet.
    let unknown = || {
        Refusal::forbidden(
            "host-unknown",
            format!(
                "no host called {named} is enrolled with this SSH host key; enrol it with a token of: daypass host token {named} --replace"
            ),
        )
    };
    let host = authority
        .store()
        .read(|tx| tx.host_named(named.as_str()))?
        .filter(|host| host.name == named.as_str())
        .ok_or_else(unknown)?;
    let known: Vec<Key> = host
        .host_keys
        .iter()
        .filter_map(|text| Key::from_openssh_line(text).ok())
        .collect();
    let now = authority.now();
    let asked = match signed.check(authority.pin(), &known, now) {
        Err(comeback::Error::ForeignKey(_)) => return Err(unknown()),
        checked => checked.map_err(|error| refusal(&error))?,
    };
    check_host_keys(
        (authority.pin(), &named),
        &asked.csr,
        &asked.host_keys,
        &signed.proofs,
    )?;
    is_not_revoked(authority, &named, &host)?;
    let ends = Time::from_unix(host.expires);
    if now < ends && !host.unconfirmed {
        return Err(Refusal::conflict(
            "certificate-counts",
            format!("the client certificate of {named} counts until {ends}; renew it by that one"),
        ));
    }
    let digest = Digest::of(&signed.comeback);
    let mut nonce = [0; 16];
    nonce.copy_from_slice(&digest.as_bytes()[..16]);
    let until = asked.time.plus(SKEW + 1);
    let is_new = authority
        .nonces()
        .remember(&nonce, until.unix(), now.unix())
        .map_err(|error| Refusal::failure(&error))?;
    if is_new {
        Ok((host, asked))
    } else {
        Err(Refusal::unauthenticated(
            "replay",
            "this very comeback was made before; each is signed anew",
        ))
    }
}

fn refusal(error: &comeback::Error) -> Refusal {
    let message = error.to_string();
    match error {
        comeback::Error::Json(_) => Refusal::malformed("comeback-invalid", message),
        comeback::Error::OtherCa { .. } => Refusal::forbidden("wrong-ca", message),
        comeback::Error::Untimely { .. } => Refusal::unauthenticated("clock-skew", message),
        comeback::Error::Signature(_) => Refusal::unauthenticated("signature-invalid", message),
        comeback::Error::ForeignKey(_) => Refusal::forbidden("host-unknown", message),
    }
}
