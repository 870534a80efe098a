//! What we say to sshd: one generated Match block, and the host's certificates.
//!
//! A file is put in place only after sshd has read it, and taken out again when sshd, with it in
//! place, does not accept its configuration as a whole.

mod block;
mod effective;
mod log;
mod said;

pub use block::{block, host_certificates};
pub use effective::{Effective, Overridden};
pub use log::{Line, Log};
pub use said::Said;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::command;
use crate::durable;
use crate::layout::Layout;

/// How long sshd may take to read its configuration: some milliseconds are usual.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bound of each of our files in bytes.
pub(crate) const MAX_BYTES: u64 = 256 * 1024;

/// sshd's program and configuration.
#[derive(Clone, Debug)]
pub struct Sshd {
    program: PathBuf,
    config: PathBuf,
    scratch: PathBuf,
    separation: PathBuf,
    patience: Duration,
}

/// Why sshd's configuration was left as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// sshd did not accept it, or could not be run.
    #[error(transparent)]
    Sshd(#[from] command::Error),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// sshd refuses its configuration already without our change.
    #[error("sshd does not accept its configuration as it stands: {source}")]
    AlreadyBroken {
        /// What sshd said.
        source: command::Error,
    },
}

impl Error {
    /// Whether another try would only take as long.
    #[must_use]
    pub fn is_late(&self) -> bool {
        match self {
            Self::Sshd(error) | Self::AlreadyBroken { source: error } => error.is_late(),
            Self::File(_) => false,
        }
    }
}

impl Sshd {
    /// The system's sshd.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        Self {
            program: PathBuf::from("/usr/sbin/sshd"),
            config: layout.sshd_config(),
            scratch: layout.state().join("sshd-check.conf"),
            separation: layout.seen(Path::new("/run/sshd")),
            patience: PATIENCE,
        }
    }

    /// Puts one of our files in place, or takes it away, and leaves sshd's configuration valid:
    /// with the change, or else exactly as it was.
    ///
    /// # Errors
    /// See [`enum@Error`]; nothing has changed then.
    pub fn install(&self, path: &Path, content: Option<&str>) -> Result<(), Error> {
        self.prepare()?;
        let before = durable::read(path, MAX_BYTES)?;
        self.check(&self.config)
            .map_err(|source| Error::AlreadyBroken { source })?;
        if let Some(content) = content {
            self.check_alone(content)?;
        }
        put(path, content.map(str::as_bytes))?;
        if let Err(refused) = self.check(&self.config) {
            put(path, before.as_deref())?;
            return Err(refused.into());
        }
        Ok(())
    }

    /// What sshd makes of its configuration for a login as this user.
    ///
    /// # Errors
    /// sshd could not be run or does not accept its configuration.
    pub fn effective(&self, user: &str) -> Result<Effective, Error> {
        self.prepare()?;
        let connection =
            format!("user={user},host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22");
        let said = command::run_within(
            self.patience,
            &self.program,
            &[
                "-T",
                "-f",
                &self.config.to_string_lossy(),
                "-C",
                &connection,
            ],
        )?;
        Ok(Effective::parse(&said))
    }

    fn check(&self, config: &Path) -> Result<(), command::Error> {
        let arguments = ["-t", "-f", &config.to_string_lossy()];
        command::run_within(self.patience, &self.program, &arguments).map(drop)
    }

    fn check_alone(&self, content: &str) -> Result<(), Error> {
        durable::replace(&self.scratch, content.as_bytes(), 0o600)?;
        let checked = self.check(&self.scratch);
        durable::remove(&self.scratch)?;
        Ok(checked?)
    }

    /// sshd refuses even to check its configuration without this directory, which its unit makes and
    /// removes with itself.
    fn prepare(&self) -> Result<(), durable::Error> {
        if self.separation.exists() {
            return Ok(());
        }
        durable::directory(&self.separation, 0o755)
    }
}

fn put(path: &Path, content: Option<&[u8]>) -> Result<(), durable::Error> {
    match content {
        Some(content) => durable::replace(path, content, 0o644),
        None => durable::remove(path),
    }
}

#[cfg(test)]
impl Sshd {
    /// Another program in its place, which has no longer than this.
    pub(crate) fn at(program: PathBuf, layout: &Layout, patience: Duration) -> Self {
        Self {
            program,
            patience,
            ..Self::new(layout)
        }
    }
}
