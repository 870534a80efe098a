//! `daypass policy`: what the roster asks of windows, and why one needs what it needs.

mod explain;

use std::path::PathBuf;

use clap::Subcommand;
use daypass_protocol::key::Key;
use daypass_protocol::roster::policy::{InvalidPolicy, Require};
use daypass_protocol::roster::{ApprovalKeys, Person, Policy, Role, Roster};
use daypass_protocol::window::WindowId;

use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::{Failure, hint};
use crate::durable;
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::inert::inert;
use crate::output::{Consent, Format, FormatOption, note};
use crate::roster::change::{self, Proposal};

pub(crate) use explain::lines;

/// The longest file that is read, bytes.
const LONGEST: u64 = 256 * 1024;

/// What to do with the policy.
#[derive(Debug, clap::Args)]
pub struct PolicyArguments {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Show the policy as TOML, to be changed and given to `policy set`
    Show {
        #[command(flatten)]
        output: FormatOption,
    },
    /// Put the policy of a TOML file in force, in a new roster that you sign
    Set {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        proposal: Proposal,
    },
    /// Say what a window needs, and which rule asks for it
    Explain {
        /// The window's id
        window: WindowId,
    },
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &PolicyArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    match &arguments.command {
        PolicyCommand::Show { output } => {
            let roster = ca.roster()?;
            match output.format {
                Format::Json => context.output.json(&roster.policy)?,
                Format::Table => context.output.line(text(&roster.policy).trim_end())?,
            }
        }
        PolicyCommand::Set {
            file,
            consent,
            proposal,
        } => {
            let policy = read(file)?;
            doubts(&ca, &policy)?;
            let changed =
                change::change(context, &ca, *consent, proposal, |roster: &mut Roster| {
                    roster.policy = policy;
                    Ok(())
                })?;
            change::told(context, &changed, hint::policy_in_force)?;
        }
        PolicyCommand::Explain { window } => {
            let view = ca.window(*window)?;
            for line in lines(&ca, &view.window, &view.statements)? {
                context.output.line(line)?;
            }
        }
    }
    Ok(Exit::Done)
}

/// What a change takes away and adds, line by line of the TOML.
pub(crate) fn difference(old: &Policy, new: &Policy) -> String {
    let (old, new) = (text(old), text(new));
    let (before, after): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // Both ends that are alike are left out, and what is between is shown whole: nothing that is signed is hidden.
    let same = |(one, other): &(&&str, &&str)| one == other;
    let head = before.iter().zip(&after).take_while(same).count();
    let shorter = before.len().min(after.len()) - head;
    let tail = before.iter().rev().zip(after.iter().rev()).take(shorter);
    let tail = tail.take_while(same).count();
    let marked = |sign: &'static str, lines: &[&str]| {
        let lines = lines.iter().map(|line| format!("  {sign} {}", inert(line)));
        lines.collect::<Vec<_>>().join("\n")
    };
    [
        hint::POLICY_CHANGES.to_owned(),
        marked("-", &before[head..before.len() - tail]),
        marked("+", &after[head..after.len() - tail]),
    ]
    .into_iter()
    .filter(|part| !part.is_empty())
    .collect::<Vec<_>>()
    .join("\n")
}

/// The policy as people write it.
fn text(policy: &Policy) -> String {
    // Texts, numbers and lists of them: this has a TOML form.
    toml::to_string(policy).unwrap_or_default()
}

fn read(path: &std::path::Path) -> Result<Policy, Failure> {
    let text = durable::read(path, LONGEST)?.ok_or_else(|| Failure::NoSuchFile {
        path: path.to_owned(),
    })?;
    let policy: Policy = toml::from_str(&text).map_err(|source| Failure::BadPolicyFile {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let invalid = |source: InvalidPolicy| Failure::Roster(source.into());
    policy.check().map_err(invalid)?;
    Ok(policy)
}

/// Says what in a policy can never take effect, or lets nobody in: a wrong name is easily written.
fn doubts(ca: &Ca, policy: &Policy) -> Result<(), Failure> {
    let (roster, hosts) = (ca.roster()?, ca.hosts()?.hosts);
    let approves = |name: &daypass_protocol::name::Name| {
        roster
            .person(name)
            .is_some_and(|person| person.is(Role::Approver))
    };
    let groups = policy.rules.iter().flat_map(|rule| &rule.groups);
    let groups = groups.chain(policy.standing.iter().flat_map(|entry| &entry.groups));
    for group in groups {
        if !hosts.iter().any(|host| host.groups.contains(group)) {
            note(hint::group_without_hosts(group));
        }
    }
    for rule in &policy.rules {
        let Require {
            from_people,
            from_roles,
            approvals,
            approval_keys,
            ..
        } = &rule.require;
        for name in from_people.iter().filter(|name| !approves(name)) {
            note(hint::named_without_role(&rule.name, name));
        }
        let anybodys = from_people.is_empty() && from_roles.is_empty();
        let counts = |person: &&Person| {
            let has_role = from_roles.iter().any(|role| person.is(*role));
            anybodys || has_role || from_people.contains(&person.name)
        };
        let found = approvers(&roster).filter(counts).count();
        let needed = approvals.unwrap_or(if anybodys { policy.approvals } else { 1 });
        let is_about_approvals = approvals.is_some() || !anybodys;
        if is_about_approvals && usize::from(needed) > found {
            note(hint::too_few_who_count(&rule.name, needed, found));
        }
        let asked = approval_keys.unwrap_or_default();
        doubt_keys(&roster, asked, needed, &format!("the rule {}", rule.name));
    }
    let found = approvers(&roster).count();
    if usize::from(policy.approvals) > found {
        note(hint::too_few_approvers(policy.approvals, found));
    }
    doubt_keys(
        &roster,
        policy.approval_keys,
        policy.approvals,
        "the policy",
    );
    for entry in &policy.standing {
        if let Err(unknown) = entry.hours.check_zone() {
            note(hint::standing_nowhere(&entry.name, &unknown.zone));
        }
    }
    Ok(())
}

fn approvers(roster: &Roster) -> impl Iterator<Item = &Person> {
    roster.with_role(Role::Approver)
}

/// Says so where more approvals by security keys are asked for than there are approvers with one.
fn doubt_keys(roster: &Roster, asked: ApprovalKeys, needed: u8, by: &str) {
    let has_one = |person: &&Person| person.keys.iter().any(Key::is_security_key);
    let found = approvers(roster).filter(has_one).count();
    if asked != ApprovalKeys::Any && usize::from(needed) > found {
        note(hint::too_few_security_keys(by, needed, found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"approvals = 1
roster_signatures = 1
policy_signatures = 2
max_window = 86400
max_certificate_ttl = 3600

[[rules]]
name = "prod"
groups = ["db-prod"]

[rules.require]
approvals = 2
from_people = ["ann", "bob"]

[[standing]]
name = "tuesdays"
contractors = ["carl"]
hosts = ["db1"]
accounts = ["deploy"]
until = "2027-03-01T00:00:00Z"
permit = ["pty"]

[standing.hours]
zone = "Europe/Amsterdam"
outside = "deny"

[[standing.hours.ranges]]
days = ["tue"]
from = "20:00"
to = "22:00"
"#;

    #[test]
    fn what_show_prints_is_what_set_reads() {
        let policy: Policy = toml::from_str(WRITTEN).expect("a policy");
        assert_eq!(policy.standing[0].hours.ranges.len(), 1);
        assert_eq!(policy.policy_signatures, 2);
        let again: Policy = toml::from_str(&text(&policy)).expect("a policy");
        assert_eq!(again, policy);
        let usual: Policy = toml::from_str(&text(&Policy::default())).expect("a policy");
        assert_eq!(usual, Policy::default());
    }

    #[test]
    fn a_change_is_shown_with_every_line_that_differs() {
        let old: Policy = toml::from_str(WRITTEN).expect("a policy");
        let mut new = old.clone();
        new.max_window = 7200;
        let shown = difference(&old, &new);
        assert!(shown.contains("  - max_window = 86400"), "{shown}");
        assert!(shown.contains("  + max_window = 7200"), "{shown}");
        assert!(!shown.contains("tuesdays"), "{shown}");
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let text = WRITTEN.replace("from_people", "form_people");
        assert!(toml::from_str::<Policy>(&text).is_err());
    }
}
