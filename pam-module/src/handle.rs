//! One PAM transaction: its items, its environment, and what the module keeps in it between phases.

use std::ffi::CStr;
use std::time::Duration;

use daypass_gate::Caller;
use pam::constants::PAM_ERROR_MSG;
use pam::conv::Conv;
use pam::items::{RHost, RUser, Service, Tty, User};
use pam::module::PamHandle;

use crate::decide::Standing;
use crate::diagnostic::harmless;
use crate::sys;

/// The key of our data in the transaction. Nobody but this module stores under it.
const DATA: &str = "daypass-transaction";

/// What is kept from phase to phase; a fork takes a copy along, which is how sshd's child learns its group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    /// `PAM_USER` when it was first seen.
    pub(crate) user: Option<String>,
    /// Where whoever asks stood in the last phase.
    pub(crate) standing: Option<Standing>,
    /// The time spent waiting for the agent so far.
    pub(crate) spent: Duration,
    /// The agent's handle, 0 for none.
    pub(crate) handle: u64,
    /// The group that the session is to carry.
    pub(crate) session_gid: Option<u32>,
    /// Whether a refusal to authenticate was told, to the agent and the person.
    pub(crate) was_told: bool,
}

/// A PAM transaction in one of its phases.
pub(crate) struct Transaction<'a> {
    pamh: &'a mut PamHandle,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(pamh: &'a mut PamHandle) -> Self {
        Self { pamh }
    }

    /// Every item, read anew: PAM_USER may have changed since the last phase.
    pub(crate) fn caller(&self) -> Caller {
        let pamh = &*self.pamh;
        Caller {
            service: text(
                pamh.get_item::<Service<'_>>()
                    .ok()
                    .flatten()
                    .map(|item| item.0),
            ),
            user: text(
                pamh.get_item::<User<'_>>()
                    .ok()
                    .flatten()
                    .map(|item| item.0),
            ),
            uid: sys::real_uid(),
            ruser: text(
                pamh.get_item::<RUser<'_>>()
                    .ok()
                    .flatten()
                    .map(|item| item.0),
            ),
            rhost: text(
                pamh.get_item::<RHost<'_>>()
                    .ok()
                    .flatten()
                    .map(|item| item.0),
            ),
            tty: text(pamh.get_item::<Tty<'_>>().ok().flatten().map(|item| item.0)),
        }
        .bounded()
    }

    /// What sshd says about the keys that were used; empty elsewhere, and when it is no text.
    pub(crate) fn auth_info(&mut self) -> String {
        sys::pam_environment(self.pamh, c"SSH_AUTH_INFO_0")
            .and_then(|info| String::from_utf8(info).ok())
            .unwrap_or_default()
    }

    /// What an earlier phase kept.
    pub(crate) fn kept(&self) -> Kept {
        // SAFETY: only `keep` stores under this key, and it stores a `Kept`.
        unsafe { self.pamh.get_data::<Kept>(DATA) }
            .cloned()
            .unwrap_or_default()
    }

    /// Keeps this for the next phase.
    pub(crate) fn keep(&mut self, kept: Kept) {
        let _ = self.pamh.set_data(DATA, Box::new(kept));
    }

    /// Shows a refusal, line by line. Whether the program shows it is the program's affair.
    pub(crate) fn show_refusal(&self, message: &str) {
        if let Ok(Some(conversation)) = self.pamh.get_item::<Conv<'_>>() {
            for line in harmless(message).lines() {
                let _ = conversation.send(PAM_ERROR_MSG, line);
            }
        }
    }

    /// One line to syslog.
    pub(crate) fn log(&self, line: &str) {
        sys::log_warning(self.pamh, &harmless(line));
    }
}

fn text(item: Option<&CStr>) -> String {
    item.map(|item| item.to_string_lossy().into_owned())
        .unwrap_or_default()
}
