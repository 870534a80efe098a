//! `daypass revoke`: takes away at once. A window by its own statement; everything of a person, of a key, of one
//! certificate or of a host by a revocation that hosts remember.

use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::revocation::Subject;
use daypass_protocol::statement::Verb;
use daypass_protocol::window::WindowId;

use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::{Format, FormatOption};
use crate::statement;

/// Arguments of `daypass revoke`.
#[derive(Debug, clap::Args)]
pub struct RevokeArguments {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    output: FormatOption,
}

/// Exactly one of these.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A window, by its id
    window: Option<WindowId>,
    /// Every window that this person has, whoever approved it
    #[arg(long, value_name = "NAME")]
    person: Option<Name>,
    /// Every certificate for this key, and every request signed with it
    #[arg(long, value_name = "SHA256:…")]
    key: Option<Fingerprint>,
    /// One certificate
    #[arg(long, value_name = "NUMBER")]
    serial: Option<u64>,
    /// Every login on this host, and the host itself
    #[arg(long, value_name = "NAME")]
    host: Option<HostName>,
}

impl What {
    fn subject(&self) -> Option<Subject> {
        let person = self.person.clone().map(Subject::Person);
        person
            .or_else(|| self.key.map(Subject::Key))
            .or_else(|| self.serial.map(Subject::Serial))
            .or_else(|| self.host.clone().map(Subject::Host))
    }
}

/// Runs the command. Nobody is asked whether they mean it: whoever revokes is in a hurry.
pub(crate) fn run(context: &Context, arguments: &RevokeArguments) -> Result<Exit, Failure> {
    let format = arguments.output.format;
    if let Some(window) = arguments.what.window {
        return statement::say(context, window, format, Verb::Revoke);
    }
    if let Some(subject) = arguments.what.subject() {
        let ca = Ca::connect(&context.places, Asking::Allowed)?;
        let state = ca.revoke(&subject)?;
        match format {
            Format::Json => context.output.json(&serde_json::json!({
                "verb": subject.kind(),
                "subject": subject.to_string(),
                "state": state,
            }))?,
            Format::Table => context.output.line(hint::revoked(&subject, state))?,
        }
    }
    Ok(Exit::Done)
}
