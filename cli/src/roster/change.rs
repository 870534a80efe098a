//! The next roster: written, shown, signed, and put in force as soon as enough admins have signed.
//!
//! Where one signature is not enough, the roster with those that it has is a file, a *proposal*, that goes from admin
//! to admin; whoever adds the last one hands it in.

use std::path::{Path, PathBuf};

use daypass_protocol::roster::{ChainError, MAX_SIGNED, Roster, SignedRoster, VerifiedRoster};
use daypass_protocol::strict_json;
use daypass_protocol::time::Time;

use super::{difference, people};
use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::{Failure, hint, prompt};
use crate::durable;
use crate::output::{Consent, note};
use crate::policy;

/// The option `--proposal`, shared by the commands that change the roster.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Proposal {
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
    Agreed::to(context, ca, consent, proposal, edit)?.settle(ca)
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
    let newest = ca.roster()?;
    Agreed::by_signing(context, ca, consent, &newest, signed, Some(path.to_owned()))?.settle(ca)
}

/// The next roster with the person's signature on it, and not in force yet.
pub(crate) struct Agreed {
    signed: SignedRoster,
    /// Where it waits, and for how many signatures.
    waits: Option<(PathBuf, usize)>,
}

impl Agreed {
    /// Writes the next roster with a change, shows it, and signs it.
    pub(crate) fn to(
        context: &Context,
        ca: &Ca,
        consent: Consent,
        proposal: &Proposal,
        edit: impl FnOnce(&mut Roster) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let newest = ca.roster()?;
        let mut next = Roster::clone(&newest);
        edit(&mut next)?;
        next.number += 1;
        next.previous = Some(newest.hash());
        next.time = Time::from(std::time::SystemTime::now());
        let signed = SignedRoster::unsigned(next.freeze().map_err(Failure::Roster)?);
        let place = proposal.proposal.clone();
        let needed = newest.signatures_needed(&next);
        if place.is_none() && needed > 1 {
            return Err(Failure::NeedsProposal { needed });
        }
        Self::by_signing(context, ca, consent, &newest, signed, place)
    }

    fn by_signing(
        context: &Context,
        ca: &Ca,
        consent: Consent,
        newest: &VerifiedRoster,
        mut signed: SignedRoster,
        place: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let next = Roster::parse(&signed.roster).map_err(Failure::Roster)?;
        note(people(&next).text(&context.output));
        note(difference::of(newest, &next));
        if newest.policy != next.policy {
            note(policy::difference(&newest.policy, &next.policy));
        }
        consent.given(prompt::ROSTER)?;
        signed
            .sign(|namespace, bytes| ca.key()?.sign(namespace, bytes))
            .map_err(Failure::Key)?;
        // Judged here as every host will judge it, so that a mistake is told before it is sent.
        let waits = match (newest.successor(&signed), place) {
            (Ok(_), _) => None,
            (Err(ChainError::TooFewSignatures { found, needed, .. }), Some(path)) => {
                Some((path, needed - found))
            }
            (Err(error), _) => return Err(Failure::Chain(error)),
        };
        Ok(Self { signed, waits })
    }

    /// Puts it in force, or keeps it for those who must sign it too.
    pub(crate) fn settle(self, ca: &Ca) -> Result<Changed, Failure> {
        let Some((proposal, missing)) = self.waits else {
            return Ok(Changed::InForce(ca.put_roster(&self.signed)?));
        };
        let text =
            serde_json::to_vec(&self.signed).map_err(|source| Failure::Output(source.into()))?;
        durable::write(&proposal, &text, 0o600)?;
        Ok(Changed::Waits { proposal, missing })
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
