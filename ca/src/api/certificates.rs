//! `POST /v1/certificates`

use daypass_protocol::api::{CertificateWish, Issued, WindowState};
use daypass_protocol::event::{Action, Event, Identity, Outcome, Resource};
use daypass_protocol::grant::{self, ApprovedWindow, Turned};
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::time::Time;

use super::call::{Call, Reply};
use super::refusal::Refusal;
use super::windows::in_force;
use crate::approve::is_final;
use crate::authority::Authority;
use crate::case::Case;
use crate::issue::{self, Terms, Validity};
use crate::revoke::Revoked;
use crate::store::IssuedCertificate;

/// Serials are random: that so many in a row are taken means something else is wrong.
const ATTEMPTS: u32 = 8;

/// Issues a certificate from an open window of the caller's.
pub(super) fn issue(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let wish: CertificateWish = call.read()?;
    // Before anything is read that a decision could change.
    let _relying = authority.relying();
    let roll = authority.roll();
    let (roster, now) = (in_force(&roll)?, authority.now());
    let person = call.person()?;
    let (window, validity, host) = match choose(authority, person, &wish, roster, now) {
        Ok(chosen) => chosen,
        Err(refusal) => {
            let event = call
                .event_about(
                    Action::CertificateRefused,
                    Outcome::Denied,
                    Identity {
                        window: wish.window,
                        key: Some(wish.key.fingerprint()),
                        ..Identity::default()
                    },
                )
                .because(refusal.code, &refusal.message)
                .on(resource(&wish.host, &wish));
            authority.note(&event)?;
            return Err(refusal);
        }
    };
    let state = authority
        .announced()
        .ok_or_else(|| {
            Refusal::unavailable(
                "no-state",
                "the CA has not signed its state yet; try again in a minute",
            )
        })?
        .number;
    let serial = reserve(authority)?;
    let skew = authority.skew();
    let terms = Terms {
        serial,
        state,
        now,
        skew,
    };
    let (row, event) = record(call, &wish, terms, &window, validity, &host);
    let records = authority.records();
    // Signed while its record is written, by somebody who mostly waits for the disk. It leaves when the record is durable, and
    // is dropped where that fails.
    let (made, recorded) = authority.hands().beside(
        move || records.record(row, &event),
        || answer(authority, &wish, terms, &window, validity, host),
    );
    recorded?;
    made
}

/// The certificate, as it leaves.
fn answer(
    authority: &Authority,
    wish: &CertificateWish,
    terms: Terms,
    window: &ApprovedWindow,
    validity: Validity,
    host: HostName,
) -> Result<Reply, Refusal> {
    let certificate = issue::issue(window, &wish.key, terms, authority.keys().user_ca())?;
    Reply::of(&Issued {
        certificate: certificate.to_openssh()?,
        window: window.document().id,
        host,
        valid_before: validity.before,
        window_ends: window.left().ends,
    })
}

/// The window that serves: the one named, or else the open one that ends last.
fn choose(
    authority: &Authority,
    person: &Name,
    wish: &CertificateWish,
    roster: &VerifiedRoster,
    now: Time,
) -> Result<(ApprovedWindow, Validity, HostName), Refusal> {
    let (host, cases) = authority.store().read(|tx| {
        let host = tx.host_named(wish.host.as_str())?;
        let cases = match (&host, &wish.window) {
            (None, _) => Vec::new(),
            (_, Some(id)) => Case::find(tx, &id.to_string())?.into_iter().collect(),
            (_, None) => tx
                .current_windows_of(person.as_str(), now.unix())?
                .iter()
                .map(|stored| Case::open(tx, stored))
                .collect::<Result<_, _>>()?,
        };
        Ok::<_, Refusal>((host, cases))
    })?;
    let host = host.ok_or_else(|| {
        Refusal::missing(
            "unknown-host",
            format!("no host called {} is enrolled", wish.host),
        )
    })?;
    let enrolled = Time::from_unix(host.enrolled);
    let host: HostName = host
        .name
        .parse()
        .map_err(|error: daypass_protocol::name::InvalidName| Refusal::failure(&error))?;
    // Of windows that are open, or may be: what became of others is said where there is nothing else to say.
    let (mut reason, mut past) = (None, None);
    for case in cases {
        let document = case.window().document();
        let named = document.contractor == *person
            && document.hosts.contains(&host)
            && document.accounts.contains(&wish.account);
        if !named {
            continue;
        }
        let left = case.left();
        let away = if !left.hosts.contains(&host) {
            Some("this host")
        } else if !left.accounts.contains(&wish.account) {
            Some("this account")
        } else {
            None
        };
        if let Some(away) = away {
            reason = reason.or(Some(Turned::Narrowed(away).into()));
            continue;
        }
        if let Some(stop) =
            authority
                .revoked()
                .stops(document, wish.key.fingerprint(), &host, enrolled)
        {
            let (subject, by) = (stop.subject(), stop.signer());
            let message = format!("{subject} was revoked by {by}");
            reason = reason.or(Some(Refusal::forbidden("revoked", message)));
            continue;
        }
        let served = serves(authority, &case, wish, roster, now).and_then(|(window, validity)| {
            is_signed_soundly(&authority.revoked(), &window)?;
            Ok((window, validity))
        });
        match served {
            Ok((window, validity)) => return Ok((window, validity, host)),
            Err(refusal) if is_final(case.state(roster, now)) => past = past.or(Some(refusal)),
            Err(refusal) => reason = reason.or(Some(refusal)),
        }
    }
    Err(reason.or(past).unwrap_or_else(|| {
        Refusal::forbidden(
            "no-window",
            format!(
                "{person} has no window for {}@{host}; ask for one with: daypass request --host {host} --account {}",
                wish.account, wish.account
            ),
        )
    }))
}

/// The proof that a window serves for this key now.
fn serves(
    authority: &Authority,
    case: &Case,
    wish: &CertificateWish,
    roster: &VerifiedRoster,
    now: Time,
) -> Result<(ApprovedWindow, Validity), Refusal> {
    let document = case.window().document();
    match case.state(roster, now) {
        WindowState::Approved | WindowState::Open => {}
        WindowState::Closed | WindowState::Lapsed => {
            return Err(Turned::Ended {
                ends: case.left().ends,
            }
            .into());
        }
        state => {
            let message = format!("the window {} is {state}", document.id);
            return Err(Refusal::forbidden(code(state), message));
        }
    }
    let window = case.approved(roster, authority.checked(), now)?;
    if !window.keys().contains(&wish.key.fingerprint()) {
        return Err(match roster.person(&document.contractor) {
            Some(person) if person.keys.contains(&wish.key) => Refusal::forbidden(
                "key-not-in-window",
                format!(
                    "the key {} was enrolled after the window was frozen; use an older key, or ask for a new window",
                    wish.key.fingerprint()
                ),
            ),
            _ => grant::Refusal::NoLiveKey(document.contractor.clone()).into(),
        });
    }
    let validity = Validity::now(&window, now, authority.skew())?;
    Ok((window, validity))
}

/// Hosts refuse what was signed with a key that was revoked, whatever its date: so whoever asks hears it here.
fn is_signed_soundly(revoked: &Revoked, window: &ApprovedWindow) -> Result<(), Refusal> {
    let mut statements = window.statements().iter();
    let Some(said) = statements.find(|said| revoked.names_key(said.key())) else {
        return Ok(());
    };
    let (signer, verb, key) = (said.signer(), said.verb(), said.key());
    Err(Refusal::forbidden(
        "statement-key-revoked",
        format!(
            "{signer}'s \"{verb}\" was signed with the key {key}, which was revoked; the window {} needs a new approval",
            window.document().id
        ),
    ))
}

fn code(state: WindowState) -> &'static str {
    match state {
        WindowState::Requested => "not-approved",
        WindowState::Denied => "window-denied",
        WindowState::Revoked => "window-revoked",
        _ => "window-ended",
    }
}

/// A fresh serial that is kept for one certificate.
fn reserve(authority: &Authority) -> Result<u64, Refusal> {
    for _ in 0..ATTEMPTS {
        let serial = issue::fresh_serial()?;
        if authority.reserve_serial(serial)? {
            return Ok(serial);
        }
    }
    Err(Refusal::failure(&NoFreeSerial))
}

/// What is recorded of it: the database's row, and the entry, which is first.
fn record(
    call: &Call,
    wish: &CertificateWish,
    terms: Terms,
    window: &ApprovedWindow,
    validity: Validity,
    host: &HostName,
) -> (IssuedCertificate, Event) {
    let Terms { serial, now, .. } = terms;
    let document = window.document();
    let row = IssuedCertificate {
        serial,
        window: document.id.to_string(),
        person: document.contractor.to_string(),
        key: wish.key.fingerprint().to_string(),
        host: host.to_string(),
        account: wish.account.to_string(),
        valid_after: validity.after.unix(),
        valid_before: validity.before.unix(),
        issued: now.unix(),
    };
    let event = call
        .event_about(
            Action::CertificateIssued,
            Outcome::Allowed,
            Identity {
                window: Some(document.id),
                serial: Some(serial),
                key: Some(wish.key.fingerprint()),
                ..Identity::default()
            },
        )
        .on(resource(host, wish))
        .detail("valid_after", validity.after.to_string())
        .detail("valid_before", validity.before.to_string());
    (row, event)
}

fn resource(host: &HostName, wish: &CertificateWish) -> Resource {
    Resource {
        host: Some(host.clone()),
        account: Some(wish.account.to_string()),
        ..Resource::default()
    }
}

/// Every random serial was taken.
#[derive(Debug, thiserror::Error)]
#[error("every one of {ATTEMPTS} random serials was taken: the system's random numbers are not")]
struct NoFreeSerial;
