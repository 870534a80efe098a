//! The decision about a certificate: everything that gate 1 and gate 3 check, in one place.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use daypass_protocol::certificate::{self, Profile};
use daypass_protocol::grant::{self, ApprovedWindow, Turned, Visit};
use daypass_protocol::hours::UnknownZone;
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::{Account, InvalidName, Name};
use daypass_protocol::narrowing::Limits;
use daypass_protocol::revocation::Subject;
use daypass_protocol::statement::Verb;
use daypass_protocol::sudo_item::SudoItem;
use daypass_protocol::time::{SKEW, Time};
use daypass_protocol::window::FrozenWindow;
use ssh_key::Certificate;

use super::Gates;
use crate::authority::{Behind, Snapshot, Unfit};
use crate::managed::Managed;
use crate::presence::Absent;
use crate::{diagnostic, managed};

/// How long a login waits for a state that its certificate names and this host does not have yet.
const CATCH_UP: Duration = Duration::from_secs(2);

/// A certificate that lets its holder in, now, here, as this account.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Its window.
    pub window: FrozenWindow,
    /// What the window says of the visit: expected, or outside its hours.
    pub kind: grant::Admission,
    /// The certificate.
    pub profile: Profile,
    /// Who approved the window.
    pub approvers: Vec<Name>,
    /// The number of the roster that it was judged by.
    pub roster: u64,
    /// When the session must end.
    pub closes: Time,
    /// What sudo may run: what narrowings left of the window's.
    pub sudo: Vec<SudoItem>,
    /// How the window was narrowed.
    pub limits: Limits,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The managed file cannot be read.
    #[error("this host cannot read which accounts it manages: {0}")]
    Managed(#[from] managed::Error),
    /// The account is not under management.
    #[error("the account {0} is not under management on this host")]
    NotManaged(String),
    /// The journal takes no entries.
    #[error("{}", diagnostic::NO_JOURNAL)]
    Journal,
    /// A gate is not in place.
    #[error("this host's gates are not all in place: {0}")]
    Absent(#[from] Absent),
    /// The state is too old, or the clock is off.
    #[error("this host lets nobody in for now: {0}")]
    Unfit(#[from] Unfit),
    /// The host is behind the CA.
    #[error(transparent)]
    Behind(#[from] Behind),
    /// What was shown is no certificate.
    #[error("this is no certificate of daypass: {0}")]
    NoCertificate(ssh_key::Error),
    /// What was shown is not the base64 of anything.
    #[error("what sshd passed on is not base64")]
    Encoding,
    /// The certificate is not as ours are.
    #[error(transparent)]
    Certificate(#[from] certificate::Refusal),
    /// The window is not approved.
    #[error(transparent)]
    Grant(#[from] grant::Refusal),
    /// Somebody stopped the window.
    #[error("{by} has {} this window", if *verb == Verb::End { "ended" } else { "revoked" })]
    Stopped {
        /// Who.
        by: Name,
        /// `end` or `revoke`.
        verb: Verb,
    },
    /// Somebody revoked the person, the key, the certificate, or this host.
    #[error("{by} has revoked {subject}")]
    Revoked {
        /// Who.
        by: Name,
        /// What.
        subject: Subject,
    },
    /// What approves the window was signed with a key that was revoked since.
    #[error(
        "{signer}'s \"{said}\" was signed with the key {key}, which {by} has revoked; the window needs a new approval"
    )]
    SignedWithRevoked {
        /// Whose statement.
        signer: Name,
        /// What it says.
        said: Verb,
        /// The key.
        key: Fingerprint,
        /// Who revoked it.
        by: Name,
    },
    /// An id that is younger than what people signed of it: somebody made it up.
    #[error("the window's id is dated {dated}, after people signed it")]
    Misdated {
        /// By its id.
        dated: Time,
    },
    /// The account's name is none that a window can hold.
    #[error(transparent)]
    Account(#[from] InvalidName),
    /// Not here, not now, not from there.
    #[error(transparent)]
    Turned(#[from] Turned),
    /// The window's hours cannot be judged.
    #[error("the window's hours cannot be judged: {0}")]
    Zone(#[from] UnknownZone),
    /// Too many logins are being decided at once.
    #[error("too many logins are going on at once; try again in a minute")]
    Busy,
    /// The certificate of the session is not the one that gate 1 allowed.
    #[error("{}", diagnostic::OTHER_CERTIFICATE)]
    OtherCertificate,
}

impl Refusal {
    /// For programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Managed(_) => "managed-unreadable",
            Self::NotManaged(_) => "not-managed",
            Self::Journal => "journal-down",
            Self::Absent(_) => "gate-absent",
            Self::Unfit(Unfit::TooOld { .. }) => "state-too-old",
            Self::Unfit(Unfit::ClockOff { .. }) => "clock-off",
            Self::Behind(_) => "state-behind",
            Self::NoCertificate(_) | Self::Encoding => "no-certificate",
            Self::Certificate(refusal) => refusal.code(),
            Self::Grant(refusal) => refusal.code(),
            Self::Stopped {
                verb: Verb::End, ..
            } => "window-ended-early",
            Self::Stopped { .. } => "window-revoked",
            Self::SignedWithRevoked { .. } => "statement-key-revoked",
            Self::Misdated { .. } => "window-misdated",
            Self::Revoked { subject, .. } => match subject {
                Subject::Person(_) => "person-revoked",
                Subject::Key(_) => "key-revoked",
                Subject::Serial(_) => "certificate-revoked",
                Subject::Host(_) => "host-revoked",
            },
            Self::Account(_) => "wrong-account",
            Self::Turned(turned) => turned.code(),
            Self::Zone(_) => "unknown-zone",
            Self::Busy => "busy",
            Self::OtherCertificate => "other-certificate",
        }
    }
}

impl Gates {
    /// Decides in full whether this certificate opens this account from this address now.
    pub(super) fn decide(
        &self,
        managed: &Managed,
        account: &str,
        certificate: &[u8],
        source: Option<IpAddr>,
    ) -> Result<Admission, Refusal> {
        if !self.intake.is_healthy() {
            return Err(Refusal::Journal);
        }
        self.presence.check(managed)?;
        let now = Time::from(SystemTime::now());
        let snapshot = self.authority.fit_for_logins(&self.config.state, now)?;
        let certificate = Certificate::from_bytes(certificate).map_err(Refusal::NoCertificate)?;
        let profile = Profile::check(&certificate, snapshot.user_ca(), now)?;
        let snapshot = self
            .authority
            .catch_up(profile.state(), Instant::now() + CATCH_UP)?;
        judge(&snapshot, profile, account, source, now)
    }
}

/// What the newest state says of a certificate that is one of ours.
fn judge(
    snapshot: &Snapshot,
    profile: Profile,
    account: &str,
    source: Option<IpAddr>,
    now: Time,
) -> Result<Admission, Refusal> {
    if let Some(stop) = snapshot.stop(profile.window()) {
        return Err(Refusal::Stopped {
            by: stop.signer().clone(),
            verb: stop.verb(),
        });
    }
    if let Some(revocation) = snapshot.revocation(profile.window(), profile.key(), profile.serial())
    {
        return Err(Refusal::Revoked {
            by: revocation.signer().clone(),
            subject: revocation.subject().clone(),
        });
    }
    let here = std::slice::from_ref(snapshot.host.place());
    let approved = profile.approve(snapshot.roster(), here, now)?;
    is_signed_soundly(snapshot, &approved)?;
    let limits = snapshot.limits(profile.window());
    let approved = approved.narrowed(&limits);
    is_dated(&profile)?;
    let account: Account = account.parse()?;
    let kind = approved.admits(&Visit {
        host: snapshot.host.all(),
        account: &account,
        source,
        now,
    })?;
    let closes = approved.closes(now)?;
    Ok(Admission {
        window: approved.window().clone(),
        kind,
        approvers: approved.approvers().iter().cloned().collect(),
        roster: approved.roster(),
        sudo: approved.left().sudo.clone(),
        limits,
        profile,
        closes,
    })
}

/// Nothing is opened by what a revoked key signed, whatever date it bears: whoever has the key writes the date, too.
fn is_signed_soundly(snapshot: &Snapshot, approved: &ApprovedWindow) -> Result<(), Refusal> {
    let refused = approved.statements().iter().find_map(|statement| {
        let revocation = snapshot.key_revocation(statement.key())?;
        Some(Refusal::SignedWithRevoked {
            signer: statement.signer().clone(),
            said: statement.verb(),
            key: statement.key(),
            by: revocation.signer().clone(),
        })
    });
    refused.map_or(Ok(()), Err)
}

/// A revocation of a person stops the windows of before, by the dates in their ids, which the CA makes. People's own
/// dates bound them: a CA that somebody stole cannot lift a revocation by dating a window after it.
fn is_dated(profile: &Profile) -> Result<(), Refusal> {
    let dated = profile.window().document().id.time();
    let statements = profile.grant().statements().iter();
    let signed = statements
        .filter_map(|signed| Some(signed.read_unverified().ok()?.time))
        .min();
    match signed {
        Some(signed) if dated <= signed.plus(SKEW) => Ok(()),
        _ => Err(Refusal::Misdated { dated }),
    }
}

#[cfg(test)]
mod tests;
