//! Revocations and early ends.

use crate::company::{Company, fingerprint, name};
use daypass_protocol::statement::Verb;
use daypass_protocol::stop::{Error, Stop};
use daypass_protocol::window::{FrozenWindow, Window};

#[test]
fn approvers_and_admins_revoke_any_window() {
    let company = Company::new();
    let window = company.window();
    for signer in ["ada", "ann"] {
        let stop =
            Stop::check(&company.says(Verb::Revoke, signer, &window), &company.chain).unwrap();
        assert!(stop.stops(&window));
    }
    let refused = Stop::check(&company.says(Verb::Revoke, "carl", &window), &company.chain);
    assert!(matches!(refused, Err(Error::MayNotRevoke(_))));
}

#[test]
fn contractors_end_their_own_windows_only() {
    let company = Company::new();
    let own = company.window();
    let dora = Window {
        contractor: name("dora"),
        keys: vec![fingerprint("dora")],
        ..company.draft()
    };
    let other = FrozenWindow::freeze(&dora).unwrap();
    let by_carl =
        |window| Stop::check(&company.says(Verb::End, "carl", window), &company.chain).unwrap();
    assert!(by_carl(&own).stops(&own));
    assert!(!by_carl(&own).stops(&other));
    assert!(!by_carl(&other).stops(&other));
}

#[test]
fn other_verbs_stop_nothing() {
    let company = Company::new();
    for verb in [Verb::Request, Verb::Approve, Verb::Grant, Verb::Deny] {
        let said = company.says(verb, "ann", &company.window());
        assert!(matches!(
            Stop::check(&said, &company.chain),
            Err(Error::Verb(_))
        ));
    }
}

#[test]
fn a_revocation_outlives_the_one_who_made_it() {
    let mut company = Company::new();
    let window = company.window();
    let revoked = company.says(Verb::Revoke, "ann", &window);
    company.change(|roster| roster.people.retain(|person| person.name != name("ann")));
    company.change(|_| {});
    assert!(
        Stop::check(&revoked, &company.chain)
            .unwrap()
            .stops(&window)
    );
    let never = company.says(Verb::Revoke, "stranger", &window);
    assert!(matches!(
        Stop::check(&never, &company.chain),
        Err(Error::Statement(_))
    ));
}
