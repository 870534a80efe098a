//! The host's side: everything about a certificate that can be judged without asking who approved the window.

use super::issue::critical_options;
use super::{KeyId, Refusal, STATE_EXTENSION, WINDOW_EXTENSION};
use crate::grant::{self, ApprovedWindow, Grant};
use crate::key::{Fingerprint, Key};
use crate::place::Place;
use crate::roster::VerifiedRoster;
use crate::time::{MOST_SKEW, Time};
use crate::window::{FrozenWindow, Permit, Window};
use ssh_key::Certificate;
use ssh_key::certificate::CertType;
use std::collections::BTreeMap;

/// A certificate that a CA of ours signed and that says exactly what its window says. Only [`Profile::check`] makes
/// one. Next: [`Profile::approve`], then [`ApprovedWindow::admits`] and revocations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profile {
    serial: u64,
    key: Fingerprint,
    state: u64,
    valid_before: Time,
    grant: Grant,
    window: FrozenWindow,
}

impl Profile {
    /// Judges a certificate at `now` by the user CA keys of the CA's state.
    pub fn check(
        certificate: &Certificate,
        authorities: &[Key],
        now: Time,
    ) -> Result<Self, Refusal> {
        check_signature(certificate, authorities)?;
        Self::read(certificate, now)
    }

    /// All that is judged but the signature.
    pub(super) fn read(certificate: &Certificate, now: Time) -> Result<Self, Refusal> {
        if certificate.cert_type() != CertType::User {
            return Err(Refusal::NotForUsers);
        }
        if certificate.serial() == 0 || certificate.serial() > i64::MAX.unsigned_abs() {
            return Err(Refusal::Serial(certificate.serial()));
        }
        let key = Key::try_from(certificate.public_key().clone())
            .map_err(Refusal::SubjectKey)?
            .fingerprint();
        let grant = Grant::parse(extension(certificate, WINDOW_EXTENSION)?)?;
        let window = FrozenWindow::parse(grant.window_text())?;
        check_names(certificate, window.document())?;
        let valid_before = check_validity(certificate, window.document(), now)?;
        check_options(certificate, window.document())?;
        check_extensions(certificate, window.document())?;
        if !window.document().keys.contains(&key) {
            return Err(Refusal::ForeignKey(key));
        }
        let state = state_number(extension(certificate, STATE_EXTENSION)?)?;
        Ok(Self {
            serial: certificate.serial(),
            key,
            state,
            valid_before,
            grant,
            window,
        })
    }

    /// Decides whether the window inside is approved as far as these hosts are concerned, and whether the certified key is still the contractor's.
    pub fn approve(
        &self,
        roster: &VerifiedRoster,
        places: &[Place],
        now: Time,
    ) -> Result<ApprovedWindow, grant::Refusal> {
        let window = self.grant.check(roster, places, now)?;
        if window.keys().contains(&self.key) {
            Ok(window)
        } else {
            Err(grant::Refusal::NoLiveKey(
                window.document().contractor.clone(),
            ))
        }
    }

    /// The certificate's number.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The certified key.
    pub fn key(&self) -> Fingerprint {
        self.key
    }

    /// The number of the CA's state at issue; a host that is behind it catches up first.
    pub fn state(&self) -> u64 {
        self.state
    }

    /// The first instant at which the certificate opens no new session.
    pub fn valid_before(&self) -> Time {
        self.valid_before
    }

    /// The window, whose approval is still to be judged.
    pub fn window(&self) -> &FrozenWindow {
        &self.window
    }

    /// The window and its statements.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }
}

fn check_signature(certificate: &Certificate, authorities: &[Key]) -> Result<(), Refusal> {
    let authority =
        Key::try_from(certificate.signature_key().clone()).map_err(Refusal::AuthorityKey)?;
    if !authorities.contains(&authority) {
        return Err(Refusal::UnknownAuthority(authority.fingerprint()));
    }
    // At the certificate's own beginning, so that this judges the signature alone; the time is judged below.
    certificate
        .validate_at(
            certificate.valid_after(),
            &[ssh_key::Fingerprint::Sha256(
                *authority.fingerprint().as_bytes(),
            )],
        )
        .map_err(|_| Refusal::Signature)
}

fn check_names(certificate: &Certificate, window: &Window) -> Result<(), Refusal> {
    match certificate.valid_principals() {
        [only] if *only == window.id.to_string() => {}
        found => {
            return Err(Refusal::Principals {
                expected: window.id,
                found: found.len(),
            });
        }
    }
    let expected = KeyId {
        window: window.id,
        contractor: window.contractor.clone(),
    };
    if certificate.key_id() == expected.to_string() {
        Ok(())
    } else {
        Err(Refusal::KeyId { expected })
    }
}

fn check_validity(certificate: &Certificate, window: &Window, now: Time) -> Result<Time, Refusal> {
    let instant = |seconds: u64| {
        i64::try_from(seconds)
            .map(Time::from_unix)
            .map_err(|_| Refusal::Endless)
    };
    let (after, before) = (
        instant(certificate.valid_after())?,
        instant(certificate.valid_before())?,
    );
    if after < window.starts.minus(MOST_SKEW) || window.ends < before {
        return Err(Refusal::OutlivesWindow);
    }
    let longest = window.max_certificate_ttl + MOST_SKEW;
    match u64::try_from(before.since(after)) {
        Ok(lifetime) if lifetime <= longest => {}
        _ => return Err(Refusal::TooLongLived { most: longest }),
    }
    if now < after {
        return Err(Refusal::NotYetValid { after });
    }
    if before <= now {
        Err(Refusal::Expired { before })
    } else {
        Ok(before)
    }
}

fn check_options(certificate: &Certificate, window: &Window) -> Result<(), Refusal> {
    let expected: BTreeMap<_, _> = critical_options(window).into_iter().collect();
    for (name, value) in certificate.critical_options().iter() {
        match expected.get(name.as_str()) {
            Some(meant) if meant == value => {}
            Some(_) => return Err(Refusal::OptionDiffers(name.clone())),
            None => return Err(Refusal::UnknownOption(name.clone())),
        }
    }
    match expected
        .keys()
        .find(|name| !certificate.critical_options().contains_key(**name))
    {
        Some(missing) => Err(Refusal::OptionMissing(missing)),
        None => Ok(()),
    }
}

fn check_extensions(certificate: &Certificate, window: &Window) -> Result<(), Refusal> {
    for (name, value) in certificate.extensions().iter() {
        if name == WINDOW_EXTENSION || name == STATE_EXTENSION {
            continue;
        }
        let is_permitted = |permit: &Permit| permit.extension() == name && value.is_empty();
        if !window.permit.iter().any(is_permitted) {
            return Err(Refusal::ExtensionNotPermitted(name.clone()));
        }
    }
    Ok(())
}

fn extension<'a>(certificate: &'a Certificate, name: &'static str) -> Result<&'a str, Refusal> {
    certificate
        .extensions()
        .get(name)
        .map(String::as_str)
        .ok_or(Refusal::ExtensionMissing(name))
}

fn state_number(text: &str) -> Result<u64, Refusal> {
    text.parse::<u64>()
        .ok()
        .filter(|number| number.to_string() == text)
        .ok_or(Refusal::State)
}
