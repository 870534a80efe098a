//! From the pin to the newest roster.

use crate::company::{Company, first_roster, key, name, person, signed};
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::roster::{
    Authority, Chain, ChainError, Error, Policy, Role, Roster, SignedRoster,
};

fn next(roster: &Roster, before: &SignedRoster) -> Roster {
    Roster {
        number: roster.number + 1,
        previous: Some(Digest::of(&before.roster)),
        ..roster.clone()
    }
}

fn pin(first: &SignedRoster) -> Pin {
    Digest::of(&first.roster).into()
}

fn two_admins(roster_signatures: u8) -> Roster {
    let mut roster = first_roster(Policy {
        roster_signatures,
        ..Policy::default()
    });
    roster.people.push(person("eve", &[Role::Admin]));
    roster
}

#[test]
fn roster_1_is_trusted_by_its_hash_and_put_in_force_by_an_admin_of_its_own() {
    let roster = two_admins(2);
    for admin in ["ada", "eve"] {
        let first = signed(&roster, &[admin]);
        let chain = Chain::verify(pin(&first), &[first]).unwrap();
        assert_eq!(
            chain.newest().authority(),
            &Authority::Admins([name(admin)].into())
        );
    }
    for other in ["ann", "carl", "recovery", "stranger"] {
        let first = signed(&roster, &[other]);
        assert!(matches!(
            Chain::verify(pin(&first), &[first]),
            Err(ChainError::NotAnAdmin { .. })
        ));
    }
    let first = signed(&roster, &[]);
    assert!(matches!(
        Chain::verify(pin(&first), &[first]),
        Err(ChainError::TooFewSignatures { .. })
    ));
    let first = signed(&roster, &["ada"]);
    assert!(matches!(
        Chain::verify(Pin::from_bytes([0; 32]), &[first]),
        Err(ChainError::NotPinned { .. })
    ));
    assert!(matches!(
        Chain::verify(Pin::from_bytes([0; 32]), &[]),
        Err(ChainError::Empty)
    ));
}

#[test]
fn the_rules_of_the_roster_before_decide_about_the_next() {
    let first = signed(&two_admins(2), &["ada"]);
    let second = next(&two_admins(1), &first);
    let verify =
        |signers: &[&str]| Chain::verify(pin(&first), &[first.clone(), signed(&second, signers)]);
    assert!(verify(&["ada", "eve"]).is_ok());
    assert!(matches!(
        verify(&["ada"]),
        Err(ChainError::TooFewSignatures {
            found: 1,
            needed: 2,
            ..
        })
    ));
    assert!(matches!(
        verify(&["ada", "ada"]),
        Err(ChainError::TooFewSignatures {
            found: 1,
            needed: 2,
            ..
        })
    ));
    assert!(matches!(
        verify(&["ada", "eve", "ann"]),
        Err(ChainError::NotAnAdmin { .. })
    ));
}

#[test]
fn an_admin_of_the_next_roster_alone_cannot_bring_it_in() {
    let first = signed(&first_roster(Policy::default()), &["ada"]);
    let mut usurped = next(&first_roster(Policy::default()), &first);
    usurped.people.push(person("mallory", &[Role::Admin]));
    let chain = Chain::verify(
        pin(&first),
        &[first.clone(), signed(&usurped, &["mallory"])],
    );
    assert!(matches!(chain, Err(ChainError::NotAnAdmin { .. })));
}

#[test]
fn the_recovery_key_replaces_all_admins_and_it_shows() {
    let first = signed(&two_admins(2), &["ada"]);
    let mut second = next(&two_admins(1), &first);
    second.recovery = key("recovery-2");
    let chain = Chain::verify(
        pin(&first),
        &[first.clone(), signed(&second, &["recovery"])],
    )
    .unwrap();
    assert_eq!(chain.newest().authority(), &Authority::Recovery);
    let spent = next(&second, &signed(&second, &[]));
    let chain = Chain::verify(
        pin(&first),
        &[
            first,
            signed(&second, &["recovery"]),
            signed(&spent, &["recovery"]),
        ],
    );
    assert!(matches!(chain, Err(ChainError::NotAnAdmin { .. })));
}

#[test]
fn a_chain_has_no_gap_no_turn_and_no_fork() {
    let roster = first_roster(Policy::default());
    let first = signed(&roster, &["ada"]);
    let second = signed(&next(&roster, &first), &["ada"]);
    let fork = signed(
        &Roster {
            time: roster.time.plus(1),
            ..next(&roster, &first)
        },
        &["ada"],
    );
    let third = signed(&next(&next(&roster, &first), &second), &["ada"]);
    let verify = |rosters: &[&SignedRoster]| {
        Chain::verify(
            pin(&first),
            &rosters
                .iter()
                .map(|&signed| signed.clone())
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        verify(&[&first, &second, &third]).unwrap().newest().number,
        3
    );
    assert!(matches!(
        verify(&[&first, &third]),
        Err(ChainError::OutOfOrder { after: 1, found: 3 })
    ));
    assert!(matches!(
        verify(&[&first, &first]),
        Err(ChainError::OutOfOrder { .. })
    ));
    assert!(matches!(
        verify(&[&second]),
        Err(ChainError::NotPinned { .. })
    ));
    assert!(matches!(
        verify(&[&first, &fork, &third]),
        Err(ChainError::OtherPredecessor { number: 3 })
    ));
}

#[test]
fn an_altered_byte_breaks_the_chain() {
    let mut company = Company::new();
    let roster = first_roster(Policy::default());
    let first = signed(&roster, &["ada"]);
    let mut second = signed(&next(&roster, &first), &["ada"]);
    second.roster = second.roster.replace("\"approvals\":1", "\"approvals\":2");
    assert!(matches!(
        company.chain.extend(&second),
        Err(ChainError::Signature { number: 2, .. })
    ));
    assert_eq!(company.roster().number, 1);
}

#[test]
fn a_roster_that_contradicts_itself_is_refused() {
    let draft = || first_roster(Policy::default());
    let refused = |roster: Roster| roster.freeze().unwrap_err();
    assert!(matches!(
        refused(Roster {
            number: 0,
            ..draft()
        }),
        Error::Number(0)
    ));
    assert!(matches!(
        refused(Roster {
            number: 2,
            ..draft()
        }),
        Error::Number(2)
    ));
    assert!(matches!(
        refused(Roster {
            previous: Some(Digest::of("")),
            ..draft()
        }),
        Error::Number(1)
    ));
    assert!(matches!(
        refused(Roster {
            recovery: key("ann"),
            ..draft()
        }),
        Error::KeyTwice(_)
    ));
    let with = |person| {
        let mut roster = draft();
        roster.people.push(person);
        refused(roster)
    };
    assert!(matches!(
        with(person("ann", &[Role::Admin])),
        Error::NameTwice(_)
    ));
    assert!(matches!(with(person("zoe", &[])), Error::Roles(_)));
    assert!(matches!(
        with(person("zoe", &[Role::Admin, Role::Admin])),
        Error::Roles(_)
    ));
    let mut keyless = person("zoe", &[Role::Auditor]);
    keyless.keys.clear();
    assert!(matches!(with(keyless), Error::Keys { found: 0, .. }));
    let mut double = person("zoe", &[Role::Auditor]);
    double.keys = vec![key("ann")];
    assert!(matches!(with(double), Error::KeyTwice(_)));
    let policy = Policy {
        roster_signatures: 2,
        ..Policy::default()
    };
    assert!(matches!(
        refused(first_roster(policy)),
        Error::TooFewAdmins {
            found: 1,
            needed: 2
        }
    ));
    for policy in [
        Policy {
            approvals: 0,
            ..Policy::default()
        },
        Policy {
            approvals: 11,
            ..Policy::default()
        },
    ] {
        assert!(matches!(refused(first_roster(policy)), Error::Json(_)));
    }
}

#[test]
fn policy_keys_that_are_not_written_have_their_defaults() {
    let text = first_roster(Policy::default()).freeze().unwrap();
    let (head, _) = text.split_once("\"policy\":").unwrap();
    let roster = Roster::parse(&format!("{head}\"policy\":{{\"approvals\":2}}}}")).unwrap();
    assert_eq!(
        roster.policy,
        Policy {
            approvals: 2,
            ..Policy::default()
        }
    );
    assert_eq!(Policy::default().max_window, 30 * 86_400);
    assert!(Roster::parse(&format!("{head}\"policy\":{{\"self_grant\":true}}}}")).is_err());
}
