//! Everything of daypass broken in turn, under the real sshd and sudo: contractors are refused with a word on whom to
//! ask, and nobody else notices.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use daypass_tests::{CAROL, Host, Result, SOON, Site, Wish};

use crate::inside::{Gets, Inside};
use crate::others::from_olga;
use crate::windows::carol_gets;
use crate::{Row, row};

const HOUR: Duration = Duration::from_secs(3600);
/// What anybody but a contractor may take while daypass is broken: a login, its 200 ms, and room; a machine that is busy
/// gets as much more as it took before. A contractor's own wait is five seconds.
pub(crate) const UNNOTICED: Duration = Duration::from_secs(4);
/// Everybody but contractors, each with something to do as root.
const OTHERS: [(&str, &str); 3] = [
    ("olga", "sudo -n id -un"),
    ("root", "id -un"),
    ("root", "sudo -n id -un"),
];
const STAND_IN: &str = include_str!("stand_in.py");

/// One thing that breaks.
struct Failure {
    name: &'static str,
    begin: &'static str,
    end: &'static str,
    login: Gets,
    sudo: Gets,
    /// What the session that was open all the while gets afterwards.
    then: Gets,
    /// An entry that tells of it once it is over.
    told: Option<&'static str>,
}

/// Broken in the usual way: nobody answers as the agent would, and afterwards all is well.
const fn silent(name: &'static str, begin: &'static str, end: &'static str) -> Failure {
    Failure {
        name,
        begin,
        end,
        login: Gets::Refused,
        sudo: Gets::Refused,
        then: Gets::Served,
        told: None,
    }
}

const FAILURES: &[Failure] = &[
    silent(
        "with_the_agent_stopped_contractors_are_refused_and_nobody_else",
        "systemctl stop $units",
        "",
    ),
    silent(
        "with_the_agent_hung_contractors_are_refused_and_nobody_else",
        "systemctl kill --signal=STOP daypass-agent",
        "systemctl kill --signal=CONT daypass-agent",
    ),
    silent(
        "with_an_agent_that_talks_nonsense_contractors_are_refused_and_nobody_else",
        "stand_in garbage",
        "stand_down",
    ),
    silent(
        "with_an_agent_that_breaks_off_contractors_are_refused_and_nobody_else",
        "stand_in half",
        "stand_down",
    ),
    silent(
        "with_an_agent_that_is_slow_contractors_are_refused_and_nobody_else",
        "stand_in slow",
        "stand_down",
    ),
    silent(
        "with_somebody_elses_socket_in_its_place_contractors_are_refused_and_nobody_else",
        "stand_in yes olga",
        "stand_down",
    ),
    silent(
        "with_the_sockets_gone_contractors_are_refused_and_nobody_else",
        "rm /run/daypass/agent.sock /run/daypass/principals.sock",
        "systemctl restart daypass-agent.socket daypass-principals.socket daypass-agent",
    ),
    // root may still knock; the principals helper may not, and nobody else gets an answer.
    Failure {
        sudo: Gets::Served,
        ..silent(
            "with_the_sockets_given_away_contractors_are_refused_and_nobody_else",
            "chown olga /run/daypass/agent.sock /run/daypass/principals.sock",
            "systemctl restart daypass-agent.socket daypass-principals.socket daypass-agent",
        )
    },
    silent(
        "with_connections_denied_contractors_are_refused_and_nobody_else",
        "inject connect:error=EACCES $(pgrep -d, sshd),$(pgrep -d, -u deploy)",
        "systemctl stop inject",
    ),
    silent(
        "with_the_agent_out_of_descriptors_contractors_are_refused_and_nobody_else",
        "prlimit --pid $(agent) --nofile=$(ls /proc/$(agent)/fd | wc -l):16384",
        "prlimit --pid $(agent) --nofile=16384:16384",
    ),
    Failure {
        told: Some("gap"),
        ..silent(
            "with_a_disk_that_fails_contractors_are_refused_and_nobody_else",
            "inject fdatasync,fsync:error=EIO:syscall=getpid $(agent)",
            "systemctl stop inject",
        )
    },
    Failure {
        login: Gets::Served,
        sudo: Gets::Served,
        ..silent(
            "on_a_full_disk_the_journal_goes_on_in_its_reserve",
            "small_disk; dd if=/dev/zero of=/var/log/daypass/filler bs=64k 2>/dev/null || true; \
             ! touch /var/log/daypass/one-more 2>/dev/null || ! echo full > /var/log/daypass/one-more",
            "rm -f /var/log/daypass/filler; whole_disk",
        )
    },
    silent(
        "with_a_journal_that_cannot_be_written_contractors_are_refused_and_nobody_else",
        "small_disk; systemctl stop daypass-agent; mount -o remount,ro /var/log/daypass; \
         systemctl start --no-block daypass-agent",
        "mount -o remount,rw /var/log/daypass; whole_disk",
    ),
    // The agent writes the session's rules again, and until its sockets are there PAM says that nobody answers.
    silent(
        "with_run_wiped_contractors_are_refused_and_nobody_else",
        "rm -rf /run/daypass; timeout 60 sh -c 'until ls /run/daypass/sudoers.d/w-* 2>/dev/null; do :; done'",
        "systemd-tmpfiles --create; \
         systemctl restart daypass-agent.socket daypass-principals.socket daypass-agent",
    ),
    Failure {
        sudo: Gets::Nothing,
        ..silent(
            "with_the_module_gone_contractors_are_refused_and_nobody_else",
            "for module in /usr/lib/*/security/pam_daypass.so; do mv $module /root/; dirname $module > /root/place; done",
            "mv /root/pam_daypass.so $(cat /root/place)/",
        )
    },
    // PAM cannot load it, and passes it over where the stack lets it.
    Failure {
        sudo: Gets::Nothing,
        ..silent(
            "with_something_else_in_the_modules_place_contractors_are_refused_and_nobody_else",
            "for module in /usr/lib/*/security/pam_daypass.so; do mv $module /root/; dirname $module > /root/place; \
             head -c 100000 /dev/urandom > $module; done",
            "mv /root/pam_daypass.so $(cat /root/place)/",
        )
    },
    Failure {
        sudo: Gets::Served,
        ..silent(
            "with_the_clock_a_day_behind_contractors_are_refused_and_nobody_else",
            "clock -1d",
            "clock_right",
        )
    },
    Failure {
        sudo: Gets::Ended,
        then: Gets::Ended,
        ..silent(
            "with_the_clock_a_day_ahead_contractors_are_refused_and_nobody_else",
            "clock +1d",
            "clock_right",
        )
    },
];

/// What the scripts above are written in.
const WORDS: &str = include_str!("failures.sh");

pub(crate) fn rows() -> impl Iterator<Item = Row> {
    FAILURES
        .iter()
        .map(|failure| row(failure.name, |site| under(site, failure)))
}

fn under(site: &Site, failure: &Failure) -> Result<()> {
    let db1 = site.network.host("db1")?;
    db1.write("/root/stand_in.py", STAND_IN)?;
    carol_gets(
        site,
        &Wish::deploy_on("db1", HOUR).with("--sudo", "/usr/bin/id -un"),
    )?;
    let mut session = Inside::enter(site)?;
    session.sudo("before")?;
    session.gets("before", Gets::Served)?;
    let usual = longest_of_the_others(site)?;
    let told = || -> Result<usize> {
        let action = failure
            .told
            .map(|action| format!("\"action\":\"{action}\""));
        let is_it = |entry: &&String| action.as_ref().is_some_and(|it| entry.contains(it));
        Ok(site.entries("db1")?.iter().filter(is_it).count())
    };
    let told_before = told()?;
    // What fails in between must not leave the host broken for the rows that follow.
    let broken = catch_unwind(AssertUnwindSafe(|| -> Result<()> {
        words(db1, failure.begin)?;
        let longest = meanwhile(site, failure, &mut session)?;
        assert!(longest < UNNOTICED + 2 * usual, "{longest:?}, {usual:?}");
        Ok(())
    }));
    let healed = words(db1, &format!("{}\nheal", failure.end));
    broken.unwrap_or_else(|panic| resume_unwind(panic))?;
    healed?;
    daypass_tests::until("a contractor gets in again", SOON, || {
        Ok(site
            .person(CAROL)
            .ssh("deploy@db1", &["true"])
            .run()?
            .success())
    })?;
    if failure.then != Gets::Ended {
        session.sudo("afterwards")?;
        session.gets("afterwards", failure.then)?;
    }
    if failure.told.is_some() {
        daypass_tests::until("the entry that tells of it", SOON, || {
            Ok(told()? > told_before)
        })?;
    }
    Ok(())
}

/// The others get in, one after another; what the slowest of them took.
pub(crate) fn longest_of_the_others(site: &Site) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    for (who, command) in OTHERS {
        let since = Instant::now();
        let output = from_olga(site, &[], &format!("{who}@db1"), command)?;
        longest = longest.max(since.elapsed());
        assert_eq!(output.stdout(), "root\n", "{who}: {output}");
    }
    // The console and su, which come to root when nothing else does.
    let db1 = site.network.host("db1")?;
    for (service, who) in [("login", "olga"), ("login", "root"), ("su", "olga")] {
        let since = Instant::now();
        let output = db1.root(["pamtester", service, who, "acct_mgmt"]).run()?;
        longest = longest.max(since.elapsed());
        assert!(output.success(), "{service} of {who}: {output}");
    }
    Ok(longest)
}

/// All at once, as at a real host: each must get what is theirs. What the slowest of the others took.
fn meanwhile(site: &Site, failure: &Failure, session: &mut Inside) -> Result<Duration> {
    if failure.sudo != Gets::Ended {
        session.sudo("meanwhile")?;
    }
    let login = site
        .person(CAROL)
        .ssh("deploy@db1", &["id", "-un"])
        .spawn()?;
    let longest = longest_of_the_others(site)?;
    let login = login.wait(SOON)?;
    match failure.login {
        Gets::Served => assert_eq!(login.stdout(), "deploy\n", "{login}"),
        Gets::Refused | Gets::Nothing | Gets::Ended => {
            assert!(!login.success() && login.stdout().is_empty(), "{login}");
            assert!(login.stderr().contains("ask whoever"), "{login}");
        }
    }
    session.gets("meanwhile", failure.sudo)?;
    Ok(longest)
}

fn words(host: &Host, script: &str) -> Result<()> {
    host.script(&format!("{WORDS}\n{script}")).ok().map(drop)
}
