//! What so many secrets cost in a month, on paper: the measured times and calls at the list prices.

use super::figures::Tenants;
use super::phase::CHANGED;
use crate::figures::Invocations;
use crate::price::{self, billed_ms};

/// The hours of a month, on average.
const HOURS: f64 = 730.0;
/// `ReconcileSchedule` of the template: every 15 minutes.
const RECONCILES: f64 = HOURS * 4.0;
/// The secrets that `ListSecrets` returns at once.
const SECRETS_PER_PAGE: f64 = 100.0;

/// A part of the cost, in US$ a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    pub what: &'static str,
    pub how: String,
    pub dollars: f64,
}

/// The parts that grow with the number of secrets.
pub fn of(tenants: &Tenants) -> Vec<Cost> {
    let secrets = tenants.secrets as f64;
    let pages = (secrets / SECRETS_PER_PAGE).ceil().max(1.0);
    let mut costs = vec![
        Cost {
            what: "the secrets",
            how: format!("US$ {:.2} each", price::SECRET_A_MONTH),
            dollars: secrets * price::SECRET_A_MONTH,
        },
        Cost {
            what: "External Secrets Operator reads each secret every hour",
            how: "GetSecretValue".to_owned(),
            dollars: price::of_calls(secrets * HOURS),
        },
        Cost {
            what: "a reconcile every 15 minutes, its calls",
            how: format!("ListSecrets, {pages:.0} each time"),
            dollars: price::of_calls(RECONCILES * pages),
        },
    ];
    if let Some(one) = tenants.smallest_reconcile() {
        costs.push(lambda("a reconcile every 15 minutes, Lambda", RECONCILES, one));
    }
    if let Some(changed) = tenants.phase(CHANGED) {
        let served: u64 = changed.calls.values().map(|[served, _]| served).sum();
        let of_one = served as f64 / changed.secrets.max(1) as f64;
        costs.push(Cost {
            what: "each secret changes once a month, its calls",
            how: format!("{of_one:.1} for each change, as measured"),
            dollars: price::of_calls(of_one * secrets),
        });
    }
    if let Some(one) = tenants.deliveries.iter().min_by_key(|one| one.memory_mb) {
        costs.push(lambda("each secret changes once a month, Lambda", secrets, one));
    }
    costs
}

fn lambda(what: &'static str, times: f64, one: &Invocations) -> Cost {
    let billed = billed_ms(std::time::Duration::from_micros(one.warm.median_us));
    let dollars = price::of_invocations(times, billed, one.memory_mb);
    Cost { what, how: format!("{billed} ms with {} MB", one.memory_mb), dollars }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenants::figures::example;

    #[test]
    fn the_secrets_themselves_and_the_reads_of_the_operator_cost_most() {
        let costs = of(&example());
        let dollars: Vec<_> = costs.iter().map(|cost| format!("{:.2}", cost.dollars)).collect();
        assert_eq!(dollars, ["4000.00", "36.50", "1.46", "0.00", "0.05", "0.01"]);
    }
}
