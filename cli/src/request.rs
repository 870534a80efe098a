//! `daypass request` and `daypass grant`: a wish becomes a frozen window, signed by whoever asked.

mod agreement;
mod extend;
mod hours;

use daypass_protocol::api::{HostOrGroup, Wish};
use daypass_protocol::cidr::Cidr;
use daypass_protocol::hours::{Hours, Outside, Zone};
use daypass_protocol::line::Line;
use daypass_protocol::name::{Account, HostName, Name};
use daypass_protocol::statement::Verb;
use daypass_protocol::sudo_item::SudoItem;
use daypass_protocol::time::Time;
use daypass_protocol::window::{Permit, WindowId};
use jiff::{Timestamp, Zoned};

use crate::Context;
use crate::ca::{Ca, View};
use crate::diagnostic::{Failure, hint, prompt};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::moment::{Direction, Length, When};
use crate::output::{Consent, Format, FormatOption, note};
use crate::{portrait, setup, windows};
pub(crate) use extend::ExtendArguments;
pub(crate) use extend::extend;
use hours::RangeArgument;

/// What is wished for.
#[derive(Debug, clap::Args)]
struct WishArguments {
    /// A host, by name or alias; may be repeated
    #[arg(
        long = "host",
        value_name = "HOST",
        value_delimiter = ',',
        required_unless_present = "groups"
    )]
    hosts: Vec<HostName>,
    /// A group of hosts, as it is today; may be repeated
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',')]
    groups: Vec<Name>,
    /// The account to log in to; may be repeated
    #[arg(
        long = "account",
        value_name = "ACCOUNT",
        value_delimiter = ',',
        required = true
    )]
    accounts: Vec<Account>,
    /// What sudo may run: `[(RUNAS)] /path [arguments]`, or `ALL`; may be repeated
    #[arg(long, value_name = "ITEM")]
    sudo: Vec<SudoItem>,
    /// When it begins: RFC 3339, HH:MM, or a duration from now; now if not given
    #[arg(long, value_name = "TIME")]
    from: Option<When>,
    /// When it ends: RFC 3339 or HH:MM
    #[arg(
        long,
        value_name = "TIME",
        required_unless_present = "length",
        conflicts_with = "length"
    )]
    until: Option<When>,
    /// How long it lasts: 40s, 2h, 1d
    #[arg(long = "for", value_name = "DURATION", id = "length")]
    length: Option<Length>,
    /// Only at these hours: `mon-fri 08:00-18:00`; may be repeated
    #[arg(long, value_name = "RANGE")]
    hours: Vec<RangeArgument>,
    /// The time zone of the hours; this machine's if not given
    #[arg(long, value_name = "ZONE", requires = "hours")]
    zone: Option<Zone>,
    /// What happens to a login outside the hours
    #[arg(long, value_name = "WHAT", default_value = "deny", requires = "hours")]
    outside: OutsideArgument,
    /// Logins only from this network, as 192.0.2.0/24; may be repeated
    #[arg(long = "source", value_name = "CIDR", value_delimiter = ',')]
    sources: Vec<Cidr>,
    /// What a session may use: pty, port-forwarding, agent-forwarding, X11-forwarding, or none; pty if not given
    #[arg(
        long,
        value_name = "WHAT",
        value_delimiter = ',',
        default_value = "pty"
    )]
    permit: Vec<PermitArgument>,
    /// Run this command in place of whatever is asked for
    #[arg(long, value_name = "COMMAND")]
    force_command: Option<Line<1024>>,
    /// How long one certificate may live; what the policy allows if not given
    #[arg(long, value_name = "DURATION")]
    ttl: Option<Length>,
    /// Why, for the approver to read
    #[arg(long)]
    reason: Line<1024>,
    /// The reference of the order or incident
    #[arg(long)]
    ticket: Option<Line<128>>,
    /// The window that this one prolongs
    #[arg(long, value_name = "WINDOW")]
    extends: Option<WindowId>,
}

/// Arguments of `daypass request`.
#[derive(Debug, clap::Args)]
pub struct RequestArguments {
    #[command(flatten)]
    wish: WishArguments,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    output: FormatOption,
}

/// Arguments of `daypass grant`.
#[derive(Debug, clap::Args)]
pub struct GrantArguments {
    /// Who is let in
    #[arg(long, value_name = "PERSON")]
    to: Name,
    #[command(flatten)]
    wish: WishArguments,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    output: FormatOption,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OutsideArgument {
    /// It is refused
    Deny,
    /// It is allowed, and reported
    Alert,
}

/// One word of `--permit`.
#[derive(Debug, Clone, Copy)]
enum PermitArgument {
    Permit(Permit),
    None,
}

impl std::str::FromStr for PermitArgument {
    type Err = daypass_protocol::window::InvalidPermit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            Ok(Self::None)
        } else {
            text.parse().map(Self::Permit)
        }
    }
}

/// Asks for a window for oneself.
pub(crate) fn request(context: &Context, arguments: &RequestArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let contractor = ca.person().clone();
    let wish = arguments.wish.wish(contractor, &Zoned::now())?;
    let view = ask(
        context,
        &ca,
        &wish,
        arguments.consent,
        arguments.output.format,
    )?;
    note(hint::requested(&view.window.document().id, view.state));
    // The hosts of the window should be known to ssh by the time it is approved; the request itself is done.
    if let Err(failure) = setup::refresh(context, &ca) {
        note(crate::diagnostic::report(&failure));
    }
    Ok(Exit::Done)
}

/// Shows the frozen wish, and asks for it.
fn ask(
    context: &Context,
    ca: &Ca,
    wish: &Wish,
    consent: Consent,
    format: Format,
) -> Result<View, Failure> {
    let window = draft(ca, wish)?;
    note(portrait::of(&window, &context.zone));
    consent.given(prompt::REQUEST)?;
    let statement = ca.state(Verb::Request, &window)?;
    let view = ca.submit(&window, &statement)?;
    windows::outcome(context, &view, format)?;
    Ok(view)
}

/// Shows the frozen wish, and grants it.
fn give(
    context: &Context,
    ca: &Ca,
    wish: &Wish,
    consent: Consent,
    format: Format,
) -> Result<View, Failure> {
    let window = draft(ca, wish)?;
    note(portrait::of(&window, &context.zone));
    consent.given(prompt::GRANT)?;
    let statement = ca.state(Verb::Grant, &window)?;
    let view = ca.submit(&window, &statement)?;
    windows::outcome(context, &view, format)?;
    Ok(view)
}

/// Gives somebody else a window.
pub(crate) fn grant(context: &Context, arguments: &GrantArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let wish = arguments.wish.wish(arguments.to.clone(), &Zoned::now())?;
    give(
        context,
        &ca,
        &wish,
        arguments.consent,
        arguments.output.format,
    )?;
    Ok(Exit::Done)
}

/// The frozen document, which says what was wished for and nothing else: a CA that lies is found out here, before
/// anything is signed.
fn draft(ca: &Ca, wish: &Wish) -> Result<daypass_protocol::window::FrozenWindow, Failure> {
    let roster = ca.roster()?;
    let hosts = ca.hosts()?;
    let window = ca.draft(wish)?;
    agreement::check(wish, window.document(), &roster, &hosts.hosts)?;
    Ok(window)
}

impl WishArguments {
    fn wish(&self, contractor: Name, now: &Zoned) -> Result<Wish, Failure> {
        let base = Timestamp::from_second(now.timestamp().as_second()).unwrap_or(now.timestamp());
        let starts = self
            .from
            .map_or(Ok(base), |from| from.resolve(now, Direction::Ahead))?;
        let from = starts.to_zoned(now.time_zone().clone());
        let ends = match (self.length, self.until) {
            (Some(length), _) => When::Distance(length).resolve(&from, Direction::Ahead)?,
            (None, Some(until)) => until.resolve(&from, Direction::Ahead)?,
            (None, None) => return Err(Failure::NoEnd),
        };
        let mut hosts: Vec<HostOrGroup> =
            self.hosts.iter().cloned().map(HostOrGroup::Host).collect();
        hosts.extend(self.groups.iter().cloned().map(HostOrGroup::Group));
        Ok(Wish {
            contractor: Some(contractor),
            hosts,
            accounts: self.accounts.clone(),
            sudo: self.sudo.clone(),
            starts: Time::from_unix(starts.as_second()),
            ends: Time::from_unix(ends.as_second()),
            hours: self.schedule(now)?,
            sources: (!self.sources.is_empty()).then(|| self.sources.clone()),
            permit: self.permits()?,
            force_command: self.force_command.clone(),
            max_certificate_ttl: self.ttl.map(Length::seconds),
            reason: self.reason.clone(),
            ticket: self.ticket.clone(),
            extends: self.extends,
        })
    }

    fn schedule(&self, now: &Zoned) -> Result<Option<Hours>, Failure> {
        if self.hours.is_empty() {
            return Ok(None);
        }
        let zone = match &self.zone {
            Some(zone) => zone.clone(),
            None => now
                .time_zone()
                .iana_name()
                .and_then(|name| name.parse().ok())
                .ok_or(Failure::NoZoneName)?,
        };
        let outside = match self.outside {
            OutsideArgument::Deny => Outside::Deny,
            OutsideArgument::Alert => Outside::Alert,
        };
        Ok(Some(Hours {
            zone,
            ranges: self.hours.iter().map(|range| range.0.clone()).collect(),
            outside,
        }))
    }

    fn permits(&self) -> Result<Vec<Permit>, Failure> {
        let permits: Vec<Permit> = self
            .permit
            .iter()
            .filter_map(|permit| match permit {
                PermitArgument::Permit(permit) => Some(*permit),
                PermitArgument::None => None,
            })
            .collect();
        // "none" beside something else says two things.
        if !permits.is_empty() && permits.len() != self.permit.len() {
            Err(Failure::PermitAndNone)
        } else {
            Ok(permits)
        }
    }
}
