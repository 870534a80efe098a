//! `/v1/hosts`, but for enrolment

use daypass_protocol::api::{Host, Hosts, Token as TokenLine, TokenWish};
use daypass_protocol::event::{Action, Outcome};
use daypass_protocol::time::Time;

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::authority::Authority;
use crate::store::EnrolledHost;

/// Every enrolled host.
pub(super) fn list(authority: &Authority, _: &Call) -> Result<Reply, Refusal> {
    let hosts = authority.store().read(|tx| tx.hosts())?;
    Reply::of(&Hosts {
        hosts: hosts.iter().map(view).collect::<Result<_, _>>()?,
        host_ca: authority.keys().public().host_ca.clone(),
        x509: authority.named_roots(),
    })
}

/// Makes a join token.
pub(super) fn make_token(authority: &Authority, call: &Call) -> Result<Reply, Refusal> {
    let wish: TokenWish = call.read()?;
    let maker = call.person()?.to_string();
    let event = call.event(Action::HostToken, Outcome::Done);
    let token = authority.make_token(wish, &maker, event)?;
    Reply::of(&TokenLine {
        token: token.to_string(),
    })
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
