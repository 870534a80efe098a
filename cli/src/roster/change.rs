//! The next roster: written, shown, signed, and put in force as soon as enough admins have signed.
//!
//! Where one signature is not enough, the roster with those that it has is a file, a *proposal*, that goes from admin
//! to admin; whoever adds the last one hands it in.

use std::path::{Path, PathBuf};

use daypass_protocol::roster::{ChainError, MAX_SIGNED, Roster, SignedRoster, VerifiedRoster};
use daypass_protocol::strict_json;
use daypass_protocol::time::Time;

use super::people;
use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::{Failure, hint, prompt};
use crate::durable;
use crate::output::{Consent, note};
use crate::policy;

/// The option `--proposal`, shared by the commands that change the roster.
#[derive(Debug, Clone, clap::Args)]
pub struct Proposal {
    /// Where to write the roster while more admins have to sign it
    #[arg(long, value_name = "FILE")]
    proposal: Option<PathBuf>,
}

/// What became of a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// The roster of this number is in force.
    InForce(u64),
    /// It waits in a file for so many more signatures.
    Waits {
        /// Where.
        proposal: PathBuf,
        /// Signatures that are missing.
        missing: usize,
    },
}

/// Writes the next roster with a change, signs it, and puts it in force if that is enough.
pub(crate) fn change(
    context: &Context,
    ca: &Ca,
    consent: Consent,
    proposal: &Proposal,
    edit: impl FnOnce(&mut Roster) -> Result<(), Failure>,
) -> Result<Changed, Failure> {
    let newest = ca.roster()?;
    let mut next = Roster::clone(&newest);
    edit(&mut next)?;
    next.number += 1;
    next.previous = Some(newest.hash());
    next.time = Time::from(std::time::SystemTime::now());
    let signed = SignedRoster::unsigned(next.freeze().map_err(Failure::Roster)?);
    let place = proposal.proposal.as_deref();
    if place.is_none() && newest.policy.signatures_needed(&next.policy) > 1 {
        return Err(Failure::NeedsProposal {
            needed: newest.policy.signatures_needed(&next.policy),
        });
    }
    sign(context, ca, consent, &newest, signed, place)
}

/// Adds the person's signature to a proposal, and hands it in if that is enough.
pub(crate) fn countersign(
    context: &Context,
    ca: &Ca,
    consent: Consent,
    path: &Path,
) -> Result<Changed, Failure> {
    let text = durable::read(path, MAX_SIGNED as u64)?.ok_or_else(|| Failure::NoSuchFile {
        path: path.to_owned(),
    })?;
    let signed: SignedRoster =
        strict_json::parse(&text, MAX_SIGNED).map_err(|source| Failure::BadProposal {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
    sign(context, ca, consent, &ca.roster()?, signed, Some(path))
}

fn sign(
    context: &Context,
    ca: &Ca,
    consent: Consent,
    newest: &VerifiedRoster,
    mut signed: SignedRoster,
    place: Option<&Path>,
) -> Result<Changed, Failure> {
    let next = Roster::parse(&signed.roster).map_err(Failure::Roster)?;
    note(people(&next).text(&context.output));
    if newest.policy != next.policy {
        note(policy::difference(&newest.policy, &next.policy));
    }
    consent.given(prompt::ROSTER)?;
    signed
        .sign(|namespace, bytes| ca.key()?.sign(namespace, bytes))
        .map_err(Failure::Key)?;
    // Judged here as every host will judge it, so that a mistake is told before it is sent.
    match (newest.successor(&signed), place) {
        (Ok(_), _) => Ok(Changed::InForce(ca.put_roster(&signed)?)),
        (Err(ChainError::TooFewSignatures { found, needed, .. }), Some(path)) => {
            let text = serde_json::to_vec(&signed)
                .map_err(|source| Failure::Output(source.into()))?;
            durable::write(path, &text, 0o600)?;
            Ok(Changed::Waits {
                proposal: path.to_owned(),
                missing: needed - found,
            })
        }
        (Err(error), _) => Err(Failure::Chain(error)),
    }
}

/// Says what became of a change; `done` is what it did, by the number of the roster.
pub(crate) fn told(
    context: &Context,
    changed: &Changed,
    done: impl FnOnce(u64) -> String,
) -> Result<(), Failure> {
    match changed {
        Changed::InForce(number) => context.output.line(done(*number)),
        Changed::Waits { proposal, missing } => {
            context.output.line(hint::proposal(proposal, *missing))
        }
    }
}
