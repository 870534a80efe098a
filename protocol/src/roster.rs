//! People, their keys and roles, and the policy: numbered documents, each signed under the rules of the one before.

mod chain;
pub mod policy;

pub use chain::{Authority, Chain, ChainError, MAX_SIGNED, SignedRoster, VerifiedRoster};
pub use policy::{ApprovalKeys, Policy};

use crate::digest::Digest;
use crate::key::Key;
use crate::name::Name;
use crate::strict_json;
use crate::time::Time;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Bytes in a roster, at most.
pub const MAX_DOCUMENT: usize = 256 * 1024;
/// Keys of one person, at most.
pub const MAX_KEYS: usize = 16;

/// What a person may do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Ask for windows and use them.
    Contractor,
    /// Approve, deny, grant and revoke them.
    Approver,
    /// Sign rosters, enrol hosts.
    Admin,
    /// Read the journals.
    Auditor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Contractor, Self::Approver, Self::Admin, Self::Auditor];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contractor => "contractor",
            Self::Approver => "approver",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(InvalidRole)
    }
}

/// Why a text is not a [`Role`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected contractor, approver, admin or auditor")]
pub struct InvalidRole;

/// Somebody, by the keys that speak for them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Unique in the roster.
    pub name: Name,
    /// What they may do, without doubles.
    pub roles: Vec<Role>,
    /// 1 to 16 keys, none of which stands elsewhere in the roster.
    pub keys: Vec<Key>,
}

impl Person {
    /// Whether they have the role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// The document's content. A value of this type is a draft like any other until a [`VerifiedRoster`] holds it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// Always 1.
    pub v: Version<1>,
    /// 1, 2, 3, …
    pub number: u64,
    /// The hash of the roster before; absent in roster 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// When it was written.
    pub time: Time,
    /// Everybody.
    pub people: Vec<Person>,
    /// May sign the next roster when no admin can; kept offline.
    pub recovery: Key,
    /// The rules.
    pub policy: Policy,
}

/// Why a text is not a roster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of a roster.
    #[error("not a roster: {0}")]
    Json(#[from] strict_json::Error),
    /// Number 0, a first roster with a predecessor, or a later one without.
    #[error("roster {0} must name the one before it, and only roster 1 has none")]
    Number(u64),
    /// Two people of one name.
    #[error("the roster lists {0} twice")]
    NameTwice(Name),
    /// A key that stands for two, or twice.
    #[error("the roster lists the key {} twice", .0.fingerprint())]
    KeyTwice(Box<Key>),
    /// A person without keys, or with too many.
    #[error("{name} has {found} keys; 1 to 16 are allowed")]
    Keys {
        /// Whose.
        name: Name,
        /// How many.
        found: usize,
    },
    /// A person without a role, or with one twice.
    #[error("{0} needs at least one role, and none twice")]
    Roles(Name),
    /// Nobody could ever sign the next one.
    #[error(
        "the roster has {found} admins, but asks for the signatures of {needed} on the next one"
    )]
    TooFewAdmins {
        /// Admins listed.
        found: usize,
        /// The larger of `policy.roster_signatures` and `policy.policy_signatures`.
        needed: usize,
    },
    /// The policy cannot be one.
    #[error(transparent)]
    Policy(#[from] policy::InvalidPolicy),
}

impl Roster {
    /// Reads and checks the document on its own, without asking who signed it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let roster: Self = strict_json::parse_document(text, MAX_DOCUMENT)?;
        roster.check()?;
        Ok(roster)
    }

    /// Writes a draft down for the first and only time; the bytes are checked by reading them back.
    pub fn freeze(&self) -> Result<String, Error> {
        let text = strict_json::write(self);
        Self::parse(&text)?;
        Ok(text)
    }

    /// The person of that name.
    pub fn person(&self, name: &Name) -> Option<&Person> {
        self.people.iter().find(|person| person.name == *name)
    }

    /// The person that the key speaks for.
    pub fn holder(&self, key: &Key) -> Option<&Person> {
        self.people.iter().find(|person| person.keys.contains(key))
    }

    /// Everybody with the role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(move |person| person.is(role))
    }

    /// How many admins must sign the roster that follows, if it is `next`. Whoever could add an admin, or another recovery
    /// key, with fewer signatures than the policy's change needs, could change the policy with as few.
    pub fn signatures_needed(&self, next: &Self) -> usize {
        let (roster, policy) = (self.policy.roster_signatures, self.policy.policy_signatures);
        let is_of_people = self.policy == next.policy
            && self.recovery == next.recovery
            && next.admin_keys().is_subset(&self.admin_keys());
        usize::from(if is_of_people {
            roster
        } else {
            roster.max(policy)
        })
    }

    /// Who can sign as which admin.
    fn admin_keys(&self) -> BTreeSet<(&Name, &Key)> {
        self.with_role(Role::Admin)
            .flat_map(|admin| admin.keys.iter().map(|key| (&admin.name, key)))
            .collect()
    }

    fn check(&self) -> Result<(), Error> {
        if self.number == 0 || (self.number == 1) != self.previous.is_none() {
            return Err(Error::Number(self.number));
        }
        let mut names = BTreeSet::new();
        let mut keys = BTreeSet::from([&self.recovery]);
        for person in &self.people {
            check_person(person)?;
            if !names.insert(&person.name) {
                return Err(Error::NameTwice(person.name.clone()));
            }
            if let Some(key) = person.keys.iter().find(|key| !keys.insert(*key)) {
                return Err(Error::KeyTwice(Box::new(key.clone())));
            }
        }
        self.policy.check()?;
        let most = self
            .policy
            .roster_signatures
            .max(self.policy.policy_signatures);
        let (found, needed) = (self.with_role(Role::Admin).count(), usize::from(most));
        if found < needed {
            Err(Error::TooFewAdmins { found, needed })
        } else {
            Ok(())
        }
    }
}

fn check_person(person: &Person) -> Result<(), Error> {
    let name = &person.name;
    if !(1..=MAX_KEYS).contains(&person.keys.len()) {
        return Err(Error::Keys {
            name: name.clone(),
            found: person.keys.len(),
        });
    }
    let distinct: BTreeSet<_> = person.roles.iter().collect();
    if distinct.is_empty() || distinct.len() != person.roles.len() {
        return Err(Error::Roles(name.clone()));
    }
    Ok(())
}
