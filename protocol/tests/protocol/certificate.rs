//! Certificates, made and judged.

use crate::company::{Company, fingerprint, key, now, places, private_key};
use daypass_protocol::certificate::{self, IssueError, Profile, Refusal, Request};
use daypass_protocol::grant::ApprovedWindow;
use daypass_protocol::key::Key;
use daypass_protocol::statement::Verb;
use daypass_protocol::time::{SKEW, Time};
use daypass_protocol::window::{FrozenWindow, Permit, Window};
use ssh_key::Certificate;

pub(crate) fn issue(window: &ApprovedWindow) -> Certificate {
    request(window, &key("carl"))
        .issue(&private_key("user-ca"))
        .unwrap()
}

pub(crate) fn request<'a>(window: &'a ApprovedWindow, key: &'a Key) -> Request<'a> {
    Request {
        window,
        key,
        serial: 0x1234_5678_9abc,
        nonce: [9; 32],
        state: 17,
        now: now(),
        ttl: 600,
        skew: SKEW,
    }
}

pub(crate) fn restricted(company: &Company) -> Window {
    Window {
        sources: Some(vec![
            "192.0.2.0/24".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ]),
        force_command: Some("/usr/bin/uptime".parse().unwrap()),
        permit: vec![Permit::Pty, Permit::X11Forwarding],
        ..company.draft()
    }
}

pub(crate) fn check(certificate: &Certificate) -> Result<Profile, Refusal> {
    Profile::check(certificate, &[key("user-ca")], now())
}

#[test]
fn a_certificate_says_what_its_window_says() {
    let company = Company::new();
    let window = FrozenWindow::freeze(&restricted(&company)).unwrap();
    let approved = company.approved(&window);
    let certificate = issue(&approved);
    assert_eq!(
        certificate.valid_principals(),
        [window.document().id.to_string()]
    );
    assert_eq!(
        certificate.key_id(),
        format!("daypass/{}/carl", window.document().id)
    );
    assert_eq!(
        certificate
            .critical_options()
            .get("source-address")
            .unwrap(),
        "192.0.2.0/24,2001:db8::/32"
    );
    assert_eq!(
        certificate.critical_options().get("force-command").unwrap(),
        "/usr/bin/uptime"
    );
    let extensions: Vec<_> = certificate
        .extensions()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        extensions,
        [
            "permit-X11-forwarding",
            "permit-pty",
            "state@daypass",
            "window@daypass"
        ]
    );

    let profile = check(&certificate).unwrap();
    assert_eq!(
        (profile.serial(), profile.state(), profile.key()),
        (0x1234_5678_9abc, 17, fingerprint("carl"))
    );
    assert_eq!(profile.window(), &window);
    assert_eq!(
        profile.approve(company.roster(), &places(), now()).unwrap(),
        approved
    );
    let text = certificate.to_openssh().unwrap();
    assert_eq!(certificate::parse(&text).unwrap(), certificate);
}

#[test]
fn a_certificate_never_reaches_past_its_window() {
    let company = Company::new();
    let approved = company.approved(&company.window());
    let (starts, ends) = (now(), now().plus(3600));
    let at = |now, ttl| {
        Request {
            now,
            ttl,
            ..request(&approved, &key("carl"))
        }
        .issue(&private_key("user-ca"))
    };
    let span = |certificate: Certificate| (certificate.valid_after(), certificate.valid_before());
    let unix = |time: Time| time.unix_unsigned();
    assert_eq!(
        span(at(starts.minus(60), 600).unwrap()),
        (unix(starts.minus(60)), unix(starts.plus(540)))
    );
    assert_eq!(
        span(at(starts.plus(600), 600).unwrap()),
        (unix(starts.plus(540)), unix(starts.plus(1200)))
    );
    assert_eq!(
        span(at(ends.minus(1), 600).unwrap()),
        (unix(ends.minus(61)), unix(ends))
    );
    assert_eq!(span(at(starts, 86_400).unwrap()).1, unix(starts.plus(600)));
    assert!(matches!(
        at(starts.minus(61), 600),
        Err(IssueError::NotYet { .. })
    ));
    assert!(matches!(at(ends, 600), Err(IssueError::Ended { .. })));
}

#[test]
fn only_the_windows_keys_are_certified() {
    let company = Company::new();
    let approved = company.approved(&company.window());
    let other = key("dora");
    assert!(matches!(
        request(&approved, &other).issue(&private_key("user-ca")),
        Err(IssueError::ForeignKey(_))
    ));
}

#[test]
fn a_serial_of_0_or_above_63_bits_is_never_given_out() {
    let company = Company::new();
    let approved = company.approved(&company.window());
    for serial in [0, 1 << 63, u64::MAX] {
        let made = Request {
            serial,
            ..request(&approved, &key("carl"))
        }
        .issue(&private_key("user-ca"));
        assert!(matches!(made, Err(IssueError::Refused(Refusal::Serial(_)))));
    }
}

#[test]
fn the_largest_grant_makes_a_certificate_that_can_be_read() {
    let company = Company::new();
    let word = "x".repeat(40);
    let sudo = (0..240)
        .map(|number| format!("/bin/{number} {word}").parse().unwrap())
        .collect();
    let approved = company.approved(
        &FrozenWindow::freeze(&Window {
            sudo,
            ..company.draft()
        })
        .unwrap(),
    );
    let text = issue(&approved).to_openssh().unwrap();
    assert!(check(&certificate::parse(&text).unwrap()).is_ok());
    assert!(certificate::parse(&"x".repeat(certificate::MAX_TEXT + 1)).is_err());
}

#[test]
fn a_certified_key_that_the_roster_dropped_is_refused_while_another_lives() {
    let mut company = Company::new();
    let draft = Window {
        keys: vec![fingerprint("carl"), fingerprint("carl-2")],
        ..company.draft()
    };
    let window = FrozenWindow::freeze(&draft).unwrap();
    let granted =
        company
            .grant(&window, &[(Verb::Grant, "ann")])
            .check(company.roster(), &places(), now());
    let profile = check(&issue(&granted.unwrap())).unwrap();
    company.change(|roster| roster.people[3].keys = vec![key("carl-2")]);
    assert_eq!(
        profile
            .approve(company.roster(), &places(), now())
            .unwrap_err()
            .code(),
        "keys-revoked"
    );
}
