//! Certificates as plain files, where stock `ssh` reads them: `ACCOUNT@HOST-cert.pub`.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::Account;
use daypass_protocol::time::Time;
use daypass_protocol::window::WindowId;
use nix::fcntl::{Flock, FlockArg};
use ssh_key::Certificate;
use ssh_key::certificate::CertType;

use crate::diagnostic::Failure;
use crate::durable;

/// The longest certificate that is read, bytes: 32 KiB of window, in base64, and the rest.
const LONGEST: u64 = 64 * 1024;

/// The place of one certificate.
#[derive(Debug)]
pub(super) struct Slot {
    path: PathBuf,
    lock: PathBuf,
    key: Fingerprint,
}

/// A certificate that serves.
#[derive(Debug)]
pub(super) struct Cached {
    /// Its file.
    pub(super) path: PathBuf,
    /// The first second at which it does not serve any more.
    pub(super) valid_before: Time,
}

/// Held while one process fetches.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] Flock<File>);

/// Removes the certificates of a window that is over. What cannot be read or removed runs out by itself.
pub(crate) fn forget(directory: &Path, window: WindowId) {
    let names = |path: &Path| {
        let text = durable::read(path, LONGEST).ok().flatten()?;
        let certificate = Certificate::from_openssh(text.trim()).ok()?;
        Some(*certificate.valid_principals() == [window.to_string()])
    };
    for file in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = file.path();
        let is_certificate = path.to_string_lossy().ends_with("-cert.pub");
        if is_certificate && names(&path) == Some(true) {
            let _ = fs::remove_file(path);
        }
    }
}

impl Slot {
    /// The place for `account` on `host`, which is spelled as `ssh` spells it: the file is found by that name.
    pub(super) fn new(directory: &Path, host: &str, account: &Account, key: Fingerprint) -> Self {
        Self {
            path: directory.join(format!("{account}@{host}-cert.pub")),
            lock: directory.join(format!(".{account}@{host}.lock")),
            key,
        }
    }

    /// The certificate, if it is for our key, and valid from now until `margin` seconds from now at least.
    pub(super) fn serving(
        &self,
        now: Time,
        margin: u64,
        window: Option<WindowId>,
    ) -> Option<Cached> {
        let text = durable::read(&self.path, LONGEST).ok().flatten()?;
        let certificate = Certificate::from_openssh(text.trim()).ok()?;
        self.check(&certificate, now, margin, window).ok()
    }

    /// Waits until no other process fetches this certificate.
    pub(super) fn lock(&self) -> Result<Lock, Failure> {
        let failed = |source| Failure::CannotWrite {
            path: self.lock.clone(),
            source,
        };
        durable::directory(self.lock.parent().unwrap_or(Path::new("/")))?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.lock)
            .map_err(failed)?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map(Lock)
            .map_err(|(_, errno)| failed(errno.into()))
    }

    /// Puts a fetched certificate in place, if it is one that can serve. It is written as it was read, so that
    /// nothing else than a certificate can stand in the file.
    pub(super) fn store(&self, text: &str, window: &WindowId) -> Result<(), Failure> {
        let mut certificate =
            Certificate::from_openssh(text.trim()).map_err(|_| Failure::UselessCertificate)?;
        self.check(
            &certificate,
            Time::from(std::time::SystemTime::now()),
            0,
            Some(*window),
        )?;
        certificate.set_comment(window.to_string());
        let mut line = certificate
            .to_openssh()
            .map_err(|_| Failure::UselessCertificate)?;
        line.push('\n');
        durable::write(&self.path, line.as_bytes(), 0o600)
    }

    /// Removes the certificate.
    pub(super) fn forget(&self) {
        // Where it cannot be removed it runs out by itself.
        let _ = fs::remove_file(&self.path);
    }

    fn check(
        &self,
        certificate: &Certificate,
        now: Time,
        margin: u64,
        window: Option<WindowId>,
    ) -> Result<Cached, Failure> {
        let now = now.unix_unsigned();
        let [principal] = certificate.valid_principals() else {
            return Err(Failure::UselessCertificate);
        };
        let serves = certificate.cert_type() == CertType::User
            && Fingerprint::of(certificate.public_key()) == self.key
            && window.is_none_or(|window| *principal == window.to_string())
            && certificate.valid_after() <= now
            && now.saturating_add(margin) < certificate.valid_before();
        if !serves {
            return Err(Failure::UselessCertificate);
        }
        let valid_before = i64::try_from(certificate.valid_before()).unwrap_or(i64::MAX);
        Ok(Cached {
            path: self.path.clone(),
            valid_before: Time::from_unix(valid_before),
        })
    }
}
