//! Why an aim of this run is not met, from its figures.

use super::figures::Tenants;
use super::phase::{CHANGED, RECONCILED};
use crate::share::percent;
use crate::spread::{milliseconds, thousands};

impl Tenants {
    /// Why an aim of this run is not met.
    #[must_use]
    pub(crate) fn reason(&self, what: &str) -> Option<String> {
        if what.starts_with("reconcile of") {
            let one = self.smallest_reconcile()?;
            let [lists, _] = self.phase(RECONCILED)?.calls_of(&["ListSecrets"]);
            return Some(format!(
                "With {} MB, which are {:.1} % of a core, the function computes for {} of {}. The rest are waits for the emulator's {} \
                 answers to ListSecrets, one after the other, and for the API server.",
                one.memory_mb,
                percent(one.memory_mb),
                milliseconds(one.warm_cpu.median_us),
                milliseconds(one.warm.median_us),
                thousands(lists)
            ));
        }
        if what.starts_with("peak memory of secret2eks") {
            return Some(
                "A reconcile holds the ARN, the version and the route of each secret, and a page of objects."
                    .to_owned(),
            );
        }
        what.starts_with("CPU time of a delivery").then(|| {
            let bottleneck = self.phase(CHANGED).map(|phase| phase.bottleneck(self.machine.cores));
            format!("The bottleneck of that phase was {}.", bottleneck.unwrap_or_default())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::tenants::example;

    #[test]
    fn each_aim_of_this_run_has_a_reason_and_no_other_aim_has_one() {
        let mut figures = crate::figures::example();
        figures.tenants = Some(example());
        let tenants = example();
        let of_this_run = |what: &str| what.contains(" 10000 secrets");
        for aim in crate::aims::aims(&figures) {
            assert_eq!(tenants.reason(&aim.what).is_some(), of_this_run(&aim.what), "{}", aim.what);
        }
        let reason = tenants.reason("reconcile of 10000 secrets").unwrap_or_default();
        assert!(reason.contains("computes for 12.0 ms of 300 ms"), "{reason}");
    }
}
