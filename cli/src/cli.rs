//! The command line: what can be typed. Each family's own arguments stand in its own file.

use clap::{Parser, Subcommand};

use crate::alerts::AlertsArguments;
use crate::completions::CompletionsArguments;
use crate::evidence::EvidenceArguments;
use crate::exports::ExportsArguments;
use crate::host::HostArguments;
use crate::invite::InviteArguments;
use crate::journal::JournalArguments;
use crate::log::LogArguments;
use crate::login::LoginArguments;
use crate::narrow::NarrowArguments;
use crate::person::PersonArguments;
use crate::policy::PolicyArguments;
use crate::prove::ProveArguments;
use crate::request::{ExtendArguments, GrantArguments, RequestArguments};
use crate::revoke::RevokeArguments;
use crate::roster::RosterArguments;
use crate::session::SessionsArguments;
use crate::session::story::SessionArguments;
use crate::setup::SetupArguments;
use crate::statement::{ApproveArguments, WindowArguments};
use crate::verify::VerifyArguments;
use crate::why::WhyArguments;
use crate::windows::{ShowArguments, WindowsArguments};

/// Let somebody in for a job, and prove what they did
#[derive(Debug, Parser)]
#[command(
    name = "daypass",
    version,
    max_term_width = 100,
    propagate_version = false
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, in the order of a window's life.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set this machine up: the CA, your key, and plain ssh
    Setup(SetupArguments),
    /// Ask for a window
    Request(RequestArguments),
    /// Give somebody a window, as an approver: request and approval at once
    Grant(GrantArguments),
    /// List windows
    Windows(WindowsArguments),
    /// Show one window, and who signed what about it
    Show(ShowArguments),
    /// Approve a window, after reading what it permits
    Approve(ApproveArguments),
    /// Deny a window
    Deny(WindowArguments),
    /// Ask for more time in your window; as an approver, give somebody more
    Extend(ExtendArguments),
    /// Make a window smaller: an earlier end, fewer hosts, accounts or sudo items
    Narrow(NarrowArguments),
    /// End your own window early
    End(WindowArguments),
    /// Revoke a window, or everything of a person, key or host: sessions end within seconds
    Revoke(RevokeArguments),
    /// Fetch the certificate for an account on a host now
    Login(LoginArguments),
    /// Say why an account on a host is open to you, or not
    Why(WhyArguments),
    /// Read journals
    Log(LogArguments),
    /// Show what the collector alerted on, and try rules on the past
    Alerts(AlertsArguments),
    /// Show where the collector sends entries, and how far that is
    Exports(ExportsArguments),
    /// Show who is where right now, until when, and allowed by whom
    Sessions(SessionsArguments),
    /// Tell the story of one session, from the request to its end
    Session(SessionArguments),
    /// Check a journal with keys that you trust
    Verify(VerifyArguments),
    /// Write the proof that an entry is in a journal, for anybody's tools
    Prove(ProveArguments),
    /// Write a journal in another form
    Journal(JournalArguments),
    /// Gather all that proves a visit into one file, and check such a file
    Evidence(EvidenceArguments),
    /// Sign and show the roster: people, their keys and roles
    Roster(RosterArguments),
    /// Add, list and remove people and their keys
    Person(PersonArguments),
    /// Invite somebody: they hand in their key, and you sign it in
    Invite(InviteArguments),
    /// Show, change and explain what windows need
    Policy(PolicyArguments),
    /// List hosts, and make the token that enrols one
    Host(HostArguments),
    /// Print completions for a shell
    Completions(CompletionsArguments),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
