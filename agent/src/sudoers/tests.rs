use super::*;

fn items(texts: &[&str]) -> Vec<SudoItem> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn window() -> WindowId {
    "w-01jd3x5v7e8s2k4m6n8p0q2r4t".parse().unwrap()
}

fn place(sudoers: &Sudoers, grantee: Grantee, items: &[SudoItem]) {
    let accepted = sudoers.prepare(grantee, items).unwrap();
    sudoers.place(window(), grantee, &accepted).unwrap();
}

fn check(path: &Path, grantee: Grantee, items: &[SudoItem]) -> Result<(), SudoersError> {
    let tools = Tools {
        patience: UNHURRIED,
        ..Tools::default()
    };
    check::check(&tools, path, grantee, items)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const ONE: Grantee = Grantee::Group(1_900_000_000);
const TWO: Grantee = Grantee::Group(1_900_000_001);

#[test]
fn rules_are_in_force_when_sudo_reads_what_was_meant() {
    let directory = tempfile::tempdir().unwrap();
    let sudoers = Sudoers::new(directory.path()).unwrap();
    let items = items(&[
        "/usr/bin/id",
        "(www-data) /usr/bin/true \"\"",
        "/usr/bin/systemctl restart *",
        "ALL",
    ]);
    place(&sudoers, ONE, &items);
    place(&sudoers, TWO, &items);
    assert_eq!(
        names(directory.path()),
        [
            "w-01jd3x5v7e8s2k4m6n8p0q2r4t-1900000000",
            "w-01jd3x5v7e8s2k4m6n8p0q2r4t-1900000001"
        ]
    );
    sudoers
        .keep_only(&BTreeSet::from([(window(), TWO)]))
        .unwrap();
    assert_eq!(
        names(directory.path()),
        ["w-01jd3x5v7e8s2k4m6n8p0q2r4t-1900000001"]
    );
    assert!(sudoers.are_placed(window(), TWO));
    sudoers.remove(window(), TWO).unwrap();
    sudoers.remove(window(), TWO).unwrap();
    assert!(!sudoers.are_placed(window(), TWO));
    assert!(names(directory.path()).is_empty());
}

#[test]
fn rules_for_an_account_are_what_both_sudos_understand() {
    let directory = tempfile::tempdir().unwrap();
    let sudoers = Sudoers::new(directory.path()).unwrap();
    let grantee = Grantee::Account(1001);
    place(&sudoers, grantee, &items(&["/usr/bin/id", "ALL"]));
    let [only] = &names(directory.path())[..] else {
        panic!("one file")
    };
    let text = fs::read_to_string(directory.path().join(only)).unwrap();
    assert_eq!(
        text,
        "Defaults:#1001 !rootpw, !targetpw, passwd_tries=1\n\
         #1001 ALL = (root) NOPASSWD: /usr/bin/id\n\
         #1001 ALL = (ALL : ALL) NOPASSWD: ALL\n"
    );
}

#[test]
fn drafts_are_left_to_who_writes_them_and_swept_up_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let sudoers = Sudoers::new(directory.path()).unwrap();
    fs::write(directory.path().join(".7"), "").unwrap();
    sudoers.keep_only(&BTreeSet::new()).unwrap();
    assert_eq!(names(directory.path()), [".7"]);
    Sudoers::new(directory.path()).unwrap();
    assert!(names(directory.path()).is_empty());
}

#[test]
fn a_session_without_sudo_has_rules_that_grant_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let sudoers = Sudoers::new(directory.path()).unwrap();
    place(&sudoers, ONE, &[]);
    let path = directory.path().join("rules");
    write(&path, &ONE.rules(&items(&["ALL"]))).unwrap();
    assert!(matches!(
        check(&path, ONE, &[]),
        Err(SudoersError::Misread { .. })
    ));
}

#[test]
fn two_hundred_rules_are_fine() {
    let directory = tempfile::tempdir().unwrap();
    let many: Vec<String> = (0..200)
        .map(|n| format!("/usr/bin/systemctl restart unit-{n}.service"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let sudoers = Sudoers::new(directory.path()).unwrap();
    place(&sudoers, ONE, &items(&many));
}

#[test]
fn rules_that_sudo_reads_otherwise_are_not_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules");
    write(&path, &ONE.rules(&items(&["ALL"]))).unwrap();
    let meant = items(&["/usr/bin/id"]);
    assert!(matches!(
        check(&path, ONE, &meant),
        Err(SudoersError::Misread { rule: 1 })
    ));
    for other in [TWO, Grantee::Account(1_900_000_000)] {
        assert!(matches!(
            check(&path, other, &items(&["ALL"])),
            Err(SudoersError::Misread { .. })
        ));
    }
    write(&path, "%#1 ALL = NONSENSE:\n").unwrap();
    assert!(matches!(
        check(&path, Grantee::Group(1), &meant),
        Err(SudoersError::Visudo(_))
    ));
}

#[test]
fn a_tool_that_hangs_is_told_in_time_and_nothing_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("rules");
    let sudoers = Sudoers::with_scripts(&directory, folder.path(), "exec sleep 600", "");
    let error = sudoers.prepare(ONE, &[]).unwrap_err();
    assert!(error.is_late(), "{error}");
    assert!(error.to_string().contains("did not end"), "{error}");
    assert!(matches!(
        sudoers.accepted(ONE, &[]),
        Err(SudoersError::NotLookedAt)
    ));
    assert!(names(&directory).is_empty());
}

#[test]
fn what_was_accepted_for_a_group_is_not_for_an_account() {
    let directory = tempfile::tempdir().unwrap();
    let sudoers = Sudoers::new(directory.path()).unwrap();
    let accepted = sudoers.prepare(ONE, &[]).unwrap();
    let placed = sudoers.place(window(), Grantee::Account(1001), &accepted);
    assert!(matches!(placed, Err(SudoersError::NotLookedAt)));
    assert!(names(directory.path()).is_empty());
}
