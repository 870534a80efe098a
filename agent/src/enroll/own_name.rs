//! The name that this host is enrolled under: the token's, or where that is for a group, one of the machine's own.

use daypass_protocol::name::{HostName, InvalidName};

/// Why there is no name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token is for one host, and another name was asked for.
    #[error("the token is for {token}, not for {wanted}")]
    Other {
        /// The token's.
        token: HostName,
        /// The one asked for.
        wanted: HostName,
    },
    /// The system does not tell its name.
    #[error("this machine's own name cannot be read: {0}")]
    Unknown(#[from] nix::Error),
    /// It is none that a host can have.
    #[error("this machine's own name cannot be used: {0}")]
    Unfit(#[from] InvalidName),
}

/// The name to enrol under.
///
/// # Errors
/// When there is none, or two that differ.
pub fn choose(token: Option<&HostName>, wanted: Option<&HostName>) -> Result<HostName, Error> {
    match (token, wanted) {
        (Some(token), Some(wanted)) if token != wanted => Err(Error::Other {
            token: token.clone(),
            wanted: wanted.clone(),
        }),
        (Some(name), _) | (None, Some(name)) => Ok(name.clone()),
        (None, None) => of_machine(&nix::unistd::gethostname()?.to_string_lossy()),
    }
}

/// The first label of what `hostname` says, in lower case: what people call the machine.
fn of_machine(hostname: &str) -> Result<HostName, Error> {
    let label = hostname.split('.').next().unwrap_or_default();
    Ok(label.to_ascii_lowercase().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        text.parse().unwrap()
    }

    #[test]
    fn the_tokens_name_counts_and_no_other() {
        let (db1, db2) = (name("db1"), name("db2"));
        assert_eq!(choose(Some(&db1), None).unwrap(), db1);
        assert_eq!(choose(Some(&db1), Some(&db1)).unwrap(), db1);
        assert!(matches!(
            choose(Some(&db1), Some(&db2)),
            Err(Error::Other { .. })
        ));
    }

    #[test]
    fn without_one_it_is_the_name_asked_for() {
        assert_eq!(choose(None, Some(&name("db2"))).unwrap(), name("db2"));
    }

    #[test]
    fn a_machine_is_called_by_the_first_label_of_its_own_name() {
        assert_eq!(of_machine("DB7.example.org").unwrap(), name("db7"));
        for unfit in ["", ".example.org", "db_7", "localhost\u{200b}"] {
            assert!(
                matches!(of_machine(unfit), Err(Error::Unfit(_))),
                "{unfit:?}"
            );
        }
    }
}
