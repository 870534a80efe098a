//! User certificates: made by the CA from an approved window, judged by hosts against the same window.
//!
//! Both sides stand here, beside one another; the format is in `docs/formats/certificate.md`.

mod issue;
mod key_id;
mod profile;
mod refusal;

pub use issue::{IssueError, Request};
pub use key_id::{InvalidKeyId, KeyId};
pub use profile::Profile;
pub use refusal::Refusal;

use ssh_key::Certificate;

/// The extension that carries the window and its statements.
pub const WINDOW_EXTENSION: &str = "window@daypass";
/// The extension that carries the number of the CA's state at issue.
pub const STATE_EXTENSION: &str = "state@daypass";
/// The critical option that bounds where a certificate may be used from.
pub const SOURCE_ADDRESS: &str = "source-address";
/// The critical option that replaces whatever command is asked for.
pub const FORCE_COMMAND: &str = "force-command";

/// Bytes in a certificate's text, at most: 32 KiB of window, keys and signatures, in base64.
pub const MAX_TEXT: usize = 64 * 1024;

/// Why a text is not a certificate.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Longer than any certificate of ours.
    #[error("{0} bytes are too long for a certificate")]
    TooLong(usize),
    /// Not an OpenSSH certificate.
    #[error("not an OpenSSH certificate: {0}")]
    Form(ssh_key::Error),
}

/// Reads `TYPE BASE64 [COMMENT]`, as in a `-cert.pub` file; nothing is checked yet.
pub fn parse(text: &str) -> Result<Certificate, Error> {
    if text.len() > MAX_TEXT {
        return Err(Error::TooLong(text.len()));
    }
    Certificate::from_openssh(text).map_err(Error::Form)
}
