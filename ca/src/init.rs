//! `daypass-ca init`: what root does before the CA's own user takes over, and what is printed after.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};

use daypass_protocol::key::Key;
use daypass_protocol::name::{InvalidName, Name};
use nix::unistd::{User, geteuid, initgroups, setgid, setuid};

use crate::authority::Authority;
use crate::cli::InitArgs;
use crate::config::{self, Config, ConfigError};
use crate::credential::{self, CredentialError};
use crate::diagnostic;
use crate::genesis::{self, Genesis, GenesisError};
use crate::layout::Layout;
use crate::passphrase::{Passphrase, PassphraseError};
use crate::signer::file::KDF_ROUNDS;

/// Why `init` did not do it.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The admin's name.
    #[error("--admin: {0}")]
    Admin(#[from] InvalidName),
    /// The admin's key file.
    #[error("the admin's public key {path} cannot be read")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What is in it.
    #[error("{path} holds no public key that can be used: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: daypass_protocol::key::Error,
    },
    /// No passphrase for the key files.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// Nor a sealed one.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Names, address and URL do not make a configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The user to own everything.
    #[error("there is no Unix user {0} to own the CA's files")]
    NoUser(String),
    /// The system.
    #[error("cannot become the user {user}")]
    Become {
        /// Whom.
        user: String,
        /// What the system said.
        source: nix::Error,
    },
    /// A file or directory.
    #[error("{path} cannot be made")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The making itself.
    #[error(transparent)]
    Genesis(Box<GenesisError>),
    /// Standard output is gone, and with it the recovery key.
    #[error("the recovery key could not be shown")]
    Output(#[source] std::io::Error),
}

impl From<GenesisError> for InitError {
    fn from(error: GenesisError) -> Self {
        Self::Genesis(Box::new(error))
    }
}

/// Makes a CA and prints what its admin needs.
///
/// # Errors
/// When anything is wrong; a CA that was begun is named, so that it can be removed.
pub fn run(arguments: &InitArgs) -> Result<(), InitError> {
    let admin: Name = arguments.admin.parse()?;
    let admin_key = read_key(&arguments.admin_key)?;
    let text = config::initial_text(
        &arguments.names,
        arguments.listen,
        arguments.url.as_deref(),
        &arguments.data,
    );
    let config = Config::parse(&text, &arguments.config)?;
    let url = config.public_url().map_err(|source| ConfigError::Url {
        path: arguments.config.clone(),
        url: arguments.url.clone().unwrap_or_default(),
        source,
    })?;
    let passphrase = match &arguments.passphrase_file {
        None if credential::is_possible() => credential::obtain()?,
        file => Passphrase::to_create(file.as_deref())?,
    };
    make_directory(&arguments.data)?;
    write_config(&arguments.config, &text)?;
    become_owner(&arguments.user, &arguments.data)?;
    let layout = Layout::new(&arguments.data);
    if arguments.unless_made && genesis::is_made(&layout)? {
        return Ok(());
    }
    let newborn = Genesis {
        layout: &layout,
        admin,
        admin_key,
        names: &config.names,
        url,
        passphrase: &passphrase,
        rounds: KDF_ROUNDS,
        now: Authority::system_clock()(),
    }
    .carry_out()?;
    let mut out = std::io::stdout().lock();
    let text = if arguments.brief {
        diagnostic::of_recovery(&newborn)
    } else {
        diagnostic::of_newborn(&newborn)
    };
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(InitError::Output)?;
    // Until here, running it again begins anew: nobody can know the CA whose recovery key nobody saw.
    Ok(genesis::finish(&layout)?)
}

pub(crate) fn read_key(path: &Path) -> Result<Key, InitError> {
    let text = std::fs::read_to_string(path).map_err(|source| InitError::KeyFile {
        path: path.to_owned(),
        source,
    })?;
    Key::from_openssh_line(&text).map_err(|source| InitError::Key {
        path: path.to_owned(),
        source,
    })
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> InitError {
    let path = path.to_owned();
    |source| InitError::File { path, source }
}

/// The data directory itself is the package's or root's to make; what is in it belongs to the CA's user.
pub(crate) fn make_directory(path: &Path) -> Result<(), InitError> {
    if path.exists() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed(parent))?;
    }
    std::fs::DirBuilder::new()
        .mode(0o750)
        .create(path)
        .map_err(failed(path))
}

fn write_config(path: &Path, text: &str) -> Result<(), InitError> {
    if path.exists() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed(parent))?;
    }
    std::fs::write(path, text).map_err(failed(path))
}

/// Root becomes the CA's user for good, so that every file is that user's from its first byte. Anybody else stays.
pub(crate) fn become_owner(name: &str, data: &Path) -> Result<(), InitError> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let no_user = || InitError::NoUser(name.to_owned());
    let user = User::from_name(name).ok().flatten().ok_or_else(no_user)?;
    chown(data, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(failed(data))?;
    let c_name = std::ffi::CString::new(name).map_err(|_| no_user())?;
    initgroups(&c_name, user.gid)
        .and_then(|()| setgid(user.gid))
        .and_then(|()| setuid(user.uid))
        .map_err(|source| InitError::Become {
            user: name.to_owned(),
            source,
        })
}
