//! `daypass narrow`: makes a window smaller. Nobody is asked: it only takes away.

use daypass_protocol::name::{Account, HostName};
use daypass_protocol::narrowing::{Narrowing, Verb};
use daypass_protocol::sudo_item::SudoItem;
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_protocol::window::{Window, WindowId};
use jiff::Zoned;

use crate::Context;
use crate::ca::{Ca, View};
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::moment::{Direction, When};
use crate::output::{Format, FormatOption};
use crate::{login, portrait, windows};

/// Arguments of `daypass narrow`.
#[derive(Debug, clap::Args)]
pub struct NarrowArguments {
    /// The window's id
    window: WindowId,
    #[command(flatten)]
    stays: Stays,
    #[command(flatten)]
    output: FormatOption,
}

/// At least one of these.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Stays {
    /// Its new end, before the old one: RFC 3339, HH:MM, or a duration from now
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// A host that stays, the others go; may be repeated
    #[arg(long = "host", value_name = "HOST", value_delimiter = ',')]
    hosts: Vec<HostName>,
    /// An account that stays, the others go; may be repeated
    #[arg(long = "account", value_name = "ACCOUNT", value_delimiter = ',')]
    accounts: Vec<Account>,
    /// A sudo item that stays, the others go; may be repeated
    #[arg(long, value_name = "ITEM", conflicts_with = "no_sudo")]
    sudo: Vec<SudoItem>,
    /// No sudo item stays
    #[arg(long)]
    no_sudo: bool,
}

/// Signs what stays at most, and hands it in.
pub(crate) fn run(context: &Context, arguments: &NarrowArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let view = ca.window(arguments.window)?;
    let (now, stays) = (Zoned::now(), &arguments.stays);
    stays.are_there(&view.left())?;
    let narrowing = stays.of(&ca, &view, &now)?;
    let view = ca.narrow(&view.window, &narrowing)?;
    // A certificate at hand would be shown where the window is none any more, whatever other window there is.
    login::forget(&context.places.certificates(), arguments.window);
    match arguments.output.format {
        Format::Json => windows::outcome(context, &view, Format::Json)?,
        Format::Table => {
            windows::outcome(context, &view, Format::Table)?;
            let left = view.left();
            let until = portrait::both(left.ends, &context.zone);
            context.output.line(hint::left(&left, &until))?;
        }
    }
    Ok(Exit::Done)
}

impl Stays {
    /// What the window does not have cannot stay: somebody's finger slipped.
    fn are_there(&self, left: &Window) -> Result<(), Failure> {
        let all_there = left.sudo.contains(&SudoItem::All);
        let strange = strange(&self.hosts, &left.hosts)
            .or_else(|| strange(&self.accounts, &left.accounts))
            .or_else(|| strange(&self.sudo, &left.sudo).filter(|_| !all_there));
        match strange {
            Some(named) => Err(Failure::NotInWindow { named }),
            None => Ok(()),
        }
    }

    fn of(&self, ca: &Ca, view: &View, now: &Zoned) -> Result<Narrowing, Failure> {
        let ends = match self.until {
            Some(until) => {
                let ends = until.resolve(now, Direction::Ahead)?;
                Some(Time::from_unix(ends.as_second()))
            }
            None => None,
        };
        let is_said = !self.sudo.is_empty() || self.no_sudo;
        Ok(Narrowing {
            v: Version,
            verb: Verb::Narrow,
            window: view.window.hash(),
            ca: ca.pin(),
            signer: ca.person().clone(),
            time: Time::from_unix(now.timestamp().as_second()),
            expires: view.window.document().ends,
            ends,
            hosts: list(&self.hosts),
            accounts: list(&self.accounts),
            sudo: is_said.then(|| self.sudo.clone()),
        })
    }
}

fn strange<T: PartialEq + ToString>(named: &[T], there: &[T]) -> Option<String> {
    let strange = named.iter().find(|named| !there.contains(named))?;
    Some(strange.to_string())
}

fn list<T: Clone>(named: &[T]) -> Option<Vec<T>> {
    (!named.is_empty()).then(|| named.to_vec())
}
