//! A window's exact bytes beside what they say.

use super::Window;
use crate::digest::Digest;
use crate::strict_json;
use std::fmt::{self, Debug};

/// Bytes in a window document, at most.
pub const MAX_DOCUMENT: usize = 16 * 1024;

const TTL: std::ops::RangeInclusive<u64> = 60..=31_536_000;

/// A window document: the bytes that people sign, what they say, and their hash. Only parsing makes one, so the three
/// always agree.
#[derive(Clone, Eq, PartialEq)]
pub struct FrozenWindow {
    text: String,
    document: Window,
    hash: Digest,
}

/// Why a text is not a window.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of a window.
    #[error("not a window document: {0}")]
    Json(#[from] strict_json::Error),
    /// `starts` is not before `ends`.
    #[error("the window would end before it starts")]
    Backwards,
    /// A list is too short or too long.
    #[error("the window names {found} {list}; 1 to {most} are allowed")]
    Count {
        /// The key in the document.
        list: &'static str,
        /// Entries found.
        found: usize,
        /// Entries allowed.
        most: usize,
    },
    /// A list names something twice.
    #[error("the window names one of its {0} twice")]
    Twice(&'static str),
    /// Hosts are not in order.
    #[error("the window's hosts are not sorted")]
    Unsorted,
    /// `max_certificate_ttl` out of bounds.
    #[error("certificates may live 60 seconds to a year, not {0} seconds")]
    Ttl(u64),
    /// The window prolongs itself.
    #[error("the window extends itself")]
    ExtendsItself,
}

impl FrozenWindow {
    /// Reads the document's exact bytes.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let document: Window = strict_json::parse_document(text, MAX_DOCUMENT)?;
        check(&document)?;
        Ok(Self {
            text: text.to_owned(),
            document,
            hash: Digest::of(text),
        })
    }

    /// Writes a draft down for the first and only time.
    pub fn freeze(window: &Window) -> Result<Self, Error> {
        let text = strict_json::write(window);
        Self::parse(&text)
    }

    /// The exact bytes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What they say.
    pub fn document(&self) -> &Window {
        &self.document
    }

    /// SHA-256 of the exact bytes: what statements name.
    pub fn hash(&self) -> Digest {
        self.hash
    }
}

impl Debug for FrozenWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrozenWindow({} {})", self.document.id, self.hash)
    }
}

fn check(window: &Window) -> Result<(), Error> {
    if window.starts >= window.ends {
        return Err(Error::Backwards);
    }
    list("keys", &window.keys, 1, 16)?;
    list("hosts", &window.hosts, 1, 256)?;
    list("accounts", &window.accounts, 1, 16)?;
    list("sudo", &window.sudo, 0, 256)?;
    list("permit", &window.permit, 0, 4)?;
    if let Some(sources) = &window.sources {
        list("sources", sources, 1, 64)?;
    }
    if !window.hosts.is_sorted() {
        return Err(Error::Unsorted);
    }
    if !TTL.contains(&window.max_certificate_ttl) {
        return Err(Error::Ttl(window.max_certificate_ttl));
    }
    if window.extends == Some(window.id) {
        return Err(Error::ExtendsItself);
    }
    Ok(())
}

fn list<T: PartialEq>(
    list: &'static str,
    entries: &[T],
    least: usize,
    most: usize,
) -> Result<(), Error> {
    if !(least..=most).contains(&entries.len()) {
        return Err(Error::Count {
            list,
            found: entries.len(),
            most,
        });
    }
    let mut rest = entries;
    while let [first, others @ ..] = rest {
        if others.contains(first) {
            return Err(Error::Twice(list));
        }
        rest = others;
    }
    Ok(())
}
