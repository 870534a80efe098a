//! How people sign their requests to the CA's API.

use crate::digest::{Digest, Nonce, Pin};
use crate::key::Fingerprint;
use crate::name::Name;
use crate::roster::VerifiedRoster;
use crate::sshsig::{self, Signature};
use crate::strict_json;
use crate::time::{SKEW, Time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use ssh_key::SshSig;

/// The scheme in the `Authorization` header.
pub const SCHEME: &str = "Daypass-SSHSIG";
/// Bytes in the header's JSON, at most.
const MAX_DOCUMENT: usize = 12 * 1024;

/// What is signed of a request, besides who and when.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The CA that it is meant for.
    pub ca: Pin,
    /// In capitals: `GET`.
    pub method: &'a str,
    /// With the query: `/v1/windows?state=open`.
    pub path: &'a str,
    /// The body's bytes; empty where there is none.
    pub body: &'a [u8],
}

/// The content of the `Authorization` header.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    person: Name,
    time: Time,
    nonce: Nonce,
    signature: Signature,
}

/// A person who signed the request that was checked. Only [`Credential::check`] makes one. That its nonce is new is
/// for the server to find out, which must remember nonces for twice [`SKEW`] seconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    person: Name,
    key: Fingerprint,
    nonce: Nonce,
    time: Time,
}

/// Why a request is not taken for anybody's.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not `Daypass-SSHSIG BASE64`.
    #[error("the request is not signed; use the daypass command")]
    Scheme,
    /// The JSON inside is not a credential.
    #[error("the request's signature cannot be read: {0}")]
    Json(#[from] strict_json::Error),
    /// Clocks differ.
    #[error("your clock is {by} seconds off the CA's (negative: behind); set it and try again")]
    ClockSkew {
        /// The request's time minus the server's, in seconds.
        by: i64,
    },
    /// Not in the roster.
    #[error("{0} is not in the roster; ask an admin for: daypass person add")]
    UnknownPerson(Name),
    /// The signature itself.
    #[error("the request's signature does not count: {0}")]
    Signature(#[from] sshsig::Error),
    /// By somebody else's key.
    #[error("the request is signed with {key}, which the roster does not list for {person}")]
    ForeignKey {
        /// Whom the request names.
        person: Name,
        /// The key that signed.
        key: Fingerprint,
    },
}

impl Error {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scheme => "not-signed",
            Self::Json(_) => "credential-invalid",
            Self::ClockSkew { .. } => "clock-skew",
            Self::UnknownPerson(_) => "person-unknown",
            Self::Signature(_) => "signature-invalid",
            Self::ForeignKey { .. } => "signature-foreign-key",
        }
    }
}

impl Target<'_> {
    /// The bytes that are signed: eight lines, each ended by a line feed.
    fn message(&self, person: &Name, time: Time, nonce: Nonce) -> Vec<u8> {
        let Self {
            ca,
            method,
            path,
            body,
        } = self;
        let body = Digest::of(body);
        format!("daypass-http-v1\n{ca}\n{person}\n{method}\n{path}\n{body}\n{time}\n{nonce}\n")
            .into_bytes()
    }

    /// Signs the request as `person`; see [`sshsig::sign`] for the signer. The nonce is 16 fresh random bytes.
    pub fn sign<E>(
        &self,
        person: &Name,
        time: Time,
        nonce: Nonce,
        signer: impl FnOnce(&str, &[u8]) -> Result<SshSig, E>,
    ) -> Result<Credential, E> {
        let signature = sshsig::sign(sshsig::HTTP, &self.message(person, time, nonce), signer)?;
        Ok(Credential {
            person: person.clone(),
            time,
            nonce,
            signature,
        })
    }
}

impl Credential {
    /// The value of the `Authorization` header.
    pub fn to_header(&self) -> String {
        format!("{SCHEME} {}", STANDARD.encode(strict_json::write(self)))
    }

    /// Reads the value of the `Authorization` header.
    pub fn from_header(value: &str) -> Result<Self, Error> {
        let encoded = value
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or(Error::Scheme)?;
        if encoded.len() > 2 * MAX_DOCUMENT {
            return Err(Error::Scheme);
        }
        let json = STANDARD.decode(encoded).map_err(|_| Error::Scheme)?;
        Ok(strict_json::parse(json, MAX_DOCUMENT)?)
    }

    /// Checks that the person named signed exactly this request, within [`SKEW`] seconds of `now`.
    pub fn check(
        &self,
        target: &Target<'_>,
        roster: &VerifiedRoster,
        now: Time,
    ) -> Result<Caller, Error> {
        let by = self.time.since(now);
        if by.unsigned_abs() > SKEW {
            return Err(Error::ClockSkew { by });
        }
        let person = roster
            .person(&self.person)
            .ok_or_else(|| Error::UnknownPerson(self.person.clone()))?;
        let key = self.signature.verify(
            sshsig::HTTP,
            &target.message(&self.person, self.time, self.nonce),
        )?;
        if !person.keys.contains(&key) {
            return Err(Error::ForeignKey {
                person: self.person.clone(),
                key: key.fingerprint(),
            });
        }
        Ok(Caller {
            person: self.person.clone(),
            key: key.fingerprint(),
            nonce: self.nonce,
            time: self.time,
        })
    }
}

impl Caller {
    /// Who.
    pub fn person(&self) -> &Name {
        &self.person
    }

    /// With which key.
    pub fn key(&self) -> Fingerprint {
        self.key
    }

    /// To be taken once.
    pub fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// By the caller's clock.
    pub fn time(&self) -> Time {
        self.time
    }
}
