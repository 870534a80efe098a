//! `daypass alerts`: what the collector alerted on, what it could not deliver, and what rules would have found.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use daypass_protocol::alert::{
    Alert, Alerts, DeadLetters, Destinations, Replay, Retried, Retry, Test,
};
use jiff::Zoned;

use crate::Context;
use crate::ca::Ca;
use crate::collector::{Collector, NAMED_BY_CA, Which};
use crate::diagnostic::{Failure, hint};
use crate::durable;
use crate::exit::Exit;
use crate::keys::file::Asking;
use crate::moment::{self, Direction, When};
use crate::output::{Format, FormatOption, Table, note};
use crate::portrait;

/// The longest file of rules that is read, bytes.
const LONGEST_RULES: u64 = 256 * 1024;

/// Arguments of `daypass alerts`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AlertsArguments {
    #[command(subcommand)]
    command: Option<AlertsCommand>,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Subcommand)]
enum AlertsCommand {
    /// Say what rules would have found in the past
    Test(TestArguments),
    /// List letters that no receiver took
    Dead(DeadArguments),
    /// Have dead letters tried again, as an admin
    Retry(RetryArguments),
    /// Show where alerts go, and what waits for whom
    Destinations(ShowArguments),
}

/// Which collector, as everywhere.
#[derive(Debug, clap::Args)]
struct Asked {
    /// The collector to ask; the one that the CA names if none is given
    #[arg(long, value_name = "URL", default_value = NAMED_BY_CA, hide_default_value = true)]
    collector: Which,
}

#[derive(Debug, clap::Args)]
struct ListArguments {
    /// Nothing that is less severe: info, low, medium, high or critical
    #[arg(long, value_name = "SEVERITY", default_value = "info", value_parser = ["info", "low", "medium", "high", "critical"])]
    severity: String,
    /// The newest N
    #[arg(short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    newest: u16,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    output: FormatOption,
}

#[derive(Debug, clap::Args)]
struct TestArguments {
    /// From when on: RFC 3339, a date, HH:MM, or a duration ago
    #[arg(long, value_name = "TIME")]
    since: When,
    /// Before: likewise
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// A file of rules to try in place of the site's own
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    output: FormatOption,
}

#[derive(Debug, clap::Args)]
struct DeadArguments {
    /// The newest N
    #[arg(short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    newest: u16,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    output: FormatOption,
}

#[derive(Debug, clap::Args)]
struct RetryArguments {
    /// The letters' numbers, as `daypass alerts dead` shows them
    #[arg(value_name = "LETTER", required_unless_present = "all")]
    letters: Vec<u64>,
    /// All that are dead
    #[arg(long, conflicts_with = "letters")]
    all: bool,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, clap::Args)]
struct ShowArguments {
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    output: FormatOption,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &AlertsArguments) -> Result<Exit, Failure> {
    let ca = Ca::connect(&context.places, Asking::Allowed)?;
    let asked = |asked: &Asked| Collector::find(&ca, &asked.collector);
    match &arguments.command {
        None => list(context, &asked(&arguments.list.asked)?, &arguments.list)?,
        Some(AlertsCommand::Test(test)) => replay(context, &asked(&test.asked)?, test)?,
        Some(AlertsCommand::Dead(wanted)) => dead(context, &asked(&wanted.asked)?, wanted)?,
        Some(AlertsCommand::Retry(retry)) => {
            // An empty list means all, and none was given only where all are meant.
            let wish = Retry {
                letters: retry.letters.clone(),
            };
            let Retried { retried } = asked(&retry.asked)?.post("/v1/alerts/dead/retry", &wish)?;
            note(hint::letters_retried(retried));
        }
        Some(AlertsCommand::Destinations(show)) => {
            destinations(context, &asked(&show.asked)?, show.output.format)?;
        }
    }
    Ok(Exit::Done)
}

fn list(
    context: &Context,
    collector: &Collector<'_>,
    arguments: &ListArguments,
) -> Result<(), Failure> {
    let path = format!(
        "/v1/alerts?severity={}&limit={}",
        arguments.severity, arguments.newest
    );
    let Alerts { alerts, .. } = collector.get(&path)?;
    if arguments.output.format == Format::Json {
        return context.output.json(&alerts);
    }
    if alerts.is_empty() {
        note(hint::NO_ALERTS);
        return Ok(());
    }
    let mut table = Table::new([
        "TIME", "SEVERITY", "RULE", "WHO", "HOST", "TIMES", "TOLD", "WHAT",
    ]);
    for listed in &alerts {
        let told: Vec<String> = listed
            .letters
            .iter()
            .map(|letter| match letter.state.as_str() {
                "delivered" => letter.destination.clone(),
                state => format!("{} ({state})", letter.destination),
            })
            .collect();
        let Alert { severity, rule, .. } = &listed.alert;
        table.row([
            &shown_time(context, &listed.alert),
            severity.as_str(),
            rule,
            &who(&listed.alert),
            listed.alert.place.host.as_deref().unwrap_or_default(),
            &listed.count.to_string(),
            &told.join(", "),
            what(&listed.alert),
        ]);
    }
    context.output.table(&table)
}

fn replay(
    context: &Context,
    collector: &Collector<'_>,
    arguments: &TestArguments,
) -> Result<(), Failure> {
    let now = Zoned::now();
    let instant = |when: When| when.resolve(&now, Direction::Back);
    let wish = Test {
        since: instant(arguments.since)?.to_string(),
        until: arguments
            .until
            .map(|until| instant(until).map(|until| until.to_string()))
            .transpose()?,
        rules: arguments.rules.as_deref().map(rules).transpose()?,
    };
    let found: Replay = collector.post("/v1/alerts/test", &wish)?;
    if arguments.output.format == Format::Json {
        return context.output.json(&found);
    }
    let mut table = Table::new(["TIME", "SEVERITY", "RULE", "WHO", "HOST", "TIMES", "WHAT"]);
    for alert in &found.alerts {
        table.row([
            &shown_time(context, alert),
            alert.severity.as_str(),
            &alert.rule,
            &who(alert),
            alert.place.host.as_deref().unwrap_or_default(),
            &alert.count.to_string(),
            what(alert),
        ]);
    }
    if !table.is_empty() {
        context.output.table(&table)?;
    }
    note(hint::replayed(&found));
    Ok(())
}

fn rules(path: &Path) -> Result<String, Failure> {
    durable::read(path, LONGEST_RULES)?.ok_or_else(|| Failure::NoSuchFile {
        path: path.to_owned(),
    })
}

fn dead(
    context: &Context,
    collector: &Collector<'_>,
    arguments: &DeadArguments,
) -> Result<(), Failure> {
    let path = format!("/v1/alerts/dead?limit={}", arguments.newest);
    let DeadLetters { letters, .. } = collector.get(&path)?;
    if arguments.output.format == Format::Json {
        return context.output.json(&letters);
    }
    if letters.is_empty() {
        note(hint::NO_DEAD_LETTERS);
        return Ok(());
    }
    let mut table = Table::new([
        "LETTER", "FOR", "RULE", "WHO", "HOST", "TRIED", "GIVEN UP", "WHY",
    ]);
    for letter in &letters {
        table.row([
            &letter.letter.to_string(),
            &letter.destination,
            &letter.alert.rule,
            &who(&letter.alert),
            letter.alert.place.host.as_deref().unwrap_or_default(),
            &letter.attempts.to_string(),
            &portrait::brief(letter.since, &context.zone),
            &letter.error,
        ]);
    }
    context.output.table(&table)?;
    note(hint::DEAD_LETTERS);
    Ok(())
}

fn destinations(
    context: &Context,
    collector: &Collector<'_>,
    format: Format,
) -> Result<(), Failure> {
    let Destinations { destinations } = collector.get("/v1/alerts/destinations")?;
    if format == Format::Json {
        return context.output.json(&destinations);
    }
    if destinations.is_empty() {
        note(hint::NO_DESTINATIONS);
        return Ok(());
    }
    let mut table = Table::new([
        "NAME", "KIND", "FROM", "TAKEN", "WAITING", "DEAD", "TROUBLE",
    ]);
    for one in &destinations {
        table.row([
            &one.name,
            &one.kind,
            one.severity.as_str(),
            &one.delivered.to_string(),
            &one.waiting.to_string(),
            &one.dead.to_string(),
            one.error.as_deref().unwrap_or_default(),
        ]);
    }
    context.output.table(&table)
}

fn who(alert: &Alert) -> String {
    match (&alert.who.person, &alert.who.account) {
        (Some(person), Some(account)) => format!("{person} as {account}"),
        (person, account) => person
            .clone()
            .or_else(|| account.clone())
            .unwrap_or_default(),
    }
}

fn what(alert: &Alert) -> &str {
    alert.what.command.as_deref().unwrap_or(&alert.title)
}

/// In the reader's zone, and in UTC.
fn shown_time(context: &Context, alert: &Alert) -> String {
    let time = alert
        .when
        .clone()
        .unwrap_or_else(|| alert.raised.to_string());
    match time.parse::<jiff::Timestamp>() {
        Ok(instant) => moment::brief(instant, &context.zone),
        Err(_) => time,
    }
}

#[cfg(test)]
mod tests {
    use daypass_protocol::alert::Severity;

    #[test]
    fn every_severity_can_be_asked_for() {
        use clap::Parser as _;
        for severity in Severity::ALL {
            let words = ["daypass", "alerts", "--severity", severity.as_str()];
            assert!(crate::cli::Cli::try_parse_from(words).is_ok());
        }
        for words in [
            &["daypass", "alerts", "retry"][..],
            &["daypass", "alerts", "retry", "--all", "7"],
            &["daypass", "alerts", "test"],
            &["daypass", "alerts", "--severity", "awful"],
        ] {
            assert!(crate::cli::Cli::try_parse_from(words).is_err(), "{words:?}");
        }
    }
}
