//! Faults that tests plan for files under a directory of theirs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use nix::errno::Errno;

use super::Action;

struct Plan {
    under: PathBuf,
    action: Action,
    after: usize,
    errno: Errno,
}

static PLANS: Mutex<Vec<Plan>> = Mutex::new(Vec::new());

/// Lets `action` on a file under `under` fail with `errno`, once, after `after` that succeed.
pub(crate) fn plan(under: &Path, action: Action, after: usize, errno: Errno) {
    PLANS.lock().unwrap().push(Plan {
        under: under.to_owned(),
        action,
        after,
        errno,
    });
}

/// Whether a planned fault has not happened yet; it is withdrawn.
pub(crate) fn withdraw(under: &Path) -> bool {
    let mut plans = PLANS.lock().unwrap();
    let before = plans.len();
    plans.retain(|plan| plan.under != under);
    plans.len() < before
}

pub(super) fn strike(action: Action, path: &Path) -> io::Result<()> {
    let mut plans = PLANS.lock().unwrap();
    let Some(place) = plans
        .iter()
        .position(|plan| plan.action == action && path.starts_with(&plan.under))
    else {
        return Ok(());
    };
    if plans[place].after > 0 {
        plans[place].after -= 1;
        return Ok(());
    }
    Err(io::Error::from(plans.swap_remove(place).errno))
}
