use super::*;
use crate::sudoers::SUDO_SERVICES;

const SUDOERS: &str = include_str!("../../../packaging/debian/files-host/sudoers");
const STACK: &str = "auth optional pam_daypass.so\naccount required pam_daypass.so\nsession required pam_daypass.so\n";

fn host() -> (tempfile::TempDir, Layout) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::under(folder.path());
    let security = layout.seen(Path::new("/usr/lib/x86_64-linux-gnu/security"));
    for directory in [
        layout.pam(),
        security.clone(),
        layout.seen(Path::new("/etc/sudoers.d")),
    ] {
        fs::create_dir_all(directory).unwrap();
    }
    fs::write(security.join("pam_daypass.so"), sample()).unwrap();
    fs::write(layout.sudoers(), SUDOERS).unwrap();
    for (service, _) in STACKS {
        fs::write(layout.pam().join(service), STACK).unwrap();
    }
    (folder, layout)
}

#[test]
fn everything_in_place_is_seen() {
    let (_folder, layout) = host();
    assert_eq!(Presence::new(&layout).check(&Managed::default()), Ok(()));
}

#[test]
fn a_stack_edited_by_hand_is_seen_at_once() {
    let (_folder, layout) = host();
    let presence = Presence::new(&layout);
    presence.check(&Managed::default()).unwrap();
    fs::write(layout.pam().join("sshd"), "account required pam_unix.so\n").unwrap();
    let absent = presence.look(&Managed::default());
    assert_eq!(absent.len(), 1);
    assert_eq!(
        absent[0].to_string(),
        "pam_daypass.so is missing in PAM's stacks auth, account, session of sshd"
    );
}

#[test]
fn our_own_file_of_sudos_is_no_gate_without_its_lines() {
    let (_folder, layout) = host();
    let presence = Presence::new(&layout);
    let looks = || presence.look(&Managed::default());
    let place = "Defaults:daypass-principals !rootpw";
    for (text, lacks) in [
        (SUDOERS.replace(place, ""), place),
        (
            SUDOERS.replace("@includedir", "#"),
            "@includedir /run/daypass/sudoers.d",
        ),
        ("olga ALL = ALL\n".to_owned(), place),
        (String::new(), place),
    ] {
        fs::write(layout.sudoers(), &text).unwrap();
        let [Absent::SudoersEdited { line, .. }] = &looks()[..] else {
            panic!("{text}");
        };
        assert_eq!(*line, lacks);
        assert!(!presence.sudo_asks() && !presence.sessions_sudo_asks());
        fs::write(layout.sudoers(), SUDOERS).unwrap();
        assert!(looks().is_empty());
        assert!(presence.sudo_asks() && presence.sessions_sudo_asks());
    }
    fs::remove_file(layout.sudoers()).unwrap();
    assert!(matches!(&looks()[..], [Absent::Sudoers { .. }]));
    assert!(!presence.sudo_asks() && !presence.sessions_sudo_asks());
}

#[test]
fn what_a_site_sets_for_sudo_ends_the_asking_in_both_forms() {
    let (_folder, layout) = host();
    let presence = Presence::new(&layout);
    for (text, flaw) in [
        (format!("{SUDOERS}Defaults !pam_session\n"), "behind"),
        (format!("Defaults!ALL !pam_session\n{SUDOERS}"), "wherever"),
        ("Defaults !pam_session\n".to_owned(), "does not read"),
    ] {
        fs::write(layout.main_sudoers(), text).unwrap();
        let absent = presence.look(&Managed::default());
        assert!(
            matches!(&absent[..], [gate @ Absent::SudoSettings(_)] if gate.to_string().contains(flaw)),
            "{absent:?}"
        );
        assert!(!presence.sudo_asks() && !presence.sessions_sudo_asks());
    }
    fs::write(layout.main_sudoers(), SUDOERS).unwrap();
    assert!(presence.look(&Managed::default()).is_empty());
    assert!(presence.sudo_asks() && presence.sessions_sudo_asks());
}

#[test]
fn sudo_asks_while_the_module_is_there_and_in_both_of_its_stacks() {
    let (_folder, layout) = host();
    let presence = Presence::new(&layout);
    assert!(presence.sudo_asks());
    for service in SUDO_SERVICES {
        let path = layout.pam().join(service);
        fs::write(&path, "session required pam_daypass.so\n").unwrap();
        assert!(!presence.sudo_asks(), "{service}");
        fs::write(&path, STACK).unwrap();
        assert!(presence.sudo_asks(), "{service}");
    }
    let module = layout.seen(Path::new(
        "/usr/lib/x86_64-linux-gnu/security/pam_daypass.so",
    ));
    fs::write(&module, "something else").unwrap();
    assert!(!presence.sudo_asks());
    fs::write(&module, sample()).unwrap();
    assert!(presence.sudo_asks());
    fs::remove_file(module).unwrap();
    assert!(!presence.sudo_asks());
}

#[test]
fn sessions_sudo_asks_while_the_line_stands_in_its_own_stack() {
    let (_folder, layout) = host();
    let presence = Presence::new(&layout);
    let path = layout.pam().join(SESSIONS_SUDO);
    assert!(presence.sessions_sudo_asks());
    fs::write(&path, STACK.replace("account", "#account")).unwrap();
    assert!(!presence.sessions_sudo_asks());
    // As long as the stack that asks, and put into its place.
    let beside = path.with_extension("new");
    for (text, asks) in [
        (STACK.to_owned(), true),
        (STACK.replace("account", "session"), false),
    ] {
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, &path).unwrap();
        assert_eq!(presence.sessions_sudo_asks(), asks);
    }
    // That it does not is looked for each time.
    assert!(presence.asked.lock().unwrap().is_none());
    // What was read long ago is read again, whatever the file's times say.
    let times = marks(BTreeSet::from([path.clone()]));
    let seen = |at: Instant| Asked {
        marks: times.clone(),
        at,
    };
    let now = Instant::now();
    assert!(seen(now).holds());
    let long_ago = seen(now.checked_sub(LOOK_AGAIN).unwrap());
    *presence.asked.lock().unwrap() = Some(long_ago);
    assert!(!presence.sessions_sudo_asks());
    fs::remove_file(&path).unwrap();
    assert!(!presence.sessions_sudo_asks());
}

#[test]
fn an_sshd_that_hangs_is_a_gate_of_which_nothing_is_known_and_is_asked_about_one_account() {
    let (folder, layout) = host();
    // Of the other name it would say at once that it knows nothing.
    let script = "case \"$*\" in *user=deploy,*) exec sleep 600;; esac; exit 1";
    let presence = Presence {
        sshd: Sshd::at(
            crate::sudoers::script(folder.path(), "sshd", script),
            &layout,
            Duration::from_millis(300),
        ),
        ..Presence::new(&layout)
    };
    let mut managed = Managed::default();
    managed
        .insert(1001, vec!["deploy".to_owned(), "deploy2".to_owned()])
        .unwrap();
    let absent = presence.look(&managed);
    assert!(
        matches!(&absent[..], [Absent::Unreadable { account, said }]
            if account == "deploy" && said.contains("did not end")),
        "{absent:?}"
    );
    let seen = presence.seen().unwrap();
    let long_ago = Seen {
        managed: seen.managed.clone(),
        marks: seen.marks.clone(),
        at: seen.at.checked_sub(ASK_AGAIN).unwrap(),
        absent: seen.absent.clone(),
        ..*seen
    };
    assert!(!long_ago.holds(&managed, LOOK_AGAIN));
    let in_time = Seen {
        is_late: false,
        ..long_ago
    };
    assert!(in_time.holds(&managed, LOOK_AGAIN));
}

#[test]
fn a_module_that_goes_is_seen_at_once() {
    let (_folder, layout) = host();
    let presence = Presence::new(&layout);
    presence.check(&Managed::default()).unwrap();
    let module = layout.seen(Path::new(
        "/usr/lib/x86_64-linux-gnu/security/pam_daypass.so",
    ));
    fs::remove_file(module).unwrap();
    assert_eq!(presence.check(&Managed::default()), Err(Absent::Module));
}
