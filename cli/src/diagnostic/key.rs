//! What is wrong with keys, and with whoever holds them.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use daypass_protocol::key::Fingerprint;
use thiserror::Error;

/// What is wrong with a key, or with whoever holds it.
#[derive(Debug, Error)]
pub enum KeyError {
    /// No key anywhere.
    #[error("there is no key in ssh-agent, and none in {}; make one with `ssh-keygen -t ed25519`, or name it with --key", directory.display())]
    NoKey {
        /// Where files were looked for.
        directory: PathBuf,
    },
    /// Several keys, none named.
    #[error(
        "ssh-agent holds several keys; name yours with --key FILE.pub:{}",
        listed(keys)
    )]
    WhichKey {
        /// Fingerprints and comments.
        keys: Vec<(Fingerprint, String)>,
    },
    /// A file cannot be read.
    #[error("cannot read the key {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Not a key.
    #[error("{} is not an OpenSSH key; `ssh-keygen -t ed25519` makes one", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// A certificate.
    #[error("{} is a certificate; name the key it was made for", path.display())]
    IsCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Encrypted, and nobody may be asked.
    #[error("the key {} has a passphrase, and nobody can be asked for it behind ssh; add it to ssh-agent with `ssh-add {}`", path.display(), path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase could not be asked for.
    #[error("cannot ask for the passphrase of {}: {source}; add the key to ssh-agent with `ssh-add`", path.display())]
    NoTerminal {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Wrong.
    #[error("that is not the passphrase of {}", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// Another key than the configured one.
    #[error("{} does not hold the key {expected} that this machine was set up with; run `daypass setup` again, or put the key back", path.display())]
    OtherKeyInFile {
        /// The file.
        path: PathBuf,
        /// The configured key.
        expected: Fingerprint,
    },
    /// A security key's file, without an agent to speak with the key.
    #[error("{} is a security key's file, which signs through ssh-agent only; add it with `ssh-add {}`", path.display(), path.display())]
    SecurityKeyWithoutAgent {
        /// The file.
        path: PathBuf,
    },
    /// The agent does not hold it.
    #[error(
        "ssh-agent does not hold the key {fingerprint}, and no file of it is known; add it with `ssh-add`"
    )]
    NotInAgent {
        /// The configured key.
        fingerprint: Fingerprint,
    },
    /// The agent does not answer.
    #[error("ssh-agent at {} does not answer: {source}; start it, or correct SSH_AUTH_SOCK", socket.display())]
    AgentUnreachable {
        /// Its socket.
        socket: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The agent will not sign.
    #[error("ssh-agent at {} refused to sign; confirm or touch when it asks, or unlock it", socket.display())]
    AgentRefused {
        /// Its socket.
        socket: PathBuf,
    },
    /// The agent speaks another language.
    #[error("{} does not answer as an ssh-agent does; correct SSH_AUTH_SOCK", socket.display())]
    AgentGarbled {
        /// The socket.
        socket: PathBuf,
    },
    /// The signature could not be made.
    #[error("cannot sign with this key: {0}; use an Ed25519, ECDSA or RSA key")]
    Signing(#[source] ssh_key::Error),
}

fn listed(keys: &[(Fingerprint, String)]) -> String {
    keys.iter()
        .fold(String::new(), |mut text, (fingerprint, comment)| {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  {fingerprint} {comment}");
            text
        })
}
