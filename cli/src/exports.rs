//! `daypass exports`: where the collector sends entries as they come in, and how far that is.

use daypass_protocol::alert::Exports;

use crate::Context;
use crate::ca::Ca;
use crate::collector::{Collector, NAMED_BY_CA, Which};
use crate::diagnostic::{Failure, hint};
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::output::{Format, FormatOption, Table, note};

/// Arguments of `daypass exports`.
#[derive(Debug, clap::Args)]
pub struct ExportsArguments {
    /// The collector to ask; the one that the CA names if none is given
    #[arg(long, value_name = "URL", default_value = NAMED_BY_CA, hide_default_value = true)]
    collector: Which,
    #[command(flatten)]
    output: FormatOption,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &ExportsArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let collector = Collector::find(&ca, &arguments.collector)?;
    let Exports { exports } = collector.get("/v1/exports")?;
    if arguments.output.format == Format::Json {
        context.output.json(&exports)?;
        return Ok(Exit::Done);
    }
    if exports.is_empty() {
        note(hint::NO_EXPORTS);
        return Ok(Exit::Done);
    }
    let mut table = Table::new([
        "NAME",
        "TO",
        "CONFIRMED",
        "LAST",
        "SEGMENTS BEHIND",
        "TROUBLE",
    ]);
    for one in &exports {
        table.row([
            &one.name,
            &one.to,
            &one.confirmed.to_string(),
            &one.last.to_string(),
            &one.segments_behind.to_string(),
            one.error.as_deref().unwrap_or_default(),
        ]);
    }
    context.output.table(&table)?;
    Ok(Exit::Done)
}
