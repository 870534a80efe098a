//! Before the first start: the CA's rosters and state, which are there once somebody has signed roster 1.
//!
//! Nobody has to come back for it. The service runs, says what it waits for, and asks until it is told.

use std::os::fd::AsFd as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use sd_notify::NotifyState;

use crate::authority::WordError;
use crate::config::Config;
use crate::layout::Layout;
use crate::refresh::{Refresh, RefreshError};

/// The CA is asked this often, in milliseconds.
const ASK_AGAIN: u16 = 2000;

/// How the waiting ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    /// Rosters and state are there.
    Word,
    /// A signal came first.
    Stopped,
}

/// Why nobody waits.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FirstError {
    /// Signals.
    #[error("the system refused to tell of signals")]
    Signals(#[from] nix::Error),
    /// What the CA said cannot be kept.
    #[error(transparent)]
    Keep(WordError),
}

/// Returns when the CA's first word is there, be it from an earlier start.
pub(crate) fn hear(
    refresh: &Refresh,
    config: &Config,
    layout: &Layout,
    signals: &SigSet,
) -> Result<Heard, FirstError> {
    if layout.authority().exists() {
        return Ok(Heard::Word);
    }
    let signals = SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC)?;
    // Started in order: what is missing is missing elsewhere, and nobody waits for this unit to be told.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    let mut told = String::new();
    loop {
        match refresh.first(&layout.authority(), config.ca_setup.ca) {
            Ok(()) => return Ok(Heard::Word),
            Err(RefreshError::Word(error @ WordError::File { .. })) => {
                return Err(FirstError::Keep(error));
            }
            Err(error) => tell(&error, &mut told),
        }
        let mut ends = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ends, PollTimeout::from(ASK_AGAIN)) {
            Ok(0) | Err(nix::Error::EINTR) => {}
            Ok(_) => return Ok(Heard::Stopped),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Once for each reason, so that the log of a week's waiting is a few lines.
fn tell(error: &RefreshError, told: &mut String) {
    let said = error.to_string();
    if *told == said {
        return;
    }
    let _ = sd_notify::notify(&[NotifyState::Status(&format!("waits: {said}"))]);
    let error = error as &dyn std::error::Error;
    tracing::info!(error, "waits for the CA's rosters and state");
    *told = said;
}
