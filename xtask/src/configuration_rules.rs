//! Checks that the book names every parameter of the stack and every variable that the functions read.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::package::FUNCTIONS;
use crate::{template, workspace};

const PAGE: &str = "docs/src/configuration.md";
const TEMPLATE: &str = "infra/template.yaml";
/// The file in which a function names its variables.
const READER: &str = "src/config.rs";
/// The file for the variables that all functions share.
const COMMON_READER: &str = "lambda-boundary/src/function.rs";
/// The variables that Lambda sets.
const LAMBDA_SETS: &str = "AWS_";

/// The names that are missing on the page, one line each.
///
/// # Errors
/// When a file cannot be read.
pub fn violations() -> Result<Vec<String>> {
    let mut variables = Vec::new();
    for function in FUNCTIONS {
        variables.push((function, self::variables(&workspace::read(&format!("{function}/{READER}"))?)));
    }
    variables.push(("lambda-boundary", self::variables(&workspace::read(COMMON_READER)?)));
    let parameters = template::parameters(&workspace::read(TEMPLATE)?);
    // If the page does not exist, every name is missing.
    let page = workspace::read(PAGE).unwrap_or_default();
    Ok(missing(&page, &parameters, &variables))
}

fn missing(page: &str, parameters: &[String], variables: &[(&str, BTreeSet<String>)]) -> Vec<String> {
    let words: BTreeSet<&str> = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let mut found = Vec::new();
    if parameters.is_empty() {
        found.push(format!("{TEMPLATE} has no parameter: has its form changed?"));
    }
    for parameter in parameters.iter().filter(|parameter| !words.contains(parameter.as_str())) {
        found.push(format!("{PAGE} does not name the parameter {parameter} of {TEMPLATE}"));
    }
    for (function, names) in variables {
        if names.is_empty() {
            found.push(format!("{function} reads no variable: has its configuration moved?"));
        }
        for name in names.iter().filter(|name| !words.contains(name.as_str())) {
            found.push(format!("{PAGE} does not name the variable {name}, which {function} reads"));
        }
    }
    found
}

/// The texts in capital letters of a source, without its tests.
fn variables(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let texts = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let texts = texts.flat_map(|line| line.split('"').skip(1).step_by(2));
    let is_name = |text: &&str| {
        text.len() > 1
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && !text.starts_with(LAMBDA_SETS)
    };
    texts.filter(is_name).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "/// Not \"A_COMMENT\".\nlet a = variable(\"ACTIONS\"); let b = wrong(\"TIMEOUT_SECONDS\", \"`A` or B\");\n\
                          let c = variable(\"AWS_LAMBDA_FUNCTION_NAME\");\n#[cfg(test)]\nread(\"CANARY\");\n";

    #[test]
    fn variables_are_the_texts_in_capital_letters() {
        assert_eq!(variables(SOURCE).into_iter().collect::<Vec<_>>(), ["ACTIONS", "TIMEOUT_SECONDS"]);
    }

    #[test]
    fn what_the_page_does_not_name_is_found() {
        let parameters = ["TagKey".to_owned(), "TagKeys".to_owned()];
        let functions = [("rotation-mq", variables(SOURCE))];
        let page = "| `TagKey` | `TagKeys` | `ACTIONS`, `TIMEOUT_SECONDS` |";
        assert_eq!(missing(page, &parameters, &functions), Vec::<String>::new());
        for (before, after, expected) in [
            ("`TagKey`", "`tagKey`", "the parameter TagKey of"),
            ("ACTIONS", "ACTION", "the variable ACTIONS, which rotation-mq reads"),
        ] {
            let found = missing(&page.replace(before, after), &parameters, &functions);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
        assert_eq!(missing(page, &[], &[("rotation-mq", BTreeSet::new())]).len(), 2);
    }
}
