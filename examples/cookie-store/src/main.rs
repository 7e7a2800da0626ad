//! Runs the service that the first argument names. After SIGTERM or Ctrl-C, it finishes its accepted work and prints its
//! counts. All other output goes to standard error.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser as _;
use cookie_store::arguments::{Arguments, Service};
use cookie_store::connection::{Broker, Connector};
use cookie_store::consumer::Consumer;
use cookie_store::credentials::MountedSecret;
use cookie_store::ledger::Ledger;
use cookie_store::payment::Payment;
use cookie_store::report::{Counts, Report};
use cookie_store::service::{self, Work};
use cookie_store::topology::{MESSENGER_QUEUE, ORDER_QUEUE};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The time limit to stop. It is below the 30 s that a pod has in Kubernetes (`terminationGracePeriodSeconds`).
const STOP_LIMIT: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Log other crates at INFO or above, because at lower levels some crates print what they send.
    let filter = tracing_subscriber::EnvFilter::new("warn,cookie_store=info");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let service = arguments.service.name().to_owned();
    let counts = match run(arguments).await {
        Ok(counts) => counts,
        Err(error) => {
            tracing::error!("{service} cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let finished = counts.unconfirmed == 0;
    let report = serde_json::to_string(&Report { service, counts }).unwrap_or_default();
    let _ = writeln!(std::io::stdout(), "{report}");
    if finished { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(arguments: Arguments) -> std::io::Result<Counts> {
    let Arguments { service, host, port, vhost, ca, credentials, pattern, ledger, orders_per_second } =
        arguments;
    let connector = Connector {
        broker: Broker { host, port, vhost, ca },
        secret: MountedSecret::at(&credentials),
        pattern,
        name: format!("cookie-store {}", service.name()),
    };
    // Beside the orders that were taken, those that the broker has confirmed.
    let confirmed = ledger.with_extension("confirmed");
    let ledger = Ledger::open(&ledger)?;
    match service {
        Service::Payment => {
            let mut payment =
                Payment::new(ledger, Ledger::open(&confirmed)?, orders_per_second, Instant::now());
            until_stopped(&connector, &mut payment).await?;
            Ok(payment.into_counts())
        }
        Service::Messenger => consume(&connector, Consumer::new(MESSENGER_QUEUE, ledger)).await,
        Service::Order => consume(&connector, Consumer::new(ORDER_QUEUE, ledger)).await,
    }
}

async fn consume(connector: &Connector, mut consumer: Consumer) -> std::io::Result<Counts> {
    until_stopped(connector, &mut consumer).await?;
    Ok(consumer.into_counts())
}

async fn until_stopped(connector: &Connector, work: &mut impl Work) -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stop, stopped) = watch::channel(false);
    let too_late = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // If nobody receives this, the work is over.
        let _ = stop.send(true);
        tokio::time::sleep(STOP_LIMIT).await;
    };
    tokio::select! {
        () = service::run(connector, work, stopped) => {}
        () = too_late => tracing::error!("not finished within {STOP_LIMIT:?}"),
    }
    Ok(())
}
