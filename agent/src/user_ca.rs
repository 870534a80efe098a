//! The file of user-CA keys that the Match block names.

use std::fmt::Write as _;

use daypass_protocol::key::Key;

use crate::durable;
use crate::layout::Layout;

const MAX_BYTES: u64 = 256 * 1024;

/// Writes the keys, if the file does not say the same already. sshd reads it at each login.
///
/// # Errors
/// The file could not be written.
pub fn store(layout: &Layout, keys: &[Key]) -> Result<(), durable::Error> {
    let mut text = String::new();
    for key in keys {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key}");
    }
    let path = layout.user_ca();
    if durable::read(&path, MAX_BYTES)?.as_deref() == Some(text.as_bytes()) {
        return Ok(());
    }
    if let Some(directory) = path.parent() {
        durable::directory(directory, 0o755)?;
    }
    durable::replace(&path, text.as_bytes(), 0o644)
}
