//! `daypass invite`: somebody hands in the key that is to be theirs, and an admin signs it into the roster.

mod confirm;

use clap::Subcommand;
use daypass_protocol::api::{Invitation, Invite};
use daypass_protocol::name::Name;
use daypass_protocol::roster::Role;
use daypass_protocol::time::Time;
use daypass_protocol::token::InviteLine;
use serde::Serialize;

use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::Failure;
use crate::diagnostic::hint::invitation;
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::moment::Length;
use crate::output::{Format, FormatOption, Table, note};
use crate::portrait;

/// Whom to invite, or what to do with invitations.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct InviteArguments {
    #[command(subcommand)]
    command: Option<InviteCommand>,
    /// The name that they get in the roster
    #[arg(required = true)]
    name: Option<Name>,
    /// What they are to be: contractor, approver, admin, auditor; may be repeated
    #[arg(
        long = "role",
        value_name = "ROLE",
        value_delimiter = ',',
        required = true
    )]
    roles: Vec<Role>,
    /// How long the line can be used; 30 days at most
    #[arg(long = "for", value_name = "DURATION", default_value = "7d")]
    lifetime: Length,
    #[command(flatten)]
    output: FormatOption,
}

#[derive(Debug, Subcommand)]
enum InviteCommand {
    /// List invitations, and the fingerprints of the keys that were handed in
    List {
        #[command(flatten)]
        output: FormatOption,
    },
    /// Sign somebody into the roster, after comparing their key's fingerprint with them
    Confirm(confirm::ConfirmArguments),
    /// Take an invitation back: its line is worth nothing from then on
    Withdraw {
        /// Who was invited
        name: Name,
    },
}

/// An invitation that was just made, for programs.
#[derive(Serialize)]
struct Made<'a> {
    person: &'a Name,
    roles: &'a [Role],
    until: Time,
    line: String,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &InviteArguments) -> Result<Exit, Failure> {
    if let Some(InviteCommand::Confirm(confirmed)) = &arguments.command {
        return confirm::run(context, confirmed);
    }
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    match (&arguments.command, &arguments.name) {
        (Some(InviteCommand::List { output }), _) => list(context, &ca, output.format)?,
        (Some(InviteCommand::Withdraw { name }), _) => {
            ca.withdraw(name)?;
            context.output.line(invitation::withdrawn(name))?;
        }
        (None, Some(name)) => invite(context, &ca, name, arguments)?,
        (Some(InviteCommand::Confirm(_)) | None, _) => return Ok(Exit::Usage),
    }
    Ok(Exit::Done)
}

fn invite(
    context: &Context,
    ca: &Ca,
    name: &Name,
    arguments: &InviteArguments,
) -> Result<(), Failure> {
    // Before there is an invitation whose line nobody could be given.
    let root = ca.shown_root()?;
    let invited = ca.invite(&Invite {
        person: name.clone(),
        roles: arguments.roles.clone(),
        seconds: arguments.lifetime.seconds(),
    })?;
    let line = InviteLine {
        url: ca.config().url.clone(),
        root,
        ca: ca.pin(),
        person: name.clone(),
        secret: invited.secret,
    }
    .to_string();
    if arguments.output.format == Format::Json {
        return context.output.json(&Made {
            person: name,
            roles: &arguments.roles,
            until: invited.until,
            line,
        });
    }
    // The line alone on standard output, so that it can be piped; what to do with it beside it.
    context.output.line(line)?;
    let until = portrait::both(invited.until, &context.zone);
    note(invitation::made(name, &until));
    Ok(())
}

fn list(context: &Context, ca: &Ca, format: Format) -> Result<(), Failure> {
    let invitations = ca.invitations()?;
    if format == Format::Json {
        return context.output.json(&invitations);
    }
    let mut table = Table::new(["PERSON", "ROLES", "BY", "UNTIL", "KEY"]);
    for open in &invitations {
        table.row([
            open.person.as_str(),
            &roles(&open.roles),
            open.maker.as_str(),
            &portrait::brief(open.until, &context.zone),
            &key(ca, open),
        ]);
    }
    if table.is_empty() {
        note(invitation::NONE);
        return Ok(());
    }
    context.output.table(&table)
}

/// What was handed in, as its own signature bears out.
fn key(ca: &Ca, open: &Invitation) -> String {
    match confirm::handed_in(ca, open) {
        Ok(Some(key)) => key.fingerprint().to_string(),
        Ok(None) => invitation::NO_KEY_YET.to_owned(),
        Err(_) => invitation::UNPROVEN.to_owned(),
    }
}

fn roles(roles: &[Role]) -> String {
    let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    roles.join(", ")
}
