//! `daypass extend`: the same window for longer, asked for by its contractor, or granted by an approver.

use daypass_protocol::api::{HostOrGroup, Wish};
use daypass_protocol::line;
use daypass_protocol::time::Time;
use daypass_protocol::window::{Window, WindowId};
use jiff::{Timestamp, Zoned};

use super::{ask, give};
use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::moment::{Direction, Length, When};
use crate::output::{Consent, FormatOption, note};

/// Arguments of `daypass extend`.
#[derive(Debug, clap::Args)]
pub struct ExtendArguments {
    /// The window that is to last longer
    window: WindowId,
    /// How much longer than it does
    #[arg(
        long = "for",
        value_name = "DURATION",
        required_unless_present = "until",
        conflicts_with = "until"
    )]
    length: Option<Length>,
    /// Its new end: RFC 3339 or HH:MM
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// Why, for the approver to read; as before if not given
    #[arg(long)]
    reason: Option<line::Line<1024>>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    output: FormatOption,
}

/// Asks for more time, or gives it.
pub(crate) fn extend(context: &Context, arguments: &ExtendArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let view = ca.window(arguments.window)?;
    let old = view.window.document();
    let wish = arguments.wish(old, &Zoned::now())?;
    let (consent, format) = (arguments.consent, arguments.output.format);
    let view = if *ca.person() == old.contractor {
        ask(context, &ca, &wish, consent, format)?
    } else {
        give(context, &ca, &wish, consent, format)?
    };
    note(hint::extension(&view.window.document().id, old));
    Ok(Exit::Done)
}

impl ExtendArguments {
    /// From now on, so that a session can pass from one to the other; else as before.
    fn wish(&self, old: &Window, now: &Zoned) -> Result<Wish, Failure> {
        let end = Timestamp::from_second(old.ends.unix()).unwrap_or(now.timestamp());
        let end = end.to_zoned(now.time_zone().clone());
        let ends = match (self.length, self.until) {
            (Some(length), _) => When::Distance(length).resolve(&end, Direction::Ahead)?,
            (None, Some(until)) => until.resolve(&end, Direction::Ahead)?,
            (None, None) => return Err(Failure::NoEnd),
        };
        let host = |host: &daypass_protocol::name::HostName| HostOrGroup::Host(host.clone());
        Ok(Wish {
            contractor: Some(old.contractor.clone()),
            hosts: old.hosts.iter().map(host).collect(),
            accounts: old.accounts.clone(),
            sudo: old.sudo.clone(),
            starts: Time::from_unix(now.timestamp().as_second()),
            ends: Time::from_unix(ends.as_second()),
            hours: old.hours.clone(),
            sources: old.sources.clone(),
            permit: old.permit.clone(),
            force_command: old.force_command.clone(),
            max_certificate_ttl: None,
            reason: self.reason.clone().unwrap_or_else(|| old.reason.clone()),
            ticket: old.ticket.clone(),
            extends: Some(old.id),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: ExtendArguments,
    }

    #[test]
    fn an_extension_is_the_same_window_with_a_later_end() {
        let old: Window = serde_json::from_value(serde_json::json!({
            "v": 1,
            "id": "w-00000000000000000000000000",
            "ca": "0".repeat(64),
            "contractor": "carl",
            "keys": ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
            "hosts": ["db1"],
            "accounts": ["deploy"],
            "sudo": ["/usr/bin/id"],
            "starts": "2026-11-23T10:00:00Z",
            "ends": "2026-11-23T11:00:00Z",
            "permit": ["pty"],
            "max_certificate_ttl": 600,
            "reason": "a test",
        }))
        .expect("a window");
        let line = Line::parse_from(["extend", &old.id.to_string(), "--for", "2h"]);
        let now: Zoned = "2026-11-23T10:50:00+00:00[UTC]".parse().expect("a time");
        let wish = line.arguments.wish(&old, &now).expect("a wish");
        assert_eq!(wish.ends, old.ends.plus(7200));
        assert_eq!(wish.starts, old.starts.plus(3000));
        assert_eq!((wish.extends, &wish.sudo), (Some(old.id), &old.sudo));
        let new = Window {
            id: WindowId::new(wish.starts, [1; 10]),
            starts: wish.starts,
            ends: wish.ends,
            extends: wish.extends,
            ..old.clone()
        };
        assert!(new.prolongs(&old));
    }
}
