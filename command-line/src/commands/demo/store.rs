//! The cookie store processes orders while its three secrets rotate twice. Afterwards, all orders are counted.

use std::time::Duration;

use anyhow::Result;
use proof::cookie_store::{MountedApp, Pattern, Store, Traded, Trading};
use serde_json::Value;
use testbed::cloud::Cloud;

use crate::commands::report::{Report, duration};
use crate::commands::store_beside_this_program;

const ORDERS_PER_SECOND: u32 = 200;
const ROTATIONS: u64 = 2;
/// The time after each change, so that orders arrive in each phase.
const TRADING: Duration = Duration::from_secs(1);

/// Opens the store, rotates the secrets, closes the store and counts the orders.
pub async fn show(cloud: &Cloud, report: &mut Report) -> Result<()> {
    report.section(
        "The cookie store: the services payment, messenger and order, each with its own user and secret",
    );
    let store = Store::set_up(cloud, &store_beside_this_program()?).await?;
    for mounted in store.mounted_apps() {
        let what = format!("user `{}`, Secret `{}-broker`", mounted.app.user, mounted.service);
        report.field(mounted.service, &what);
    }
    let trading = store.open(cloud, Pattern::Watch, ORDERS_PER_SECOND).await?;
    report.field("open", &format!("{ORDERS_PER_SECOND} orders/s; the services watch their mounted Secrets"));
    for turn in ["First", "Second"] {
        rotate(cloud, &trading, turn, report).await?;
    }
    let traded = close(trading, report).await?;
    let changes = ROTATIONS * store.mounted_apps().len() as u64;
    let have_switched = traded.counts.replaced == changes && traded.counts.lost == 0;
    report.check("each service switched to each new user, and no connection was lost", Ok(have_switched));
    report.check("no rotation failed", nothing_failed(cloud, &store).await);
    Ok(())
}

/// Closes the store, and counts the orders.
pub async fn close(trading: Trading<'_>, report: &mut Report) -> Result<Traded> {
    report.section("The store is closed: the result of every order");
    trading.catch_up().await?;
    let traded = trading.close().await?;
    report.field("orders", &format!("{:>8} in {}", traded.tally.orders, duration(traded.time)));
    report.field("sent again", &format!("{:>8}", traded.counts.resent));
    report.field("redelivered", &format!("{:>8}", traded.counts.redelivered));
    report.field("longest pause", &format!("{:>8}", duration(traded.counts.longest_pause())));
    report.check(
        "every order was sent to the customer and fulfilled: no order was lost",
        Ok(traded.tally.lost == 0),
    );
    report.check("no order was sent or fulfilled twice", Ok(traded.tally.doubled == 0));
    Ok(traded)
}

async fn rotate(cloud: &Cloud, trading: &Trading<'_>, turn: &str, report: &mut Report) -> Result<()> {
    report.section(&format!("{turn} rotation of all three secrets while the store is open"));
    let rotated = trading.rotate(cloud, Pattern::Watch).await?;
    trading.all_switched(cloud, &rotated).await?;
    for one in &rotated {
        report.field(one.service, &format!("{:>8}  connected as `{}`", duration(one.time), one.user));
    }
    trade(trading, report).await
}

/// Lets orders arrive, and shows how many there are.
pub async fn trade(trading: &Trading<'_>, report: &Report) -> Result<()> {
    tokio::time::sleep(TRADING).await;
    let orders: Vec<String> =
        trading.orders()?.iter().map(|(service, orders)| format!("{service} {orders}")).collect();
    report.field("orders so far", &orders.join(", "));
    Ok(())
}

/// Whether no rotation of the store's secrets failed.
pub async fn nothing_failed(cloud: &Cloud, store: &Store) -> Result<bool> {
    let notices = cloud.notices.all().await?;
    let is_about = |mounted: &MountedApp, notice: &Value| notice["secretArn"] == mounted.app.arn.as_str();
    Ok(!notices.iter().any(|notice| store.mounted_apps().iter().any(|one| is_about(one, notice))))
}
