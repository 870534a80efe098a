//! What a sudo waits for.

use daypass_tests::{CAROL, Result, Site};

use crate::figures::{Samples, Turns, row, timed};
use crate::log_server;
use crate::scene::{PLAIN, QUIET, forward, window};
use crate::stock::{self, STOCK};

/// Rounds, and sudo calls of each kind in a round.
pub(crate) const ROUNDS: usize = 24;
pub(crate) const SUDOS: usize = 20;

pub(crate) fn measure(site: &Site) -> Result<()> {
    window(site)?;
    stock::sudoer(site, STOCK)?;
    let mut ordinary = Turns::default();
    let mut kinds = Vec::new();
    for how in ["async", "before-sudo"] {
        forward(site, how)?;
        let mut contractor = Turns::default();
        for _ in 0..ROUNDS {
            let without = calls(site, STOCK)?;
            ordinary.add(&without, calls(site, PLAIN)?);
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
    log_server::measure(site)
}

/// The times of one round's calls by this user of db1's, who has come by ssh as contractors do: a session's control groups and
/// environment cost something as well.
pub(crate) fn calls(site: &Site, user: &str) -> Result<Vec<f64>> {
    let line = timed("sudo -n /usr/bin/true", SUDOS);
    let place = format!("{user}@db1");
    let ssh = ["ssh"].into_iter().chain(QUIET).chain([&*place, &*line]);
    let said = site.person(PLAIN).command(ssh).ok()?;
    Ok(Samples::parse(&said))
}
