//! For each failure, what to do next.

use daypass_transport::{client, fetch};

use super::Failure;
use crate::orders::ask;
use crate::{accounts, break_glass, enroll, erasure, host_keys, manage, run, sshd, status, trust};

const ENROLL_FIRST: &str = "Enrol it first: ask an admin for \"daypass host token NAME\" and paste its line into daypass-agent enroll.";

pub(super) fn advice(failure: &Failure) -> Option<&'static str> {
    match failure {
        Failure::NotRoot => Some("Run it as root, or through sudo."),
        Failure::Input(_) => None,
        Failure::Token(_) => Some(
            "Paste the one line that \"daypass host token NAME\" printed, whole: echo LINE | daypass-agent enroll",
        ),
        Failure::Enroll(error) => enroll(error),
        Failure::Manage(error) => manage(error),
        Failure::BreakGlass(error) => glass(error),
        Failure::Run(error) => run(error),
        Failure::Erase(error) => erase(error),
        Failure::RenewLogKey(error) => match error {
            ask::Error::NoAnswer => Some(
                "It may still do it: \"daypass log DIR --action journal.log_key\" shows whether it has.",
            ),
            error => order(error),
        },
        Failure::Status(status::Error::NotEnrolled) | Failure::Trust(trust::Error::NotEnrolled) => {
            Some(ENROLL_FIRST)
        }
        Failure::Status(_) | Failure::Trust(_) => {
            Some("These files are the agent's own; restore them, or enrol this host anew.")
        }
    }
}

fn enroll(error: &enroll::Error) -> Option<&'static str> {
    match error {
        enroll::Error::Already { .. } => Some(
            "Nothing was changed. \"daypass-agent status\" tells more. If it is to be enrolled anew: an admin's token of \"daypass host token NAME --replace\", and \"daypass-agent enroll --anew\".",
        ),
        enroll::Error::Name(enroll::own_name::Error::Other { .. }) => {
            Some("Leave --name out, or ask for a token for that name.")
        }
        enroll::Error::Name(_) => {
            Some("Say what this host is called: daypass-agent enroll --name NAME")
        }
        enroll::Error::Root(fetch::Error::Unreachable { .. })
        | enroll::Error::Call(client::Error::Unreachable { .. } | client::Error::Timeout { .. }) => {
            Some(
                "Is the CA running, and may this host reach that address and port? The token is still good.",
            )
        }
        enroll::Error::Root(_) | enroll::Error::Call(client::Error::Untrusted { .. }) => Some(
            "Somebody else answers there, or the CA was set up anew since the token was made. Ask for a new token.",
        ),
        enroll::Error::HostKeys(
            host_keys::Error::None { .. } | host_keys::Error::Directory { .. },
        ) => Some("Install sshd, or make its host keys: ssh-keygen -A"),
        enroll::Error::Proof(_) => Some(
            "Every key of /etc/ssh/ssh_host_*_key.pub shows that it is this host's own: mend that key, or take its two files away. The token is still good.",
        ),
        enroll::Error::Call(client::Error::Api { code, .. }) if code == "host-key-unproven" => {
            Some("Is daypass-host of the CA's version? The token is still good.")
        }
        enroll::Error::Call(client::Error::Api { .. }) => Some(
            "Tokens serve as often and as long as their maker said; an admin makes a new one with: daypass host token NAME",
        ),
        enroll::Error::State(_)
        | enroll::Error::Record(_)
        | enroll::Error::OtherRecord
        | enroll::Error::HostKeys(_) => Some(
            "What the CA sent does not follow from the token's pin. Do not go on: tell an admin.",
        ),
        _ => None,
    }
}

fn erase(error: &erasure::Error) -> Option<&'static str> {
    match error {
        erasure::Error::Reason => Some("Say who asked for it and on what ground."),
        erasure::Error::Nobody { .. } => {
            Some("\"daypass log DIR --user NAME\" shows what names somebody.")
        }
        erasure::Error::Ask(ask::Error::NoAnswer) => Some(
            "It may still do it: \"daypass log DIR --action journal.erased\" shows whether it has.",
        ),
        erasure::Error::Ask(error) => order(error),
        erasure::Error::Journal(_) => None,
    }
}

/// Of an order that the daemon did not get.
fn order(error: &ask::Error) -> Option<&'static str> {
    match error {
        ask::Error::NotRunning => Some("Start it: systemctl start daypass-agent"),
        _ => None,
    }
}

fn manage(error: &manage::Error) -> Option<&'static str> {
    match error {
        manage::Error::NotEnrolled => Some(ENROLL_FIRST),
        manage::Error::Root { .. } => Some(
            "Contractors get an account of their own, and root's rights by sudo items in their window.",
        ),
        manage::Error::Helper => Some("Choose the account that contractors are to use."),
        manage::Error::Yourself { .. } => {
            Some("Log in with another account that may use sudo, and try again from there.")
        }
        manage::Error::Name { .. } => Some("Rename that account, or choose another."),
        manage::Error::NotManaged { .. } => {
            Some("\"daypass-agent status\" lists the accounts that are.")
        }
        manage::Error::Account(accounts::Error::Unknown { .. }) => {
            Some("Make it first: useradd --create-home NAME")
        }
        manage::Error::Account(
            accounts::Error::Group { .. } | accounts::Error::EmptyGroup { .. },
        ) => Some("\"getent group NAME\" shows who is in it."),
        manage::Error::Sshd(sshd::Error::AlreadyBroken { .. }) => {
            Some("Mend sshd's configuration first (sshd -t tells the line); nothing was changed.")
        }
        manage::Error::Overridden(_) => Some(
            "Another Match block, read before /etc/ssh/sshd_config.d/50-daypass.conf, says so. Nothing was changed.",
        ),
        manage::Error::Reload(_) => {
            Some("Reload sshd and the agent by hand: systemctl reload ssh daypass-agent")
        }
        _ => None,
    }
}

fn glass(error: &break_glass::Error) -> Option<&'static str> {
    match error {
        break_glass::Error::NobodyManaged => {
            Some("Look at sshd, PAM and the account itself: journalctl -u ssh -t sudo")
        }
        break_glass::Error::NotManaged { .. } => {
            Some("\"daypass-agent status\" lists the accounts that are.")
        }
        break_glass::Error::Already { .. } => {
            Some("To end it now: daypass-agent break-glass --end")
        }
        break_glass::Error::Whole => Some("Nothing was to be done."),
        break_glass::Error::Reason => {
            Some("It goes into the journal: --reason 'the CA is down, order 4711'")
        }
        break_glass::Error::Block(_) => Some(
            "Mend sshd's configuration (sshd -t tells the line); the timer daypass-break-glass tries again by itself.",
        ),
        _ => Some(
            "Nothing was opened. By hand: \"IF EVEN THAT FAILS\" in daypass-agent(8) tells the two files.",
        ),
    }
}

fn run(error: &run::Error) -> Option<&'static str> {
    match error {
        run::Error::NotEnrolled => Some(ENROLL_FIRST),
        run::Error::Sockets(_) => Some(
            "The daemon is started by systemd, which opens its sockets: systemctl start daypass-agent",
        ),
        run::Error::Journal(_) | run::Error::FirstEntry(_) => {
            Some("Until this is mended, managed accounts are refused and everybody else gets in.")
        }
        _ => None,
    }
}
