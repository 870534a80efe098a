//! Whether our files are root's alone to change, and the secret ones root's alone to read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::layout::Layout;

/// Others may neither write nor read.
const SECRET: u32 = 0o077;
/// Others may not write.
const OPEN: u32 = 0o022;
/// The journal is for the group adm to read.
const FOR_READERS: u32 = 0o027;

/// A file or directory of ours that somebody else may change or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose {
    /// Which.
    pub path: PathBuf,
    /// Whose it is.
    pub owner: u32,
    /// Its permission bits.
    pub mode: u32,
    /// Those that it may not have.
    pub forbidden: u32,
}

/// Everything of ours that is not as tight as it must be. `root` is whose it has to be.
#[must_use]
pub(super) fn loose(layout: &Layout, root: u32) -> Vec<Loose> {
    let files = [
        (layout.config(), OPEN),
        (layout.managed(), OPEN),
        (layout.user_ca(), OPEN),
        (layout.banner(), OPEN),
        (layout.sshd_block(), OPEN),
        (layout.sshd_host_certificates(), OPEN),
        (layout.sudoers(), OPEN),
        (layout.pam().join("daypass-sudo"), OPEN),
        (layout.run(), OPEN),
        (layout.session_sudoers(), OPEN),
        (layout.sessions(), SECRET),
        (layout.state(), SECRET),
        (layout.journal_keys(), SECRET),
        (layout.journal(), FOR_READERS),
    ];
    files
        .into_iter()
        .filter_map(|(path, forbidden)| {
            // What is missing is told elsewhere, where it matters.
            let about = fs::metadata(&path).ok()?;
            let (owner, mode) = (about.uid(), about.mode() & 0o7777);
            let is_tight = owner == root && mode & forbidden == 0;
            (!is_tight).then_some(Loose {
                path,
                owner,
                mode,
                forbidden,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use nix::unistd::Uid;

    use super::*;

    #[test]
    fn a_file_that_others_may_change_is_named_and_a_tight_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let (managed, state) = (layout.managed(), layout.state());
        fs::create_dir_all(managed.parent().unwrap()).unwrap();
        fs::create_dir_all(&state).unwrap();
        fs::write(&managed, "").unwrap();
        let set = |path: &PathBuf, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&managed, 0o644);
        set(&state, 0o700);
        let own = Uid::current().as_raw();
        assert_eq!(loose(&layout, own), []);
        set(&managed, 0o664);
        set(&state, 0o750);
        let found = loose(&layout, own);
        assert_eq!(found.len(), 2);
        assert_eq!((&found[0].path, found[0].mode), (&managed, 0o664));
        assert_eq!((&found[1].path, found[1].mode), (&state, 0o750));
        assert_eq!(loose(&layout, own + 1).len(), 2, "somebody else's");
    }
}
