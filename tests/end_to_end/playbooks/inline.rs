//! Commands inside a sentence of a page: the CLI knows them and their options. They are
//! not run, because what they are about differs from case to case.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud};
use testbed::cloud::workspace;
use testbed::playbook::script;

/// All between two backticks that begins with `aws `, on whatever line it ends.
fn commands(text: &str) -> Vec<String> {
    let mut outside = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            outside.push_str(line);
            outside.push('\n');
        }
    }
    let parts = outside.split('`').skip(1).step_by(2);
    parts.filter(|part| part.starts_with("aws ")).map(str::to_owned).collect()
}

#[test]
fn every_command_in_a_sentence_of_a_page_is_one_that_the_cli_takes() -> Result<()> {
    on_the_cloud(async |cloud| {
        let folder = cloud.folder().join(name("inline"));
        std::fs::create_dir_all(folder.join("bin"))?;
        let program = cloud.aws.cli().get_program().to_string_lossy().into_owned();
        // Parses everything and calls nobody.
        let check = format!("#!/bin/sh\nexec '{program}' \"$@\" --generate-cli-skeleton input\n");
        script(&folder.join("bin/aws"), &check)?;
        for file in ["value.json", "request.json", "admin.json"] {
            std::fs::write(folder.join(file), "{}")?;
        }
        let mut found = 0;
        for page in std::fs::read_dir(workspace().join("infra/playbooks"))? {
            let page = page?.path();
            for command in commands(&std::fs::read_to_string(&page)?) {
                // A query is for what really comes back, and dots stand for what the page does not know.
                let text = command.replace("...", "x").replace('\n', " ");
                let text = text.split(" --query ").next().unwrap_or_default().to_owned();
                let mut bash = Command::new("bash");
                bash.args(["-c", &format!("umask 077; {text}")]).current_dir(&folder);
                bash.env("PATH", format!("{}/bin:/usr/bin:/bin", folder.display()));
                bash.env("AWS_DEFAULT_REGION", "eu-central-1");
                let variables = ["SECRET", "FUNCTION", "DELIVERY", "QUEUE", "INCIDENTS", "NETRC", "STACK"];
                bash.envs(variables.map(|variable| (variable, "x")));
                let output = tokio::task::spawn_blocking(move || bash.output()).await??;
                let error = String::from_utf8_lossy(&output.stderr).into_owned();
                ensure!(output.status.success(), "{}: `{command}`: {error}", page.display());
                found += 1;
            }
        }
        ensure!(found > 20, "only {found} commands were found: have the pages changed?");
        Ok(())
    })
    .context("a command in a sentence")
}
