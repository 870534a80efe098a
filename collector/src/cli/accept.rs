//! `daypass-collector accept`: takes in what the CA answered.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use daypass_protocol::collector::{Admission, MAX_ADMISSION};
use daypass_protocol::digest::Digest;
use daypass_protocol::strict_json;
use daypass_transport::PemError;
use daypass_transport::authority::root_hash;

use super::AcceptArgs;
use crate::config::{Config, ConfigError};
use crate::durable;
use crate::layout::Layout;
use crate::ownership::{self, OwnershipError};

/// Why the CA's answer was not taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcceptError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Standard input.
    #[error("the CA's answer could not be read from standard input")]
    Input(#[source] io::Error),
    /// It is not an answer.
    #[error("this is not what `daypass-ca collector add` prints: {0}")]
    Json(#[from] strict_json::Error),
    /// The root is not in PEM.
    #[error("the X.509 root in the answer cannot be read: {0}")]
    Root(#[from] PemError),
    /// The root is another CA's.
    #[error(
        "the X.509 root in the answer is {found}, the setup line names {expected}: it is another CA's, or the CA's root was \
         changed since; then put the setup line of now, which `daypass-ca status` prints, into collector.toml as ca_setup"
    )]
    OtherRoot {
        /// By the setup line.
        expected: Digest,
        /// In the answer.
        found: Digest,
    },
    /// The certificate is not for our key.
    #[error(
        "the certificate in the answer is not for this collector's key: was `init` run again since? {0}"
    )]
    Certificate(#[from] daypass_transport::server::Error),
    /// A file.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Files cannot be given to the service's user.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
}

pub(crate) fn run(arguments: &AcceptArgs) -> Result<(), AcceptError> {
    let config = Config::read(&arguments.config)?;
    let mut text = String::new();
    let limit = MAX_ADMISSION as u64 + 1;
    io::stdin()
        .lock()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(AcceptError::Input)?;
    let layout = Layout::new(&config.data);
    accept(&config, &layout, &Admission::parse(&text)?)?;
    ownership::give(layout.root(), &arguments.user)?;
    // Nobody needs this line to go on.
    let _ = writeln!(io::stderr().lock(), "{}", crate::diagnostic::AFTER_ACCEPT);
    Ok(())
}

fn accept(config: &Config, layout: &Layout, admission: &Admission) -> Result<(), AcceptError> {
    let Admission {
        certificate, root, ..
    } = admission;
    let found = Digest::from_bytes(root_hash(root)?);
    if found != config.ca_setup.root {
        return Err(AcceptError::OtherRoot {
            expected: config.ca_setup.root,
            found,
        });
    }
    let key = std::fs::read_to_string(layout.tls_key()).map_err(|source| AcceptError::File {
        path: layout.tls_key(),
        source,
    })?;
    let leaf_and_root = format!("{certificate}{root}");
    daypass_transport::server::config(&leaf_and_root, &key, root)?;
    replace(&layout.tls_root(), root)?;
    replace(&layout.tls_chain(), &leaf_and_root)
}

fn replace(path: &Path, text: &str) -> Result<(), AcceptError> {
    durable::replace(path, 0o644, text.as_bytes()).map_err(|source| AcceptError::File {
        path: path.to_owned(),
        source,
    })
}
