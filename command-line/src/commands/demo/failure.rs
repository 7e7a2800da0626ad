//! A rotation that fails: its notice, the alert for SecOps, what still works, and the repair with the playbook.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::aws::Token;
use testbed::cloud::{App, Cloud, random_text};
use testbed::playbook::Page;

use super::rotation::{check, show_steps};
use super::{letter, show_current, user_in};
use crate::commands::report::{Report, duration};
use crate::commands::step_times;

const EXPECTED_KIND: &str = "admin.login_refused";
const REPAIR_LIMIT: Duration = Duration::from_secs(60);

/// Stores a wrong password in the admin secret, rotates, and shows the notice and the alert. Then repairs the admin
/// secret with the commands of the playbook, and lets Secrets Manager try again.
pub async fn show(cloud: &Cloud, app: &App, report: &mut Report) -> Result<()> {
    let admin = cloud.value(&cloud.admin_secret, "AWSCURRENT").await?;
    let before = cloud.value(&app.arn, "AWSCURRENT").await?;
    let pending = fail(cloud, app, &admin, &before, report).await?;

    alert(cloud, app, report).await?;
    repair(cloud, report).await?;
    report.section("Secrets Manager tries again");
    let (mark, began) = (step_times::mark(cloud)?, Instant::now());
    cloud.aws.resume_rotation(&app.arn, Token::Same).await?;
    let rotation = cloud.aws.wait_for_rotation(&app.arn, Some(&pending), REPAIR_LIMIT).await?;
    let took = began.elapsed();
    show_steps(cloud, &rotation, mark, report).await?;
    report.field("all of it", &format!("{:>8}", duration(took)));
    show_current(cloud, app, report).await?;
    check(cloud, app, &rotation, &before, report).await?;
    let notices = cloud.notices.all().await.map(|notices| notices.len() == 1);
    report.check("there is no second notice", notices);
    let alerts = cloud.alerts.wait_for(&app.arn, 2).await?;
    let last = alerts.last().context("no alert")?;
    letter::show(last)?;
    let closed = last["metadata"]["eventType"] == "incident.closed" && alerts.len() == 2;
    report.check("a second message reports that the incident is closed", Ok(closed));
    Ok(())
}

/// Shows the alert.
async fn alert(cloud: &Cloud, app: &App, report: &mut Report) -> Result<()> {
    report.section("The alert that SecOps receives by email");
    let began = Instant::now();
    let alerts = cloud.alerts.wait_for(&app.arn, 1).await?;
    let alert = alerts.first().context("no alert")?;
    report.field("waited", &duration(began.elapsed()));
    letter::show(alert)?;
    report.check("one failure, one alert", Ok(alerts.len() == 1));
    let playbook = format!("rotation-failing.md#{EXPECTED_KIND}");
    report.check(
        &format!("the alert names the playbook: {playbook}"),
        Ok(alert.to_string().contains(&playbook)),
    );
    Ok(())
}

/// Runs the commands of the playbook for an admin that is locked out.
async fn repair(cloud: &Cloud, report: &mut Report) -> Result<()> {
    report.section("The repair with the commands of infra/playbooks/admin-locked-out.md");
    let mut page = Page::open(cloud, "admin-locked-out.md", &cloud.folder().join("playbook"))?;
    page.set("ADMIN", "rabbitmq-admin/testbed");
    page.run().await?;
    for step in ["1. find the version that the broker accepts", "2. make that version current again"] {
        report.field("step", step);
        letter::show_commands(page.next_block());
        page.run().await?;
    }
    let value = cloud.value(&cloud.admin_secret, "AWSCURRENT").await?;
    report.check("the admin logs in over AMQPS again", cloud.logs_in(&value).await);
    Ok(())
}

/// Rotates with a wrong admin password. Returns the ID of the version that remains pending.
async fn fail(
    cloud: &Cloud,
    app: &App,
    admin: &Value,
    before: &Value,
    report: &mut Report,
) -> Result<String> {
    report.section("A rotation that fails: the admin secret holds a wrong password");
    let mut broken = admin.clone();
    broken["password"] = json!(random_text(32)?);
    put(cloud, &broken).await?;
    let current = cloud.version(&app.arn, "AWSCURRENT").await?;
    let mark = step_times::mark(cloud)?;
    let rotation = cloud.rotate(&app.arn).await?;
    show_steps(cloud, &rotation, mark, report).await?;
    report.check("the rotation failed, as expected", Ok(rotation.outcome == "failed"));
    let notices = cloud.notices.wait_for(&app.arn, 1).await?;
    report.check("one notice is in the dead-letter queue", Ok(notices.len() == 1));
    let notice = notices.first().context("no notice")?;
    show_notice(notice, report);
    report.check(&format!("the kind of the failure is {EXPECTED_KIND}"), Ok(notice["kind"] == EXPECTED_KIND));
    let text = notice.to_string();
    let passwords = [admin, &broken, before].map(|value| value["password"].as_str().unwrap_or("?"));
    report.check(
        "the notice contains no password",
        Ok(!passwords.iter().any(|password| text.contains(password))),
    );
    let same = cloud.version(&app.arn, "AWSCURRENT").await.map(|version| version == current);
    report.check("AWSCURRENT has not changed", same);
    let user = user_in(before);
    report.check(&format!("AWSCURRENT still logs in over AMQPS (`{user}`)"), cloud.logs_in(before).await);
    ensure!(rotation.outcome == "failed", "there is nothing to repair");
    let attempt = rotation.attempts.last().context("a rotation without an attempt")?;
    Ok(attempt.version_id.clone())
}

fn show_notice(notice: &Value, report: &Report) {
    for field in ["kind", "severity", "transient", "step", "user", "broker", "message"] {
        report.field(&format!("  {field}"), &text(&notice[field]));
    }
    for cause in notice["causes"].as_array().into_iter().flatten() {
        report.field("  because", &text(cause));
    }
    report.field("  playbook", &format!("infra/playbooks/rotation-failing.md, {}", text(&notice["kind"])));
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "not known".to_owned(),
        other => other.to_string(),
    }
}

async fn put(cloud: &Cloud, admin: &Value) -> Result<()> {
    let put = cloud.secrets.put_secret_value().secret_id(&cloud.admin_secret);
    put.secret_string(admin.to_string()).send().await.context("the admin secret cannot be changed")?;
    Ok(())
}
