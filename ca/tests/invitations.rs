//! People who are invited, hand a key in, and are let in once an admin has signed for it.

mod house;

use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use daypass_ca::tls;
use daypass_ca::upkeep::Upkeep;
use daypass_protocol::api::{Accepted, Hosts, Invited};
use daypass_protocol::roster::Role;
use daypass_protocol::token::Secret;
use house::{House, Someone, no};
use rusqlite::Connection;
use serde_json::{Value, json};

#[test]
fn an_invited_person_hands_a_key_in_and_is_let_in_once_an_admin_has_signed_for_it() {
    let mut house = House::with(&[]);
    let carol = Someone::new("carol");
    let made = house.now();
    let Invited { secret, until } = house.invite("carol").unwrap();
    assert!(made.plus(600) <= until && until <= house.now().plus(600));
    let waiting = house.invitations();
    assert_eq!(waiting.len(), 1);
    let first = &waiting[0];
    assert_eq!(
        (&first.person, &first.maker),
        (&carol.name, &house.admin.name)
    );
    assert_eq!(
        (&*first.roles, first.until),
        (&[Role::Contractor][..], until)
    );
    assert_eq!((&first.key, &first.accepted), (&None, &None));

    let expected = Accepted {
        person: carol.name.clone(),
        fingerprint: carol.public().fingerprint(),
    };
    assert_eq!(house.accept(&secret, &carol), Ok(expected.clone()));
    // An answer that was lost.
    assert_eq!(house.accept(&secret, &carol), Ok(expected.clone()));
    // Nothing is theirs by that alone.
    let as_carol = |house: &House| house.get::<Hosts>(&carol, "/v1/hosts").map(drop);
    assert!(as_carol(&house).is_err_and(|(status, _)| status == 401));

    house.crash();
    house.start();
    let waiting = house.invitations();
    assert_eq!(waiting[0].key, Some(carol.public()));
    let proof = waiting[0].accepted.as_ref().unwrap();
    assert_eq!(proof.read().unwrap(), house.acceptance(&secret, &carol));
    assert_eq!(house.accept(&secret, &carol), Ok(expected));

    house.change_roster(|roster| roster.people.push(carol.entry(&[Role::Contractor])));
    assert_eq!(as_carol(&house), Ok(()));
    assert_eq!(house.withdraw("carol").unwrap().person, carol.name);
    assert_eq!(house.invitations(), []);
    assert_eq!(house.withdraw("carol").map(drop), no(404, "not-invited"));

    let told = |action: &str| -> Value {
        let entries = house.told(action);
        assert_eq!(entries.len(), 1, "{action}");
        entries[0].clone()
    };
    let (invited, accepted, done) = (
        told("person.invited"),
        told("invitation.accepted"),
        told("invitation.withdrawn"),
    );
    assert_eq!(invited["identity"]["person"], "ada");
    assert_eq!(invited["detail"]["roles"], json!(["contractor"]));
    assert_eq!(invited["detail"]["until"], until.to_string());
    assert_eq!(
        accepted["identity"]["key"],
        carol.public().fingerprint().to_string()
    );
    assert_eq!(accepted["origin"]["address"], "127.0.0.1");
    assert_eq!(
        (&done["outcome"], &done["code"]),
        (&json!("done"), &json!("done"))
    );
    for entry in [&invited, &accepted, &done] {
        assert_eq!(entry["detail"]["person"], "carol");
        assert_eq!(
            entry["detail"]["invitation"],
            secret.digest().to_string()[..16]
        );
        assert!(!entry.to_string().contains(&secret.to_string()));
    }
    assert_eq!(house.told("invitation.refused"), Vec::<Value>::new());
}

#[test]
fn what_was_replaced_withdrawn_or_is_out_of_time_is_known_to_nobody() {
    let house = House::with(&[]);
    let carol = Someone::new("carol");
    let unknown = || no(403, "invitation-unknown");
    let take = |secret: &Secret| house.accept(secret, &carol).map(drop);
    let Invited { secret: first, .. } = house.invite("carol").unwrap();
    take(&first).unwrap();
    // Also one that a key was handed in with: it was not theirs, or they lost it since.
    let Invited { secret: second, .. } = house.invite("carol").unwrap();
    assert_eq!(take(&first), unknown());
    assert_eq!(house.invitations()[0].key, None);
    let made = house.told("person.invited");
    assert_eq!(made[0]["detail"].get("replaces"), None);
    assert_eq!(
        made[1]["detail"]["replaces"],
        made[0]["detail"]["invitation"]
    );

    house.withdraw("carol").unwrap();
    assert_eq!(house.told("invitation.withdrawn")[0].get("code"), None);
    assert_eq!(take(&second), unknown());

    let Invited {
        secret: third,
        until,
    } = house.invite("carol").unwrap();
    house.pass(until.since(house.now()) - 60);
    assert_eq!(house.invitations().len(), 1);
    house.pass(60);
    assert_eq!(take(&third), unknown());
    assert_eq!(house.invitations(), []);
    let database = Connection::open(house.layout().database()).unwrap();
    let rows = || -> i64 {
        let sql = "SELECT count(*) FROM invitations";
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(rows(), 1);
    let layout = house.layout();
    let config = tls::config(&house.authority().x509_roots(), &layout).unwrap();
    let upkeep = Upkeep {
        authority: Arc::clone(house.authority()),
        layout,
        names: vec!["localhost".to_owned()],
        certificate: RustlsConfig::from_config(config),
        passphrase_file: None,
    };
    upkeep.once();
    assert_eq!(rows(), 0);

    let told = house.told("invitation.refused");
    assert_eq!(told.len(), 3);
    for (entry, secret) in told.iter().zip([&first, &second, &third]) {
        assert_eq!(entry["code"], "invitation-unknown");
        // Which one it was can be found all the same.
        assert_eq!(
            entry["detail"]["invitation"],
            secret.digest().to_string()[..16]
        );
        assert_eq!(entry["detail"].get("person"), None);
    }
}
