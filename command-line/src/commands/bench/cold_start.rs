//! Measures a cold start: the time from the start of the process to its first call for an event, as in Lambda's init
//! phase.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::Spread;

const LIMIT: Duration = Duration::from_secs(10);
const FIRST_CALL: &str = "GET /2018-06-01/runtime/invocation/next ";

/// Cold starts of both functions.
#[derive(Debug)]
pub struct ColdStarts {
    pub rotation_mq: Spread,
    pub empty: Spread,
}

impl ColdStarts {
    /// Starts both functions in turn, so that other load on the machine affects both. The first pair only fills the file
    /// cache.
    ///
    /// # Errors
    /// When a function does not start or does not ask for an event.
    pub fn measure(rotation_mq: &Path, empty: &Path, starts: usize) -> Result<Self> {
        let (mut of_rotation_mq, mut of_empty) = (Vec::new(), Vec::new());
        for turn in 0..=starts {
            let pair = (start(rotation_mq)?, start(empty)?);
            if turn > 0 {
                of_rotation_mq.push(pair.0);
                of_empty.push(pair.1);
            }
        }
        Ok(Self { rotation_mq: Spread::of(of_rotation_mq), empty: Spread::of(of_empty) })
    }
}

/// A process that is killed when dropped.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The time until the program's first call.
fn start(program: &Path) -> Result<Duration> {
    let runtime_api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    let address = runtime_api.local_addr()?;
    let (told, first_call) = mpsc::channel();
    std::thread::spawn(move || {
        let first_line = || -> std::io::Result<(Instant, String)> {
            let (connection, _) = runtime_api.accept()?;
            let mut line = String::new();
            let mut connection = BufReader::new(connection);
            connection.read_line(&mut line)?;
            // Without an answer, the function waits as on Lambda, until it is killed.
            Ok((Instant::now(), line))
        };
        // After the limit, nobody receives the message.
        let _ = told.send(first_line());
    });
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.envs([
        ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("DEAD_LETTER_TOPIC_ARN", "arn:aws:sns:us-east-1:000000000000:bench"),
    ]);
    let began = Instant::now();
    let started = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
    let started = Started(started);
    let answer = first_call.recv_timeout(LIMIT);
    let (called, line) = answer
        .with_context(|| format!("{} did not ask for an event within {LIMIT:?}", program.display()))??;
    drop(started);
    ensure!(line.starts_with(FIRST_CALL), "{} began with {}", program.display(), line.trim_end());
    Ok(called.duration_since(began))
}
