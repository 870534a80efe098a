//! Who is under management, without NSS: the agent's file, and `/etc/passwd` for the uid behind a name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use daypass_gate::managed::{MAX_FILE, ManagedAccounts};

/// Reads the managed file. `None` when there is none or it cannot be understood: then nobody is guarded here, and
/// sshd's own Match block is what keeps contractors out.
pub(crate) fn read(path: &Path) -> Option<ManagedAccounts> {
    let text = bounded(path, MAX_FILE as u64).ok()?;
    ManagedAccounts::parse(&text).ok()
}

/// Whether the account with this name is under management: by one of its listed names, or by the uid that
/// `/etc/passwd` gives it, so that a name added since the file was written does not slip through.
pub(crate) fn guards_name(accounts: &ManagedAccounts, name: &str, passwd: &Path) -> bool {
    if name == "root" || accounts.accounts().is_empty() {
        return false;
    }
    accounts.uid_of(name).is_some()
        || local_uid(name, passwd).is_some_and(|uid| accounts.has_uid(uid))
}

fn local_uid(name: &str, passwd: &Path) -> Option<u32> {
    let text = bounded(passwd, 16 * 1024 * 1024).ok()?;
    let line = text
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

fn bounded(path: &Path, most: u64) -> io::Result<String> {
    // Nearly every such file comes whole in one read.
    let mut text = Vec::with_capacity(4 * 1024);
    File::open(path)?.take(most + 1).read_to_end(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // A stray byte in a comment field of /etc/passwd must not hide the lines around it.
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_name_of_a_managed_uid_is_guarded_and_root_never_is() {
        let directory = tempfile::tempdir().unwrap();
        let passwd = directory.path().join("passwd");
        std::fs::write(&passwd, b"root:x:0:0::/root:/bin/sh\nsneak:x:1001:1001:\xff:/:/bin/sh\nann:x:1002:1002::/:/bin/sh\n")
            .unwrap();
        let accounts = ManagedAccounts::parse("1001 deploy\n").unwrap();
        assert!(guards_name(&accounts, "deploy", &passwd));
        assert!(guards_name(&accounts, "sneak", &passwd));
        assert!(!guards_name(&accounts, "ann", &passwd));
        assert!(!guards_name(&accounts, "root", &passwd));
        assert!(!guards_name(&accounts, "nobody-here", &passwd));
    }

    #[test]
    fn a_file_that_cannot_be_understood_guards_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("managed");
        assert_eq!(read(&path), None);
        std::fs::write(&path, "deploy\n").unwrap();
        assert_eq!(read(&path), None);
        std::fs::write(&path, "1001 deploy\n").unwrap();
        assert!(read(&path).unwrap().has_uid(1001));
    }
}
