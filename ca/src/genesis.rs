//! The making of a CA: keys, journal, X.509 root, database, and roster 1, unsigned.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use daypass_journal::identity::Identity;
use daypass_protocol::digest::{Digest, Incarnation, Pin};
use daypass_protocol::enrolment::ca_origin;
use daypass_protocol::key::Key;
use daypass_protocol::name::Name;
use daypass_protocol::roster::{self, Person, Policy, Role, Roster};
use daypass_protocol::time::Time;
use daypass_protocol::token::{CaUrl, SetupLine};
use daypass_protocol::version::Version;
use ssh_key::LineEnding;
use zeroize::Zeroizing;

use crate::keys::{Keys, KeysError};
use crate::layout::Layout;
use crate::passphrase::Passphrase;
use crate::random::{self, NoRandomness};
use crate::signer::fresh::{KeyType, fresh_key};
use crate::store::{Store, StoreError, StoredRoster};
use crate::tls::{self, TlsError};

/// What a CA is made from.
pub struct Genesis<'a> {
    /// Where it will live; the directory is there, and empty.
    pub layout: &'a Layout,
    /// The first admin.
    pub admin: Name,
    /// Their public key.
    pub admin_key: Key,
    /// DNS names of the server.
    pub names: &'a [String],
    /// Where clients and hosts reach it.
    pub url: CaUrl,
    /// Of the key files.
    pub passphrase: &'a Passphrase,
    /// bcrypt rounds of the key files: [`crate::signer::file::KDF_ROUNDS`], less in tests.
    pub rounds: u32,
    /// The date of roster 1.
    pub now: Time,
}

/// What is known when it is made.
pub struct Newborn {
    /// The hash of roster 1.
    pub pin: Pin,
    /// The recovery key, an OpenSSH private key: shown once, kept nowhere.
    pub recovery: Zeroizing<String>,
    /// For `daypass setup`.
    pub setup: SetupLine,
}

/// Why no CA was made.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// There is one already.
    #[error(
        "there is a CA in {directory} already; making another would orphan every host that trusts it"
    )]
    Exists {
        /// Where.
        directory: PathBuf,
    },
    /// Something is there that is no whole CA.
    #[error("{path} is there, but no CA that it belongs to")]
    LeftOver {
        /// What.
        path: PathBuf,
    },
    /// A directory could not be made.
    #[error("the directory {path} cannot be made")]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The signing keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The recovery key.
    #[error("the recovery key could not be made")]
    Recovery(#[from] ssh_key::Error),
    /// The recovery key's public half.
    #[error("the recovery key could not be read back")]
    RecoveryKey(#[from] daypass_protocol::key::Error),
    /// A file.
    #[error("{path} cannot be written or removed")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// Roster 1.
    #[error("roster 1 could not be written")]
    Roster(#[from] roster::Error),
    /// The X.509 root.
    #[error("the X.509 root could not be made")]
    X509(#[from] daypass_transport::authority::Error),
    /// Its files.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The journal's keys.
    #[error("the journal's keys could not be made")]
    Journal(#[from] daypass_journal::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Genesis<'_> {
    /// Makes the CA; it serves once [`finish`] was called. One that was begun before and not finished is begun anew.
    ///
    /// # Errors
    /// When there is one already, or something is in the way, or the disk refuses.
    pub fn carry_out(self) -> Result<Newborn, GenesisError> {
        let layout = self.layout;
        refuse_second(layout)?;
        mark_unfinished(layout)?;
        for directory in [layout.keys(), layout.tls(), layout.journal()] {
            make_directory(&directory)?;
        }
        Keys::create(layout, self.passphrase, self.rounds)?;
        let recovery = fresh_key(KeyType::Ed25519, "daypass recovery key")?;
        let recovery_text = recovery.to_openssh(LineEnding::LF)?;
        let roster = self.first_roster(Key::try_from(recovery.public_key().key_data().clone())?)?;
        let pin = Pin::from(Digest::of(&roster));
        let incarnation = Incarnation::from_bytes(random::bytes()?);
        let name = self.names.first().map_or("daypass", String::as_str);
        let root = daypass_transport::authority::Authority::create(
            &format!("daypass CA {name}"),
            self.now.into(),
        )?;
        tls::replace(&layout.tls_root_key(), &root.key())?;
        tls::replace(&layout.tls_root(), root.certificate())?;
        tls::renew(&root, layout, self.names, self.now.into())?;
        Identity::create(&layout.journal_keys(), &ca_origin(pin, incarnation))?;
        let (now, first) = (
            self.now.unix(),
            StoredRoster {
                number: 1,
                roster,
                signatures: Vec::new(),
            },
        );
        Store::open(&layout.database())?.write::<_, StoreError>(move |tx| {
            tx.add_roster(&first, now)?;
            tx.begin(&pin.to_string(), &incarnation.to_string())
        })?;
        Ok(Newborn {
            pin,
            recovery: recovery_text,
            setup: SetupLine {
                url: self.url,
                root: Digest::from_bytes(root.hash()),
                ca: pin,
            },
        })
    }

    fn first_roster(&self, recovery: Key) -> Result<String, roster::Error> {
        Roster {
            v: Version,
            number: 1,
            previous: None,
            time: self.now,
            people: vec![Person {
                name: self.admin.clone(),
                roles: vec![Role::Admin],
                keys: vec![self.admin_key.clone()],
            }],
            recovery,
            policy: Policy::default(),
        }
        .freeze()
    }
}

/// Whether there is a CA, made to its end.
///
/// # Errors
/// When its database cannot be read.
pub fn is_made(layout: &Layout) -> Result<bool, GenesisError> {
    Ok(!layout.unfinished().exists()
        && layout.database().exists()
        && Store::open(&layout.database())?
            .read(|tx| tx.genesis())?
            .is_some())
}

/// Puts the CA into service: what is known of it only once has been shown.
///
/// # Errors
/// When the disk refuses.
pub fn finish(layout: &Layout) -> Result<(), GenesisError> {
    let path = layout.unfinished();
    std::fs::remove_file(&path)
        .and_then(|()| sync(layout))
        .map_err(|source| GenesisError::File { path, source })
}

fn refuse_second(layout: &Layout) -> Result<(), GenesisError> {
    if is_made(layout)? {
        return Err(GenesisError::Exists {
            directory: layout.root().to_owned(),
        });
    }
    let begun = layout.unfinished().exists();
    for path in leftovers(layout) {
        if !path.exists() {
            continue;
        }
        // Without the mark nobody knows what it is: keys without their database are a CA that lost it.
        if !begun {
            return Err(GenesisError::LeftOver { path });
        }
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        removed.map_err(|source| GenesisError::File { path, source })?;
    }
    Ok(())
}

/// The mark is durable before anything that it speaks of.
fn mark_unfinished(layout: &Layout) -> Result<(), GenesisError> {
    let path = layout.unfinished();
    File::create(&path)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync(layout))
        .map_err(|source| GenesisError::File { path, source })
}

fn sync(layout: &Layout) -> std::io::Result<()> {
    File::open(layout.root())?.sync_all()
}

fn leftovers(layout: &Layout) -> Vec<PathBuf> {
    let beside = |suffix: &str| {
        let mut path = layout.database().into_os_string();
        path.push(suffix);
        PathBuf::from(path)
    };
    vec![
        layout.database(),
        beside("-wal"),
        beside("-shm"),
        layout.keys(),
        layout.tls(),
        layout.journal(),
    ]
}

fn make_directory(path: &Path) -> Result<(), GenesisError> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(|source| GenesisError::Directory {
            path: path.to_owned(),
            source,
        })
}
