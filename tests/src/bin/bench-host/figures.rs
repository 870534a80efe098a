//! Figures: from samples to a line of the table.

use std::io::Write as _;

/// Times in microseconds, in order.
#[derive(Clone, Debug)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// One number a line; what is none is left out.
    pub(crate) fn parse(text: &str) -> Vec<f64> {
        text.lines()
            .filter_map(|line| line.trim().parse().ok())
            .collect()
    }

    /// The time below which this part of the samples lies, in milliseconds.
    pub(crate) fn at(&self, percent: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let index = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(index.min(last)).copied().unwrap_or(f64::NAN) / 1000.0
    }

    /// `p50 … p99 … (n …)`.
    pub(crate) fn spelled(&self) -> String {
        format!(
            "p50 {:.2} ms, p99 {:.2} ms (n {})",
            self.at(50),
            self.at(99),
            self.0.len()
        )
    }
}

/// The same thing with and without something, by turns: the machine drifts, and a round's two medians meet the same one.
#[derive(Default)]
pub(crate) struct Turns {
    without: Vec<f64>,
    with: Vec<f64>,
    /// By how much more, in each round.
    more: Vec<f64>,
}

impl Turns {
    /// One round.
    pub(crate) fn add(&mut self, without: &[f64], with: Vec<f64>) {
        let median = |times: &[f64]| Samples::of(times.to_vec()).at(50) * 1000.0;
        self.more.push(median(&with) - median(without));
        self.without.extend(without);
        self.with.extend(with);
    }

    pub(crate) fn without(&self) -> Samples {
        Samples::of(self.without.clone())
    }

    /// As [`Samples::spelled`], and the median of what the rounds took more.
    pub(crate) fn spelled(&self) -> String {
        let more = Samples::of(self.more.clone()).at(50);
        format!(
            "{}, {more:+.2} ms",
            Samples::of(self.with.clone()).spelled()
        )
    }
}

/// Bash that prints the microseconds of each run of a command, a line each. One that fails is quick, and no figure.
pub(crate) fn timed(command: &str, times: usize) -> String {
    format!(
        "for n in $(seq {times}); do s=$EPOCHREALTIME; {command} || exit; e=$EPOCHREALTIME; \
         echo $(( ${{e/./}} - ${{s/./}} )); done"
    )
}

pub(crate) fn head() {
    row("what", "measured", "goal");
}

pub(crate) fn row(what: &str, measured: &str, goal: &str) {
    // Whoever closed the output reads no more.
    let _ = writeln!(std::io::stdout().lock(), "{what:<50} {measured:<44} {goal}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let samples = Samples::of((1..=100).rev().map(|n| f64::from(n) * 1000.0).collect());
        assert!((samples.at(50) - 50.0).abs() < 1e-9);
        assert!((samples.at(99) - 99.0).abs() < 1e-9);
        assert!((Samples::of(vec![7000.0]).at(99) - 7.0).abs() < 1e-9);
        assert!(Samples::of(Vec::new()).at(50).is_nan());
    }

    #[test]
    fn a_machine_that_grows_slower_does_not_count() {
        let mut turns = Turns::default();
        for drift in [0.0, 5000.0, 9000.0] {
            turns.add(&[7000.0 + drift; 3], vec![7400.0 + drift; 3]);
        }
        assert!(turns.spelled().ends_with("(n 9), +0.40 ms"));
    }
}
