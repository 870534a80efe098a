//! Where the client keeps things: the XDG directories, and OpenSSH's own.

use std::path::{Path, PathBuf};

use crate::diagnostic::Failure;

/// The directories of one user. None of them need exist yet.
#[derive(Debug, Clone)]
pub struct Places {
    config: PathBuf,
    data: PathBuf,
    state: PathBuf,
    home: PathBuf,
}

impl Places {
    /// From `HOME` and the `XDG_*` variables; relative ones are ignored, as the XDG specification demands.
    pub fn from_environment() -> Result<Self, Failure> {
        let absolute = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let home = absolute("HOME")
            .or_else(home_of_account)
            .ok_or(Failure::NoHome)?;
        let xdg = |name, default: &str| {
            absolute(name)
                .unwrap_or_else(|| home.join(default))
                .join("daypass")
        };
        Ok(Self {
            config: xdg("XDG_CONFIG_HOME", ".config"),
            data: xdg("XDG_DATA_HOME", ".local/share"),
            state: xdg("XDG_STATE_HOME", ".local/state"),
            home,
        })
    }

    /// Everything below one directory, as it is for a user whose home that is.
    pub fn below(home: &Path) -> Self {
        Self {
            config: home.join(".config/daypass"),
            data: home.join(".local/share/daypass"),
            state: home.join(".local/state/daypass"),
            home: home.to_owned(),
        }
    }

    /// The client's configuration.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The CA's X.509 root, PEM.
    pub fn root_file(&self) -> PathBuf {
        self.config.join("root.pem")
    }

    /// What `~/.ssh/config` includes.
    pub fn ssh_include(&self) -> PathBuf {
        self.config.join("ssh_config")
    }

    /// The host CA's keys, for the enrolled hosts' names.
    pub fn known_hosts(&self) -> PathBuf {
        self.config.join("known_hosts")
    }

    /// The person's public key, written for `ssh` where the private one is in an agent only.
    pub fn identity_file(&self) -> PathBuf {
        self.data.join("identity.pub")
    }

    /// The certificates that `login` has fetched.
    pub fn certificates(&self) -> PathBuf {
        self.data.join("certificates")
    }

    /// The keys of hosts that `ssh` is to refuse.
    pub fn revoked_hosts(&self) -> PathBuf {
        self.data.join("revoked_hosts")
    }

    /// The newest roster that was ever seen here.
    pub fn roster_memory(&self) -> PathBuf {
        self.state.join("roster.toml")
    }

    /// OpenSSH's directory.
    pub fn ssh_directory(&self) -> PathBuf {
        self.home.join(".ssh")
    }

    /// OpenSSH's configuration of this user.
    pub fn ssh_config(&self) -> PathBuf {
        self.ssh_directory().join("config")
    }
}

fn home_of_account() -> Option<PathBuf> {
    nix::unistd::User::from_uid(nix::unistd::getuid())
        .ok()
        .flatten()
        .map(|user| user.dir)
}
