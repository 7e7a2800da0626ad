//! The one thread that spawns children. It lives as long as the process, and so may its children.

use std::process::{Child, Command};
use std::sync::{LazyLock, mpsc};

use anyhow::{Context as _, Result};

type Request = (Command, mpsc::Sender<std::io::Result<Child>>);

pub(super) fn spawn_on_the_lasting_thread(command: Command) -> Result<Child> {
    static SPAWNER: LazyLock<mpsc::Sender<Request>> = LazyLock::new(|| {
        let (sender, requests) = mpsc::channel::<Request>();
        std::thread::spawn(move || {
            for (mut command, answer) in requests {
                // A caller that has ended needs no answer. Its child ends with the process.
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (answer, child) = mpsc::channel();
    SPAWNER.send((command, answer)).context("the spawning thread ended")?;
    Ok(child.recv().context("the spawning thread ended")??)
}
