//! Names: of people and groups, of hosts, of Unix accounts.

use std::fmt;
use std::str::FromStr;

/// Why a text is not a name of the kind asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{found:?} is not {kind}: it must be {rule}")]
pub struct InvalidName {
    /// What was expected, with its article: `a host name`.
    pub kind: &'static str,
    /// The rule that was broken.
    pub rule: &'static str,
    /// The text, cut after 64 characters.
    pub found: String,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if $check(text.as_bytes()) {
                    Ok(Self(text.to_owned()))
                } else {
                    let found = text.chars().take(64).collect();
                    Err(InvalidName { kind: $kind, rule: $rule, found })
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        serde_as_text!($type);
    };
}

name_type!(
    /// A person or a group of hosts: `[a-z][a-z0-9._-]{0,31}`.
    Name,
    "a name",
    "1 to 32 of a-z, 0-9, '.', '_' and '-', beginning with a letter",
    is_name
);
name_type!(
    /// A host: `[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?`, lower case.
    HostName,
    "a host name",
    "1 to 253 of a-z, 0-9, '.' and '-', beginning and ending with a letter or digit",
    is_host_name
);
name_type!(
    /// A Unix account: `[a-z_][a-z0-9_.-]{0,31}`.
    Account,
    "an account",
    "1 to 32 of a-z, 0-9, '_', '.' and '-', beginning with a letter or '_'",
    is_account
);

fn is_name(text: &[u8]) -> bool {
    matches!(text, [b'a'..=b'z', rest @ ..] if rest.len() < 32 && rest.iter().all(|&byte| is_lower(byte) || b"._-".contains(&byte)))
}

fn is_host_name(text: &[u8]) -> bool {
    match text {
        [only] => is_lower(*only),
        [first, middle @ .., last] => {
            middle.len() <= 251
                && is_lower(*first)
                && is_lower(*last)
                && middle
                    .iter()
                    .all(|&byte| is_lower(byte) || b".-".contains(&byte))
        }
        [] => false,
    }
}

fn is_account(text: &[u8]) -> bool {
    matches!(text, [b'a'..=b'z' | b'_', rest @ ..] if rest.len() < 32 && rest.iter().all(|&byte| is_lower(byte) || b"_.-".contains(&byte)))
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}
