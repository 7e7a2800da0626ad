//! `zero-loss`: runs the cookie store during rotations with every policy, revocations and restarts of the broker.

use anyhow::Result;
use proof::cookie_store::zero_loss::{self, Plan};
use testbed::aws::Options;
use testbed::broker::Suite;

use super::report::{complain, say};
use super::{Started, functions_beside_this_program, store_beside_this_program};

/// Runs the test and prints its table. Returns whether no order was lost and none was processed twice.
pub async fn run(suite: Suite, short: bool) -> Result<bool> {
    let plan = if short { Plan::short() } else { Plan::full() };
    let functions = functions_beside_this_program()?;
    let mut started = Started::new("zero-loss", suite, functions, true, Options::default()).await?;
    let program = store_beside_this_program()?;
    let outcome = zero_loss::run(&mut started.cloud, &program, &plan, &complain).await;
    let holds = outcome.as_ref().is_ok_and(zero_loss::ZeroLoss::holds);
    started.end(!holds);
    say(&outcome?.to_markdown());
    Ok(holds)
}
