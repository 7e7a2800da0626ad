//! The file with the pieces of one commit, with which an interrupted run continues.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use super::piece::{Heading, Key, Line, Moment, Piece, Pieces, Trade};
use super::point::Point;
use super::random::Ran;

/// The pieces so far, and the file for new ones.
#[derive(Debug)]
pub struct Kept {
    key: Key,
    pieces: Pieces,
    /// `None`: the results of this run are not kept.
    file: Option<File>,
    run: usize,
    began: Instant,
}

impl Kept {
    /// No earlier pieces, and no file.
    #[must_use]
    pub fn nothing() -> Self {
        let (key, pieces) = (Key::default(), Pieces::default());
        Self { key, pieces, file: None, run: 1, began: Instant::now() }
    }

    /// Reads the pieces of `key` in `path`. There are none if the file does not exist, or if the run is `fresh`. The file
    /// is locked against other processes.
    ///
    /// # Errors
    /// When the file cannot be read or written, belongs to another key, or is locked by another run.
    pub fn open(path: &Path, key: &Key, fresh: bool) -> Result<Self> {
        let shown = path.display();
        let folder = path.parent().context("a file without a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = file.with_context(|| format!("cannot open {shown}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => bail!("another run has {shown}: wait for its end"),
            Err(fs::TryLockError::Error(error)) => bail!("cannot lock {shown}: {error}"),
        }
        if fresh {
            file.set_len(0)?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(|| format!("cannot read {shown}"))?;
        let (pieces, whole) = Pieces::read(&bytes, key)
            .with_context(|| format!("{shown} cannot be continued; `--fresh` begins again without it"))?;
        file.set_len(whole as u64)?;
        let run = pieces.next_run();
        Ok(Self { key: key.clone(), pieces, file: Some(file), run, began: Instant::now() })
    }

    /// All pieces, those of earlier runs included.
    #[must_use]
    pub fn pieces(&self) -> &Pieces {
        &self.pieces
    }

    /// The current time for a piece that ends now.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { run: self.run, after_ms: millis(self.began) }
    }

    /// Keeps RabbitMQ's version and the recorded calls, which precede all pieces.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn begin(&mut self, broker: &str, points: &[Point]) -> Result<()> {
        let (key, broker) = (self.key.clone(), broker.to_owned());
        self.keep(Line::Heading(Heading { key, broker, points: points.to_vec() }))
    }

    /// Keeps a piece.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, piece: Piece) -> Result<()> {
        self.keep(Line::Piece(piece))
    }

    /// Keeps the result of the store that was started at `began`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_trade(&mut self, began: Instant, holds: bool, text: String) -> Result<()> {
        self.keep(Line::Trade(Trade { moment: self.moment(), took_ms: millis(began), holds, text }))
    }

    /// Keeps the result of a random schedule.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_schedule(&mut self, ran: Ran) -> Result<()> {
        self.keep(Line::Schedule(ran))
    }

    fn keep(&mut self, line: Line) -> Result<()> {
        if let Some(file) = &mut self.file {
            // One write, so that a kill leaves the whole line or a part of the last one.
            let text = serde_json::to_string(&line)? + "\n";
            let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
            written.context("a piece cannot be kept")?;
        }
        self.pieces.add(line);
        Ok(())
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(commit: &str) -> Key {
        Key { commit: commit.to_owned(), suite: "trixie".to_owned() }
    }

    fn piece(kept: &Kept, unit: &str) -> Piece {
        Piece { unit: unit.to_owned(), moment: kept.moment(), cells: Vec::new() }
    }

    #[test]
    fn what_was_kept_is_there_after_a_kill_in_the_middle_of_a_line() {
        let folder = testbed::scratch::folder(&std::env::temp_dir(), "kept").unwrap();
        let path = folder.join("proof/abc.jsonl");
        let mut kept = Kept::open(&path, &key("abc"), false).unwrap();
        kept.begin("4.0", &[]).unwrap();
        kept.add(piece(&kept, "one")).unwrap();
        let busy = format!("{:#}", Kept::open(&path, &key("abc"), false).unwrap_err());
        assert!(busy.contains("another run has"), "{busy}");
        drop(kept);
        let whole = fs::read(&path).unwrap();
        // Cut inside a character, as a kill may do.
        fs::write(&path, [whole.as_slice(), b"{\"piece\": {\"unit\": \"tw\xc3"].concat()).unwrap();

        let mut kept = Kept::open(&path, &key("abc"), false).unwrap();
        assert_eq!(kept.pieces().units.keys().collect::<Vec<_>>(), ["one"]);
        assert_eq!(kept.moment().run, 2);
        kept.add(piece(&kept, "three")).unwrap();
        drop(kept);
        let kept = Kept::open(&path, &key("abc"), false).unwrap();
        assert_eq!(kept.pieces().units.keys().collect::<Vec<_>>(), ["one", "three"]);
        drop(kept);

        let other = format!("{:#}", Kept::open(&path, &key("def"), false).unwrap_err());
        assert!(other.contains("--fresh") && other.contains("commit abc"), "{other}");
        let fresh = Kept::open(&path, &key("def"), true).unwrap();
        assert_eq!((fresh.pieces(), fresh.moment().run), (&Pieces::default(), 1));
        fs::remove_dir_all(folder).unwrap();
    }
}
