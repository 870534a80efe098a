//! What the PAM module and the principals helper ask the agent.

use crate::field::{Field, Malformed, Reader, Writer};

const SERVICE: Field = Field::new("service", 64);
const USER: Field = Field::new("user", 256);
const RUSER: Field = Field::new("ruser", 256);
const RHOST: Field = Field::new("rhost", 256);
const TTY: Field = Field::new("tty", 256);
const KEY_ID: Field = Field::new("key_id", 512);
const KEY_TYPE: Field = Field::new("key_type", 64);
const CERTIFICATE: Field = Field::new("certificate", 128 * 1024);
const AUTH_INFO: Field = Field::new("auth_info", 132 * 1024);

const PRINCIPALS: u8 = 1;
const ACCOUNT: u8 = 2;
const SESSION_OPEN: u8 = 3;
const SESSION_CLOSE: u8 = 4;
const AUTHENTICATE: u8 = 5;

/// What PAM says about who asks. All of it comes from the program that called PAM: facts come from the kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The PAM service: `sshd`, `sudo`, …
    pub service: String,
    /// `PAM_USER`, read anew at this phase.
    pub user: String,
    /// The real uid of the process that called PAM.
    pub uid: u32,
    /// `PAM_RUSER`, empty when absent.
    pub ruser: String,
    /// `PAM_RHOST`, empty when absent.
    pub rhost: String,
    /// `PAM_TTY`, empty when absent.
    pub tty: String,
}

/// One question. The agent answers each with one [`crate::Response`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Gate 1, by the principals helper: which principal may this certificate use?
    Principals {
        /// The Unix account asked for (`%u`).
        user: String,
        /// The certificate's key id (`%i`).
        key_id: String,
        /// The certificate's serial (`%s`).
        serial: u64,
        /// The certificate's type (`%t`).
        key_type: String,
        /// The certificate in base64 (`%k`).
        certificate: String,
    },
    /// PAM's account phase: gate 2 of sshd, and the gate of sudo, su, cron and the others.
    Account(Caller),
    /// PAM's open_session: gate 3 of sshd, the start of a sudo.
    SessionOpen {
        /// Who.
        caller: Caller,
        /// What the account phase answered, 0 when it answered none.
        handle: u64,
        /// sshd's `SSH_AUTH_INFO_0`, empty elsewhere.
        auth_info: String,
    },
    /// PAM's close_session.
    SessionClose {
        /// Who.
        caller: Caller,
        /// What open_session, or else account, answered; 0 when neither did.
        handle: u64,
    },
    /// PAM's authenticate, of contractors' sudo only: sudo wants a password, so no rule of the session grants what was
    /// asked for. The answer is never a yes.
    Authenticate(Caller),
}

impl Caller {
    fn write(&self, to: &mut Writer) -> Result<(), Malformed> {
        to.text(SERVICE, &self.service)?;
        to.text(USER, &self.user)?;
        to.number32(self.uid);
        to.text(RUSER, &self.ruser)?;
        to.text(RHOST, &self.rhost)?;
        to.text(TTY, &self.tty)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            service: from.text(SERVICE)?,
            user: from.text(USER)?,
            uid: from.number32("uid")?,
            ruser: from.text(RUSER)?,
            rhost: from.text(RHOST)?,
            tty: from.text(TTY)?,
        })
    }

    /// Cuts every text to its bound, at a character, so that a hostile item cannot make the question unaskable.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let texts = [
            (SERVICE, &mut self.service),
            (USER, &mut self.user),
            (RUSER, &mut self.ruser),
            (RHOST, &mut self.rhost),
            (TTY, &mut self.tty),
        ];
        for (field, text) in texts {
            text.retain(|character| character != '\0');
            text.truncate(text.floor_char_boundary(field.max));
        }
        self
    }
}

impl Request {
    /// The message, to be framed.
    ///
    /// # Errors
    /// [`Malformed`] when a field is over its bound.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        let mut to;
        match self {
            Self::Principals {
                user,
                key_id,
                serial,
                key_type,
                certificate,
            } => {
                to = Writer::new(PRINCIPALS);
                to.text(USER, user)?;
                to.text(KEY_ID, key_id)?;
                to.number64(*serial);
                to.text(KEY_TYPE, key_type)?;
                to.text(CERTIFICATE, certificate)?;
            }
            Self::Account(caller) => {
                to = Writer::new(ACCOUNT);
                caller.write(&mut to)?;
            }
            Self::SessionOpen {
                caller,
                handle,
                auth_info,
            } => {
                to = Writer::new(SESSION_OPEN);
                caller.write(&mut to)?;
                to.number64(*handle);
                to.text(AUTH_INFO, auth_info)?;
            }
            Self::SessionClose { caller, handle } => {
                to = Writer::new(SESSION_CLOSE);
                caller.write(&mut to)?;
                to.number64(*handle);
            }
            Self::Authenticate(caller) => {
                to = Writer::new(AUTHENTICATE);
                caller.write(&mut to)?;
            }
        }
        Ok(to.finish())
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else.
    ///
    /// # Errors
    /// [`Malformed`]: the connection is to be closed without an answer.
    pub fn decode(message: &[u8]) -> Result<Self, Malformed> {
        let (kind, mut from) = Reader::new(message)?;
        let request = match kind {
            PRINCIPALS => Self::Principals {
                user: from.text(USER)?,
                key_id: from.text(KEY_ID)?,
                serial: from.number64("serial")?,
                key_type: from.text(KEY_TYPE)?,
                certificate: from.text(CERTIFICATE)?,
            },
            ACCOUNT => Self::Account(Caller::read(&mut from)?),
            SESSION_OPEN => Self::SessionOpen {
                caller: Caller::read(&mut from)?,
                handle: from.number64("handle")?,
                auth_info: from.text(AUTH_INFO)?,
            },
            SESSION_CLOSE => Self::SessionClose {
                caller: Caller::read(&mut from)?,
                handle: from.number64("handle")?,
            },
            AUTHENTICATE => Self::Authenticate(Caller::read(&mut from)?),
            found => return Err(Malformed::Kind { found }),
        };
        from.finish()?;
        Ok(request)
    }
}
