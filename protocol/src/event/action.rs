//! The words for what happens.

use std::fmt;
use std::str::FromStr;

/// Why a text is not an [`Action`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no action has this name; docs/formats/events.md lists them")]
pub struct UnknownAction;

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What happened; who writes it is the first thing that each doc line says.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word in the journal.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

actions! {
    /// Host: the agent runs.
    AgentStart = "agent.start",
    /// Host: the agent stops in order.
    AgentStop = "agent.stop",
    /// Host: nothing else happened for a while, and the agent is there.
    AgentHeartbeat = "agent.heartbeat",
    /// Host: a gate said no.
    LoginDenied = "login.denied",
    /// Host: a session began.
    SessionOpen = "session.open",
    /// Host: a session ended by itself.
    SessionClose = "session.close",
    /// Host: a session was ended by force; `detail.killed`.
    SessionEnd = "session.end",
    /// Host: those in a session were told on its terminals that its time will be up; `detail.left_seconds`.
    SessionWarned = "session.warned",
    /// Host: what changed while a session was open and outlives it; `detail.files`, `.removed`.
    SessionPlanted = "session.planted",
    /// Host: somebody asked sudo, before it ran.
    SudoRequest = "sudo.request",
    /// Host: sudo's own policy accepted.
    SudoStart = "sudo.start",
    /// Host: the command ended.
    SudoEnd = "sudo.end",
    /// Host: sudo was refused.
    SudoDenied = "sudo.denied",
    /// Host: how often a command ran that the settings exclude.
    SudoCounted = "sudo.counted",
    /// Host: a gate is not where it should be.
    GateAbsent = "gate.absent",
    /// Host: a state of the CA was taken over.
    StateTaken = "state.taken",
    /// Host: nothing was heard from the CA for a quarter of an hour; done, when something is again.
    StateOld = "state.old",
    /// Host: an account was put under management.
    AccountManaged = "account.managed",
    /// Host: an account was let go.
    AccountUnmanaged = "account.unmanaged",
    /// Host: a local admin went around the rules, loudly.
    BreakGlass = "break-glass",
    /// Host: the clock jumped.
    ClockStep = "clock.step",
    /// Host: something could not be journalled in time.
    Gap = "gap",
    /// Host, CA: a collector takes the journal, for the first time or again; `detail.collector`, `.held`, `.size`.
    LinkUp = "link.up",
    /// Host, CA: none does for now; `detail.collector`.
    LinkDown = "link.down",
    /// CA: it runs.
    CaStart = "ca.start",
    /// CA: it stops in order.
    CaStop = "ca.stop",
    /// CA: it was restored from a backup; `detail.journal_before`, `.entries_before`.
    CaRestored = "ca.restored",
    /// CA: another key signs the state, while it serves; `detail.key`, `.before`.
    CaStateKey = "ca.state-key",
    /// CA: a roster came into force.
    RosterSigned = "roster.signed",
    /// CA: a window was asked for.
    WindowRequested = "window.requested",
    /// CA: an approval came in.
    WindowApproved = "window.approved",
    /// CA: a window was denied.
    WindowDenied = "window.denied",
    /// CA: an approver granted outright.
    WindowGranted = "window.granted",
    /// CA: somebody is done with a window.
    WindowEnded = "window.ended",
    /// CA: a window was made smaller; `detail.narrowing`, `.signature`.
    WindowNarrowed = "window.narrowed",
    /// CA: a window was revoked.
    WindowRevoked = "window.revoked",
    /// CA: a person, key, certificate or host was revoked; `detail.verb`, `.subject`.
    AccessRevoked = "access.revoked",
    /// CA: a statement did not count.
    StatementRefused = "statement.refused",
    /// CA: a certificate is about to leave.
    CertificateIssued = "certificate.issued",
    /// CA: a certificate was not given.
    CertificateRefused = "certificate.refused",
    /// CA: an admin invited somebody; `detail.person`, `.roles`, `.invitation`, `.until`, `.replaces`.
    PersonInvited = "person.invited",
    /// CA: a key was handed in for somebody who was invited; `detail.person`, `.invitation`.
    InvitationAccepted = "invitation.accepted",
    /// CA: an invitation is done or was taken back; `detail.person`, `.invitation`.
    InvitationWithdrawn = "invitation.withdrawn",
    /// CA: a key was not taken for somebody who was invited, or nobody was; `detail.person`, `.invitation`.
    InvitationRefused = "invitation.refused",
    /// CA: a join token was made.
    HostToken = "host.token",
    /// CA: a host joined.
    HostEnrolled = "host.enrolled",
    /// CA: a host did not join.
    HostRefused = "host.refused",
    /// CA: an ephemeral host went for good; `detail.origin`, `.entries`.
    HostRetired = "host.retired",
    /// CA: a collector was admitted, or its certificate renewed (`detail.renewed`); `detail.url`, `.witness`.
    CollectorAdded = "collector.added",
    /// CA: a collector is told of no longer; `detail.url`, `.witness`.
    CollectorRemoved = "collector.removed",
    /// CA: somebody asked for a collector to be admitted, or a collector told of its keys, in vain.
    CollectorRefused = "collector.refused",
    /// CA, and the collector itself: its witness key is being renewed; `detail.url`, `.step`, `.witness`, `.heir`, `.reason`;
    /// the CA's has what the keys signed, `.succession` and `.signature`.
    CollectorWitnessKey = "collector.witness-key",
    /// CA, collector: a request was refused before its route was reached.
    RequestRefused = "request.refused",
    /// Collector: it runs.
    CollectorStart = "collector.start",
    /// Collector: it stops in order.
    CollectorStop = "collector.stop",
    /// Collector: a journal may be written from now on; `detail.log`.
    LogRegistered = "log.registered",
    /// Collector: somebody read journals; `detail.query`.
    LogRead = "log.read",
    /// Collector: the text of entries is taken out of what is stored; `detail.log`, `.entries`, `.by`, `.why`.
    LogErased = "log.erased",
    /// Collector: the text of old entries is taken out of what is stored; `detail.log`, `.entries`, `.keep_days`.
    LogRetired = "log.retired",
    /// Collector: a journal says that entries of it were erased; `detail.log`, `.seq`, `.entries`, `.by`, `.why`, `.follows`: when the
    /// stored ones are, absent where they are not.
    LogErasureDeclared = "log.erasure-declared",
    /// Collector: the second copy cannot be made; done, when it can again.
    ArchiveBehind = "archive.behind",
    /// Collector: lines were refused, and nothing of them kept; `detail.log`.
    UploadRefused = "upload.refused",
    /// Collector, and whoever writes the journal (`detail.collector`, `.seq`): two pasts of it were signed; `detail.log`, `.seq`, `.held`, `.offered`, `.evidence`.
    AlarmFork = "alarm.fork",
    /// Likewise: signed lines that are not as they were sealed, or do not follow from what is stored; `detail.log`, `.seq`,
    /// `.found`, `.evidence`.
    AlarmTampered = "alarm.tampered",
    /// Likewise: a journal that ends before what is stored of it; `detail.log`, `.size`, `.held`.
    AlarmRollback = "alarm.rollback",
    /// Host: a login by an approved extension moved a session's end; `detail.closes`, `.window_before`.
    SessionExtended = "session.extended",
    /// Host: a window was narrowed, and a session with it; `detail.closes`, `.sudo`, `.by`.
    SessionNarrowed = "session.narrowed",
    /// Host and collector: the CA shows another roster of a number that is known here; admins signed two. `detail.roster`,
    /// `.held`, `.offered`.
    AlarmRosterFork = "alarm.roster-fork",
    /// Host: there is no room to remember more of what revokes, ends or narrows something; done, when there is again.
    /// `detail.without_place`.
    AlarmMemory = "alarm.memory-full",
    /// Host, collector and CA: the recovery key signed a roster, in the admins' stead; `detail.roster`.
    AlarmRecovery = "alarm.recovery-key",
    /// Collector: a journal of which nothing comes any more; `detail.log`, `.since`, `.seq`, `.sessions`, `.serial`, `.issued`.
    AlarmSilence = "alarm.silence",
    /// Collector: a journal by a clock that was set back, or is ahead; `detail.log`, `.seq`, `.seconds`.
    AlarmClock = "alarm.clock",
    /// Collector: a stored segment is damaged or missing, and is passed over; `detail.log`, `.seq`, `.size`, `.segment`.
    AlarmStore = "alarm.store",
    /// Collector: a silent journal is heard again; `detail.log`.
    AlarmOver = "alarm.over",
    /// Collector: a rule fired (`code`) for an entry; `detail.alert`, `.severity`, `.log`, `.seq`.
    AlertRaised = "alert.raised",
    /// Collector: an alert was not taken in time; `detail.destination`, `.letter`.
    AlertDead = "alert.dead",
    /// Collector: an admin had dead letters tried again; `detail.letters`.
    AlertRetried = "alert.retried",
    /// Collector: somebody read alerts, or tried rules on the past; `detail.query`.
    AlertRead = "alert.read",
    /// Collector: entries do not get through to a SIEM; `detail.export`.
    ExportDown = "export.down",
    /// Collector: they do again; `detail.export`.
    ExportUp = "export.up",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.as_str() == text)
            .ok_or(UnknownAction)
    }
}

serde_as_text!(Action);
