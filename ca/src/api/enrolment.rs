//! `POST /v1/hosts/enroll`

use daypass_protocol::api::{Enrolled, Enrolment};
use daypass_protocol::event::{Action, Outcome, Resource};
use daypass_protocol::key::Key;
use daypass_protocol::name::HostName;
use daypass_protocol::time::Time;

use super::call::{Call, Reply};
use super::hosts::{names, texts};
use super::refusal::Refusal;
use crate::authority::{Authority, are_free, mark};
use crate::hosts::{self, CERTIFICATE_LIFE, HostRefusal, Place};
use crate::issue;
use crate::store::{EnrolledHost, Token};
use crate::tls;

/// Enrols the machine that holds the token's secret.
pub(super) fn enroll(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let asked: Enrolment = call.read()?;
    let wanted = asked.host.clone();
    let enrolled =
        admit(authority, &asked).and_then(|admitted| carry_out(authority, call, asked, admitted));
    match enrolled {
        Ok(answer) => Reply::of(&answer),
        // What failed on our side is nobody's attempt.
        Err(refusal) if refusal.status.is_server_error() => Err(refusal),
        Err(refusal) => {
            let event = call
                .event(Action::HostRefused, Outcome::Denied)
                .because(refusal.code, &refusal.message)
                .on(Resource {
                    host: Some(wanted),
                    ..Resource::default()
                });
            if refusal.code == HostRefusal::UnknownToken.code() {
                authority.note_stranger(event, refusal.code)?;
            } else {
                // Whoever sent it has had a token from an admin.
                authority.note(&event)?;
            }
            Err(refusal)
        }
    }
}

/// What the token gives, if everything about token and machine is in order.
fn admit(authority: &Authority, asked: &Enrolment) -> Result<Admitted, Refusal> {
    let token = authority
        .store()
        .read(|tx| tx.token(asked.secret.digest().as_bytes()))?
        .ok_or(HostRefusal::UnknownToken)?;
    check_token(&token, authority.now())?;
    check_name(&token, &asked.host)?;
    let place = Place {
        host: asked.host.clone(),
        aliases: names(&token.aliases)?,
        groups: names(&token.groups)?,
    };
    hosts::check_journal(&asked.journal, authority.pin(), &place.host)?;
    hosts::check_host_keys(
        (authority.pin(), &place.host),
        &asked.csr,
        &asked.host_keys,
        &asked.proofs,
    )?;
    Ok(Admitted { place, token })
}

/// What a token makes of a machine.
struct Admitted {
    place: Place,
    token: Token,
}

/// The token's name, or one that the machine may give itself.
fn check_name(token: &Token, asked: &HostName) -> Result<(), Refusal> {
    let Some(name) = &token.host else {
        return Ok(hosts::check_own_name(asked)?);
    };
    if name == asked.as_str() {
        return Ok(());
    }
    let expected = name
        .parse()
        .map_err(|error: daypass_protocol::name::InvalidName| Refusal::failure(&error))?;
    Err(HostRefusal::OtherHost {
        expected,
        found: asked.clone(),
    }
    .into())
}

fn check_token(token: &Token, now: Time) -> Result<(), HostRefusal> {
    if token.used >= token.uses {
        return Err(HostRefusal::TokenUsed {
            used: token.last_used.map_or(now, Time::from_unix),
        });
    }
    if token.expires <= now.unix() {
        return Err(HostRefusal::TokenExpired {
            expired: Time::from_unix(token.expires),
        });
    }
    Ok(())
}

fn carry_out(
    authority: &Authority,
    call: &Call,
    asked: Enrolment,
    admitted: Admitted,
) -> Result<Enrolled, Refusal> {
    let Admitted { place, token } = admitted;
    let now = authority.now();
    let Papers {
        client_certificate,
        fingerprint,
        host_certificates,
    } = papers(authority, &place, &asked.csr, &asked.host_keys, now)?;
    let enrolment = hosts::record(
        authority.pin(),
        &place,
        &asked.journal,
        asked.ephemeral,
        now,
    )
    .sign(|namespace, message| authority.keys().sign_by_state_key(namespace, message))?;
    let row = EnrolledHost {
        name: place.host.to_string(),
        aliases: texts(&place.aliases),
        groups: texts(&place.groups),
        host_keys: texts(&asked.host_keys),
        record: enrolment.record.clone(),
        signature: enrolment.signature.to_string(),
        certificate: fingerprint,
        enrolled: now.unix(),
        expires: now.plus(CERTIFICATE_LIFE).unix(),
        unconfirmed: false,
    };
    let event = call
        .event(Action::HostEnrolled, Outcome::Done)
        .on(Resource {
            host: Some(place.host.clone()),
            ..Resource::default()
        })
        .detail("token", mark(&asked.secret))
        .detail("origin", asked.journal.origin)
        .detail("log_key", asked.journal.log_key)
        .detail("epoch_key", asked.journal.epoch_key)
        .detail("host_keys", row.host_keys.clone())
        .detail("aliases", row.aliases.clone())
        .detail("groups", row.groups.clone());
    let event = if asked.ephemeral {
        event.detail("ephemeral", true)
    } else {
        event
    };
    let (wanted, replaces) = (place.clone(), token.replaces);
    let alone = authority.deciding();
    authority.decide(move |tx| {
        let instead = token.replaces.then(|| wanted.host.to_string());
        are_free(tx, &wanted, instead.as_deref())??;
        if !tx.use_token(&token.secret, now.unix())? {
            return Err(Refusal::from(HostRefusal::TokenUsed { used: now }));
        }
        if token.host.is_none() && tx.is_promised(wanted.host.as_str(), now.unix())? {
            return Err(HostRefusal::NamePromised(wanted.host).into());
        }
        let mut event = event;
        if let Some(host) = instead
            && let Some(before) = tx.host_named(&host)?
        {
            event = event.detail("replaced", origin_of(&before));
            tx.remove_host(&before.name, now.unix())?;
        }
        tx.add_host(&row)?;
        Ok(((), event))
    })?;
    if authority.revoked().names_host(&place.host, now) {
        // Revoked in this very second; the next one is after it.
        return Err(Refusal::conflict(
            "host-revoked",
            "the host was revoked at this moment; enrol it again with another token",
        ));
    }
    drop(alone);
    if replaces && let Err(error) = authority.announce() {
        // The machine is enrolled all the same, and within the minute the list says what it should.
        let error = &error as &dyn std::error::Error;
        tracing::error!(
            error,
            "the keys of the machine before are not on the list yet"
        );
    }
    let announced = authority.announced().ok_or_else(|| {
        Refusal::unavailable(
            "no-state",
            "the CA has not signed its state yet; try again in a minute",
        )
    })?;
    Ok(Enrolled {
        client_certificate,
        host_certificates,
        aliases: place.aliases,
        groups: place.groups,
        chain: authority.roll().signed().to_vec(),
        state: announced.signed.clone(),
        enrolment,
        user_ca: authority.keys().public().user_ca.clone(),
    })
}

/// The name of the journal of a host that was enrolled before.
pub(super) fn origin_of(host: &EnrolledHost) -> String {
    let record: Option<serde_json::Value> = serde_json::from_str(&host.record).ok();
    let origin = record.as_ref().and_then(|record| record["origin"].as_str());
    origin.unwrap_or_default().to_owned()
}

/// Between our look at a host and the decision, it was given to another machine, or renewed.
pub(super) fn taken_meanwhile(name: &str) -> Refusal {
    Refusal::conflict(
        "host-changed",
        format!("the host {name} was enrolled or renewed otherwise at this moment; try again"),
    )
}

/// What a host is given to show: X.509 to us, SSH to people.
pub(super) struct Papers {
    pub(super) client_certificate: String,
    pub(super) fingerprint: [u8; 32],
    pub(super) host_certificates: Vec<String>,
}

pub(super) fn papers(
    authority: &Authority,
    place: &Place,
    csr: &str,
    host_keys: &[Key],
    now: Time,
) -> Result<Papers, Refusal> {
    let client_certificate = authority
        .x509()
        .issue_host(csr, place.host.as_str(), now.into())
        .map_err(|error| match error {
            daypass_transport::authority::Error::Request(_)
            | daypass_transport::authority::Error::RequestTooLong(_) => {
                Refusal::malformed("csr-invalid", error.to_string())
            }
            error => Refusal::failure(&error),
        })?;
    let fingerprint =
        tls::fingerprint(&client_certificate).map_err(|error| Refusal::failure(&error))?;
    let host_certificates = host_keys
        .iter()
        .map(|key| {
            let serial = issue::fresh_serial()?;
            let certificate = hosts::certify(
                place,
                key,
                serial,
                (now, authority.skew()),
                authority.keys().host_ca(),
            )?;
            Ok(certificate.to_openssh()?)
        })
        .collect::<Result<_, Refusal>>()?;
    Ok(Papers {
        client_certificate,
        fingerprint,
        host_certificates,
    })
}
