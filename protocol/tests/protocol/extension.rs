//! Which windows let a session of another one last longer.

use daypass_protocol::window::{Permit, Window, WindowId};

use crate::company::{Company, name, now};

/// A change to a window that otherwise prolongs, with its name.
type Change = (&'static str, fn(&mut Window));

#[test]
fn a_window_prolongs_the_one_it_names_when_it_ends_later_and_allows_no_less() {
    let old = Company::new().draft();
    let extension = Window {
        id: WindowId::new(now(), [8; 10]),
        ends: old.ends.plus(3600),
        extends: Some(old.id),
        ..old.clone()
    };
    assert!(extension.prolongs(&old));
    assert!(!old.prolongs(&extension));
    assert!(!old.prolongs(&old));
    let more: [Change; 2] = [
        ("more sudo", |window| {
            window.sudo.push("/usr/bin/id".parse().unwrap());
        }),
        ("more permits", |window| {
            window.permit.push(Permit::PortForwarding);
        }),
    ];
    for (what, change) in more {
        let mut window = extension.clone();
        change(&mut window);
        assert!(window.prolongs(&old), "{what}");
    }
    let less: [Change; 8] = [
        ("it names none", |window| window.extends = None),
        ("it names another", |window| {
            window.extends = Some(WindowId::new(now(), [9; 10]));
        }),
        ("somebody else's", |window| {
            window.contractor = name("mallory");
        }),
        ("no later", |window| window.ends = now().plus(3600)),
        ("no sudo", |window| window.sudo.clear()),
        ("no terminal", |window| window.permit.clear()),
        ("one command", |window| {
            window.force_command = Some("/bin/true".parse().unwrap());
        }),
        ("from elsewhere", |window| {
            window.sources = Some(vec!["192.0.2.0/24".parse().unwrap()]);
        }),
    ];
    for (what, change) in less {
        let mut window = extension.clone();
        change(&mut window);
        assert!(!window.prolongs(&old), "{what}");
    }
}
