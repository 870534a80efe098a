//! A backup that is made while the CA serves, and what is restored from it.

mod house;

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use daypass_ca::backup::{self, BackupError};
use daypass_ca::layout::Layout;
use daypass_ca::restore::{self, RestoreError};
use daypass_protocol::api::{CertificateWish, Issued, WindowState};
use daypass_protocol::certificate;
use daypass_protocol::roster::Role;
use daypass_protocol::state::SignedState;
use daypass_protocol::statement::Verb;
use daypass_transport::client::Request;
use house::machine::Machine;
use house::{House, No, Someone, no, refused};

fn wish(who: &Someone) -> CertificateWish {
    CertificateWish {
        host: "db1".parse().unwrap(),
        account: "deploy".parse().unwrap(),
        key: who.public(),
        window: None,
    }
}

fn login(house: &House, who: &Someone) -> Result<u64, No> {
    let issued: Issued = house.post(who, "/v1/certificates", &wish(who))?;
    Ok(certificate::parse(&issued.certificate).unwrap().serial())
}

fn state_of(house: &House, machine: &Machine) -> daypass_protocol::state::State {
    let state: SignedState =
        refused(house.client_of(machine).call(&Request::get("/v1/state"))).unwrap();
    state.read_unverified().unwrap()
}

#[test]
fn a_restored_ca_goes_on_in_a_new_incarnation_and_says_where_the_one_before_ended() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let mut house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    let machine = house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    let mut serials = BTreeSet::from([login(&house, &cody).unwrap()]);
    let unused = house.token("db2", &[]);
    house.invite("carol").unwrap();
    let before = state_of(&house, &machine);
    let entries = house.entries().len() as u64;
    let file = house.directory.path().join("backup.tar");
    backup::write(&house.layout(), None, &file, house.now().unix()).unwrap();
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // After the backup: a certificate that the restored CA knows nothing of.
    serials.insert(login(&house, &cody).unwrap());

    let restored = house.replace_by(&file);
    assert_eq!(restored.ca, house.newborn.pin);
    let first = &house.entries()[0];
    let told = house.told("ca.restored");
    assert_eq!(told.len(), 1);
    let detail = &told[0]["detail"];
    assert_eq!(detail["entries_before"], entries);
    assert_eq!(detail["incarnation_before"], before.incarnation.to_string());
    assert_eq!(
        detail["journal_before"],
        format!("daypass/{}/ca/{}", restored.ca.short(), before.incarnation)
    );
    assert!(first["seq"].as_u64().unwrap() <= told[0]["seq"].as_u64().unwrap());

    // Hosts take its state: another incarnation, dated later; and a number that no certificate out there is ahead of.
    let after = state_of(&house, &machine);
    assert_eq!(after.incarnation, restored.incarnation);
    assert_ne!(after.incarnation, before.incarnation);
    assert!(after.number > before.number + 1000);
    assert!(after.time >= before.time);
    assert_eq!(after.state_key, before.state_key);

    let view = house.say(&bob, Verb::Approve, &window);
    assert_eq!(view.map(|_| ()), no(409, "said-twice"));
    for _ in 0..8 {
        assert!(
            serials.insert(login(&house, &cody).unwrap()),
            "a serial twice"
        );
    }
    assert_eq!(
        house.enroll(&unused).map(|_| ()),
        no(403, "token-expired"),
        "a token of before must be worth nothing"
    );
    assert_eq!(
        house.invitations(),
        [],
        "it may have been withdrawn since the backup"
    );
    house.host("db3");
}

#[test]
fn a_backup_made_while_people_work_is_one_moment_and_whole() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let mut house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let file = house.directory.path().join("backup.tar");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut windows = 0;
            // At least one more after the backup, so that it falls between.
            while !done.load(Ordering::SeqCst) || windows < 4 {
                let window = house.request(&cody, &house.wish("db1"));
                house.say(&bob, Verb::Approve, &window).unwrap();
                login(&house, &cody).unwrap();
                windows += 1;
            }
        });
        let written = backup::write(&house.layout(), None, &file, house.now().unix());
        // First of all, so that a failure is told instead of waited for.
        done.store(true, Ordering::SeqCst);
        worker.join().unwrap();
        written.unwrap();
    });
    house.replace_by(&file);
    // Every window of the backup has all that was said of it, and every certificate its entry in the journal before.
    let views: daypass_protocol::api::Windows = house.get(&bob, "/v1/windows").unwrap();
    assert!(
        views
            .windows
            .iter()
            .all(|view| matches!(view.state, WindowState::Open | WindowState::Requested))
    );
    login(&house, &cody)
        .map(|_| ())
        .unwrap_or_else(|(_, code)| {
            assert!(
                matches!(code.as_str(), "no-window" | "not-approved"),
                "{code}"
            );
        });
}

#[test]
fn a_damaged_line_of_the_journal_keeps_no_backup_from_being_restored() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let mut house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    login(&house, &cody).unwrap();
    let file = house.directory.path().join("backup.tar");
    backup::write(&house.layout(), None, &file, house.now().unix()).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let line = b"\n{\"seq\":";
    let begins = bytes.windows(line.len()).rposition(|part| part == line);
    bytes[begins.expect("the journal's last entry") + 1] = b'x';
    std::fs::write(&file, bytes).unwrap();

    let restored = house.replace_by(&file);
    let damage = restored.journal_damaged.unwrap();
    assert!(damage.contains("is no line"), "{damage}");
    let told = house.told("ca.restored");
    assert_eq!(told[0]["detail"]["journal_damaged"], damage);
    login(&house, &cody).unwrap();
}

#[test]
fn nothing_is_written_over() {
    let house = House::unsigned();
    let file = house.directory.path().join("backup.tar");
    backup::write(&house.layout(), None, &file, 0).unwrap();
    assert!(matches!(
        backup::write(&house.layout(), None, &file, 0),
        Err(BackupError::Exists { .. })
    ));
    let open = File::open(&file).unwrap();
    assert!(matches!(
        restore::unpack(&open, &file, &house.layout(), house.now()),
        Err(RestoreError::Exists { .. })
    ));
    let left: Vec<_> = std::fs::read_dir(house.directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().contains("backup"))
        .collect();
    assert_eq!(left, ["backup.tar"]);
}

#[test]
fn what_stands_beside_a_backup_stays_whatever_its_name() {
    let house = House::unsigned();
    let beside = house.directory.path();
    // Names that a backup called like this might be tempted to use: the CA's own database is one.
    let file = beside.join("ca");
    for name in ["ca.part", "ca.tar"] {
        std::fs::write(beside.join(name), name).unwrap();
    }
    let database = house.layout().database();
    assert_eq!(database, beside.join("ca.db"));
    backup::write(&house.layout(), None, &file, 0).unwrap();
    assert!(matches!(
        backup::write(&house.layout(), None, &file, 0),
        Err(BackupError::Exists { .. })
    ));
    assert!(database.exists() && file.exists());
    for name in ["ca.part", "ca.tar"] {
        assert_eq!(std::fs::read_to_string(beside.join(name)).unwrap(), name);
    }
}

#[test]
fn what_stands_in_the_way_of_a_restore_stays() {
    let house = House::unsigned();
    let file = house.directory.path().join("backup.tar");
    backup::write(&house.layout(), None, &file, 0).unwrap();
    let place = tempfile::tempdir().unwrap();
    let layout = Layout::new(place.path());
    let journal = layout.journal();
    let waiting = place.path().join("ca.db.restoring");
    std::os::unix::fs::symlink("/nowhere/unmounted", &journal).unwrap();
    let restore = || {
        let open = File::open(&file).unwrap();
        restore::unpack(&open, &file, &layout, house.now())
    };
    assert!(matches!(restore(), Err(RestoreError::Exists { path }) if path == journal));
    assert!(journal.is_symlink());
    std::fs::remove_file(&journal).unwrap();
    std::fs::write(&waiting, "somebody's").unwrap();
    assert!(matches!(restore(), Err(RestoreError::Exists { path }) if path == waiting));
    assert_eq!(std::fs::read_to_string(&waiting).unwrap(), "somebody's");
    std::fs::remove_file(&waiting).unwrap();
    restore().unwrap();
}

#[test]
fn a_backup_that_was_cut_off_or_added_to_is_refused_and_leaves_nothing() {
    let house = House::unsigned();
    let file = house.directory.path().join("backup.tar");
    backup::write(&house.layout(), None, &file, 0).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let place = tempfile::tempdir().unwrap();
    let restore = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let open = File::open(&file).unwrap();
        restore::unpack(&open, &file, &Layout::new(place.path()), house.now())
    };
    let nothing = || std::fs::read_dir(place.path()).unwrap().next().is_none();
    // Wherever it was cut, between two files, too.
    let ends = (512..whole.len() - 1024).step_by(512 * 41);
    let names = tar::Archive::new(&whole[..]).entries().unwrap().count();
    assert!(names > 5, "{names}");
    let starts: Vec<_> = tar::Archive::new(&whole[..])
        .entries()
        .unwrap()
        .map(|entry| usize::try_from(entry.unwrap().raw_header_position()).unwrap())
        .collect();
    for end in ends.chain(starts) {
        let refused = restore(&whole[..end]).unwrap_err();
        assert!(
            matches!(
                refused,
                RestoreError::NoBackup { .. } | RestoreError::File { .. }
            ),
            "{end}: {refused:?}"
        );
        assert!(nothing(), "{end}");
    }
    let mut more = tar::Builder::new(Vec::new());
    for entry in tar::Archive::new(&whole[..]).entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header().clone();
        more.append(&header, entry).unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    more.append_data(&mut header, "keys/other", b"{}".as_slice())
        .unwrap();
    let refused = restore(&more.into_inner().unwrap()).unwrap_err();
    assert!(
        refused.to_string().contains("keys/other stands behind"),
        "{refused}"
    );
    assert!(nothing());
    // In the same place, after all that, the whole one.
    restore(&whole).unwrap();
}

#[test]
fn what_is_no_backup_makes_no_ca() {
    let directory = tempfile::tempdir().unwrap();
    let restore = |name: &str, content: &[u8]| {
        let root = directory.path().join(name);
        std::fs::create_dir(&root).unwrap();
        let file = directory.path().join(format!("{name}.tar"));
        std::fs::write(&file, content).unwrap();
        let open = File::open(&file).unwrap();
        let layout = Layout::new(&root);
        let now = daypass_ca::authority::Authority::system_clock()();
        let refused = restore::unpack(&open, &file, &layout, now).unwrap_err();
        assert!(!layout.database().exists());
        assert!(
            matches!(
                refused,
                RestoreError::NoBackup { .. } | RestoreError::File { .. }
            ),
            "{refused:?}"
        );
    };
    restore("empty", b"");
    restore("noise", &[7; 4096]);
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    header.set_cksum();
    archive
        .append_data(&mut header, "ca.db", b"{}".as_slice())
        .unwrap();
    restore("other", &archive.into_inner().unwrap());
}
