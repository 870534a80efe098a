//! What is revoked beyond single windows, as the CA acts on it, and the list that sshd understands.

use daypass_protocol::certificate::KeyId;
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::krl::Krl;
use daypass_protocol::name::HostName;
use daypass_protocol::revocation::{SignedRevocation, Standing, Subject, VerifiedRevocation};
use daypass_protocol::time::Time;
use daypass_protocol::window::{Window, WindowId};

use crate::hosts::CERTIFICATE_LIFE;
use crate::people::Roll;
use crate::store::{StoreError, Tx};

/// Every revocation that is announced now.
#[derive(Debug, Clone, Default)]
pub struct Revoked {
    signed: Vec<SignedRevocation>,
    verified: Vec<VerifiedRevocation>,
}

/// Why the revocations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RevokedError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored signature that is none.
    #[error("the signature of a revocation in the database is damaged")]
    Signature(#[from] daypass_protocol::sshsig::Error),
    /// A stored window's id or contractor that is none.
    #[error("the window {0} in the database is damaged")]
    Window(String),
    /// A stored host key that is none.
    #[error("a key of the host {0} in the database is damaged")]
    HostKey(HostName),
    /// The same of a host whose place was taken.
    #[error("a key of the replaced host {0} in the database is damaged")]
    FormerHost(String),
}

impl Revoked {
    /// Reads what is announced at `now`. What no roster vouches for counts for nothing, here as on every host.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub fn read(tx: &Tx<'_>, roll: &Roll, now: Time) -> Result<Self, RevokedError> {
        let mut revoked = Self::default();
        for (revocation, signature) in tx.revoked(now.unix())? {
            let signature = signature.parse()?;
            let signed = SignedRevocation {
                revocation,
                signature,
            };
            let judged = roll.chain().and_then(|chain| signed.check(chain).ok());
            revoked.verified.extend(judged);
            revoked.signed.push(signed);
        }
        Ok(revoked)
    }

    /// As people signed them.
    pub fn signed(&self) -> &[SignedRevocation] {
        &self.signed
    }

    /// The revocation that stops this contractor's window, if it is used with this key on this host.
    pub fn stops(
        &self,
        window: &Window,
        key: Fingerprint,
        host: &HostName,
        enrolled: Time,
    ) -> Option<&VerifiedRevocation> {
        let standing = Standing {
            window,
            key,
            // None has this one: a certificate that is still to be made has none at all.
            serial: 0,
            host,
            enrolled,
        };
        self.verified
            .iter()
            .find(|revocation| revocation.covers(&standing))
    }

    /// Whether nobody may speak with this key.
    pub fn names_key(&self, key: Fingerprint) -> bool {
        self.verified
            .iter()
            .any(|revocation| *revocation.subject() == Subject::Key(key))
    }

    /// Whether this host, as it was enrolled then, is none of ours any more.
    pub fn names_host(&self, host: &HostName, enrolled: Time) -> bool {
        self.verified.iter().any(|revocation| {
            matches!(revocation.subject(), Subject::Host(name)
                if name == host && enrolled <= revocation.revocation().time)
        })
    }

    /// What sshd and ssh are told, besides: `docs/formats/krl.md`. Its number is that of the state that it is made with.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub fn krl(&self, tx: &Tx<'_>, now: Time) -> Result<Krl, RevokedError> {
        let mut krl = Krl {
            generated: now.unix_unsigned(),
            ..Krl::default()
        };
        for (window, contractor) in tx.stopped_windows(now.unix())? {
            krl.key_ids.insert(key_id(&window, &contractor)?);
        }
        for revocation in &self.verified {
            let said = revocation.revocation().time;
            match revocation.subject() {
                Subject::Serial(serial) => {
                    krl.serials.insert(*serial);
                }
                Subject::Key(key) => {
                    krl.keys.insert(*key.as_bytes());
                }
                Subject::Person(person) => {
                    for window in tx.window_ids_of(person.as_str(), now.unix())? {
                        if made(&window)? <= said {
                            krl.key_ids.insert(key_id(&window, person.as_str())?);
                        }
                    }
                }
                Subject::Host(host) => {
                    for text in tx.host_keys_until(host.as_str(), said.unix())? {
                        let key = Key::from_openssh_line(&text)
                            .map_err(|_| RevokedError::HostKey(host.clone()))?;
                        krl.keys.insert(*key.fingerprint().as_bytes());
                    }
                }
            }
        }
        krl.keys.extend(replaced(tx, now)?);
        Ok(krl)
    }
}

/// The SSH keys of machines whose place another one took: certificates of them may be about still. A key that an enrolled
/// host has, be it under another name or because machines were copied, is that host's.
fn replaced(tx: &Tx<'_>, now: Time) -> Result<Vec<[u8; 32]>, RevokedError> {
    let since = now.minus(CERTIFICATE_LIFE);
    let former = tx.former_hosts(since.unix())?;
    if former.is_empty() {
        return Ok(Vec::new());
    }
    let present = tx.host_keys()?;
    let mut found = Vec::new();
    for (host, keys) in former {
        for text in keys.iter().filter(|key| !present.contains(*key)) {
            let key =
                Key::from_openssh_line(text).map_err(|_| RevokedError::FormerHost(host.clone()))?;
            found.push(*key.fingerprint().as_bytes());
        }
    }
    Ok(found)
}

fn made(window: &str) -> Result<Time, RevokedError> {
    let id: WindowId = window
        .parse()
        .map_err(|_| RevokedError::Window(window.to_owned()))?;
    Ok(id.time())
}

fn key_id(window: &str, contractor: &str) -> Result<String, RevokedError> {
    let damaged = || RevokedError::Window(window.to_owned());
    let id = KeyId {
        window: window.parse().map_err(|_| damaged())?,
        contractor: contractor.parse().map_err(|_| damaged())?,
    };
    Ok(id.to_string())
}
