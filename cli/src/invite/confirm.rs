//! `daypass invite confirm`: an admin signs somebody in whose key they have compared.
//!
//! The CA is not trusted with it. The key speaks for itself, by its signature over name and CA; whose it is only its owner
//! can tell, whom the admin asks; and what they are to be stands before the admin's eyes, or on the command line.

use daypass_protocol::api::Invitation;
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::name::Name;
use daypass_protocol::roster::{Person, Role};

use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::invitation::InvitationError;
use crate::diagnostic::{self, Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::{Consent, note};
use crate::roster::change::{self, Changed, Proposal};

/// Arguments of `daypass invite confirm`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfirmArguments {
    /// Who was invited
    name: Name,
    /// The fingerprint of their key, as they read it out; no other is signed
    #[arg(long, value_name = "SHA256:…")]
    fingerprint: Option<Fingerprint>,
    /// What they are to be; an invitation that says something else is not confirmed. May be repeated
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<Role>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    proposal: Proposal,
}

/// Runs the command.
pub(super) fn run(context: &Context, arguments: &ConfirmArguments) -> Result<Exit, Failure> {
    let name = &arguments.name;
    if arguments.consent.is_given()
        && (arguments.fingerprint.is_none() || arguments.roles.is_empty())
    {
        return Err(InvitationError::Unseen {
            person: name.clone(),
        }
        .into());
    }
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let invitation = ca
        .invitations()?
        .into_iter()
        .find(|invitation| invitation.person == *name)
        .ok_or_else(|| InvitationError::None {
            person: name.clone(),
        })?;
    let handed_in = handed_in(&ca, &invitation)?;
    if let Some(person) = ca.roster()?.person(name) {
        if !handed_in.is_some_and(|key| person.keys.contains(&key)) {
            return Err(InvitationError::InRoster {
                person: name.clone(),
            }
            .into());
        }
        ca.withdraw(name)?;
        context.output.line(hint::invitation::done(name))?;
        return Ok(Exit::Done);
    }
    let key = handed_in.ok_or_else(|| InvitationError::NotAccepted {
        person: name.clone(),
        until: invitation.until,
    })?;
    compare(arguments, &invitation, key.fingerprint())?;
    note(hint::invitation::confirming(&invitation, key.fingerprint()));
    let added = Person {
        name: name.clone(),
        roles: invitation.roles,
        keys: vec![key],
    };
    let changed = change::change(
        context,
        &ca,
        arguments.consent,
        &arguments.proposal,
        |roster| {
            roster.people.push(added);
            Ok(())
        },
    )?;
    change::told(context, &changed, |number| hint::person_added(name, number))?;
    match changed {
        // It did its work, whether or not the CA hears of it now.
        Changed::InForce(_) => {
            if let Err(failure) = ca.withdraw(name) {
                note(diagnostic::report(&failure));
                note(hint::invitation::stays(name));
            }
        }
        Changed::Waits { .. } => note(hint::invitation::waits(name)),
    }
    Ok(Exit::Done)
}

/// The key that was handed in, if any was: proven by its own signature to be meant for this person at this CA.
pub(super) fn handed_in(ca: &Ca, invitation: &Invitation) -> Result<Option<Key>, InvitationError> {
    let person = || invitation.person.clone();
    let contradicted = || InvitationError::Contradicted { person: person() };
    let Some(accepted) = &invitation.accepted else {
        return match invitation.key {
            Some(_) => Err(contradicted()),
            None => Ok(None),
        };
    };
    let proven = accepted
        .read()
        .map_err(|source| InvitationError::Unproven {
            person: person(),
            source: Box::new(source),
        })?;
    let agrees = proven.ca == ca.pin()
        && proven.person == invitation.person
        && invitation.key.as_ref() == Some(&proven.key);
    if agrees {
        Ok(Some(proven.key))
    } else {
        Err(contradicted())
    }
}

/// Compares what the admin says with what is there.
fn compare(
    arguments: &ConfirmArguments,
    invitation: &Invitation,
    found: Fingerprint,
) -> Result<(), InvitationError> {
    let person = || invitation.person.clone();
    if let Some(named) = arguments.fingerprint.filter(|named| *named != found) {
        return Err(InvitationError::OtherFingerprint {
            person: person(),
            named,
            found,
        });
    }
    let (named, roles) = (&arguments.roles, &invitation.roles);
    let same = named.iter().all(|role| roles.contains(role))
        && roles.iter().all(|role| named.contains(role));
    if named.is_empty() || same {
        Ok(())
    } else {
        Err(InvitationError::OtherRoles {
            person: person(),
            named: named.clone(),
            found: roles.clone(),
        })
    }
}
