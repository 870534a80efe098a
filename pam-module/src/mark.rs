//! The mark that says "the agent did not answer lately", so that people who are not under management wait once, not
//! at every login and every sudo.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use crate::sys;

/// How long nobody asks again after a time-out.
pub(crate) const REST: Duration = Duration::from_secs(30);

/// Leaves the mark. Where it cannot be left, the next one waits too: a delay, never a refusal.
pub(crate) fn leave(path: &Path) {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path);
    if let Ok(mut file) = file {
        let _ = write!(file, "{}", sys::since_boot().as_secs());
    }
}

/// Whether a time-out happened within the last [`REST`], by the clock that nobody can set.
pub(crate) fn is_fresh(path: &Path) -> bool {
    let Ok(text) = fs::read_to_string(path) else {
        return false;
    };
    let Ok(then) = text.trim().parse() else {
        return false;
    };
    sys::since_boot()
        .checked_sub(Duration::from_secs(then))
        .is_some_and(|age| age < REST)
}

/// Takes the mark away: the agent has answered.
pub(crate) fn clear(path: &Path) {
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_fresh_until_it_is_old_or_cleared() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("unanswered");
        assert!(!is_fresh(&path));
        leave(&path);
        assert!(is_fresh(&path));
        clear(&path);
        assert!(!is_fresh(&path));
        let long_ago = sys::since_boot().saturating_sub(REST).as_secs();
        fs::write(&path, long_ago.saturating_sub(1).to_string()).unwrap();
        assert!(!is_fresh(&path));
        fs::write(&path, u64::MAX.to_string()).unwrap();
        assert!(!is_fresh(&path), "a mark from the future is no mark");
    }
}
