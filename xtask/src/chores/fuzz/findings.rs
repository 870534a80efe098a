//! What libFuzzer says of a run, in one line.

/// How far a target came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Inputs that were played.
    pub(super) runs: u64,
    /// How long, in seconds.
    pub(super) seconds: u64,
    /// Edges of the program that were reached.
    pub(super) edges: u64,
    /// The most memory, in MiB.
    pub(super) memory: u64,
    /// Whether an input crashed it, hung it or took too much memory.
    pub(super) broke: bool,
}

impl Findings {
    /// Reads what a target wrote; `ended_well` as its status says.
    pub(super) fn of(log: &str, ended_well: bool) -> Self {
        let mut findings = Self {
            broke: !ended_well,
            ..Self::default()
        };
        for line in log.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let after = |name: &str| {
                let at = words.iter().position(|word| *word == name)?;
                words.get(at + 1)?.parse().ok()
            };
            if line.starts_with('#')
                && let Some(edges) = after("cov:")
            {
                findings.edges = edges;
            }
            if line.starts_with("Done ") {
                findings.seconds = after("in").unwrap_or_default();
            }
            if let Some(runs) = after("stat::number_of_executed_units:") {
                findings.runs = runs;
            }
            if let Some(memory) = after("stat::peak_rss_mb:") {
                findings.memory = memory;
            }
        }
        findings
    }

    /// One line for people.
    pub(super) fn told(&self, target: &str) -> String {
        let Self {
            runs,
            seconds,
            edges,
            memory,
            broke,
        } = self;
        let verdict = if *broke { "BROKE" } else { "held" };
        format!(
            "{target:16} {verdict:5} {runs:>10} inputs in {seconds:>5} s, {edges:>6} edges, {memory:>4} MiB"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
INFO: Seed: 1
#2\tINITED cov: 210 ft: 211 corp: 1/1b exec/s: 0 rss: 40Mb
#9000\tREDUCE cov: 433 ft: 900 corp: 20/1024b lim: 80 exec/s: 3000 rss: 60Mb L: 7/80 MS: 2
Done 12345 runs in 11 second(s)
stat::number_of_executed_units: 12345
stat::average_exec_per_sec:     1122
stat::peak_rss_mb:              61
";

    #[test]
    fn a_run_is_told_by_its_numbers() {
        let findings = Findings::of(LOG, true);
        assert_eq!(
            findings,
            Findings {
                runs: 12345,
                seconds: 11,
                edges: 433,
                memory: 61,
                broke: false,
            }
        );
        let told = findings.told("gate");
        assert!(told.starts_with("gate") && told.contains("held"), "{told}");
    }

    #[test]
    fn a_target_that_ended_badly_broke_whatever_it_says() {
        assert!(Findings::of(LOG, false).broke);
        assert!(Findings::of("", false).told("gate").contains("BROKE"));
    }
}
