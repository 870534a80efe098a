//! What people are told. What happened is in the errors themselves, with what to do where there is one thing to do;
//! here they are put into sentences, and here stands what comes next.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use daypass_protocol::time::Time;
use daypass_protocol::witness_key::WitnessSuccession;

use crate::audit::Audited;
use crate::erasure::Forgotten;
use crate::origin::Origin;
use crate::restore::{Failure, Restored};
use crate::witness::stands_alone;

/// After `init`.
pub(crate) const AFTER_INIT: &str = "\
The line above is the request of this collector. Nothing in it is secret. On the CA's machine, as root:

    daypass-ca collector add < REQUEST > ANSWER

and back here:

    daypass-collector accept < ANSWER";

/// After `accept`.
pub(crate) const AFTER_ACCEPT: &str = "\
The CA knows this collector. Start it:

    systemctl enable --now daypass-collector

Hosts learn of it from the CA's signed state, and forward their journals by themselves.";

/// Before `erase --yes`.
pub(crate) fn would_erase(count: u64, person: &str) -> String {
    format!(
        "{count} stored entries name {person}. With --yes their text is taken out; hashes and seals stay, so that every proof \
         still holds.\nThe journals on the hosts and the CA's are erased from there: daypass-agent erase, daypass-ca erase. What was \
         exported to other systems is theirs to erase."
    )
}

/// After `erase --yes`.
pub(crate) fn erased(erased: &Forgotten, person: &str) -> String {
    let Forgotten { entries, waiting } = erased;
    let gone = format!("The text of {entries} entries is gone.");
    match waiting {
        0 => gone,
        waiting => format!(
            "{gone}\nNot yet in {waiting} segments that are lost: whatever they say of {person} is found nowhere any more, and goes as \
             soon as they are back. What is lost is named by the alarms alarm.store; put it back from a copy. daypass-collector \
             status says what is left."
        ),
    }
}

/// After `renew-log-key`; the key itself goes to standard output.
pub(crate) fn log_key_renewed(entry: u64) -> String {
    format!(
        "Entry {entry} hands the collector's own journal over to a new key, and is sealed by the one before, which is gone. Whoever \
         verifies the whole journal follows by itself. Others that know the key have to be told of it:"
    )
}

/// After `renew-witness-key`; the key itself goes to standard output.
pub(crate) fn witness_key_renewed(untold: Option<&str>) -> String {
    let begun = "The key below cosigns from now on, beside the one of before; after 30 days it stands alone, or with --finish at once. Hosts \
                 learn of it from the CA's state, and daypass-ca trust prints it beside those of before. Others that know this \
                 collector as a witness have to be told of it:";
    match untold {
        None => begun.to_owned(),
        Some(why) => format!("The CA is told as soon as it answers; so far: {why}\n{begun}"),
    }
}

/// After `renew-witness-key --finish`; likewise.
pub(crate) const WITNESS_KEY_FINISHED: &str = "The key below cosigns alone from now on, and the one before it is gone. What that cosigned \
    stays proven: keep it in trust files, as daypass-ca trust prints them.";

/// What `audit` found of one journal that holds.
pub(crate) fn holds(log: &Origin, audited: &Audited) -> String {
    let Audited { entries, gone } = audited;
    match gone {
        0 => format!("{log}: {entries} entries hold"),
        gone => {
            format!("{log}: {entries} entries hold; of {gone} only the hash is left, as declared")
        }
    }
}

/// How much is stored, and what follows it.
pub(crate) struct Standing {
    /// Whether the service runs.
    pub(crate) runs: bool,
    /// Journals that are known,
    pub(crate) logs: usize,
    /// those of which nothing came lately,
    pub(crate) silent: usize,
    /// their entries,
    pub(crate) entries: u64,
    /// and the segments in which these are.
    pub(crate) segments: u64,
    /// The last segment that is searchable.
    pub(crate) indexed: u64,
    /// Segments without some of their text whose old form waits for its removal.
    pub(crate) unsettled: usize,
    /// Segments that are damaged or missing,
    pub(crate) lost: usize,
    /// and those of which text is to be taken out when they are back.
    pub(crate) owing: usize,
}

/// For `status`.
pub(crate) fn status(standing: &Standing) -> String {
    let Standing {
        runs,
        logs,
        silent,
        entries,
        segments,
        indexed,
        unsettled,
        lost,
        owing,
    } = standing;
    let service = match runs {
        true => "runs",
        false => "does not run: systemctl start daypass-collector",
    };
    let silent = match silent {
        0 => String::new(),
        silent => format!(", {silent} of them silent"),
    };
    let mut text = format!(
        "service      {service}\njournals     {logs}{silent}\nentries      {entries} in {segments} segments\n\
         search       {}",
        behind(*indexed, *segments)
    );
    if *unsettled > 0 {
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            text,
            "\nerased       {unsettled} segments wait for their removal"
        );
    }
    if *lost > 0 {
        let _ = write!(
            text,
            "\nlost         {lost} segments: put them back from a copy (alarm.store names them)"
        );
    }
    if *owing > 0 {
        let _ = write!(
            text,
            "\nowed         {owing} of them: what is to go from them goes as soon as they are back"
        );
    }
    text
}

/// For `status`: the witness key is being renewed, as its own word `said`.
pub(crate) fn witness_renewal(said: &WitnessSuccession, now: Time) -> String {
    let (since, until) = (said.time, stands_alone(said));
    let then = if now < until {
        format!(
            "cosigns alone from {until} on; at once by daypass-collector renew-witness-key --finish"
        )
    } else {
        format!(
            "was to cosign alone from {until} on: the CA has not taken that in yet, and journalctl -u daypass-collector says why"
        )
    };
    format!(
        "witness key  {}\n             {} cosigns as well since {since}, and {then}",
        said.witness, said.heir
    )
}

/// For `status`, where there is no second copy.
pub(crate) const NO_ARCHIVE: &str =
    "second copy  none: `archive` in collector.toml names a directory on another disk";

/// For `status`: how far the second copy is.
pub(crate) fn archived(root: &Path, copied: u64, segments: u64) -> String {
    format!(
        "second copy  {} in {}",
        behind(copied, segments),
        root.display()
    )
}

fn behind(done: u64, all: u64) -> String {
    match all.saturating_sub(done) {
        0 => "up to date".to_owned(),
        left => format!("{left} segments behind"),
    }
}

/// During `reindex`.
pub(crate) fn passed_over(error: &dyn Error) -> String {
    format!(
        "{}, and run daypass-collector reindex again: its entries are not found until then",
        sentence(error)
    )
}

/// After `restore`.
pub(crate) fn restored(restored: &Restored) -> String {
    let Restored {
        logs,
        segments,
        entries,
        unsigned,
        failed,
        short,
    } = restored;
    let mut text = format!(
        "{logs} journals are back: {entries} entries in {segments} segments, each checked from its first line. Start the \
         service: systemctl start daypass-collector"
    );
    // Writing to a string cannot fail, here and below.
    for (log, from) in short {
        let _ = write!(
            text,
            "\n{log}: what is back ends before entry {from}; its host sends the rest if it still has it"
        );
    }
    if !unsigned.is_empty() {
        let _ = write!(
            text,
            "\nNo key of the CA's signed the records of: {}. They were taken as you said.",
            unsigned.join(", ")
        );
    }
    for Failure { log, why } in failed {
        let _ = write!(text, "\n{log} is not back, or not all of it: {why}");
    }
    if !failed.is_empty() {
        text.push_str(
            "\nSegments have other numbers than in the copy: before the start, name an empty directory as archive in collector.toml",
        );
    }
    text
}

/// An error with all its causes, in one paragraph. A cause that the message before it quotes is not said twice.
pub(crate) fn explain(error: &dyn Error) -> String {
    format!("daypass-collector: {}", sentence(error))
}

/// The same without the program's name.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let message = source.to_string();
        if !said.contains(&message) {
            // Writing to a string cannot fail.
            let _ = write!(text, ": {message}");
        }
        said = message;
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the lid is shut")]
    struct Lid(#[source] Hinge);

    #[derive(Debug, thiserror::Error)]
    #[error("the hinge is rusty")]
    struct Hinge;

    #[test]
    fn status_says_what_is_behind() {
        let mut standing = Standing {
            runs: true,
            logs: 3,
            silent: 1,
            entries: 500,
            segments: 40,
            indexed: 38,
            unsettled: 0,
            lost: 0,
            owing: 0,
        };
        assert_eq!(
            status(&standing),
            "service      runs\njournals     3, 1 of them silent\nentries      500 in 40 segments\nsearch       2 segments behind"
        );
        (standing.lost, standing.owing) = (2, 1);
        let said = status(&standing);
        assert!(
            said.contains("\nlost         2 segments") && said.contains("\nowed         1 of them"),
            "{said}"
        );
        assert_eq!(
            archived(Path::new("/mnt/b"), 40, 40),
            "second copy  up to date in /mnt/b"
        );
    }

    #[test]
    fn causes_are_told_once() {
        assert_eq!(
            explain(&Lid(Hinge)),
            "daypass-collector: the lid is shut: the hinge is rusty"
        );
    }
}
