//! What PAM calls. Panics end here: for a managed account as a refusal, for everybody else as nothing at all.

use std::cell::Cell;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use pam::constants::{PAM_ESTABLISH_CRED, PAM_REINITIALIZE_CRED, PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};
use pam::pam_hooks;

use crate::decide::{Standing, Verdict};
use crate::diagnostic;
use crate::handle::Transaction;
use crate::options::Options;
use crate::phase::{Asker, Phase, give_group};

struct Daypass;

pam_hooks!(Daypass);

impl PamHooks for Daypass {
    fn sm_authenticate(pamh: &mut PamHandle, args: Vec<&CStr>, _flags: PamFlag) -> PamResultCode {
        run(
            pamh,
            &args,
            Phase::Authenticate,
            PamResultCode::PAM_AUTH_ERR,
        )
    }

    fn acct_mgmt(pamh: &mut PamHandle, args: Vec<&CStr>, _flags: PamFlag) -> PamResultCode {
        run(pamh, &args, Phase::Account, PamResultCode::PAM_PERM_DENIED)
    }

    fn sm_open_session(pamh: &mut PamHandle, args: Vec<&CStr>, _flags: PamFlag) -> PamResultCode {
        run(pamh, &args, Phase::Open, PamResultCode::PAM_SESSION_ERR)
    }

    fn sm_close_session(pamh: &mut PamHandle, args: Vec<&CStr>, _flags: PamFlag) -> PamResultCode {
        // An end is told, not asked for.
        run(pamh, &args, Phase::Close, PamResultCode::PAM_IGNORE)
    }

    fn sm_setcred(pamh: &mut PamHandle, _args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        if flags & (PAM_ESTABLISH_CRED | PAM_REINITIALIZE_CRED) != 0 {
            quietly();
            let _ = catch_unwind(AssertUnwindSafe(|| give_group(&Transaction::new(pamh))));
        }
        PamResultCode::PAM_IGNORE
    }
}

/// Silences this library's own panic hook (it has a copy of std to itself): the program around us owns stderr.
fn quietly() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
}

fn run(
    pamh: &mut PamHandle,
    args: &[&CStr],
    phase: Phase,
    refusal: PamResultCode,
) -> PamResultCode {
    quietly();
    let standing = Cell::new(Standing::Other);
    let mut transaction = Transaction::new(pamh);
    let verdict = catch_unwind(AssertUnwindSafe(|| {
        let options = Options::from_arguments(args);
        let Some(asker) = Asker::of(&transaction, phase, &options) else {
            return Verdict::Pass;
        };
        standing.set(asker.standing);
        asker.go_through(phase, &mut transaction, &options)
    }));
    let verdict = verdict.unwrap_or_else(|_| match standing.get() {
        Standing::Guarded => Verdict::Refuse {
            message: diagnostic::FAILED.to_owned(),
            why: "the module panicked".to_owned(),
        },
        Standing::Other => Verdict::Pass,
    });
    match verdict {
        Verdict::Go { .. } => PamResultCode::PAM_SUCCESS,
        Verdict::Pass | Verdict::PassUnseen(_) => PamResultCode::PAM_IGNORE,
        Verdict::Refuse { message, .. } => {
            if phase != Phase::Close {
                transaction.show_refusal(&message);
            }
            refusal
        }
    }
}
