//! Inputs that broke a rule once. They are in the repository, and each run begins with them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::input::Input;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The stored inputs, in the order of their names.
///
/// # Panics
/// When one of them cannot be read: it would never be checked again.
pub fn of<I: Input>(target: &str) -> Vec<I> {
    let entries = match fs::read_dir(folder(target)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => panic!("{target}: the stored inputs cannot be read: {error}"),
    };
    let path = |entry: std::io::Result<fs::DirEntry>| entry.map(|entry| entry.path());
    let files: std::io::Result<Vec<PathBuf>> = entries.map(path).collect();
    let mut files = files.unwrap_or_else(|error| panic!("{target}: {error}"));
    files.sort();
    let read = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        I::from_text(&text).unwrap_or_else(|| panic!("{}: no input of {target}", file.display()))
    };
    files.iter().map(read).collect()
}

/// Stores an input. Returns a sentence with its path.
pub fn store<I: Input>(target: &str, input: &I) -> String {
    let text = input.to_text();
    let name: String = Sha256::digest(&text).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let folder = folder(target);
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join(&name), text));
    match written {
        Ok(()) => format!(
            "it is stored as proof/hostile/corpus/{target}/{name}: commit this file together with the fix"
        ),
        Err(error) => format!("it cannot be stored: {error}"),
    }
}
