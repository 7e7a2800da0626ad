//! The secrets: their tags, their rotation, their delivery, and what `inspect` sees of them.

use contract::{Inspection, Severity};

use super::tags;
use crate::doctor::check::Check;
use crate::doctor::facts::{Asked, Facts, Seen};
use crate::doctor::report::{Row, State};
use crate::doctor::rules::Rules;
use crate::playbooks::hint;
use crate::screen::text::foreign;
use crate::secret::Secret;

/// Findings that one row shows. The command `inspect` shows all of them.
const SHOWN: usize = 3;
/// The kinds of failures of the admin secret begin with this.
const ADMIN: &str = "admin.";

pub(super) fn rows(facts: &Facts) -> Vec<Row> {
    let mut rows = routes(facts);
    let (secrets, stack) = match (&facts.secrets, &facts.stack) {
        (Ok(secrets), Ok(stack)) => (secrets, stack),
        (Err(unseen), _) | (_, Err(unseen)) => {
            rows.push(Row::unseen(Check::SecretsFound, unseen));
            return rows;
        }
    };
    let rules = Rules::of(stack);
    rows.push(found(secrets, rules, facts.not_inspected));
    let function = stack.output("RotationFunctionArn").unwrap_or_default();
    for secret in secrets {
        rows.extend(tags::rows(secret, rules));
        if rules.rotates(secret) {
            rows.extend(rotation(secret, function, rules.admin_prefix));
            rows.extend(delivered(secret));
        }
    }
    rows.extend(facts.inspections.iter().map(|(name, seen)| inspected(name, seen)));
    rows.push(admin(secrets, rules, &facts.inspections.values().collect::<Vec<_>>()));
    for check in [Check::SecretTags, Check::SecretRotation, Check::SecretDelivered] {
        if !secrets.is_empty() && rows.iter().all(|row| row.check != check) {
            rows.push(Row::ok(check, format!("{} secrets", secrets.len())));
        }
    }
    rows
}

fn routes(facts: &Facts) -> Vec<Row> {
    let check = Check::RoutesReached;
    match &facts.routes {
        Ok(Ok(routes)) => routes
            .routes
            .iter()
            .map(|route| {
                let row = if route.reached {
                    Row::ok(check, "it answers")
                } else {
                    let problem = route.problem.as_deref().unwrap_or("no answer");
                    let fix = "Give the subnets a route to it: docs/src/deploy.md#network.";
                    Row::broken(check, foreign(problem), fix)
                };
                row.of(foreign(&route.service))
            })
            .collect(),
        Ok(Err(failed)) => {
            let seen = format!("inspect failed: {}: {}", foreign(&failed.kind), foreign(&failed.message));
            vec![Row::broken(check, seen, hint(&failed.kind))]
        }
        Err(unseen) => vec![Row::unseen(check, unseen)],
    }
}

fn found(secrets: &[Secret], rules: Rules<'_>, not_inspected: usize) -> Row {
    let check = Check::SecretsFound;
    let rotated = secrets.iter().filter(|secret| rules.rotates(secret)).count();
    if secrets.is_empty() {
        let seen = format!("no secret begins with `{}`", rules.prefix);
        return Row::warning(check, seen, "Add one: docs/src/add-a-secret.md.");
    }
    if not_inspected > 0 {
        let seen = format!(
            "{not_inspected} of {rotated} secrets that rotate were not inspected, because they are many"
        );
        return Row::unknown(check, seen, "Repeat the command with --secrets 0 and a longer --within.");
    }
    Row::ok(check, format!("{} secrets, {rotated} of them rotate", secrets.len()))
}

fn rotation(secret: &Secret, function: &str, admin_prefix: &str) -> Option<Row> {
    let check = Check::SecretRotation;
    let row = match secret.rotation_function.as_deref() {
        _ if !secret.rotation_enabled => Row::warning(
            check,
            "rotation is off, and the tag says that the secret rotates",
            "Turn it on with the schedule of the secret: docs/src/add-a-secret.md#change-the-schedule.",
        ),
        // An admin secret may belong to several stacks.
        Some(found) if found != function && !secret.name.starts_with(admin_prefix) => Row::broken(
            check,
            format!("{} rotates it, not the function of this stack", foreign(found)),
            "aws secretsmanager rotate-secret --secret-id SECRET --rotation-lambda-arn RotationFunctionArn \
             --no-rotate-immediately, or deploy its stack with RotationFunctionArn",
        ),
        _ => return None,
    };
    Some(row.of(foreign(&secret.name)))
}

fn delivered(secret: &Secret) -> Option<Row> {
    if secret.is_delivered() != Some(false) || !secret.rotation_enabled {
        return None;
    }
    let seen = "the receipt does not name the current version, so the next rotation is refused";
    let row = Row::warning(Check::SecretDelivered, seen, format!("secops deliver {}", foreign(&secret.name)));
    Some(row.of(foreign(&secret.name)))
}

fn inspected(name: &str, seen: &Seen<Asked<Inspection>>) -> Row {
    let check = Check::SecretInspected;
    let row = match seen {
        Ok(Ok(inspection)) => match inspection.worst() {
            None => Row::ok(check, "it logs in, and nothing differs"),
            Some(worst) => {
                let state = if worst == Severity::Warning { State::Warning } else { State::Broken };
                let findings = inspection.findings.iter().take(SHOWN);
                let findings =
                    findings.map(|finding| format!("{}: {}", finding.kind, foreign(&finding.message)));
                let more = inspection.findings.len().saturating_sub(SHOWN);
                let mut seen = findings.collect::<Vec<_>>().join("; ");
                if more > 0 {
                    seen = format!("{seen}; and {more} more");
                }
                let kind =
                    inspection.findings.first().map(|finding| finding.kind.as_str()).unwrap_or_default();
                Row { state, ..Row::warning(check, seen, hint(kind)) }
            }
        },
        Ok(Err(failed)) => {
            let seen = format!("inspect failed: {}: {}", foreign(&failed.kind), foreign(&failed.message));
            Row::broken(check, seen, hint(&failed.kind))
        }
        Err(unseen) => Row::unseen(check, unseen),
    };
    row.of(foreign(name))
}

fn admin(secrets: &[Secret], rules: Rules<'_>, inspections: &[&Seen<Asked<Inspection>>]) -> Row {
    let check = Check::AdminSecret;
    let findings = inspections.iter().filter_map(|seen| seen.as_ref().ok()?.as_ref().ok());
    let wrong = findings.clone().find_map(|inspection| {
        let finding = inspection.findings.iter().find(|finding| finding.kind.as_str().starts_with(ADMIN))?;
        Some((inspection, finding))
    });
    if let Some((inspection, finding)) = wrong {
        let row = Row::broken(
            check,
            format!("{}: {}", finding.kind, foreign(&finding.message)),
            hint(finding.kind.as_str()),
        );
        return row.of(foreign(&inspection.name));
    }
    let failed = inspections.iter().filter_map(|seen| seen.as_ref().ok()?.as_ref().err());
    if let Some(failed) = failed.into_iter().find(|failed| failed.kind.starts_with(ADMIN)) {
        let seen = format!("{}: {}", foreign(&failed.kind), foreign(&failed.message));
        return Row::broken(check, seen, hint(&failed.kind));
    }
    let is_admin = |secret: &&Secret| rules.is_admin(secret) || secret.name.starts_with(rules.admin_prefix);
    let count = secrets.iter().filter(is_admin).count();
    if count == 0 && secrets.iter().any(|secret| rules.rotates(secret)) {
        let seen =
            format!("no admin secret begins with `{}` and has the tag `{}`", rules.admin_prefix, rules.key);
        return Row::warning(check, seen, "Create it: docs/src/add-a-secret.md.");
    }
    match findings.count() {
        0 => Row::unknown(
            check,
            format!("{count} admin secrets, and no inspection tried their login"),
            "secops inspect SECRET",
        ),
        inspected => Row::ok(
            check,
            format!("{count} admin secrets; {inspected} inspections found nothing wrong with theirs"),
        ),
    }
}

#[cfg(test)]
mod tests;
