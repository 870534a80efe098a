//! `bundle.json`: which CA, and which journals.

use daypass_protocol::digest::Pin;
use daypass_protocol::strict_json;
use daypass_protocol::version::Version;
use serde::{Deserialize, Serialize};

use super::bundle::Bundle;
use super::fault::{Damage, Fault};
use super::part::Part;

/// Bytes in it, at most.
const LONGEST: usize = 64 * 1024;

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) v: Version<1>,
    /// The CA that the windows are of.
    pub(super) ca: Pin,
    /// The journals' origins; the first is number 1.
    pub(super) journals: Vec<String>,
}

impl Manifest {
    pub(super) fn put(&self, bundle: &mut Bundle) -> Result<(), serde_json::Error> {
        bundle.put(Part::Manifest, self.text()?);
        Ok(())
    }

    pub(super) fn read(bundle: &Bundle) -> Result<Self, Fault> {
        let part = Part::Manifest;
        let Some(bytes) = bundle.bytes(&part) else {
            return Err(Fault::of_bundle(Damage::Missing {
                part: part.to_string(),
            }));
        };
        let unreadable = |error: String| Fault::new(&part, Damage::Unreadable(error));
        let read: Self =
            strict_json::parse(bytes, LONGEST).map_err(|error| unreadable(error.to_string()))?;
        // One spelling.
        let again = read.text().map_err(|error| unreadable(error.to_string()))?;
        if again.as_bytes() == bytes {
            Ok(read)
        } else {
            Err(Fault::new(&part, Damage::OtherText))
        }
    }

    fn text(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}
