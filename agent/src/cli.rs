//! The command line: what is asked for, and how it ended.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use daypass_protocol::name::HostName;
use daypass_protocol::token::JoinToken;

use crate::break_glass::{self, Lapse};
use crate::diagnostic::{self, Failure};
use crate::enroll::{Before, Stay};
use crate::erasure::{self, Confirmation, Which};
use crate::layout::Layout;
use crate::orders::Order;
use crate::orders::ask::ask;
use crate::{accounts, doctor, enroll, invoker, manage, run, status, trust};

/// A token has a few hundred bytes.
const MAX_TOKEN: u64 = 8 * 1024;

/// Decides who comes in on this host, ends their sessions, and keeps its journal.
#[derive(Debug, Parser)]
#[command(name = "daypass-agent", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Join a CA; the token is read from standard input
    ///
    /// An enrolled host observes: logins and sudo commands are journalled, and nobody is refused
    /// until an account is put under management.
    Enroll {
        /// This host's name, where the token is for a group; its own hostname if not said
        #[arg(long)]
        name: Option<HostName>,
        /// This host is enrolled already, and is to be so anew, with a token made with --replace; its journal of before is
        /// set aside, and a new one begins
        #[arg(long)]
        anew: bool,
        /// When this machine is powered off it goes for good: what it has journalled gets out, and its name is free
        #[arg(long)]
        ephemeral: bool,
    },
    /// Put an account under management: only contractors with an open window get in
    Manage {
        /// The account; every name of its uid counts
        #[arg(required_unless_present = "group")]
        account: Option<String>,
        /// Every account that belongs to this group today, in place of one; who joins later is not managed
        #[arg(long, conflicts_with = "account")]
        group: Option<String>,
    },
    /// Take an account out of management: its own keys and passwords count again
    Unmanage {
        /// The account, by any of its names
        account: String,
    },
    /// Erase entries of this host's journal: their texts go, every seal and every proof still holds
    ///
    /// What was erased, by whom and why is an entry of the journal itself. Copies that others hold, a
    /// collector or an archive, are theirs to erase.
    Erase {
        /// All entries that name this person
        #[arg(long, value_name = "NAME", required_unless_present = "numbers")]
        person: Option<String>,
        /// An entry, by its number; may be repeated
        #[arg(long = "seq", value_name = "N", conflicts_with = "person")]
        numbers: Vec<u64>,
        /// Why; it is kept in the journal
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Do it; without this, only tell how many entries it would be
        #[arg(long)]
        yes: bool,
    },
    /// Hand this host's journal over to a new log key; by itself that happens every two years
    ///
    /// The entry that names the new key is sealed by the one before. The collector, and whoever verifies the whole journal,
    /// follows by itself; witnesses that hold no entries have to be told of the key.
    RenewLogKey,
    /// Let accounts go for a while: their own keys count until it ends by itself
    ///
    /// For when contractors, or whoever shares their account, must get in and windows do not work.
    /// It needs neither CA nor agent, is journalled, and alerts.
    BreakGlass(BreakGlass),
    /// Lay sshd's block out as this version has it; the package does
    #[command(hide = true)]
    RenewBlock,
    /// Run the daemon; systemd does
    Run,
    /// Tell what this host is and how it fares
    Status,
    /// Look for what is missing or leads around the gates, and tell what to do
    Doctor,
    /// Print the trust file with which this host's journal is verified
    Trust,
}

/// How the glass is broken, or made whole.
#[derive(Debug, Args)]
struct BreakGlass {
    /// The accounts; all managed ones if none is named
    #[arg(conflicts_with_all = ["end", "if_over"])]
    accounts: Vec<String>,
    /// For how long: a number with s, m or h, at most 24h
    #[arg(long = "for", value_name = "TIME", required_unless_present_any = ["end", "if_over"], conflicts_with_all = ["end", "if_over"])]
    lapse: Option<Lapse>,
    /// Why, for the journal
    #[arg(long, required_unless_present_any = ["end", "if_over"], conflicts_with_all = ["end", "if_over"])]
    reason: Option<String>,
    /// Take the accounts back now
    #[arg(long)]
    end: bool,
    /// Take them back if their time is over; a timer does
    #[arg(long, hide = true, conflicts_with = "end")]
    if_over: bool,
}

/// Runs the command that the process was started with. Exit codes: 0 done, 1 failed or refused,
/// 64 wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    match perform(&arguments.command, &Layout::system()) {
        Ok(outcome) => {
            if write(&mut io::stdout().lock(), &outcome.text).is_err() {
                return ExitCode::FAILURE;
            }
            outcome.code
        }
        Err(failure) => {
            // Where even standard error is closed, the exit code remains.
            let _ = write(&mut io::stderr().lock(), &diagnostic::explain(&failure));
            ExitCode::FAILURE
        }
    }
}

/// What a command has to say, and how it ended.
struct Outcome {
    text: String,
    code: ExitCode,
}

impl Outcome {
    fn done(text: String) -> Self {
        Self {
            text,
            code: ExitCode::SUCCESS,
        }
    }
}

fn perform(command: &Command, layout: &Layout) -> Result<Outcome, Failure> {
    if !invoker::is_root() {
        return Err(Failure::NotRoot);
    }
    let text = match command {
        Command::Enroll {
            name,
            anew,
            ephemeral,
        } => {
            let before = match anew {
                true => Before::SetAside,
                false => Before::Refuses,
            };
            let stay = match ephemeral {
                true => Stay::Ephemeral,
                false => Stay::Lasting,
            };
            let done = enroll::enroll(layout, &token()?, name.as_ref(), before, stay)?;
            diagnostic::enrolled(&done)
        }
        Command::Manage { account, group } => {
            let accounts = match group {
                Some(group) => accounts::members(group).map_err(manage::Error::from)?,
                None => account.iter().cloned().collect(),
            };
            let mut said = String::new();
            for account in &accounts {
                // Those before a failure are managed, and the same command goes on where it ended.
                said.push_str(&diagnostic::managed(&manage::manage(layout, account)?));
            }
            said
        }
        Command::Unmanage { account } => diagnostic::unmanaged(&manage::unmanage(layout, account)?),
        Command::Erase {
            person,
            numbers,
            reason,
            yes,
        } => {
            let which = match person {
                Some(person) => Which::Person(person.clone()),
                None => Which::Numbers(numbers.clone()),
            };
            let confirmation = match yes {
                true => Confirmation::Given,
                false => Confirmation::Missing,
            };
            diagnostic::erased(&erasure::erase(layout, &which, reason, confirmation)?)
        }
        Command::RenewLogKey => {
            let by = invoker::invoker().in_a_word();
            diagnostic::log_key_renewed(&ask(layout, &Order::RenewLogKey { by })?)
        }
        Command::BreakGlass(how) => glass(layout, how)?,
        Command::RenewBlock => {
            manage::renew_block(layout)?;
            String::new()
        }
        Command::Run => {
            run::run(layout)?;
            String::new()
        }
        Command::Status => diagnostic::status(&status::status(layout)?),
        Command::Doctor => return Ok(examined(&doctor::doctor(layout)?)),
        Command::Trust => trust::trust(layout)?,
    };
    Ok(Outcome::done(text))
}

fn glass(layout: &Layout, how: &BreakGlass) -> Result<String, break_glass::Error> {
    match (how.lapse, &how.reason) {
        (Some(lapse), Some(reason)) => {
            let change = break_glass::begin(layout, &how.accounts, lapse, reason)?;
            Ok(diagnostic::glass_broken(&change))
        }
        _ if how.end => Ok(diagnostic::glass_whole(&break_glass::end(layout)?)),
        _ => {
            let change = break_glass::end_if_over(layout)?;
            Ok(change
                .as_ref()
                .map_or_else(String::new, diagnostic::glass_whole))
        }
    }
}

fn examined(findings: &[doctor::Finding]) -> Outcome {
    let text = diagnostic::findings(findings);
    if findings.iter().any(doctor::Finding::is_fault) {
        return Outcome {
            text,
            code: ExitCode::FAILURE,
        };
    }
    Outcome::done(text)
}

/// One line, so that whoever pastes it at a prompt need not end the input as well.
fn token() -> Result<JoinToken, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        // Without a prompt the paste works just as well.
        let _ = write(&mut io::stderr().lock(), diagnostic::PASTE_TOKEN);
    }
    let mut line = String::new();
    stdin
        .lock()
        .take(MAX_TOKEN)
        .read_line(&mut line)
        .map_err(Failure::Input)?;
    line.parse().map_err(Failure::Token)
}

fn write(to: &mut impl io::Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}

/// Help and version are answers; everything else is wrong usage, for which 64 is our code.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when the terminal is gone.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(64),
    }
}
