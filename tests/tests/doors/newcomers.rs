//! Somebody new: from an admin's invitation to the first login.

use std::time::Duration;

use daypass_tests::{ALICE, BOB, Result, SOON, Site, Wish};

use crate::Rows;

const HOUR: Duration = Duration::from_secs(3600);
const FRANK: &str = "frank";

pub(crate) const ROWS: &Rows = &[(
    "who_is_invited_hands_in_a_key_and_gets_in_once_an_admin_has_compared_and_signed_it",
    invited,
)];

fn invited(site: &Site) -> Result<()> {
    site.welcome(FRANK)?;
    let (alice, frank) = (site.person(ALICE), site.person(FRANK));
    let invite = ["invite", FRANK, "--role", "contractor"];
    let line = alice.daypass(invite).ok()?.trim().to_owned();
    let set_up = [
        "setup",
        &line,
        "--key",
        ".ssh/id_ed25519",
        "--write-ssh-config",
    ];
    frank.daypass(set_up).ok()?;
    // Whoever gets hold of the line later on hands in nothing with it.
    let laptop = site.network.host("laptop")?;
    let theft = ["daypass", "setup", &line, "--key", ".ssh/id_ed25519"];
    let stolen = laptop.user("olga", theft).run()?;
    assert!(!stolen.success(), "{stolen}");

    let wish = Wish::deploy_on("db1", HOUR);
    assert!(frank.request(&wish).is_err(), "nobody has signed him in");
    let key = frank
        .command(["ssh-keygen", "-lf", ".ssh/id_ed25519.pub"])
        .ok()?;
    let key = key.split_whitespace().nth(1).unwrap_or_default();
    let listed = alice.daypass(["invite", "list"]).ok()?;
    assert!(listed.contains(FRANK) && listed.contains(key), "{listed}");
    let confirm = |fingerprint: &str, role: &str| {
        let words = [
            "invite",
            "confirm",
            FRANK,
            "--fingerprint",
            fingerprint,
            "--role",
            role,
            "--yes",
        ];
        alice.daypass(words).run()
    };
    let olgas = laptop.user("olga", ["ssh-keygen", "-lf", ".ssh/id_ed25519.pub"]);
    let olgas = olgas.ok()?;
    let other_key = confirm(
        olgas.split_whitespace().nth(1).unwrap_or_default(),
        "contractor",
    )?;
    assert!(!other_key.success(), "{other_key}");
    let other_role = confirm(key, "admin")?;
    assert!(!other_role.success(), "{other_role}");
    let signed = confirm(key, "contractor")?;
    assert!(signed.success(), "{signed}");

    frank.daypass(["setup", "--refresh"]).ok()?;
    let window = frank.request(&wish)?;
    site.person(BOB).approve(&window)?;
    let who = frank.ssh("deploy@db1", &["id", "-un"]).ok()?;
    assert_eq!(who, "deploy\n");
    site.await_entry("db1", "session.open", &[FRANK, &window])?;
    let listed = alice.daypass(["invite", "list"]).ok()?;
    assert!(!listed.contains(FRANK), "{listed}");
    let entries = site.servers_own_entries("ca")?;
    for action in [
        "person.invited",
        "invitation.accepted",
        "invitation.refused",
        "invitation.withdrawn",
    ] {
        let is_told = |entry: &String| entry.contains(action) && entry.contains(FRANK);
        assert!(entries.iter().any(is_told), "{action}");
    }
    alice.daypass(["person", "remove", FRANK, "--yes"]).ok()?;
    daypass_tests::until("the host to hear that he is gone", SOON, || {
        Ok(!frank.ssh("deploy@db1", &["true"]).run()?.success())
    })
}
