//! A service whose work gets no report of a lost connection. This happens to a call that starts at the same time.

use std::error::Error;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use broker::Broker as Node;
use cookie_store::connection::{Broker, Connector, Pattern, Session};
use cookie_store::credentials::MountedSecret;
use cookie_store::report::Counts;
use cookie_store::service::{self, End, Signal, Work};
use tokio::sync::watch;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

const USER: &str = "deaf";

/// A worker that gets no reports on its first connection.
struct Deaf {
    connections: watch::Sender<usize>,
    counts: Counts,
}

impl Work for Deaf {
    async fn on(&mut self, _: &Session, signal: Pin<&mut impl Future<Output = Signal>>) -> End {
        self.connections.send_modify(|connections| *connections += 1);
        if *self.connections.borrow() == 1 {
            return std::future::pending().await;
        }
        match signal.await {
            Signal::Replaced(next) => End::Replaced(next),
            Signal::Stop => End::Stopped,
        }
    }

    fn counts(&mut self) -> &mut Counts {
        &mut self.counts
    }
}

#[tokio::test]
async fn a_service_connects_again_although_no_call_reports_that_its_connection_is_lost() -> Outcome {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let node = Node::shared(temporary).await?;
    let management = node.management()?;
    management.create_user(USER, "a-password-123", &[]).await?;
    management.set_permissions(USER, "/", [".*"; 3]).await?;
    let volume = temporary.join(format!("deaf-{}", std::process::id()));
    std::fs::create_dir_all(volume.join("1"))?;
    std::fs::write(volume.join("1/username"), USER)?;
    std::fs::write(volume.join("1/password"), "a-password-123")?;
    symlink("1", volume.join("..data"))?;
    let connector = Connector {
        broker: Broker {
            host: "localhost".to_owned(),
            port: node.amqps_port(),
            vhost: "/".to_owned(),
            ca: Some(node.ca_pem()),
        },
        secret: MountedSecret::at(&volume),
        pattern: Pattern::Lazy,
        name: USER.to_owned(),
    };
    let connections = watch::Sender::new(0);
    let mut connected = connections.subscribe();
    let mut deaf = Deaf { connections, counts: Counts::default() };
    let (stop, stopped) = watch::channel(false);
    let steer = async {
        connected.wait_for(|connections| *connections == 1).await?;
        while management.connections_of(USER).await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        management.close_connections_of(USER).await?;
        connected.wait_for(|connections| *connections == 2).await?;
        stop.send(true)?;
        Outcome::Ok(())
    };
    let both = async { tokio::join!(service::run(&connector, &mut deaf, stopped), steer) };
    tokio::time::timeout(Duration::from_secs(60), both).await?.1?;
    std::fs::remove_dir_all(&volume)?;
    assert_eq!(deaf.counts.lost, 1, "a connection was lost");
    Ok(())
}
