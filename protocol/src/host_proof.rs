//! A host shows that the SSH host keys which it names are its own: each of them signs what it asks for. Public keys are
//! everybody's to read, and a certificate for another machine's key would make that machine look like this one.

use serde::Serialize;

use crate::digest::{Digest, Pin};
use crate::key::{Fingerprint, Key};
use crate::name::HostName;
use crate::sshsig::{self, Signature};
use crate::strict_json;
use crate::version::Version;

/// The namespace of the signatures.
pub const NAMESPACE: &str = "daypass-host-key@v1";

/// What each key signs. The request names the key to which the client certificate goes, made for this one question: the
/// signature serves nobody who has not that key, under no other name, and at no other CA.
#[derive(Serialize)]
struct Claim<'a> {
    v: Version<1>,
    ca: Pin,
    host: &'a HostName,
    csr: Digest,
}

/// Why SSH host keys do not count as the machine's own.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Not one signature for each key.
    #[error("{keys} SSH host keys came with {found} signatures; each key signs for itself")]
    Count {
        /// How many keys.
        keys: usize,
        /// How many signatures.
        found: usize,
    },
    /// A signature that does not count.
    #[error("the signature of the SSH host key {key} does not count: {source}")]
    Signature {
        /// The key.
        key: Fingerprint,
        /// What is wrong.
        source: sshsig::Error,
    },
    /// Another key signed.
    #[error("for the SSH host key {expected}, {found} signed")]
    ForeignKey {
        /// The one that is to be shown.
        expected: Fingerprint,
        /// The one that signed.
        found: Fingerprint,
    },
}

/// The bytes that every host key signs of what `host` asks of the CA `ca` with the certificate signing request `csr`.
pub fn text(ca: Pin, host: &HostName, csr: &str) -> String {
    strict_json::write(&Claim {
        v: Version,
        ca,
        host,
        csr: Digest::of(csr),
    })
}

/// Checks that each of `keys` signed `text`; the signatures stand in the order of the keys.
///
/// # Errors
/// The first key that did not.
pub fn check(keys: &[Key], proofs: &[Signature], text: &str) -> Result<(), Error> {
    if keys.len() != proofs.len() {
        return Err(Error::Count {
            keys: keys.len(),
            found: proofs.len(),
        });
    }
    for (key, proof) in keys.iter().zip(proofs) {
        let expected = key.fingerprint();
        let signed_by =
            proof
                .verify(NAMESPACE, text.as_bytes())
                .map_err(|source| Error::Signature {
                    key: expected,
                    source,
                })?;
        if signed_by != *key {
            return Err(Error::ForeignKey {
                expected,
                found: signed_by.fingerprint(),
            });
        }
    }
    Ok(())
}
