//! `POST /v1/revocations`, `GET /v1/krl` and `GET /v1/krl/hosts`

use std::sync::Arc;

use daypass_protocol::api::Revoked;
use daypass_protocol::event::{Action, Identity, Outcome, Resource};
use daypass_protocol::name::HostName;
use daypass_protocol::revocation::{SignedRevocation, Subject, VerifiedRevocation};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use super::windows::in_force;
use crate::authority::{Announced, Authority};
use crate::store::StoredRevocation;

/// Takes a revocation over, and tells every host.
pub(super) fn add(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let signed: SignedRevocation = call.read()?;
    {
        let _alone = authority.deciding();
        let verified = match check(authority, call, &signed) {
            Ok(verified) => verified,
            Err(refusal) => {
                let event = call
                    .event(Action::StatementRefused, Outcome::Denied)
                    .because(refusal.code, &refusal.message);
                authority.note(&event)?;
                return Err(refusal);
            }
        };
        let row = row(authority, &signed, &verified);
        let event = event(call, &verified)
            .detail("verb", verified.subject().kind().as_str())
            .detail("subject", verified.subject().to_string())
            .detail("revocation", signed.revocation.clone())
            .detail("signature", row.signature.clone());
        authority.decide(move |tx| {
            if tx.add_revocation(&row)? {
                Ok(((), event))
            } else {
                Err(Refusal::conflict(
                    "revocation-known",
                    "this very revocation was taken already",
                ))
            }
        })?;
        authority.take_up_revocations()?;
    }
    // Hosts learn of it by the state: now, not within a minute.
    authority.announce()?;
    let state = authority
        .announced()
        .map_or(0, |announced| announced.number);
    Reply::of(&Revoked { state })
}

/// The list that sshd understands.
pub(super) fn list(authority: &Authority, _: &Call) -> Result<Reply, Refusal> {
    Ok(Reply::bytes(announced(authority)?.krl.to_vec()))
}

/// What of it is about hosts, for people's `ssh`. Nobody signs for it: a key that wants a touch, or a passphrase, would be
/// asked for it time and again, and only hashes of public keys stand there.
pub(super) fn hosts(authority: &Authority, _: &Call) -> Result<Reply, Refusal> {
    Ok(Reply::bytes(announced(authority)?.host_krl.to_vec()))
}

fn announced(authority: &Authority) -> Result<Arc<Announced>, Refusal> {
    authority.announced().ok_or_else(|| {
        Refusal::unavailable(
            "no-state",
            "the CA has not signed its state yet; try again in a minute",
        )
    })
}

fn check(
    authority: &Authority,
    call: &Call,
    signed: &SignedRevocation,
) -> Result<VerifiedRevocation, Refusal> {
    let roll = authority.roll();
    let verified = signed.check_by(in_force(&roll)?)?;
    verified.is_new(authority.now())?;
    let (signer, sender) = (verified.signer(), call.person()?);
    if signer != sender {
        return Err(Refusal::forbidden(
            "foreign-statement",
            format!("the revocation is {signer}'s, the request is {sender}'s"),
        ));
    }
    // What nobody has heard of is a slip of the fingers, and somebody would think it done.
    match verified.subject() {
        Subject::Host(host) => known_host(authority, host)?,
        Subject::Serial(serial) => {
            let serial = *serial;
            if !authority.has_issued(serial)? {
                return Err(Refusal::missing(
                    "unknown-serial",
                    format!("the CA has made no certificate with the serial {serial}"),
                ));
            }
        }
        Subject::Person(person) => {
            let was_there = roll.chain().is_some_and(|chain| {
                chain
                    .rosters()
                    .any(|roster| roster.person(person).is_some())
            });
            if !was_there {
                return Err(Refusal::missing(
                    "unknown-person",
                    format!("no roster has ever listed {person}"),
                ));
            }
        }
        // A key may be known to be stolen before anybody enrols it.
        Subject::Key(_) => {}
    }
    authority.room_for(in_force(&roll)?, sender, signed, None)?;
    Ok(verified)
}

fn known_host(authority: &Authority, host: &HostName) -> Result<(), Refusal> {
    let found = authority.store().read(|tx| tx.host_named(host.as_str()))?;
    match found {
        Some(found) if found.name == host.as_str() => Ok(()),
        _ => Err(Refusal::missing(
            "unknown-host",
            format!("no host called {host} is enrolled"),
        )),
    }
}

fn row(
    authority: &Authority,
    signed: &SignedRevocation,
    verified: &VerifiedRevocation,
) -> StoredRevocation {
    StoredRevocation {
        revocation: signed.revocation.clone(),
        signature: signed.signature.to_string(),
        verb: verified.subject().kind().to_string(),
        subject: verified.subject().to_string(),
        signer: verified.signer().to_string(),
        expires: verified.revocation().expires.unix(),
        received: authority.now().unix(),
    }
}

fn event(call: &Call, verified: &VerifiedRevocation) -> daypass_protocol::event::Event {
    let event = call.event_about(
        Action::AccessRevoked,
        Outcome::Done,
        Identity {
            serial: match verified.subject() {
                Subject::Serial(serial) => Some(*serial),
                _ => None,
            },
            ..Identity::default()
        },
    );
    match verified.subject() {
        Subject::Host(host) => event.on(Resource {
            host: Some(host.clone()),
            ..Resource::default()
        }),
        _ => event,
    }
}
