//! What people are told beside a result.

pub(crate) mod invitation;

use std::path::Path;

use daypass_protocol::alert::Replay;
use daypass_protocol::api::WindowState;
use daypass_protocol::hours::UnknownZone;
use daypass_protocol::key::Fingerprint;
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::narrowing::{self, VerifiedNarrowing};
use daypass_protocol::revocation::Subject;
use daypass_protocol::roster::{ApprovalKeys, Role, Roster};
use daypass_protocol::time::Time;
use daypass_protocol::window::{Window, WindowId};
use jiff::tz::TimeZone;
use ssh_key::PublicKey;

use crate::moment::{self, Length};
use crate::output::inert::inert;
use crate::portrait;
use crate::windows::Said;

/// What stands between a window and a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Not approved, or over.
    State,
    /// Not for this host.
    Host,
    /// Not for this account.
    Account,
    /// Not yet.
    Early(Time),
    /// Not any more.
    Late(Time),
    /// Outside its hours.
    Hours,
    /// Whether it is within them cannot be told here.
    Zone(UnknownZone),
}

pub(crate) const NO_HOSTS: &str =
    "No host is enrolled yet; `daypass host token NAME` makes the token for one.";
pub(crate) const NO_WINDOWS: &str = "There are no such windows; `daypass request` asks for one.";
pub(crate) const NO_SESSIONS: &str = "Nobody is there, as far as the collector knows.";
pub(crate) const CACHED_SERVES: &str = "The certificate at hand is used while it is valid.";
pub(crate) const LIST_SERVES: &str = "ssh goes on with the list of revoked hosts that is here; what was revoked since, it does not know.";
pub(crate) const ROSTER_IN_FORCE: &str = "Roster 1 is in force already; there is nothing to sign.";
pub(crate) const RECOVERY_KEY: &str = "the recovery key";
pub(crate) const NOT_VERIFIED: &str =
    "Read, not verified: `daypass verify DIR --trust FILE` checks that nothing was changed.";
pub(crate) const PROOF_IS_NOT_VERIFIED: &str =
    "Made, not verified: whoever gets it checks it with the log's key, as the trust file has it.";
pub(crate) const EVIDENCE_IS_NOT_VERIFIED: &str =
    "Gathered, not verified: `daypass evidence verify FILE --trust FILE` does that, anywhere.";
pub(crate) const AS_TOLD: &str = "As the CA tells it, not verified.";
pub(crate) const FOLLOWING: &str = "What comes in at the collector; Ctrl-C ends it.";
/// When a live view is interrupted for a while.
pub(crate) fn goes_on(failure: &super::Failure) -> String {
    format!("{failure}. It is asked again until it answers; nothing is left out.")
}

pub(crate) const AS_COLLECTED: &str =
    "As the collector tells it, which verified it when it came in.";

pub(crate) const NO_ALERTS: &str = "The collector alerted on nothing of that kind.";
pub(crate) const NO_DEAD_LETTERS: &str = "Every alert was taken, or is still being tried.";
pub(crate) const DEAD_LETTERS: &str =
    "An admin has them tried again: `daypass alerts retry LETTER...`, or `--all`.";
pub(crate) const NO_DESTINATIONS: &str = "Alerts go nowhere yet: name a destination under [alerts] in the collector's /etc/daypass/collector.toml.";

pub(crate) const NO_EXPORTS: &str = "The collector sends entries nowhere: name a receiver under [export] in its /etc/daypass/collector.toml.";

pub(crate) fn letters_retried(count: u64) -> String {
    match count {
        0 => "No such letter is dead; `daypass alerts dead` lists them.".to_owned(),
        1 => "One letter is tried again.".to_owned(),
        count => format!("{count} letters are tried again."),
    }
}

/// After rules were tried on the past.
pub(crate) fn replayed(found: &Replay) -> String {
    let mut text = format!(
        "{} rules found {} alerts in {} entries; nothing was sent.",
        found.rules,
        found.alerts.len(),
        found.entries
    );
    if !found.complete {
        text.push_str(" That was not all of them: ask for a shorter time.");
    }
    text
}

pub(crate) fn exported(exported: &daypass_journal::tiles::Exported) -> String {
    let mut text = format!(
        "{} entries: {} tiles of hashes, {} bundles of entries.",
        exported.size, exported.tiles, exported.bundles
    );
    if !exported.left_out.is_empty() {
        let numbers: Vec<String> = exported.left_out.iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            "\nLeft out, since an entry in them is erased: bundle {}.",
            numbers.join(", ")
        ));
    }
    text
}

/// Below the report of a verification.
pub(crate) fn claimed(first: u64, last: u64, after: u64) -> String {
    format!(
        "  claimed    entries {first} to {last}: a window's sudo that is as good as root ran before them (entry {after}), and nobody outside has cosigned them; whoever is root there could have written them"
    )
}

pub(crate) fn claims_unknown(error: &daypass_journal::Error) -> String {
    let error = error.to_string();
    format!(
        "Whether a window's sudo as good as root ran there is not known: {}",
        inert(&error)
    )
}

pub(crate) fn gathered(entries: usize, windows: usize, path: &Path) -> String {
    let path = path.display().to_string();
    format!("{}: {entries} entries, {windows} windows", inert(&path))
}

pub(crate) fn texts_left_out(count: usize) -> String {
    format!(
        "{count} long command lines are in it with their beginning only: there is no room for more. Ask for less at once, and they fit."
    )
}

pub(crate) fn token(host: &HostName, lifetime: Length) -> String {
    format!(
        "On {host}, as root, run `daypass-agent enroll` and paste this line within {}; it works once. Keep it to yourself.",
        moment::spoken(lifetime.seconds())
    )
}

pub(crate) fn group_token(uses: u32, lifetime: Length) -> String {
    format!(
        "On each host, as root, run `daypass-agent enroll` and paste this line within {}; it enrols {uses} of them, each under its own hostname. Keep it to yourself.",
        moment::spoken(lifetime.seconds())
    )
}

pub(crate) fn set_up(person: &Name, key: &PublicKey) -> String {
    let key = key.to_openssh().unwrap_or_default();
    format!(
        "This machine is set up for {person}, with the key\n  {}",
        inert(&key)
    )
}

pub(crate) fn not_known_yet(report: &str) -> String {
    format!(
        "{report}\nIf the CA does not know you yet: send your public key to its admin, who runs\n  daypass person add NAME --key FILE.pub --role contractor\nand run `daypass setup --refresh` after that. The first admin goes on with `daypass roster sign`."
    )
}

pub(crate) fn hosts_known(names: usize) -> String {
    format!("ssh knows {names} names of hosts.")
}

pub(crate) fn include_missing(include: &Path) -> String {
    format!(
        "For plain ssh, put this line at the very top of ~/.ssh/config:\n  Include \"{}\"",
        include.display()
    )
}

pub(crate) fn include_written(path: &Path) -> String {
    format!("An Include line stands at the top of {}.", path.display())
}

pub(crate) fn requested(window: &WindowId, state: WindowState) -> String {
    match state {
        WindowState::Requested => {
            format!("An approver now runs\n  daypass approve {window}\nuntil then nobody gets in.")
        }
        _ => format!("The window is {state}; just use ssh."),
    }
}

/// What is left of a window that was narrowed.
pub(crate) fn left(left: &Window, until: &str) -> String {
    let sudo = match left.sudo.as_slice() {
        [] => "no sudo".to_owned(),
        items => format!("sudo {}", joined(items, "; ")),
    };
    format!(
        "What is left, until {until}: {} on {}, {sudo}. Hosts have it within a second.",
        joined(&left.accounts, ", "),
        joined(&left.hosts, ", "),
    )
}

/// How somebody narrowed a window, and whether their signature counts today.
pub(crate) fn narrowed(
    narrowed: &Result<VerifiedNarrowing, narrowing::Error>,
    zone: &TimeZone,
) -> String {
    let verified = match narrowed {
        Ok(verified) => verified,
        Err(error) => {
            return format!(
                "  ** a narrowing does not count: {} **",
                inert(&error.to_string())
            );
        }
    };
    let said = verified.narrowing();
    let parts = [
        said.ends
            .map(|ends| format!("until {}", portrait::both(ends, zone))),
        said.hosts
            .as_ref()
            .map(|hosts| format!("hosts {}", joined(hosts, ", "))),
        said.accounts
            .as_ref()
            .map(|accounts| format!("accounts {}", joined(accounts, ", "))),
        said.sudo.as_ref().map(|items| match items.as_slice() {
            [] => "no sudo".to_owned(),
            items => format!("sudo {}", joined(items, "; ")),
        }),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!(
        "  narrowed     {}, {}, to {}",
        verified.signer(),
        portrait::both(said.time, zone),
        inert(&parts.join(", "))
    )
}

fn joined(items: &[impl ToString], by: &str) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(by)
}

/// How sessions that are open take an extension over: by a login with it.
pub(crate) fn extension(extension: &WindowId, old: &Window) -> String {
    let (Some(host), Some(account)) = (old.hosts.first(), old.accounts.first()) else {
        return String::new();
    };
    format!(
        "Sessions of {} that are open last longer once {} has logged in again by the extension, when it is approved; for example
  daypass login --host {host} --user {account} --window {extension}
  ssh {account}@{host} true",
        old.id, old.contractor
    )
}

pub(crate) fn certificate(path: &Path, until: &str) -> String {
    format!(
        "{}: valid until {until}",
        inert(&path.display().to_string())
    )
}

pub(crate) fn state(state: WindowState) -> String {
    format!("  state        {state}")
}

pub(crate) fn signed(said: &Said, zone: &TimeZone) -> String {
    match said {
        Said::Verified(statement) => {
            let (verb, signer) = (statement.verb(), statement.signer());
            format!(
                "  signed       {verb}, {signer}, {}, with {}",
                portrait::both(statement.statement().time, zone),
                statement.key()
            )
        }
        Said::OtherDocument(signer) => {
            format!("  ** does not count: {signer}'s statement is about another document **")
        }
        Said::Refused(error) => {
            format!("  ** does not count: {} **", inert(&error.to_string()))
        }
    }
}

pub(crate) const POLICY_CHANGES: &str = "The policy changes:";
pub(crate) const DEMANDS_MET: &str = "  All of it is met.";
pub(crate) const NOBODY_MAY: &str = "nobody may have such a window";
pub(crate) const NO_WINDOW_BEFORE: &str = "  No window of this person that you can see was approved before, by anybody who is an approver today.";

pub(crate) fn demand(by: &str, demand: &str) -> String {
    format!("  needs        {demand} ({by})")
}

pub(crate) fn demand_unmet(unmet: &str) -> String {
    format!("  ** {unmet} **")
}

pub(crate) fn standing(name: &Name) -> String {
    format!(
        "  needs        no approval: the policy's standing window {name} approves it in advance"
    )
}

pub(crate) fn approvals(number: u8) -> String {
    match number {
        1 => "one approval".to_owned(),
        number => format!("{number} approvals, each by another person"),
    }
}

pub(crate) fn approvals_from(number: u8, from: &str) -> String {
    format!("{} from: {from}", approvals(number))
}

pub(crate) fn approval_keys(keys: ApprovalKeys) -> String {
    match keys {
        ApprovalKeys::Any => "approvals by any enrolled key",
        ApprovalKeys::Touched => "approvals by security keys",
        ApprovalKeys::Verified => "approvals by security keys that verify their user",
    }
    .to_owned()
}

pub(crate) fn only_for(people: &str) -> String {
    format!("to be for one of: {people}")
}

pub(crate) fn at_most(length: &str) -> String {
    format!("to last {length} at most")
}

pub(crate) fn certificates_at_most(length: &str) -> String {
    format!("certificates that live {length} at most")
}

pub(crate) fn only_from(networks: &str) -> String {
    format!("to name sources, within: {networks}")
}

pub(crate) fn policy_in_force(roster: u64) -> String {
    format!("The policy is in force, with roster {roster}.")
}

pub(crate) fn proposal(path: &Path, missing: usize) -> String {
    let path = path.display();
    format!(
        "Your signature is in {path}; {missing} more of the admins must add theirs:\n  daypass roster sign {path}\nUntil then nothing has changed."
    )
}

pub(crate) fn group_without_hosts(group: &Name) -> String {
    format!("Note: no enrolled host is in the group {group}; what names it takes no effect yet.")
}

pub(crate) fn named_without_role(rule: &Name, name: &Name) -> String {
    format!("Note: the rule {rule} counts {name}, who is no approver: their approval cannot count.")
}

pub(crate) fn too_few_approvers(needed: u8, found: usize) -> String {
    format!(
        "Note: {needed} approvals are asked for, and there are {found} approvers: no window can be approved."
    )
}

pub(crate) fn too_few_who_count(rule: &Name, needed: u8, found: usize) -> String {
    format!(
        "Note: the rule {rule} asks for {needed} approvals, and there are {found} approvers whose approval counts for it: no window that it means can be approved."
    )
}

pub(crate) fn too_few_security_keys(by: &str, needed: u8, found: usize) -> String {
    format!(
        "Note: {by} asks for {needed} approvals by security keys, and {found} approvers have one in the roster: `daypass person key add` enrols one."
    )
}

pub(crate) fn standing_nowhere(name: &Name, zone: &str) -> String {
    let zone = inert(zone);
    format!(
        "Note: this machine knows no time zone {zone}; where hosts do not either, the standing window {name} approves nothing. It is written as in Europe/Amsterdam."
    )
}

pub(crate) fn differs(before: &WindowId, lines: &[String]) -> String {
    if lines.is_empty() {
        return format!("  It is as {before} was, but for its times and reason.");
    }
    format!(
        "  What differs from {before}, the last approved window of the same person:\n{}",
        lines.join("\n")
    )
}

pub(crate) const OTHER_RECOVERY_KEY: &str =
    "  ** The recovery key is another one: whoever has it can put a roster in force alone. **";

/// What a roster changes, for whoever is about to sign it.
pub(crate) fn roster_changes(before: u64, lines: &[String]) -> String {
    if lines.is_empty() {
        return format!("People, keys and the recovery key stay as in roster {before}.");
    }
    format!("What differs from roster {before}:\n{}", lines.join("\n"))
}

/// The secret that takes the used one's place, once.
pub(crate) fn new_recovery_key(secret: &str) -> String {
    format!(
        "The recovery key from now on, shown this once and kept nowhere. Store it offline; until the next line says that the roster is in force, the one of before counts.\n\n{secret}"
    )
}

pub(crate) fn recovered(number: u64, admin: &Name) -> String {
    format!(
        "Roster {number} is in force, by the recovery key, and {admin} is the only admin. CA, collector and hosts tell of it as an alarm. `daypass person add` names other admins, `daypass policy set` asks for their signatures again."
    )
}

pub(crate) fn roster_signed(number: u64) -> String {
    format!("Roster {number} is in force.")
}

pub(crate) fn roster(roster: &Roster, signers: &str, zone: &TimeZone) -> String {
    let policy = &roster.policy;
    format!(
        "Roster {}, {}, signed by {signers}.\nA window needs {} approval(s) and lasts {} at most; certificates live {} at most; the next roster needs {} signature(s), {} if it changes the policy, the recovery key or who is an admin.\n",
        roster.number,
        portrait::both(roster.time, zone),
        policy.approvals,
        moment::spoken(policy.max_window),
        moment::spoken(policy.max_certificate_ttl),
        policy.roster_signatures,
        policy.roster_signatures.max(policy.policy_signatures),
    )
}

pub(crate) fn person_added(name: &Name, roster: u64) -> String {
    format!("{name} is in roster {roster}.")
}

pub(crate) fn person_removed(name: &Name, roster: u64) -> String {
    format!(
        "{name} is not in roster {roster} any more: their windows are revoked, their sessions end, and what they signed opens nothing from now on."
    )
}

pub(crate) fn roles_changed(name: &Name, roles: &[Role], roster: u64) -> String {
    format!("{name} is {} from roster {roster} on.", joined(roles, ", "))
}

pub(crate) fn keys_changed(name: &Name, roster: u64) -> String {
    format!(
        "Roster {roster} has the new key of {name}; windows that were frozen before go on with the old ones."
    )
}

pub(crate) fn key_revoked(name: &Name, key: Fingerprint, roster: u64) -> String {
    format!("{key} is revoked, and not {name}'s in roster {roster} any more.")
}

pub(crate) fn revoked(subject: &Subject, state: u64) -> String {
    let what = match subject {
        Subject::Person(name) => format!("Every window of {name} is revoked"),
        Subject::Key(key) => format!("The key {key} is revoked"),
        Subject::Serial(serial) => format!("The certificate {serial} is revoked"),
        Subject::Host(host) => format!("The host {host} is revoked"),
    };
    format!("{what}: state {state} tells every host, and sessions end there.")
}

pub(crate) fn obstacles(obstacles: &[Obstacle], zone: &TimeZone) -> String {
    if obstacles.is_empty() {
        return "open for this login now".to_owned();
    }
    let said: Vec<String> = obstacles
        .iter()
        .map(|obstacle| match obstacle {
            Obstacle::State => "it is not approved, or over".to_owned(),
            Obstacle::Host => "it does not name this host".to_owned(),
            Obstacle::Account => "it does not name this account".to_owned(),
            Obstacle::Early(starts) => format!("it starts {}", portrait::brief(*starts, zone)),
            Obstacle::Late(ends) => format!("it ended {}", portrait::brief(*ends, zone)),
            Obstacle::Hours => "it is outside its hours".to_owned(),
            Obstacle::Zone(unknown) => format!("its hours cannot be told: {unknown}"),
        })
        .collect();
    said.join("; ")
}
