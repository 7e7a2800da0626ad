//! Checks the free space on the disk before a command starts work that needs it.

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// Fails when fewer than `gigabytes` (10⁹ bytes) are free where builds and testbeds write. If a disk becomes full later,
/// brokers, clusters and tests fail with misleading errors.
///
/// # Errors
/// When there is less space, or `df` does not report it.
pub fn ensure_free(gigabytes: u64) -> Result<()> {
    let mut df = workspace::program("df");
    let answer = df.args(["--output=avail", "--block-size=1GB", "."]).output().context("cannot run df")?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let free = free(&text).with_context(|| format!("df said `{}`", text.trim()))?;
    if free < gigabytes {
        bail!(
            "{} has {free} GB free, and this needs {gigabytes}\n  next: free disk space (`cargo clean` removes all build results \
             here), then repeat the command",
            workspace::root().display()
        );
    }
    Ok(())
}

/// The number below the heading.
fn free(answer: &str) -> Option<u64> {
    answer.lines().nth(1)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_df_says_is_read() {
        assert_eq!(free("Avail\n   17\n"), Some(17));
        assert_eq!(free("Avail\n"), None);
        assert_eq!(free("df: .: No such file or directory\n"), None);
    }

    #[test]
    fn too_little_room_is_named_before_anything_is_built() {
        assert!(ensure_free(0).is_ok());
        let error = ensure_free(u64::MAX).unwrap_err().to_string();
        assert!(error.contains("GB free, and this needs"), "{error}");
    }
}
