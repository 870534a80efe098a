//! The names of a bundle's parts: a fixed grammar, one spelling for each.

use std::fmt;
use std::str::FromStr;

use daypass_protocol::digest::Digest;
use daypass_protocol::statement::Verb;
use daypass_protocol::window::WindowId;

/// A part of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// How to check the rest without us.
    Readme,
    /// Which CA, and which journals.
    Manifest,
    /// Who may sign what, for `ssh-keygen -Y verify`.
    AllowedSigners,
    /// A roster's exact bytes.
    Roster {
        /// Its number.
        number: u64,
    },
    /// A signature on a roster.
    RosterSignature {
        /// The roster's number.
        number: u64,
        /// From 1 on.
        signature: u32,
    },
    /// A window's exact bytes.
    Window {
        /// Its name.
        window: WindowId,
    },
    /// What somebody said about a window: the exact bytes.
    Statement {
        /// The window.
        window: WindowId,
        /// From 1 on, in the order in which they came.
        number: u32,
        /// What it says.
        verb: Verb,
    },
    /// The signature on that.
    StatementSignature {
        /// The window.
        window: WindowId,
        /// The statement's number.
        number: u32,
        /// What it says.
        verb: Verb,
    },
    /// A certificate, as in a `-cert.pub` file.
    Certificate {
        /// Its number.
        serial: u64,
    },
    /// An entry's exact bytes.
    Entry {
        /// The journal's number in the manifest, from 1 on.
        journal: u32,
        /// The entry's number.
        seq: u64,
    },
    /// The proof that the entry is in the journal.
    Proof {
        /// The journal's number.
        journal: u32,
        /// The entry's number.
        seq: u64,
    },
    /// The whole of a text of which entries have the beginning.
    Text {
        /// Its hash.
        sha256: Digest,
    },
}

impl Part {
    /// The file with the others' hashes.
    pub(super) const SUMS: &str = "SHA256SUMS";
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Readme => out.write_str("README.md"),
            Self::Manifest => out.write_str("bundle.json"),
            Self::AllowedSigners => out.write_str("allowed_signers"),
            Self::Roster { number } => write!(out, "rosters/{number}.json"),
            Self::RosterSignature { number, signature } => {
                write!(out, "rosters/{number}.json.{signature}.sig")
            }
            Self::Window { window } => write!(out, "windows/{window}/window.json"),
            Self::Statement {
                window,
                number,
                verb,
            } => write!(out, "windows/{window}/{number}-{verb}.json"),
            Self::StatementSignature {
                window,
                number,
                verb,
            } => {
                write!(out, "windows/{window}/{number}-{verb}.json.sig")
            }
            Self::Certificate { serial } => write!(out, "certificates/{serial}-cert.pub"),
            Self::Entry { journal, seq } => write!(out, "journals/{journal}/{seq:020}.json"),
            Self::Proof { journal, seq } => write!(out, "journals/{journal}/{seq:020}.tlog-proof"),
            Self::Text { sha256 } => write!(out, "texts/{sha256}"),
        }
    }
}

/// A name that no part has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnknownPart;

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(name: &str) -> Result<Self, UnknownPart> {
        let part = match name.split('/').collect::<Vec<_>>()[..] {
            ["README.md"] => Some(Self::Readme),
            ["bundle.json"] => Some(Self::Manifest),
            ["allowed_signers"] => Some(Self::AllowedSigners),
            ["rosters", file] => roster(file),
            ["windows", window, file] => window
                .parse()
                .ok()
                .and_then(|window| of_window(window, file)),
            ["certificates", file] => file
                .strip_suffix("-cert.pub")
                .and_then(|serial| serial.parse().ok())
                .map(|serial| Self::Certificate { serial }),
            ["journals", journal, file] => journal
                .parse()
                .ok()
                .and_then(|journal| of_journal(journal, file)),
            ["texts", sha256] => sha256.parse().ok().map(|sha256| Self::Text { sha256 }),
            _ => None,
        };
        // Numbers have several spellings; a part has one.
        part.filter(|part| part.to_string() == name)
            .ok_or(UnknownPart)
    }
}

fn roster(file: &str) -> Option<Part> {
    let (number, rest) = file.split_once(".json")?;
    let number = number.parse().ok()?;
    match rest {
        "" => Some(Part::Roster { number }),
        _ => {
            let signature = rest.strip_prefix('.')?.strip_suffix(".sig")?.parse().ok()?;
            Some(Part::RosterSignature { number, signature })
        }
    }
}

fn of_window(window: WindowId, file: &str) -> Option<Part> {
    if file == "window.json" {
        return Some(Part::Window { window });
    }
    let (name, rest) = file.split_once(".json")?;
    let (number, word) = name.split_once('-')?;
    let number = number.parse().ok()?;
    let verb = Verb::ALL.into_iter().find(|verb| verb.as_str() == word)?;
    match rest {
        "" => Some(Part::Statement {
            window,
            number,
            verb,
        }),
        ".sig" => Some(Part::StatementSignature {
            window,
            number,
            verb,
        }),
        _ => None,
    }
}

fn of_journal(journal: u32, file: &str) -> Option<Part> {
    let (seq, kind) = file.split_once('.')?;
    let seq = seq.parse().ok()?;
    match kind {
        "json" => Some(Part::Entry { journal, seq }),
        "tlog-proof" => Some(Part::Proof { journal, seq }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        let window = "w-01jbqv3k5t8x2m4n6p7r9s0vwy";
        for name in [
            "README.md",
            "bundle.json",
            "allowed_signers",
            "rosters/1.json",
            "rosters/12.json.3.sig",
            &format!("windows/{window}/window.json"),
            &format!("windows/{window}/1-request.json"),
            &format!("windows/{window}/2-approve.json.sig"),
            "certificates/4611686018427387904-cert.pub",
            "journals/1/00000000000000000042.json",
            "journals/2/00000000000000000042.tlog-proof",
            &format!("texts/{}", "0f".repeat(32)),
        ] {
            assert_eq!(name.parse::<Part>().expect(name).to_string(), name);
        }
        for name in [
            "",
            "readme.md",
            "../README.md",
            "/README.md",
            "./README.md",
            "rosters/01.json",
            "rosters/1.json.sig",
            "rosters/../1.json",
            "windows/x/window.json",
            "certificates/-cert.pub",
            "journals/1/42.json",
            "journals/1/00000000000000000042.json/",
            &format!("texts/{}", "0F".repeat(32)),
            "texts/0f",
        ] {
            assert_eq!(name.parse::<Part>(), Err(UnknownPart), "{name}");
        }
    }
}
