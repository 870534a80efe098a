//! What `doctor` found, and for each finding what to do about it.

use super::report::{Lines, span};
use super::{glass_is_broken, glass_is_damaged};
use crate::doctor::{Door, Finding, SEARCH, Setting};
use crate::presence::Absent;
use crate::sudoers::Flaw;

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
        Finding::RunUnknown(error) => (
            format!("Whether the agent runs is not known: {error}"),
            "systemctl status daypass-agent must answer; if it does not, look at systemd (journalctl -p err).".to_owned(),
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
        Finding::Allowed(allow) => (
            format!(
                "{} is open to {} while nobody is in: [[allow]] in /etc/daypass/agent.toml.",
                allow.service.as_str(),
                allow.account
            ),
            "Take it out of there when it is needed no more, and restart daypass-agent.".to_owned(),
        ),
        Finding::AllowedToNobody(allow) => (
            format!(
                "[[allow]] in /etc/daypass/agent.toml names {}, which is not managed.",
                allow.account
            ),
            format!(
                "Correct the name, or take it out. To put the account under management: daypass-agent manage {}",
                allow.account
            ),
        ),
        Finding::Settings(error) => (
            format!("The settings cannot be used: {error}."),
            "Mend the line; with it the agent does not start.".to_owned(),
        ),
        Finding::Glass(glass) => (
            format!("{}.", glass_is_broken(glass)),
            "It ends by itself; to end it now: daypass-agent break-glass --end".to_owned(),
        ),
        Finding::GlassDamaged(why) => (
            format!("{}.", glass_is_damaged(why)),
            "Nothing takes them back by itself: daypass-agent manage ACCOUNT for each that is to be closed, then remove the file.".to_owned(),
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
            "sudo-rs is installed, which takes no rules for one session: in an account sudo serves one window at a time.".to_owned(),
            "Give contractors who need sudo at the same time an account each, or remove the package sudo-rs.".to_owned(),
        ),
        Finding::SudoDirectory { sources } => (
            format!(
                "sudo also takes rules and settings from a directory ({} in /etc/nsswitch.conf), and daypass does not see them.",
                sources.join(", ")
            ),
            "Let nothing there be for managed accounts, or for all: no rules, and none of pam_acct_mgmt, pam_session, pam_service, rootpw, targetpw or runaspw. If it has none for this host: sudoers: files".to_owned(),
        ),
        Finding::SudoSourcesUnread(error) => (
            format!("Whether sudo takes rules from a directory as well is not known: {error}"),
            "Let root read /etc/nsswitch.conf.".to_owned(),
        ),
        Finding::SudoRsElsewhere => (
            "sudo-rs reads /etc/sudoers-rs, which does not include what windows grant: contractors have no sudo by it.".to_owned(),
            "Add the line: @includedir /run/daypass/sudoers.d".to_owned(),
        ),
        Finding::Setting(setting) => setting_text(setting),
        Finding::SettingsUnknown(error) => (
            format!("sshd's settings are not known: {error}"),
            "sshd -T must print them; sshd -t tells the line that is wrong.".to_owned(),
        ),
        Finding::SudoSilent { path, why } => (
            format!("Whether {} is sudo-rs is not known: {why}", path.display()),
            format!("{} --version must answer; reinstall its package if it does not.", path.display()),
        ),
        Finding::SudoRsUnread(error) => (
            format!("Whether sudo-rs reads what windows grant is not known: {error}"),
            "Let root read the file, and ask doctor again.".to_owned(),
        ),
        Finding::Unlooked { name, error } => (
            format!("Whether {name} is still the account that is managed is not known: {error}"),
            format!("getent passwd {name} must answer: mend the name service that hangs or fails (/etc/nsswitch.conf names them)."),
        ),
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
        Absent::SudoSettings(flaw) => flaw_advice(flaw),
        Absent::SudoUnreadable { .. } => "visudo -c tells the line that is wrong.",
        Absent::Sudoers { .. } => {
            "Restore it: apt install --reinstall -o Dpkg::Options::=--force-confmiss daypass-host"
        }
        Absent::SudoersEdited { .. } => {
            "Put it back; or, with what is yours moved to a file of its own, restore the whole: rm /etc/sudoers.d/daypass; apt install --reinstall -o Dpkg::Options::=--force-confmiss daypass-host"
        }
    }
}

fn flaw_advice(flaw: &Flaw) -> &'static str {
    match flaw {
        Flaw::Unreadable(_) => "visudo -c tells the line that is wrong.",
        Flaw::Unread => "/etc/sudoers must have the line: @includedir /etc/sudoers.d",
        Flaw::Behind(_) => {
            "Put it where sudo reads it before: into a file of /etc/sudoers.d that sorts before daypass, or into /etc/sudoers before @includedir."
        }
        Flaw::Anywhere(_) => {
            "Take it out, or set it for those users alone who need it, each by name (Defaults:NAME) instead of by command."
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
                "{account} has a crontab ({}). Unless cron is left open to it, it runs only during sessions.",
                path.display()
            ),
            "Move what must run to another account.".to_owned(),
        ),
        Door::AtJob { path } => (
            format!(
                "{account} has a job for later ({}). Unless atd is left open to it, it runs only during sessions.",
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
        Door::Unsearched { home } => (
            format!(
                "The search for setuid files of {account} came to no end (it has {} s, and cannot read everything); {} may hold more.",
                SEARCH.as_secs(),
                home.display()
            ),
            format!(
                "Look for the rest: find {} -xdev -user {account} -perm -4000",
                home.display()
            ),
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
        Door::SudoUnknown { why } => (
            format!("Whether {account} has sudo rules of its own is not known: {why}"),
            format!(
                "sudo -l -U {account} must answer as root; visudo -c tells the line that is wrong, /etc/nsswitch.conf whom sudo asks."
            ),
        ),
        Door::Unread { path, why } => (
            format!(
                "Whether there is a way into {account} past daypass is not known: {why} ({})",
                path.display()
            ),
            "Let root read it, or look there from where it can be read.".to_owned(),
        ),
        Door::Unlooked { why } => (
            format!("What keys, jobs and setuid files {account} has is not known: {why}"),
            format!("getent passwd {account} must answer; then ask doctor again."),
        ),
    }
}

fn capital(text: &impl ToString) -> String {
    let text = text.to_string();
    match text.strip_prefix("for ") {
        Some(rest) => format!("For {rest}."),
        None => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
