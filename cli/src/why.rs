//! `daypass why`: for every window of the person, why it does or does not open an account on a host now.

use daypass_protocol::api::WindowState;
use daypass_protocol::hours::Outside;
use daypass_protocol::name::{Account, HostName};
use daypass_protocol::time::Time;
use daypass_protocol::window::Window;

use crate::ca::{self, Ca};
use crate::diagnostic::{Failure, Obstacle, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::{Table, note};
use crate::{Context, setup};

/// Arguments of `daypass why`.
#[derive(Debug, clap::Args)]
pub struct WhyArguments {
    /// The host, by name or alias
    #[arg(long, value_name = "HOST")]
    host: HostName,
    /// The account on it
    #[arg(long, value_name = "ACCOUNT")]
    user: Account,
}

/// Runs the command; 0 when a window opens the account now.
pub(crate) fn run(context: &Context, arguments: &WhyArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let now = Time::from(std::time::SystemTime::now());
    let hosts = ca.hosts()?;
    // Often the answer is that ssh has not heard of the host yet; from now on it has.
    setup::take_over(context, &ca, &hosts)?;
    let hosts = hosts.hosts;
    let Some(enrolled) = ca::enrolled(&hosts, &arguments.host) else {
        return Err(Failure::UnknownHost {
            host: arguments.host.clone(),
        });
    };
    let mut open = false;
    let mut table = Table::new(["WINDOW", "STATE", "WHY"]);
    for view in ca
        .windows(None)?
        .iter()
        .filter(|view| view.window.document().contractor == *ca.person())
    {
        let window = &view.left();
        let obstacles = obstacles(window, view.state, &enrolled.name, &arguments.user, now);
        open |= obstacles.is_empty();
        table.row([
            &window.id.to_string(),
            &view.state.to_string(),
            &hint::obstacles(&obstacles, &context.zone),
        ]);
    }
    if table.is_empty() {
        note(hint::NO_WINDOWS);
    } else {
        context.output.table(&table)?;
    }
    Ok(if open { Exit::Done } else { Exit::Failed })
}

/// What stands between a window and a login now; nothing, when it is open for it. Addresses are judged by the host.
fn obstacles(
    window: &Window,
    state: WindowState,
    host: &HostName,
    account: &Account,
    now: Time,
) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    if !matches!(state, WindowState::Approved | WindowState::Open) {
        obstacles.push(Obstacle::State);
    }
    if !window.hosts.contains(host) {
        obstacles.push(Obstacle::Host);
    }
    if !window.accounts.contains(account) {
        obstacles.push(Obstacle::Account);
    }
    if now < window.starts {
        obstacles.push(Obstacle::Early(window.starts));
    }
    if window.ends <= now {
        obstacles.push(Obstacle::Late(window.ends));
    }
    if let Some(hours) = &window.hours {
        match hours.contains(now) {
            Ok(false) if hours.outside == Outside::Deny => obstacles.push(Obstacle::Hours),
            Ok(_) => {}
            // Then nobody gets in, whatever is to happen outside.
            Err(unknown) => obstacles.push(Obstacle::Zone(unknown)),
        }
    }
    obstacles
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY: &str = "2026-11-23T10:00:00Z";
    const TUESDAY: &str = "2026-11-24T10:00:00Z";

    /// What stands in the way at this time, with Monday's hours in this zone.
    fn with_hours(zone: &str, outside: &str, now: &str) -> Vec<Obstacle> {
        let window = serde_json::json!({
            "v": 1,
            "id": "w-00000000000000000000000000",
            "ca": "0".repeat(64),
            "contractor": "carl",
            "keys": ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
            "hosts": ["db1"],
            "accounts": ["deploy"],
            "starts": "2026-11-23T00:00:00Z",
            "ends": "2026-11-30T00:00:00Z",
            "hours": {
                "zone": zone,
                "ranges": [{"days": ["mon"], "from": "08:00", "to": "18:00"}],
                "outside": outside,
            },
            "permit": ["pty"],
            "max_certificate_ttl": 600,
            "reason": "a test",
        });
        obstacles(
            &serde_json::from_value(window).expect("a window"),
            WindowState::Open,
            &"db1".parse().expect("a host"),
            &"deploy".parse().expect("an account"),
            now.parse().expect("a time"),
        )
    }

    #[test]
    fn hours_are_in_the_way_where_they_deny_and_nowhere_else() {
        assert_eq!(with_hours("UTC", "deny", MONDAY), []);
        assert_eq!(with_hours("UTC", "deny", TUESDAY), [Obstacle::Hours]);
        assert_eq!(with_hours("UTC", "alert", TUESDAY), []);
        for outside in ["deny", "alert"] {
            let nowhere = with_hours("Europe/Atlantis", outside, MONDAY);
            let is_told = matches!(&nowhere[..], [Obstacle::Zone(unknown)] if unknown.zone == "Europe/Atlantis");
            assert!(is_told, "{nowhere:?}");
        }
    }
}
