//! What is shown: at 80 columns, with colours and without them, and in a pipe.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cloud};

use super::program::{program, secops};
use super::terminal::{Terminal, lines};

#[test]
fn at_80_columns_every_line_fits_and_colours_are_used_only_where_they_are_wanted() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("narrow")).await?;
        cloud.rotate_successfully(&app.arn).await?;
        let secret = format!("rabbitmq/{}", app.user);
        for arguments in [
            vec!["status"],
            vec!["status", &secret],
            vec!["inspect", &secret],
            vec!["incidents"],
            vec!["due"],
            vec!["explain"],
            vec!["explain", "broker.unreachable"],
        ] {
            for (variable, option, has_colour) in [
                ("X", "auto", true),
                ("NO_COLOR", "auto", false),
                ("X", "never", false),
                ("NO_COLOR", "always", true),
            ] {
                let mut command = program(cloud)?;
                command.env(variable, "1").args(["--color", option]).args(&arguments);
                let mut terminal = Terminal::start(&command, 80)?;
                let code = terminal.ends().await?;
                let text = terminal.text();
                ensure!(code <= 1, "{arguments:?}: {code}: {text}");
                let is_coloured = text.contains("\u{1b}[1m") || text.contains("\u{1b}[32m");
                ensure!(
                    is_coloured == has_colour || text.contains("No incident"),
                    "{arguments:?} {option}: {text:?}"
                );
                let wide: Vec<String> = lines(&text)
                    .into_iter()
                    // A command to copy is never broken.
                    .filter(|line| {
                        line.chars().count() > 80 && !line.contains("secops ") && !line.starts_with("    ")
                    })
                    .collect();
                ensure!(wide.is_empty(), "{arguments:?}: {wide:#?}");
            }
        }
        Ok(())
    })
}

#[test]
fn in_a_pipe_a_row_is_one_line_without_escape_sequences_and_a_closed_pipe_is_no_failure() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("piped")).await?;
        let ended = secops(cloud, &["status"]).await?;
        ensure!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'), "{ended:?}");
        let row = ended.stdout.lines().filter(|line| line.contains(&app.user)).count();
        ensure!(row == 1, "{}", ended.stdout);
        let json = secops(cloud, &["status", "--output", "json"]).await?.json()?;
        let names = json.as_array().into_iter().flatten().filter_map(|row| row["name"].as_str());
        ensure!(names.into_iter().any(|name| name.ends_with(&app.user)), "{json}");

        let mut shell = std::process::Command::new("bash");
        let program = end_to_end::programs()?.join("secops");
        shell.args(["-o", "pipefail", "-c", "\"$0\" explain | head -1", &program.display().to_string()]);
        let piped = super::program::run(shell).await?.with(0)?;
        ensure!(piped.stdout.starts_with("KIND"), "{piped:?}");
        Ok(())
    })
}

#[test]
fn names_from_outside_have_no_effect_on_the_terminal() -> Result<()> {
    on_the_cloud(async |cloud| {
        let app = cloud.create_app(&name("evil")).await?;
        let evil = "\u{1b}[2J\u{202e}owner";
        let tagged = cloud.set_tags(&app.arn, &[("rotation-watch/owner", evil)]).await;
        // AWS may refuse such a tag. The client's own name is not checked by anybody.
        let value = cloud.value(&app.arn, "AWSCURRENT").await?;
        let password = value["password"].as_str().unwrap_or_default();
        let _connection = cloud.broker.amqps_login(&app.user, password, "/").await?;
        for command in ["status", "inspect"] {
            let mut prepared = program(cloud)?;
            prepared.args(["--color", "never", command, &app.arn]);
            let mut terminal = Terminal::start(&prepared, 80)?;
            terminal.ends().await?;
            let text = terminal.text();
            ensure!(!text.contains("\u{1b}[2J") && !text.contains('\u{202e}'), "{text:?}");
            ensure!(tagged.is_err() || command != "status" || text.contains("owner"), "{text}");
        }
        let missing = secops(cloud, &["inspect", evil]).await?;
        ensure!(missing.code == 1 && !missing.stderr.contains('\u{1b}'), "{missing:?}");
        Ok(())
    })
}
