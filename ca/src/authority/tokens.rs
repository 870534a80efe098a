//! Making join tokens, whoever asks: an admin by the API, or root on this machine.

use daypass_protocol::api::TokenWish;
use daypass_protocol::event::{Event, Resource};
use daypass_protocol::token::{JoinToken, Secret};

use super::Authority;
use crate::hosts::{HostRefusal, Place};
use crate::ledger::LedgerError;
use crate::random::{self, NoRandomness};
use crate::store::{StoreError, Token, Tx};
use crate::tokens::{self, TokenRefusal};

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// What was asked for is no token.
    #[error(transparent)]
    Refused(#[from] TokenRefusal),
    /// One of its names is not free.
    #[error(transparent)]
    Name(#[from] HostRefusal),
    /// No secret.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// How a token is named in the journal: enough to tell its uses from another's, nothing to use it with.
pub(crate) fn mark(secret: &Secret) -> String {
    let mut mark = secret.digest().to_string();
    mark.truncate(16);
    mark
}

/// Whether no other host has one of these names.
pub(crate) fn are_free(tx: &Tx<'_>, place: &Place) -> Result<Result<(), HostRefusal>, StoreError> {
    place.check_names(|name| Ok(tx.host_named(name.as_str())?.map(|host| host.name)))
}

impl Authority {
    /// Makes a join token; `event` says who asked.
    ///
    /// # Errors
    /// When what is asked for is no token, or a name is not free.
    pub fn make_token(
        &self,
        wish: TokenWish,
        maker: &str,
        event: Event,
    ) -> Result<JoinToken, TokenError> {
        tokens::check(&wish)?;
        let secret = Secret::from_bytes(random::bytes()?);
        let expires = self.now().plus(wish.ttl);
        let token = Token {
            secret: *secret.digest().as_bytes(),
            host: wish.host.as_ref().map(ToString::to_string),
            aliases: wish.aliases.iter().map(ToString::to_string).collect(),
            groups: wish.groups.iter().map(ToString::to_string).collect(),
            maker: maker.to_owned(),
            expires: expires.unix(),
            uses: wish.uses,
            used: 0,
            last_used: None,
        };
        let event = event
            .on(Resource {
                host: wish.host.clone(),
                ..Resource::default()
            })
            .detail("token", mark(&secret))
            .detail("aliases", token.aliases.clone())
            .detail("groups", token.groups.clone())
            .detail("uses", token.uses)
            .detail("expires", expires.to_string());
        let line = JoinToken {
            url: self.url.clone(),
            root: self.x509_root(),
            ca: self.pin,
            host: wish.host.clone(),
            secret,
        };
        let place = wish.host.map(|host| Place {
            host,
            aliases: wish.aliases,
            groups: wish.groups,
        });
        let _alone = self.deciding();
        self.decide(move |tx| {
            if let Some(place) = &place {
                are_free(tx, place)??;
            }
            tx.add_token(&token)?;
            Ok::<_, TokenError>(((), event))
        })?;
        Ok(line)
    }
}
