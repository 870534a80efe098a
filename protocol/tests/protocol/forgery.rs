//! What somebody who has stolen the CA's key can make, and that hosts refuse it.

use crate::certificate::{check, issue, request, restricted};
use crate::company::{Company, key, now, places, private_key};
use daypass_protocol::certificate::IssueError;
use daypass_protocol::key::Key;
use daypass_protocol::statement::Verb;
use daypass_protocol::window::{FrozenWindow, Window};
use ssh_key::certificate::{Builder, CertType};
use ssh_key::{Certificate, PrivateKey};

/// What a forger with the CA's key can vary.
struct Forgery {
    principals: Vec<String>,
    key_id: String,
    kind: CertType,
    serial: u64,
    after: u64,
    before: u64,
    options: Vec<(String, String)>,
    extensions: Vec<(String, String)>,
    subject: Key,
}

impl Forgery {
    fn of(honest: &Certificate) -> Self {
        let pairs = |map: &ssh_key::certificate::OptionsMap| {
            map.iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        Self {
            principals: honest.valid_principals().to_vec(),
            key_id: honest.key_id().to_owned(),
            kind: honest.cert_type(),
            serial: honest.serial(),
            after: honest.valid_after(),
            before: honest.valid_before(),
            options: pairs(honest.critical_options()),
            extensions: pairs(honest.extensions()),
            subject: honest.public_key().clone().try_into().unwrap(),
        }
    }

    fn sign(self, authority: &PrivateKey) -> Certificate {
        let mut builder = Builder::new(
            [1; 16],
            self.subject.data().clone(),
            self.after,
            self.before,
        )
        .unwrap();
        builder
            .serial(self.serial)
            .unwrap()
            .cert_type(self.kind)
            .unwrap()
            .key_id(self.key_id)
            .unwrap();
        if self.principals.is_empty() {
            builder.all_principals_valid().unwrap();
        }
        for principal in self.principals {
            builder.valid_principal(principal).unwrap();
        }
        for (name, value) in self.options {
            builder.critical_option(name, value).unwrap();
        }
        for (name, value) in self.extensions {
            builder.extension(name, value).unwrap();
        }
        builder.sign(authority).unwrap()
    }
}

/// The code with which a certificate that was changed like this is refused, signed by the real CA all the same.
fn forged(window: &Window, change: impl FnOnce(&mut Forgery)) -> &'static str {
    let company = Company::new();
    let honest = issue(&company.approved(&FrozenWindow::freeze(window).unwrap()));
    let mut forgery = Forgery::of(&honest);
    change(&mut forgery);
    check(&forgery.sign(&private_key("user-ca"))).map_or_else(|refusal| refusal.code(), |_| "ok")
}

#[test]
fn a_short_rsa_key_is_no_authority() {
    let company = Company::new();
    let approved = company.approved(&company.window());
    let pem = include_str!("../../../tests/vectors/ssh/rsa2048");
    let short = PrivateKey::from_openssh(pem).unwrap();
    assert!(matches!(
        request(&approved, &key("carl")).issue(&short),
        Err(IssueError::Authority(_))
    ));
    let certificate = Forgery::of(&issue(&approved)).sign(&short);
    assert_eq!(check(&certificate).unwrap_err().code(), "authority-unfit");
}

#[test]
fn a_foreign_authority_is_refused() {
    let company = Company::new();
    let forgery = Forgery::of(&issue(&company.approved(&company.window())));
    let certificate = forgery.sign(&private_key("stranger"));
    assert_eq!(check(&certificate).unwrap_err().code(), "authority-unknown");
}

#[test]
fn every_altered_byte_is_noticed() {
    let company = Company::new();
    let bytes = issue(&company.approved(&company.window()))
        .to_bytes()
        .unwrap();
    let mut accepted: Vec<usize> = Vec::new();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        if let Ok(certificate) = Certificate::from_bytes(&altered)
            && check(&certificate).is_ok()
        {
            accepted.push(at);
        }
    }
    assert!(accepted.is_empty(), "{accepted:?}");
}

#[test]
fn names_that_are_not_the_windows_are_refused() {
    let window = Company::new().draft();
    let other = "w-01kapx5v000000000000000000".to_owned();
    let principals =
        |principals: Vec<String>| forged(&window, |forgery| forgery.principals = principals);
    assert_eq!(forged(&window, |_| {}), "ok");
    assert_eq!(principals(vec![]), "principals-invalid");
    assert_eq!(principals(vec![other.clone()]), "principals-invalid");
    assert_eq!(
        principals(vec![window.id.to_string(), other.clone()]),
        "principals-invalid"
    );
    assert_eq!(
        principals(vec![format!("{},{other}", window.id)]),
        "principals-invalid"
    );
    assert_eq!(principals(vec!["*".to_owned()]), "principals-invalid");
    assert_eq!(
        forged(&window, |forgery| forgery.key_id =
            "daypass/x/carl".to_owned()),
        "key-id-invalid"
    );
    assert_eq!(
        forged(&window, |forgery| forgery.key_id.push('a')),
        "key-id-invalid"
    );
    assert_eq!(
        forged(&window, |forgery| forgery.kind = CertType::Host),
        "not-a-user-certificate"
    );
    assert_eq!(
        forged(&window, |forgery| forgery.serial = 0),
        "serial-invalid"
    );
    assert_eq!(
        forged(&window, |forgery| forgery.subject = key("dora")),
        "key-not-in-window"
    );
}

#[test]
fn times_that_the_window_does_not_give_are_refused() {
    let window = Company::new().draft();
    let now = now().unix_unsigned();
    let times = |after, before| {
        forged(&window, |forgery| {
            (forgery.after, forgery.before) = (after, before);
        })
    };
    assert_eq!(times(now - 60, now + 600), "ok");
    // As far as the CA's settings may date it back.
    assert_eq!(times(now - 300, now + 600), "ok");
    assert_eq!(times(now - 300, now + 601), "certificate-too-long-lived");
    assert_eq!(times(now - 301, now + 60), "certificate-outlives-window");
    assert_eq!(times(now + 3000, now + 3601), "certificate-outlives-window");
    assert_eq!(times(now - 60, now), "certificate-expired");
    assert_eq!(times(now + 1, now + 60), "certificate-not-yet-valid");
    assert_eq!(times(now, u64::MAX), "certificate-endless");
    assert_eq!(times(0, now + 60), "certificate-outlives-window");
}

#[test]
fn critical_options_are_exactly_the_windows() {
    let plain = Company::new().draft();
    let restricted = restricted(&Company::new());
    let add = |name: &str, value: &str| {
        forged(&plain, |forgery| {
            forgery.options.push((name.to_owned(), value.to_owned()));
        })
    };
    assert_eq!(add("force-command", "/bin/sh"), "option-unknown");
    assert_eq!(add("source-address", "0.0.0.0/0"), "option-unknown");
    assert_eq!(add("verify-required", ""), "option-unknown");
    assert_eq!(forged(&restricted, |_| {}), "ok");
    assert_eq!(
        forged(&restricted, |forgery| forgery.options[0].1.push('x')),
        "option-differs"
    );
    assert_eq!(
        forged(&restricted, |forgery| forgery.options[1]
            .1
            .push_str(",0.0.0.0/0")),
        "option-differs"
    );
    for at in [0, 1] {
        assert_eq!(
            forged(&restricted, |forgery| drop(forgery.options.remove(at))),
            "option-missing"
        );
    }
}

#[test]
fn extensions_are_never_more_than_the_windows() {
    let window = Company::new().draft();
    let add = |name: &str| {
        forged(&window, |forgery| {
            forgery.extensions.push((name.to_owned(), String::new()));
        })
    };
    for name in [
        "permit-user-rc",
        "permit-port-forwarding",
        "permit-agent-forwarding",
        "no-touch-required",
        "x@y",
    ] {
        assert_eq!(add(name), "extension-not-permitted");
    }
    let without = |name: &str| {
        forged(&window, |forgery| {
            forgery.extensions.retain(|(found, _)| found != name);
        })
    };
    assert_eq!(without("permit-pty"), "ok");
    assert_eq!(without("window@daypass"), "extension-missing");
    assert_eq!(without("state@daypass"), "extension-missing");
    let with = |name: &str, value: &str| {
        forged(&window, |forgery| {
            let extension = forgery
                .extensions
                .iter_mut()
                .find(|(found, _)| found == name)
                .unwrap();
            extension.1 = value.to_owned();
        })
    };
    assert_eq!(with("permit-pty", "x"), "extension-not-permitted");
    assert_eq!(with("window@daypass", "{}"), "grant-invalid");
    assert_eq!(
        with("window@daypass", r#"{"v":1,"window":"{}","statements":[]}"#),
        "window-invalid"
    );
    assert_eq!(
        with("window@daypass", &" ".repeat(32 * 1024 + 1)),
        "grant-invalid"
    );
    for number in ["", "+1", "01", "-1", "1 ", "18446744073709551616"] {
        assert_eq!(with("state@daypass", number), "state-number-invalid");
    }
}

#[test]
fn a_window_in_a_certificate_still_needs_its_approvals() {
    let company = Company::new();
    let window = company.window();
    let unapproved = company.grant(&window, &[(Verb::Request, "carl")]);
    let honest = issue(&company.approved(&window));
    let mut forgery = Forgery::of(&honest);
    let extension = forgery
        .extensions
        .iter_mut()
        .find(|(name, _)| name == "window@daypass")
        .unwrap();
    extension.1 = unapproved.to_text().unwrap();
    let profile = check(&forgery.sign(&private_key("user-ca"))).unwrap();
    assert_eq!(
        profile
            .approve(company.roster(), &places(), now())
            .unwrap_err()
            .code(),
        "not-approved"
    );
}
