//! Everything that `daypass-ca` says to the person at the terminal: what happened, and what to do next.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use crate::authority::OpenError;
use crate::backup::BackupError;
use crate::cli::CommandError;
use crate::cli::key::{KeyCommandError, Rotated};
use crate::config::ConfigError;
use crate::control::client::ControlError;
use crate::control::{CollectorView, Erased, Status};
use crate::genesis::{GenesisError, Newborn};
use crate::init::InitError;
use crate::keys::KeysError;
use crate::keys::rotation::RotationError;
use crate::keys::state_key::SuccessionError;
use crate::ledger::LedgerError;
use crate::passphrase::{PassphraseError, SHORTEST};
use crate::restore::{RestoreError, Restored};
use crate::serve::ServeError;
use crate::signer::file::KeyFileError;
use crate::trust::TrustFileError;

/// After `collector add`.
pub(crate) const AFTER_ADD: &str = "\
The line above is the answer to the collector; nothing in it is secret. There, as root:

    daypass-collector accept < ANSWER";

/// After `collector remove`.
pub(crate) const AFTER_REMOVE: &str = "Hosts forward to it no longer once they have the new state, within a minute. What it holds it keeps.";

/// After `host token`.
pub(crate) const AFTER_TOKEN: &str = "\
The line above is secret until it is used. On the host, as root, paste it into:

    daypass-agent enroll";

/// What `init` prints when all went well.
pub fn of_newborn(newborn: &Newborn) -> String {
    let Newborn { pin, setup, .. } = newborn;
    format!(
        "The CA is made. Its pin, by which everybody will know it:

    {pin}

{recovery}
Next, the first admin, on their own machine:

    daypass setup {setup} --person NAME
    daypass roster sign --pin {pin}

Until that is done the CA answers nothing else. Start it with: systemctl start daypass-ca
",
        recovery = of_recovery(newborn),
    )
}

/// What `init` shows once and never again.
pub fn of_recovery(newborn: &Newborn) -> String {
    format!(
        "The recovery key. It is shown this once and kept nowhere: store it offline, it signs a new
roster when no admin can.

{}",
        newborn.recovery.as_str()
    )
}

/// What `status` shows.
pub fn of_status(status: &Status) -> String {
    let Status {
        ca, setup, roster, ..
    } = status;
    let mut text = format!("Pin: {ca}\nSetup line: {setup}\n");
    let _ = if status.active {
        writeln!(text, "Roster: {roster}, in force")
    } else {
        writeln!(
            text,
            "Roster: 1, not signed yet; until {} signs it on their own machine, the CA answers nothing else:\n\n    daypass roster sign --pin {ca}\n",
            status.admins.join(" or ")
        )
    };
    text += &of_collectors(&status.collectors);
    let _ = writeln!(
        text,
        "The CA's own journal is forwarded: {}",
        status.forwarding.standing
    );
    text
}

/// What `collector list` shows.
pub fn of_collectors(collectors: &[CollectorView]) -> String {
    if collectors.is_empty() {
        return "No collector: journals are kept where they are written, and nobody else has seen them. See daypass-ca(8), collector add.\n".to_owned();
    }
    let mut text = String::new();
    for collector in collectors {
        let CollectorView {
            url,
            witness,
            heir,
            added,
            expires,
            ..
        } = collector;
        let _ = writeln!(text, "Collector: {url}\n    witness {witness}");
        if let Some(heir) = heir {
            let _ = writeln!(text, "    and, to come after it, {heir}");
        }
        let _ = writeln!(text, "    since {added}, certificate until {expires}");
    }
    text
}

/// What a command says that the service did not carry out.
pub fn of_command(error: &CommandError) -> String {
    let advice = match error {
        CommandError::Config(ConfigError::Unreadable { .. }) => {
            Some("Run it as root, on the machine of the CA; daypass-server init makes one.")
        }
        CommandError::Config(_) => Some("daypass-ca(8) explains every key of the configuration."),
        CommandError::Control(ControlError::NotRunning { .. }) => Some(
            "Start it with: systemctl start daypass-ca; its log says why it stopped: journalctl -u daypass-ca",
        ),
        CommandError::Control(ControlError::NotRoot { .. }) => Some("Run it as root."),
        _ => None,
    };
    message(error, advice)
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

/// What `key` prints when all went well.
pub(crate) fn of_rotated(done: &Rotated) -> String {
    const NEXT: &str = "Next: systemctl restart daypass-ca";
    match done {
        Rotated::Added(key) => format!(
            "The next key is {} ({}). Once the CA was restarted, its state announces it beside the one that signs now. Hosts
hear of it within a minute; one that was away must have been back before the next step, daypass-ca key use.
{NEXT}
",
            key.fingerprint(),
            key.data().algorithm()
        ),
        Rotated::AddedRoot(hash) => format!(
            "The next X.509 root is {hash}. Once the CA was restarted, its state announces it beside the one that issues now. Hosts
and collectors trust it within a minute, people's machines when they next ask for the list of hosts (daypass setup --refresh); who
was away must have been back before the next step, daypass-ca key use x509-root.
{NEXT}
"
        ),
        Rotated::UsedRoot => format!(
            "The X.509 root that was added issues, once the CA was restarted. Hosts and collectors renew their certificates under it
within the hour; join tokens, invitations and setup lines that nobody has used yet have to be made anew. When all have renewed, end the
trust in the one before with daypass-ca key retire x509-root.
{NEXT}
"
        ),
        Rotated::Used => format!(
            "The key that was added signs, once the CA was restarted. The one before is still trusted: when the last of its
certificates has ended, take that away with daypass-ca key retire.
{NEXT}
"
        ),
        Rotated::Retired => format!("The key of before is gone.\n{NEXT}\n"),
        Rotated::Succeeded(key) => format!(
            "The state is signed with {} once the CA was restarted. The key before has named it, so hosts and collectors
follow by themselves.
{NEXT}
",
            key.fingerprint()
        ),
        Rotated::RenewedLog(renewed) => format!(
            "Entry {} hands the CA's journal over to a new key, and is sealed by the one before, which is gone. Collectors, and whoever
verifies the whole journal, follow by themselves. Others that know the key, witnesses that hold no entries among them, have to be
told:
{}
",
            renewed.entry, renewed.key
        ),
    }
}

/// What `key` says when it failed.
pub(crate) fn of_rotation(error: &KeyCommandError) -> String {
    let advice = match error {
        KeyCommandError::Config(_) => Some("Give the CA's configuration with --config."),
        KeyCommandError::Passphrase(error) => of_passphrase(error),
        KeyCommandError::Init(_) => None,
        KeyCommandError::Command(error) => return of_command(error),
        KeyCommandError::Succession(SuccessionError::Keys(error)) => of_keys(error),
        KeyCommandError::Succession(_) | KeyCommandError::Store(_) => {
            Some("Run it as root or as the CA's user.")
        }
        KeyCommandError::NoCa { .. } => Some("Give the CA's configuration with --config."),
        KeyCommandError::RootInAgent => Some("Leave --public-key out."),
        KeyCommandError::RootOfType => Some("Leave --type out."),
        KeyCommandError::Rotation(error) => match &**error {
            RotationError::UnderWay { .. } => {
                Some("Finish that one with: daypass-ca key use, key retire")
            }
            RotationError::NoNext { .. } => Some("Add one with: daypass-ca key add"),
            RotationError::Unannounced { .. } => Some(
                "Restart the CA (systemctl restart daypass-ca), wait until every host and collector has heard, and try again.",
            ),
            RotationError::BeforeRoster { .. } => Some(
                "The first admin signs it, on their own machine: daypass roster sign. From then on the state names that root; when every host and collector has heard, run this again.",
            ),
            RotationError::NoOld { .. } => None,
            RotationError::Keys(error) => of_keys(error),
            RotationError::File { .. } | RotationError::Tls(_) | RotationError::Store(_) => {
                Some("Run it as root or as the CA's user.")
            }
            RotationError::X509(_) => None,
        },
    };
    message(error, advice)
}

fn of_keys(error: &KeysError) -> Option<&'static str> {
    match error {
        KeysError::File(KeyFileError::WrongPassphrase { .. }) => {
            Some("Give the passphrase that init was given.")
        }
        KeysError::NoAgent { .. } => Some(
            "Name the agent that holds the key as ssh_agent in ca.toml; if a rotation was interrupted, run daypass-ca key use again.",
        ),
        KeysError::Agent(_) => {
            Some("See that the agent runs, holds the key (ssh-add -L), and answers the CA's user.")
        }
        _ => None,
    }
}

/// What `restore` prints when all went well.
pub fn of_restored(restored: &Restored) -> String {
    let Restored {
        directory,
        ca,
        incarnation,
        roster,
        from,
        journal_damaged: _,
    } = restored;
    format!(
        "The CA {ca} is in {}, as it was at {from}, in the new incarnation {incarnation}.

What came after the backup is not known here:
- the newest roster is {roster}; where the admins have signed later ones, hand those in before anything else, or hosts
  will report two rosters of one number;
- windows that were revoked since stay closed on the hosts that heard of it; revoke them here again;
- join tokens and invitations that were not used yet are worth nothing any more: make new ones.
The CA's journal begins anew, and its collectors are told so. Next: systemctl start daypass-ca
",
        directory.display()
    )
}

/// What `restore` warns of, although all else went well.
pub fn of_damaged_journal(restored: &Restored) -> Option<String> {
    let damage = restored.journal_damaged.as_deref()?;
    Some(format!(
        "Warning: the backup's journal does not tell all: {damage}.
The CA was restored; its list of certificates lacks those that only later entries tell of. What was revoked stays revoked. Keep
that journal as it is, beside the new one in {}, and look for another copy of the backup, or at the collectors, for what it told.
",
        restored.directory.display()
    ))
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
        InitError::Genesis(error) => match &**error {
            GenesisError::Exists { .. } => Some(
                "To start over, on a CA that nobody uses yet, remove the directory's contents first.",
            ),
            GenesisError::LeftOver { .. } => Some(
                "If it is of no use to anybody, move it away and run init again; if it is a CA that lost its database, restore that.",
            ),
            _ => None,
        },
        InitError::Output(_) => Some(
            "Without it the CA could never be recovered, so it is not in service: run init again, it begins anew.",
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
        ServeError::Control { .. } => Some(
            "Its unit makes the directory; run by hand, set another path with control in ca.toml.",
        ),
        ServeError::Tls(_)
        | ServeError::Forwarding(_)
        | ServeError::Ledger(_)
        | ServeError::Server(_) => None,
    };
    message(error, advice)
}

/// After `erase`, or instead of it.
pub fn of_erased(erased: &Erased) -> String {
    let entries = erased.entries;
    if erased.said_by.is_empty() {
        return format!("{entries} entries would be erased, for ever. With --yes they are.\n");
    }
    let said_by: Vec<String> = erased.said_by.iter().map(ToString::to_string).collect();
    format!(
        "{entries} entries are erased; entry {} says so. Every seal and every proof still holds.\n\
         Copies that a collector, an archive or a backup holds are not touched by this.\n",
        said_by.join(", ")
    )
}

/// What `trust` says when there is nothing to print.
pub fn of_trust(error: &TrustFileError) -> String {
    let advice = match error {
        TrustFileError::NoCa { .. } => Some("Make one with: daypass-ca init"),
        TrustFileError::Unreadable { .. } | TrustFileError::Journal(_) => Some("Run it as root."),
        TrustFileError::Store(_) | TrustFileError::Trust(_) => None,
    };
    message(error, advice)
}

fn of_open(error: &OpenError) -> Option<&'static str> {
    match error {
        OpenError::NoCa { .. } => Some("Make one with: daypass-ca init"),
        OpenError::Unfinished { .. } => {
            Some("Run init again, it begins anew: daypass-server init, or daypass-ca init")
        }
        OpenError::Keys(error) => of_keys(error),
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
