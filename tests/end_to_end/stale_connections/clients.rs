//! Clients with special behaviour.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::cloud::Cloud;
use testbed::lapin::{Connection, ConnectionProperties};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A client that connects again with its password as soon as it is closed, like clients with automatic recovery. It
/// stops when it is dropped.
pub struct Stubborn {
    logins: Arc<AtomicUsize>,
    connected: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Stubborn {
    /// Connects once.
    pub async fn connect(cloud: &'static Cloud, user: &str, password: &str) -> Result<Self> {
        let (logins, connected) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicBool::new(true)));
        let mut connection = cloud.broker.amqps_login(user, password, "/").await?;
        let (count, state) = (Arc::clone(&logins), Arc::clone(&connected));
        let (user, password) = (user.to_owned(), password.to_owned());
        let task = tokio::spawn(async move {
            loop {
                while connection.status().connected() {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                state.store(false, Ordering::SeqCst);
                connection = loop {
                    if let Ok(again) = cloud.broker.amqps_login(&user, &password, "/").await {
                        break again;
                    }
                };
                state.store(true, Ordering::SeqCst);
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self { logins, connected, task })
    }

    /// The number of its logins.
    pub fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }

    /// Whether it is connected.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::SeqCst)
    }
}

impl Drop for Stubborn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client that has closed its AMQP connection but not its socket, like a slow TLS client. It has no heartbeat, so
/// the broker does not detect its silence.
pub async fn polite_client(port: u16, user: &str, password: &str) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.write_all(b"AMQP\0\0\x09\x01").await?;
    let credentials = format!("\0{user}\0{password}");
    let length = u32::try_from(credentials.len())?.to_be_bytes();
    // AMQP 0-9-1 section 1.4: start-ok, tune-ok (2047 channels, frames of 128 KiB), open, close.
    let mut start_ok = vec![0, 10, 0, 11, 0, 0, 0, 0, 5];
    for part in [&b"PLAIN"[..], &length, credentials.as_bytes(), b"\x05en_US"] {
        start_ok.extend(part);
    }
    let tune_ok = [0, 10, 0, 31, 0x07, 0xff, 0, 2, 0, 0, 0, 0];
    let open = [0, 10, 0, 40, 1, b'/', 0, 0];
    let close = [0, 10, 0, 50, 0, 200, 3, b'b', b'y', b'e', 0, 0, 0, 0];
    expect(&mut socket, "start", 10).await?;
    send(&mut socket, &start_ok).await?;
    expect(&mut socket, "tune", 30).await?;
    send(&mut socket, &tune_ok).await?;
    send(&mut socket, &open).await?;
    expect(&mut socket, "open-ok", 41).await?;
    send(&mut socket, &close).await?;
    expect(&mut socket, "close-ok", 51).await?;
    Ok(socket)
}

async fn send(socket: &mut TcpStream, method: &[u8]) -> Result<()> {
    let length = u32::try_from(method.len())?.to_be_bytes();
    Ok(socket.write_all(&[&[1, 0, 0], &length[..], method, &[0xce]].concat()).await?)
}

async fn expect(socket: &mut TcpStream, what: &str, id: u8) -> Result<()> {
    let frame = tokio::time::timeout(Duration::from_secs(10), frame(socket)).await;
    let rest = frame.with_context(|| format!("the broker did not answer {what} within 10 s"))??;
    ensure!(rest.get(..4) == Some(&[0, 10, 0, id]), "the broker did not answer {what}");
    Ok(())
}

/// The content of a frame, and its end.
async fn frame(socket: &mut TcpStream) -> Result<Vec<u8>> {
    let mut head = [0; 7];
    socket.read_exact(&mut head).await?;
    let mut rest = vec![0; u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize + 1];
    socket.read_exact(&mut rest).await?;
    Ok(rest)
}

/// A client whose runtime is blocked after the login, so that it sends no heartbeats, until the returned value is
/// dropped.
pub async fn frozen_client(uri: String) -> Result<std::sync::mpsc::Sender<()>> {
    let (connected, answer) = tokio::sync::oneshot::channel();
    let (guard, dropped) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connection = runtime.block_on(async {
            let connect = Connection::connect(&uri, ConnectionProperties::default());
            tokio::time::timeout(Duration::from_secs(10), connect).await
        })??;
        let _ = connected.send(());
        // Ends with an error when the guard is dropped.
        let _ = dropped.recv();
        drop(connection);
        Ok(())
    });
    answer.await.context("the client did not connect")?;
    Ok(guard)
}
