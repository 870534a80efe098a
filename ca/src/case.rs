//! A window and all that was said about it, as the database has them.

use daypass_protocol::api::{WindowState, WindowView};
use daypass_protocol::grant::{ApprovedWindow, Grant, Refusal};
use daypass_protocol::name::{HostName, Name};
use daypass_protocol::narrowing::{Limits, Narrowing, SignedNarrowing};
use daypass_protocol::place::Place;
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::statement::{SignedStatement, VerifiedStatement};
use daypass_protocol::time::Time;
use daypass_protocol::window::{FrozenWindow, Window};

use crate::approve::{self, Said};
use crate::authority::Checked;
use crate::narrow;
use crate::store::{StoreError, StoredStatement, StoredWindow, Tx};

/// One window's file.
#[derive(Debug, Clone)]
pub struct Case {
    window: FrozenWindow,
    places: Vec<Place>,
    statements: Vec<SignedStatement>,
    said: Vec<Said>,
    narrowings: Vec<Narrowing>,
    signed_narrowings: Vec<SignedNarrowing>,
}

/// Why a case cannot be opened: the database was changed by somebody else.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored window that is none.
    #[error("the window {id} in the database is damaged")]
    Window {
        /// Its id.
        id: String,
        /// What is wrong.
        source: daypass_protocol::window::Error,
    },
    /// A stored name that is none.
    #[error("the names of the host {host} in the database are damaged")]
    Host {
        /// The host.
        host: HostName,
        /// What is wrong.
        source: daypass_protocol::name::InvalidName,
    },
    /// A stored statement that is none.
    #[error("a statement about the window {id} in the database is damaged")]
    Statement {
        /// The window's id.
        id: String,
    },
}

impl Case {
    /// Opens the file of the window `id`, if there is one.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub fn find(tx: &Tx<'_>, id: &str) -> Result<Option<Self>, CaseError> {
        tx.window(id)?
            .map(|stored| Self::open(tx, &stored))
            .transpose()
    }

    /// Opens the file of a stored window.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub fn open(tx: &Tx<'_>, stored: &StoredWindow) -> Result<Self, CaseError> {
        let window = FrozenWindow::parse(&stored.document).map_err(|source| CaseError::Window {
            id: stored.id.clone(),
            source,
        })?;
        let mut case = Self {
            places: places(tx, &window.document().hosts)?,
            window,
            statements: Vec::new(),
            said: Vec::new(),
            narrowings: Vec::new(),
            signed_narrowings: Vec::new(),
        };
        for stored in tx.statements(&stored.id)? {
            let (signed, said) =
                reopen(&stored).ok_or(CaseError::Statement { id: stored.window })?;
            case.statements.push(signed);
            case.said.push(said);
        }
        for stored in tx.narrowings_of(&stored.id)? {
            let (narrowing, signed) =
                narrow::reopen(&stored).ok_or(CaseError::Statement { id: stored.window })?;
            case = case.narrowed(signed, narrowing);
        }
        Ok(case)
    }

    /// The document.
    pub fn window(&self) -> &FrozenWindow {
        &self.window
    }

    /// Its hosts, as the policy means them today.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// What was said, in the order it came.
    pub fn said(&self) -> &[Said] {
        &self.said
    }

    /// How it was narrowed, in the order in which it came.
    pub fn narrowings(&self) -> &[Narrowing] {
        &self.narrowings
    }

    /// What its narrowings leave of it. Each was checked when it was taken.
    pub fn left(&self) -> Window {
        self.limits().left_of(self.window.document())
    }

    fn limits(&self) -> Limits {
        Limits::unverified(&self.narrowings)
    }

    /// Where it stands.
    pub fn state(&self, roster: &VerifiedRoster, now: Time) -> WindowState {
        let document = self.window.document();
        let state = approve::state(document, &self.places, &self.said, roster, now);
        let is_over = !self.narrowings.is_empty() && self.left().ends <= now;
        match state {
            WindowState::Requested if is_over => WindowState::Lapsed,
            WindowState::Approved | WindowState::Open if is_over => WindowState::Closed,
            state => state,
        }
    }

    /// What people are shown.
    pub fn view(&self, roster: &VerifiedRoster, now: Time) -> WindowView {
        WindowView {
            window: self.window.text().to_owned(),
            state: self.state(roster, now),
            statements: self.statements.clone(),
            narrowings: self.signed_narrowings.clone(),
        }
    }

    /// The proof that it is approved, from the statements that still count.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn approved(
        &self,
        roster: &VerifiedRoster,
        checked: &Checked,
        now: Time,
    ) -> Result<ApprovedWindow, Refusal> {
        let counting = approve::counting(self.window.document(), &self.said, roster, now);
        let statements = counting
            .into_iter()
            .filter_map(|at| self.statements.get(at).cloned());
        let grant = Grant::new(&self.window, statements.collect());
        let check = |signed: &SignedStatement| checked.check(signed, roster);
        let window = grant.check_with(roster, &self.places, now, check)?;
        Ok(window.narrowed(&self.limits()))
    }

    /// The file with one more narrowing.
    #[must_use]
    pub fn narrowed(mut self, signed: SignedNarrowing, narrowing: Narrowing) -> Self {
        self.narrowings.push(narrowing);
        self.signed_narrowings.push(signed);
        self
    }

    /// The file with one more statement.
    #[must_use]
    pub fn with(mut self, signed: SignedStatement, verified: &VerifiedStatement) -> Self {
        self.said.push(said(verified));
        self.statements.push(signed);
        self
    }

    /// The file of a window that is being taken in.
    pub fn begun(
        window: FrozenWindow,
        places: Vec<Place>,
        signed: SignedStatement,
        verified: &VerifiedStatement,
    ) -> Self {
        let case = Self {
            window,
            places,
            statements: Vec::new(),
            said: Vec::new(),
            narrowings: Vec::new(),
            signed_narrowings: Vec::new(),
        };
        case.with(signed, verified)
    }
}

/// These hosts with the aliases and groups that they have now; one that is not enrolled any more has none.
pub fn places(tx: &Tx<'_>, hosts: &[HostName]) -> Result<Vec<Place>, CaseError> {
    let place = |host: &HostName| {
        let (aliases, groups) = tx.place(host.as_str())?.unwrap_or_default();
        let damaged = |source| CaseError::Host {
            host: host.clone(),
            source,
        };
        Ok::<_, CaseError>(Place::new(
            host.clone(),
            parsed::<HostName>(&aliases).map_err(damaged)?,
            parsed::<Name>(&groups).map_err(damaged)?,
        ))
    };
    hosts.iter().map(place).collect()
}

fn parsed<T: std::str::FromStr>(texts: &[String]) -> Result<Vec<T>, T::Err> {
    texts.iter().map(|text| text.parse()).collect()
}

/// A statement's row.
pub fn row(
    window: &FrozenWindow,
    signed: &SignedStatement,
    verified: &VerifiedStatement,
    now: Time,
) -> StoredStatement {
    StoredStatement {
        window: window.document().id.to_string(),
        verb: verified.verb().to_string(),
        signer: verified.signer().to_string(),
        key: verified.key().to_string(),
        statement: signed.statement.clone(),
        signature: signed.signature.to_string(),
        received: now.unix(),
    }
}

/// A signed statement from its row.
pub fn signed(stored: &StoredStatement) -> Option<SignedStatement> {
    Some(SignedStatement {
        statement: stored.statement.clone(),
        signature: stored.signature.parse().ok()?,
    })
}

fn said(verified: &VerifiedStatement) -> Said {
    Said {
        verb: verified.verb(),
        signer: verified.signer().clone(),
        key: verified.key(),
        signed_with: verified.signed_with(),
        expires: verified.statement().expires,
    }
}

fn reopen(stored: &StoredStatement) -> Option<(SignedStatement, Said)> {
    let signed = signed(stored)?;
    let statement = signed.read_unverified().ok()?;
    let said = Said {
        verb: statement.verb,
        signer: statement.signer,
        key: stored.key.parse().ok()?,
        signed_with: signed.signature.presence().into(),
        expires: statement.expires,
    };
    Some((signed, said))
}
