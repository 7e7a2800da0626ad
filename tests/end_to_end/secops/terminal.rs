//! The program in a pseudo-terminal, with a person in front of it.

use std::io::{Read as _, Write};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Far more than any step takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);
const LOOK: Duration = Duration::from_millis(50);
const CTRL_C: &str = "\u{3}";

/// A terminal in which the program runs. The program ends when this is dropped.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    shown: Arc<Mutex<Vec<u8>>>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts a prepared command in a terminal with so many columns.
    pub fn start(command: &Command, columns: u16) -> Result<Self> {
        let size = PtySize { rows: 24, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env("TERM", "xterm");
        builder.env_remove("NO_COLOR");
        for (variable, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(variable, value),
                None => builder.env_remove(variable),
            }
        }
        let child = pair.slave.spawn_command(builder)?;
        // The terminal is closed when the program ends, and not when this process forgets it.
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader()?;
        let keyboard = pair.master.take_writer()?;
        let shown = Arc::new(Mutex::new(Vec::new()));
        let screen = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut part) {
                let read = part.get(..length).unwrap_or_default();
                screen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(read);
            }
        });
        Ok(Self { child, keyboard, shown, _master: pair.master })
    }

    /// Everything that was shown.
    pub fn text(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Waits until the words are shown.
    pub async fn shows(&mut self, words: &str) -> Result<()> {
        let began = std::time::Instant::now();
        while !self.text().contains(words) {
            if self.child.try_wait()?.is_some() || began.elapsed() > LIMIT {
                // What was written last may not be read yet.
                tokio::time::sleep(LOOK).await;
                if self.text().contains(words) {
                    return Ok(());
                }
                bail!("`{words}` was not shown:\n{}", self.text());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Types something.
    pub fn types(&mut self, text: &str) -> Result<()> {
        self.keyboard.write_all(text.as_bytes())?;
        self.keyboard.flush().context("the terminal is closed")
    }

    /// Presses Ctrl-C, and waits for the end.
    pub async fn interrupt(&mut self) -> Result<u32> {
        self.types(CTRL_C)?;
        self.ends().await
    }

    /// Waits for the end. Returns the exit code.
    pub async fn ends(&mut self) -> Result<u32> {
        let began = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                tokio::time::sleep(2 * LOOK).await;
                return Ok(status.exit_code());
            }
            if began.elapsed() > LIMIT {
                bail!("it does not end:\n{}", self.text());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// The text without escape sequences, as lines.
pub fn lines(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                // The program uses only sequences of the form `ESC [ ... LETTER`.
                let _ = characters.by_ref().skip(1).find(char::is_ascii_alphabetic);
            }
            // A line of progress that is replaced.
            '\r' => plain.push('\n'),
            other => plain.push(other),
        }
    }
    plain.lines().map(str::to_owned).collect()
}
