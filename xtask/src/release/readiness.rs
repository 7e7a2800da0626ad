//! Checks whether the sources are ready for a release.

/// The number of changed files that the message names.
const SHOWN: usize = 5;

/// The version in the table `[workspace.package]` of `Cargo.toml`.
pub fn version(manifest: &str) -> Option<&str> {
    let (_, table) = manifest.split_once("\n[workspace.package]\n")?;
    let mut lines = table.lines().take_while(|line| !line.starts_with('['));
    lines.find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}

/// The tasks before a release, one line each. `status` is the output of `git status --porcelain`.
pub fn refusals(version: &str, changelog: &str, status: &str) -> Vec<String> {
    let mut found = Vec::new();
    if section(changelog, version).is_none_or(str::is_empty) {
        found.push(format!(
            "CHANGELOG.md has no section `## [{version}]` for the version in Cargo.toml: set the version, and write what \
             it changes"
        ));
    }
    if section(changelog, "Unreleased").is_some_and(|text| text.contains("\n- ")) {
        found.push(format!(
            "CHANGELOG.md has entries under `Unreleased`: move them to the section of {version}, or of the next version"
        ));
    }
    let changes: Vec<&str> = status.lines().collect();
    if !changes.is_empty() {
        let shown = changes.iter().take(SHOWN).map(|change| format!("\n    {change}"));
        let more = if changes.len() > SHOWN { "\n    …" } else { "" };
        let count = changes.len();
        found.push(format!("commit or remove what is changed ({count}):{}{more}", shown.collect::<String>()));
    }
    found
}

/// The text below a heading such as `## [0.2.0] - 2026-01-31`.
fn section<'a>(changelog: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = changelog.split_once(&format!("\n## [{name}]"))?;
    let (_, text) = after.split_once('\n')?;
    Some(text.split("\n## ").next().unwrap_or_default().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace]\nresolver = \"3\"\n\n[workspace.package]\nedition = \"2024\"\n\
                            version = \"0.2.0\"\n\n[workspace.dependencies]\nversion = \"9\"\n";
    const CHANGELOG: &str = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-01-31\n\n### Added\n\n- More.\n\n\
                             ## [0.1.0]\n\nThe first version.\n";

    #[test]
    fn the_version_is_that_of_the_workspace() {
        assert_eq!(version(MANIFEST), Some("0.2.0"));
        assert_eq!(version("[package]\nversion = \"1.0.0\"\n"), None);
        assert_eq!(version("\n[workspace.package]\n\n[other]\nversion = \"1.0.0\"\n"), None);
    }

    #[test]
    fn a_described_version_without_changes_is_released() {
        assert_eq!(refusals("0.2.0", CHANGELOG, ""), Vec::<String>::new());
    }

    #[test]
    fn anything_else_is_refused_with_what_to_do() {
        let pending = CHANGELOG.replace("[Unreleased]\n", "[Unreleased]\n\n### Fixed\n\n- A defect.\n");
        let empty = CHANGELOG.replace("### Added\n\n- More.\n", "");
        for (version, changelog, status, expected) in [
            ("0.3.0", CHANGELOG, "", "no section `## [0.3.0]`"),
            ("0.2", CHANGELOG, "", "no section `## [0.2]`"),
            ("0.2.0", empty.as_str(), "", "no section `## [0.2.0]`"),
            ("0.2.0", pending.as_str(), "", "entries under `Unreleased`"),
            (
                "0.2.0",
                CHANGELOG,
                " M Cargo.toml\n?? new.rs\n",
                "changed (2):\n     M Cargo.toml\n    ?? new.rs",
            ),
        ] {
            let found = refusals(version, changelog, status);
            assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
        }
        assert_eq!(refusals("0.3.0", &pending, "?? x\n").len(), 3);
        let many = refusals("0.2.0", CHANGELOG, &"?? x\n".repeat(200)).join("\n");
        assert!(
            many.contains("(200)") && many.ends_with("?? x\n    …") && many.lines().count() == 7,
            "{many}"
        );
    }
}
