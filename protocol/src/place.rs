//! A host, as windows and policies may mean it.

use crate::name::{HostName, Name};

/// The names and groups of one host: its own, from its enrolment record, or those that the CA has of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    names: Vec<HostName>,
    groups: Vec<Name>,
}

impl Place {
    /// A host by its enrolled name, its aliases and its groups.
    pub fn new(
        host: HostName,
        aliases: impl IntoIterator<Item = HostName>,
        groups: impl IntoIterator<Item = Name>,
    ) -> Self {
        Self {
            names: std::iter::once(host).chain(aliases).collect(),
            groups: groups.into_iter().collect(),
        }
    }

    /// The enrolled name.
    pub fn host(&self) -> &HostName {
        &self.names[0]
    }

    /// The enrolled name and the aliases.
    pub fn names(&self) -> &[HostName] {
        &self.names
    }

    /// The groups.
    pub fn groups(&self) -> &[Name] {
        &self.groups
    }

    /// Whether it is one of these hosts, or in one of these groups.
    pub fn is_among(&self, hosts: &[HostName], groups: &[Name]) -> bool {
        self.names.iter().any(|name| hosts.contains(name))
            || self.groups.iter().any(|group| groups.contains(group))
    }
}
