//! What people are asked before they sign.

use std::path::Path;

pub(crate) const APPROVE: &str = "Approve this window with your signature?";
pub(crate) const REQUEST: &str = "Ask for this window with your signature?";
pub(crate) const ROSTER: &str = "Sign this roster?";
pub(crate) const RECOVER: &str = "Put this roster in force by the recovery key? CA, collector and every host will raise an alarm.";
pub(crate) const GRANT: &str = "Request and approve this window with your signature?";

pub(crate) fn passphrase(path: &Path) -> String {
    format!("Passphrase of {}: ", path.display())
}

pub(crate) fn include(path: &Path) -> String {
    format!(
        "Add an Include line at the top of {}, so that plain ssh works?",
        path.display()
    )
}
