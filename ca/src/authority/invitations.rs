//! Invitations: an admin makes one, whoever has its line hands a key in, and an admin who compared that key's fingerprint
//! signs it into the roster. Nothing here does the last: the roster alone says who somebody is.

use std::error::Error;

use daypass_protocol::api::{AcceptInvitation, Accepted, Invitation, Invite, Invited};
use daypass_protocol::digest::Digest;
use daypass_protocol::event::Event;
use daypass_protocol::invitation::{Acceptance, SignedAcceptance};
use daypass_protocol::key::Key;
use daypass_protocol::name::Name;
use daypass_protocol::time::Time;
use daypass_protocol::token::Secret;

use super::{Authority, mark, mark_of};
use crate::invitations::{self, InvitationRefusal, MOST};
use crate::ledger::LedgerError;
use crate::people::RollError;
use crate::random::{self, NoRandomness};
use crate::store::{StoreError, StoredInvitation};

/// Why nobody was invited, or an invitation was not accepted or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] InvitationRefusal),
    /// The key was somebody else's.
    #[error(transparent)]
    Key(#[from] RollError),
    /// No secret.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored is none.
    #[error("the database holds a damaged invitation of {person}")]
    Damaged {
        /// Whose.
        person: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The journal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Authority {
    /// Invites somebody; `event` says who asked.
    ///
    /// # Errors
    /// When what is asked for may not be, or there are too many already.
    pub(crate) fn invite(
        &self,
        asked: &Invite,
        maker: &Name,
        event: Event,
    ) -> Result<Invited, InvitationError> {
        invitations::check(asked)?;
        let secret = Secret::from_bytes(random::bytes()?);
        let now = self.now();
        let until = now.plus(asked.seconds);
        let invitation = StoredInvitation {
            person: asked.person.to_string(),
            secret: *secret.digest().as_bytes(),
            roles: asked.roles.iter().map(ToString::to_string).collect(),
            maker: maker.to_string(),
            made: now.unix(),
            until: until.unix(),
            accepted: None,
        };
        let event = event
            .detail("person", invitation.person.clone())
            .detail("roles", invitation.roles.clone())
            .detail("invitation", mark(&secret))
            .detail("until", until.to_string());
        let _alone = self.deciding();
        self.refuse_known(&asked.person)?;
        self.decide(move |tx| {
            tx.sweep_invitations(now.unix())?;
            let before = tx.forget_invitation(&invitation.person)?;
            if tx.count_invitations()? >= MOST {
                return Err(InvitationRefusal::TooMany.into());
            }
            tx.add_invitation(&invitation)?;
            let event = match before {
                Some(before) => event.detail("replaces", mark_of(Digest::from_bytes(before))),
                None => event,
            };
            Ok::<_, InvitationError>(((), event))
        })?;
        Ok(Invited { secret, until })
    }

    /// Those that count, by name.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn invitations(&self) -> Result<Vec<Invitation>, InvitationError> {
        let now = self.now().unix();
        let stored = self.store.read(|tx| tx.invitations(now))?;
        stored.iter().map(view).collect()
    }

    /// Who is invited by the line that has this secret, if it counts.
    pub(crate) fn invited(&self, secret: &Secret) -> Result<Option<Name>, InvitationError> {
        let found = self.stored_invitation(secret)?;
        found.map(|stored| person(&stored)).transpose()
    }

    /// Takes a key in for whoever was invited; `event` says which, and where it came from.
    ///
    /// # Errors
    /// When the secret is unknown, or the key may not be that person's.
    pub(crate) fn accept_invitation(
        &self,
        asked: &AcceptInvitation,
        event: impl FnOnce(&Key) -> Event,
    ) -> Result<Accepted, InvitationError> {
        let _alone = self.deciding();
        let stored = self
            .stored_invitation(&asked.secret)?
            .ok_or(InvitationRefusal::Unknown)?;
        let person = person(&stored)?;
        let Acceptance { key, .. } = invitations::read(
            &asked.accepted,
            self.pin,
            &person,
            Digest::from_bytes(stored.secret),
        )?;
        let answer = Accepted {
            person: person.clone(),
            fingerprint: key.fingerprint(),
        };
        match view(&stored)?.key {
            // The answer was lost, or the command given twice.
            Some(before) if before == key => return Ok(answer),
            Some(_) => return Err(InvitationRefusal::Used.into()),
            None => {}
        }
        self.refuse_known(&person)?;
        self.refuse_key(&person, &key)?;
        let event = event(&key)
            .detail("person", person.to_string())
            .detail("invitation", mark(&asked.secret));
        let secret = asked.secret.digest();
        let SignedAcceptance {
            acceptance,
            signature,
        } = asked.accepted.clone();
        self.decide(move |tx| {
            let signature = signature.to_string();
            if tx.accept_invitation(secret.as_bytes(), (&acceptance, &signature))? {
                Ok::<_, InvitationError>(((), event))
            } else {
                Err(InvitationRefusal::Unknown.into())
            }
        })?;
        Ok(answer)
    }

    /// Forgets somebody's invitation, because it is done or is to be no more.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn withdraw_invitation(
        &self,
        person: &Name,
        event: Event,
    ) -> Result<(), InvitationError> {
        let _alone = self.deciding();
        let event = event.detail("person", person.to_string());
        let event = match self.refuse_known(person) {
            Err(_) => event.because("done", format!("{person} is in the roster")),
            Ok(()) => event,
        };
        let person = person.clone();
        self.decide(move |tx| {
            let secret = tx
                .forget_invitation(person.as_str())?
                .ok_or(InvitationRefusal::NotInvited(person))?;
            let event = event.detail("invitation", mark_of(Digest::from_bytes(secret)));
            Ok::<_, InvitationError>(((), event))
        })
    }

    /// Forgets those that count no more.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn sweep_invitations(&self) -> Result<(), StoreError> {
        let now = self.now().unix();
        self.store.write(move |tx| tx.sweep_invitations(now))
    }

    fn stored_invitation(&self, secret: &Secret) -> Result<Option<StoredInvitation>, StoreError> {
        let (secret, now) = (secret.digest(), self.now().unix());
        self.store.read(|tx| tx.invitation(secret.as_bytes(), now))
    }

    fn refuse_known(&self, person: &Name) -> Result<(), InvitationRefusal> {
        let roll = self.roll();
        if roll
            .newest()
            .is_some_and(|roster| roster.person(person).is_some())
        {
            return Err(InvitationRefusal::PersonExists(person.clone()));
        }
        Ok(())
    }

    /// What no roster would take, the one who hands it in hears now, and not the admin who signs for it later.
    fn refuse_key(&self, person: &Name, key: &Key) -> Result<(), InvitationError> {
        let (roll, fingerprint) = (self.roll(), key.fingerprint());
        if self.revoked().names_key(fingerprint) {
            return Err(InvitationRefusal::KeyRevoked(fingerprint).into());
        }
        if roll.newest().is_some_and(|roster| roster.recovery == *key) {
            return Err(InvitationRefusal::RecoveryKey(fingerprint).into());
        }
        Ok(roll.may_stand_for(person, key)?)
    }
}

/// As the API shows it.
fn view(stored: &StoredInvitation) -> Result<Invitation, InvitationError> {
    let accepted = stored.accepted.as_ref().map(|(acceptance, signature)| {
        Ok::<_, InvitationError>(SignedAcceptance {
            acceptance: acceptance.clone(),
            signature: sound(stored, signature.parse())?,
        })
    });
    let accepted = accepted.transpose()?;
    let handed_in = sound(
        stored,
        accepted.as_ref().map(SignedAcceptance::read).transpose(),
    )?;
    let roles = stored.roles.iter().map(|role| sound(stored, role.parse()));
    Ok(Invitation {
        person: person(stored)?,
        roles: roles.collect::<Result<_, _>>()?,
        maker: sound(stored, stored.maker.parse())?,
        made: Time::from_unix(stored.made),
        until: Time::from_unix(stored.until),
        key: handed_in.map(|acceptance| acceptance.key),
        accepted,
    })
}

fn person(stored: &StoredInvitation) -> Result<Name, InvitationError> {
    sound(stored, stored.person.parse())
}

/// What was read of an invitation that this program wrote.
fn sound<T, E: Error + Send + Sync + 'static>(
    stored: &StoredInvitation,
    read: Result<T, E>,
) -> Result<T, InvitationError> {
    read.map_err(|error| InvitationError::Damaged {
        person: stored.person.clone(),
        source: error.into(),
    })
}
