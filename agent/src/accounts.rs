//! The system's accounts, asked only when an administrator changes what is managed.

use std::path::Path;

use nix::unistd::User;

use crate::command;

/// An account of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The uid, which is what is managed.
    pub uid: u32,
    /// Every name of that uid, the one that was asked for first.
    pub names: Vec<String>,
}

/// Why an account cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none of this name.
    #[error("this host has no account {name}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The system could not be asked.
    #[error("cannot look {name} up: {source}")]
    Lookup {
        /// The name.
        name: String,
        /// What the system said.
        source: nix::Error,
    },
    /// The accounts could not be listed.
    #[error(transparent)]
    List(#[from] command::Error),
}

/// Looks an account up, with every name that its uid has.
///
/// # Errors
/// See [`enum@Error`].
pub fn find(name: &str) -> Result<Account, Error> {
    let user = User::from_name(name).map_err(|source| Error::Lookup {
        name: name.to_owned(),
        source,
    })?;
    let Some(user) = user else {
        return Err(Error::Unknown {
            name: name.to_owned(),
        });
    };
    let uid = user.uid.as_raw();
    Ok(Account {
        uid,
        names: names(uid, name)?,
    })
}

/// Every name of a uid that the system lists, `first` always among them and in front: a
/// directory service may know an account without listing it.
///
/// # Errors
/// The accounts could not be listed.
pub fn names(uid: u32, first: &str) -> Result<Vec<String>, Error> {
    let listed = command::run(Path::new("/usr/bin/getent"), &["passwd"])?;
    let mut names = vec![first.to_owned()];
    for name in names_of(&listed, uid) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn names_of(listed: &str, uid: u32) -> impl Iterator<Item = &str> {
    listed.lines().filter_map(move |line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number = fields.nth(1)?.parse::<u32>().ok()?;
        (number == uid).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_uid_is_found() {
        let listed = "root:x:0:0::/root:/bin/bash\ndeploy:x:1001:1001::/home/deploy:/bin/sh\n\
            other:x:1002:1002::/:/bin/sh\ndeploy2:x:1001:1001::/home/deploy:/bin/sh\nbroken\n";
        assert_eq!(
            names_of(listed, 1001).collect::<Vec<_>>(),
            ["deploy", "deploy2"]
        );
    }

    #[test]
    fn root_is_found_on_any_system_and_an_unknown_name_is_named() {
        assert_eq!(find("root").unwrap().uid, 0);
        let error = find("no-such-account").unwrap_err();
        assert_eq!(
            error.to_string(),
            "this host has no account no-such-account"
        );
    }
}
