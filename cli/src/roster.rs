//! `daypass roster`: putting the first one in force, showing the newest, and beginning anew by the recovery key.

pub(crate) mod change;
mod difference;
pub(crate) mod kept;
pub(crate) mod memory;
mod recover;

use std::path::PathBuf;

use clap::Subcommand;
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::roster::{Authority, Chain, Roster, SignedRoster};

use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::{Failure, hint, prompt};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::{Consent, Format, FormatOption, Table, note};

/// What to do with the roster.
#[derive(Debug, clap::Args)]
pub struct RosterArguments {
    #[command(subcommand)]
    command: RosterCommand,
}

#[derive(Debug, Subcommand)]
enum RosterCommand {
    /// Sign roster 1, as the admin it names; or a proposal that needs more than one admin
    Sign {
        /// The proposal that another admin has signed
        #[arg(conflicts_with = "pin")]
        file: Option<PathBuf>,
        /// The pin that `daypass-ca init` printed; the one from the setup line if not given
        #[arg(long)]
        pin: Option<Pin>,
        #[command(flatten)]
        consent: Consent,
    },
    /// Where no admin can sign any more: be the admin, by the recovery key. Everybody is alarmed
    Recover(recover::RecoverArguments),
    /// Show the newest roster, checked from the pin up
    Show {
        #[command(flatten)]
        output: FormatOption,
    },
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &RosterArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    match &arguments.command {
        RosterCommand::Sign {
            file: Some(path),
            consent,
            ..
        } => {
            let changed = change::countersign(context, &ca, *consent, path)?;
            change::told(context, &changed, hint::roster_signed)?;
            Ok(Exit::Done)
        }
        RosterCommand::Sign { pin, consent, .. } => sign(context, &ca, *pin, *consent),
        RosterCommand::Recover(arguments) => recover::recover(context, &ca, arguments),
        RosterCommand::Show { output } => show(context, &ca, output.format),
    }
}

fn sign(context: &Context, ca: &Ca, pin: Option<Pin>, consent: Consent) -> Result<Exit, Failure> {
    if let Some(named) = pin.filter(|named| *named != ca.pin()) {
        return Err(Failure::OtherPin {
            named,
            expected: ca.pin(),
        });
    }
    let offered = ca.first_roster()?;
    // Roster 1 is trusted by its hash alone: only the pinned bytes are ever signed.
    let found = Digest::of(&offered.roster);
    if Pin::from(found) != ca.pin() {
        return Err(Failure::OtherFirstRoster {
            expected: ca.pin(),
            found,
        });
    }
    if !offered.signatures.is_empty() {
        note(hint::ROSTER_IN_FORCE);
        return Ok(Exit::Done);
    }
    let roster = Roster::parse(&offered.roster).map_err(Failure::Roster)?;
    note(people(&roster).text(&context.output));
    consent.given(prompt::ROSTER)?;
    let mut signed = SignedRoster::unsigned(offered.roster);
    signed
        .sign(|namespace, bytes| ca.key()?.sign(namespace, bytes))
        .map_err(Failure::Key)?;
    Chain::verify(ca.pin(), std::slice::from_ref(&signed)).map_err(Failure::Chain)?;
    let number = ca.put_roster(&signed)?;
    context.output.line(hint::roster_signed(number))?;
    Ok(Exit::Done)
}

fn show(context: &Context, ca: &Ca, format: Format) -> Result<Exit, Failure> {
    let roster = ca.roster()?;
    if format == Format::Json {
        context.output.json(&*roster as &Roster)?;
        return Ok(Exit::Done);
    }
    let by = match roster.authority() {
        Authority::Admins(names) => names
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        Authority::Recovery => hint::RECOVERY_KEY.to_owned(),
    };
    context
        .output
        .line(hint::roster(&roster, &by, &context.zone))?;
    context.output.table(&people(&roster))?;
    Ok(Exit::Done)
}

/// Everybody in the roster, a line a key.
pub(crate) fn people(roster: &Roster) -> Table {
    let mut table = Table::new(["PERSON", "ROLES", "KEY"]);
    for person in &roster.people {
        let roles = person
            .roles
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        for (number, key) in person.keys.iter().enumerate() {
            let first = number == 0;
            let said = |text: &str| {
                if first {
                    text.to_owned()
                } else {
                    String::new()
                }
            };
            let key = format!("{} {}", key.fingerprint(), key.data().algorithm());
            table.row([&said(person.name.as_str()), &said(&roles), &key]);
        }
    }
    table
}
