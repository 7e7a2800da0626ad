//! `clients`: runs the clients of `examples/clients` while their secrets rotate.

use anyhow::Result;
use proof::clients::{self, Client, Outcome, Plan};
use testbed::aws::Options;
use testbed::broker::Suite;

use super::report::{complain, say};
use super::{Started, folder_of_this_program, functions_beside_this_program};

/// Runs the clients and prints their table. Returns whether no order was lost and none was done twice.
pub async fn run(suite: Suite, chosen: &[Client], short: bool) -> Result<bool> {
    let plan = if short { Plan::short() } else { Plan::full() };
    let functions = functions_beside_this_program()?;
    let mut started = Started::new("clients", suite, functions, true, Options::default()).await?;
    let programs = folder_of_this_program()?;
    let outcome = clients::run(&mut started.cloud, &programs, chosen, &plan, &complain).await;
    let holds = outcome.as_ref().is_ok_and(Outcome::holds);
    started.end(!holds);
    say(&outcome?.to_markdown());
    Ok(holds)
}
