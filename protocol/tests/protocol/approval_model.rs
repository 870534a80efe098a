//! The rules of approval against a slow, obvious model of them.

use crate::company::{Company, PEOPLE, fingerprint, name, now, places};
use daypass_protocol::roster::{Policy, Role};
use daypass_protocol::statement::Verb;
use daypass_protocol::window::{FrozenWindow, Window};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn has(person: &str, role: Role) -> bool {
    PEOPLE
        .iter()
        .any(|(name, roles)| *name == person && roles.contains(&role))
}

/// DESIGN in one breath: one opening, by who may; approvals of distinct approvers, none of whom asked or profits; as
/// many as the policy wants; and nothing else in the envelope.
fn model(contractor: &str, said: &[(Verb, &str)], needed: usize) -> bool {
    let by = |wanted: Verb| {
        said.iter()
            .filter(move |(verb, _)| *verb == wanted)
            .map(|(_, signer)| *signer)
    };
    let requests: Vec<_> = by(Verb::Request).collect();
    let grants: Vec<_> = by(Verb::Grant).collect();
    let approvals: Vec<_> = by(Verb::Approve).chain(by(Verb::Grant)).collect();
    let distinct: BTreeSet<_> = approvals.iter().collect();
    has(contractor, Role::Contractor)
        && requests.len() + grants.len() == 1
        && requests
            .iter()
            .all(|asks| *asks == contractor || has(asks, Role::Approver))
        && approvals
            .iter()
            .all(|signer| has(signer, Role::Approver) && *signer != contractor)
        && approvals.iter().all(|signer| !requests.contains(signer))
        && distinct.len() == approvals.len()
        && approvals.len() >= needed
        && said
            .iter()
            .all(|(verb, _)| matches!(verb, Verb::Request | Verb::Grant | Verb::Approve))
}

fn anybody() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(PEOPLE.map(|(name, _)| name).to_vec())
}

fn any_verb() -> impl Strategy<Value = Verb> {
    // Mostly those that can be right, so that right combinations turn up.
    prop_oneof![
        8 => Just(Verb::Approve),
        4 => Just(Verb::Request),
        3 => Just(Verb::Grant),
        1 => proptest::sample::select(Verb::ALL.to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn a_window_is_approved_exactly_when_the_model_says_so(
        contractor in anybody(),
        said in proptest::collection::vec((any_verb(), anybody()), 0..5),
        approvals in 1u8..=3,
    ) {
        let company = Company::under(Policy { approvals, ..Policy::default() });
        let draft = Window {
            contractor: name(contractor),
            keys: vec![fingerprint(contractor)],
            ..company.draft()
        };
        let window = FrozenWindow::freeze(&draft).unwrap();
        let verdict = company.grant(&window, &said).check(company.roster(), &places(), now());
        let expected = model(contractor, &said, usize::from(approvals));
        prop_assert_eq!(verdict.is_ok(), expected, "{:?}", verdict.err().map(|refusal| refusal.code()));
    }
}
