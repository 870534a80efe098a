//! A managed account that stands in no file of the host: sssd's own library asks somebody who answers as sssd would.

use std::time::Duration;

use daypass_tests::{CAROL, Host, Result, SOON, Site, Wish};

use crate::Rows;
use crate::others::others_get_in;
use crate::sudo_rs::{says, shell_in};
use crate::sudo_settings::undone;
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);
/// `doctor` asks the directory for names, also through other programs, each with its own bound.
const DOCTOR: Duration = Duration::from_secs(180);
const DIRECTORY: &str = include_str!("directory.py");
const VISITOR: &str = "visitor@db1";

pub(crate) const ROWS: &Rows = &[(
    "an_account_that_only_a_directory_knows_is_managed_like_any_other_and_shut_when_it_knows_it_no_more",
    known_elsewhere,
)];

/// As the sysadmin of a host with sssd has it, with a home for the account.
const BEGIN: &str = "\
    cp -a /etc/nsswitch.conf /root/nsswitch.conf; \
    dpkg --install /var/cache/daypass-tests/libnss-sss_*.deb; \
    echo knows > /root/mood; \
    systemd-run --quiet --unit=directory python3 /root/directory.py /var/lib/sss/pipes/nss /root/mood; \
    timeout 60 sh -c 'until ss -Hlx | grep -q /var/lib/sss/pipes/nss; do :; done'; \
    sed -i 's/^passwd:.*/passwd: files sss/' /etc/nsswitch.conf; \
    install -d -o 4001 -g 4001 -m 700 /home/visitor";
const END: &str = "\
    set +e; echo knows > /root/mood; daypass-agent unmanage visitor; systemctl stop directory; dpkg --purge libnss-sss; \
    rm -rf /var/lib/sss /home/visitor; mv /root/nsswitch.conf /etc/nsswitch.conf; systemctl restart daypass-agent";
/// Groups are asked for here alone: whoever logs in is looked for in every list of groups that there is, and with the
/// directory's among them everybody would wait for one that hangs, with daypass or without.
const BY_GROUP: &str = "\
    cp -a /etc/nsswitch.conf /root/without-groups; sed -i 's/^group:.*/group: files sss/' /etc/nsswitch.conf; \
    daypass-agent manage --group visitors; mv /root/without-groups /etc/nsswitch.conf";

fn known_elsewhere(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.write("/root/directory.py", DIRECTORY)?;
    undone(db1, END, || {
        db1.script(BEGIN).ok()?;
        managed(site, db1)?;
        visited(site, db1)?;
        denied(site, db1)?;
        hanging(site, db1)
    })
}

fn wish() -> Wish {
    let wish = Wish::deploy_on("db1", HOUR).with("--account", "visitor");
    wish.with("--sudo", "/usr/bin/id -un")
}

fn mood(db1: &Host, mood: &str) -> Result<()> {
    db1.write("/root/mood", mood)
}

fn doctor(db1: &Host) -> Result<String> {
    let doctor = db1.root(["daypass-agent", "doctor"]).within(DOCTOR).run()?;
    Ok(doctor.stdout())
}

/// By name, and with its group.
fn managed(site: &Site, db1: &Host) -> Result<()> {
    let is_managed = || {
        Ok::<_, daypass_tests::Error>(
            db1.script("cat /etc/daypass/managed")
                .ok()?
                .contains("4001 visitor\n"),
        )
    };
    site.manage("db1", "visitor")?;
    assert!(is_managed()?);
    db1.root(["daypass-agent", "unmanage", "visitor"]).ok()?;
    assert!(!is_managed()?);
    db1.script(BY_GROUP).ok()?;
    assert!(is_managed()?);
    let doctor = doctor(db1)?;
    assert!(!doctor.contains("visitor"), "{doctor}");
    Ok(())
}

fn visited(site: &Site, db1: &Host) -> Result<()> {
    let window = carol_gets(site, &wish())?;
    let mut shell = shell_in(site, CAROL, VISITOR)?;
    let said = says(&mut shell, "id -un; sudo -n /usr/bin/id -un", 1)?;
    assert_eq!(said, "visitor\nroot\n");
    for action in ["session.open", "sudo.request", "sudo.start", "sudo.end"] {
        site.await_entry("db1", action, &[&window, "\"account\":\"visitor\""])?;
    }
    says(&mut shell, "setsid -f sleep 2401 >/dev/null 2>&1", 2)?;
    close_all(site)?;
    site.await_entry("db1", "session.end", &[&window, "\"sleep\""])?;
    assert!(!shell.wait(SOON)?.success());
    nothing_is_left(db1)
}

/// The line that sshd shows is there even for a name that nobody has.
fn denied(site: &Site, db1: &Host) -> Result<()> {
    carol_gets(site, &wish())?;
    let mut shell = shell_in(site, CAROL, VISITOR)?;
    mood(db1, "denies")?;
    let refused = site.person(CAROL).ssh(VISITOR, &["id"]).run()?;
    assert!(!refused.success() && refused.stdout.is_empty(), "{refused}");
    assert!(refused.stderr().contains("ask whoever"), "{refused}");
    let said = says(&mut shell, "sudo -n /usr/bin/id -un", 1)?;
    assert!(!said.contains("root\n"), "{said}");
    others_get_in(site)?;
    let doctor = doctor(db1)?;
    let told = "visitor is managed, but is no account of that uid any more";
    assert!(doctor.contains(told), "{doctor}");
    mood(db1, "knows")?;
    assert_eq!(says(&mut shell, "sudo -n /usr/bin/id -un", 2)?, "root\n");
    let served = site.person(CAROL).ssh(VISITOR, &["id", "-un"]).run()?;
    assert_eq!(served.stdout(), "visitor\n", "{served}");
    close_all(site)?;
    nothing_is_left(db1)
}

/// sshd itself waits for the name; whoever is in is out at the end, which needs no name.
fn hanging(site: &Site, db1: &Host) -> Result<()> {
    let window = carol_gets(site, &wish())?;
    let mut shell = shell_in(site, CAROL, VISITOR)?;
    says(&mut shell, "setsid -f sleep 2402 >/dev/null 2>&1", 1)?;
    mood(db1, "hangs")?;
    let knock = ["timeout", "5", "ssh", "-oBatchMode=yes", VISITOR, "id"];
    let knocked = site.person(CAROL).command(knock).run()?;
    assert!(!knocked.success() && knocked.stdout.is_empty(), "{knocked}");
    others_get_in(site)?;
    let doctor = doctor(db1)?;
    let told = "Whether visitor is still the account that is managed is not known";
    assert!(doctor.contains(told), "{doctor}");
    close_all(site)?;
    site.await_entry("db1", "session.end", &[&window, "\"sleep\""])?;
    assert!(!shell.wait(SOON)?.success());
    nothing_is_left(db1)
}

/// By number: its name may not be known.
fn nothing_is_left(db1: &Host) -> Result<()> {
    db1.await_condition("! pgrep -u 4001", SOON)
}
