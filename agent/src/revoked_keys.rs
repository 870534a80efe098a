//! The revocation list that the Match block names. sshd refuses every key while it cannot read it, so one stands there
//! before the block does, and what is no list is never put in its place.

use daypass_protocol::krl::{self, Krl};

use crate::durable;
use crate::layout::Layout;

/// Why the list was left as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What came is no list.
    #[error("the CA's revocation list cannot be used: {0}")]
    Krl(#[from] krl::Error),
    /// It was made before the state that is in force.
    #[error("the CA's revocation list is number {found}, the state is number {state}")]
    Behind {
        /// The list's number.
        found: u64,
        /// The state's.
        state: u64,
    },
    /// The file could not be written.
    #[error(transparent)]
    File(#[from] durable::Error),
}

/// Puts a list in place that was made with this state, or after it.
///
/// # Errors
/// See [`enum@Error`]; the list of before stands then.
pub fn store(layout: &Layout, bytes: &[u8], state: u64) -> Result<(), Error> {
    let found = Krl::parse(bytes)?.number;
    if found < state {
        return Err(Error::Behind { found, state });
    }
    put(layout, bytes)?;
    Ok(())
}

/// Sees to it that a list stands there which sshd can read.
///
/// # Errors
/// The file could not be written.
pub fn ensure(layout: &Layout) -> Result<(), durable::Error> {
    let there = durable::read(&layout.revoked_keys(), krl::MAX_BYTES as u64)
        .ok()
        .flatten();
    match there {
        Some(bytes) if Krl::parse(&bytes).is_ok() => Ok(()),
        _ => put(layout, &Krl::default().to_bytes()),
    }
}

fn put(layout: &Layout, bytes: &[u8]) -> Result<(), durable::Error> {
    let path = layout.revoked_keys();
    if let Some(directory) = path.parent() {
        durable::directory(directory, 0o755)?;
    }
    durable::replace(&path, bytes, 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_stands_there_before_anybody_asks_for_one_and_a_damaged_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        ensure(&layout).unwrap();
        let empty = Krl::default().to_bytes();
        assert_eq!(std::fs::read(layout.revoked_keys()).unwrap(), empty);
        std::fs::write(layout.revoked_keys(), "torn").unwrap();
        ensure(&layout).unwrap();
        assert_eq!(std::fs::read(layout.revoked_keys()).unwrap(), empty);
    }

    #[test]
    fn a_list_that_is_none_or_older_than_the_state_leaves_the_one_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let list = |number| Krl {
            number,
            serials: [number].into(),
            ..Krl::default()
        };
        store(&layout, &list(7).to_bytes(), 7).unwrap();
        assert!(matches!(
            store(&layout, b"<html>", 7),
            Err(Error::Krl(krl::Error::Magic))
        ));
        assert!(matches!(
            store(&layout, &list(6).to_bytes(), 7),
            Err(Error::Behind { found: 6, state: 7 })
        ));
        ensure(&layout).unwrap();
        let there = std::fs::read(layout.revoked_keys()).unwrap();
        assert_eq!(Krl::parse(&there), Ok(list(7)));
    }
}
