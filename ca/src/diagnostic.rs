//! Everything that `daypass-ca` says to the person at the terminal: what happened, and what to do next.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use crate::authority::OpenError;
use crate::backup::BackupError;
use crate::genesis::{GenesisError, Newborn};
use crate::init::InitError;
use crate::keys::KeysError;
use crate::ledger::LedgerError;
use crate::passphrase::{PassphraseError, SHORTEST};
use crate::restore::{RestoreError, Restored};
use crate::serve::ServeError;
use crate::signer::file::KeyFileError;

/// What `init` prints when all went well.
pub fn of_newborn(newborn: &Newborn) -> String {
    let Newborn {
        pin,
        recovery,
        setup,
    } = newborn;
    format!(
        "The CA is made. Its pin, by which everybody will know it:

    {pin}

The recovery key. It is shown this once and kept nowhere: store it offline, it signs a new
roster when no admin can.

{recovery}
Next, the first admin, on their own machine:

    daypass setup {setup} --person NAME
    daypass roster sign --pin {pin}

Until that is done the CA answers nothing else. Start it with: systemctl start daypass-ca
",
        recovery = recovery.as_str(),
    )
}

/// What `backup` prints when all went well.
pub fn of_backup_made(path: &Path) -> String {
    format!(
        "The backup is {}. It holds the CA's signing keys, encrypted by their passphrase, and the X.509 root's key as it
is: keep it as safe as the CA. A passphrase that was sealed for this machine does not open on another one; with

    systemd-creds decrypt --name=ca-passphrase /etc/credstore.encrypted/ca-passphrase -

root can read it, and keep it elsewhere.
",
        path.display()
    )
}

/// What `restore` prints when all went well.
pub fn of_restored(restored: &Restored) -> String {
    let Restored {
        directory,
        ca,
        incarnation,
        roster,
        from,
    } = restored;
    format!(
        "The CA {ca} is in {}, as it was at {from}, in the new incarnation {incarnation}.

What came after the backup is not known here:
- the newest roster is {roster}; where the admins have signed later ones, hand those in before anything else, or hosts
  will report two rosters of one number;
- windows that were revoked since stay closed on the hosts that heard of it; revoke them here again;
- join tokens that were not used yet are worth nothing any more: make new ones.
The CA's journal begins anew: enrol it with the collector as you did the first. Then: systemctl start daypass-ca
",
        directory.display()
    )
}

/// What `backup` says when it failed.
pub fn of_backup(error: &BackupError) -> String {
    let advice = match error {
        BackupError::Config(_) => Some("Give the CA's configuration with --config."),
        BackupError::NoCa { .. } => Some("Check data in ca.toml."),
        BackupError::Exists { .. } => Some("Give another name, or move that one away first."),
        BackupError::File { .. } => Some("Run it as root or as the CA's user."),
        BackupError::Store(_) | BackupError::Manifest(_) => None,
    };
    message(error, advice)
}

/// What `restore` says when it failed.
pub fn of_restore(error: &RestoreError) -> String {
    let advice = match error {
        RestoreError::Exists { .. } => {
            Some("Move what is there away first, whole, if you are sure that it is not the CA.")
        }
        RestoreError::NoBackup { .. } => Some("Give a file that daypass-ca backup has written."),
        RestoreError::File { .. } | RestoreError::Owner(_) => Some("Run it as root."),
        _ => None,
    };
    message(error, advice)
}

/// What `init` says when it failed.
pub fn of_init(error: &InitError) -> String {
    let advice = match error {
        InitError::Admin(_) => Some("Choose another name for the first admin."),
        InitError::KeyFile { .. } => Some(
            "Give the admin's public key as --admin-key FILE.pub; ssh-keygen -t ed25519 makes one.",
        ),
        InitError::Key { .. } => Some(
            "Give an Ed25519, ECDSA or RSA (3072 bits or more) public key, one line as in id_ed25519.pub.",
        ),
        InitError::Passphrase(error) => of_passphrase(error),
        InitError::Credential(_) => Some(
            "Give a passphrase of your own with --passphrase-file, or mend what systemd-creds complains of.",
        ),
        InitError::Config(_) => Some("Check --name, --listen and --url."),
        InitError::NoUser(_) => Some(
            "Install the package daypass-server, which makes it, or name another one with --user.",
        ),
        InitError::Become { .. } | InitError::File { .. } => Some(
            "Run it as root, or choose directories that you may write with --data and --config.",
        ),
        InitError::Genesis(GenesisError::Exists { .. }) => Some(
            "To start over, on a CA that nobody uses yet, remove the directory's contents first.",
        ),
        InitError::Genesis(GenesisError::LeftOver { .. }) => Some("Remove it and run init again."),
        InitError::Genesis(_) => None,
        InitError::Output(_) => Some(
            "Without it the CA cannot be recovered: remove its directory's contents and run init again.",
        ),
    };
    message(error, advice)
}

/// What `serve` says when it could not begin, or failed.
pub fn of_serve(error: &ServeError) -> String {
    let advice = match error {
        ServeError::Config(_) | ServeError::Url { .. } => {
            Some("daypass-ca(8) explains every key of the configuration.")
        }
        ServeError::Passphrase(error) => of_passphrase(error),
        ServeError::Open(error) => of_open(error),
        ServeError::Listen { .. } => {
            Some("Stop what listens there, or set another address with listen in ca.toml.")
        }
        ServeError::Passed(_) => Some("The unit daypass-ca.socket needs exactly one ListenStream."),
        ServeError::Tls(_) | ServeError::Ledger(_) | ServeError::Server(_) => None,
    };
    message(error, advice)
}

fn of_open(error: &OpenError) -> Option<&'static str> {
    match error {
        OpenError::NoCa { .. } => Some("Make one with: daypass-ca init"),
        OpenError::Keys(KeysError::File(KeyFileError::WrongPassphrase { .. })) => {
            Some("Give the passphrase that init was given.")
        }
        OpenError::Ledger(LedgerError::Journal(daypass_journal::Error::InUse { .. })) => {
            Some("Another daypass-ca serves from this directory; stop that one first.")
        }
        _ => None,
    }
}

fn of_passphrase(error: &PassphraseError) -> Option<&'static str> {
    Some(match error {
        PassphraseError::Unreadable { .. } => {
            "Check --passphrase-file, or the systemd credential ca-passphrase."
        }
        PassphraseError::TooLong { .. } => {
            "Give a file that holds the passphrase alone, on one line."
        }
        PassphraseError::NobodyToAsk(_) => "Give a file with --passphrase-file FILE.",
        PassphraseError::Differ => "Run it again.",
        PassphraseError::TooShort => {
            const { assert!(SHORTEST == 12) };
            "Choose one of 12 characters or more."
        }
    })
}

/// The error with all its causes, each once, then the advice.
fn message(error: &dyn Error, advice: Option<&str>) -> String {
    let mut text = format!("daypass-ca: {error}");
    let mut last = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !last.contains(&said) {
            let _ = write!(text, ": {said}");
            last = said;
        }
        cause = error.source();
    }
    if let Some(advice) = advice {
        let _ = write!(text, "\n{advice}");
    }
    text
}
