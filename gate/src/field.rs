//! The fixed encoding: integers big-endian, text as a u32 length and that many bytes of UTF-8 without NUL.

use std::fmt;

/// What a text field is called and how many bytes it may have. The same bound holds for writer and reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The field's name, for errors.
    pub name: &'static str,
    /// The most bytes it may hold.
    pub max: usize,
}

impl Field {
    /// Names a field and its bound.
    #[must_use]
    pub const fn new(name: &'static str, max: usize) -> Self {
        Self { name, max }
    }
}

/// Why a message could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// A text is longer than its field may be.
    TooLong {
        /// Which field, and its bound.
        field: Field,
        /// How long the text is, or says it is.
        length: usize,
    },
    /// The message ends inside this field.
    Short {
        /// The field's name.
        field: &'static str,
    },
    /// A text is not UTF-8, or holds a NUL byte.
    NotText {
        /// The field's name.
        field: &'static str,
    },
    /// A presence byte is neither 0 nor 1.
    Presence {
        /// The field's name.
        field: &'static str,
        /// What stands there.
        found: u8,
    },
    /// The message goes on after its last field.
    Trailing {
        /// How many bytes too many.
        bytes: usize,
    },
    /// The peer speaks a version that this program does not know.
    Version {
        /// What it says.
        found: u8,
    },
    /// A kind of message that this version does not have.
    Kind {
        /// What it says.
        found: u8,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { field, length } => {
                write!(
                    out,
                    "`{}` has {length} bytes, at most {} are allowed",
                    field.name, field.max
                )
            }
            Self::Short { field } => write!(out, "the message ends inside `{field}`"),
            Self::NotText { field } => write!(out, "`{field}` is not text"),
            Self::Presence { field, found } => {
                write!(out, "`{field}` is marked {found}, not 0 or 1")
            }
            Self::Trailing { bytes } => write!(out, "{bytes} bytes stand after the last field"),
            Self::Version { found } => write!(
                out,
                "version {found} is unknown; this program speaks version {VERSION}"
            ),
            Self::Kind { found } => write!(out, "message kind {found} is unknown"),
        }
    }
}

impl std::error::Error for Malformed {}

/// The version that stands first in every message.
pub const VERSION: u8 = 1;

/// Builds one message.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Starts a message of this kind.
    #[must_use]
    pub fn new(kind: u8) -> Self {
        Self {
            bytes: vec![VERSION, kind],
        }
    }

    /// Appends a text.
    ///
    /// # Errors
    /// [`Malformed::TooLong`], [`Malformed::NotText`] for a text with a NUL byte.
    pub fn text(&mut self, field: Field, text: &str) -> Result<(), Malformed> {
        if text.len() > field.max {
            return Err(Malformed::TooLong {
                field,
                length: text.len(),
            });
        }
        if text.as_bytes().contains(&0) {
            return Err(Malformed::NotText { field: field.name });
        }
        let length = u32::try_from(text.len()).map_err(|_| Malformed::TooLong {
            field,
            length: text.len(),
        })?;
        self.number32(length);
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Appends a u32.
    pub fn number32(&mut self, number: u32) {
        self.bytes.extend_from_slice(&number.to_be_bytes());
    }

    /// Appends a u64.
    pub fn number64(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_be_bytes());
    }

    /// Appends a presence byte, and the number where there is one.
    pub fn maybe32(&mut self, number: Option<u32>) {
        self.bytes.push(u8::from(number.is_some()));
        if let Some(number) = number {
            self.number32(number);
        }
    }

    /// The message, without its frame.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads one message, field by field.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks the version and returns the kind.
    ///
    /// # Errors
    /// [`Malformed::Version`] and [`Malformed::Short`].
    pub fn new(bytes: &'a [u8]) -> Result<(u8, Self), Malformed> {
        let [version, rest @ ..] = bytes else {
            return Err(Malformed::Short { field: "version" });
        };
        if *version != VERSION {
            return Err(Malformed::Version { found: *version });
        }
        let [kind, rest @ ..] = rest else {
            return Err(Malformed::Short { field: "kind" });
        };
        Ok((*kind, Self { rest }))
    }

    fn take<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Malformed::Short { field })?;
        self.rest = rest;
        Ok(*head)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`Malformed::TooLong`], [`Malformed::Short`], [`Malformed::NotText`].
    pub fn text(&mut self, field: Field) -> Result<String, Malformed> {
        let length = self.number32(field.name)? as usize;
        if length > field.max {
            return Err(Malformed::TooLong { field, length });
        }
        let (text, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Malformed::Short { field: field.name })?;
        self.rest = rest;
        let text =
            std::str::from_utf8(text).map_err(|_| Malformed::NotText { field: field.name })?;
        if text.contains('\0') {
            return Err(Malformed::NotText { field: field.name });
        }
        Ok(text.to_owned())
    }

    /// Reads a u32.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn number32(&mut self, field: &'static str) -> Result<u32, Malformed> {
        self.take(field).map(u32::from_be_bytes)
    }

    /// Reads a u64.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn number64(&mut self, field: &'static str) -> Result<u64, Malformed> {
        self.take(field).map(u64::from_be_bytes)
    }

    /// Reads a presence byte, and the number where there is one.
    ///
    /// # Errors
    /// [`Malformed::Short`], [`Malformed::Presence`].
    pub fn maybe32(&mut self, field: &'static str) -> Result<Option<u32>, Malformed> {
        match self.take::<1>(field)? {
            [0] => Ok(None),
            [1] => self.number32(field).map(Some),
            [found] => Err(Malformed::Presence { field, found }),
        }
    }

    /// Says that this was the last field.
    ///
    /// # Errors
    /// [`Malformed::Trailing`].
    pub fn finish(self) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(Malformed::Trailing { bytes }),
        }
    }
}
