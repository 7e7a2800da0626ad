//! Folders of one test run, which the next run removes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};

/// A new folder `<parent>/<name>-<process id>-<number>`.
///
/// It stays after the run, for the analysis of a failed test. This function removes folders of processes that have
/// ended.
///
/// # Errors
/// When the folder cannot be created.
pub fn folder(parent: &Path, name: &str) -> Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    for entry in std::fs::read_dir(parent)?.flatten() {
        if owner(&entry.file_name().to_string_lossy(), name).is_some_and(is_gone) {
            // Another process may remove it at the same time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::path::absolute(parent)?.join(format!("{name}-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

fn owner(folder: &str, name: &str) -> Option<u32> {
    let (id, number) = folder.strip_prefix(name)?.strip_prefix('-')?.split_once('-')?;
    number.parse::<u32>().ok()?;
    id.parse().ok()
}

fn is_gone(process: u32) -> bool {
    !Path::new("/proc").join(process.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_the_same_name_are_looked_at() {
        assert_eq!(owner("broker-12-0", "broker"), Some(12));
        assert_eq!(owner("broker-kill-12-0", "broker"), None);
        assert_eq!(owner("broker", "broker"), None);
        assert_eq!(owner("broker-12", "broker"), None);
    }
}
