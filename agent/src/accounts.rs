//! The system's accounts, asked when an administrator changes what is managed or has everything looked at, and, in [`names`],
//! when somebody stands at a door. A directory service may take its time to answer; it has so much, and no more.

mod names;

use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::unistd::{Uid, User};

use crate::command;

pub use names::{Named, Names, Unanswered};

/// How long it may take to look one name up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to find the name of a uid, which may be done without.
const AT_ONCE: Duration = Duration::from_secs(2);
/// How long it may take to list all accounts.
const TO_LIST: Duration = Duration::from_secs(60);

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
        source: io::Error,
    },
    /// The system does not answer.
    #[error("cannot look {name} up: there is no answer within {} seconds", PATIENCE.as_secs())]
    Late {
        /// The name.
        name: String,
    },
    /// The accounts could not be listed.
    #[error(transparent)]
    List(#[from] command::Error),
    /// There is no such group, or it could not be asked for.
    #[error("cannot look the group {name} up: {source}")]
    Group {
        /// Its name.
        name: String,
        /// What the system said.
        source: command::Error,
    },
    /// A group without a member.
    #[error("the group {name} has no members")]
    EmptyGroup {
        /// Its name.
        name: String,
    },
}

/// Looks names up, one after another. A system that has kept one of them waiting for nothing is not asked again.
#[derive(Debug, Default)]
pub struct Directory {
    hangs: bool,
}

impl Directory {
    /// Who has this name, if anybody.
    ///
    /// # Errors
    /// [`Error::Lookup`], [`Error::Late`]: that is not known.
    pub fn look_up(&mut self, name: &str) -> Result<Option<User>, Error> {
        if self.hangs {
            return Err(Error::Late {
                name: name.to_owned(),
            });
        }
        let wanted = name.to_owned();
        let found = answer(name, PATIENCE, move || User::from_name(&wanted));
        self.hangs = matches!(found, Err(Error::Late { .. }));
        found
    }
}

fn answer(
    name: &str,
    patience: Duration,
    ask: impl FnOnce() -> nix::Result<Option<User>> + Send + 'static,
) -> Result<Option<User>, Error> {
    let lookup = |source| Error::Lookup {
        name: name.to_owned(),
        source,
    };
    match in_time(patience, ask).map_err(lookup)? {
        Some(found) => found.map_err(|errno| lookup(errno.into())),
        None => Err(Error::Late {
            name: name.to_owned(),
        }),
    }
}

/// The name of a uid, where the system tells it at once: whoever wants it goes on without.
#[must_use]
pub fn name_of(uid: u32) -> Option<String> {
    let ask = move || User::from_uid(Uid::from_raw(uid));
    let found = in_time(AT_ONCE, ask).ok()??;
    Some(found.ok()??.name)
}

/// What `ask` answers, if it does in time. Nobody can stop who hangs in a name service: its thread ends with the command.
fn in_time<T: Send + 'static>(
    patience: Duration,
    ask: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let (tell, told) = mpsc::sync_channel(1);
    thread::Builder::new()
        // Whoever has stopped waiting hears nothing.
        .spawn(move || drop(tell.send(ask())))?;
    Ok(told.recv_timeout(patience).ok())
}

/// Looks an account up, with every name that its uid has.
///
/// # Errors
/// See [`enum@Error`].
pub fn find(name: &str) -> Result<Account, Error> {
    let Some(user) = Directory::default().look_up(name)? else {
        return Err(Error::Unknown {
            name: name.to_owned(),
        });
    };
    let uid = user.uid.as_raw();
    let mut names = vec![name.to_owned()];
    for other in Listed::all()?.names(uid) {
        if !names.iter().any(|known| known == other) {
            names.push(other.to_owned());
        }
    }
    Ok(Account { uid, names })
}

/// Who belongs to a group today, as its member or by an account's own group.
///
/// # Errors
/// There is no such group, nobody is in it, or the system does not say.
pub fn members(group: &str) -> Result<Vec<String>, Error> {
    let ask = ["group", "--", group];
    let line =
        command::run_within(PATIENCE, Path::new("/usr/bin/getent"), &ask).map_err(|source| {
            Error::Group {
                name: group.to_owned(),
                source,
            }
        })?;
    let members = Listed::all()?.members(&line);
    match members.is_empty() {
        true => Err(Error::EmptyGroup {
            name: group.to_owned(),
        }),
        false => Ok(members),
    }
}

/// The accounts that the system lists: a directory service may know one without listing it.
pub struct Listed(String);

impl Listed {
    /// All of them.
    ///
    /// # Errors
    /// They could not be listed.
    pub fn all() -> Result<Self, command::Error> {
        command::run_within(TO_LIST, Path::new("/usr/bin/getent"), &["passwd"]).map(Self)
    }

    /// The names of a uid.
    pub fn names(&self, uid: u32) -> impl Iterator<Item = &str> {
        self.0.lines().filter_map(move |line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let number = fields.nth(1)?.parse::<u32>().ok()?;
            (number == uid).then_some(name)
        })
    }
}

impl Listed {
    /// The members that a line of the groups' list names, and the accounts whose own group it is.
    fn members(&self, group: &str) -> Vec<String> {
        let mut fields = group.trim_end().split(':').skip(2);
        let (gid, named) = (fields.next().unwrap_or_default(), fields.next());
        let mut members: Vec<String> = named
            .unwrap_or_default()
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        for line in self.0.lines() {
            let mut fields = line.split(':');
            let (Some(name), Some(own)) = (fields.next(), fields.nth(2)) else {
                continue;
            };
            if own == gid && !members.iter().any(|member| member == name) {
                members.push(name.to_owned());
            }
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_the_members_it_names_and_those_whose_own_it_is() {
        let listed = "root:x:0:0::/root:/bin/bash\nanna:x:1001:2000::/home/anna:/bin/sh\n\
            bert:x:1002:1002::/:/bin/sh\nbroken\ncleo:x:1003:2000::/:/bin/sh\n";
        let listed = Listed(listed.to_owned());
        let members = |line: &str| listed.members(line);
        assert_eq!(
            members("visitors:x:2000:bert,anna\n"),
            ["bert", "anna", "cleo"]
        );
        assert_eq!(members("visitors:x:2000:\n"), ["anna", "cleo"]);
        assert!(members("nobody:x:3000:\n").is_empty());
        // What is no line of a group names nobody.
        assert!(members("").is_empty());
        let error = super::members("no-such-group").unwrap_err();
        assert!(error.to_string().contains("no-such-group"), "{error}");
    }

    #[test]
    fn every_name_of_a_uid_is_found() {
        let listed = "root:x:0:0::/root:/bin/bash\ndeploy:x:1001:1001::/home/deploy:/bin/sh\n\
            other:x:1002:1002::/:/bin/sh\ndeploy2:x:1001:1001::/home/deploy:/bin/sh\nbroken\n";
        let listed = Listed(listed.to_owned());
        assert_eq!(
            listed.names(1001).collect::<Vec<_>>(),
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

    #[test]
    fn a_name_service_that_hangs_is_no_answer_and_is_not_asked_again() {
        let (release, held) = mpsc::channel::<()>();
        let hangs = move || {
            let _ = held.recv();
            Ok(None)
        };
        let late = answer("deploy", Duration::from_millis(50), hangs).unwrap_err();
        assert!(matches!(late, Error::Late { name } if name == "deploy"));
        drop(release);
        let mut directory = Directory { hangs: true };
        let late = directory.look_up("root").unwrap_err();
        assert!(matches!(late, Error::Late { name } if name == "root"));
    }

    #[test]
    fn a_uid_has_its_name_and_one_that_nobody_has_has_none() {
        assert_eq!(name_of(0).as_deref(), Some("root"));
        assert_eq!(name_of(1_999_999_999), None);
    }

    #[test]
    fn a_name_service_that_fails_does_not_say_that_there_is_nobody() {
        let failed = answer("deploy", PATIENCE, || Err(nix::errno::Errno::EAGAIN));
        assert!(matches!(failed, Err(Error::Lookup { .. })));
    }
}
