//! What is told of a broken glass.

use super::report::Lines;
use crate::break_glass::{Change, Glass};
use crate::durable;
use crate::systemd::Reloaded;

/// After `break-glass`.
#[must_use]
pub fn glass_broken(change: &Change) -> String {
    let mut lines = Lines::default();
    lines.say(glass_is_broken(&change.glass));
    lines.say("Their own keys and passwords count, certificates of daypass do not. Then they are taken back by themselves,");
    lines.say("and logins that came in meanwhile are ended. To end it now: daypass-agent break-glass --end");
    tell_reload(&mut lines, change);
    lines.0
}

/// After `break-glass --end`.
#[must_use]
pub fn glass_whole(change: &Change) -> String {
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

/// For everybody who looks at this host: nobody can tell whether the glass is broken.
#[must_use]
pub fn glass_is_damaged(why: &durable::Error) -> String {
    format!("BREAK-GLASS: whether accounts are let go, and until when, cannot be told: {why}")
}

fn is_are(glass: &Glass) -> String {
    let names: Vec<&str> = glass.names().collect();
    match names.as_slice() {
        [only] => format!("{only} is"),
        _ => format!("{} are", names.join(", ")),
    }
}

fn tell_reload(lines: &mut Lines, change: &Change) {
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
