//! What holds for whom: pure decisions, no PAM and no socket.

use std::path::Path;

use daypass_gate::managed::ManagedAccounts;
use daypass_gate::{Caller, Response, place};

use crate::client::Unanswered;
use crate::managed::guards_name;
use crate::service::Service;

/// Whether the agent's word is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Under management: without the agent's yes, no.
    Guarded,
    /// Anybody else: never refused, whatever state daypass is in.
    Other,
}

/// What the module tells PAM.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The agent said yes.
    Go {
        handle: u64,
        session_gid: Option<u32>,
    },
    /// Not for us to say.
    Pass,
    /// Not for us to say, and the agent has not seen it.
    PassUnseen(String),
    /// No, with what the person reads and what syslog gets.
    Refuse { message: String, why: String },
}

/// The standing of who asks, at this service.
pub(crate) fn standing(
    service: Service,
    caller: &Caller,
    groups: &[u32],
    managed: Option<&ManagedAccounts>,
    passwd: &Path,
) -> Standing {
    let names_user = || managed.is_some_and(|accounts| guards_name(accounts, &caller.user, passwd));
    let is_caller = || {
        let in_session = groups
            .iter()
            .any(|gid| (place::FIRST_SESSION_GID..=place::LAST_SESSION_GID).contains(gid));
        in_session || managed.is_some_and(|accounts| accounts.has_uid(caller.uid))
    };
    let guarded = match service {
        Service::ContractorSudo => true,
        Service::Sudo => is_caller(),
        // Root's own su into a managed account is root's business; anybody else's is a door.
        Service::Su => is_caller() || caller.uid != 0 && names_user(),
        Service::Sshd | Service::Login | Service::Unattended => names_user(),
    };
    if guarded {
        Standing::Guarded
    } else {
        Standing::Other
    }
}

/// The verdict on what the agent said, or did not say.
pub(crate) fn judge(
    standing: Standing,
    answer: Result<Response, Unanswered>,
    silence: &str,
) -> Verdict {
    let range = place::FIRST_SESSION_GID..=place::LAST_SESSION_GID;
    match (standing, answer) {
        (
            _,
            Ok(Response::Allow {
                handle,
                session_gid,
            }),
        ) if session_gid.is_none_or(|gid| range.contains(&gid)) => Verdict::Go {
            handle,
            session_gid,
        },
        (Standing::Guarded, Ok(Response::Deny { message })) => Verdict::Refuse {
            why: "the agent said no".to_owned(),
            message,
        },
        (Standing::Guarded, Ok(other)) => Verdict::Refuse {
            message: silence.to_owned(),
            why: format!("the agent's answer does not fit: {other:?}"),
        },
        (Standing::Guarded, Err(why)) => Verdict::Refuse {
            message: silence.to_owned(),
            why: why.to_string(),
        },
        (Standing::Other, Ok(_)) => Verdict::Pass,
        (Standing::Other, Err(why)) => Verdict::PassUnseen(why.to_string()),
    }
}

/// The verdict where contractors' sudo wants a password: a refusal, whatever the agent says.
pub(crate) fn judge_authentication(answer: Result<Response, Unanswered>, silence: &str) -> Verdict {
    match judge(Standing::Guarded, answer, silence) {
        refusal @ Verdict::Refuse { .. } => refusal,
        other => Verdict::Refuse {
            message: silence.to_owned(),
            why: format!("no answer but a refusal fits here: {other:?}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: &str = "/nonexistent/passwd";

    fn of(service: Service, user: &str, uid: u32, groups: &[u32]) -> Standing {
        let managed = ManagedAccounts::parse("1001 deploy\n").unwrap();
        let caller = Caller {
            user: user.to_owned(),
            uid,
            ..Caller::default()
        };
        standing(service, &caller, groups, Some(&managed), NOBODY.as_ref())
    }

    #[test]
    fn logins_are_guarded_by_the_name_and_sudo_by_the_caller() {
        assert_eq!(of(Service::Sshd, "deploy", 0, &[]), Standing::Guarded);
        assert_eq!(of(Service::Sshd, "root", 0, &[]), Standing::Other);
        assert_eq!(of(Service::Unattended, "deploy", 0, &[]), Standing::Guarded);
        assert_eq!(of(Service::Sudo, "root", 1001, &[]), Standing::Guarded);
        assert_eq!(
            of(Service::Sudo, "deploy", 1000, &[]),
            Standing::Other,
            "an admin's sudo -u deploy"
        );
        assert_eq!(
            of(Service::Sudo, "root", 1000, &[27, place::FIRST_SESSION_GID]),
            Standing::Guarded
        );
        assert_eq!(
            of(Service::ContractorSudo, "root", 0, &[]),
            Standing::Guarded
        );
    }

    #[test]
    fn su_into_a_managed_account_is_a_door_for_everybody_but_root() {
        assert_eq!(of(Service::Su, "deploy", 1000, &[]), Standing::Guarded);
        assert_eq!(of(Service::Su, "deploy", 0, &[]), Standing::Other);
        assert_eq!(of(Service::Su, "root", 1001, &[]), Standing::Guarded);
        assert_eq!(of(Service::Su, "root", 1000, &[]), Standing::Other);
    }

    #[test]
    fn without_a_managed_file_only_contractors_sudo_is_guarded() {
        let caller = Caller {
            user: "deploy".to_owned(),
            uid: 1001,
            ..Caller::default()
        };
        for (service, expected) in [
            (Service::Sshd, Standing::Other),
            (Service::ContractorSudo, Standing::Guarded),
        ] {
            assert_eq!(
                standing(service, &caller, &[], None, NOBODY.as_ref()),
                expected
            );
        }
    }

    #[test]
    fn nobody_authenticates_here_whatever_the_agent_says() {
        for answer in [
            Ok(Response::Allow {
                handle: 7,
                session_gid: None,
            }),
            Ok(Response::Ignore),
            Err(Unanswered::TimedOut),
        ] {
            assert!(matches!(
                judge_authentication(answer, "silence"),
                Verdict::Refuse { message, .. } if message == "silence"
            ));
        }
        assert!(matches!(
            judge_authentication(Ok(Response::deny("not granted")), "silence"),
            Verdict::Refuse { message, .. } if message == "not granted"
        ));
    }

    #[test]
    fn others_pass_whatever_the_agent_says_and_the_guarded_need_its_yes() {
        let yes = || Response::Allow {
            handle: 7,
            session_gid: None,
        };
        let answers = || {
            [
                Ok(Response::deny("no")),
                Ok(Response::Ignore),
                Ok(Response::Admit {
                    principal: "w-".to_owned(),
                }),
                Ok(Response::Allow {
                    handle: 1,
                    session_gid: Some(27),
                }),
                Err(Unanswered::TimedOut),
                Err(Unanswered::Impostor { uid: 1000 }),
            ]
        };
        for answer in answers() {
            assert!(matches!(
                judge(Standing::Other, answer, ""),
                Verdict::Pass | Verdict::PassUnseen(_)
            ));
        }
        for answer in answers() {
            assert!(matches!(
                judge(Standing::Guarded, answer, ""),
                Verdict::Refuse { .. }
            ));
        }
        assert_eq!(
            judge(Standing::Guarded, Ok(yes()), ""),
            Verdict::Go {
                handle: 7,
                session_gid: None
            }
        );
    }
}
