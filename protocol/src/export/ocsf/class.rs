//! Which class and activity each action is.

/// The classes that are used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Class {
    Base,
    Process,
    Finding,
    AccountChange,
    Authentication,
    AuthorizeSession,
    EntityManagement,
    Application,
}

/// What was done, in a class's own numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Activity {
    pub(super) id: u64,
    pub(super) name: &'static str,
}

/// Class and activity, and what kind of thing an entity is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Kind {
    pub(super) class: Class,
    pub(super) activity: Activity,
    pub(super) entity: &'static str,
}

impl Class {
    pub(super) fn uid(self) -> u64 {
        match self {
            Self::Base => 0,
            Self::Process => 1007,
            Self::Finding => 2004,
            Self::AccountChange => 3001,
            Self::Authentication => 3002,
            Self::AuthorizeSession => 3003,
            Self::EntityManagement => 3004,
            Self::Application => 6002,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Base => "Base Event",
            Self::Process => "Process Activity",
            Self::Finding => "Detection Finding",
            Self::AccountChange => "Account Change",
            Self::Authentication => "Authentication",
            Self::AuthorizeSession => "Authorize Session",
            Self::EntityManagement => "Entity Management",
            Self::Application => "Application Lifecycle",
        }
    }

    pub(super) fn category(self) -> (u64, &'static str) {
        match self.uid() / 1000 {
            1 => (1, "System Activity"),
            2 => (2, "Findings"),
            3 => (3, "Identity & Access Management"),
            6 => (6, "Application Activity"),
            _ => (0, "Uncategorized"),
        }
    }
}

impl Kind {
    /// What an action is.
    pub(super) fn of(action: &str) -> Self {
        use Class::{
            AccountChange, Application, Authentication, AuthorizeSession, EntityManagement,
            Finding, Process,
        };
        let (class, id, name, entity) = match action {
            "session.open" | "login.denied" => (Authentication, 1, "Logon", ""),
            "session.close" | "session.end" => (Authentication, 2, "Logoff", ""),
            "sudo.request" | "sudo.denied" | "session.extended" => {
                (AuthorizeSession, 1, "Assign Privileges", "")
            }
            "sudo.start" => (Process, 1, "Launch", ""),
            "sudo.end" => (Process, 2, "Terminate", ""),
            "account.managed" => (AccountChange, 7, "Attach Policy", ""),
            "account.unmanaged" => (AccountChange, 8, "Detach Policy", ""),
            "access.revoked" => (AccountChange, 5, "Disable", ""),
            "window.requested" => (EntityManagement, 1, "Create", "Window"),
            "window.granted" | "window.approved" => (EntityManagement, 10, "Activate", "Window"),
            "window.denied" | "window.ended" | "window.revoked" => {
                (EntityManagement, 11, "Deactivate", "Window")
            }
            "certificate.issued" => (EntityManagement, 1, "Create", "Certificate"),
            "certificate.refused" => (EntityManagement, 1, "Create", "Certificate"),
            "roster.signed" => (EntityManagement, 3, "Update", "Roster"),
            "person.invited" => (EntityManagement, 1, "Create", "Invitation"),
            "invitation.accepted" | "invitation.refused" => {
                (EntityManagement, 3, "Update", "Invitation")
            }
            "invitation.withdrawn" => (EntityManagement, 4, "Delete", "Invitation"),
            "host.token" => (EntityManagement, 1, "Create", "Join token"),
            "host.enrolled" | "host.refused" => (EntityManagement, 6, "Enroll", "Host"),
            "host.retired" => (EntityManagement, 7, "Unenroll", "Host"),
            "collector.added" | "collector.refused" => (EntityManagement, 6, "Enroll", "Collector"),
            "collector.removed" => (EntityManagement, 7, "Unenroll", "Collector"),
            "ca.state-key" => (EntityManagement, 3, "Update", "CA"),
            "collector.witness-key" => (EntityManagement, 3, "Update", "Collector"),
            "log.registered" => (EntityManagement, 6, "Enroll", "Journal"),
            "agent.start" | "ca.start" | "collector.start" => (Application, 3, "Start", ""),
            "agent.stop" | "ca.stop" | "collector.stop" => (Application, 4, "Stop", ""),
            "agent.heartbeat" | "ca.restored" | "state.taken" | "link.up" | "link.down" => {
                (Application, 99, "Other", "")
            }
            "alarm.over" => (Finding, 3, "Close", ""),
            "gate.absent" | "break-glass" | "state.old" | "clock.step" | "gap" => {
                (Finding, 1, "Create", "")
            }
            action if action.starts_with("alarm.") => (Finding, 1, "Create", ""),
            _ => return Self::other(),
        };
        Self {
            class,
            activity: Activity { id, name },
            entity,
        }
    }

    /// What has no class of its own.
    pub(super) fn other() -> Self {
        Self {
            class: Class::Base,
            activity: Activity {
                id: 99,
                name: "Other",
            },
            entity: "",
        }
    }
}
