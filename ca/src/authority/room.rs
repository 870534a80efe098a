//! Room in the signed state: hosts read no more than its bound, and nobody fills it for everybody else.

use daypass_protocol::name::Name;
use daypass_protocol::roster::{Role, VerifiedRoster};
use daypass_protocol::state::MAX_DOCUMENT;
use daypass_protocol::window::WindowId;
use serde::Serialize;

use super::Authority;
use crate::case;
use crate::narrow::{self, DamagedNarrowing};
use crate::store::{StoreError, Tx};

/// Bytes of the state for what all say who do not watch over windows; the others are kept for those who do.
const OF_ALL: usize = MAX_DOCUMENT / 2;

/// Bytes of the state for what one of them says.
const OF_ONE: usize = MAX_DOCUMENT / 16;

/// Why somebody's word cannot be announced.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The state is so long that only those who watch over windows may make it longer.
    #[error(
        "the CA announces as much as contractors may add to; ask an approver, who can still narrow, end and revoke windows"
    )]
    OfAll,
    /// This person has said as much as one may.
    #[error(
        "the CA announces as much of {0} as of any one person; end windows that were narrowed, which makes room, or ask an approver to say it"
    )]
    OfOne(Name),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it holds.
    #[error("what was announced before is damaged in the database: {what}")]
    Damaged {
        /// What is.
        what: String,
    },
}

impl From<DamagedNarrowing> for RoomError {
    fn from(error: DamagedNarrowing) -> Self {
        Self::Damaged {
            what: error.to_string(),
        }
    }
}

impl Authority {
    /// Whether this word of this person's can be announced; `stopped` is the window that it stops, whose narrowings are
    /// announced no more. Approvers and admins are asked for no room: half of the state is kept for them. The caller holds
    /// [`Authority::deciding`].
    ///
    /// # Errors
    /// When it cannot.
    pub(crate) fn room_for(
        &self,
        roster: &VerifiedRoster,
        person: &Name,
        word: &impl Serialize,
        stopped: Option<WindowId>,
    ) -> Result<(), RoomError> {
        let oversees = roster
            .person(person)
            .is_some_and(|person| person.is(Role::Approver) || person.is(Role::Admin));
        if oversees {
            return Ok(());
        }
        let word = length(word);
        let now = self.now().unix();
        let windows = self.store.read(|tx| said_by(tx, person, now, stopped))?;
        let keys = self.revoked();
        let keys = keys.signed().iter().filter(|signed| {
            let read = signed.read_unverified();
            read.is_ok_and(|read| read.signer == *person)
        });
        let keys: usize = keys.map(length).sum();
        if windows.saturating_add(keys).saturating_add(word) > OF_ONE {
            return Err(RoomError::OfOne(person.clone()));
        }
        let announced = self
            .announced()
            .map_or(0, |announced| announced.signed.state.len());
        if announced.saturating_add(word) > OF_ALL {
            return Err(RoomError::OfAll);
        }
        Ok(())
    }
}

/// Bytes of what this person said of windows that is announced now.
fn said_by(
    tx: &Tx<'_>,
    person: &Name,
    now: i64,
    stopped: Option<WindowId>,
) -> Result<usize, RoomError> {
    let mut said = 0_usize;
    for stored in tx.revocations(now)? {
        if stored.signer == person.as_str() {
            let signed = case::signed(&stored).ok_or_else(|| RoomError::Damaged {
                what: format!("a stop of the window {}", stored.window),
            })?;
            said = said.saturating_add(length(&signed));
        }
    }
    let stopped = stopped.map(|window| window.to_string());
    let mut narrowings = tx.narrowings(now)?;
    narrowings.retain(|(stored, _)| Some(&stored.window) != stopped.as_ref());
    for signed in narrow::all_telling(&narrowings)? {
        let is_theirs = signed
            .read_unverified()
            .is_ok_and(|narrowing| narrowing.signer == *person);
        if is_theirs {
            said = said.saturating_add(length(&signed));
        }
    }
    Ok(said)
}

fn length(word: &impl Serialize) -> usize {
    serde_json::to_string(word).map_or(usize::MAX, |text| text.len())
}
