//! Changes a template for the release. It names its version, and deploys the zips in its folder.

use anyhow::{Result, bail};

use crate::package::{self, Architecture};

/// The template with its version in the description. AWS shows the description with each stack.
///
/// # Errors
/// When the template has no description in one line.
pub fn with_version(template: &str, version: &str) -> Result<String> {
    let Some(line) = template.lines().find(|line| line.starts_with("Description: ")) else {
        bail!("a template has no description to put the version into");
    };
    Ok(template.replacen(line, &format!("{line} Version {version}."), 1))
}

/// The template of the stack for the zips of an architecture.
///
/// # Errors
/// When the template has an unknown function, or another parameter for the architecture.
pub fn with_zips(template: &str, architecture: Architecture) -> Result<String> {
    let mut text = template.to_owned();
    for function in package::FUNCTIONS {
        let folder = format!("CodeUri: ../target/lambda/{function}/\n");
        let zip = format!("CodeUri: {}\n", package::zip_name(function, architecture));
        text = replaced(&text, &folder, &zip)?;
    }
    if text.contains("CodeUri: ../") {
        bail!("the template deploys a function that is not released");
    }
    let parameter = |default| format!("\n  Architecture:\n    Type: String\n    Default: {default}\n");
    let default = Architecture::Arm64.name();
    replaced(&text, &parameter(default), &parameter(architecture.name()))
}

fn replaced(text: &str, before: &str, after: &str) -> Result<String> {
    if !text.contains(before) {
        bail!("the template does not contain `{}`", before.trim());
    }
    Ok(text.replace(before, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn the_template_of_this_project_deploys_the_zips_of_the_architecture() -> Result<()> {
        let template = workspace::read("infra/template.yaml")?;
        for architecture in [Architecture::Arm64, Architecture::X86_64] {
            let released = with_version(&with_zips(&template, architecture)?, "0.2.0")?;
            let name = architecture.name();
            for expected in
                [format!("CodeUri: rotation-mq-{name}.zip\n"), format!("Type: String\n    Default: {name}\n")]
            {
                assert!(released.contains(&expected), "{expected}");
            }
            assert!(!released.contains("target/lambda"), "{name}");
            assert_eq!(released.matches("Version 0.2.0.\n").count(), 1);
        }
        Ok(())
    }

    #[test]
    fn a_template_of_another_form_is_refused() -> Result<()> {
        let template = workspace::read("infra/template.yaml")?;
        for (before, after) in [
            ("../target/lambda/secret2eks/", "../target/lambda/other/"),
            ("../target/lambda/rotation-watch/\n", "../target/lambda/rotation-watch/\n      CodeUri: ../x\n"),
            ("  Architecture:\n", "  Arch:\n"),
        ] {
            assert!(with_zips(&template.replace(before, after), Architecture::X86_64).is_err(), "{after}");
        }
        assert!(with_version("Resources: {}\n", "0.2.0").is_err());
        Ok(())
    }
}
