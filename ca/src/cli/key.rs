//! `daypass-ca key`: one key after the other, both trusted for a time.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::key::Key;

use super::KeyArgs;
use super::control::{CommandError, Service};
use crate::authority::Authority;
use crate::config::{self, Config, ConfigError};
use crate::control::{Nothing, Question, RenewedLogKey};
use crate::credential;
use crate::init::{self, InitError};
use crate::keys::Places;
use crate::keys::rotation::{self, Kind, Next, RotationError};
use crate::keys::state_key::{self, SuccessionError};
use crate::keys::x509;
use crate::layout::Layout;
use crate::passphrase::{Passphrase, PassphraseError};
use crate::signer::fresh::KeyType;
use crate::store::{Store, StoreError};

/// The steps of a rotation.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Add the next key, which hosts hear of and trust from then on.
    Add {
        #[command(flatten)]
        what: What,
        /// The public half of a key that the ssh-agent of ca.toml holds; without it a new key is made, in an encrypted
        /// file.
        #[arg(long, value_name = "FILE.pub")]
        public_key: Option<PathBuf>,
        /// The type of the new key; without it Ed25519 for user-ca, and P-256 for host-ca, which OpenSSH checks faster.
        #[arg(long = "type", value_name = "TYPE", conflicts_with = "public_key")]
        kind: Option<KeyType>,
    },
    /// Let the next key sign; the one before is trusted until it is retired.
    Use {
        #[command(flatten)]
        what: What,
    },
    /// End the trust in the key before.
    Retire {
        #[command(flatten)]
        what: What,
    },
    /// Hand the CA's journal over to a new log key, now, by the running service; by itself that happens every two years.
    RenewLog {
        #[command(flatten)]
        service: Service,
    },
    /// Let another key sign the state, from the next start on; by itself that happens once a year.
    RenewState {
        #[command(flatten)]
        place: Place,
    },
}

/// Which of the CA's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Which {
    /// Signs people's certificates.
    UserCa,
    /// Signs hosts' certificates.
    HostCa,
    /// The X.509 root, under which CA, collectors and hosts know one another.
    X509Root,
}

impl Which {
    /// One that signs SSH certificates; none for the X.509 root.
    fn kind(self) -> Option<Kind> {
        match self {
            Self::UserCa => Some(Kind::UserCa),
            Self::HostCa => Some(Kind::HostCa),
            Self::X509Root => None,
        }
    }
}

/// Which key of which CA.
#[derive(Debug, Args)]
pub(crate) struct What {
    /// The key.
    #[arg(value_name = "KEY")]
    which: Which,
    #[command(flatten)]
    place: Place,
}

/// Where the CA is.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Configuration to read.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    config: PathBuf,
    /// File with the passphrase of the CA's keys; else the one that init sealed for the service, else asked.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The Unix user that owns everything, when run as root.
    #[arg(long, value_name = "USER", default_value = "daypass-ca")]
    user: String,
}

/// What was done.
#[derive(Debug)]
pub enum Rotated {
    /// This one was added.
    Added(Key),
    /// This X.509 root was.
    AddedRoot(Digest),
    /// The X.509 root that was added issues.
    UsedRoot,
    /// It signs.
    Used,
    /// The one before is trusted no more.
    Retired,
    /// This one signs the state from the next start on.
    Succeeded(Key),
    /// The CA's journal has another log key.
    RenewedLog(RenewedLogKey),
}

/// Why it was not.
#[derive(Debug, thiserror::Error)]
pub enum KeyCommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The public half that was given, or the files' owner.
    #[error(transparent)]
    Init(Box<InitError>),
    /// The passphrase.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The X.509 root is made here, and its key is used at every enrolment.
    #[error(
        "the X.509 root's key is in a file; --public-key is for keys that sign SSH certificates"
    )]
    RootInAgent,
    /// There is one type of it.
    #[error("--type is for keys that sign SSH certificates; an X.509 root is of one type")]
    RootOfType,
    /// The rotation.
    #[error(transparent)]
    Rotation(Box<RotationError>),
    /// The service, which alone writes the journal.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The state key's successor.
    #[error(transparent)]
    Succession(#[from] SuccessionError),
    /// The database, which knows the CA's name.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no CA.
    #[error("there is no CA in {directory} yet")]
    NoCa {
        /// Where it was looked for.
        directory: PathBuf,
    },
}

impl From<InitError> for KeyCommandError {
    fn from(error: InitError) -> Self {
        Self::Init(Box::new(error))
    }
}

impl From<RotationError> for KeyCommandError {
    fn from(error: RotationError) -> Self {
        Self::Rotation(Box::new(error))
    }
}

/// Does one step.
///
/// # Errors
/// When it is not this step's turn, or a key does not sign.
pub(crate) fn run(arguments: &KeyArgs) -> Result<Rotated, KeyCommandError> {
    let place = match &arguments.command {
        KeyCommand::Add { what, .. } | KeyCommand::Use { what } | KeyCommand::Retire { what } => {
            &what.place
        }
        KeyCommand::RenewState { place } => place,
        KeyCommand::RenewLog { service } => return renew_log(service),
    };
    let config = Config::read(&place.config)?;
    let held = match &arguments.command {
        KeyCommand::Add {
            public_key: Some(path),
            ..
        } => Some(init::read_key(path)?),
        _ => None,
    };
    let passphrase = match &place.passphrase_file {
        None if credential::is_sealed() => credential::obtain().map_err(InitError::from)?,
        file => Passphrase::to_open(file.as_deref())?,
    };
    init::become_owner(&place.user, &config.data)?;
    let layout = Layout::new(&config.data);
    let places = Places {
        layout: &layout,
        passphrase: &passphrase,
        agent: config.ssh_agent.as_deref(),
    };
    match &arguments.command {
        KeyCommand::Add {
            what, kind: asked, ..
        } => match what.which.kind() {
            Some(kind) => {
                let next = held.as_ref().map_or(Next::New(*asked), Next::Held);
                Ok(Rotated::Added(rotation::add(places, kind, next)?))
            }
            None if held.is_some() => Err(KeyCommandError::RootInAgent),
            None if asked.is_some() => Err(KeyCommandError::RootOfType),
            None => {
                let now = Authority::system_clock()();
                Ok(Rotated::AddedRoot(x509::add(&layout, now)?))
            }
        },
        KeyCommand::RenewState { .. } => {
            let pin = pin_of(&layout)?;
            let now = Authority::system_clock()();
            Ok(Rotated::Succeeded(state_key::succeed(places, pin, now)?))
        }
        KeyCommand::Use { what } => {
            let Some(kind) = what.which.kind() else {
                x509::switch(&layout)?;
                return Ok(Rotated::UsedRoot);
            };
            rotation::switch(places, kind)?;
            Ok(Rotated::Used)
        }
        KeyCommand::Retire { what } => {
            match what.which.kind() {
                Some(kind) => rotation::retire(places, kind)?,
                None => x509::retire(&layout)?,
            }
            Ok(Rotated::Retired)
        }
        KeyCommand::RenewLog { service } => renew_log(service),
    }
}

/// Asks the service, which alone writes the journal.
fn renew_log(service: &Service) -> Result<Rotated, KeyCommandError> {
    let renewed = service.ask(&Question::RenewLogKey(Nothing {}))?;
    Ok(Rotated::RenewedLog(renewed))
}

/// The CA's name, which the next key's succession has to say.
fn pin_of(layout: &Layout) -> Result<Pin, KeyCommandError> {
    let no_ca = || KeyCommandError::NoCa {
        directory: layout.root().to_owned(),
    };
    if !layout.database().exists() {
        return Err(no_ca());
    }
    let found = Store::open(&layout.database())?.read(|tx| tx.genesis())?;
    let (pin, _) = found.ok_or_else(no_ca)?;
    pin.parse().map_err(|_| no_ca())
}
