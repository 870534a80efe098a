//! The lines that people paste.

use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::token::{CaUrl, Error, InviteLine, JoinToken, Secret, SetupLine};

fn join() -> JoinToken {
    JoinToken {
        url: "https://ca.example.org:7443".parse().unwrap(),
        root: Digest::of("root"),
        ca: Pin::from(Digest::of("roster")),
        host: Some("db1".parse::<daypass_protocol::name::HostName>().unwrap()),
        secret: Secret::from_bytes([5; 32]),
    }
}

fn invite() -> InviteLine {
    let JoinToken {
        url,
        root,
        ca,
        secret,
        ..
    } = join();
    InviteLine {
        url,
        root,
        ca,
        person: "carol".parse().unwrap(),
        secret,
    }
}

#[test]
fn every_line_comes_back() {
    let token = join();
    assert_eq!(token.to_string().parse::<JoinToken>().unwrap(), token);
    assert_eq!(format!("  {token}\n").parse::<JoinToken>().unwrap(), token);
    let setup = SetupLine {
        url: token.url,
        root: token.root,
        ca: token.ca,
    };
    assert_eq!(setup.to_string().parse::<SetupLine>().unwrap(), setup);
    let invite = invite();
    let line = invite.to_string();
    assert!(line.starts_with("daypass-invite-1."), "{line}");
    assert_eq!(line.parse::<InviteLine>().unwrap(), invite);
}

#[test]
fn no_line_serves_as_another_and_no_damage_passes() {
    let line = join().to_string();
    assert!(matches!(
        line.parse::<SetupLine>(),
        Err(Error::Prefix { .. })
    ));
    assert!(matches!(
        line.replace("join", "setup").parse::<SetupLine>(),
        Err(Error::Json(_))
    ));
    assert!(matches!(
        invite().to_string().parse::<SetupLine>(),
        Err(Error::Prefix { .. })
    ));
    let called = |prefix| invite().to_string().replacen("invite", prefix, 1);
    assert!(matches!(
        called("join").parse::<JoinToken>(),
        Err(Error::Json(_))
    ));
    assert!(matches!(
        called("setup").parse::<SetupLine>(),
        Err(Error::Json(_))
    ));
    assert!(line[..line.len() - 1].parse::<JoinToken>().is_err());
    assert!(matches!(
        format!("{line}=").parse::<JoinToken>(),
        Err(Error::Base64)
    ));
    assert!(matches!(
        format!("{line}\nx").parse::<JoinToken>(),
        Err(Error::Base64)
    ));
    assert!(
        format!("daypass-join-1.{}", "A".repeat(10_000))
            .parse::<JoinToken>()
            .is_err()
    );
}

#[test]
fn the_secret_is_not_shown_by_accident() {
    let token = join();
    let shown = format!("{token:?}");
    assert!(!shown.contains(&token.secret.to_string()), "{shown}");
    let shown = format!("{:?}", invite());
    assert!(!shown.contains(&token.secret.to_string()), "{shown}");
    assert_eq!(token.secret.digest(), Digest::of([5; 32]));
}

#[test]
fn urls_have_a_host_a_port_and_nothing_else() {
    let url = |text: &str| text.parse::<CaUrl>();
    for (text, host, port) in [
        ("https://ca", "ca", 7443),
        ("https://ca.example.org:443", "ca.example.org", 443),
        ("https://192.0.2.1:7443", "192.0.2.1", 7443),
        ("https://[2001:db8::1]", "2001:db8::1", 7443),
        ("https://[2001:db8::1]:8443", "2001:db8::1", 8443),
    ] {
        let url = url(text).unwrap();
        assert_eq!((url.host(), url.port()), (host, port), "{text}");
    }
    assert_eq!(
        url("https://[::1]").unwrap().join("/v1/about"),
        "https://[::1]:7443/v1/about"
    );
    for text in [
        "http://ca",
        "https://",
        "https://ca/",
        "https://ca/x",
        "https://ca?x",
        "https://user@ca",
        "https://ca:0",
        "https://ca:65536",
        "https://ca:07443",
        "https://ca:",
        "https://[::1",
        "https://::1",
        "https://CA",
        "https://ca\n",
    ] {
        assert!(url(text).is_err(), "{text:?}");
    }
}
