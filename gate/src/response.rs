//! What the agent answers.

use crate::field::{Field, Malformed, Reader, Writer};

const PRINCIPAL: Field = Field::new("principal", 64);
const MESSAGE: Field = Field::new("message", 1024);

const ADMIT: u8 = 128;
const ALLOW: u8 = 129;
const DENY: u8 = 130;
const IGNORE: u8 = 131;

/// One answer. Kinds start at 128, so that no request can pass for a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// Gate 1: sshd may accept a certificate with this principal.
    Admit {
        /// The window's id.
        principal: String,
    },
    /// Go on.
    Allow {
        /// What the next phases of this transaction show again, 0 for none.
        handle: u64,
        /// The group that the session is to carry.
        session_gid: Option<u32>,
    },
    /// Stop, and tell the person why.
    Deny {
        /// One or two lines: what happened and what to do.
        message: String,
    },
    /// Not the agent's business.
    Ignore,
}

impl Response {
    /// A refusal; the message is cut to its bound.
    #[must_use]
    pub fn deny(message: &str) -> Self {
        let cut = message.floor_char_boundary(MESSAGE.max);
        Self::Deny {
            message: message[..cut].replace('\0', ""),
        }
    }

    /// The message, to be framed.
    ///
    /// # Errors
    /// [`Malformed`] when a field is over its bound.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        let mut to;
        match self {
            Self::Admit { principal } => {
                to = Writer::new(ADMIT);
                to.text(PRINCIPAL, principal)?;
            }
            Self::Allow {
                handle,
                session_gid,
            } => {
                to = Writer::new(ALLOW);
                to.number64(*handle);
                to.maybe32(*session_gid);
            }
            Self::Deny { message } => {
                to = Writer::new(DENY);
                to.text(MESSAGE, message)?;
            }
            Self::Ignore => to = Writer::new(IGNORE),
        }
        Ok(to.finish())
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else.
    ///
    /// # Errors
    /// [`Malformed`]: for whoever asked, as good as no answer.
    pub fn decode(message: &[u8]) -> Result<Self, Malformed> {
        let (kind, mut from) = Reader::new(message)?;
        let response = match kind {
            ADMIT => Self::Admit {
                principal: from.text(PRINCIPAL)?,
            },
            ALLOW => Self::Allow {
                handle: from.number64("handle")?,
                session_gid: from.maybe32("session_gid")?,
            },
            DENY => Self::Deny {
                message: from.text(MESSAGE)?,
            },
            IGNORE => Self::Ignore,
            found => return Err(Malformed::Kind { found }),
        };
        from.finish()?;
        Ok(response)
    }
}
