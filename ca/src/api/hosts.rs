//! `/v1/hosts`, but for enrolment

use daypass_protocol::api::{Host, Hosts, Token as TokenLine, TokenWish};
use daypass_protocol::event::{Action, Outcome, Resource};
use daypass_protocol::time::Time;
use daypass_protocol::token::{JoinToken, Secret};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::authority::Authority;
use crate::hosts::{HostRefusal, Place};
use crate::random;
use crate::store::{EnrolledHost, StoreError, Token, Tx};

/// Names and groups of one host, at most.
const MOST_NAMES: usize = 16;

/// How long a token may be good for, in seconds: a minute to 30 days.
const TTL: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;

/// Every enrolled host.
pub(super) fn list(authority: &Authority, _: &Call) -> Result<Reply, Refusal> {
    let hosts = authority.store().read(|tx| tx.hosts())?;
    Reply::of(&Hosts {
        hosts: hosts.iter().map(view).collect::<Result<_, _>>()?,
        host_ca: vec![authority.keys().public().host_ca.clone()],
    })
}

/// Makes a join token.
pub(super) fn make_token(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let wish: TokenWish = call.read()?;
    let maker = call.person()?.to_string();
    if !TTL.contains(&wish.ttl) {
        return Err(Refusal::unacceptable(
            "token-ttl",
            format!(
                "a join token can be good for 60 seconds to 30 days, not for {} seconds",
                wish.ttl
            ),
        ));
    }
    if wish.aliases.len() > MOST_NAMES || wish.groups.len() > MOST_NAMES {
        return Err(Refusal::unacceptable(
            "too-many-names",
            format!("a host has at most {MOST_NAMES} aliases and {MOST_NAMES} groups"),
        ));
    }
    let place = Place {
        host: wish.host,
        aliases: wish.aliases,
        groups: wish.groups,
    };
    let secret = Secret::from_bytes(random::bytes()?);
    let now = authority.now();
    let expires = now.plus(wish.ttl);
    let token = Token {
        secret: *secret.digest().as_bytes(),
        host: place.host.to_string(),
        aliases: texts(&place.aliases),
        groups: texts(&place.groups),
        maker,
        expires: expires.unix(),
        used: None,
    };
    let line = JoinToken {
        url: authority.url().clone(),
        root: authority.x509_root(),
        ca: authority.pin(),
        host: place.host.clone(),
        secret,
    };
    let event = call
        .event(Action::HostToken, Outcome::Done)
        .on(Resource {
            host: Some(place.host.clone()),
            ..Resource::default()
        })
        .detail("aliases", token.aliases.clone())
        .detail("groups", token.groups.clone())
        .detail("expires", expires.to_string());
    let _alone = authority.deciding();
    authority.decide(move |tx| {
        are_free(tx, &place)??;
        tx.add_token(&token)?;
        Ok::<_, Refusal>(((), event))
    })?;
    Reply::of(&TokenLine {
        token: line.to_string(),
    })
}

/// Whether no other host has one of these names.
pub(super) fn are_free(tx: &Tx<'_>, place: &Place) -> Result<Result<(), HostRefusal>, StoreError> {
    place.check_names(|name| Ok(tx.host_named(name.as_str())?.map(|host| host.name)))
}

pub(super) fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// Names from the database, where only checked ones are put.
pub(super) fn names<T: std::str::FromStr>(texts: &[String]) -> Result<Vec<T>, Refusal>
where
    T::Err: std::error::Error + 'static,
{
    texts
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|error: T::Err| Refusal::failure(&error))
        })
        .collect()
}

fn view(host: &EnrolledHost) -> Result<Host, Refusal> {
    Ok(Host {
        name: host
            .name
            .parse()
            .map_err(|error: daypass_protocol::name::InvalidName| Refusal::failure(&error))?,
        aliases: names(&host.aliases)?,
        groups: names(&host.groups)?,
        enrolled: Time::from_unix(host.enrolled),
        expires: Time::from_unix(host.expires),
    })
}
