//! A new application from one deployment: `examples/cookie-store/stack.yaml` creates users, secrets, schedules and routes.
//! The first rotations follow, and the store trades. Then an update adds a permission, and the deletion leaves nothing.

mod leftovers;
mod state;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use proof::cookie_store::{Deployment, Pattern, Store, Trading};
use serde_json::json;
use testbed::broker::close;
use testbed::cloud::{App, Cloud};

use self::state::State;
use super::{store, user_in};
use crate::commands::report::{Report, duration};
use crate::commands::step_times::{self, Mark};
use crate::commands::store_beside_this_program;

/// The stack, the vhost and the namespace. `demo store` has a store with other names.
const NAME: &str = "bakery";
const ORDERS_PER_SECOND: u32 = 200;
/// Far more than a first rotation, or a delivery, takes.
const LIMIT: Duration = Duration::from_secs(60);
const STEPS: usize = 4;
const RECEIPT: &str = "secret2eks/delivered";
/// The schedule of the stack if no parameter changes it.
const SCHEDULE: &str = "rate(1 day)";
/// The parameter that the update changes: the exchanges that payment may publish to.
const PARAMETER: &str = "PaymentWrite";
const WRITE: &str = "^(store|refunds)$";

/// Deploys the stack, opens the store, updates the stack, closes the store and deletes the stack.
pub async fn show(cloud: &Cloud, report: &mut Report) -> Result<()> {
    let mark = step_times::mark(cloud)?;
    let deployment = deploy(cloud, report).await?;
    first_rotations(cloud, &deployment, mark, report).await?;

    report.section("The store opens with the credentials that arrived in the cluster");
    let bakery = Store::deployed(cloud, &store_beside_this_program()?, &deployment).await?;
    let trading = bakery.open(cloud, Pattern::Watch, ORDERS_PER_SECOND).await?;
    report.field("open", &format!("{ORDERS_PER_SECOND} orders/s; the services read their mounted Secrets"));
    store::trade(&trading, report).await?;
    let has_orders = trading.orders().map(|orders| orders.iter().all(|(_, orders)| *orders > 0));
    report.check("payment, messenger and order trade", has_orders);

    update(cloud, &deployment, &trading, report).await?;
    let traded = store::close(trading, report).await?;
    report.check("no service lost its connection", Ok(traded.counts.lost == 0));
    report.check("no rotation failed", store::nothing_failed(cloud, &bakery).await);
    drop(bakery);
    delete(cloud, &deployment, report).await
}

async fn deploy(cloud: &Cloud, report: &mut Report) -> Result<Deployment> {
    report.section("A new application: one deployment of examples/cookie-store/stack.yaml");
    Deployment::prepare(cloud, NAME).await?;
    report.field("before", &format!("vhost `{NAME}` with exchange and queues, namespace `{NAME}`"));
    let began = Instant::now();
    let deployment = Deployment::deploy(cloud, NAME, &[]).await?;
    report.field("deployed in", &duration(began.elapsed()));
    for (service, App { user, .. }) in &deployment.apps {
        report.field(service, &format!("user `{user}`, secret `rabbitmq/{user}`, Secret `{service}-broker`"));
    }
    let scheduled = of_all(&deployment, async |app| {
        let secret = cloud.secrets.describe_secret().secret_id(&app.arn).send().await?;
        let rules = secret.rotation_rules.and_then(|rules| rules.schedule_expression);
        Ok(secret.rotation_enabled == Some(true) && rules.as_deref() == Some(SCHEDULE))
    });
    report.check(&format!("each secret has its schedule: {SCHEDULE}"), scheduled.await);
    Ok(deployment)
}

async fn first_rotations(
    cloud: &Cloud,
    deployment: &Deployment,
    mark: Mark,
    report: &mut Report,
) -> Result<()> {
    report.section("The first rotations: they follow from the schedules, and nobody calls RotateSecret");
    let mut failed = Vec::new();
    for (service, app) in &deployment.apps {
        let rotation = cloud.aws.wait_for_rotation(&app.arn, None, LIMIT).await?;
        let times = step_times::since(cloud, mark, &app.arn, STEPS).await?;
        let took: Duration = times.iter().map(|(_, time)| *time).sum();
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let what = format!("{:>8}  {}, user `{}`", duration(took), rotation.outcome, user_in(&value));
        report.field(service, &what);
        if rotation.outcome != "succeeded" {
            failed.push(*service);
        }
    }
    report.check("the first rotation of each secret succeeded", Ok(failed.is_empty()));
    ensure!(failed.is_empty(), "without these credentials, the store cannot open: {}", failed.join(", "));
    let switched = of_all(deployment, async |app| {
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        Ok(user_in(&value) == state::clone_of(&app.user))
    });
    report.check("AWSCURRENT names the second user of each pair", switched.await);
    let log_in = of_all(deployment, async |app| {
        log_in(cloud, app, "AWSCURRENT").await?;
        log_in(cloud, app, "AWSPREVIOUS").await
    });
    report.check("the new and the generated credentials log in over AMQPS", log_in.await);
    let same = of_all(deployment, async |app| {
        let management = cloud.broker.management()?;
        let [first, second] = state::pair(app);
        Ok(management.grants(&first).await? == management.grants(&second).await?)
    });
    report.check("both users of each pair have the same grants on the broker", same.await);
    let delivered = of_all(deployment, async |app| {
        let version = cloud.version(&app.arn, "AWSCURRENT").await?.context("no version is AWSCURRENT")?;
        cloud.wait_for_tag(&app.arn, RECEIPT, &version, LIMIT).await.map(|()| true)
    });
    report.check("the receipts are on the secrets: the cluster has the new versions", delivered.await);
    Ok(())
}

async fn update(
    cloud: &Cloud,
    deployment: &Deployment,
    trading: &Trading<'_>,
    report: &mut Report,
) -> Result<()> {
    report.section("An update of the stack while the store is open: a permission for payment");
    let before = State::read(cloud, deployment).await?;
    let began = Instant::now();
    Deployment::deploy(cloud, NAME, &[(PARAMETER, WRITE)]).await?;
    report.field("updated in", &duration(began.elapsed()));
    report.field("parameter", &format!("{PARAMETER}={WRITE}"));
    let after = State::read(cloud, deployment).await?;
    let pair = state::pair(deployment.app("payment")?);
    for user in &pair {
        report.field("write", &format!("`{user}`: {} -> {}", before.write(user), after.write(user)));
    }
    let has_it = pair.iter().all(|user| after.write(user) == WRITE);
    report.check("both users of payment have the new permission", Ok(has_it));
    let others = after.grants == state::with_write(before.grants, &pair, WRITE);
    report.check("no other permission has changed", Ok(others));
    report.check("no user has another password or another tag", Ok(after.accounts == before.accounts));
    report.check("AWSCURRENT of each secret is the same version", Ok(after.versions == before.versions));
    store::trade(trading, report).await
}

async fn delete(cloud: &Cloud, deployment: &Deployment, report: &mut Report) -> Result<()> {
    report.section("The deletion of the stack");
    let began = Instant::now();
    deployment.delete(cloud).await?;
    report.field("deleted in", &duration(began.elapsed()));
    let users = leftovers::users(cloud, deployment).await;
    report.check("no user of the pairs is on the broker", leftovers::none(users));
    let secrets = leftovers::secrets(cloud, deployment).await;
    report.check("no secret is left, and so no schedule", leftovers::none(secrets));
    // As the schedule of the stack does every 15 minutes. The emulator sends no event for this deletion.
    let order = json!({"Action": "reconcile"});
    let answer = cloud.invoke_function(cloud.delivery_function()?, &order).await?.value()?;
    report.field("reconcile", &answer.to_string());
    let objects = leftovers::objects_after_a_while(cloud, deployment).await;
    report.check("no ExternalSecret and no Secret is left in the cluster", leftovers::none(objects));
    Ok(())
}

/// Whether it holds for each service. The error names the first user for whose secret it does not.
async fn of_all(deployment: &Deployment, holds: impl AsyncFn(&App) -> Result<bool>) -> Result<bool> {
    for (_, app) in &deployment.apps {
        if !holds(app).await.with_context(|| app.user.clone())? {
            bail!("not so for `{}`", app.user);
        }
    }
    Ok(true)
}

/// Logs in to the vhost of the store.
async fn log_in(cloud: &Cloud, app: &App, stage: &str) -> Result<bool> {
    let value = cloud.value(&app.arn, stage).await?;
    let text = |field: &str| value[field].as_str().with_context(|| format!("no {field}"));
    let connection = cloud.broker.amqps_login(text("username")?, text("password")?, NAME).await?;
    close(&connection).await.map(|()| true)
}
