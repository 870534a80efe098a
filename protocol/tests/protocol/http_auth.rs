//! Signed requests.

use crate::company::{Company, name, now, private_key};
use daypass_protocol::digest::{Nonce, Pin};
use daypass_protocol::http_auth::{Credential, Error, Target};
use daypass_protocol::sshsig;
use daypass_protocol::time::Time;

fn target(company: &Company) -> Target<'static> {
    Target {
        ca: company.roster().pin(),
        method: "POST",
        path: "/v1/windows?x=1",
        body: b"{}",
    }
}

fn signed(target: &Target<'_>, person: &str, signer: &str, at: Time) -> Credential {
    let nonce = Nonce::from_bytes([3; 16]);
    target
        .sign(
            &name(person),
            at,
            nonce,
            sshsig::with_key(&private_key(signer)),
        )
        .unwrap()
}

#[test]
fn a_signed_request_names_its_caller() {
    let company = Company::new();
    let target = target(&company);
    let header = signed(&target, "carl", "carl", now()).to_header();
    let caller = Credential::from_header(&header)
        .unwrap()
        .check(&target, company.roster(), now())
        .unwrap();
    assert_eq!(
        (caller.person(), caller.nonce()),
        (&name("carl"), Nonce::from_bytes([3; 16]))
    );
}

#[test]
fn the_signed_lines_are_those_of_the_specification() {
    let company = Company::new();
    let mut lines = Vec::new();
    let pin = company.roster().pin();
    target(&company)
        .sign(
            &name("carl"),
            now(),
            Nonce::from_bytes([3; 16]),
            |namespace, message| {
                lines = message.to_vec();
                assert_eq!(namespace, "daypass-http@v1");
                sshsig::with_key(&private_key("carl"))(namespace, message)
            },
        )
        .unwrap();
    let empty_object = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(
        String::from_utf8(lines).unwrap(),
        format!(
            "daypass-http-v1\n{pin}\ncarl\nPOST\n/v1/windows?x=1\n{empty_object}\n2026-11-23T10:00:00Z\n{}\n",
            "03".repeat(16)
        )
    );
}

#[test]
fn a_signature_serves_for_one_request_only() {
    let company = Company::new();
    let honest = target(&company);
    let credential = signed(&honest, "carl", "carl", now());
    for other in [
        Target {
            ca: Pin::from_bytes([1; 32]),
            ..honest
        },
        Target {
            method: "GET",
            ..honest
        },
        Target {
            path: "/v1/windows?x=2",
            ..honest
        },
        Target {
            path: "/v1/windows",
            ..honest
        },
        Target {
            body: b"{} ",
            ..honest
        },
        Target {
            body: b"",
            ..honest
        },
    ] {
        let refused = credential
            .check(&other, company.roster(), now())
            .unwrap_err();
        assert_eq!(refused.code(), "signature-invalid");
    }
}

#[test]
fn nobody_signs_for_another() {
    let company = Company::new();
    let target = target(&company);
    let code = |person, signer| {
        signed(&target, person, signer, now())
            .check(&target, company.roster(), now())
            .unwrap_err()
            .code()
    };
    assert_eq!(code("ada", "carl"), "signature-foreign-key");
    assert_eq!(code("zoe", "zoe"), "person-unknown");
}

#[test]
fn a_clock_that_is_off_is_told_by_how_much() {
    let company = Company::new();
    let target = target(&company);
    let at = |time| signed(&target, "carl", "carl", time).check(&target, company.roster(), now());
    assert!(at(now().plus(60)).is_ok() && at(now().minus(60)).is_ok());
    assert!(matches!(
        at(now().plus(61)),
        Err(Error::ClockSkew { by: 61 })
    ));
    assert!(matches!(
        at(now().minus(61)),
        Err(Error::ClockSkew { by: -61 })
    ));
}

#[test]
fn other_headers_are_not_signatures() {
    for header in [
        "",
        "Bearer x",
        "Daypass-SSHSIG",
        "Daypass-SSHSIG  x",
        "daypass-sshsig e30=",
        "Daypass-SSHSIG ?",
    ] {
        assert!(
            matches!(Credential::from_header(header), Err(Error::Scheme)),
            "{header}"
        );
    }
    assert!(matches!(
        Credential::from_header("Daypass-SSHSIG e30="),
        Err(Error::Json(_))
    ));
    let long = format!("Daypass-SSHSIG {}", "A".repeat(100_000));
    assert!(Credential::from_header(&long).is_err());
}
