//! A name service of the whole host that hangs: glibc asks sssd's socket for every name that no file has, somebody listens
//! there, and no answer ever comes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use daypass_tests::{CAROL, Host, Result, SOON, Site, Wish};

use crate::Rows;
use crate::ends::nothing_is_left;
use crate::failures::{UNNOTICED, longest_of_the_others};
use crate::inside::{Gets, Inside};
use crate::windows::{carol_gets, close_all};

const HOUR: Duration = Duration::from_secs(3600);
/// `doctor` asks the directory for one name, for all names, and through other programs, each with its own bound.
const DOCTOR: Duration = Duration::from_secs(180);
const HANGING: &str = include_str!("hanging.py");

pub(crate) const ROWS: &Rows = &[
    (
        "a_directory_that_never_answers_holds_nobody_up_whom_a_file_names",
        named_by_files,
    ),
    (
        "a_directory_that_never_answers_is_waited_for_a_moment_and_the_glass_breaks_all_the_same",
        asked_in_vain,
    ),
];

/// Names that no file has are asked of the directory from here on; the agent is started anew under it.
const BEGIN: &str = "\
    cp -a /etc/nsswitch.conf /root/nsswitch.conf; cp -a /etc/pam.d/atd /root/pam-atd; \
    dpkg --install /var/cache/daypass-tests/libnss-sss_*.deb; \
    systemd-run --quiet --unit=hanging python3 /root/hanging.py /var/lib/sss/pipes/nss; \
    timeout 60 sh -c 'until ss -Hlx | grep -q /var/lib/sss/pipes/nss; do :; done'; \
    sed 's/^passwd:.*/passwd: files sss/' /root/nsswitch.conf > /etc/nsswitch.conf; \
    printf '%s pam_daypass.so\\naccount required pam_permit.so\\n' \
        'account [success=ok ignore=ignore module_unknown=ignore default=bad]' > /etc/pam.d/atd; \
    systemctl restart daypass-agent";
const END: &str = "\
    set +e; systemctl stop hanging; dpkg --purge libnss-sss; rm -rf /var/lib/sss; \
    mv /root/nsswitch.conf /etc/nsswitch.conf; mv /root/pam-atd /etc/pam.d/atd; systemctl restart daypass-agent";

fn under(site: &Site, shown: impl FnOnce(&Host) -> Result<()>) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.write("/root/hanging.py", HANGING)?;
    // What fails in between must not leave the host like this for the rows that follow.
    let shown = catch_unwind(AssertUnwindSafe(|| {
        db1.script(BEGIN).ok()?;
        // It does hang.
        let asked = db1.script("timeout 2 getent passwd stranger").run()?;
        assert_eq!(asked.code(), Some(124), "{asked}");
        shown(db1)
    }));
    let ended = db1.script(END).ok();
    shown.unwrap_or_else(|panic| resume_unwind(panic))?;
    ended.map(drop)
}

fn named_by_files(site: &Site) -> Result<()> {
    let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/id -un");
    let window = carol_gets(site, &wish)?;
    let mut session = Inside::enter(site)?;
    session.sudo("before")?;
    session.gets("before", Gets::Served)?;
    let usual = longest_of_the_others(site)?;
    under(site, |db1| {
        session.sudo("meanwhile")?;
        session.gets("meanwhile", Gets::Served)?;
        let longest = longest_of_the_others(site)?;
        assert!(longest < UNNOTICED + 2 * usual, "{longest:?}, {usual:?}");
        let plants = "echo ': planted' >> .bash_aliases; id -un";
        let said = site.person(CAROL).ssh("deploy@db1", &[plants]).run()?;
        assert_eq!(said.stdout(), "deploy\n", "{said}");
        close_all(site)?;
        site.await_entry("db1", "session.end", &[&window])?;
        session.gets("afterwards", Gets::Ended)?;
        nothing_is_left(site)?;
        let told = [&window, ".bash_aliases"];
        let told = site.await_entry("db1", "session.planted", &told);
        db1.script("rm -f ~deploy/.bash_aliases").ok()?;
        told.map(drop)
    })
}

fn asked_in_vain(site: &Site) -> Result<()> {
    carol_gets(site, &Wish::deploy_on("db1", HOUR))?;
    under(site, |db1| {
        let usual = knocked(db1, "olga")?;
        let longest = knocked(db1, "stranger")?;
        assert!(longest < UNNOTICED + 2 * usual, "{longest:?}, {usual:?}");
        let said = site.person(CAROL).ssh("deploy@db1", &["id", "-un"]).run()?;
        assert_eq!(said.stdout(), "deploy\n", "{said}");
        let status = db1.root(["daypass-agent", "status"]).within(SOON).ok()?;
        assert!(status.contains("managed   deploy"), "{status}");
        let doctor = db1.root(["daypass-agent", "doctor"]).within(DOCTOR).run()?;
        let told = "The accounts of this host cannot be listed";
        assert!(doctor.stdout().contains(told), "{doctor}");
        // Who is put under management must be known in full, and is not; who is let go need not be.
        let manage = db1.root(["daypass-agent", "manage", "stranger"]).run()?;
        assert_eq!(manage.code(), Some(1), "{manage}");
        assert!(manage.stderr().contains("there is no answer"), "{manage}");
        let glass = "daypass-agent break-glass --for 1h --reason 'no names' deploy";
        let broken = db1.script(glass).within(SOON).ok();
        let whole = db1
            .script("daypass-agent break-glass --end")
            .within(SOON)
            .ok();
        broken.and(whole).map(drop)
    })
}

/// This name a hundred times at once, at a door that daypass alone guards: what all of it took.
fn knocked(db1: &Host, name: &str) -> Result<Duration> {
    let knock = format!(
        "for number in $(seq 100); do pamtester atd {name} acct_mgmt & pids=\"${{pids:-}} $!\"; done; \
         for pid in $pids; do wait $pid; done"
    );
    let begun = Instant::now();
    db1.script(&knock).ok()?;
    Ok(begun.elapsed())
}
