//! Who asks: a person, by a signature over this very request, made now and never seen before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use daypass_protocol::digest::Nonce;
use daypass_protocol::http_auth::{self, Caller, Credential, Target};
use daypass_protocol::key::Fingerprint;
use daypass_protocol::roster::Role;
use daypass_protocol::time::{SKEW, Time};

use crate::authority::Authority;

/// Nonces remembered at most; more requests than this in two minutes are a flood.
const REMEMBERED: usize = 262_144;

/// Signatures seen lately. They are remembered in memory alone; what was signed before this process began is refused
/// instead.
pub struct People {
    since: Time,
    seen: Mutex<HashMap<Nonce, Time>>,
}

/// Why a caller is not taken for who they say they are, or may not.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The signature, or what it is over.
    #[error(transparent)]
    Credential(#[from] http_auth::Error),
    /// With a key that somebody who may revoked.
    #[error("the key {key} was revoked; use another key of yours, or ask an admin to enrol one")]
    RevokedKey {
        /// Which.
        key: Fingerprint,
    },
    /// Seen before.
    #[error("this very request was made before; every request is signed anew")]
    Replay,
    /// Signed before this process began to remember.
    #[error("the collector has just been started; try again in a moment")]
    JustStarted,
    /// Too many to remember.
    #[error("too many requests are being made; try again in a minute")]
    Flood,
    /// Not with these roles.
    #[error("{person} may not do this: it takes the role {roles}")]
    Role {
        /// Who.
        person: String,
        /// The roles that may.
        roles: String,
    },
}

impl PeopleError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Credential(error) => error.code(),
            Self::RevokedKey { .. } => "key-revoked",
            Self::Replay => "replay",
            Self::JustStarted => "just-started",
            Self::Flood => "too-many-requests",
            Self::Role { .. } => "role",
        }
    }
}

impl People {
    /// Remembers from `now` on.
    pub fn new(now: Time) -> Self {
        Self {
            since: now,
            seen: Mutex::default(),
        }
    }

    /// The person who signed this request, and who has one of `roles` (any, when there are none).
    ///
    /// # Errors
    /// When the signature does not count, clocks differ by more than a minute, the request is a replay, or the person
    /// may not make it.
    pub fn check(
        &self,
        authority: &Authority,
        header: &str,
        target: &Target<'_>,
        roles: &[Role],
        now: Time,
    ) -> Result<Caller, PeopleError> {
        let credential = Credential::from_header(header)?;
        let (caller, may) = authority.with_roster(|roster| {
            let caller = credential.check(target, roster, now)?;
            let person = roster.person(caller.person());
            let may = person.is_some_and(|person| roles.iter().any(|role| person.is(*role)));
            Ok::<_, http_auth::Error>((caller, may))
        })?;
        if authority.has_revoked(caller.key()) {
            return Err(PeopleError::RevokedKey { key: caller.key() });
        }
        self.remember(&caller, now)?;
        if may || roles.is_empty() {
            return Ok(caller);
        }
        let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        Err(PeopleError::Role {
            person: caller.person().to_string(),
            roles: roles.join(" or "),
        })
    }

    fn remember(&self, caller: &Caller, now: Time) -> Result<(), PeopleError> {
        if caller.time() < self.since {
            return Err(PeopleError::JustStarted);
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.retain(|_, expires| *expires > now);
        }
        if seen.len() >= REMEMBERED {
            return Err(PeopleError::Flood);
        }
        // For as long as the same bytes would pass the check of the clock.
        match seen.insert(caller.nonce(), caller.time().plus(SKEW + 1)) {
            None => Ok(()),
            Some(_) => Err(PeopleError::Replay),
        }
    }
}
