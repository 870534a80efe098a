//! `daypass login`: a certificate for an account on a host, from the cache or from the CA.
//!
//! `ssh` runs this before every connection to a host that the CA knows (see `setup`). So it is quick while a
//! certificate serves (no network, no key), never asks anything in `--quiet`, and ends with 0 only when there is a
//! certificate: otherwise `ssh` goes on as if daypass were not there.

mod cache;

pub(crate) use cache::forget;

use std::cell::Cell;
use std::time::Duration;

use daypass_protocol::name::{Account, HostName};
use daypass_protocol::time::Time;
use daypass_protocol::window::WindowId;

use crate::ca::Ca;
use crate::config::Config;
use crate::diagnostic::{self, Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::note;
use crate::{Context, portrait, revoked_hosts, setup};
use cache::{Cached, Slot};

/// A certificate with less than this left, in seconds, is fetched anew: the connection still has to be made.
const MARGIN: u64 = 30;

/// Arguments of `daypass login`.
#[derive(Debug, clap::Args)]
pub struct LoginArguments {
    /// The host, by name or alias
    #[arg(long, value_name = "HOST")]
    host: String,
    /// The account on it
    #[arg(long, value_name = "ACCOUNT")]
    user: String,
    /// Use this window, where several would do
    #[arg(long, value_name = "WINDOW")]
    window: Option<WindowId>,
    /// Fetch a certificate even if the one at hand still serves
    #[arg(long)]
    renew: bool,
    /// For ssh: ask nothing, and say only what the person must see to
    #[arg(short, long)]
    quiet: bool,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &LoginArguments) -> Result<Exit, Failure> {
    let most = Cell::new(revoked_hosts::ALONE);
    let fetched = login(context, arguments, &most);
    if !matches!(fetched, Err(Failure::NotSetUp { .. })) {
        keep_list(context, arguments, most.get());
    }
    match fetched {
        Err(failure) if arguments.quiet => Err(quietly(failure)),
        Err(failure) => Err(failure),
        Ok(cached) => {
            if !arguments.quiet {
                let until = portrait::both(cached.valid_before, &context.zone);
                context
                    .output
                    .line(hint::certificate(&cached.path, &until))?;
            }
            Ok(Exit::Done)
        }
    }
}

/// `most` is how old the list of revoked hosts may be afterwards.
fn login(
    context: &Context,
    arguments: &LoginArguments,
    most: &Cell<Duration>,
) -> Result<Cached, Failure> {
    let config = Config::load(&context.places)?;
    let account: Account = arguments.user.parse().map_err(Failure::Name)?;
    let host: HostName = arguments
        .host
        .to_ascii_lowercase()
        .parse()
        .map_err(Failure::Name)?;
    let slot = Slot::new(
        &context.places.certificates(),
        &arguments.host,
        &account,
        config.key,
    );
    let serving = |margin| {
        slot.serving(
            Time::from(std::time::SystemTime::now()),
            margin,
            arguments.window,
        )
    };

    if let Some(cached) = serving(MARGIN).filter(|_| !arguments.renew) {
        return Ok(cached);
    }
    // Of many parallel calls one fetches; the others find what it fetched.
    let _lock = slot.lock()?;
    if let Some(cached) = serving(MARGIN).filter(|_| !arguments.renew) {
        return Ok(cached);
    }
    let asking = if arguments.quiet {
        Asking::Never
    } else {
        Asking::Allowed
    };
    match fetch(context, &slot, &host, &account, arguments, asking, most) {
        Ok(()) => serving(0).ok_or(Failure::UselessCertificate),
        Err(failure) if failure.is_verdict() => {
            // Whatever is cached is of a window that the CA says is gone.
            slot.forget();
            Err(failure)
        }
        Err(failure) => {
            let trouble = (!arguments.quiet).then(|| diagnostic::report(&failure));
            let cached = serving(0).ok_or(failure)?;
            if let Some(trouble) = trouble {
                note(trouble);
                note(hint::CACHED_SERVES);
            }
            Ok(cached)
        }
    }
}

fn fetch(
    context: &Context,
    slot: &Slot,
    host: &HostName,
    account: &Account,
    arguments: &LoginArguments,
    asking: Asking,
    most: &Cell<Duration>,
) -> Result<(), Failure> {
    let ca = Ca::connect(&context.places, asking)?;
    let issued = ca.certificate(host, account, arguments.window);
    match &issued {
        // Nobody waits for it a second time.
        Err(Failure::Unreachable { .. }) => revoked_hosts::postpone(&context.places),
        // Without a signature nothing was asked.
        Err(Failure::Key(_)) => {}
        _ => most.set(revoked_hosts::WHILE_SPEAKING),
    }
    let issued = issued?;
    slot.store(&issued.certificate, &issued.window)?;
    if !arguments.quiet {
        // A certificate was asked for and is here; stale host names are no reason to fail.
        if let Err(failure) = setup::refresh(context, &ca) {
            note(diagnostic::report(&failure));
        }
    }
    Ok(())
}

/// With a certificate or without one, `ssh` judges the host next.
fn keep_list(context: &Context, arguments: &LoginArguments, most: Duration) {
    let Err(failure) = revoked_hosts::keep(&context.places, most) else {
        return;
    };
    // The list of before serves; behind `ssh` that is no news for a while.
    let is_stale =
        || revoked_hosts::age(&context.places).is_none_or(|age| age > revoked_hosts::STALE);
    if !arguments.quiet || is_stale() {
        note(diagnostic::report(&failure));
        note(hint::LIST_SERVES);
    }
}

/// Behind `ssh`, "there is no window" is no news: whoever is not a contractor logs in by other means. That a window is
/// not approved, or over, is news to whoever asked for it, and so is what only the person can mend.
fn quietly(failure: Failure) -> Failure {
    match failure {
        Failure::Name(_) => Failure::Silent,
        failure if failure.is_no_window() => Failure::Silent,
        failure => failure,
    }
}
