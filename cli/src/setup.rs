//! `daypass setup`: everything that one machine needs, so that plain `ssh` works from then on.

mod known_hosts;
mod line;
mod ssh_config;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use daypass_protocol::api::Hosts;
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::Name;
use ssh_key::PublicKey;

use crate::Context;
use crate::ca::{self, Ca};
use crate::config::Config;
use crate::diagnostic::{self, Failure, hint, prompt};
use crate::durable;
use crate::exit::Exit;
use crate::keys;
use crate::keys::file::Asking;
use crate::output::{confirmed, note};
use crate::revoked_hosts;
use line::Line;

/// The longest `~/.ssh/config` that is read, bytes.
const LONGEST_SSH_CONFIG: u64 = 1024 * 1024;

/// What the CA tells somebody whom it does not know.
const NO_HOSTS: Hosts = Hosts {
    hosts: Vec::new(),
    host_ca: Vec::new(),
    x509: Vec::new(),
};

/// Arguments of `daypass setup`.
#[derive(Debug, clap::Args)]
pub struct SetupArguments {
    /// The line that your admin passed on; it begins with `daypass-invite-1.` or `daypass-setup-1.`
    #[arg(value_name = "LINE", required_unless_present = "refresh")]
    line: Option<Line>,
    /// Your name in the roster, where the line does not say it
    #[arg(long, value_name = "NAME")]
    person: Option<Name>,
    /// Your key, public or private; the only one in ssh-agent, or `~/.ssh/id_*`, if not given
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The ssh-agent's socket, if it is not the one that SSH_AUTH_SOCK names
    #[arg(long, value_name = "SOCKET")]
    agent: Option<PathBuf>,
    /// Add the Include line to `~/.ssh/config` without asking
    #[arg(long)]
    write_ssh_config: bool,
    /// Only ask the CA for its hosts again
    #[arg(long, conflicts_with_all = ["line", "person", "key", "agent"])]
    refresh: bool,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &SetupArguments) -> Result<Exit, Failure> {
    if let Some(line) = &arguments.line {
        let person = line.person(arguments.person.as_ref())?;
        let key = configure(context, line, person, arguments)?;
        note(hint::set_up(person, &key));
        if line.invitation().is_some() {
            return invited(context, arguments, &key);
        }
    }
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let refreshed = refresh(context, &ca);
    if arguments.refresh {
        let names = refreshed?;
        context.output.line(hint::hosts_known(names))?;
    } else {
        match refreshed {
            Ok(names) => note(hint::hosts_known(names)),
            // Who was just set up need not be in the roster yet; ssh is prepared, the hosts come with a refresh.
            Err(failure @ (Failure::Refused { .. } | Failure::Chain(_))) => {
                write_ssh(context, ca.config(), &NO_HOSTS)?;
                note(hint::not_known_yet(&diagnostic::report(&failure)));
            }
            Err(failure) => return Err(failure),
        }
    }
    include(context, arguments)?;
    Ok(Exit::Done)
}

/// The rest for somebody whom the CA is not to know before an admin has compared their key: it is not asked.
fn invited(
    context: &Context,
    arguments: &SetupArguments,
    key: &PublicKey,
) -> Result<Exit, Failure> {
    write_ssh(context, &Config::load(&context.places)?, &NO_HOSTS)?;
    include(context, arguments)?;
    note(hint::invitation::accepted(Fingerprint::of(key.key_data())));
    Ok(Exit::Done)
}

/// Writes what `ssh` needs for the hosts that the CA knows today; how many names that are.
pub(crate) fn refresh(context: &Context, ca: &Ca) -> Result<usize, Failure> {
    take_over(context, ca, &ca.hosts()?)
}

/// The same with a list that was just fetched.
pub(crate) fn take_over(context: &Context, ca: &Ca, hosts: &Hosts) -> Result<usize, Failure> {
    if !hosts.x509.is_empty() {
        ca.follow_roots(&hosts.x509.concat())?;
    }
    // Older than wished, the list still serves; and with an empty one `ssh` is where it was without.
    if let Err(failure) = revoked_hosts::renew(&context.places, ca) {
        note(diagnostic::report(&failure));
        note(hint::LIST_SERVES);
    }
    write_ssh(context, ca.config(), hosts)
}

fn configure(
    context: &Context,
    line: &Line,
    person: &Name,
    arguments: &SetupArguments,
) -> Result<PublicKey, Failure> {
    let named = line.ca();
    match Config::load(&context.places) {
        Ok(earlier) if earlier.ca != named.ca => {
            return Err(Failure::OtherCaSetUp {
                path: context.places.config_file(),
                ca: earlier.ca,
            });
        }
        Ok(_) => {}
        // The numbers of a list that another CA left here say nothing about this one's.
        Err(_) => revoked_hosts::begin(&context.places)?,
    }
    let (public, mut place) = keys::discover(
        arguments.key.as_deref(),
        arguments.agent.as_deref(),
        &context.places.ssh_directory(),
    )
    .map_err(Failure::Key)?;
    place.agent = arguments
        .agent
        .as_deref()
        .map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    let root = ca::fetch_root(&named)?;
    // Before this machine is set up: what is refused leaves it as it was.
    if let Some(invitation) = line.invitation() {
        let key = place.open(Asking::Allowed).map_err(Failure::Key)?;
        ca::accept(invitation, &root, &key)?;
    }
    durable::write(&context.places.root_file(), root.as_bytes(), 0o644)?;
    let config = Config {
        url: named.url,
        ca: named.ca,
        root: named.root,
        person: person.clone(),
        key: place.fingerprint,
        key_file: place.file.clone(),
        agent: place.agent.clone(),
    };
    let bare = PublicKey::new(public.key_data().clone(), "daypass");
    let text = bare
        .to_openssh()
        .map_err(|source| Failure::Key(diagnostic::KeyError::Signing(source)))?;
    durable::write(
        &context.places.identity_file(),
        format!("{text}\n").as_bytes(),
        0o644,
    )?;
    config.save(&context.places)?;
    Ok(public)
}

fn write_ssh(context: &Context, config: &Config, hosts: &Hosts) -> Result<usize, Failure> {
    let places = &context.places;
    let mut names: Vec<String> = hosts
        .hosts
        .iter()
        .flat_map(|host| std::iter::once(&host.name).chain(&host.aliases))
        .map(ToString::to_string)
        .collect();
    names.sort();
    names.dedup();
    let host_ca: Vec<String> = hosts.host_ca.iter().map(ToString::to_string).collect();
    durable::write(
        &places.known_hosts(),
        known_hosts::text(&names, &host_ca).as_bytes(),
        0o644,
    )?;
    let identity = config
        .key_file
        .clone()
        .unwrap_or_else(|| places.identity_file());
    revoked_hosts::ensure(places)?;
    let include = ssh_config::Include {
        hosts: &names,
        program: &std::env::current_exe().unwrap_or_else(|_| "daypass".into()),
        certificates: &places.certificates(),
        identity: &identity,
        agent: config.agent.as_deref(),
        own_known_hosts: &places.ssh_directory().join("known_hosts"),
        known_hosts: &places.known_hosts(),
        revoked_hosts: &places.revoked_hosts(),
    };
    let text = include.text().ok_or_else(|| Failure::UnquotablePath {
        path: places.ssh_include(),
    })?;
    durable::write(&places.ssh_include(), text.as_bytes(), 0o644)?;
    Ok(names.len())
}

/// Sees to the Include line in `~/.ssh/config`.
fn include(context: &Context, arguments: &SetupArguments) -> Result<(), Failure> {
    // A link into somebody's dotfiles stays a link: what it points to is written.
    let named = context.places.ssh_config();
    let path = std::fs::canonicalize(&named).unwrap_or_else(|_| named.clone());
    let existing = durable::read(&path, LONGEST_SSH_CONFIG)?;
    let target = context.places.ssh_include();
    let wanted = ssh_config::with_include(existing.as_deref().unwrap_or_default(), &target)
        .ok_or_else(|| Failure::UnquotablePath {
            path: target.clone(),
        })?;
    let Some(text) = wanted else { return Ok(()) };
    if arguments.refresh {
        note(hint::include_missing(&target));
        return Ok(());
    }
    let agreed = arguments.write_ssh_config
        || match confirmed(&prompt::include(&named)) {
            Err(Failure::NobodyToAsk) => false,
            answer => answer?,
        };
    if !agreed {
        note(hint::include_missing(&target));
        return Ok(());
    }
    durable::write(&path, text.as_bytes(), mode_of(&path))?;
    note(hint::include_written(&named));
    Ok(())
}

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).map_or(0o600, |metadata| metadata.permissions().mode() & 0o7777)
}
