//! Every route, who may use it, and what answers. The router is made from this table, so nothing else is there.

use daypass_protocol::api;
use daypass_protocol::roster::Role;

use super::call::{Call, Reply};
use super::refusal::Refusal;
use super::{about, alerts, checkpoints, entries, exports, lines, logs, word};
use crate::ingest::body::BODY_LIMIT;

/// The method of a route; there are no others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Reads.
    Get,
    /// Adds.
    Post,
    /// Puts in place.
    Put,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Nobody is asked who they are: the body proves what it needs by itself.
    Anyone,
    /// Whoever's journal the path names, by client certificate.
    Owner,
    /// Whoever has a client certificate: enrolled hosts and the CA.
    Machine,
    /// People with one of these roles; anybody in the roster when there are none.
    People(&'static [Role]),
}

/// What answers: blocking, on a thread where that is allowed.
pub(super) type Handler = fn(&Call) -> Result<Reply, Refusal>;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Every other method is refused.
    pub method: Method,
    /// The path, with `{origin}` where a journal's origin stands, percent-encoded.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// The bound of its body, in bytes.
    pub bound: usize,
    /// What answers.
    pub(super) handler: Handler,
}

const fn route(
    method: Method,
    path: &'static str,
    access: Access,
    bound: usize,
    handler: Handler,
) -> Route {
    Route {
        method,
        path,
        access,
        bound,
        handler,
    }
}

const WATCHES: Access = Access::People(&[Role::Auditor, Role::Admin, Role::Approver]);

/// The API of `docs/formats/forwarding.md`, in its order.
pub const ROUTES: &[Route] = &[
    route(Method::Get, "/v1/about", Access::Anyone, 0, about::show),
    route(Method::Get, "/v1/state", Access::Machine, 0, word::state),
    route(Method::Get, "/v1/roster", Access::Machine, 0, word::roster),
    route(
        Method::Put,
        "/v1/logs/{origin}",
        Access::Owner,
        api::MAX_BODY,
        logs::register,
    ),
    route(
        Method::Get,
        "/v1/logs/{origin}",
        Access::Owner,
        0,
        logs::show,
    ),
    route(
        Method::Post,
        "/v1/logs/{origin}/lines",
        Access::Owner,
        BODY_LIMIT,
        lines::append,
    ),
    route(Method::Get, "/v1/logs", WATCHES, 0, logs::list),
    route(
        Method::Get,
        "/v1/logs/{origin}/checkpoint",
        Access::People(&[]),
        0,
        checkpoints::show,
    ),
    route(Method::Get, "/v1/entries", WATCHES, 0, entries::search),
    route(Method::Get, "/v1/alerts", WATCHES, 0, alerts::list),
    route(
        Method::Post,
        "/v1/alerts/test",
        WATCHES,
        alerts::TEST_LIMIT,
        alerts::test,
    ),
    route(
        Method::Get,
        "/v1/alerts/destinations",
        WATCHES,
        0,
        alerts::destinations,
    ),
    route(Method::Get, "/v1/alerts/dead", WATCHES, 0, alerts::dead),
    route(
        Method::Post,
        "/v1/alerts/dead/retry",
        Access::People(&[Role::Admin]),
        alerts::RETRY_LIMIT,
        alerts::retry,
    ),
    route(Method::Get, "/v1/exports", WATCHES, 0, exports::list),
    route(
        Method::Post,
        "/add-checkpoint",
        Access::Anyone,
        api::MAX_BODY,
        checkpoints::add,
    ),
];
