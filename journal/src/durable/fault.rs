//! Faults that tests plan for files under a directory of theirs: an operation fails, or the process is
//! killed there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use nix::errno::Errno;
use nix::sys::signal::{Signal, raise};

use super::Action;

struct Plan {
    under: PathBuf,
    /// Any, if none.
    action: Option<Action>,
    after: usize,
    /// Death, if none.
    errno: Option<Errno>,
    /// Whose operations count; everybody's, if none.
    thread: Option<ThreadId>,
}

static PLANS: Mutex<Vec<Plan>> = Mutex::new(Vec::new());
static DYING: AtomicBool = AtomicBool::new(false);

/// Lets `action` on a file under `under` fail with `errno`, once, after `after` that succeed.
pub(crate) fn plan(under: &Path, action: Action, after: usize, errno: Errno) {
    add(under, Some(action), after, Some(errno), None);
}

/// [`plan`], for what the calling thread does itself: what others do beside it comes at another time in each run.
pub(crate) fn plan_here(under: &Path, action: Action, after: usize, errno: Errno) {
    let here = thread::current().id();
    add(under, Some(action), after, Some(errno), Some(here));
}

/// Lets this process be killed at an operation on a file under `under`, after `after` that succeed.
pub(crate) fn plan_death(under: &Path, after: usize) {
    add(under, None, after, None, None);
}

fn add(
    under: &Path,
    action: Option<Action>,
    after: usize,
    errno: Option<Errno>,
    thread: Option<ThreadId>,
) {
    PLANS.lock().unwrap().push(Plan {
        under: under.to_owned(),
        action,
        after,
        errno,
        thread,
    });
}

/// Whether a planned fault has not happened yet; it is withdrawn.
pub(crate) fn withdraw(under: &Path) -> bool {
    let mut plans = PLANS.lock().unwrap();
    let before = plans.len();
    plans.retain(|plan| plan.under != under);
    plans.len() < before
}

/// The planned fault, when it is due. A write that fails is still to leave its first half: then [`fall`].
pub(super) fn strike(action: Action, path: &Path) -> io::Result<()> {
    let mut plans = PLANS.lock().unwrap();
    let here = thread::current().id();
    let matches = |plan: &Plan| {
        plan.action.is_none_or(|planned| planned == action)
            && path.starts_with(&plan.under)
            && plan.thread.is_none_or(|planned| planned == here)
    };
    let Some(place) = plans.iter().position(matches) else {
        return Ok(());
    };
    if plans[place].after > 0 {
        plans[place].after -= 1;
        return Ok(());
    }
    let errno = plans.swap_remove(place).errno;
    DYING.fetch_or(errno.is_none(), Ordering::Relaxed);
    if action != Action::Write {
        fall();
    }
    Err(io::Error::from(errno.unwrap_or(Errno::EIO)))
}

/// Dies, if that is what was planned.
pub(super) fn fall() {
    if DYING.load(Ordering::Relaxed) {
        raise(Signal::SIGKILL).unwrap();
    }
}
