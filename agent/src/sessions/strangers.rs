//! Logins to an account that are none of ours: they came in while it was let go.

use std::collections::BTreeSet;
use std::path::Path;

use super::cgroup::Cgroup;
use super::record::Record;
use super::sweep;

/// Ends the logins of this uid that logind knows and no record of ours names, and, where nobody is left, its user
/// manager. Services that run as this uid are no logins.
pub fn end_strangers(records: &Path, uid: u32) {
    let own: Vec<Record> = Record::load_all(records)
        .into_iter()
        .flatten()
        .filter(|record| record.uid == uid)
        .collect();
    let scopes: BTreeSet<&str> = own
        .iter()
        .filter_map(|record| record.scope.as_deref())
        .collect();
    let slice = format!("/user.slice/user-{uid}.slice");
    for name in Cgroup::find(&slice)
        .map(|slice| slice.below())
        .unwrap_or_default()
    {
        let path = format!("{slice}/{name}");
        if is_login(&name)
            && !scopes.contains(path.as_str())
            && let Some(scope) = Cgroup::find(&path)
        {
            scope.kill_all();
        }
    }
    if own.is_empty() {
        sweep::user_manager(uid);
    }
}

/// logind's scopes, one for each login.
fn is_login(name: &str) -> bool {
    name.starts_with("session-") && name.ends_with(".scope")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_told_from_services() {
        assert!(is_login("session-c12.scope"));
        for other in ["user@1001.service", "run-u7.scope", "session-7.slice"] {
            assert!(!is_login(other), "{other}");
        }
    }
}
