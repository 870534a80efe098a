//! Lines that do not serve.

use daypass_cli::paths::Places;
use daypass_protocol::digest::Digest;

use super::desk::{ACCEPT, Desk};
use super::{line, set_up};
use crate::scene::{Carol, refusal};

#[test]
fn a_line_that_does_not_serve_leaves_the_machine_as_it_was() {
    let (carol, guest, late) = (Carol::new(), Carol::new(), Carol::new());
    let desk = Desk::open(&carol);
    let json = ["invite", "erin", "--role", "contractor", "-o", "json"];
    let (code, said) = carol.daypass(&json);
    assert_eq!(code, 0, "{said}");
    let made: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        (&made["person"], &made["roles"]),
        (&"erin".into(), &["contractor"][..].into())
    );
    let text = made["line"].as_str().expect("a line");
    let line = line(text);
    let config = |home: &Carol| Places::below(home.home.path()).config_file();

    // Cut off; damaged; for somebody else.
    let damaged = text.replace('.', ".*");
    for (words, told) in [
        (&["setup", &text[..text.len() - 9]][..], "the line"),
        (&["setup", &damaged][..], "the line is damaged"),
        (
            &["setup", text, "--person", "mallory"][..],
            "invites erin, and not mallory",
        ),
    ] {
        let (code, said) = guest.daypass(words);
        assert_eq!(code, 64, "{said}");
        assert!(said.contains(told), "{told} is missing in: {said}");
    }
    // For another CA than that of the machine.
    let mut elsewhere = line.clone();
    elsewhere.ca = Digest::of("another").into();
    let before = std::fs::read(config(&carol)).expect("set up");
    let (code, said) = set_up(&carol, &elsewhere);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("this machine is set up for the CA"), "{said}");
    // Whose root it does not name is not spoken to.
    let mut in_between = line.clone();
    in_between.root = Digest::of("another");
    let (code, said) = set_up(&guest, &in_between);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("somebody is in between"), "{said}");
    assert!(!desk.ca.seen().contains(&ACCEPT.to_owned()));

    // Somebody else was quicker; and it is over.
    assert_eq!(set_up(&guest, &line).0, 0);
    desk.refuse(refusal("invitation-used", "another key".to_owned()));
    let (code, said) = set_up(&late, &line);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("tell your admin at once"), "{said}");
    desk.refuse(refusal("invitation-unknown", "unknown".to_owned()));
    let (code, said) = set_up(&late, &line);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("Ask your admin for a new line"), "{said}");
    assert!(!config(&late).exists());
    assert_eq!(std::fs::read(config(&carol)).expect("set up"), before);
}
