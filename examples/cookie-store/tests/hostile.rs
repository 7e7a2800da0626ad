//! Orders under random schedules: the store's own ledger, outbox, message and processing of an order, with a broker in memory
//! that crashes, loses connections, and delivers messages again and in any order. The order of sending, confirming and
//! acknowledging is that of the services, written again in `random_orders/store.rs`. `proof/tests/cookie_store.rs` runs the
//! services themselves.
//!
//! No order may be lost or processed twice. The mutations leave one measure of the store out, and each must be found.
//! `cargo xtask fuzz orders` runs a million orders.

use std::io::Result;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hostile::Random;
use hostile::limits::{FIGURES, Limits};

use self::random_orders::broker::Broker;
use self::random_orders::store::{Mutation, Store};

mod random_orders;

/// The orders of one schedule.
const ORDERS: u64 = 500;
/// The orders of a short run.
const SHORT: u64 = 20_000;
/// The seeds after which a mutation must have been found.
const MUTATED: u64 = 40;

/// How a schedule ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Outcome {
    orders: u64,
    lost: u64,
    twice: u64,
    crashes: u64,
    copies: u64,
}

fn play(seed: u64, mutation: Mutation, folder: &Path) -> Result<Outcome> {
    let mut random = Random::of(seed, "orders", 0);
    let mut broker = Broker::default();
    let mut store = Store::open(folder, mutation)?;
    let mut crashes = 0;
    while store.taken() < ORDERS {
        match random.below(40) {
            0..=11 => store.take(1 + random.below(4), ORDERS)?,
            12..=21 => store.publish(&mut broker, 1 + random.below(6), &mut random)?,
            22..=33 => store.consume(&mut broker, random.below(2), 1 + random.below(6), &mut random)?,
            34 => broker.lose_publisher(),
            35 | 36 => broker.lose_consumer(random.below(2)),
            37 => {
                crashes += 1;
                broker.restart();
            }
            38 => {
                crashes += 1;
                broker.lose_publisher();
                store.crash_payment()?;
            }
            _ => {
                crashes += 1;
                let which = random.below(2);
                broker.lose_consumer(which);
                store.crash_consumer(which)?;
            }
        }
    }
    // The world becomes quiet: what was accepted must arrive.
    broker.lose_publisher();
    for which in 0..2 {
        broker.lose_consumer(which);
    }
    while store.unconfirmed() > 0 || broker.holds_messages() {
        store.publish_quietly(&mut broker)?;
        for which in 0..2 {
            store.consume_quietly(&mut broker, which)?;
        }
    }
    let (lost, twice) = store.tally()?;
    Ok(Outcome { orders: store.taken(), lost, twice, crashes, copies: store.copies() })
}

fn folder(name: &str) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("cookie-store-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Plays the schedule of a seed in a new folder.
fn played(seed: u64, mutation: Mutation) -> Result<Outcome> {
    let folder = folder(&format!("{mutation:?}-{seed}"))?;
    let outcome = play(seed, mutation, &folder);
    std::fs::remove_dir_all(&folder)?;
    outcome
}

#[test]
fn hostile_input_orders_are_neither_lost_nor_done_twice() -> Result<()> {
    let limits = Limits::from_environment(SHORT);
    let (mut sum, began) = (Outcome::default(), Instant::now());
    let mut seed = limits.seed;
    while sum.orders < limits.inputs {
        let outcome = played(seed, Mutation::None)?;
        assert_eq!((outcome.lost, outcome.twice), (0, 0), "seed {seed}: {outcome:?}");
        sum.orders += outcome.orders;
        sum.crashes += outcome.crashes;
        sum.copies += outcome.copies;
        seed += 1;
    }
    assert!(sum.copies > sum.orders / 100, "nothing was delivered twice, so this proves nothing: {sum:?}");
    if let Some(folder) = std::env::var_os(FIGURES) {
        let text = format!(
            "orders: {} under {} schedules (seeds {} to {}), lost 0, done twice 0; {} crashes of a service or the broker, \
             {} copies dropped; {} s\n",
            sum.orders,
            seed - limits.seed,
            limits.seed,
            seed - 1,
            sum.crashes,
            sum.copies,
            began.elapsed().as_secs()
        );
        std::fs::write(Path::new(&folder).join("orders.txt"), text)?;
    }
    Ok(())
}

#[test]
fn each_measure_of_the_store_that_is_left_out_is_found() -> Result<()> {
    for (mutation, loses) in [
        (Mutation::NotPersistent, true),
        (Mutation::OutboxInMemory, true),
        (Mutation::AcknowledgedFirst, true),
        (Mutation::ConfirmedWhenSent, true),
        (Mutation::LedgerInMemory, false),
    ] {
        let mut found = false;
        for seed in 0..MUTATED {
            let outcome = played(seed, mutation)?;
            found = found || if loses { outcome.lost > 0 } else { outcome.twice > 0 };
        }
        assert!(found, "{mutation:?} was not found");
    }
    Ok(())
}
