//! CloudFormation templates as text.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::workspace;

/// The line that identifies a CloudFormation template.
const TEMPLATE: &str = "AWSTemplateFormatVersion";

/// The templates in `infra/` that git tracks or would add.
///
/// # Errors
/// When git does not answer, or a file cannot be read.
pub fn all() -> Result<Vec<String>> {
    let mut templates = Vec::new();
    for file in workspace::files(&["infra/*.yaml"])? {
        if workspace::read(&file)?.contains(TEMPLATE) {
            templates.push(file);
        }
    }
    Ok(templates)
}

/// The parameters of each template in `infra/`.
///
/// # Errors
/// As [`all`].
pub fn all_parameters() -> Result<BTreeMap<String, Vec<String>>> {
    let mut parameters = BTreeMap::new();
    for file in all()? {
        let names = self::parameters(&workspace::read(&file)?);
        parameters.insert(file, names);
    }
    Ok(parameters)
}

/// The names of a template's parameters, which are indented by two blanks.
pub fn parameters(template: &str) -> Vec<String> {
    let section = template.lines().skip_while(|line| *line != "Parameters:").skip(1);
    let inside = section.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    inside.filter_map(name).map(str::to_owned).collect()
}

fn name(line: &str) -> Option<&str> {
    let name = line.strip_prefix("  ")?.strip_suffix(':')?;
    name.chars().all(|c| c.is_ascii_alphanumeric()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_those_of_the_section_alone() {
        let template = "Metadata:\n  X:\n    a: b\n\nParameters:\n  First:\n    Type: String\n  # A comment:\n\n  \
                        Second2:\n    Type: Number\n\nResources:\n  Role:\n    Type: AWS::IAM::Role\n";
        assert_eq!(parameters(template), ["First", "Second2"]);
        assert_eq!(parameters("Resources:\n  Role:\n"), [""; 0]);
    }
}
