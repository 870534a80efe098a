//! Every route, who may use it, and what answers. The router is made from this table, so nothing else is there.

use daypass_protocol::api;
use daypass_protocol::roster::Role;

use super::call::{Call, Reply};
use super::refusal::Refusal;
use super::{
    about, certificates, collectors, comebacks, enrolment, hosts, invitations, journal, narrowings,
    renewals, retirements, revocations, roster, state, statements, windows,
};
use crate::authority::Authority;

/// The method of a route; there are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Changes.
    Post,
}

impl Method {
    /// As HTTP says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nobody is asked who they are.
    Anyone,
    /// The body proves what it needs by itself: a signed roster, a join token, a comeback, an invitation.
    Bearer,
    /// Anybody whose key the newest roster lists.
    Person,
    /// People with one of these roles.
    Roles(&'static [Role]),
    /// People, enrolled hosts and collectors.
    PersonOrMachine,
    /// Enrolled hosts.
    Host,
    /// Admitted collectors.
    Collector,
}

/// What a route does before roster 1 is signed, when there are no people yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Answers anyone.
    Answers,
    /// Says that the roster must be signed first.
    Waits,
}

/// When a route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As soon as it can.
    AtOnce,
    /// When there is something new, or after a while: see [`state::linger`].
    Lingers,
}

/// What answers: blocking, on a thread where that is allowed.
pub type Handler = fn(&Authority, &Call) -> Result<Reply, Refusal>;

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// Every other method is refused.
    pub method: Method,
    /// The path, with `{id}` where a window's id stands.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Whether it answers, and answers anyone, before roster 1 is signed.
    pub before: Before,
    /// When it answers.
    pub pace: Pace,
    /// The bound of its body, in bytes.
    pub bound: usize,
    /// What answers.
    pub handler: Handler,
}

impl Route {
    /// Whether it answers before roster 1 is signed.
    pub fn answers_before_activation(&self) -> bool {
        self.before == Before::Answers
    }
}

const fn get(path: &'static str, access: Access, handler: Handler) -> Route {
    Route {
        method: Method::Get,
        path,
        access,
        before: Before::Waits,
        pace: Pace::AtOnce,
        bound: 0,
        handler,
    }
}

const fn post(path: &'static str, access: Access, handler: Handler) -> Route {
    Route {
        method: Method::Post,
        path,
        access,
        before: Before::Waits,
        pace: Pace::AtOnce,
        bound: api::MAX_BODY,
        handler,
    }
}

/// Before activation the CA answers `about` and `roster`, and nothing else.
const fn always(route: Route) -> Route {
    Route {
        before: Before::Answers,
        ..route
    }
}

const fn lingering(route: Route) -> Route {
    Route {
        pace: Pace::Lingers,
        ..route
    }
}

const fn up_to(bound: usize, route: Route) -> Route {
    Route { bound, ..route }
}

const ADMIN: Access = Access::Roles(&[Role::Admin]);
const ASKS: Access = Access::Roles(&[Role::Contractor, Role::Approver]);
const SPEAKS: Access = Access::Roles(&[Role::Contractor, Role::Approver, Role::Admin]);
const CONTRACTOR: Access = Access::Roles(&[Role::Contractor]);
const WATCHES: Access = Access::Roles(&[Role::Auditor, Role::Admin, Role::Approver]);

/// The API of `docs/formats/api.md`, in its order.
pub const ROUTES: &[Route] = &[
    always(get("/v1/about", Access::Anyone, about::show)),
    always(get("/v1/ready", Access::Anyone, about::ready)),
    always(get("/v1/roster", Access::PersonOrMachine, roster::show)),
    always(up_to(
        api::MAX_ROSTER_BODY,
        post("/v1/roster", Access::Bearer, roster::take),
    )),
    get("/v1/hosts", Access::Person, hosts::list),
    post("/v1/hosts/tokens", ADMIN, hosts::make_token),
    post("/v1/hosts/enroll", Access::Bearer, enrolment::enroll),
    post("/v1/hosts/renew", Access::Host, renewals::take),
    post("/v1/hosts/comeback", Access::Bearer, comebacks::take),
    post("/v1/hosts/retire", Access::Host, retirements::take),
    get("/v1/invitations", ADMIN, invitations::list),
    post("/v1/invitations", ADMIN, invitations::invite),
    post(
        "/v1/invitations/accept",
        Access::Bearer,
        invitations::accept,
    ),
    post("/v1/invitations/withdraw", ADMIN, invitations::withdraw),
    post("/v1/collectors/renew", Access::Collector, collectors::renew),
    post(
        "/v1/collectors/witness",
        Access::Collector,
        collectors::renew_witness,
    ),
    post("/v1/windows/draft", ASKS, windows::draft),
    post("/v1/windows", ASKS, windows::submit),
    get("/v1/windows", Access::Person, windows::list),
    get("/v1/windows/{id}", Access::Person, windows::show),
    post("/v1/windows/{id}/statements", SPEAKS, statements::add),
    post("/v1/windows/{id}/narrowings", SPEAKS, narrowings::add),
    post("/v1/certificates", CONTRACTOR, certificates::issue),
    lingering(get("/v1/state", Access::PersonOrMachine, state::show)),
    post("/v1/revocations", SPEAKS, revocations::add),
    get("/v1/krl", Access::PersonOrMachine, revocations::list),
    get("/v1/krl/hosts", Access::Anyone, revocations::hosts),
    get("/v1/journal", WATCHES, journal::list),
];
