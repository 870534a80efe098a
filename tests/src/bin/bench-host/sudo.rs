//! What a sudo waits for.

use daypass_tests::{CAROL, Host, Result, Site};

use crate::figures::{Samples, Turns, row, timed};
use crate::log_server;
use crate::scene::{PLAIN, forward, window};
use crate::stock::{self, STOCK};

/// Rounds, and sudo calls of each kind in a round.
pub(crate) const ROUNDS: usize = 24;
pub(crate) const SUDOS: usize = 20;

pub(crate) fn measure(site: &Site) -> Result<()> {
    window(site)?;
    let db1 = site.network.host("db1")?;
    stock::sudoer(db1, STOCK)?;
    let mut ordinary = Turns::default();
    let mut kinds = Vec::new();
    for how in ["async", "before-sudo"] {
        forward(site, how)?;
        let mut contractor = Turns::default();
        for _ in 0..ROUNDS {
            let without = calls(db1, STOCK)?;
            ordinary.add(&without, calls(db1, PLAIN)?);
            let line = timed("sudo -n /usr/bin/true", SUDOS);
            let said = site.person(CAROL).ssh("deploy@db1", &[&line]).ok()?;
            contractor.add(&without, Samples::parse(&said));
        }
        kinds.push((how, contractor));
    }
    row(
        "sudo -n true, without daypass",
        &ordinary.without().spelled(),
        "",
    );
    row(
        "sudo -n true, an ordinary user",
        &ordinary.spelled(),
        "<= +0.4 ms",
    );
    for ((how, turns), goal) in kinds.iter().zip(["<= +0.6 ms", "<= +5 ms"]) {
        row(
            &format!("sudo -n true, a contractor, {how}"),
            &turns.spelled(),
            goal,
        );
    }
    log_server::measure(db1)
}

/// The times of one round's calls by this user.
pub(crate) fn calls(host: &Host, user: &str) -> Result<Vec<f64>> {
    let line = timed("sudo -n /usr/bin/true", SUDOS);
    let said = host.user(user, ["bash", "-c", &line]).ok()?;
    Ok(Samples::parse(&said))
}
