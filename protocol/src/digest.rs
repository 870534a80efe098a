//! SHA-256 in the forms that documents use: a hash, the pin, and the short random names of incarnations.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// Why a text is not the hexadecimal form asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {digits} lower-case hexadecimal digits")]
pub struct InvalidHex {
    /// How many digits the form has.
    pub digits: usize,
}

macro_rules! hex_type {
    ($(#[$doc:meta])* $type:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $type([u8; $bytes]);

        impl $type {
            /// Takes the raw bytes.
            pub fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidHex;

            fn from_str(text: &str) -> Result<Self, InvalidHex> {
                decode(text).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&encode(&self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self)
            }
        }

        serde_as_text!($type);
    };
}

hex_type!(
    /// SHA-256 of exact bytes; 64 lower-case hexadecimal digits in text.
    Digest, 32
);
hex_type!(
    /// The hash of roster 1, which is the CA's name in every statement.
    Pin, 32
);
hex_type!(
    /// One life of a CA's or a host's journal: 8 random bytes, 16 hexadecimal digits in text.
    Incarnation, 8
);
hex_type!(
    /// A number used once: 16 random bytes, 32 hexadecimal digits in text.
    Nonce, 16
);

impl Digest {
    /// The hash of these bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Hashes bytes as they come.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Some more of them.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl Pin {
    /// The first 16 hexadecimal digits, as they stand in a journal's origin.
    pub fn short(&self) -> String {
        encode(&self.0[..8])
    }
}

impl From<Digest> for Pin {
    fn from(hash_of_first_roster: Digest) -> Self {
        Self(hash_of_first_roster.0)
    }
}

impl From<Pin> for Digest {
    fn from(pin: Pin) -> Self {
        Self(pin.0)
    }
}

fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes
        .iter()
        .flat_map(|&byte| [digit(byte >> 4), digit(byte)])
        .collect()
}

fn decode<const N: usize>(text: &str) -> Result<[u8; N], InvalidHex> {
    let invalid = InvalidHex { digits: 2 * N };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return Err(invalid);
    };
    if pairs.len() != N {
        return Err(invalid);
    }
    let mut bytes = [0; N];
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        match (digit(high), digit(low)) {
            (Some(high), Some(low)) => *byte = high << 4 | low,
            _ => return Err(invalid),
        }
    }
    Ok(bytes)
}
