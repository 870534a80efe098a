//! What a host keeps from its enrolment, and the connection that follows from it.
//!
//! | file in the agent's directory | content |
//! |---|---|
//! | `ca` | the CA's address, the hash of its X.509 root, its pin: a set-up line |
//! | `root.pem` | that root, or those that the CA's state names since, the one that issues first |
//! | `client.pem` | the host's certificate for mTLS and its key: one file, so that they always fit |
//! | `record.json` | the CA's word that this host is enrolled, with the journal's keys |

use std::path::{Path, PathBuf};

use daypass_protocol::enrolment::{Record, SignedRecord};
use daypass_protocol::strict_json;
use daypass_protocol::token::{self, CaUrl, SetupLine};
use daypass_transport::client::{Client, ClientIdentity, SetupError};

use crate::authority::HostNames;
use crate::durable;
use crate::layout::Layout;

const MAX_BYTES: u64 = 64 * 1024;

/// An enrolled host's own papers.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The CA: its address, its root's hash, its pin.
    pub ca: SetupLine,
    /// The CA's X.509 root in PEM; during a rotation the one before or after it as well.
    pub root: String,
    /// The client certificate and its key, both in PEM; secret.
    pub client: String,
    /// The record as the CA signed it.
    pub signed: SignedRecord,
    /// What it says.
    pub record: Record,
}

/// Why the papers cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// A file is missing, which enrolment wrote.
    #[error("{} is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The CA's line is damaged.
    #[error("{}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: token::Error,
    },
    /// The record is damaged.
    #[error("{}: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: strict_json::Error,
    },
}

/// Why the X.509 roots are those of before.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The papers.
    #[error(transparent)]
    Enrolment(#[from] Error),
    /// They are none.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The file.
    #[error(transparent)]
    File(#[from] durable::Error),
}

impl Enrolment {
    /// Is this host enrolled? The journal's keys are put in place last.
    #[must_use]
    pub fn exists(layout: &Layout) -> bool {
        layout.journal_keys().exists()
    }

    /// Reads the papers.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn load(layout: &Layout) -> Result<Self, Error> {
        let directory = layout.state();
        let path = directory.join("ca");
        let ca = text(&path)?
            .parse()
            .map_err(|source| Error::Line { path, source })?;
        let path = directory.join("record.json");
        let signed = text(&path)?;
        let (signed, record) =
            parse_record(&signed).map_err(|source| Error::Record { path, source })?;
        Ok(Self {
            ca,
            root: text(&directory.join("root.pem"))?,
            client: text(&directory.join("client.pem"))?,
            signed,
            record,
        })
    }

    /// Writes the papers.
    ///
    /// # Errors
    /// A file could not be written.
    pub fn store(&self, layout: &Layout) -> Result<(), durable::Error> {
        let directory = layout.state();
        let secret = |name: &str, text: &str| {
            durable::replace(&directory.join(name), text.as_bytes(), 0o600)
        };
        // Texts and a signature only: this cannot fail.
        let record = serde_json::to_string(&self.signed).unwrap_or_default();
        secret("ca", &self.ca.to_string())?;
        secret("root.pem", &self.root)?;
        secret("client.pem", &self.client)?;
        secret("record.json", &record)
    }

    /// Trusts these X.509 roots from now on, and returns the client that does; none where they are those of before.
    ///
    /// # Errors
    /// When they are no roots, or cannot be kept; then those of before are trusted.
    pub fn follow_roots(layout: &Layout, roots: &str) -> Result<Option<Client>, RootsError> {
        let mut enrolment = Self::load(layout)?;
        if enrolment.root == roots {
            return Ok(None);
        }
        roots.clone_into(&mut enrolment.root);
        // Before it is kept: with what is none this host would speak to nobody any more.
        let client = enrolment.client()?;
        durable::replace(&layout.state().join("root.pem"), roots.as_bytes(), 0o600)?;
        Ok(Some(client))
    }

    /// This host's names.
    #[must_use]
    pub fn names(&self) -> HostNames {
        HostNames::new(
            self.record.host.clone(),
            self.record.aliases.iter().cloned(),
            self.record.groups.iter().cloned(),
        )
    }

    /// A client that shows this host's certificate.
    ///
    /// # Errors
    /// A certificate or key is not what its file says.
    pub fn client(&self) -> Result<Client, SetupError> {
        Client::new(&self.ca.url.join(""), &self.root, Some(self.identity()))
    }

    /// A client for a collector of this CA, which shows this host's certificate.
    ///
    /// # Errors
    /// A certificate or key is not what its file says.
    pub fn client_for(&self, collector: &CaUrl) -> Result<Client, SetupError> {
        Client::lasting(&collector.join(""), &self.root, Some(self.identity()))
    }

    fn identity(&self) -> ClientIdentity<'_> {
        ClientIdentity {
            certificate: &self.client,
            key: &self.client,
        }
    }
}

/// Certificate and key in one text.
#[must_use]
pub fn papers(certificate: &str, key: &str) -> String {
    format!("{}\n{}\n", certificate.trim(), key.trim())
}

fn parse_record(text: &str) -> Result<(SignedRecord, Record), strict_json::Error> {
    let signed: SignedRecord =
        strict_json::parse(text, usize::try_from(MAX_BYTES).unwrap_or(usize::MAX))?;
    let record =
        strict_json::parse_document(&signed.record, daypass_protocol::enrolment::MAX_DOCUMENT)?;
    Ok((signed, record))
}

fn text(path: &Path) -> Result<String, Error> {
    let bytes = durable::read(path, MAX_BYTES)?.ok_or_else(|| Error::Missing {
        path: path.to_owned(),
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use daypass_protocol::digest::{Digest, Incarnation};
    use daypass_protocol::enrolment::host_origin;
    use daypass_protocol::name::HostName;
    use daypass_protocol::sshsig;
    use daypass_protocol::time::Time;
    use daypass_protocol::version::Version;
    use daypass_transport::authority::Authority;
    use daypass_transport::request::SigningRequest;

    use super::*;
    use crate::fixture::{STATE, private};

    fn enrolled(layout: &Layout, root: &Authority, now: SystemTime) {
        durable::directory(&layout.state(), 0o700).unwrap();
        let (host, incarnation): (HostName, _) =
            ("db1".parse().unwrap(), Incarnation::from_bytes([1; 8]));
        let ca = Digest::of("a roster").into();
        let request = SigningRequest::create("db1").unwrap();
        let certificate = root.issue_host(&request.csr, "db1", now).unwrap();
        let record = Record {
            v: Version,
            ca,
            origin: host_origin(ca, &host, incarnation),
            host,
            aliases: vec![],
            groups: vec![],
            incarnation,
            log_key: "vkey".to_owned(),
            epoch_key: "vkey".to_owned(),
            time: Time::from(now),
            ephemeral: false,
        };
        Enrolment {
            ca: SetupLine {
                url: "https://localhost:7443".parse().unwrap(),
                root: Digest::from_bytes(root.hash()),
                ca,
            },
            root: root.certificate().to_owned(),
            client: papers(&certificate, &request.key),
            signed: record.sign(sshsig::with_key(&private(STATE))).unwrap(),
            record,
        }
        .store(layout)
        .unwrap();
    }

    #[test]
    fn what_is_no_root_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (layout, now) = (Layout::under(folder.path()), SystemTime::now());
        let first = Authority::create("one", now).unwrap();
        let second = Authority::create("two", now).unwrap();
        enrolled(&layout, &first, now);
        let both = format!("{}{}", second.certificate(), first.certificate());
        let follow = |roots: &str| Enrolment::follow_roots(&layout, roots);
        assert!(follow(&both).unwrap().is_some());
        assert!(follow(&both).unwrap().is_none());
        let hollow = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        for roots in [
            "",
            "a root",
            hollow,
            &format!("{}{hollow}", second.certificate()),
        ] {
            assert!(follow(roots).is_err(), "{roots}");
            assert_eq!(Enrolment::load(&layout).unwrap().root, both);
        }
    }
}
