//! Whose word approves a window, as the signatures and the newest roster tell; whatever the CA says of it.

use daypass_protocol::roster::{Role, VerifiedRoster};
use daypass_protocol::statement::{SignedStatement, Verb, VerifiedStatement};
use daypass_protocol::window::FrozenWindow;

/// The approvals and grants of this window, by approvers other than its contractor.
pub(crate) fn counting(
    window: &FrozenWindow,
    statements: &[SignedStatement],
    roster: &VerifiedRoster,
) -> Vec<VerifiedStatement> {
    let verified = statements
        .iter()
        .filter_map(|signed| signed.check(roster).ok());
    let counts = |said: &VerifiedStatement| {
        let signer = said.signer();
        said.statement().window == window.hash()
            && matches!(said.verb(), Verb::Approve | Verb::Grant)
            && *signer != window.document().contractor
            && roster
                .person(signer)
                .is_some_and(|person| person.is(Role::Approver))
    };
    verified.filter(counts).collect()
}
