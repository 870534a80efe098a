//! Every route of the table, asked by everybody there is: exactly those whom the table names are let in.

use daypass_collector::api::routes::{Access, Method, ROUTES, Route};
use daypass_protocol::roster::Role;
use daypass_transport::client::{Error, Request};

use crate::host::Host;
use crate::site::{PEOPLE, Site};

/// Whoever asks.
#[derive(Clone, Copy, Debug)]
enum Who {
    Nobody,
    /// The host whose journal the path names.
    Owner,
    /// Another host.
    Neighbour,
    Ca,
    Person(&'static str, Role),
}

fn everybody() -> Vec<Who> {
    let people = PEOPLE.iter().map(|(name, role)| Who::Person(name, *role));
    [Who::Nobody, Who::Owner, Who::Neighbour, Who::Ca]
        .into_iter()
        .chain(people)
        .collect()
}

/// The status that turns somebody away, if the table does.
fn expected(route: &Route, who: Who) -> Option<u16> {
    match (route.access, who) {
        (Access::Anyone, _)
        | (Access::Owner, Who::Owner)
        | (Access::Machine, Who::Owner | Who::Neighbour | Who::Ca) => None,
        (Access::Owner | Access::Machine, Who::Nobody | Who::Person(..)) => Some(401),
        (Access::Owner, Who::Neighbour | Who::Ca) => Some(403),
        (Access::People(roles), Who::Person(_, role)) => {
            (!roles.is_empty() && !roles.contains(&role)).then_some(403)
        }
        (Access::People(_), _) => Some(401),
    }
}

fn status(site: &Site, hosts: &[Host; 3], method: Method, path: &str, who: Who) -> u16 {
    let identity = match who {
        Who::Nobody | Who::Person(..) => None,
        Who::Owner => Some(&hosts[0].identity),
        Who::Neighbour => Some(&hosts[1].identity),
        Who::Ca => Some(&hosts[2].identity),
    };
    let (request, word) = match method {
        Method::Get => (Request::get(path), "GET"),
        Method::Post => (Request::post(path, b"x"), "POST"),
        Method::Put => (Request::put(path, b"x"), "PUT"),
    };
    let body: &[u8] = if method == Method::Get { b"" } else { b"x" };
    let header = match who {
        Who::Person(name, _) => Some(site.signed(name, word, path, body)),
        _ => None,
    };
    let request = match &header {
        Some(header) => request.authorized(header),
        None => request,
    };
    match site.client(identity).fetch(&request) {
        Ok(_) => 200,
        Err(Error::Api { status, .. } | Error::Status { status, .. }) => status,
        Err(error) => panic!("{who:?} {word} {path}: {error}"),
    }
}

#[test]
fn every_route_answers_exactly_those_who_may_use_it() {
    let site = Site::new();
    let hosts = ["db1", "db2", "ca"].map(|name| site.host(name));
    hosts[0].write(&[serde_json::json!({"action": "x"})]);
    let held = hosts[0].forward(&site, 0);
    for route in ROUTES {
        let path = route
            .path
            .replace("{origin}", &hosts[0].origin.replace('/', "%2F"));
        for who in everybody() {
            let status = status(&site, &hosts, route.method, &path, who);
            let asked = format!("{who:?} {:?} {path}", route.method);
            match expected(route, who) {
                Some(refused) => assert_eq!(status, refused, "{asked}"),
                None => assert!(![401, 403, 404, 405].contains(&status), "{asked}: {status}"),
            }
        }
    }
    // Whatever was tried, nothing was written.
    let standing = site
        .client(Some(&hosts[0].identity))
        .call(&Request::get(&hosts[0].path()));
    let standing: serde_json::Value = standing.unwrap();
    assert_eq!(standing["size"], held["size"]);
}

#[test]
fn what_the_table_does_not_list_is_refused_to_everybody() {
    let site = Site::new();
    let hosts = ["db1", "db2", "ca"].map(|name| site.host(name));
    for route in ROUTES {
        let path = route
            .path
            .replace("{origin}", &hosts[0].origin.replace('/', "%2F"));
        for method in [Method::Get, Method::Post, Method::Put] {
            let is_listed = |other: &&Route| other.path == route.path && other.method == method;
            if ROUTES.iter().any(|other| is_listed(&other)) {
                continue;
            }
            for who in everybody() {
                let status = status(&site, &hosts, method, &path, who);
                assert_eq!(status, 405, "{who:?} {method:?} {path}");
            }
        }
        for who in everybody() {
            let path = format!("{path}/no/such");
            let status = status(&site, &hosts, route.method, &path, who);
            assert!(
                [404, 405].contains(&status),
                "{who:?} {:?} {path}: {status}",
                route.method
            );
        }
    }
}
