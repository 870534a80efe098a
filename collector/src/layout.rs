//! Where the collector keeps what it keeps.

use std::path::{Path, PathBuf};

/// The collector's directory, `/var/lib/daypass/collector` unless `collector.toml` says otherwise.
#[derive(Clone, Debug)]
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

    /// Held by the one process that serves or reindexes.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The truth about each log.
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints.db")
    }

    /// Search; can be made again.
    pub fn index(&self) -> PathBuf {
        self.root.join("index.db")
    }

    /// Alerts, and what is still to be delivered of them.
    pub fn alerts(&self) -> PathBuf {
        self.root.join("alerts.db")
    }

    /// How far each export is.
    pub fn exports(&self) -> PathBuf {
        self.root.join("exports.db")
    }

    /// The journals' lines.
    pub fn segments(&self) -> PathBuf {
        self.root.join("segments")
    }

    /// Held by the one process that makes the index anew.
    pub fn reindex_lock(&self) -> PathBuf {
        self.root.join("reindex.lock")
    }

    /// What commands leave for the service.
    pub fn orders(&self) -> PathBuf {
        self.root.join("orders")
    }

    /// What the service remembers of its housekeeping; may be lost.
    pub fn housekeeping(&self) -> PathBuf {
        self.root.join("housekeeping.json")
    }

    /// The latest checkpoint of each of others' logs.
    pub fn strangers(&self) -> PathBuf {
        self.root.join("witnessed")
    }

    /// What the CA told us last: rosters and state.
    pub fn authority(&self) -> PathBuf {
        self.root.join("authority.json")
    }

    /// The keys that people revoked, as far as the CA ever said.
    pub fn revoked(&self) -> PathBuf {
        self.root.join(crate::authority::REVOKED)
    }

    /// What `init` asked the CA for; written last, so that without it there is no collector.
    pub fn request(&self) -> PathBuf {
        self.root.join("request.json")
    }

    /// All private keys, 0700.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Cosigns.
    pub fn witness_key(&self) -> PathBuf {
        self.keys().join("witness.key")
    }

    /// The keys of the collector's own journal.
    pub fn journal_keys(&self) -> PathBuf {
        self.keys().join("journal")
    }

    /// The key of the X.509 certificate, PEM.
    pub fn tls_key(&self) -> PathBuf {
        self.keys().join("tls.key")
    }

    /// The X.509 certificate and the CA's root, PEM.
    pub fn tls_chain(&self) -> PathBuf {
        self.root.join("tls.pem")
    }

    /// The CA's X.509 root, PEM.
    pub fn tls_root(&self) -> PathBuf {
        self.root.join("root.pem")
    }

    /// The collector's own journal.
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }
}
