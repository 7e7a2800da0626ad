//! Each command, as a script calls it: its result, its exit code, and what it refuses.

use anyhow::{Context as _, Result, ensure};
use end_to_end::{name, on_the_cloud, on_the_cluster};
use testbed::cloud::{Cloud, STACK, route_to};

use super::program::{program, program_on, program_without_stack, run, secops, secops_as};
use crate::actors::actor::{Actor, allow};
use crate::failure_path::{Path, notice};
use crate::kubernetes::routed::{RECEIPT, until};
use crate::support::current_logs_in;

#[test]
fn a_rotation_is_followed_to_its_end_or_to_the_playbooks_section() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("followed")).await?;
        // The first rotation sets the function that rotates the secret.
        cloud.rotate_successfully(&app.arn).await?;
        let before = cloud.version(&app.arn, "AWSCURRENT").await?;
        let ended =
            secops(cloud, &["--output", "json", "rotate", &app.arn, "--follow"]).await?.with(0)?.json()?;
        let current = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
        ensure!(ended["current"] == current.as_str() && Some(current) != before, "{ended}");
        let steps = ended["steps"].as_array().context("no steps")?.clone();
        let names: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
        ensure!(names.contains(&"RotateSecret") && names.contains(&"finishSecret"), "{ended}");

        let unknown = secops(cloud, &["rotate", "rabbitmq/nobody"]).await?.with(1)?;
        ensure!(unknown.stderr.contains("cannot be read"), "{unknown:?}");
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_command_that_changes_something_asks_and_without_a_terminal_it_refuses() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("asked")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let before = cloud.version(&app.arn, "AWSCURRENT").await?;
        for arguments in [
            vec!["revoke", &app.arn, "--reason", "x"],
            vec!["rollback", &app.arn],
            vec!["adopt", &app.arn, &app.user, "--reason", "x"],
        ] {
            let ended = secops(cloud, &arguments).await?.with(2)?;
            ensure!(ended.stderr.contains("--yes"), "{ended:?}");
        }
        ensure!(cloud.version(&app.arn, "AWSCURRENT").await? == before, "it was rotated");
        for arguments in
            [vec!["revoke", &app.arn], vec!["rotate"], vec!["nothing"], vec!["status", "--watch"]]
        {
            secops(cloud, &arguments).await?.with(2)?;
        }
        Ok(())
    })
}

#[test]
fn a_value_is_rolled_back_and_the_way_back_is_named() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("back")).await?;
        let first = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
        let second = cloud.rotate_successfully(&app.arn).await?;
        let ended = secops(cloud, &["--yes", "rollback", &app.arn]).await?.with(0)?;
        ensure!(cloud.version(&app.arn, "AWSCURRENT").await?.as_ref() == Some(&first), "{ended:?}");
        ensure!(ended.stdout.contains(&second), "the way back is not named: {ended:?}");
        current_logs_in(cloud, &app.arn).await?;
        secops(cloud, &["rotate", &app.arn, "--follow"]).await?.with(0)?;
        let described = cloud.secrets.describe_secret().secret_id(&app.arn).send().await?;
        ensure!(described.rotation_enabled == Some(true), "the schedule is off");
        Ok(())
    })
}

#[test]
fn the_stack_is_named_by_a_variable_and_a_version_by_its_first_characters() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("short")).await?;
        let first = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
        cloud.rotate_successfully(&app.arn).await?;
        let short: String = first.chars().take(8).collect();
        let mut command = program_without_stack(cloud)?;
        command.env("SECOPS_STACK", STACK);
        command.args(["--yes", "--output", "json", "rollback", &app.arn, "--to", &short]);
        let ended = run(command).await?.with(0)?.json()?;
        ensure!(ended["to"] == first.as_str(), "{ended}");
        current_logs_in(cloud, &app.arn).await?;
        for version in ["1234567", "no-version-begins-so"] {
            let refused = ["--yes", "revoke", &app.arn, "--version", version, "--reason", "x"];
            secops(cloud, &refused).await?.with(2)?;
        }

        // Without its stack, the doctor has nothing to check, and does not say that all is well.
        for command in ["doctor", "status"] {
            let mut nowhere = program_on(cloud, "no-such-stack")?;
            nowhere.arg(command);
            let ended = run(nowhere).await?.with(1)?;
            ensure!(ended.stderr.contains("no-such-stack"), "{ended:?}");
        }
        Ok(())
    })
}

#[test]
fn a_repeated_revocation_answers_a_script_with_one_document() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("repeated")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let leaked = cloud.version(&app.arn, "AWSCURRENT").await?.context("nothing is current")?;
        let state = cloud.folder().join(name("repeated-state"));
        for _ in 0..2 {
            let mut command = program(cloud)?;
            command.env("XDG_STATE_HOME", &state);
            command.args(["--yes", "--output", "json", "revoke", &app.arn, "--reason", "x", "--force"]);
            let ended = run(command).await?.with(0)?.json()?;
            ensure!(ended["version"] == leaked.as_str() && ended["login"] == "refused", "{ended}");
        }
        current_logs_in(cloud, &app.arn).await
    })
}

#[test]
fn a_delivery_is_requested_and_its_result_is_shown() -> Result<()> {
    on_the_cluster(async |cloud| {
        let app = cloud.create_app(&name("asked-delivery")).await?;
        cloud.kubernetes()?.create_delivery_namespace(&cloud.aws, &app.user, &[]).await?;
        cloud.set_tags(&app.arn, &route_to(&app.user, &app.user)).await?;
        let ended = secops(cloud, &["deliver", &app.arn]).await?.with(0)?;
        let current = cloud.version(&app.arn, "AWSCURRENT").await?;
        ensure!(cloud.tag_of(&app.arn, RECEIPT).await? == current, "{ended:?}");
        let elsewhere = cloud.create_app(&name("no-delivery")).await?;
        let ended = secops(cloud, &["deliver", &elsewhere.arn]).await?.with(1)?;
        ensure!(ended.stderr.contains("goes to no cluster"), "{ended:?}");
        Ok(())
    })
}

#[test]
fn a_caller_without_permission_or_credentials_is_told_which_and_the_exit_code_is_3() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("denied")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let actions = ["cloudformation:DescribeStacks", "secretsmanager:DescribeSecret"];
        let actor = Actor::with(cloud, "half", &[allow(&actions, &["*"])]).await?;
        let ended = secops_as(cloud, &actor, &["rotate", &app.arn]).await?.with(3)?;
        ensure!(ended.stderr.contains("RotateSecret"), "{ended:?}");
        let mut nobody = program(cloud)?;
        nobody.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").arg("status");
        let ended = run(nobody).await?.with(3)?;
        ensure!(ended.stderr.contains("no credentials"), "{ended:?}");
        Ok(())
    })
}

#[test]
fn an_incident_is_listed_and_closed_by_a_person_with_a_reason() -> Result<()> {
    on_the_cloud(async |cloud| {
        let path = Path::deploy(cloud, "closed-by-hand", &[]).await?;
        let app = cloud.create_app(&name("closed")).await?;
        path.queue.send(&[notice(&app.arn, "vhost.missing", "request-1", "2026-11-25T08:00:00Z")]).await?;
        let stack = path.variant.name.as_str();
        let listed = async || {
            let mut command = program_on(cloud, stack)?;
            command.args(["--output", "json", "incidents"]);
            run(command).await?.json()
        };
        until("the incident is listed", async || Ok(listed().await?.to_string().contains(&app.arn))).await?;
        let incidents = listed().await?;
        let area = incidents[0]["area"].as_str().context("no area")?.to_owned();
        let mut command = program_on(cloud, stack)?;
        command.args(["--yes", "incidents", "close", &app.arn, &area, "--reason", "the test's ticket"]);
        run(command).await?.with(0)?;
        let alerts = path.alerts.wait_for(&app.arn, 2).await?;
        ensure!(alerts[1].to_string().contains("the test's ticket"), "{alerts:#?}");
        ensure!(!listed().await?.to_string().contains(&app.arn), "it is open still");
        Ok(())
    })
}

#[test]
fn completions_and_the_manual_page_need_no_account() -> Result<()> {
    on_the_cloud(async |cloud: &Cloud| {
        for (arguments, words) in [
            (vec!["completions", "bash"], "complete -F _secops"),
            (vec!["completions", "zsh"], "#compdef secops"),
            (vec!["man"], "COMMAND REVOKE"),
            (vec!["explain", "leaked-credential"], "Credentials leaked"),
            (vec!["--help"], "Exit codes"),
        ] {
            let mut command = program(cloud)?;
            command.env_remove("AWS_REGION").env_remove("AWS_DEFAULT_REGION").env_remove("AWS_ACCESS_KEY_ID");
            command.args(&arguments);
            let ended = run(command).await?.with(0)?;
            ensure!(ended.stdout.contains(words), "{arguments:?}: {ended:?}");
        }
        Ok(())
    })
}
