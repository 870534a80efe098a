//! `daypass windows` and `daypass show`.

use daypass_protocol::api::WindowState;
use daypass_protocol::name::Name;
use daypass_protocol::narrowing::{self, VerifiedNarrowing};
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::window::WindowId;

use crate::Context;
use crate::ca::{Ca, View};
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::{Format, FormatOption, Table, note};
use crate::portrait;

/// Arguments of `daypass windows`.
#[derive(Debug, clap::Args)]
pub struct WindowsArguments {
    /// Only those in this state: requested, approved, open, closed, denied, ended, revoked, lapsed
    #[arg(long, value_name = "STATE")]
    state: Option<WindowState>,
    #[command(flatten)]
    output: FormatOption,
}

/// Arguments of `daypass show`.
#[derive(Debug, clap::Args)]
pub struct ShowArguments {
    /// The window's id
    window: WindowId,
    #[command(flatten)]
    output: FormatOption,
}

/// What somebody said about a window, and whether their signature counts today.
#[derive(Debug)]
pub(crate) enum Said {
    /// Signed by a key that the newest roster lists for them.
    Verified(Box<daypass_protocol::statement::VerifiedStatement>),
    /// Signed by them, but about another document.
    OtherDocument(Name),
    /// It does not count, and why.
    Refused(daypass_protocol::statement::Error),
}

/// Lists the windows that the person may see.
pub(crate) fn list(context: &Context, arguments: &WindowsArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let views = ca.windows(arguments.state)?;
    if arguments.output.format == Format::Json {
        context
            .output
            .json(&views.iter().map(View::raw).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new([
        "WINDOW", "STATE", "WHO", "HOSTS", "ACCOUNTS", "SUDO", "FROM", "UNTIL", "REASON",
    ]);
    for view in &views {
        let window = &view.left();
        table.row([
            &window.id.to_string(),
            &view.state.to_string(),
            window.contractor.as_str(),
            &joined(&window.hosts),
            &joined(&window.accounts),
            &sudo(window),
            &portrait::brief(window.starts, &context.zone),
            &portrait::brief(window.ends, &context.zone),
            window.reason.as_str(),
        ]);
    }
    if table.is_empty() {
        note(hint::NO_WINDOWS);
    } else {
        context.output.table(&table)?;
    }
    Ok(Exit::Done)
}

/// Shows one window whole.
pub(crate) fn show(context: &Context, arguments: &ShowArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let view = ca.window(arguments.window)?;
    if arguments.output.format == Format::Json {
        context.output.json(&view.raw())?;
        return Ok(Exit::Done);
    }
    let roster = ca.roster()?;
    context
        .output
        .line(portrait::of(&view.window, &context.zone))?;
    context.output.line(hint::state(view.state))?;
    for said in statements(&view, &roster) {
        context.output.line(hint::signed(&said, &context.zone))?;
    }
    for narrowed in narrowings(&ca, &view)? {
        context
            .output
            .line(hint::narrowed(&narrowed, &context.zone))?;
    }
    Ok(Exit::Done)
}

/// The statements of a view, checked against the roster, in the order in which they were made.
pub(crate) fn statements(view: &View, roster: &VerifiedRoster) -> Vec<Said> {
    let hash = view.window.hash();
    view.statements
        .iter()
        .map(|signed| match signed.check(roster) {
            Ok(statement) if statement.statement().window != hash => {
                Said::OtherDocument(statement.signer().clone())
            }
            Ok(statement) => Said::Verified(Box::new(statement)),
            Err(error) => Said::Refused(error),
        })
        .collect()
}

/// How a window was narrowed, checked against the rosters, in the order in which it came.
fn narrowings(
    ca: &Ca,
    view: &View,
) -> Result<Vec<Result<VerifiedNarrowing, narrowing::Error>>, Failure> {
    if view.narrowings.is_empty() {
        return Ok(Vec::new());
    }
    let chain = ca.chain()?;
    let signed = view.narrowings.iter();
    Ok(signed.map(|signed| signed.check(&chain)).collect())
}

/// Says what became of a window: its id and state.
pub(crate) fn outcome(context: &Context, view: &View, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => context.output.json(&view.raw()),
        Format::Table => {
            context
                .output
                .line(format!("{} {}", view.window.document().id, view.state))
        }
    }
}

fn sudo(window: &daypass_protocol::window::Window) -> String {
    let marked = |item: &daypass_protocol::sudo_item::SudoItem| match item.is_root_equivalent() {
        true => format!("{item} (root)"),
        false => item.to_string(),
    };
    window
        .sudo
        .iter()
        .map(marked)
        .collect::<Vec<_>>()
        .join("; ")
}

fn joined(names: &[impl AsRef<str>]) -> String {
    names
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<_>>()
        .join(",")
}
