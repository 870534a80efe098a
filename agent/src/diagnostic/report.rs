//! What commands answer when they did what they were asked for.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use daypass_protocol::time::Time;

use super::{glass_is_broken, glass_is_damaged};

use crate::enroll::Enrolled;
use crate::erasure::Erased;
use crate::forward::{Contact, Told};
use crate::host_keys::Shown;
use crate::manage::Change;
use crate::orders::Done;
use crate::status::Status;
use crate::systemd::Reloaded;

/// Lines of text; writing to a string cannot fail.
#[derive(Default)]
pub(super) struct Lines(pub(super) String);

impl Lines {
    pub(super) fn say(&mut self, line: impl Display) {
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

/// After `renew-log-key`.
#[must_use]
pub fn log_key_renewed(done: &Done) -> String {
    let mut lines = Lines::default();
    lines.say(format_args!(
        "Entry {} hands this host's journal over to a new key, and is sealed by the one before, which is gone.",
        done.seq
    ));
    lines.say(
        "The collector, and whoever verifies the whole journal, follows by itself. Others that know the key, \
         witnesses that hold no entries among them, have to be told:",
    );
    if let Some(key) = &done.key {
        lines.say(key);
    }
    lines.0
}

fn tell_sshd(lines: &mut Lines, change: &Change) {
    if change.sshd == Reloaded::NotRunning {
        lines.say("sshd does not run under systemd here; one that runs otherwise must be reloaded by hand.");
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
        match &status.running {
            Ok(true) => "running".to_owned(),
            Ok(false) => "not running".to_owned(),
            Err(error) => format!("not known: {error}"),
        },
    );
    match &status.glass {
        Ok(None) => {}
        Ok(Some(glass)) => row("glass", glass_is_broken(glass)),
        Err(damaged) => row("glass", glass_is_damaged(damaged)),
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

fn list(before: &str, names: &[impl ToString]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    format!("{before}{}", names.join(", "))
}

/// A length of time in its largest whole unit.
pub(super) fn span(length: Duration) -> String {
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
}
