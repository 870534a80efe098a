//! Who owns what `init` and `accept` make, when root runs them: the service's own user.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, User};

/// Why ownership could not be given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnershipError {
    /// No such user.
    #[error("there is no user {user}; make it, or name another with --user")]
    NoUser {
        /// Who.
        user: String,
    },
    /// The user database cannot be asked.
    #[error("the user {user} cannot be looked up: {source}")]
    LookUp {
        /// Who.
        user: String,
        /// What the system said.
        source: nix::Error,
    },
    /// A file cannot be given away.
    #[error("{} cannot be given to the user", path.display())]
    Give {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Gives everything under `root` to `user`, when we are root; does nothing otherwise.
pub(crate) fn give(root: &Path, user: &str) -> Result<(), OwnershipError> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let found = User::from_name(user).map_err(|source| OwnershipError::LookUp {
        user: user.to_owned(),
        source,
    })?;
    let found = found.ok_or_else(|| OwnershipError::NoUser {
        user: user.to_owned(),
    })?;
    give_tree(root, found.uid, found.gid)
}

/// Gives everything under `root` to whom `root` itself belongs, when we are root: what a command made there is the service's.
pub(crate) fn restore(root: &Path) -> Result<(), OwnershipError> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let owner = root.metadata().map_err(|source| OwnershipError::Give {
        path: root.to_owned(),
        source,
    })?;
    give_tree(root, Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()))
}

fn give_tree(path: &Path, uid: Uid, gid: Gid) -> Result<(), OwnershipError> {
    let failed = |source| OwnershipError::Give {
        path: path.to_owned(),
        source,
    };
    // Of the link itself, should there be one: nobody is led elsewhere.
    std::os::unix::fs::lchown(path, Some(uid.as_raw()), Some(gid.as_raw())).map_err(failed)?;
    if !path.symlink_metadata().map_err(failed)?.is_dir() {
        return Ok(());
    }
    for file in std::fs::read_dir(path).map_err(failed)? {
        give_tree(&file.map_err(failed)?.path(), uid, gid)?;
    }
    Ok(())
}
