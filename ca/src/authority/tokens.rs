//! Making join tokens, whoever asks: an admin by the API, or root on this machine.

use daypass_protocol::api::TokenWish;
use daypass_protocol::digest::Digest;
use daypass_protocol::event::{Event, Resource};
use daypass_protocol::name::InvalidName;
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
    /// A stored name that is none.
    #[error("the database holds a damaged name of a host")]
    Damaged(#[from] InvalidName),
    /// The journal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// How a token or an invitation is named in the journal: enough to tell its uses from another's, nothing to use it with.
pub(crate) fn mark(secret: &Secret) -> String {
    mark_of(secret.digest())
}

/// The same, by the hash of its secret.
pub(super) fn mark_of(hash: Digest) -> String {
    let mut mark = hash.to_string();
    mark.truncate(16);
    mark
}

/// Whether no other host has one of these names; where the machine takes an enrolled host's place, that one's are free.
pub(crate) fn are_free(
    tx: &Tx<'_>,
    place: &Place,
    instead: Option<&str>,
) -> Result<Result<(), HostRefusal>, StoreError> {
    place.check_names(|name| {
        let owner = tx.host_named(name.as_str())?.map(|host| host.name);
        Ok(owner.filter(|owner| Some(owner.as_str()) != instead))
    })
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
        let wish = if wish.replace {
            self.as_replaced(wish)?
        } else {
            wish
        };
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
            replaces: wish.replace,
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
            .detail("replaces", token.replaces)
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
                let instead = token.replaces.then_some(place.host.as_str());
                are_free(tx, place, instead)??;
            }
            tx.add_token(&token)?;
            Ok::<_, TokenError>(((), event))
        })?;
        Ok(line)
    }

    /// With the aliases and groups of the host whose place is taken, where none are asked for.
    fn as_replaced(&self, mut wish: TokenWish) -> Result<TokenWish, TokenError> {
        let Some(host) = wish.host.clone() else {
            return Ok(wish);
        };
        let enrolled = self.store.read(|tx| tx.host_named(host.as_str()))?;
        let Some(enrolled) = enrolled.filter(|enrolled| enrolled.name == host.as_str()) else {
            return Err(HostRefusal::NothingToReplace(host).into());
        };
        if wish.aliases.is_empty() && wish.groups.is_empty() {
            wish.aliases = parsed(&enrolled.aliases)?;
            wish.groups = parsed(&enrolled.groups)?;
        }
        Ok(wish)
    }
}

fn parsed<T: std::str::FromStr<Err = InvalidName>>(
    texts: &[String],
) -> Result<Vec<T>, InvalidName> {
    texts.iter().map(|text| text.parse()).collect()
}
