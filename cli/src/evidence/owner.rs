//! Whose journals a bundle holds, and what each of them may speak of.

use daypass_protocol::digest::{Incarnation, Pin};
use daypass_protocol::name::HostName;

use super::fault::{Damage, Fault};
use super::part::Part;
use super::records::Record;

/// Who writes a journal, by its origin: the keys of that name are the trust file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// The CA that the bundle is of.
    Ca,
    /// A host of that CA.
    Host(HostName),
    /// A collector of that CA.
    Collector,
    /// Nobody of that CA.
    Stranger,
}

impl Owner {
    /// Of a journal, under a CA's pin.
    pub(super) fn of(origin: &str, pin: Pin) -> Self {
        let rest = origin
            .strip_prefix("daypass/")
            .and_then(|rest| rest.strip_prefix(&pin.short().to_string()))
            .and_then(|rest| rest.strip_prefix('/'));
        let Some((owner, incarnation)) = rest.and_then(|rest| rest.rsplit_once('/')) else {
            return Self::Stranger;
        };
        if incarnation.parse::<Incarnation>().is_err() {
            return Self::Stranger;
        }
        match owner.split_once('/') {
            None if owner == "ca" => Self::Ca,
            None if owner == "collector" => Self::Collector,
            Some(("host", name)) => name.parse().map_or(Self::Stranger, Self::Host),
            _ => Self::Stranger,
        }
    }

    /// Whether an entry says what only somebody else can know.
    pub(super) fn check(&self, record: &Record) -> Result<(), Fault> {
        let fault = |damage| Err(Fault::new(&record.part(), damage));
        let action = record.action();
        let is_the_cas = ["ca.", "window.", "certificate.", "roster."]
            .iter()
            .any(|kind| action.starts_with(kind))
            || matches!(action, "access.revoked" | "statement.refused");
        if is_the_cas && *self != Self::Ca {
            return fault(Damage::NotTheCas);
        }
        let Self::Host(host) = self else {
            return match action.starts_with("session.") {
                true => fault(Damage::NotAHosts),
                false => Ok(()),
            };
        };
        let named = record.entry.text("/resource/host");
        if named.is_empty() && !action.starts_with("session.") || named == host.as_str() {
            return Ok(());
        }
        fault(Damage::OtherHost {
            found: named.to_owned(),
            host: host.to_string(),
        })
    }
}

/// The owners of these journals; those of strangers are faults.
pub(super) fn owners(journals: &[String], pin: Pin, faults: &mut Vec<Fault>) -> Vec<Owner> {
    let owner = |origin: &String| {
        let owner = Owner::of(origin, pin);
        if owner == Owner::Stranger {
            let origin = origin.clone();
            faults.push(Fault::new(&Part::Manifest, Damage::Stranger { origin }));
        }
        owner
    };
    journals.iter().map(owner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_its_owner_under_one_pin() {
        let pin: Pin = "0123456789abcdef".repeat(4).parse().unwrap();
        let of = |text: &str| Owner::of(text, pin);
        assert_eq!(
            of("daypass/0123456789abcdef/ca/8899aabbccddeeff"),
            Owner::Ca
        );
        assert_eq!(
            of("daypass/0123456789abcdef/host/db1/8899aabbccddeeff"),
            Owner::Host("db1".parse().unwrap())
        );
        assert_eq!(
            of("daypass/0123456789abcdef/collector/8899aabbccddeeff"),
            Owner::Collector
        );
        for other in [
            "daypass/1123456789abcdef/ca/8899aabbccddeeff",
            "daypass/0123456789abcdef/ca",
            "daypass/0123456789abcdef/ca/x",
            "daypass/0123456789abcdef/host/db1/x/8899aabbccddeeff",
            "daypass/0123456789abcdef/host//8899aabbccddeeff",
            "",
        ] {
            assert_eq!(of(other), Owner::Stranger, "{other}");
        }
    }
}
