//! The commit that `prove` tests.

use std::path::Path;
use std::process::Command;

/// The commit of a work tree without uncommitted changes.
///
/// # Errors
/// When there are uncommitted changes, or git cannot name the commit.
pub fn of(root: &Path) -> Result<String, String> {
    let head = git(root, &["rev-parse", "--verify", "HEAD"])?;
    judge(&head, &git(root, &["status", "--porcelain"])?)
}

/// An untracked file is also a change, because it may be compiled.
fn judge(head: &str, status: &str) -> Result<String, String> {
    let changes = status.lines().count();
    match status.lines().next() {
        None => Ok(head.trim().to_owned()),
        Some(first) => Err(format!("{changes} changes are not committed, such as `{}`", first.trim())),
    }
}

fn git(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let asked = Command::new("git").arg("-C").arg(root).args(arguments).output();
    let answer = asked.map_err(|error| format!("git cannot be asked for the commit: {error}"))?;
    if answer.status.success() {
        return Ok(String::from_utf8_lossy(&answer.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(&answer.stderr);
    Err(format!("git does not know the commit: {}", why.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clean_work_tree_is_its_commit() {
        assert_eq!(judge("abc\n", ""), Ok("abc".to_owned()));
        let two = judge("abc\n", " M README.md\n?? new.rs\n");
        assert_eq!(two, Err("2 changes are not committed, such as `M README.md`".to_owned()));
        assert!(judge("abc\n", "?? new.rs\n").is_err());
    }

    #[test]
    fn where_there_is_no_repository_there_is_no_commit() {
        let folder = testbed::scratch::folder(&std::env::temp_dir(), "no-repository").unwrap();
        let why = of(&folder).unwrap_err();
        assert!(why.contains("git does not know the commit"), "{why}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
