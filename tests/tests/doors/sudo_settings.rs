//! What a site sets for sudo, and what becomes of our own file there. Nobody but contractors notices.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use daypass_tests::{CAROL, Host, Result, Running, SOON, Site, Wish};

use crate::Rows;
use crate::others::from_olga;
use crate::sudo_rs::{says, shell};
use crate::windows::carol_gets;

const HOUR: Duration = Duration::from_secs(3600);
/// Read before contractors' own settings, and behind them.
const BEFORE: &str = "/etc/sudoers.d/aa-site";
const ALSO_BEFORE: &str = "/etc/sudoers.d/ab-site";
const BEHIND: &str = "/etc/sudoers.d/zz-site";
/// A service of PAM's in which nobody asks us.
pub(crate) const OPEN: &str = "/etc/pam.d/site-open";
pub(crate) const LETS_ALL_PASS: &str =
    "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n";
/// As `doctor` has it.
const RESTORE: &str = "rm -f /etc/sudoers.d/daypass; \
    DEBIAN_FRONTEND=noninteractive dpkg --install --force-confmiss /var/tmp/daypass-host.deb";

pub(crate) const ROWS: &Rows = &[
    (
        "what_a_site_sets_for_sudo_neither_asks_nor_silences_contractors",
        sites_settings,
    ),
    (
        "while_our_own_file_of_sudos_is_edited_contractors_are_refused_and_nobody_else",
        edited,
    ),
];

/// Carol, inside, with one command granted.
pub(crate) struct Visit<'a> {
    site: &'a Site,
    shell: Running,
    number: u32,
}

impl<'a> Visit<'a> {
    pub(crate) fn begin(site: &'a Site) -> Result<(Self, String)> {
        let wish = Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/id -un");
        let window = carol_gets(site, &wish)?;
        let shell = shell(site, CAROL)?;
        let visit = Self {
            site,
            shell,
            number: 0,
        };
        Ok((visit, window))
    }

    pub(crate) fn says(&mut self, line: &str) -> Result<String> {
        self.number += 1;
        says(&mut self.shell, line, self.number)
    }

    pub(crate) fn sudo_is(&mut self, served: bool) -> Result<()> {
        daypass_tests::until("the session's sudo to follow", SOON, || {
            Ok((self.says("sudo -n /usr/bin/id -un")? == "root\n") == served)
        })
    }

    /// What a script does closes the gates, with an entry that says this, until another has undone it. Others go on.
    pub(crate) fn is_shut_out_by(
        &mut self,
        done: &str,
        undone: &str,
        told: &[&str],
        meanwhile: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let site = self.site;
        let db1 = site.network.host("db1")?;
        let login = || site.person(CAROL).ssh("deploy@db1", &["true"]).run();
        db1.script(done).ok()?;
        let refused = login()?;
        assert!(!refused.success(), "{done}: {refused}");
        assert!(
            refused.stderr().contains("ask whoever"),
            "{done}: {refused}"
        );
        self.sudo_is(false)?;
        let other = from_olga(site, &[], "olga@db1", "sudo -n id -un")?;
        assert_eq!(other.stdout(), "root\n", "{done}: {other}");
        site.await_entry("db1", "gate.absent", told)?;
        meanwhile()?;
        db1.script(undone).ok()?;
        daypass_tests::until("a login as before", SOON, || Ok(login()?.success()))?;
        self.sudo_is(true)
    }
}

/// What fails in between must not leave the host like this for the rows that follow.
pub(crate) fn undone(db1: &Host, undo: &str, played: impl FnOnce() -> Result<()>) -> Result<()> {
    let played = catch_unwind(AssertUnwindSafe(played));
    let undone = db1.script(undo).ok();
    played.unwrap_or_else(|panic| resume_unwind(panic))?;
    undone.map(drop)
}

/// Whose password sudo asks for, and whether it asks PAM at all, is the site's choice for everybody else. sudo takes the last of
/// all settings that it reads, and those of single commands in any case: what stands before contractors' own does nothing to them, and
/// what would count in their place closes the gates.
fn sites_settings(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    let undo = format!("rm -f {BEFORE} {ALSO_BEFORE} {BEHIND} {OPEN}");
    undone(db1, &undo, || {
        db1.write(OPEN, LETS_ALL_PASS)?;
        let settings = "Defaults targetpw, rootpw, runaspw, !pam_acct_mgmt, !pam_session\n\
            Defaults pam_service=site-open, pam_login_service=site-open, pam_askpass_service=site-open\n\
            Defaults>root !pam_acct_mgmt\n";
        db1.write(BEFORE, settings)?;
        let (mut visit, window) = Visit::begin(site)?;
        assert_eq!(visit.says("sudo -n /usr/bin/id -un")?, "root\n");
        let by_askpass = "SUDO_ASKPASS=/bin/true sudo -A /usr/bin/id -un";
        assert_eq!(visit.says(by_askpass)?, "root\n");
        let refused = visit.says("echo let-me-in | sudo -S /usr/bin/true")?;
        let told = format!("daypass show {window}");
        assert!(refused.contains(&told), "{refused}");
        for action in ["sudo.request", "sudo.start", "sudo.end"] {
            for call in ["sudo -n /usr/bin/id -un", "sudo -A /usr/bin/id -un"] {
                site.await_entry("db1", action, &[&window, call])?;
            }
        }
        for (file, who, setting) in [
            (BEHIND, "", "!pam_acct_mgmt"),
            (BEHIND, "", "targetpw"),
            (BEHIND, ">root", "!pam_session"),
            (ALSO_BEFORE, "!/usr/bin/id", "pam_service=site-open"),
        ] {
            let done = format!("echo 'Defaults{who} {setting}' > {file}");
            let told = ["sudo-settings", &format!("`{setting}`")];
            visit.is_shut_out_by(&done, &format!("rm {file}"), &told, || Ok(()))?;
        }
        Ok(())
    })
}

/// It shows where contractors' settings are read, and has sudo read them.
fn edited(site: &Site) -> Result<()> {
    let db1 = site.network.host("db1")?;
    undone(
        db1,
        &format!("[ -e /root/whole ] || {{ {RESTORE}; }}; rm -f /root/whole"),
        || {
            let (mut visit, _) = Visit::begin(site)?;
            for (edit, code, lacks) in [
                (
                    "sed -i /^Defaults/d",
                    "sudoers-edited",
                    "`Defaults:daypass-principals !rootpw`",
                ),
                (
                    "printf 'Defaults !pam_session\\n' >",
                    "sudoers-edited",
                    "`Defaults:daypass-principals !rootpw`",
                ),
                ("rm", "sudoers-missing", "/etc/sudoers.d/daypass is missing"),
            ] {
                let done = format!("{edit} /etc/sudoers.d/daypass");
                visit.is_shut_out_by(&done, RESTORE, &[code], || {
                    let doctor = db1.root(["daypass-agent", "doctor"]).run()?;
                    for told in [lacks, "--force-confmiss daypass-host"] {
                        assert!(doctor.stdout().contains(told), "{doctor}");
                    }
                    Ok(())
                })?;
            }
            db1.script("touch /root/whole").ok().map(drop)
        },
    )
}
