use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Instant, UNIX_EPOCH};

use nix::unistd::User;

use super::*;
use crate::sessions::fixture::SOON;

/// Milliseconds since 1970 by the clock for files, which goes in steps and may be behind the system's by more than one,
/// where a machine is kept from running.
fn now(folder: &tempfile::TempDir) -> i64 {
    let mark = folder.path().join("mark");
    fs::write(&mark, "x").unwrap();
    changed(&mark)
}

fn changed(path: &Path) -> i64 {
    let about = fs::metadata(path).unwrap();
    about.ctime() * 1000 + about.ctime_nsec() / 1_000_000
}

/// Whoever runs the tests, with an empty home in a directory of its own.
fn account() -> (tempfile::TempDir, Layout, User, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::under(folder.path());
    let user = User::from_uid(nix::unistd::Uid::current())
        .unwrap()
        .unwrap();
    let home = layout.seen(&user.dir);
    fs::create_dir_all(&home).unwrap();
    (folder, layout, user, home)
}

/// Those of the machine that runs the tests.
fn names() -> Names {
    Names::of_the_system(&Layout::system())
}

#[test]
fn what_can_outlive_a_session_is_found_by_its_kind_and_by_when_it_was_changed() {
    let (folder, layout, user, home) = account();
    let before = now(&folder);
    for place in [".ssh", ".config/systemd/user/default.target.wants", "work"] {
        fs::create_dir_all(home.join(place)).unwrap();
    }
    for name in [
        ".ssh/rc",
        ".ssh/authorized_keys",
        ".config/systemd/user/x.service",
    ] {
        fs::write(home.join(name), "x").unwrap();
    }
    symlink("/dev/null", home.join(".bashrc")).unwrap();
    let enabled = ".config/systemd/user/default.target.wants/y.service";
    symlink("/tmp/y.service", home.join(enabled)).unwrap();
    let shell = home.join("work/sh");
    fs::write(&shell, "x").unwrap();
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o4755)).unwrap();
    fs::write(home.join("work/plain"), "x").unwrap();
    // The owner sets the time back that they may set.
    let old = UNIX_EPOCH + Duration::from_secs(1);
    let opened = fs::File::options()
        .write(true)
        .open(home.join(".ssh/rc"))
        .unwrap();
    opened.set_modified(old).unwrap();
    let Found {
        plants: found,
        extent,
    } = planted(&layout, &names(), &user.name, user.uid.as_raw());
    assert_eq!(extent, Extent::Whole);
    let named: Vec<_> = found
        .iter()
        .map(|plant| {
            let path = plant.path.strip_prefix(&home).unwrap();
            (plant.kind.name(), path.to_str().unwrap())
        })
        .collect();
    assert_eq!(
        named,
        [
            ("start-up", ".bashrc"),
            ("start-up", ".ssh"),
            ("start-up", ".ssh/rc"),
            ("key", ".ssh"),
            ("key", ".ssh/authorized_keys"),
            ("job", ".config"),
            ("job", ".config/systemd"),
            ("job", ".config/systemd/user"),
            ("job", ".config/systemd/user/default.target.wants"),
            ("job", enabled),
            ("job", ".config/systemd/user/x.service"),
            ("setuid", "work/sh"),
        ]
    );
    assert!(found.iter().all(|plant| plant.changed >= before));
}

#[test]
fn a_directory_that_is_too_full_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::under(folder.path());
    let jobs = layout.seen(Path::new(AT_JOBS));
    fs::create_dir_all(&jobs).unwrap();
    for number in 0..=OF_A_DIRECTORY {
        fs::write(jobs.join(number.to_string()), "").unwrap();
    }
    let uid = nix::unistd::Uid::current().as_raw();
    let found = planted(&layout, &names(), "nobody-of-this-name", uid);
    assert_eq!(found.extent, Extent::Partial);
    assert_eq!(found.plants.len(), OF_A_DIRECTORY);
}

#[test]
fn a_link_on_the_way_is_told_and_not_followed() {
    let (folder, layout, user, home) = account();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir_all(elsewhere.join("user")).unwrap();
    for name in ["rc", "authorized_keys", "user/x.service"] {
        fs::write(elsewhere.join(name), "x").unwrap();
    }
    symlink(&elsewhere, home.join(".ssh")).unwrap();
    fs::create_dir(home.join(".config")).unwrap();
    symlink(&elsewhere, home.join(".config/systemd")).unwrap();
    let found = planted(&layout, &names(), &user.name, user.uid.as_raw());
    let named: Vec<_> = found
        .plants
        .iter()
        .map(|plant| (plant.kind.name(), plant.path.clone()))
        .collect();
    assert_eq!(
        named,
        [
            ("start-up", home.join(".ssh")),
            ("key", home.join(".ssh")),
            ("job", home.join(".config/systemd")),
        ]
    );
    assert_eq!(found.extent, Extent::Partial);
}

#[test]
fn a_directory_that_was_put_in_the_place_of_another_is_told_by_its_own_time() {
    let (folder, layout, user, home) = account();
    fs::create_dir(home.join("prepared")).unwrap();
    let key = home.join("prepared/authorized_keys");
    fs::write(&key, "x").unwrap();
    let written = changed(&key);
    let mut before = written;
    while before == written {
        before = now(&folder);
    }
    fs::rename(home.join("prepared"), home.join(".ssh")).unwrap();
    let found = planted(&layout, &names(), &user.name, user.uid.as_raw());
    let changed: Vec<_> = found
        .plants
        .iter()
        .filter(|plant| plant.changed >= before)
        .map(|plant| (plant.kind.name(), plant.path.clone()))
        .collect();
    assert_eq!(changed, [("key", home.join(".ssh"))]);
    assert_eq!(found.extent, Extent::Whole);
}

#[test]
fn directories_without_anything_in_them_are_not_told() {
    let (_folder, layout, user, home) = account();
    for name in [".ssh", ".config/systemd/user/default.target.wants"] {
        fs::create_dir_all(home.join(name)).unwrap();
    }
    fs::write(home.join(".ssh/known_hosts"), "x").unwrap();
    let found = planted(&layout, &names(), &user.name, user.uid.as_raw());
    assert!(found.plants.is_empty(), "{:?}", found.plants);
    assert_eq!(found.extent, Extent::Whole);
}

#[test]
fn a_directory_service_that_hangs_is_waited_for_once_and_what_needs_none_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::under(folder.path());
    let crontab = layout.seen(&Path::new(CRONTABS).join("dora"));
    fs::create_dir_all(crontab.parent().unwrap()).unwrap();
    fs::write(&crontab, "x").unwrap();
    let (answer, held) = channel::<()>();
    let held = Mutex::new(held);
    let names = Names::new(layout.passwd(), move |_| {
        let _ = held.lock().unwrap().recv();
        None
    });
    let begun = Instant::now();
    // Of the first it is waited for; one that did not answer is asked nothing more.
    for _ in 0..100 {
        let found = planted(&layout, &names, "dora", 1001);
        assert_eq!(found.extent, Extent::Partial);
        let [plant] = &found.plants[..] else {
            panic!("{:?}", found.plants)
        };
        assert_eq!(plant.path, crontab);
    }
    assert!(begun.elapsed() < PATIENCE + SOON);
    drop(answer);
}
