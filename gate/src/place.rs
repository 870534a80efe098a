//! Where the parts of a host meet: the paths that module, helper and agent agree on.

/// The agent's socket for the PAM module: root only.
pub const AGENT_SOCKET: &str = "/run/daypass/agent.sock";

/// The agent's socket for the principals helper: that helper's Unix user only.
pub const PRINCIPALS_SOCKET: &str = "/run/daypass/principals.sock";

/// Which uids and names are under management; written by the agent, read without asking NSS.
pub const MANAGED_FILE: &str = "/etc/daypass/managed";

/// Where the PAM module notes that the agent did not answer in time, so that nobody waits for it again for a while.
pub const UNANSWERED_MARK: &str = "/run/daypass/unanswered";

/// The first group id that sessions may carry. Everything from here up belongs to sessions, and each is used once:
/// a contractor may leave a setgid file behind.
pub const FIRST_SESSION_GID: u32 = 1_900_000_000;

/// The last group id that sessions may carry.
pub const LAST_SESSION_GID: u32 = 2_099_999_999;
