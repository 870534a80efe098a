//! From one X.509 root to the next, by the steps of [`super::rotation`].
//!
//! *add* makes the next root, which the signed state announces; *use*, when everybody has heard, lets it issue; the one before
//! is still trusted, so that certificates of it count, until *retire*. Its key stays as long: until then it turns out who has not heard.

use std::io;
use std::path::Path;

use daypass_protocol::digest::Digest;
use daypass_protocol::time::Time;
use daypass_transport::authority::Authority;

use super::rotation::RotationError;
use crate::layout::Layout;
use crate::store::Store;
use crate::tls;

/// Makes the next root; its hash.
///
/// # Errors
/// When a rotation is under way, or the disk refuses.
pub fn add(layout: &Layout, now: Time) -> Result<Digest, RotationError> {
    finish(layout)?;
    for path in [layout.tls_root_next(), layout.tls_root_old()] {
        if path.exists() {
            return Err(RotationError::UnderWay { path });
        }
    }
    let root = Authority::create("daypass CA", now.into())?;
    // From here on roots are named, before there is another one to be named.
    tls::replace(&layout.tls_rotated(), "")?;
    // The certificate last: where it is, the root is there.
    tls::replace(&layout.tls_root_next_key(), &root.key())?;
    tls::replace(&layout.tls_root_next(), root.certificate())?;
    Ok(Digest::from_bytes(root.hash()))
}

/// Lets the next root issue; the one before is trusted until it is retired.
///
/// # Errors
/// When there is no next one, or nobody can have heard of it. What a crash left half done is done by calling it again.
pub fn switch(layout: &Layout) -> Result<(), RotationError> {
    finish(layout)?;
    let (next, key) = (layout.tls_root_next(), layout.tls_root_next_key());
    if !next.exists() {
        return Err(RotationError::NoNext { path: next });
    }
    let root = read(&next)?;
    let announced = layout.tls_root_next_announced();
    if !announced.exists() || read(&announced)? != root {
        return Err(if is_in_force(layout)? {
            RotationError::Unannounced { path: next }
        } else {
            RotationError::BeforeRoster { path: next }
        });
    }
    // It must be one that can issue before the other one stops.
    Authority::from_pem(&root, &read(&key)?)?;
    tls::replace(&layout.tls_root_old_key(), &read(&layout.tls_root_key())?)?;
    tls::replace(&layout.tls_root_old(), &read(&layout.tls_root())?)?;
    // From here on `finish` goes on.
    rename(&key, &layout.tls_root_key())?;
    finish(layout)
}

/// Finishes a switch that a crash left half done: the next root's key is in place, and its certificate is not.
///
/// # Errors
/// When the disk refuses.
pub fn finish(layout: &Layout) -> Result<(), RotationError> {
    let next = layout.tls_root_next();
    if next.exists() && !layout.tls_root_next_key().exists() {
        rename(&next, &layout.tls_root())?;
        remove(&layout.tls_root_next_announced())?;
    }
    Ok(())
}

/// Notes that the state names the root `beside`, if that is the next one: only then may it issue.
///
/// # Errors
/// When the disk refuses.
pub fn note_announced(layout: &Layout, beside: &str) -> Result<(), RotationError> {
    let next = layout.tls_root_next();
    // One that was added since is not it.
    if next.exists() && read(&next)? == beside {
        tls::replace(&layout.tls_root_next_announced(), beside)?;
    }
    Ok(())
}

/// Ends the trust in the root before. Hosts that have a certificate of it alone come back by their SSH host keys.
///
/// # Errors
/// When there is none, the rotation is half done, or the database fails.
pub fn retire(layout: &Layout) -> Result<(), RotationError> {
    finish(layout)?;
    let old = layout.tls_root_old();
    if !old.exists() {
        return Err(RotationError::NoOld { path: old });
    }
    let next = layout.tls_root_next();
    if next.exists() {
        return Err(RotationError::UnderWay { path: next });
    }
    Store::open(&layout.database())?.write(|tx| tx.doubt_hosts())?;
    // The certificate last: as long as it is there, this can be called again.
    remove(&layout.tls_root_old_key())?;
    remove(&old)
}

/// The root that is trusted beside the one that issues, in PEM.
///
/// # Errors
/// When it cannot be read.
pub fn beside(layout: &Layout) -> Result<Option<String>, RotationError> {
    let paths = [layout.tls_root_next(), layout.tls_root_old()];
    let found = paths.iter().find(|path| path.exists());
    found.map(|path| read(path)).transpose()
}

/// Whether a rotation ever began.
pub fn is_rotated(layout: &Layout) -> bool {
    layout.tls_rotated().exists()
}

/// Whether roster 1 was signed: before that there is no state.
fn is_in_force(layout: &Layout) -> Result<bool, RotationError> {
    let chain = Store::open(&layout.database())?.read(|tx| tx.chain())?;
    Ok(chain
        .first()
        .is_some_and(|first| !first.signatures.is_empty()))
}

fn read(path: &Path) -> Result<String, RotationError> {
    std::fs::read_to_string(path).map_err(failed(path))
}

fn rename(from: &Path, to: &Path) -> Result<(), RotationError> {
    std::fs::rename(from, to).map_err(failed(from))
}

/// Takes a file away, if it is there.
fn remove(path: &Path) -> Result<(), RotationError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> RotationError {
    let path = path.to_owned();
    |source| RotationError::File { path, source }
}
