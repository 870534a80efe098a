//! The phases: what each asks, and what becomes of the answer.

use std::time::{Duration, Instant};

use daypass_gate::{Caller, Request, Response};

use crate::client::{Knock, Unanswered};
use crate::decide::{Standing, Verdict, judge, judge_authentication, standing};
use crate::handle::{Kept, Transaction};
use crate::options::Options;
use crate::service::Service;
use crate::{budget, diagnostic, managed, mark, sys};

/// A PAM phase in which the agent is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `pam_sm_authenticate`: of contractors' sudo only, and there it always ends in a refusal.
    Authenticate,
    /// `pam_sm_acct_mgmt`
    Account,
    /// `pam_sm_open_session`
    Open,
    /// `pam_sm_close_session`
    Close,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "the request for a password",
            Self::Account => "the account check",
            Self::Open => "the session's opening",
            Self::Close => "the session's end",
        }
    }
}

/// Who asks, and where they stand: worked out first, so that a failure later on still knows whom it would hit.
pub(crate) struct Asker {
    service: Service,
    caller: Caller,
    /// Whether the agent's word is needed.
    pub(crate) standing: Standing,
    /// The connection to ask over.
    knock: Option<Knock>,
    /// Whether those who are never refused do not ask for a while.
    rests: bool,
}

impl Asker {
    /// `None` when this service, or this person's use of it, is none of our business.
    pub(crate) fn of(
        transaction: &Transaction<'_>,
        phase: Phase,
        options: &Options,
    ) -> Option<Self> {
        let caller = transaction.caller();
        let service = Service::named(&caller.service)?;
        if !service.is_asked_in(phase) {
            return None;
        }
        // Contractors' own service always asks.
        let rests = service != Service::ContractorSudo && mark::is_fresh(&options.mark);
        // First, so that the agent comes while the rest is worked out; not by those who may not ask in the end.
        let asks = service.awaits_answer_in(phase) && service.is_journalled_for_everyone();
        let knock = match asks && !rests {
            true => options.agent.knock(),
            false => None,
        };
        let standing = match transaction.kept().standing {
            // It follows at once, and decides nothing.
            Some(standing) if service.is_sudo() && phase == Phase::Open => standing,
            _ => where_stands(service, &caller, options),
        };
        if standing == Standing::Other && !service.is_journalled_for_everyone() {
            return None;
        }
        Some(Self {
            service,
            caller,
            standing,
            knock,
            rests,
        })
    }

    /// Asks the agent about this phase, and notes the answer in the transaction.
    pub(crate) fn go_through(
        mut self,
        phase: Phase,
        transaction: &mut Transaction<'_>,
        options: &Options,
    ) -> Verdict {
        let mut kept = transaction.kept();
        if self.service.keeps_its_user()
            && kept
                .user
                .as_ref()
                .is_some_and(|user| *user != self.caller.user)
        {
            return self.changed_user(&kept);
        }
        kept.user = Some(self.caller.user.clone());
        kept.standing = Some(self.standing);
        if phase == Phase::Authenticate && std::mem::replace(&mut kept.was_told, true) {
            return self.told_before();
        }
        let auth_info = if self.service == Service::Sshd {
            transaction.auth_info()
        } else {
            String::new()
        };
        let request = self.request(phase, kept.handle, auth_info);
        let answer = self.ask(phase, &request, &mut kept, options);
        let verdict = match phase {
            Phase::Authenticate => judge_authentication(answer, diagnostic::NO_ANSWER),
            Phase::Account | Phase::Open | Phase::Close => {
                judge(self.standing, answer, diagnostic::NO_ANSWER)
            }
        };
        if let Verdict::Go {
            handle,
            session_gid,
        } = verdict
        {
            kept.handle = if handle == 0 { kept.handle } else { handle };
            kept.session_gid = session_gid.or(kept.session_gid);
        }
        transaction.keep(kept);
        self.log(phase, &verdict, transaction);
        verdict
    }

    fn request(&self, phase: Phase, handle: u64, auth_info: String) -> Request {
        let caller = self.caller.clone();
        match phase {
            Phase::Authenticate => Request::Authenticate(caller),
            Phase::Account => Request::Account(caller),
            Phase::Open => Request::SessionOpen {
                caller,
                handle,
                auth_info,
            },
            Phase::Close => Request::SessionClose { caller, handle },
        }
    }

    fn ask(
        &mut self,
        phase: Phase,
        request: &Request,
        kept: &mut Kept,
        options: &Options,
    ) -> Result<Response, Unanswered> {
        let patience = budget::left(self.standing, kept.spent);
        let rests = self.standing == Standing::Other && self.rests;
        if patience == Duration::ZERO || rests {
            return Err(Unanswered::TimedOut);
        }
        let start = Instant::now();
        let answer = match self.service.awaits_answer_in(phase) {
            true => options.agent.ask_over(self.knock.take(), request, patience),
            false => options
                .agent
                .tell(request, patience)
                .map(|()| Response::Allow {
                    handle: 0,
                    session_gid: None,
                }),
        };
        kept.spent += start.elapsed();
        match (&answer, self.standing) {
            (Err(Unanswered::TimedOut), _) => mark::leave(&options.mark),
            (Ok(_), Standing::Guarded) => mark::clear(&options.mark),
            _ => {}
        }
        answer
    }

    /// sudo tries again where a site's own rules give it more tries: the refusal is journalled and shown already.
    fn told_before(&self) -> Verdict {
        Verdict::Refuse {
            message: String::new(),
            why: format!("{} asks again after a refusal", self.caller.service),
        }
    }

    /// A change that touches no managed account is not ours to refuse.
    fn changed_user(&self, kept: &Kept) -> Verdict {
        match self.standing {
            Standing::Other if kept.handle == 0 => Verdict::Pass,
            _ => Verdict::Refuse {
                message: diagnostic::USER_CHANGED.to_owned(),
                why: "PAM_USER changed in the middle of the transaction".to_owned(),
            },
        }
    }

    fn log(&self, phase: Phase, verdict: &Verdict, transaction: &Transaction<'_>) {
        match verdict {
            Verdict::PassUnseen(why) => {
                transaction.log(&diagnostic::unseen(phase.name(), &self.caller.user, why));
            }
            Verdict::Refuse { why, .. } => {
                transaction.log(&diagnostic::refused(phase.name(), &self.caller.user, why));
            }
            Verdict::Go { .. } | Verdict::Pass => {}
        }
    }
}

fn where_stands(service: Service, caller: &Caller, options: &Options) -> Standing {
    let accounts = managed::read(&options.managed);
    let groups = sys::groups().unwrap_or_default();
    standing(service, caller, &groups, accounts.as_ref(), &options.passwd)
}

/// setcred: in sshd's child, after its initgroups, the session gets its own group. Nobody is asked.
pub(crate) fn give_group(transaction: &Transaction<'_>) {
    let Some(gid) = transaction.kept().session_gid else {
        return;
    };
    if Service::named(&transaction.caller().service) != Some(Service::Sshd) {
        return;
    }
    let given = sys::groups().and_then(|mut groups| {
        if groups.contains(&gid) {
            return Ok(());
        }
        groups.push(gid);
        sys::replace_groups(&groups)
    });
    if let Err(why) = given {
        transaction.log(&diagnostic::no_group(gid, &why));
    }
}
