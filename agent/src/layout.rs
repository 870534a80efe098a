//! Where everything lives on a host.

use std::path::{Path, PathBuf};

/// Every path that the agent reads or writes, under one root directory (`/` on a real host).
///
/// Tests use a directory of their own; programs on a host use [`Layout::system`] only, so that
/// nothing in the environment can point a privileged program elsewhere.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The paths of the running system.
    #[must_use]
    pub fn system() -> Self {
        Self::under("/")
    }

    /// The same tree under another root directory.
    #[must_use]
    pub fn under(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The root directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// An absolute path of the host, seen from this root.
    #[must_use]
    pub fn seen(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The accounts that the system itself lists.
    #[must_use]
    pub fn passwd(&self) -> PathBuf {
        self.at("etc/passwd")
    }

    /// The administrator's settings.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.at("etc/daypass/agent.toml")
    }

    /// Managed uids and their names, read by the PAM module without asking NSS.
    #[must_use]
    pub fn managed(&self) -> PathBuf {
        self.at("etc/daypass/managed")
    }

    /// The user-CA keys that the Match block trusts.
    #[must_use]
    pub fn user_ca(&self) -> PathBuf {
        self.at("etc/daypass/ssh/user_ca.pub")
    }

    /// What sshd refuses by itself, though it be signed; where this cannot be read, it refuses everything.
    #[must_use]
    pub fn revoked_keys(&self) -> PathBuf {
        self.at("etc/daypass/ssh/revoked_keys")
    }

    /// What a client sees before gate 1 decides.
    #[must_use]
    pub fn banner(&self) -> PathBuf {
        self.at("etc/daypass/ssh/banner")
    }

    /// Where the host certificates stand.
    #[must_use]
    pub fn host_certificates(&self) -> PathBuf {
        self.at("etc/daypass/ssh/host-certificates")
    }

    /// sshd's main configuration file.
    #[must_use]
    pub fn sshd_config(&self) -> PathBuf {
        self.at("etc/ssh/sshd_config")
    }

    /// The generated Match block.
    #[must_use]
    pub fn sshd_block(&self) -> PathBuf {
        self.at("etc/ssh/sshd_config.d/50-daypass.conf")
    }

    /// The generated `HostCertificate` lines, outside any Match block.
    #[must_use]
    pub fn sshd_host_certificates(&self) -> PathBuf {
        self.at("etc/ssh/sshd_config.d/40-daypass-host-certificate.conf")
    }

    /// The host's SSH keys.
    #[must_use]
    pub fn ssh(&self) -> PathBuf {
        self.at("etc/ssh")
    }

    /// PAM's services.
    #[must_use]
    pub fn pam(&self) -> PathBuf {
        self.at("etc/pam.d")
    }

    /// Our one line in sudo's configuration.
    #[must_use]
    pub fn sudoers(&self) -> PathBuf {
        self.at("etc/sudoers.d/daypass")
    }

    /// What sudo reads first, and what that names.
    #[must_use]
    pub fn main_sudoers(&self) -> PathBuf {
        self.at("etc/sudoers")
    }

    /// Whom the system asks for names, and sudo for rules.
    #[must_use]
    pub fn name_switch(&self) -> PathBuf {
        self.at("etc/nsswitch.conf")
    }

    /// What sudo-rs reads instead of `/etc/sudoers`, where it is there.
    #[must_use]
    pub fn sudoers_of_rust(&self) -> PathBuf {
        self.at("etc/sudoers-rs")
    }

    /// The agent's state, readable by root only.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.at("var/lib/daypass/agent")
    }

    /// The journal's secret keys.
    #[must_use]
    pub fn journal_keys(&self) -> PathBuf {
        self.at("var/lib/daypass/agent/keys")
    }

    /// Accounts that are let go for a while.
    #[must_use]
    pub fn glass(&self) -> PathBuf {
        self.at("var/lib/daypass/agent/break-glass")
    }

    /// Events that commands left for the daemon to journal.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.at("var/lib/daypass/agent/spool")
    }

    /// Orders that commands left for the daemon to carry out on its journal.
    #[must_use]
    pub fn orders(&self) -> PathBuf {
        self.at("var/lib/daypass/agent/orders")
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.at("var/log/daypass/journal")
    }

    /// What lives until the next boot: sockets, sessions, sudo's rules.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.at("run/daypass")
    }

    /// Where the PAM module knocks.
    #[must_use]
    pub fn agent_socket(&self) -> PathBuf {
        self.at("run/daypass/agent.sock")
    }

    /// Where the principals helper knocks.
    #[must_use]
    pub fn principals_socket(&self) -> PathBuf {
        self.at("run/daypass/principals.sock")
    }

    /// How the link to the collector fares.
    #[must_use]
    pub fn link(&self) -> PathBuf {
        self.at("run/daypass/link")
    }

    /// One file for each live session.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.at("run/daypass/sessions")
    }

    /// sudo's rules of the live sessions.
    #[must_use]
    pub fn session_sudoers(&self) -> PathBuf {
        self.at("run/daypass/sudoers.d")
    }
}
