//! Why a window needs what it needs.

use std::collections::BTreeMap;

use daypass_protocol::name::Name;
use daypass_protocol::place::Place;
use daypass_protocol::roster::ApprovalKeys;
use daypass_protocol::roster::policy::{Demand, demands};
use daypass_protocol::statement::SignedStatement;
use daypass_protocol::time::Time;
use daypass_protocol::window::FrozenWindow;

use crate::approvals;
use crate::ca::Ca;
use crate::diagnostic::{Failure, hint};
use crate::moment;

/// What the newest roster asks of `window`, one line a demand, each with what asks; then what is missing.
pub(crate) fn lines(
    ca: &Ca,
    window: &FrozenWindow,
    statements: &[SignedStatement],
) -> Result<Vec<String>, Failure> {
    let roster = ca.roster()?;
    let hosts = ca.hosts()?.hosts;
    let document = window.document();
    let places: Vec<Place> = document
        .hosts
        .iter()
        .map(|name| match hosts.iter().find(|host| host.name == *name) {
            Some(host) => Place::new(name.clone(), host.aliases.clone(), host.groups.clone()),
            None => Place::new(name.clone(), [], []),
        })
        .collect();
    let policy = &roster.policy;
    let standing = policy.standing_for(document, &places);
    let mut lines: Vec<String> = demands(policy, document, &places)
        .into_iter()
        .filter(|(_, demand)| standing.is_none() || !is_about_approvals(demand))
        .map(|(by, demand)| hint::demand(&by.to_string(), &said(&demand)))
        .collect();
    if let Some(standing) = standing {
        lines.push(hint::standing(&standing.name));
    }
    let now = Time::from(std::time::SystemTime::now());
    let mut approvals = approvals::counting(window, statements, &roster);
    approvals.retain(|said| said.statement().is_timely(now).is_ok());
    let approvers: BTreeMap<&Name, ApprovalKeys> = approvals
        .iter()
        .map(|statement| (statement.signer(), statement.signed_with()))
        .collect();
    let verdict = policy
        .permits(document, &places)
        .and_then(|()| policy.is_approved_by(document, &places, &approvers, &roster));
    lines.push(match verdict {
        Ok(()) => hint::DEMANDS_MET.to_owned(),
        Err(unmet) => hint::demand_unmet(&unmet.to_string()),
    });
    Ok(lines)
}

fn is_about_approvals(demand: &Demand<'_>) -> bool {
    matches!(demand, Demand::Approvals { .. } | Demand::Keys(_))
}

fn said(demand: &Demand<'_>) -> String {
    let listed = |items: &[String]| items.join(", ");
    match demand {
        Demand::Approvals {
            number,
            roles,
            people,
        } => {
            let mut from: Vec<String> = people.iter().map(ToString::to_string).collect();
            from.extend(roles.iter().map(|role| format!("any {role} who approves")));
            match from.as_slice() {
                [] => hint::approvals(*number),
                from => hint::approvals_from(*number, &listed(from)),
            }
        }
        Demand::Keys(keys) => hint::approval_keys(*keys),
        Demand::Contractors([]) => hint::NOBODY_MAY.to_owned(),
        Demand::Contractors(people) => {
            let people: Vec<String> = people.iter().map(ToString::to_string).collect();
            hint::only_for(&listed(&people))
        }
        Demand::Length(seconds) => hint::at_most(&moment::exact(*seconds)),
        Demand::CertificateTtl(seconds) => hint::certificates_at_most(&moment::exact(*seconds)),
        Demand::Sources(networks) => {
            let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
            hint::only_from(&listed(&networks))
        }
    }
}
