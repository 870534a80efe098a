//! Where the passphrase of the CA's keys comes from: a systemd credential, a file, or the terminal.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// The name of the systemd credential (`LoadCredentialEncrypted=ca-passphrase:…`).
pub const CREDENTIAL: &str = "ca-passphrase";

/// A passphrase shorter than this is refused when keys are made.
pub const SHORTEST: usize = 12;

/// Longer than any passphrase; a bigger file is the wrong file.
const LONGEST: u64 = 4096;

/// A passphrase, wiped when it is dropped.
pub struct Passphrase(Zeroizing<String>);

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// The file or credential could not be read.
    #[error("the passphrase file {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is far too large to be a passphrase.
    #[error("the passphrase file {path} is larger than {LONGEST} bytes: is it the right file?")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Nobody at a terminal to ask.
    #[error(
        "no passphrase: there is no systemd credential {CREDENTIAL}, no --passphrase-file, and no terminal to ask at"
    )]
    NobodyToAsk(#[source] std::io::Error),
    /// The two entries differ.
    #[error("the two passphrases differ")]
    Differ,
    /// Too short to protect a CA.
    #[error("the passphrase is shorter than {SHORTEST} characters")]
    TooShort,
}

impl Passphrase {
    /// For tests and callers that have one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The passphrase of keys that exist: from `file`, else systemd's credential, else asked once.
    ///
    /// # Errors
    /// When none of the three yields one.
    pub fn to_open(file: Option<&Path>) -> Result<Self, PassphraseError> {
        match source(file) {
            Some(path) => Self::from_file(&path),
            None => ask("Passphrase of the CA's keys: "),
        }
    }

    /// The passphrase from where it can be read at any time: `file`, or systemd's credential. None where somebody typed it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn unasked(file: Option<&Path>) -> Result<Option<Self>, PassphraseError> {
        source(file).map(|path| Self::from_file(&path)).transpose()
    }

    /// A passphrase for new keys: as [`Passphrase::to_open`], but asked twice, and not too short.
    ///
    /// # Errors
    /// When there is none, when the two entries differ, or when it is too short.
    pub fn to_create(file: Option<&Path>) -> Result<Self, PassphraseError> {
        let passphrase = match source(file) {
            Some(path) => Self::from_file(&path)?,
            None => {
                let first = ask("New passphrase for the CA's keys: ")?;
                if first.as_bytes() != ask("Once more: ")?.as_bytes() {
                    return Err(PassphraseError::Differ);
                }
                first
            }
        };
        if passphrase.0.chars().count() < SHORTEST {
            return Err(PassphraseError::TooShort);
        }
        Ok(passphrase)
    }

    fn from_file(path: &Path) -> Result<Self, PassphraseError> {
        let unreadable = |source| PassphraseError::Unreadable {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).map_err(unreadable)?.len() > LONGEST {
            return Err(PassphraseError::TooLong {
                path: path.to_owned(),
            });
        }
        let mut text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
        let length = text.trim_end_matches(['\r', '\n']).len();
        text.truncate(length);
        Ok(Self(text))
    }
}

/// A credential is only there when systemd put it there; its directory's variable is systemd's, not ours.
fn source(file: Option<&Path>) -> Option<PathBuf> {
    if let Some(file) = file {
        return Some(file.to_owned());
    }
    let credential = Path::new(&std::env::var_os("CREDENTIALS_DIRECTORY")?).join(CREDENTIAL);
    credential.exists().then_some(credential)
}

fn ask(prompt: &str) -> Result<Passphrase, PassphraseError> {
    rpassword::prompt_password(prompt)
        .map(Passphrase::new)
        .map_err(PassphraseError::NobodyToAsk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_break_at_the_end_of_the_file_is_no_part_of_the_passphrase() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "correct horse battery\n").unwrap();
        let passphrase = Passphrase::to_create(Some(file.path())).unwrap();
        assert_eq!(passphrase.as_bytes(), b"correct horse battery");
    }

    #[test]
    fn a_short_passphrase_is_refused_for_new_keys() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "short\n").unwrap();
        assert!(matches!(
            Passphrase::to_create(Some(file.path())),
            Err(PassphraseError::TooShort)
        ));
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = Passphrase::to_open(Some(Path::new("/no/such/file")))
            .err()
            .unwrap()
            .to_string();
        assert!(message.contains("/no/such/file"));
    }
}
