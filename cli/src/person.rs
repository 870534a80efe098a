//! `daypass person`: who is in the roster. Each change is a new roster, signed by an admin's own key.

use std::path::PathBuf;

use clap::Subcommand;
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::name::Name;
use daypass_protocol::revocation::Subject;
use daypass_protocol::roster::{Person, Role};

use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::{self, Asking};
use crate::output::{Consent, Format, FormatOption};
use crate::roster::change::{self, Agreed, Proposal};
use crate::roster::people;

/// What to do with people.
#[derive(Debug, clap::Args)]
pub struct PersonArguments {
    #[command(subcommand)]
    command: PersonCommand,
}

#[derive(Debug, Subcommand)]
enum PersonCommand {
    /// Add a person
    Add {
        /// Their name
        name: Name,
        /// Their public key's file; may be repeated
        #[arg(long = "key", value_name = "FILE.pub", required = true)]
        keys: Vec<PathBuf>,
        /// What they may do: contractor, approver, admin, auditor; may be repeated
        #[arg(
            long = "role",
            value_name = "ROLE",
            value_delimiter = ',',
            required = true
        )]
        roles: Vec<Role>,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        proposal: Proposal,
    },
    /// List everybody
    List {
        #[command(flatten)]
        output: FormatOption,
    },
    /// Remove a person: their windows and sessions end, and what they signed opens nothing any more
    Remove {
        /// Their name
        name: Name,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        proposal: Proposal,
    },
    /// Change what a person may do; their keys, windows and sessions stay
    Roles {
        /// Their name
        name: Name,
        /// All that they may do from then on: contractor, approver, admin, auditor; may be repeated
        #[arg(
            long = "role",
            value_name = "ROLE",
            value_delimiter = ',',
            required = true
        )]
        roles: Vec<Role>,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        proposal: Proposal,
    },
    /// Add and revoke a person's keys
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Add a key to a person's
    Add {
        /// Their name
        name: Name,
        /// The public key's file; may be repeated
        #[arg(long = "key", value_name = "FILE.pub", required = true)]
        keys: Vec<PathBuf>,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        proposal: Proposal,
    },
    /// Revoke one of a person's keys: its certificates end, and it signs nothing any more
    Revoke {
        /// Their name
        name: Name,
        /// The key, as `daypass person list` shows it
        #[arg(value_name = "SHA256:…")]
        key: Fingerprint,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        proposal: Proposal,
    },
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &PersonArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    match &arguments.command {
        PersonCommand::Add {
            name,
            keys,
            roles,
            consent,
            proposal,
        } => {
            let keys = keys
                .iter()
                .map(|path| key(path))
                .collect::<Result<_, _>>()?;
            let added = Person {
                name: name.clone(),
                roles: roles.clone(),
                keys,
            };
            let changed = change::change(context, &ca, *consent, proposal, |roster| {
                let people = &mut roster.people;
                if people.iter().any(|person| person.name == *name) {
                    return Err(Failure::PersonExists { name: name.clone() });
                }
                people.push(added);
                Ok(())
            })?;
            change::told(context, &changed, |number| hint::person_added(name, number))?;
        }
        PersonCommand::Remove {
            name,
            consent,
            proposal,
        } => {
            let agreed = Agreed::to(context, &ca, *consent, proposal, |roster| {
                let people = &mut roster.people;
                let before = people.len();
                people.retain(|person| person.name != *name);
                if people.len() == before {
                    Err(Failure::NoSuchPerson { name: name.clone() })
                } else {
                    Ok(())
                }
            })?;
            // First what takes hold at once; and while the roster can still say who they were.
            ca.revoke(&Subject::Person(name.clone()))?;
            change::told(context, &agreed.settle(&ca)?, |number| {
                hint::person_removed(name, number)
            })?;
        }
        PersonCommand::Roles {
            name,
            roles,
            consent,
            proposal,
        } => {
            let changed = change::change(context, &ca, *consent, proposal, |roster| {
                of(&mut roster.people, name)?.roles.clone_from(roles);
                Ok(())
            })?;
            change::told(context, &changed, |number| {
                hint::roles_changed(name, roles, number)
            })?;
        }
        PersonCommand::Key { command } => run_key(context, &ca, command)?,
        PersonCommand::List { output } => {
            let roster = ca.roster()?;
            match output.format {
                Format::Json => context.output.json(&roster.people)?,
                Format::Table => context.output.table(&people(&roster))?,
            }
        }
    }
    Ok(Exit::Done)
}

fn run_key(context: &Context, ca: &Ca, command: &KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Add {
            name,
            keys,
            consent,
            proposal,
        } => {
            let added: Vec<Key> = keys
                .iter()
                .map(|path| key(path))
                .collect::<Result<_, _>>()?;
            let changed = change::change(context, ca, *consent, proposal, |roster| {
                of(&mut roster.people, name)?.keys.extend(added);
                Ok(())
            })?;
            change::told(context, &changed, |number| hint::keys_changed(name, number))
        }
        KeyCommand::Revoke {
            name,
            key,
            consent,
            proposal,
        } => {
            let agreed = Agreed::to(context, ca, *consent, proposal, |roster| {
                drop_key(of(&mut roster.people, name)?, *key)
            })?;
            // First what takes hold at once.
            ca.revoke(&Subject::Key(*key))?;
            change::told(context, &agreed.settle(ca)?, |number| {
                hint::key_revoked(name, *key, number)
            })
        }
    }
}

fn of<'a>(people: &'a mut [Person], name: &Name) -> Result<&'a mut Person, Failure> {
    people
        .iter_mut()
        .find(|person| person.name == *name)
        .ok_or_else(|| Failure::NoSuchPerson { name: name.clone() })
}

fn drop_key(person: &mut Person, key: Fingerprint) -> Result<(), Failure> {
    let before = person.keys.len();
    person.keys.retain(|known| known.fingerprint() != key);
    let name = person.name.clone();
    if person.keys.len() == before {
        Err(Failure::NoSuchKey { name, key })
    } else if person.keys.is_empty() {
        Err(Failure::LastKey { name, key })
    } else {
        Ok(())
    }
}

fn key(path: &std::path::Path) -> Result<Key, Failure> {
    let public = file::public_key(path).map_err(Failure::Key)?;
    Key::try_from(public.key_data().clone()).map_err(|source| Failure::BadKey {
        path: path.to_owned(),
        source: Box::new(source),
    })
}
