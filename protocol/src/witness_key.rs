//! From one witness key of a collector to the next: what the collector tells its CA, signed by the keys themselves.
//!
//! The signatures are those of the witness keys (`daypass_journal::witness`), which this crate does not know: whoever takes
//! such a document checks them.

use serde::{Deserialize, Serialize};

use crate::digest::Pin;
use crate::strict_json;
use crate::time::Time;
use crate::token::CaUrl;
use crate::version::Version;

/// Bytes in a succession, at most: two public keys, an address, and room.
pub const MAX_DOCUMENT: usize = 8 * 1024;

/// What a collector says of its witness key and the next.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessSuccession {
    /// Always 1.
    pub v: Version<1>,
    /// Whose collector it is.
    pub ca: Pin,
    /// Where the collector answers.
    pub url: CaUrl,
    /// What is said of the two.
    pub step: Step,
    /// The key that cosigned until now, as a C2SP vkey.
    pub witness: String,
    /// The one that comes after it.
    pub heir: String,
    /// Why.
    pub reason: Reason,
    /// When it was said.
    pub time: Time,
}

/// What becomes of the two keys.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// "After me, this key": both cosign from then on. Signed by the key before.
    Begins,
    /// "I alone, from now on." Signed by the heir.
    Ends,
}

/// Why that happens now.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It was time.
    Age,
    /// Somebody asked for it.
    Request,
}

/// A succession's exact bytes and a signature over them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedWitnessSuccession {
    /// The bytes.
    pub succession: String,
    /// By the witness key that [`Step`] names, in base64.
    pub signature: String,
}

/// What the CA names of a collector, once it has taken what it was told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessKeys {
    /// The key that it cosigns with.
    pub witness: String,
    /// The one that comes after it, and cosigns too; absent unless a renewal is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heir: Option<String>,
}

impl Step {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begins => "begins",
            Self::Ends => "ends",
        }
    }
}

impl Reason {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Request => "request",
        }
    }
}

impl WitnessSuccession {
    /// Writes the succession down and has its key sign it.
    pub fn sign(&self, signer: impl FnOnce(&str) -> String) -> SignedWitnessSuccession {
        let succession = strict_json::write(self);
        let signature = signer(&succession);
        SignedWitnessSuccession {
            succession,
            signature,
        }
    }

    /// The key that has to sign it.
    pub fn signer(&self) -> &str {
        match self.step {
            Step::Begins => &self.witness,
            Step::Ends => &self.heir,
        }
    }
}

impl SignedWitnessSuccession {
    /// What it says, taken at its word.
    ///
    /// # Errors
    /// When it is no succession.
    pub fn read_unverified(&self) -> Result<WitnessSuccession, strict_json::Error> {
        strict_json::parse_document(&self.succession, MAX_DOCUMENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn said() -> WitnessSuccession {
        WitnessSuccession {
            v: Version,
            ca: Pin::from(Digest::of("ca")),
            url: "https://log:7444".parse().unwrap(),
            step: Step::Begins,
            witness: "log/daypass-collector+1+A".to_owned(),
            heir: "log/daypass-collector+2+B".to_owned(),
            reason: Reason::Age,
            time: Time::from_unix(0),
        }
    }

    #[test]
    fn what_is_signed_is_what_is_read() {
        let signed = said().sign(|text| format!("{} bytes", text.len()));
        assert_eq!(signed.read_unverified().unwrap(), said());
        assert_eq!(
            signed.signature,
            format!("{} bytes", signed.succession.len())
        );
    }

    #[test]
    fn the_key_before_begins_and_the_heir_ends() {
        assert_eq!(said().signer(), said().witness);
        let ends = WitnessSuccession {
            step: Step::Ends,
            ..said()
        };
        assert_eq!(ends.signer(), said().heir);
    }

    #[test]
    fn unknown_words_and_fields_are_refused() {
        let text = said().sign(str::to_owned).succession;
        for (from, to) in [
            ("\"begins\"", "\"goes-on\""),
            ("\"age\"", "\"whim\""),
            ("\"v\":1", "\"v\":2"),
            ("\"v\":1", "\"v\":1,\"w\":1"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text);
            let signed = SignedWitnessSuccession {
                succession: changed,
                signature: String::new(),
            };
            assert!(signed.read_unverified().is_err(), "{to}");
        }
    }

    #[test]
    fn without_a_renewal_no_heir_is_named() {
        let keys = |heir: Option<&str>| WitnessKeys {
            witness: "w".to_owned(),
            heir: heir.map(str::to_owned),
        };
        assert_eq!(strict_json::write(&keys(None)), "{\"witness\":\"w\"}");
        let both = strict_json::write(&keys(Some("h")));
        assert_eq!(
            strict_json::parse::<WitnessKeys>(both.as_bytes(), 100).unwrap(),
            keys(Some("h"))
        );
    }
}
