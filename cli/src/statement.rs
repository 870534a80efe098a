//! `daypass approve`, `deny`, `end`: one's signed word about a window.

use daypass_protocol::statement::Verb;
use daypass_protocol::window::WindowId;

use crate::Context;
use crate::ca::Ca;
use crate::diagnostic::{Failure, hint, prompt};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::{Consent, Format, FormatOption, note};
use crate::{comparison, login, policy, portrait, windows};

/// Arguments of the commands that take a window and nothing else.
#[derive(Debug, clap::Args)]
pub struct WindowArguments {
    /// The window's id
    window: WindowId,
    #[command(flatten)]
    output: FormatOption,
}

/// Arguments of `daypass approve`.
#[derive(Debug, clap::Args)]
pub struct ApproveArguments {
    #[command(flatten)]
    window: WindowArguments,
    #[command(flatten)]
    consent: Consent,
}

/// Shows what is about to be signed, asks, and approves.
pub(crate) fn approve(context: &Context, arguments: &ApproveArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let roster = ca.roster()?;
    let view = ca.window(arguments.window.window)?;
    note(portrait::of(&view.window, &context.zone));
    for said in windows::statements(&view, &roster) {
        note(hint::signed(&said, &context.zone));
    }
    for line in policy::lines(&ca, &view.window, &view.statements)? {
        note(line);
    }
    note(comparison::of(&ca, &view)?);
    arguments.consent.given(prompt::APPROVE)?;
    let statement = ca.state(Verb::Approve, &view.window)?;
    let view = ca.say(&view.window, &statement)?;
    windows::outcome(context, &view, arguments.window.output.format)?;
    Ok(Exit::Done)
}

/// Denies a window.
pub(crate) fn deny(context: &Context, arguments: &WindowArguments) -> Result<Exit, Failure> {
    say(
        context,
        arguments.window,
        arguments.output.format,
        Verb::Deny,
    )
}

/// Ends one's own window.
pub(crate) fn end(context: &Context, arguments: &WindowArguments) -> Result<Exit, Failure> {
    let exit = say(
        context,
        arguments.window,
        arguments.output.format,
        Verb::End,
    )?;
    // Its certificates would be shown to hosts, and refused, until they run out, whatever window comes next.
    login::forget(&context.places.certificates(), arguments.window);
    Ok(exit)
}

/// These take something away and can be said without a second thought: whoever is in a hurry is not asked.
pub(crate) fn say(
    context: &Context,
    window: WindowId,
    format: Format,
    verb: Verb,
) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let view = ca.window(window)?;
    let statement = ca.state(verb, &view.window)?;
    let view = ca.say(&view.window, &statement)?;
    windows::outcome(context, &view, format)?;
    Ok(Exit::Done)
}
