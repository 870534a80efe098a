//! The CA's side: from an approved window to a signed certificate.

use super::{
    FORCE_COMMAND, KeyId, Profile, Refusal, SOURCE_ADDRESS, STATE_EXTENSION, WINDOW_EXTENSION,
};
use crate::grant::{self, ApprovedWindow};
use crate::key::{self, Key};
use crate::time::Time;
use crate::window::Window;
use ssh_key::certificate::{Builder, CertType};
use ssh_key::{Certificate, SigningKey};

/// What a certificate is made of. The CA records serial and request durably before the certificate leaves.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The proof that it may be made.
    pub window: &'a ApprovedWindow,
    /// The contractor's key that it certifies.
    pub key: &'a Key,
    /// Unique; 63 random bits, not 0.
    pub serial: u64,
    /// Fresh and random, so that nobody can prepare a collision.
    pub nonce: [u8; 32],
    /// The number of the CA's newest state.
    pub state: u64,
    /// By the CA's clock.
    pub now: Time,
    /// How long it shall live in seconds; cut to what window and policy allow.
    pub ttl: u64,
    /// How far back it is dated in seconds, and how far ahead of the window's beginning it is made:
    /// [`MOST_SKEW`](crate::time::MOST_SKEW) at most, or hosts refuse it.
    pub skew: u64,
}

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The key is not one of the window's that are still the contractor's.
    #[error("the key {} is not among the window's keys", .0.fingerprint())]
    ForeignKey(Box<Key>),
    /// The window is not open yet.
    #[error("the window opens at {starts}; certificates are made from {skew} seconds before")]
    NotYet {
        /// When it opens.
        starts: Time,
        /// How long before that.
        skew: u64,
    },
    /// The window is over.
    #[error("the window ended at {ends}")]
    Ended {
        /// When it ended.
        ends: Time,
    },
    /// Window and statements do not fit.
    #[error(transparent)]
    Grant(#[from] grant::Error),
    /// The CA's own key may not sign certificates.
    #[error("the CA's key may not sign certificates: {0}")]
    Authority(#[from] key::Error),
    /// The signer failed.
    #[error("the CA's key could not sign: {0}")]
    Sign(#[from] ssh_key::Error),
    /// Hosts would refuse what was made.
    #[error("the certificate was made, but hosts would refuse it: {0}")]
    Refused(#[from] Refusal),
}

impl Request<'_> {
    /// Makes the certificate and judges what it says as a host would before it is handed out. That `signer` signs soundly is
    /// for itself to see to: one that asks another program checks what it gets.
    pub fn issue<S: SigningKey>(&self, signer: &S) -> Result<Certificate, IssueError> {
        let authority = Key::try_from(signer.public_key())?;
        let builder = self.builder()?;
        let certificate = builder.sign(signer)?;
        if Key::try_from(certificate.signature_key().clone())? != authority {
            return Err(Refusal::UnknownAuthority(authority.fingerprint()).into());
        }
        Profile::read(&certificate, self.now)?;
        Ok(certificate)
    }

    fn builder(&self) -> Result<Builder, IssueError> {
        let document = self.window.document();
        if !self.window.keys().contains(&self.key.fingerprint()) {
            return Err(IssueError::ForeignKey(Box::new(self.key.clone())));
        }
        let (valid_after, valid_before) = self.validity()?;
        let key_id = KeyId {
            window: document.id,
            contractor: document.contractor.clone(),
        };
        let mut builder = Builder::new(
            self.nonce,
            self.key.data().clone(),
            valid_after,
            valid_before,
        )?;
        builder
            .serial(self.serial)?
            .key_id(key_id.to_string())?
            .cert_type(CertType::User)?
            .valid_principal(document.id.to_string())?;
        for (name, value) in critical_options(document) {
            builder.critical_option(name, value)?;
        }
        for permit in &document.permit {
            builder.extension(permit.extension(), "")?;
        }
        builder.extension(WINDOW_EXTENSION, self.window.grant().to_text()?)?;
        builder.extension(STATE_EXTENSION, self.state.to_string())?;
        Ok(builder)
    }

    fn validity(&self) -> Result<(u64, u64), IssueError> {
        let Window { starts, ends, .. } = *self.window.left();
        let skew = self.skew;
        let earliest = starts.minus(skew);
        if self.now < earliest {
            return Err(IssueError::NotYet { starts, skew });
        }
        if ends <= self.now {
            return Err(IssueError::Ended { ends });
        }
        let valid_after = self.now.minus(skew).max(earliest);
        let valid_before = self
            .now
            .plus(self.ttl.min(self.window.certificate_ttl()))
            .min(ends);
        Ok((valid_after.unix_unsigned(), valid_before.unix_unsigned()))
    }
}

/// The critical options that a certificate of this window has: exactly these.
pub(super) fn critical_options(window: &Window) -> Vec<(&'static str, String)> {
    let sources = window.sources.iter().map(|sources| {
        let list: Vec<_> = sources.iter().map(ToString::to_string).collect();
        (SOURCE_ADDRESS, list.join(","))
    });
    let command = window
        .force_command
        .iter()
        .map(|command| (FORCE_COMMAND, command.to_string()));
    sources.chain(command).collect()
}
