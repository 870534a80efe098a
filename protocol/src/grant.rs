//! What a certificate carries to a host: the window and the statements that approve it.

mod approved;
mod refusal;
mod rules;
mod visit;

pub use approved::ApprovedWindow;
pub use refusal::Refusal;
pub use visit::{Admission, Turned, Visit};

use crate::place::Place;
use crate::roster::{Role, VerifiedRoster};
use crate::statement::{self, SignedStatement, VerifiedStatement};
use crate::strict_json;
use crate::time::Time;
use crate::version::Version;
use crate::window::FrozenWindow;
use approved::Approval;
use serde::{Deserialize, Serialize};

/// Bytes in the extension `window@daypass`, at most. sshd hands the certificate to the principals helper as one
/// argument, whose length the kernel bounds.
pub const MAX_TEXT: usize = 32 * 1024;
/// Statements in a grant, at most.
pub const MAX_STATEMENTS: usize = 32;
/// Room kept for each statement when a window is submitted: a statement signed with RSA of 4096 bits, escaped.
const STATEMENT_ROOM: usize = 2560;

/// A window and what people said of it, as they come from outside: nothing is checked yet.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    v: Version<1>,
    window: String,
    statements: Vec<SignedStatement>,
}

/// Why a text is not a grant, or a grant not a text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of a grant, or too long.
    #[error("not a window with its statements: {0}")]
    Json(#[from] strict_json::Error),
    /// More statements than are looked at.
    #[error("{0} statements are carried, at most 32 are looked at")]
    TooManyStatements(usize),
    /// Too long for a certificate.
    #[error(
        "the window and its statements take {0} bytes, a certificate holds 32768; ask for fewer hosts or sudo items"
    )]
    TooLong(usize),
}

impl Grant {
    /// Puts a window and statements together.
    pub fn new(window: &FrozenWindow, statements: Vec<SignedStatement>) -> Self {
        Self {
            v: Version,
            window: window.text().to_owned(),
            statements,
        }
    }

    /// Reads the extension `window@daypass`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let grant: Self = strict_json::parse_document(text, MAX_TEXT)?;
        match grant.statements.len() {
            0..=MAX_STATEMENTS => Ok(grant),
            found => Err(Error::TooManyStatements(found)),
        }
    }

    /// The text of the extension.
    pub fn to_text(&self) -> Result<String, Error> {
        let text = strict_json::write(self);
        if text.len() > MAX_TEXT {
            Err(Error::TooLong(text.len()))
        } else {
            Ok(text)
        }
    }

    /// Whether a certificate will hold the window with its request and `approvals` approvals, judged before anybody
    /// has signed: what will not fit is refused when it is submitted.
    pub fn will_fit(window: &FrozenWindow, approvals: usize) -> Result<(), Error> {
        let bare = Self::new(window, Vec::new()).to_text()?;
        let length = bare.len() + STATEMENT_ROOM * (1 + approvals);
        if length > MAX_TEXT {
            Err(Error::TooLong(length))
        } else {
            Ok(())
        }
    }

    /// The window's exact bytes, unchecked.
    pub fn window_text(&self) -> &str {
        &self.window
    }

    /// The statements, unchecked.
    pub fn statements(&self) -> &[SignedStatement] {
        &self.statements
    }

    /// Decides whether the window is approved under this roster at this time, as far as these hosts are concerned: a
    /// host asks about itself, the CA about all. Everything carried must count: one statement that is unknown,
    /// unsigned, about something else or out of date refuses the whole.
    pub fn check(
        &self,
        roster: &VerifiedRoster,
        places: &[Place],
        now: Time,
    ) -> Result<ApprovedWindow, Refusal> {
        self.check_with(roster, places, now, |signed| signed.check(roster))
    }

    /// As [`Grant::check`], for who remembers statements: `check` says what [`SignedStatement::check`] says of each under
    /// this very roster. Whether they are timely, and enough, is judged anew.
    pub fn check_with(
        &self,
        roster: &VerifiedRoster,
        places: &[Place],
        now: Time,
        check: impl Fn(&SignedStatement) -> Result<VerifiedStatement, statement::Error>,
    ) -> Result<ApprovedWindow, Refusal> {
        let window = FrozenWindow::parse(&self.window)?;
        let document = window.document();
        if document.ca != roster.pin() {
            return Err(Refusal::OtherCa {
                expected: roster.pin(),
                found: document.ca,
            });
        }
        if document.ends <= now {
            return Err(Refusal::Ended {
                ends: document.ends,
            });
        }
        roster.policy.permits(document, places)?;
        let keys = rules::live_keys(document, roster)?;
        let statements = self.verified(&window, now, check)?;
        let (opener, approvers) = rules::judge(document, &statements, roster, places)?;
        let approval = Approval {
            statements,
            opener,
            approvers,
        };
        let certificate_ttl = document
            .max_certificate_ttl
            .min(roster.policy.certificate_ttl(document, places));
        Ok(ApprovedWindow::new(
            self.clone(),
            window,
            keys,
            approval,
            certificate_ttl,
            roster.number,
        ))
    }

    fn verified(
        &self,
        window: &FrozenWindow,
        now: Time,
        check: impl Fn(&SignedStatement) -> Result<VerifiedStatement, statement::Error>,
    ) -> Result<Vec<VerifiedStatement>, Refusal> {
        if self.statements.len() > MAX_STATEMENTS {
            return Err(Refusal::TooManyStatements(self.statements.len()));
        }
        let judge = |signed: &SignedStatement| {
            let verified = check(signed)?;
            let (signer, verb) = (verified.signer().clone(), verified.verb());
            if verified.statement().window != window.hash() {
                return Err(Refusal::OtherWindow { signer, verb });
            }
            match verified.statement().is_timely(now) {
                Ok(()) => Ok(verified),
                Err(source) => Err(Refusal::Untimely {
                    signer,
                    verb,
                    source,
                }),
            }
        };
        self.statements.iter().map(judge).collect()
    }
}

/// Whether the roster lets this person open a window for somebody else.
pub(crate) fn may_ask_for_others(roster: &VerifiedRoster, signer: &crate::name::Name) -> bool {
    roster
        .person(signer)
        .is_some_and(|person| person.is(Role::Approver))
}
