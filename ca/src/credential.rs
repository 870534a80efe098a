//! The passphrase at an unattended boot: random, sealed to this machine by systemd, opened for the service alone.

use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use crate::passphrase::{CREDENTIAL, Passphrase};
use crate::random::{self, NoRandomness};

/// Where `LoadCredentialEncrypted=ca-passphrase` of the unit finds it (systemd.exec(5)).
pub const STORE: &str = "/etc/credstore.encrypted";
/// Opens and seals, bound to this machine's key or TPM (systemd-creds(1)).
const TOOL: &str = "/usr/bin/systemd-creds";

/// Why there is no sealed passphrase.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// No random passphrase.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The store's directory.
    #[error("{path} cannot be made")]
    Store {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The tool could not be run.
    #[error("{TOOL} cannot be run")]
    Run(#[source] std::io::Error),
    /// The tool failed.
    #[error("{TOOL} cannot {what} {path}: {said}")]
    Refused {
        /// `seal` or `open`.
        what: &'static str,
        /// The sealed file.
        path: PathBuf,
        /// What it said.
        said: String,
    },
}

/// Whether a passphrase can be sealed for the service: by root, where systemd's tool is installed.
pub fn is_possible() -> bool {
    geteuid().is_root() && Path::new(TOOL).exists()
}

/// Whether one is sealed, and can be opened by whoever asks: by root.
pub fn is_sealed() -> bool {
    is_possible() && Path::new(STORE).join(CREDENTIAL).exists()
}

/// The passphrase that is sealed already, else a new one, now sealed. One that is there is never replaced: keys may
/// depend on it.
///
/// # Errors
/// When it can be neither opened nor made.
pub fn obtain() -> Result<Passphrase, CredentialError> {
    let path = Path::new(STORE).join(CREDENTIAL);
    if path.exists() {
        return run("open", &path, "decrypt", [&path, Path::new("-")], b"").map(Passphrase::new);
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(STORE)
        .map_err(|source| CredentialError::Store {
            path: STORE.into(),
            source,
        })?;
    let passphrase = Passphrase::new(
        random::bytes::<32>()?
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
    );
    run(
        "seal",
        &path,
        "encrypt",
        [Path::new("-"), &path],
        passphrase.as_bytes(),
    )?;
    Ok(passphrase)
}

/// Runs the tool on two files, of which `-` is what it reads and writes; what it wrote.
fn run(
    what: &'static str,
    path: &Path,
    verb: &str,
    files: [&Path; 2],
    input: &[u8],
) -> Result<String, CredentialError> {
    let mut child = Command::new(TOOL)
        .arg(verb)
        .arg(format!("--name={CREDENTIAL}"))
        .args(files)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(CredentialError::Run)?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(input).map_err(CredentialError::Run)?;
    }
    let output = child.wait_with_output().map_err(CredentialError::Run)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(CredentialError::Refused {
        what,
        path: path.to_owned(),
        said,
    })
}
