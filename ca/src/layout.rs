//! Where the CA keeps what it keeps.

use std::path::{Path, PathBuf};

use daypass_protocol::digest::Incarnation;

/// The CA's directory, `/var/lib/daypass/ca` unless `ca.toml` says otherwise.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout under `root`; nothing is touched.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// There while `init` is at work, and until what it made has been shown: what lies beside it is nobody's CA yet.
    pub fn unfinished(&self) -> PathBuf {
        self.root.join("unfinished")
    }

    /// People, windows, certificates, hosts.
    pub fn database(&self) -> PathBuf {
        self.root.join("ca.db")
    }

    /// Nonces of accepted requests: apart, so that remembering one never waits for the disk.
    pub fn nonces(&self) -> PathBuf {
        self.root.join("nonces.db")
    }

    /// All private keys, 0700.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Signs user certificates; encrypted.
    pub fn user_ca(&self) -> PathBuf {
        self.keys().join("user_ca")
    }

    /// Signs host certificates; encrypted.
    pub fn host_ca(&self) -> PathBuf {
        self.keys().join("host_ca")
    }

    /// Signs state and enrolment records; encrypted.
    pub fn state_key(&self) -> PathBuf {
        self.keys().join("state")
    }

    /// What each state key said of the next.
    pub fn successions(&self) -> PathBuf {
        self.keys().join("state.successions")
    }

    /// The journal's log key and epoch keys.
    pub fn journal_keys(&self) -> PathBuf {
        self.keys().join("journal")
    }

    /// The CA's own journal.
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// The journal of an incarnation before this one, as a backup brought it.
    pub fn old_journal(&self, incarnation: Incarnation) -> PathBuf {
        self.root.join(format!("journal-{incarnation}"))
    }

    /// X.509: root and server certificate with their keys.
    pub fn tls(&self) -> PathBuf {
        self.root.join("tls")
    }

    /// The X.509 root certificate, PEM.
    pub fn tls_root(&self) -> PathBuf {
        self.tls().join("root.pem")
    }

    /// The X.509 root's private key, PEM.
    pub fn tls_root_key(&self) -> PathBuf {
        self.tls().join("root.key")
    }

    /// The root that is to follow it, PEM; its key beside it.
    pub fn tls_root_next(&self) -> PathBuf {
        self.tls().join("root-next.pem")
    }

    /// The next root's private key, PEM.
    pub fn tls_root_next_key(&self) -> PathBuf {
        self.tls().join("root-next.key")
    }

    /// The next root as the signed state has named it, PEM.
    pub fn tls_root_next_announced(&self) -> PathBuf {
        self.tls().join("root-next.announced")
    }

    /// The root before it, PEM; its key beside it.
    pub fn tls_root_old(&self) -> PathBuf {
        self.tls().join("root-old.pem")
    }

    /// The private key of the root before, PEM, until that is retired.
    pub fn tls_root_old_key(&self) -> PathBuf {
        self.tls().join("root-old.key")
    }

    /// There from the first rotation of the root on.
    pub fn tls_rotated(&self) -> PathBuf {
        self.tls().join("rotated")
    }

    /// The server's certificate, PEM.
    pub fn tls_server(&self) -> PathBuf {
        self.tls().join("server.pem")
    }

    /// The server's private key, PEM.
    pub fn tls_server_key(&self) -> PathBuf {
        self.tls().join("server.key")
    }
}
