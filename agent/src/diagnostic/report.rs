//! What commands answer when they did what they were asked for.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use daypass_protocol::time::Time;

use crate::break_glass::{Change as Glassed, Glass};
use crate::doctor::{Door, Finding, Setting};
use crate::enroll::Enrolled;
use crate::erasure::Erased;
use crate::forward::{Contact, Told};
use crate::host_keys::Shown;
use crate::manage::Change;
use crate::presence::Absent;
use crate::status::Status;
use crate::systemd::Reloaded;

/// Lines of text; writing to a string cannot fail.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn say(&mut self, line: impl Display) {
        let _ = writeln!(self.0, "{line}");
    }
}

/// After `enroll`.
#[must_use]
pub fn enrolled(done: &Enrolled) -> String {
    let mut lines = Lines::default();
    lines.say(format_args!(
        "This host is enrolled as {}{} with {}.",
        done.host,
        list(", also known as ", &done.aliases),
        done.ca
    ));
    lines.say("Logins and sudo commands are journalled from now on; nobody is refused yet.");
    if done.clock.abs() > 60 {
        lines.say(format_args!(
            "Careful: this host's clock is {} seconds {} the CA's; mend that before contractors come.",
            done.clock.unsigned_abs(),
            if done.clock > 0 { "ahead of" } else { "behind" }
        ));
    }
    match &done.certificates {
        Shown::Yes => lines.say("sshd shows clients this host's certificates."),
        Shown::SiteHasItsOwn => {
            lines.say("sshd shows host certificates of your own already; they stay, ours are in /etc/daypass/ssh/host-certificates.");
        }
        Shown::Refused(why) => {
            lines.say(format_args!(
                "Careful: sshd does not show this host's certificates: {why}"
            ));
        }
    }
    if let Err(why) = &done.sshd {
        lines.say(format_args!(
            "Careful: sshd was not reloaded ({why}); do it by hand: systemctl reload ssh"
        ));
    }
    match &done.service {
        Ok(()) => lines.say("The agent runs (systemctl status daypass-agent)."),
        Err(why) => lines.say(format_args!(
            "Careful: the agent was not started ({why}); start it with: systemctl enable --now daypass-agent"
        )),
    }
    lines.say("Next: daypass-agent manage ACCOUNT");
    lines.0
}

/// After `manage`.
#[must_use]
pub fn managed(change: &Change) -> String {
    let mut lines = Lines::default();
    lines.say(format_args!(
        "{} (uid {}) is under management: only contractors with an open window get in.",
        change.names.join(", "),
        change.uid
    ));
    lines.say("Its passwords and authorized keys are ignored by sshd; nobody else is affected.");
    tell_sshd(&mut lines, change);
    if change.agent == Reloaded::NotRunning {
        lines.say(
            "The agent does not run, so contractors are refused: systemctl start daypass-agent",
        );
    }
    if !change.absent.is_empty() {
        lines.say("Nobody gets in until this is mended (daypass-agent doctor tells how):");
    }
    for gate in &change.absent {
        lines.say(format_args!("  {gate}"));
    }
    lines.0
}

/// After `unmanage`.
#[must_use]
pub fn unmanaged(change: &Change) -> String {
    let mut lines = Lines::default();
    lines.say(format_args!(
        "{} (uid {}) is no longer under management: its own keys and passwords count again.",
        change.names.join(", "),
        change.uid
    ));
    tell_sshd(&mut lines, change);
    lines.0
}

/// After `erase`.
#[must_use]
pub fn erased(erased: &Erased) -> String {
    let mut lines = Lines::default();
    let entries = erased.entries;
    if erased.said_by.is_empty() {
        lines.say(format_args!(
            "{entries} entries would be erased, for ever. With --yes they are."
        ));
        return lines.0;
    }
    let said_by: Vec<String> = erased.said_by.iter().map(ToString::to_string).collect();
    lines.say(format_args!(
        "{entries} entries are erased; entry {} says so. Every seal and every proof still holds.",
        said_by.join(", ")
    ));
    lines.say("Copies that a collector or an archive holds are not touched by this.");
    lines.0
}

fn tell_sshd(lines: &mut Lines, change: &Change) {
    if change.sshd == Reloaded::NotRunning {
        lines.say("sshd does not run under systemd here; one that runs otherwise must be reloaded by hand.");
    }
}

/// After `break-glass`.
#[must_use]
pub fn glass_broken(change: &Glassed) -> String {
    let mut lines = Lines::default();
    lines.say(glass_is_broken(&change.glass));
    lines.say("Their own keys and passwords count, certificates of daypass do not. Then they are taken back by themselves,");
    lines.say("and logins that came in meanwhile are ended. To end it now: daypass-agent break-glass --end");
    tell_reload(&mut lines, change);
    lines.0
}

/// After `break-glass --end`.
#[must_use]
pub fn glass_whole(change: &Glassed) -> String {
    let mut lines = Lines::default();
    lines.say(format_args!(
        "The glass is whole: {} under management again.",
        is_are(&change.glass)
    ));
    tell_reload(&mut lines, change);
    lines.0
}

/// For everybody who looks at this host.
#[must_use]
pub fn glass_is_broken(glass: &Glass) -> String {
    format!(
        "BREAK-GLASS: {} out of management until {}, because of: {}",
        is_are(glass),
        glass.until,
        glass.reason
    )
}

fn is_are(glass: &Glass) -> String {
    let names: Vec<&str> = glass.names().collect();
    match names.as_slice() {
        [only] => format!("{only} is"),
        _ => format!("{} are", names.join(", ")),
    }
}

fn tell_reload(lines: &mut Lines, change: &Glassed) {
    match &change.sshd {
        Ok(Reloaded::Done) => {}
        Ok(Reloaded::NotRunning) => lines.say(
            "sshd does not run under systemd here; one that runs otherwise must be reloaded by hand.",
        ),
        Err(why) => lines.say(format_args!(
            "Careful: sshd was not reloaded ({why}); do it by hand: systemctl reload ssh"
        )),
    }
}

/// After `status`.
#[must_use]
pub fn status(status: &Status) -> String {
    let mut lines = Lines::default();
    let mut row = |name: &str, value: String| lines.say(format_args!("{name:<10}{value}"));
    row(
        "host",
        format!(
            "{}{}{}",
            status.host,
            list(", also known as ", &status.aliases),
            list(", in ", &status.groups)
        ),
    );
    row("CA", format!("{}, pin {}", status.ca, status.pin));
    row(
        "state",
        format!(
            "{}, {} old; roster {}",
            status.state,
            span(status.age),
            status.roster
        ),
    );
    row("journal", status.origin.clone());
    if let Some(told) = &status.link {
        row("collector", link(told));
    }
    row(
        "agent",
        if status.running {
            "running"
        } else {
            "not running"
        }
        .to_owned(),
    );
    if let Some(glass) = &status.glass {
        row("glass", glass_is_broken(glass));
    }
    if status.managed.is_empty() {
        row(
            "managed",
            "nobody: all logins are journalled, none is refused".to_owned(),
        );
    }
    for (uid, names) in status.managed.iter() {
        row("managed", format!("{} (uid {uid})", names.join(", ")));
    }
    if !status.managed.is_empty() {
        for gate in &status.absent {
            row("missing", gate.to_string());
        }
    }
    lines.0
}

fn link(told: &Told) -> String {
    let behind = match (told.behind(), told.cosigned) {
        (0, 1..) => "all of the journal is cosigned".to_owned(),
        (behind, 0) => format!("none of its {behind} entries is cosigned yet"),
        (1, _) => "1 entry is not cosigned yet".to_owned(),
        (behind, _) => format!("{behind} entries are not cosigned yet"),
    };
    let seconds = told.time.and_then(|time| i64::try_from(time).ok());
    let last = seconds.map_or_else(String::new, |seconds| {
        format!(", last at {}", Time::from_unix(seconds))
    });
    match &told.contact {
        Contact::Nobody => "none is named by the CA: the journal stays on this host".to_owned(),
        Contact::Connected(url) => format!("{url}; {behind}{last}"),
        Contact::Away(None) => format!("not connected yet; {behind}{last}"),
        Contact::Away(Some(trouble)) => format!("away: {trouble}; {behind}{last}"),
        Contact::Stopped(found) => format!("STOPPED: {found}; {behind}{last}"),
    }
}

/// After `doctor`.
#[must_use]
pub fn findings(findings: &[Finding]) -> String {
    let mut lines = Lines::default();
    if findings.is_empty() {
        lines.say("Everything is in place.");
    }
    for finding in findings {
        let (what, next) = finding_text(finding);
        let mark = if finding.is_fault() { "FAULT" } else { "note " };
        lines.say(format_args!("{mark}  {what}"));
        lines.say(format_args!("       {next}"));
    }
    lines.0
}

fn finding_text(finding: &Finding) -> (String, String) {
    match finding {
        Finding::NotRunning => (
            "The agent does not run, so contractors are refused.".to_owned(),
            "systemctl start daypass-agent; journalctl -u daypass-agent tells why it stopped.".to_owned(),
        ),
        Finding::Absent(gate) => (capital(gate), absent_advice(gate).to_owned()),
        Finding::StateOld { age } => (
            format!("The newest state of the CA is {} old.", span(*age)),
            "Is the agent running? After 8 hours contractors are refused.".to_owned(),
        ),
        Finding::Unreachable(error) => (
            format!("The CA does not answer: {error}"),
            "What is known already serves for 8 hours; then contractors are refused.".to_owned(),
        ),
        Finding::Clock { seconds } => (
            format!("This host's clock is {seconds} seconds off the CA's."),
            "Let it be set by NTP (timedatectl set-ntp true); off by more than 5 minutes, contractors are refused.".to_owned(),
        ),
        Finding::NewName { uid, name } => (
            format!("{name} is a new name of the managed uid {uid}, which sshd's block does not know."),
            format!("daypass-agent manage {name}"),
        ),
        Finding::Gone { name } => (
            format!("{name} is managed, but is no account of that uid any more."),
            format!("daypass-agent unmanage {name}"),
        ),
        Finding::Door { account, door } => door_text(account, door),
        Finding::Glass(glass) => (
            format!("{}.", glass_is_broken(glass)),
            "It ends by itself; to end it now: daypass-agent break-glass --end".to_owned(),
        ),
        Finding::Loose(loose) => (
            format!(
                "{} belongs to uid {} and has mode {:04o}: somebody else may change or read it.",
                loose.path.display(),
                loose.owner,
                loose.mode
            ),
            format!(
                "chown root {path}; chmod {:04o} {path}",
                loose.mode & !loose.forbidden,
                path = loose.path.display()
            ),
        ),
        Finding::SudoRs => (
            "sudo is sudo-rs here, which takes no rules for one session: contractors get in, and have no sudo.".to_owned(),
            "Where windows are to grant sudo, install the package sudo in its place.".to_owned(),
        ),
        Finding::Setting(setting) => setting_text(setting),
        Finding::Unlisted(error) => (
            format!("The accounts of this host cannot be listed: {error}"),
            "New names of managed uids go unnoticed until this is mended.".to_owned(),
        ),
    }
}

fn absent_advice(gate: &Absent) -> &'static str {
    match gate {
        Absent::Module => "Reinstall it: apt install --reinstall daypass-host",
        Absent::Stack {
            service: "daypass-sudo",
            ..
        } => {
            "Restore /etc/pam.d/daypass-sudo: apt install --reinstall -o Dpkg::Options::=--force-confmiss daypass-host"
        }
        Absent::Stack { .. } => {
            "pam-auth-update --enable daypass; if that changes nothing, the common-* files were edited by hand: pam-auth-update --force --enable daypass rewrites them."
        }
        Absent::Sshd { overridden, .. } if overridden.keyword == "usepam" => {
            "Set UsePAM yes in /etc/ssh/sshd_config, and reload sshd."
        }
        Absent::Sshd { .. } => {
            "Another Match block takes precedence, or /etc/ssh/sshd_config does not include sshd_config.d/*.conf at its top."
        }
        Absent::Unreadable { .. } => "sshd -t tells the line.",
        Absent::Sudoers { .. } => {
            "Restore it: apt install --reinstall -o Dpkg::Options::=--force-confmiss daypass-host"
        }
    }
}

fn setting_text(setting: &Setting) -> (String, String) {
    match setting {
        Setting::MaxStartups { value } => (
            format!("sshd drops logins at random beyond {value} at once (MaxStartups)."),
            "Where contractors' tools log in many times at once, put into sshd_config: MaxStartups 100:30:200".to_owned(),
        ),
        Setting::Penalties => (
            "sshd turns an address away for a while after failed logins, with everybody who shares it (PerSourcePenalties); refused contractors count.".to_owned(),
            "Put your bastions' and offices' addresses into sshd_config: PerSourcePenaltyExemptList ADDRESS,…".to_owned(),
        ),
        Setting::RootByPassword => (
            "root may log in with a password, past every window.".to_owned(),
            "Put into sshd_config: PermitRootLogin prohibit-password".to_owned(),
        ),
    }
}

fn door_text(account: &str, door: &Door) -> (String, String) {
    match door {
        Door::Password => (
            format!("{account} has a password. It opens nothing while the account is managed."),
            format!("passwd --lock {account}"),
        ),
        Door::AuthorizedKeys { path } => (
            format!(
                "{} holds keys. They open nothing while {account} is managed.",
                path.display()
            ),
            "Remove the file if nobody needs it when the account is unmanaged.".to_owned(),
        ),
        Door::Crontab { path } => (
            format!(
                "{account} has a crontab ({}). It runs only during sessions.",
                path.display()
            ),
            "Move what must run to another account.".to_owned(),
        ),
        Door::AtJob { path } => (
            format!(
                "{account} has a job for later ({}). It runs only during sessions.",
                path.display()
            ),
            format!(
                "Look at it (atq, at -c), and take it away: rm {}",
                path.display()
            ),
        ),
        Door::Setuid { path } => (
            format!(
                "{} lends {account}'s rights to whoever runs it.",
                path.display()
            ),
            format!("chmod u-s {}", path.display()),
        ),
        Door::Linger { path } => (
            format!(
                "{account} has a user manager that starts at boot ({}).",
                path.display()
            ),
            format!("loginctl disable-linger {account}"),
        ),
        Door::SudoRules { rules } => (
            format!(
                "{account} has sudo rules of its own, which every contractor there has: {}",
                rules.join("; ")
            ),
            "Remove them from /etc/sudoers and /etc/sudoers.d; windows grant sudo instead."
                .to_owned(),
        ),
    }
}

fn list(before: &str, names: &[impl ToString]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    format!("{before}{}", names.join(", "))
}

fn capital(text: &impl ToString) -> String {
    let text = text.to_string();
    match text.strip_prefix("for ") {
        Some(rest) => format!("For {rest}."),
        None => format!("{text}."),
    }
}

/// A length of time in its largest whole unit.
fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_told_in_one_unit() {
        let told = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(told(59), "59 s");
        assert_eq!(told(900), "15 min");
        assert_eq!(told(8 * 3600), "8 h");
        assert_eq!(told(400_000), "4 days");
    }

    #[test]
    fn the_link_is_told_with_what_is_missing() {
        let told = |contact, cosigned| {
            link(&Told {
                contact,
                sealed: 12,
                cosigned,
                time: (cosigned > 0).then_some(1_764_028_800),
            })
        };
        assert_eq!(
            told(Contact::Connected("https://c:7444".to_owned()), 12),
            "https://c:7444; all of the journal is cosigned, last at 2025-11-25T00:00:00Z"
        );
        assert_eq!(
            told(Contact::Away(Some("no answer".to_owned())), 11),
            "away: no answer; 1 entry is not cosigned yet, last at 2025-11-25T00:00:00Z"
        );
        assert_eq!(
            told(Contact::Away(None), 0),
            "not connected yet; none of its 12 entries is cosigned yet"
        );
    }

    #[test]
    fn a_healthy_host_hears_so() {
        assert_eq!(findings(&[]), "Everything is in place.\n");
    }

    #[test]
    fn a_fault_and_a_note_are_told_apart() {
        let text = findings(&[
            Finding::NotRunning,
            Finding::Door {
                account: "deploy".to_owned(),
                door: Door::Password,
            },
        ]);
        assert!(text.starts_with("FAULT  The agent does not run"), "{text}");
        assert!(text.contains("\nnote   deploy has a password."), "{text}");
    }
}
