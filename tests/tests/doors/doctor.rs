//! What doctor finds on a host, each with what to do about it, and that doing it helps.

use daypass_tests::{Result, Site};

use crate::Rows;

pub(crate) const ROWS: &Rows = &[
    (
        "doctor_finds_every_way_round_and_its_advice_closes_it",
        ways_round,
    ),
    ("doctor_finds_every_gate_that_is_not_in_place", gates),
];

/// How it is broken, what doctor says of it, and the advice, which is then followed.
struct Finding {
    planted: &'static str,
    found: &'static str,
    advice: &'static str,
}

const WAYS_ROUND: &[Finding] = &[
    Finding {
        planted: "echo deploy:let-me-in | chpasswd",
        found: "note   deploy has a password",
        advice: "passwd --lock deploy",
    },
    Finding {
        planted: "mkdir -p ~deploy/.ssh; echo key > ~deploy/.ssh/authorized_keys",
        found: "note   /home/deploy/.ssh/authorized_keys holds keys",
        advice: "rm /home/deploy/.ssh/authorized_keys",
    },
    Finding {
        planted: "echo '* * * * * true' | crontab -u deploy -",
        found: "note   deploy has a crontab",
        advice: "crontab -u deploy -r",
    },
    Finding {
        planted: "install -o deploy /dev/null /var/spool/cron/atjobs/a0000101c0ffee",
        found: "note   deploy has a job for later",
        advice: "rm /var/spool/cron/atjobs/a0000101c0ffee",
    },
    Finding {
        planted: "mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/deploy",
        found: "note   deploy has a user manager that starts at boot",
        advice: "rm /var/lib/systemd/linger/deploy",
    },
    Finding {
        planted: "install -o deploy -m 4755 /bin/true /var/tmp/lent",
        found: "FAULT  /var/tmp/lent lends deploy's rights",
        advice: "chmod u-s /var/tmp/lent",
    },
    Finding {
        planted: "echo 'deploy ALL=(ALL) NOPASSWD: /usr/bin/less' > /etc/sudoers.d/theirs",
        found: "FAULT  deploy has sudo rules of its own",
        advice: "rm /etc/sudoers.d/theirs",
    },
    Finding {
        planted: "echo 'sudoers: files sss' >> /etc/nsswitch.conf",
        found: "note   sudo also takes rules and settings from a directory (sss in /etc/nsswitch.conf)",
        advice: "sed -i '/^sudoers:/d' /etc/nsswitch.conf",
    },
    Finding {
        planted: "mv /usr/bin/sudo /usr/bin/sudo.kept; printf '#!/bin/sh\nexec sleep 600\n' > /usr/bin/sudo; chmod 755 /usr/bin/sudo",
        found: "FAULT  Whether deploy has sudo rules of its own is not known",
        advice: "mv -f /usr/bin/sudo.kept /usr/bin/sudo",
    },
    Finding {
        planted: "chmod 666 /etc/daypass/managed",
        found: "FAULT  /etc/daypass/managed belongs to uid 0 and has mode 0666",
        advice: "chown root /etc/daypass/managed; chmod 0644 /etc/daypass/managed",
    },
    Finding {
        planted: "useradd --non-unique --uid $(id -u deploy) --no-create-home sneak",
        found: "FAULT  sneak is a new name of the managed uid",
        advice: "daypass-agent manage sneak",
    },
    Finding {
        planted: "userdel --force sneak",
        found: "",
        advice: "daypass-agent manage deploy",
    },
    Finding {
        planted: "printf 'PermitRootLogin yes\\nPasswordAuthentication yes\\n' > /etc/ssh/sshd_config.d/00-root.conf",
        found: "note   root may log in with a password",
        advice: "rm /etc/ssh/sshd_config.d/00-root.conf",
    },
    Finding {
        planted: "true",
        found: "note   sshd drops logins at random beyond 10:30:100",
        advice: "echo 'MaxStartups 100:30:200' > /etc/ssh/sshd_config.d/00-startups.conf",
    },
];

const GATES: &[Finding] = &[
    Finding {
        planted: "systemctl stop daypass-agent.socket daypass-principals.socket daypass-agent",
        found: "FAULT  The agent does not run",
        advice: "systemctl start daypass-agent.socket daypass-principals.socket daypass-agent",
    },
    Finding {
        planted: "sed -i.kept /pam_daypass/d /etc/pam.d/common-account",
        found: "FAULT  pam_daypass.so is missing in PAM's account stack of sshd",
        advice: "mv /etc/pam.d/common-account.kept /etc/pam.d/common-account",
    },
    Finding {
        planted: "mv /etc/sudoers.d/daypass /root/",
        found: "/etc/sudoers.d/daypass",
        advice: "mv /root/daypass /etc/sudoers.d/",
    },
    Finding {
        planted: "printf 'UsePAM no\\n' > /etc/ssh/sshd_config.d/00-pam.conf",
        found: "`usepam no`",
        advice: "rm /etc/ssh/sshd_config.d/00-pam.conf",
    },
    Finding {
        planted: "printf 'Match User deploy\\n  AuthorizedPrincipalsCommand /bin/echo all\\n  AuthorizedKeysCommand none\\nMatch all\\n' > /etc/ssh/sshd_config.d/00-theirs.conf",
        found: "authorizedprincipalscommand",
        advice: "rm /etc/ssh/sshd_config.d/00-theirs.conf",
    },
];

fn ways_round(site: &Site) -> Result<()> {
    each(site, WAYS_ROUND)?;
    clock(site)
}

/// That of a container cannot be set, and what doctor takes it for can.
fn clock(site: &Site) -> Result<()> {
    let db2 = site.network.host("db2")?;
    let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    let said = |offset: &str| -> Result<String> {
        let doctor = db2.root(["daypass-agent", "doctor"]);
        let doctor = doctor.env("LD_PRELOAD", library).env("FAKETIME", offset);
        Ok(doctor
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .run()?
            .stdout())
    };
    let told = "seconds off the CA's";
    for (offset, is_off) in [("-2m", true), ("+10m", true), ("-10s", false)] {
        let said = said(offset)?;
        assert_eq!(said.contains(told), is_off, "{offset}: {said}");
    }
    Ok(())
}

fn gates(site: &Site) -> Result<()> {
    each(site, GATES)
}

/// On db2, one after another: found, advised, mended, and no longer found.
fn each(site: &Site, findings: &[Finding]) -> Result<()> {
    let db2 = site.network.host("db2")?;
    site.manage("db2", "deploy")?;
    let said = || -> Result<String> { Ok(db2.root(["daypass-agent", "doctor"]).run()?.stdout()) };
    for finding in findings {
        db2.script(finding.planted).ok()?;
        let ill = said();
        db2.script(finding.advice).ok()?;
        let (ill, well) = (ill?, said()?);
        assert!(ill.contains(finding.found), "{}: {ill}", finding.planted);
        let healed = finding.found.is_empty() || !well.contains(finding.found);
        assert!(healed, "{}: {well}", finding.advice);
    }
    Ok(())
}
