//! When a certificate may be made, and its making. `issue` takes a proof, so no path leads here around the checks.

use daypass_protocol::certificate::{self, Request};
use daypass_protocol::grant::{ApprovedWindow, Turned};
use daypass_protocol::key::Key;
use daypass_protocol::time::Time;
use ssh_key::Certificate;

use crate::random::{self, NoRandomness};
use crate::signer::{Signer, SshSigner};

/// From when until when a certificate opens sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub after: Time,
    /// The first second after it.
    pub before: Time,
}

/// What goes into a certificate besides the window and the key.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Unique, recorded durably as this certificate's.
    pub serial: u64,
    /// The number of the CA's newest state.
    pub state: u64,
    /// By the CA's clock.
    pub now: Time,
    /// How far back it is dated, in seconds.
    pub skew: u64,
}

/// Why a certificate was not made, though everything was in order.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A user certificate.
    #[error("the user certificate could not be made")]
    User(#[from] certificate::IssueError),
    /// A host certificate.
    #[error("the host certificate could not be made")]
    Host(#[from] ssh_key::Error),
    /// No nonce or serial.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Validity {
    /// From `now − skew` to `min(now + ttl, end)`, never before `starts − skew`, in seconds.
    ///
    /// # Errors
    /// When the window is not open: before `starts − skew`, after its end, or outside hours that deny.
    pub fn now(window: &ApprovedWindow, now: Time, skew: u64) -> Result<Self, Turned> {
        let document = window.left();
        let earliest = document.starts.minus(skew);
        // Fetched just before the window opens, a certificate serves when it opens, by any clock within the skew.
        let judged = if now >= earliest {
            now.max(document.starts)
        } else {
            now
        };
        window.admits_at(judged)?;
        Ok(Self {
            after: now.minus(skew).max(earliest),
            before: now.plus(window.certificate_ttl()).min(document.ends),
        })
    }
}

/// Makes the certificate of `docs/formats/certificate.md`, and judges it as a host would.
///
/// # Errors
/// When the signing key fails, or the key is not the window's.
pub fn issue(
    window: &ApprovedWindow,
    key: &Key,
    terms: Terms,
    signer: &dyn Signer,
) -> Result<Certificate, IssueError> {
    let request = Request {
        window,
        key,
        serial: terms.serial,
        nonce: random::bytes()?,
        state: terms.state,
        now: terms.now,
        ttl: window.certificate_ttl(),
        skew: terms.skew,
    };
    Ok(request.issue(&SshSigner(signer))?)
}

/// 63 random bits, not 0.
///
/// # Errors
/// When the system gives no random bytes.
pub fn fresh_serial() -> Result<u64, NoRandomness> {
    loop {
        let serial = u64::from_be_bytes(random::bytes()?) >> 1;
        if serial != 0 {
            return Ok(serial);
        }
    }
}
