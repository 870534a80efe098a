//! `daypass-server init`: the two programs' own commands, in the order in which they need one another.
//!
//! Every step can be done again. What was done before is found again by the programs themselves, so that there is nothing
//! here to remember, or to be wrong about.

use std::ffi::OsString;
use std::io::{self, Write as _};

use nix::unistd::geteuid;

use crate::cli::InitArgs;
use crate::diagnostic;
use crate::programs::{self, CA, COLLECTOR, JOURNALCTL, ProgramError, SYSTEMCTL, Status};

/// The CA's unit.
const CA_UNIT: &str = "daypass-ca.service";
/// The collector's.
const COLLECTOR_UNIT: &str = "daypass-collector.service";

/// Why the server is not set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Not root.
    #[error("only root can set a server up")]
    NotRoot,
    /// Nothing to do.
    #[error("this server is set up already: CA and collector run here")]
    SetUp(Box<Status>),
    /// A program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A service that does not come up.
    #[error("{unit} does not start:\n{log}")]
    Unit {
        /// Which.
        unit: &'static str,
        /// The end of its log.
        log: String,
    },
    /// Standard output.
    #[error("what comes next could not be printed")]
    Output(#[source] io::Error),
}

/// Sets CA and collector up, or goes on with it.
///
/// # Errors
/// When it cannot be done, or is done already.
pub fn run(arguments: &InitArgs) -> Result<(), InitError> {
    if !geteuid().is_root() {
        return Err(InitError::NotRoot);
    }
    if let Some(status) = is_set_up()? {
        return Err(InitError::SetUp(Box::new(status)));
    }
    say(diagnostic::MAKES_CA);
    programs::show(CA, &ca_init(arguments))?;
    start(CA_UNIT)?;
    let status = programs::status()?;
    say(diagnostic::MAKES_COLLECTOR);
    let request = programs::pipe(COLLECTOR, &collector_init(arguments, &status), "")?;
    let admission = programs::pipe(CA, &["collector", "add"], &request)?;
    programs::pipe(COLLECTOR, &["accept"], &admission)?;
    start(COLLECTOR_UNIT)?;
    let mut out = io::stdout().lock();
    out.write_all(diagnostic::of_done(&programs::status()?).as_bytes())
        .and_then(|()| out.flush())
        .map_err(InitError::Output)
}

/// Both run, and the CA tells hosts of a collector.
fn is_set_up() -> Result<Option<Status>, InitError> {
    for unit in [CA_UNIT, COLLECTOR_UNIT] {
        if !programs::says_yes(SYSTEMCTL, &["is-active", "--quiet", unit])? {
            return Ok(None);
        }
    }
    let status = programs::status()?;
    Ok(Some(status).filter(|status| !status.collectors.is_empty()))
}

fn ca_init(arguments: &InitArgs) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["init", "--unless-made", "--brief", "--admin"]
        .map(OsString::from)
        .to_vec();
    words.push(arguments.admin.clone().into());
    words.push("--admin-key".into());
    words.push(arguments.admin_key.clone().into());
    words.extend(names(arguments));
    words
}

fn collector_init(arguments: &InitArgs, status: &Status) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["init", "--unless-made", "--ca-setup"]
        .map(OsString::from)
        .to_vec();
    words.push(status.setup.clone().into());
    words.extend(names(arguments));
    words
}

fn names(arguments: &InitArgs) -> impl Iterator<Item = OsString> {
    let names = arguments.names.iter();
    names.flat_map(|name| ["--name".into(), name.into()])
}

/// From now on and at every boot. Restarted where it ran, since what it reads at the start is new.
fn start(unit: &'static str) -> Result<(), InitError> {
    // It may have tried in vain so often that systemd refuses.
    let _ = programs::says_yes(SYSTEMCTL, &["reset-failed", unit])?;
    programs::pipe(SYSTEMCTL, &["enable", unit], "")?;
    if programs::says_yes(SYSTEMCTL, &["restart", unit])?
        && programs::says_yes(SYSTEMCTL, &["is-active", "--quiet", unit])?
    {
        return Ok(());
    }
    let tail = ["--no-pager", "--output=cat", "--lines=10", "--unit", unit];
    Err(InitError::Unit {
        unit,
        log: programs::pipe(JOURNALCTL, &tail, "")?,
    })
}

/// How it gets on; nobody needs it to go on.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn arguments() -> InitArgs {
        InitArgs {
            admin: "alice".to_owned(),
            admin_key: "/root/alice.pub".into(),
            names: vec!["ca.example.org".to_owned(), "ca".to_owned()],
        }
    }

    #[test]
    fn the_ca_is_made_once_and_shows_the_recovery_key_alone() {
        assert_eq!(
            ca_init(&arguments()).join(OsStr::new(" ")),
            "init --unless-made --brief --admin alice --admin-key /root/alice.pub --name ca.example.org --name ca"
        );
    }

    #[test]
    fn the_collector_is_made_for_this_very_ca() {
        let status = Status {
            ca: String::new(),
            setup: "daypass-setup-1.x".to_owned(),
            active: false,
            admins: Vec::new(),
            collectors: Vec::new(),
        };
        assert_eq!(
            collector_init(&arguments(), &status).join(OsStr::new(" ")),
            "init --unless-made --ca-setup daypass-setup-1.x --name ca.example.org --name ca"
        );
    }
}
