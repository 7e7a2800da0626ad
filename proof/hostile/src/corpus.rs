//! Inputs that broke a rule once. They are in the repository, and each run begins with them.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::input::Input;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The stored inputs, in the order of their names.
pub fn of<I: Input>(target: &str) -> Vec<I> {
    let entries = fs::read_dir(folder(target)).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files.iter().filter_map(|file| I::from_text(&fs::read_to_string(file).ok()?)).collect()
}

/// Stores an input. Returns a sentence with its path.
pub fn store<I: Input>(target: &str, input: &I) -> String {
    let text = input.to_text();
    let name: String = Sha256::digest(&text).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let folder = folder(target);
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join(&name), text));
    match written {
        Ok(()) => format!("it is stored as proof/hostile/corpus/{target}/{name}: keep it with the repair"),
        Err(error) => format!("it cannot be stored: {error}"),
    }
}
