//! What a policy asks of one window, each demand with the rule that makes it.

use super::{ApprovalKeys, Policy, Require, Rule, Standing};
use crate::cidr::Cidr;
use crate::name::Name;
use crate::place::Place;
use crate::roster::{Role, Roster};
use crate::window::Window;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What makes a demand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By<'a> {
    /// The policy's own keys, which hold for every window.
    Policy,
    /// A rule.
    Rule(&'a Name),
}

/// One demand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Demand<'a> {
    /// So many approvals.
    Approvals {
        /// How many.
        number: u8,
        /// Counted are those of approvers with one of these roles …
        roles: &'a [Role],
        /// … or of these people; both empty means every approver.
        people: &'a [Name],
    },
    /// Approvals signed with such a key.
    Keys(ApprovalKeys),
    /// For these people only.
    Contractors(&'a [Name]),
    /// No longer than this, in seconds.
    Length(u64),
    /// No certificate that lives longer, in seconds.
    CertificateTtl(u64),
    /// Sources, within these networks.
    Sources(&'a [Cidr]),
}

/// A demand that a window does not meet.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unmet {
    /// Too few people approved.
    #[error("the window has {found} of the {needed} approvals that {by} asks for")]
    Approvals {
        /// Different people who approved and count.
        found: usize,
        /// How many are needed.
        needed: usize,
        /// What asks.
        by: String,
    },
    /// Only some people may have such a window.
    #[error("{contractor} may not have this window: {by} names who may")]
    Contractor {
        /// The beneficiary.
        contractor: Name,
        /// What forbids it.
        by: String,
    },
    /// Too long.
    #[error("the window is {length} seconds long, {by} allows {most}")]
    Length {
        /// Its length in seconds.
        length: u64,
        /// The bound.
        most: u64,
        /// What bounds it.
        by: String,
    },
    /// No sources, or too wide ones.
    #[error(
        "the window must say where logins may come from: {by} allows {networks} and what lies within"
    )]
    Sources {
        /// The networks, for people.
        networks: String,
        /// What asks.
        by: String,
    },
}

impl Unmet {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Approvals { .. } => "not-approved",
            Self::Contractor { .. } => "contractor-not-allowed",
            Self::Length { .. } => "window-too-long",
            Self::Sources { .. } => "sources-required",
        }
    }
}

impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => f.write_str("the policy"),
            Self::Rule(name) => write!(f, "the policy's rule {name}"),
        }
    }
}

/// Everything that `policy` asks of `window`, as far as these hosts are concerned: the strictest of each kind decides,
/// since all must be met.
pub fn demands<'a>(
    policy: &'a Policy,
    window: &Window,
    places: &[Place],
) -> Vec<(By<'a>, Demand<'a>)> {
    let mut all = vec![
        (By::Policy, Demand::Length(policy.max_window)),
        (
            By::Policy,
            Demand::CertificateTtl(policy.max_certificate_ttl),
        ),
        (By::Policy, Demand::approvals(policy.approvals)),
    ];
    if policy.approval_keys != ApprovalKeys::Any {
        all.push((By::Policy, Demand::Keys(policy.approval_keys)));
    }
    let applying = |rule: &&Rule| rule.applies_to(window, places);
    for rule in policy.rules.iter().filter(applying) {
        let of_rule = rule.require.demands();
        all.extend(of_rule.map(|demand| (By::Rule(&rule.name), demand)));
    }
    all
}

impl Policy {
    /// The approval in advance that covers `window` as far as these hosts are concerned; then it needs no other.
    pub fn standing_for(&self, window: &Window, places: &[Place]) -> Option<&Standing> {
        self.standing
            .iter()
            .find(|entry| entry.covers(window, places))
    }

    /// The longest life of `window`'s certificates, in seconds, whatever the window itself says.
    pub fn certificate_ttl(&self, window: &Window, places: &[Place]) -> u64 {
        let ttls = demands(self, window, places).into_iter();
        ttls.filter_map(|(_, demand)| match demand {
            Demand::CertificateTtl(seconds) => Some(seconds),
            _ => None,
        })
        .min()
        .unwrap_or(self.max_certificate_ttl)
    }

    /// What is asked of the document itself, before anybody has approved it.
    pub fn permits(&self, window: &Window, places: &[Place]) -> Result<(), Unmet> {
        demands(self, window, places)
            .into_iter()
            .try_for_each(|(by, demand)| demand.of_document(by, window))
    }

    /// Whether these people's approvals are enough. `approvers` are all who have the role approver and signed, with
    /// what each signed with.
    pub fn is_approved_by(
        &self,
        window: &Window,
        places: &[Place],
        approvers: &BTreeMap<&Name, ApprovalKeys>,
        roster: &Roster,
    ) -> Result<(), Unmet> {
        if self.standing_for(window, places).is_some() {
            return Ok(());
        }
        let all = demands(self, window, places);
        let keys = strictest_keys(&all);
        let counting: BTreeSet<&Name> = approvers
            .iter()
            .filter(|(_, signed_with)| **signed_with >= keys)
            .map(|(name, _)| *name)
            .collect();
        all.into_iter()
            .try_for_each(|(by, demand)| demand.of_approvals(by, &counting, roster))
    }

    /// Enough approvals for `window`, whoever they are by: that many statements must find room in a certificate.
    pub fn enough_approvals(&self, window: &Window, places: &[Place]) -> usize {
        let (mut anybodys, mut chosen) = (0, 0);
        for (_, demand) in demands(self, window, places) {
            match demand {
                Demand::Approvals {
                    number,
                    roles: [],
                    people: [],
                } => anybodys = anybodys.max(usize::from(number)),
                Demand::Approvals { number, .. } => chosen += usize::from(number),
                _ => {}
            }
        }
        anybodys.max(chosen)
    }
}

/// The strictest of the demands on what approvals are signed with.
fn strictest_keys(all: &[(By<'_>, Demand<'_>)]) -> ApprovalKeys {
    all.iter()
        .filter_map(|(_, demand)| match demand {
            Demand::Keys(keys) => Some(*keys),
            _ => None,
        })
        .max()
        .unwrap_or_default()
}

impl Require {
    fn demands(&self) -> impl Iterator<Item = Demand<'_>> {
        let approvals = self.is_about_approvals().then(|| Demand::Approvals {
            number: self.approvals.unwrap_or(1),
            roles: &self.from_roles,
            people: &self.from_people,
        });
        [
            self.contractors.as_deref().map(Demand::Contractors),
            self.max_window.map(Demand::Length),
            self.max_certificate_ttl.map(Demand::CertificateTtl),
            (!self.sources.is_empty()).then_some(Demand::Sources(&self.sources)),
            approvals,
            self.approval_keys.map(Demand::Keys),
        ]
        .into_iter()
        .flatten()
    }
}

impl<'a> Demand<'a> {
    fn approvals(number: u8) -> Self {
        Self::Approvals {
            number,
            roles: &[],
            people: &[],
        }
    }

    fn of_document(self, by: By<'a>, window: &Window) -> Result<(), Unmet> {
        let by = || by.to_string();
        match self {
            Self::Contractors(people) if !people.contains(&window.contractor) => {
                Err(Unmet::Contractor {
                    contractor: window.contractor.clone(),
                    by: by(),
                })
            }
            Self::Length(most) if window.length() > most => Err(Unmet::Length {
                length: window.length(),
                most,
                by: by(),
            }),
            Self::Sources(networks) if !sources_lie_within(window, networks) => {
                let texts: Vec<_> = networks.iter().map(ToString::to_string).collect();
                Err(Unmet::Sources {
                    networks: texts.join(", "),
                    by: by(),
                })
            }
            _ => Ok(()),
        }
    }

    fn of_approvals(
        self,
        by: By<'a>,
        approvers: &BTreeSet<&Name>,
        roster: &Roster,
    ) -> Result<(), Unmet> {
        let Self::Approvals {
            number,
            roles,
            people,
        } = self
        else {
            return Ok(());
        };
        let counts = |name: &&&Name| {
            let has_role =
                |person: &super::super::Person| roles.iter().any(|&role| person.is(role));
            roles.is_empty() && people.is_empty()
                || people.contains(name)
                || roster.person(name).is_some_and(has_role)
        };
        let (found, needed) = (approvers.iter().filter(counts).count(), usize::from(number));
        if found < needed {
            Err(Unmet::Approvals {
                found,
                needed,
                by: by.to_string(),
            })
        } else {
            Ok(())
        }
    }
}

fn sources_lie_within(window: &Window, networks: &[Cidr]) -> bool {
    window.sources.as_ref().is_some_and(|sources| {
        sources
            .iter()
            .all(|source| networks.iter().any(|network| network.covers(*source)))
    })
}
