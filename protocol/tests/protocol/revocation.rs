//! Revocations of people, keys, certificates and hosts.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::company::{Company, fingerprint, key, name, now, private_key};
use daypass_protocol::revocation::{
    Error, Kind, MAX_LIFE, Revocation, SignedRevocation, Standing, Subject,
};
use daypass_protocol::sshsig;
use daypass_protocol::time::Time;
use daypass_protocol::window::{Window, WindowId};

fn said(company: &Company, signer: &str, subject: &Subject) -> Revocation {
    Revocation::of(
        subject,
        company.roster().pin(),
        name(signer),
        now(),
        now().plus(3600),
    )
}

fn says(company: &Company, signer: &str, subject: &Subject) -> SignedRevocation {
    said(company, signer, subject)
        .sign(sshsig::with_key(&private_key(signer)))
        .unwrap()
}

fn subjects() -> [Subject; 4] {
    [
        Subject::Person(name("carl")),
        Subject::Key(fingerprint("carl")),
        Subject::Serial(4711),
        Subject::Host("db1".parse().unwrap()),
    ]
}

/// Carl's login on db1, which was enrolled a day before.
fn carls<'a>(window: &'a Window, host: &'a daypass_protocol::name::HostName) -> Standing<'a> {
    Standing {
        window,
        key: fingerprint("carl"),
        serial: 4711,
        host,
        enrolled: now().minus(86_400),
    }
}

#[test]
fn each_kind_stops_what_it_names_and_nothing_else() {
    let company = Company::new();
    let (window, host) = (company.draft(), "db1".parse().unwrap());
    let (theirs, elsewhere) = (company.draft(), "db2".parse().unwrap());
    let theirs = Window {
        contractor: name("dora"),
        ..theirs
    };
    let other = Standing {
        window: &theirs,
        key: fingerprint("dora"),
        serial: 4712,
        host: &elsewhere,
        enrolled: now().minus(86_400),
    };
    for subject in subjects() {
        for signer in ["ada", "ann"] {
            let revocation = says(&company, signer, &subject)
                .check(&company.chain)
                .unwrap();
            assert!(revocation.covers(&carls(&window, &host)), "{subject}");
            assert!(!revocation.covers(&other), "{subject}");
            let ends_windows = matches!(subject, Subject::Person(_));
            assert_eq!(revocation.covers_window(&window), ends_windows);
        }
    }
}

#[test]
fn who_is_back_under_a_window_made_later_and_a_host_enrolled_later_are_not_meant() {
    let company = Company::new();
    let host = "db1".parse().unwrap();
    let [person, _, _, of_host] = subjects().map(|subject| {
        says(&company, "ann", &subject)
            .check(&company.chain)
            .unwrap()
    });
    for (after, is_meant) in [(0, true), (1, false)] {
        let window = Window {
            id: WindowId::new(now().plus(after), [7; 10]),
            ..company.draft()
        };
        assert_eq!(window.id.time(), now().plus(after));
        let standing = Standing {
            enrolled: now().plus(after),
            ..carls(&window, &host)
        };
        assert_eq!(person.covers(&standing), is_meant);
        assert_eq!(of_host.covers(&standing), is_meant);
    }
}

#[test]
fn contractors_revoke_their_own_keys_and_nothing_else() {
    let company = Company::new();
    for subject in subjects() {
        let judged = says(&company, "carl", &subject).check(&company.chain);
        match subject {
            Subject::Key(_) => assert!(judged.is_ok()),
            _ => assert!(matches!(judged, Err(Error::MayNot { .. })), "{subject}"),
        }
    }
    let anothers = says(&company, "carl", &Subject::Key(fingerprint("ann")));
    assert!(matches!(
        anothers.check(&company.chain),
        Err(Error::MayNot { .. })
    ));
}

#[test]
fn a_revocation_outlives_the_one_who_made_it_and_the_one_it_is_about() {
    let mut company = Company::new();
    let revoked = says(&company, "ann", &Subject::Person(name("carl")));
    company.change(|roster| {
        roster
            .people
            .retain(|person| !["ann", "carl"].contains(&person.name.as_str()));
    });
    company.change(|_| {});
    assert!(revoked.check(&company.chain).is_ok());
    assert!(matches!(
        revoked.check_by(company.roster()),
        Err(Error::UnknownSigner(_))
    ));
}

#[test]
fn whoever_lost_the_role_revokes_nothing_anew_and_takes_nothing_back() {
    let mut company = Company::new();
    let revoked = says(&company, "ann", &Subject::Person(name("carl")));
    company.change(|roster| {
        for person in &mut roster.people {
            if person.name == name("ann") {
                person.roles = vec![daypass_protocol::roster::Role::Auditor];
            }
        }
    });
    // What the CA asks before it takes one in, and what hosts ask of one that was taken.
    assert!(matches!(
        revoked.check_by(company.roster()),
        Err(Error::MayNot { .. })
    ));
    assert!(revoked.check(&company.chain).is_ok());
}

#[test]
fn no_signature_of_one_kind_serves_for_another() {
    let company = Company::new();
    for subject in subjects() {
        for kind in Kind::ALL {
            if kind == subject.kind() {
                continue;
            }
            let foreign = said(&company, "ann", &subject)
                .sign(|_, message| sshsig::with_key(&private_key("ann"))(kind.namespace(), message))
                .unwrap();
            assert!(matches!(
                foreign.check(&company.chain),
                Err(Error::Signature { .. })
            ));
        }
    }
}

#[test]
fn what_a_kind_cannot_name_is_refused() {
    let company = Company::new();
    let unfit = [
        (Kind::RevokeSerial, "0"),
        (Kind::RevokeSerial, "007"),
        (Kind::RevokeSerial, "+7"),
        (Kind::RevokeSerial, "9223372036854775808"),
        (Kind::RevokePerson, "Carl"),
        (Kind::RevokeKey, "SHA256:short"),
        (Kind::RevokeHost, ""),
    ];
    for (verb, subject) in unfit {
        let revocation = Revocation {
            verb,
            subject: subject.to_owned(),
            ..said(&company, "ann", &Subject::Serial(1))
        };
        let signed = revocation
            .sign(sshsig::with_key(&private_key("ann")))
            .unwrap();
        let judged = signed.check(&company.chain);
        assert!(matches!(judged, Err(Error::Subject { .. })), "{subject}");
    }
}

#[test]
fn another_cas_a_strangers_and_a_borrowed_name_count_for_nothing() {
    let company = Company::new();
    let subject = Subject::Person(name("carl"));
    let elsewhere = Revocation {
        ca: "0".repeat(64).parse().unwrap(),
        ..said(&company, "ann", &subject)
    };
    let elsewhere = elsewhere
        .sign(sshsig::with_key(&private_key("ann")))
        .unwrap();
    assert!(matches!(
        elsewhere.check(&company.chain),
        Err(Error::OtherCa { .. })
    ));
    assert!(matches!(
        says(&company, "stranger", &subject).check(&company.chain),
        Err(Error::UnknownSigner(_))
    ));
    let borrowed = said(&company, "ann", &subject)
        .sign(sshsig::with_key(&private_key("carl")))
        .unwrap();
    assert!(matches!(
        borrowed.check(&company.chain),
        Err(Error::ForeignKey { .. })
    ));
}

#[test]
fn a_revocation_is_taken_when_it_is_made_and_for_ten_years_at_most() {
    let company = Company::new();
    let subject = Subject::Serial(1);
    let lasting = |seconds: u64| {
        let revocation = Revocation {
            expires: now().plus(seconds),
            ..said(&company, "ann", &subject)
        };
        let signed = revocation
            .sign(sshsig::with_key(&private_key("ann")))
            .unwrap();
        signed.check(&company.chain).unwrap()
    };
    let late = |after: Time| lasting(3600).is_new(after);
    assert!(late(now()).is_ok());
    assert!(matches!(late(now().plus(61)), Err(Error::Untimely { .. })));
    assert!(matches!(late(now().minus(61)), Err(Error::Untimely { .. })));
    assert!(lasting(MAX_LIFE).is_new(now()).is_ok());
    for seconds in [0, MAX_LIFE + 1] {
        assert!(matches!(
            lasting(seconds).is_new(now()),
            Err(Error::Expires { .. })
        ));
    }
}

#[test]
fn ssh_keygen_checks_each_kind_under_its_own_namespace() {
    let company = Company::new();
    let folder = tempfile::tempdir().unwrap();
    let (allowed, signature) = (folder.path().join("allowed"), folder.path().join("sig"));
    std::fs::write(&allowed, format!("ann {}\n", key("ann"))).unwrap();
    for subject in subjects() {
        let signed = says(&company, "ann", &subject);
        std::fs::write(&signature, signed.signature.to_string()).unwrap();
        for kind in Kind::ALL {
            let mut judge = Command::new("ssh-keygen")
                .args(["-Y", "verify", "-I", "ann", "-n", kind.namespace(), "-f"])
                .arg(&allowed)
                .arg("-s")
                .arg(&signature)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("ssh-keygen is needed: apt install openssh-client");
            let mut input = judge.stdin.take().unwrap();
            input.write_all(signed.revocation.as_bytes()).unwrap();
            drop(input);
            let is_good = judge.wait().unwrap().success();
            assert_eq!(is_good, kind == subject.kind(), "{kind}");
        }
    }
}
